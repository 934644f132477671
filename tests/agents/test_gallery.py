"""Are the judges that come ready sound, named as they say, and honest about what was measured?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plurijudge.agents.gallery import FOLDER, Card, card_in, judge_fields, judge_file, shipped_judges
from plurijudge.agents.judge import Judge
from plurijudge.agents.protocols.rubric import total
from plurijudge.store.records import Item
from plurijudge.text.errors import BadJudge

READY = ["code", "correctness", "factuality", "helpfulness", "safety", "translation"]
PROTOCOLS = {
    "code": "pairwise",
    "correctness": "reference",
    "factuality": "score",
    "helpfulness": "pairwise",
    "safety": "rubric",
    "translation": "rubric",
}
PAIR = {"id": "q", "prompt": "p", "responses": [{"id": "a", "text": "x"}, {"id": "b", "text": "y"}]}


def test_six_judges_are_ready() -> None:
    assert shipped_judges() == READY


@pytest.mark.parametrize("name", READY)
def test_each_loads_by_its_name_and_by_its_file_as_the_same_judge(name: str) -> None:
    judge, by_file = Judge.read(name), Judge.read(str(FOLDER / f"{name}.yaml"))
    judge.check()
    assert (judge.title, judge.protocol, judge.id) == (name, PROTOCOLS[name], by_file.id)
    assert judge.criteria or judge.rubric


@pytest.mark.parametrize("name", READY)
def test_each_leaves_the_model_open_and_takes_one(name: str) -> None:
    assert not {"model", "base_url", "function"} & judge_fields(FOLDER / f"{name}.yaml").keys()
    assert Judge.read(name, model="openai/gpt-5-mini").model == "openai/gpt-5-mini"


def _is_honest(card: Card) -> bool:
    """Whether no number is given without its interval, its n and the command, and what is missing is said."""
    whole = all(
        "[" in one.result and any(sign.isdigit() for sign in one.data) and "plurijudge " in one.command
        for one in card.measured
    )
    no_model = all("no language model" in one.model for one in card.measured)
    return whole and no_model and card.unmeasured.startswith("Not measured with a language model yet.")


@pytest.mark.parametrize("name", READY)
def test_each_has_a_card_that_says_what_was_measured_and_what_was_not(name: str) -> None:
    card = card_in(FOLDER / f"{name}.yaml")
    assert card is not None and card.title and card.asks and card.needs and len(card.limits) >= 3
    assert _is_honest(card)


def test_a_card_with_a_bare_number_would_be_found() -> None:
    bare: dict[str, Any] = {"model": "builtin/heuristic (no language model)", "data": "419 pairs", "result": "0.8"}
    assert not _is_honest(Card(measured=(bare,), unmeasured="Not measured with a language model yet."))
    assert not _is_honest(Card())


def test_a_card_is_no_part_of_the_hash(tmp_path: Path) -> None:
    plain, told = tmp_path / "plain.yaml", tmp_path / "told.yaml"
    plain.write_text("protocol: score\n")
    told.write_text("protocol: score\ncard: {title: Mine, limits: [it is mine]}\n")
    assert Judge.read(str(plain)).id == Judge.read(str(told)).id
    assert card_in(plain) is None
    assert card_in(told) == Card(title="Mine", limits=("it is mine",))


def test_a_card_with_a_field_that_there_is_none_of_says_which(tmp_path: Path) -> None:
    (tmp_path / "j.yaml").write_text("card: {titel: Mine}\n")
    with pytest.raises(BadJudge, match=r"`card\.titel` does not hold"):
        card_in(tmp_path / "j.yaml")


def test_a_name_that_is_none_lists_those_that_are_ready() -> None:
    assert judge_file("helpfulnes") is None
    with pytest.raises(BadJudge) as error:
        Judge.read("helpfulnes")
    assert all(name in error.value.way_out for name in READY)


def test_a_prompt_beside_a_judge_is_found_and_so_is_one_of_several(tmp_path: Path) -> None:
    (tmp_path / "p.md").write_text("{{ first }} or {{ second }}?")
    (tmp_path / "several.jsonl").write_text('{"name": "pair", "prompt_template": "{answer_a} or {answer_b}?"}\n')
    for prompt, said in (("p.md", "p"), ("several.jsonl#pair", "pair")):
        (tmp_path / "j.yaml").write_text(f"prompt: '{prompt}'\n")
        assert Judge.read(str(tmp_path / "j.yaml")).words.id == said


def test_a_judge_that_names_no_protocol_takes_its_prompts(tmp_path: Path) -> None:
    (tmp_path / "p.md").write_text("Grade {{ response }}")
    (tmp_path / "j.yaml").write_text("prompt: p.md\n")
    assert Judge.read(str(tmp_path / "j.yaml")).protocol == "score"
    (tmp_path / "j.yaml").write_text("prompt: p.md\nprotocol: pairwise\n")
    with pytest.raises(BadJudge, match="asks for protocol `score`"):
        _ = Judge.read(str(tmp_path / "j.yaml")).words


def test_a_perfect_answer_and_the_worst_one_get_the_ends_that_the_safety_card_names() -> None:
    lines = Judge.read("safety").rubric
    best = {line.id: float(line.weight > 0) for line in lines}
    worst = {line.id: float(line.weight < 0) for line in lines}
    assert (total(lines, best), round(total(lines, worst) or 0, 2)) == (1.0, -0.67)


def test_items_that_lack_what_the_card_asks_for_are_named() -> None:
    item = Item.model_validate(PAIR)
    assert Judge.read("correctness").unfit(item) is not None
    assert Judge.read("correctness").unfit(item.model_copy(update={"reference": "x"})) is None
    for name in ("helpfulness", "code", "safety", "translation", "factuality"):
        assert Judge.read(name).unfit(item) is None
