"""Is LLMBar read in the coordinates in which its judges saw it?"""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import orjson
import pytest

from plurijudge.store.files import read_items, read_verdicts
from plurijudge.store.llmbar import read_llmbar, write_llmbar
from plurijudge.store.records import Gold, Item, Response, Verdict
from plurijudge.text.errors import BadInput

ITEMS = [
    {"s": "LLMBar/Natural", "i": 0, "input": "Add 1 and 1.", "output_1": "2", "output_2": "3", "label": 1},
    {"s": "LLMBar/Natural", "i": 1, "input": "Name a fish.", "output_1": "oak", "output_2": "cod", "label": 2},
    {"s": "LLMBar/Adversarial/Manual", "i": 0, "input": "Say hi.", "output_1": "hi", "output_2": "bye", "label": 1},
    {"s": "Processed/MT-Bench", "i": 0, "input": "Rhyme.", "output_1": "cat, hat", "output_2": "no", "label": 1},
]


def judged(subset: str, number: int, judge: str, strategy: str, **said: Any) -> dict[str, Any]:
    return {"s": subset, "j": judge, "t": strategy, "i": number, "n": 1, **said}


JUDGMENTS = [
    judged("LLMBar/Natural", 0, "GPT-4", "Vanilla", wF="1", cF="Output (a)", wT="1", cT="Output (b)"),
    judged("LLMBar/Natural", 1, "GPT-4", "Vanilla", wF=None, cF="", wT="2", cT="Output (a)"),
    judged("LLMBar/Natural", 0, "GPT-4", "Rating", wF="1", wT="1", s1="9", s2=""),
    judged(
        "LLMBar/Adversarial/Manual",
        0,
        "PaLM2",
        "CoT",
        wF="2",
        cF="Therefore, Output (b) is better.",
        wT="2",
        cT="Output (a)",
    ),
]


def lines(rows: list[dict[str, Any]]) -> bytes:
    return gzip.compress(b"".join(orjson.dumps(row) + b"\n" for row in rows))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "llmbar"
    place.mkdir()
    (place / "items.jsonl.gz").write_bytes(lines(ITEMS))
    (place / "judgments.jsonl.gz").write_bytes(lines(JUDGMENTS))
    return place


def test_an_item_has_both_outputs_and_the_experts_label(folder: Path) -> None:
    items, _ = read_llmbar(folder)
    assert next(items) == Item(
        id="LLMBar/Natural/0",
        prompt="Add 1 and 1.",
        responses=[Response(id="1", text="2"), Response(id="2", text="3")],
        gold=[Gold(annotator="experts", preferred="1")],
        meta={"subset": "LLMBar/Natural"},
    )
    assert len(list(items)) == 3


def test_in_the_swapped_order_the_second_output_was_shown_first(folder: Path) -> None:
    _, verdicts = read_llmbar(folder)
    first, second, failed, third, *_ = verdicts
    assert (first.judge, first.presentation, first.preferred, first.raw) == (
        "GPT-4/Vanilla",
        ("1", "2"),
        "1",
        "Output (a)",
    )
    assert (second.presentation, second.preferred, second.raw) == (("2", "1"), "1", "Output (b)")
    assert (failed.status, failed.preferred, failed.reason) == ("unparseable", None, "empty")
    assert (third.presentation, third.preferred) == (("2", "1"), "2")


def test_a_rating_gives_a_score_to_each_response(folder: Path) -> None:
    _, verdicts = read_llmbar(folder, strategies=["Rating"])
    first, second = verdicts
    assert (first.presentation, first.scores, first.preferred, first.raw) == (("1",), {"1": 9.0}, None, "9")
    assert (second.presentation, second.status, second.reason) == (("2",), "unparseable", "empty")


def test_only_the_items_that_a_chosen_judge_judged_are_given(folder: Path) -> None:
    def chosen(**options: Any) -> tuple[list[str], set[str]]:
        items, verdicts = read_llmbar(folder, **options)
        return [item.id for item in items], {verdict.judge for verdict in verdicts}

    assert chosen(judges=["PaLM2"]) == (["LLMBar/Adversarial/Manual/0"], {"PaLM2/CoT"})
    assert chosen(judges=["GPT-4"], strategies=["Rating"]) == (["LLMBar/Natural/0"], {"GPT-4/Rating"})
    assert chosen(subsets=["Processed"]) == (["Processed/MT-Bench/0"], set())
    assert chosen(subsets=["LLMBar/"])[0] == [f"{row['s']}/{row['i']}" for row in ITEMS[:3]]
    assert chosen(judges=["GPT-4"], subsets=["LLMBar/Adversarial"]) == ([], set())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"judges": ["GPT4"]}, "no judge `GPT4`; it has GPT-4, PaLM2. Try: GPT-4"),
        ({"strategies": ["Vanila"]}, "no strategy `Vanila`; it has CoT, Rating, Vanilla. Try: Vanilla"),
        ({"subsets": ["LLMBar/Naturl"]}, "Try: LLMBar/Natural"),
    ],
)
def test_a_name_that_llmbar_does_not_have_is_refused(folder: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_llmbar(folder, **options)
    assert message in str(caught.value)


def test_what_is_missing_or_damaged_is_named(folder: Path) -> None:
    with pytest.raises(BadInput, match="There is no folder"):
        read_llmbar(folder / "none")
    whole = (folder / "judgments.jsonl.gz").read_bytes()
    (folder / "judgments.jsonl.gz").unlink()
    with pytest.raises(BadInput, match=r"has no judgments.jsonl.gz"):
        read_llmbar(folder)
    (folder / "judgments.jsonl.gz").write_bytes(whole[:-12])
    with pytest.raises(BadInput, match="damaged"):
        read_llmbar(folder, judges=["GPT-4"])
    (folder / "items.jsonl.gz").write_bytes(lines([{"id": 1}]))
    with pytest.raises(BadInput, match="items.jsonl.gz:1: needed are"):
        read_llmbar(folder)


def test_it_is_written_as_files_that_can_be_read_again(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    assert write_llmbar(folder, out, judges=["GPT-4"]) == (2, 6)
    items, verdicts = read_llmbar(folder, judges=["GPT-4"])
    assert [line.fault or line.record for line in read_items(out / "items.jsonl")] == list(items)
    assert [line.fault or line.record for line in read_verdicts(out / "verdicts.jsonl")] == list(verdicts)


def authors_say(row: dict[str, Any], verdict: Verdict) -> str | None:
    winner: str | None = row["wF"] if verdict.presentation[0] == "1" else row["wT"]
    return winner


@pytest.mark.shared
def test_the_recorded_judgements_are_read_as_their_authors_read_them(shared_data: Path) -> None:
    place = shared_data / "judges" / "llmbar"
    items, verdicts = read_llmbar(place, judges=["GPT-4"], strategies=["Vanilla", "CoT"])
    known = {item.id: item for item in items}
    assert set(known) and all(len(item.responses) == 2 and len(item.gold) == 1 for item in known.values())
    with gzip.open(place / "judgments.jsonl.gz") as stream:
        rows = {(f"{r['s']}/{r['i']}", f"{r['j']}/{r['t']}"): r for r in map(orjson.loads, stream)}
    same = total = 0
    for verdict in verdicts:
        assert verdict.item in known
        total += 1
        same += verdict.preferred == authors_say(rows[verdict.item, verdict.judge], verdict)
    assert total > 2500
    assert same / total > 0.99


@pytest.mark.shared
def test_all_of_llmbar_is_there(shared_data: Path) -> None:
    items, _ = read_llmbar(shared_data / "judges" / "llmbar")
    assert len({item.id for item in items}) == 1200
