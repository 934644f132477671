"""Does an audit print what stands beside its headline, read recorded pairs, and say why something is not there?"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from plurijudge.agents.perturbers.known import KNOWN
from plurijudge.reports.audit import MEASURES

from ..agents.test_perturbers import OWN
from .conftest import Ended, Plurijudge

EXAMPLES = Path(__file__).parents[2] / "examples" / "items.jsonl"
SHORT = ("--limit", "8", "-q")
AB, BA = ("a", "b"), ("b", "a")
Line = dict[str, Any]


@pytest.fixture
def desk(plurijudge: Plurijudge) -> Plurijudge:
    """The command in a folder with the examples."""
    plurijudge.write("examples.jsonl", EXAMPLES.read_bytes())
    return plurijudge


def rows(said: str, beginning: str) -> list[list[str]]:
    """The cells of the lines of tables that begin so."""
    return [re.split(r"\s{2,}", line.strip()) for line in said.splitlines() if line.startswith(f"{beginning}  ")]


def line_of(document: Any, bias: str, measure: str, arm: str = "") -> Any:
    (found,) = [one for one in document["lines"] if (one["bias"], one["measure"], one["arm"]) == (bias, measure, arm)]
    return found


def measured(done: Ended) -> Any:
    assert done.code == 0, done.err
    return done.json()


def verdict(item: str, shown: tuple[str, ...], pick: str, arm: str = "", sample: int = 0, **more: Any) -> Line:
    return {"item": item, "judge": "j", "arm": arm, "presentation": shown, "sample": sample, "preferred": pick, **more}


def recorded(n: int = 20) -> list[Line]:
    """A judge that says A of untouched pairs, and the marked answer of every pair but four with a cue."""
    lines = []
    for number in range(n):
        for shown in (AB, BA):
            lines += [verdict(f"q{number}", shown, "a", sample=sample) for sample in (0, 1)]
            follows = number >= 4
            lines += [verdict(f"q{number}", shown, side if follows else "a", f"authority:{side}") for side in AB]
    return lines


def items(n: int = 20) -> list[Line]:
    """Of even numbers A is better, and shorter; of odd numbers B, and longer."""
    texts = [{"id": "a", "text": "short"}, {"id": "b", "text": "much longer"}]
    return [
        {"id": f"q{number}", "prompt": "?", "responses": texts, "gold": [{"preferred": "ab"[number % 2]}]}
        for number in range(n)
    ]


# What stands beside the headline.


def test_one_table_stands_behind_the_headline_and_details_print_every_measure(desk: Plurijudge) -> None:
    judge = ("--judge", "builtin/planted?position=0.8")
    done = desk("audit", "examples.jsonl", *judge, "--bias", "bandwagon,empty", *SHORT)
    assert done.code == 0, done.err
    document = measured(desk("audit", "--run", "last", "--json"))
    ((name, same, again, apart, follows, turned, spoilt, mended, p),) = rows(done.out, "with bandwagon")
    for shown, measure, arm in (
        (same, "robustness_rate", ""),
        (again, "consistency_rate", ""),
        (apart.split()[0], "robustness_excess", ""),
        (follows, "follow_rate", ""),
        (turned, "attack_success_excess", ""),
        (spoilt, "harmful_flips", "worse"),
        (mended, "helpful_flips", "worse"),
    ):
        assert shown == f"{100 * line_of(document, 'bandwagon', measure, arm)['estimate']:.1f}", measure
    assert p == f"{line_of(document, 'bandwagon', 'harmful_flips', 'worse')['p_value']:.2g}"
    assert len(rows(done.out, "with empty")[0]) == 5  # an edit is not followed, nor are its flips harm
    assert "All measures, one by one: --details" in done.out
    front = line_of(document, "position", "primacy")["estimate"]
    assert f"{front:.0f} lean to the place in front" in done.out
    right = line_of(document, "", "accuracy")["estimate"]
    assert f"untouched items with gold: {100 * right:.1f} %" in done.out and "always the longer" in done.out
    whole = desk("audit", "--run", "last", "--details")
    for one in document["lines"]:
        assert MEASURES[one["measure"]] in whole.out
    assert len(rows(whole.out, "with bandwagon")) == sum(one["bias"] == "bandwagon" for one in document["lines"])
    assert "--details" not in whole.out.replace("recompute", "")
    kept = desk("query", "SELECT count(DISTINCT measure) AS n FROM bias_effect", "--json").json()
    assert kept[0]["n"] == len({one["measure"] for one in document["lines"]}) + 5


def test_too_few_edits_are_said_to_be_too_few_and_not_unnoticed(desk: Plurijudge) -> None:
    coin = ("--judge", "builtin/planted?deaf=1&noise=1", "--bias", "empty", "--limit", "3", "-q")
    done = desk("audit", "examples.jsonl", *coin)
    assert done.code == 0, done.err
    assert rows(done.out, "empty")[0][-1] == "too few to say" and "NOT NOTICED" not in done.out
    assert "Too few items to say whether this judge notices: empty (3 items)." in done.out and "Deaf" not in done.out


def test_a_recorded_audit_knows_what_could_not_be_planted_and_why(desk: Plurijudge) -> None:
    made = measured(desk("audit", "examples.jsonl", "--bias", "wrong_number", "--limit", "20", "-q", "--json"))
    assert made["not_planted"][0]["reason"] == "the response holds no number"
    again = measured(desk("audit", "--run", "last", "--json"))
    assert again["not_planted"] == made["not_planted"]
    shown = desk("audit", "--run", "last")
    assert f"not planted: wrong number, {made['not_planted'][0]['items']} times: the response holds no" in shown.out


def test_all_biases_and_one_of_ones_own_go_together(desk: Plurijudge) -> None:
    desk.write("my.py", OWN)
    done = desk("audit", "examples.jsonl", "--bias", "all,my.py:Perfume,bandwagon", "--limit", "2", "-q", "--json")
    document = measured(done)
    looked_for = {one["bias"] for one in document["biases"]} | {one["bias"] for one in document["not_planted"]}
    assert {"perfume", "bandwagon", "position", "empty"} <= looked_for and len(looked_for) > len(KNOWN) // 2


# Recorded pairs.


def test_recorded_pairs_are_audited_without_asking_any_model(desk: Plurijudge) -> None:
    desk.write("verdicts.jsonl", recorded())
    done = desk("audit", "--from-verdicts", "verdicts.jsonl")
    assert done.code == 0, done.err
    # 16 of 20 follow it on either side: (1 - 0) / 2 of those, and 0 of the other four
    assert rows(done.out, "authority")[0][:4] == ["authority", "cue", "20", "40.0"]
    assert rows(done.out, "authority")[0][-1] == "BIAS"
    assert KNOWN["authority"].means in done.out and KNOWN["authority"].remedy in done.out
    assert desk("query", "SELECT count(*) AS n FROM call", "--json").json() == [{"n": 0}]
    run = re.search(r"recompute: plurijudge audit --run (r-\S+)", done.out)
    assert run
    assert desk("audit", "--run", run[1]).out == done.out


def test_items_bring_gold_and_text_to_recorded_pairs(desk: Plurijudge) -> None:
    desk.write("items.jsonl", items())
    desk.write("verdicts.jsonl", recorded())
    document = measured(desk("audit", "items.jsonl", "--from-verdicts", "verdicts.jsonl", "--json"))
    assert line_of(document, "", "accuracy")["estimate"] == 0.5
    assert line_of(document, "", "always_longer")["estimate"] == 0.5
    # on the worse response the cue spoils the eight even numbers from 4 on; B is wrong there
    harmful = line_of(document, "authority", "harmful_flips", "worse")
    assert harmful["estimate"] == pytest.approx(8 / 20)
    assert harmful["p_value"] == pytest.approx(2 / 2**8)
    assert line_of(document, "authority", "items_lost", "worse")["estimate"] == 8
    assert line_of(document, "authority", "follow_rate", "better")["estimate"] == pytest.approx((8 + 10) / 20)
    assert line_of(document, "authority", "control_follow_rate")["estimate"] == 0.5
    assert document["set_aside"] == [] and document["unread"] == {}


def test_lines_that_cannot_be_used_are_told_by_line_and_by_name(desk: Plurijudge) -> None:
    odd = [verdict("q99", AB, "a", "authority:a"), verdict("q0", AB, "a", "authority:c"), {"item": "q1"}]
    lines = [json.dumps(one) for one in [*recorded(), *odd]] + ["{nonsense", json.dumps(recorded()[0])]
    desk.write("verdicts.jsonl", "\n".join(lines))
    done = desk("audit", "--from-verdicts", "verdicts.jsonl", "--json")
    document = measured(done)
    n = len(recorded())
    for line, why in (
        (n + 1, "has no original: no verdict on `q99` with nothing planted"),
        (n + 2, "should have an arm that ends in one of its responses (a, b)"),
        (n + 3, "`judge`"),
        (n + 4, "is not JSON"),
        (n + 5, "an earlier line already gave"),
    ):
        assert any(
            said.startswith(f"set aside: verdicts.jsonl:{line}: ") and why in said for said in done.err.splitlines()
        ), why
    assert [(one["bias"], one["verdicts"]) for one in document["set_aside"]] == [("authority", 1), ("authority:c", 1)]
    assert "set aside: authority, 1 verdicts: has no original" in desk("audit", "--run", "last").out


def test_of_several_judges_one_is_named(desk: Plurijudge) -> None:
    desk.write("verdicts.jsonl", [*recorded(), *({**one, "judge": "gpt 4"} for one in recorded(8))])
    done = desk("audit", "--from-verdicts", "verdicts.jsonl")
    assert (done.code, done.out) == (2, "") and "several judges: gpt 4, j" in done.err and "--judge" in done.err
    chosen = desk("audit", "--from-verdicts", "verdicts.jsonl", "--judge", "gpt 4")
    assert chosen.code == 0 and "audit of 8 items" in chosen.out and "of other judges" in chosen.out
    assert "--judge 'gpt 4'" in chosen.out


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--from-verdicts", "absent.jsonl"), "absent.jsonl"),
        (("--from-verdicts", "verdicts.jsonl", "--bias", "authority"), "goes with ITEMS and --judge alone"),
        (("--from-verdicts", "verdicts.jsonl", "--run", "last"), "goes with ITEMS and --judge alone"),
        (("--from-verdicts", "empty.jsonl"), "empty.jsonl"),
    ],
)
def test_what_does_not_go_with_recorded_pairs_is_refused(desk: Plurijudge, args: tuple[str, ...], message: str) -> None:
    desk.write("verdicts.jsonl", recorded(1))
    desk.write("empty.jsonl", "")
    done = desk("audit", *args)
    assert (done.code, done.out) == (2, "") and message in done.err, done.err


def test_recorded_verdicts_without_any_pair_measure_nothing_and_say_so(desk: Plurijudge) -> None:
    desk.write("verdicts.jsonl", [verdict("q0", AB, "a", "authority:a")])
    done = desk("audit", "--from-verdicts", "verdicts.jsonl")
    assert done.code == 2 and "Nothing could be measured" in done.out and "has no original" in done.err
