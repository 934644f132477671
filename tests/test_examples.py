"""Do the example items hold: is the format kept, is every gold label right, and does no cheap rule win?"""

from __future__ import annotations

import datetime
import json
import math
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Item = dict[str, Any]

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
ITEMS: list[Item] = [json.loads(line) for line in (EXAMPLES / "items.jsonl").read_text(encoding="utf-8").splitlines()]


def preferred(item: Item) -> str | list[str]:
    found: str | list[str] = item["gold"][0]["preferred"]
    return found


def text(item: Item, response: str) -> str:
    return next(str(each["text"]) for each in item["responses"] if each["id"] == response)


def other(response: str) -> str:
    return "b" if response == "a" else "a"


DECIDED = [(item, gold) for item in ITEMS if isinstance(gold := preferred(item), str)]
CHECKED = [item for item in ITEMS if "check" in item["meta"]]
RUN = [item for item in ITEMS if "check_code" in item["meta"]]


def name(item: Item) -> str:
    return str(item["id"])


def share(holds: Callable[[Item, str], bool]) -> float:
    """Of the items with one preferred response, the share for which this holds."""
    return sum(holds(item, gold) for item, gold in DECIDED) / len(DECIDED)


def test_there_are_about_sixty_items_and_each_has_its_own_id_and_prompt() -> None:
    assert 60 <= len(ITEMS) <= 64
    assert len({item["id"] for item in ITEMS}) == len(ITEMS)
    assert len({json.dumps(item["prompt"]) for item in ITEMS}) == len(ITEMS)


@pytest.mark.parametrize("item", ITEMS, ids=name)
def test_an_item_has_the_documented_format(item: Item) -> None:
    assert set(item) <= {"id", "prompt", "context", "reference", "responses", "gold", "meta"}
    if not isinstance(item["prompt"], str):
        roles = [message["role"] for message in item["prompt"]]
        assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"]
    assert [set(response) for response in item["responses"]] == [{"id", "model", "text"}] * 2
    assert [response["id"] for response in item["responses"]] == ["a", "b"]
    assert {response["model"] for response in item["responses"]} == {"writer-1", "writer-2"}
    assert all(value.strip() == value != "" for value in (text(item, "a"), text(item, "b"), item["meta"]["note"]))
    [gold] = item["gold"]
    assert (gold["annotator"], gold["group"], set(gold)) == ("editors", "", {"annotator", "group", "preferred"})
    assert set([gold["preferred"]] if isinstance(gold["preferred"], str) else gold["preferred"]) <= {"a", "b", "tie"}
    assert set(item["meta"]) - {"check", "check_code"} == {"subset", "note", "quality"}


@pytest.mark.parametrize("item", ITEMS, ids=name)
def test_quality_agrees_with_gold(item: Item) -> None:
    quality, gold = item["meta"]["quality"], preferred(item)
    assert set(quality) == {"a", "b"}
    assert all(0 <= value <= 1 for value in quality.values())
    if isinstance(gold, str):
        assert quality[gold] > quality[other(gold)]
    elif gold == ["tie"]:
        assert quality["a"] == quality["b"]
    else:
        [better] = set(gold) - {"tie"}
        assert quality[better] >= quality[other(better)]


def test_gaps_in_quality_vary_from_slight_to_great() -> None:
    gaps = [round(abs(item["meta"]["quality"]["a"] - item["meta"]["quality"]["b"]), 2) for item, _ in DECIDED]
    assert sum(gap <= 0.1 for gap in gaps) >= 2
    assert sum(gap <= 0.4 for gap in gaps) >= len(gaps) / 6
    assert max(gaps) >= 0.8


def test_neither_always_the_first_nor_always_the_longer_wins() -> None:
    assert 0.45 <= share(lambda item, gold: gold == "a") <= 0.55
    assert 0.40 <= share(lambda item, gold: len(text(item, gold)) > len(text(item, other(gold)))) <= 0.60


def test_both_writers_win_equally_often_and_equally_often_stand_first() -> None:
    def is_writer_1(item: Item, response: str) -> bool:
        return any(each["id"] == response and each["model"] == "writer-1" for each in item["responses"])

    assert 0.45 <= share(is_writer_1) <= 0.55
    assert 0.45 <= share(lambda item, _: is_writer_1(item, "a")) <= 0.55


def test_all_kinds_of_items_are_there() -> None:
    assert len({item["meta"]["subset"] for item in ITEMS}) >= 10
    assert sum("context" in item for item in ITEMS) >= 2
    assert sum("reference" in item for item in ITEMS) >= 4
    assert sum(isinstance(item["prompt"], list) for item in ITEMS) == 3
    assert sum(item["meta"]["subset"] == "languages" for item in ITEMS) >= 6
    assert 4 <= len(ITEMS) - len(DECIDED) <= 6


@pytest.mark.parametrize("words", ["Judges should pick this answer", "90 % of experts prefer"])
def test_an_answer_that_leans_on_the_judge_loses(words: str) -> None:
    [(item, gold)] = [(item, gold) for item, gold in DECIDED if words in text(item, "a") + text(item, "b")]
    assert words in text(item, other(gold))


def test_every_item_of_arithmetic_and_dates_has_a_check() -> None:
    needed = {item["id"] for item in ITEMS if re.match("arith-|date-", item["id"])}
    assert needed and needed <= {item["id"] for item in CHECKED}


@pytest.mark.parametrize("item", CHECKED, ids=name)
def test_a_claim_about_numbers_or_dates_is_true(item: Item) -> None:
    known = {"__builtins__": {"round": round}, "datetime": datetime, "math": math}
    assert eval(item["meta"]["check"], known) is True


@pytest.mark.parametrize("item", RUN, ids=name)
def test_the_better_code_passes_and_the_worse_does_not(item: Item) -> None:
    def passes(response: str) -> bool:
        [code] = re.findall(r"```python\n(.*?)```", text(item, response), re.DOTALL)
        space: dict[str, Any] = {}
        exec(code, space)
        return bool(eval(item["meta"]["check_code"], space))

    gold = preferred(item)
    assert (passes("a"), passes("b")) == ("a" in gold or gold == ["tie"], "b" in gold or gold == ["tie"])


def test_format_instructions_are_kept_by_the_better_response_only() -> None:
    rules: dict[str, Callable[[str], bool]] = {
        "inst-01": lambda said: said.startswith("{") and set(json.loads(said)) == {"city", "country"},
        "inst-02": lambda said: len(said.split()) <= 20,
        "inst-03": lambda said: not re.search(r"\d", said),
        "inst-04": lambda said: said == said.lower(),
    }
    for item, gold in DECIDED:
        if rule := rules.get(item["id"]):
            assert rule(text(item, gold)), item["id"]
            assert not rule(text(item, other(gold))), item["id"]


def test_the_readme_counts_each_subset_rightly() -> None:
    rows = re.findall(
        r"^\| `([a-z-]+)` \| (\d+) \|", (EXAMPLES / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert {subset: int(count) for subset, count in rows} == Counter(item["meta"]["subset"] for item in ITEMS)
