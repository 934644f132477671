"""What do ranks, choices, rubrics and references come to, from the prompt to the decision?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from plurijudge import Judge, Plan, Study, judge_of
from plurijudge.agents.protocols.known import PROTOCOLS
from plurijudge.store.records import Item, Verdict
from plurijudge.text.errors import BadJudge

from ..court import quick, rows
from ..loopback import Loopback

WORTH = {"w": 0, "x": 3, "y": 1, "z": 2}
MANY: dict[str, Any] = {
    "id": "q",
    "prompt": "Name a colour.",
    "reference": "Blue.",
    "responses": [{"id": name, "text": f"It is worth {worth}."} for name, worth in WORTH.items()],
}
RUBRIC = [
    {"id": "right", "text": "It names a colour.", "weight": 4},
    {"id": "rude", "text": "It is rude.", "weight": -2},
    {"id": "clear", "text": "How clear it is.", "weight": 1, "scale": [1, 5]},
]


class Decided(NamedTuple):
    outcome: str
    preferred: str | None
    share: float | None
    scores: dict[str, float] | None


def decided(judge: Judge, folder: Path, *items: dict[str, Any], plan: Plan | None = None) -> list[Decided]:
    with Study(folder / "s.db") as study:
        outcome = study.judge_sync(list(items) or [MANY], judge, plan=plan or Plan(), pace=quick())
        return [Decided(*(row[name] for name in Decided._fields)) for row in outcome.decisions()]


def consistent(item: Any, presentation: tuple[str, ...]) -> dict[str, Any]:
    """A judge that ranks by what an answer says it is worth, wherever it stands."""
    return {"ranking": sorted(presentation, key=lambda name: -WORTH[name])}


def by_place(item: Any, presentation: tuple[str, ...]) -> dict[str, Any]:
    """A judge that ranks the answers as they are shown."""
    return {"ranking": list(presentation)}


@pytest.mark.parametrize("seed", range(6))
def test_a_consistent_judge_s_ranking_does_not_depend_on_the_order_shown(tmp_path: Path, seed: int) -> None:
    (decision,) = decided(judge_of(consistent, protocol="rank"), tmp_path, plan=Plan(seed=seed))
    assert (decision.outcome, decision.preferred, decision.share) == ("ok", "x", 1.0)
    assert decision.scores == {"w": 0.0, "x": 3.0, "y": 1.0, "z": 2.0}
    shown = rows(tmp_path / "s.db", "SELECT presentation, scores FROM verdict")
    first, second = (json.loads(order) for order, _ in shown)
    assert first == second[::-1] and sorted(first) == sorted(WORTH), (
        "the exact orders are kept, one the other's reverse"
    )
    assert {scores for _, scores in shown} == {'{"w":0.0,"x":3.0,"y":1.0,"z":2.0}'}


def test_orders_are_drawn_anew_for_each_item_and_seed(tmp_path: Path) -> None:
    judge = judge_of(consistent, protocol="rank")
    items = [{**MANY, "id": f"q{n}"} for n in range(12)]
    decided(judge, tmp_path, *items, plan=Plan(presentations="random"))
    orders = [order for (order,) in rows(tmp_path / "s.db", "SELECT presentation FROM verdict")]
    assert len(orders) == 12 and len(set(orders)) > 6


def test_a_judge_that_ranks_by_place_is_flipped_and_its_points_cancel(tmp_path: Path) -> None:
    (decision,) = decided(judge_of(by_place, protocol="rank"), tmp_path)
    assert (decision.outcome, decision.preferred) == ("flipped", None)
    assert decision.scores == dict.fromkeys(WORTH, 1.5)


@pytest.mark.parametrize(
    ("reply", "status", "reason", "scores"),
    [
        ('{"ranking": ["C", ["A", "D"], "B"]}', "ok", "", [1.5, 0.0, 3.0, 1.5]),
        ("My ranking:\n[[C > A > D > B]]", "ok", "", [2.0, 0.0, 3.0, 1.0]),
        ('{"ranking": ["C", "A", "D"]}', "unparseable", "incomplete_ranking", None),
        ('{"ranking": ["C", "A", "D", "A"]}', "unparseable", "conflict", None),
        ('{"ranking": "abstain"}', "abstained", "abstains", None),
        ("They are all fine in their way.", "unparseable", "no_verdict", None),
    ],
)
def test_a_ranking_is_read_whole_or_not_at_all(
    tmp_path: Path, reply: str, status: str, reason: str, scores: list[float] | None
) -> None:
    def says(item: Any, presentation: tuple[str, ...]) -> str:
        return reply

    decided(judge_of(says, protocol="rank", repair=False), tmp_path, plan=Plan(presentations="random"))
    query = "SELECT presentation, status, reason, scores FROM verdict"
    ((shown, got, why, told),) = rows(tmp_path / "s.db", query)
    assert (got, why) == (status, reason)
    assert (None if told is None else [json.loads(told)[name] for name in json.loads(shown)]) == scores


def test_two_that_share_a_place_are_refused_where_ties_are(tmp_path: Path) -> None:
    def says(item: Any, presentation: tuple[str, ...]) -> str:
        return '{"ranking": [["A", "B"], "C", "D"]}'

    (decision,) = decided(judge_of(says, protocol="rank", ties=False), tmp_path)
    assert decision.outcome == "failed"
    assert rows(tmp_path / "s.db", "SELECT DISTINCT reason FROM verdict") == [("tie_not_allowed",)]


def test_an_option_is_chosen_wherever_it_stands_and_one_chosen_by_its_letter_is_flipped(tmp_path: Path) -> None:
    def knows(item: Any, presentation: tuple[str, ...]) -> str:
        return "z"

    def first(item: Any, presentation: tuple[str, ...]) -> str:
        return "The answer is A.\n\n[[A]]"

    (right,) = decided(judge_of(knows, protocol="choice"), tmp_path)
    (letter,) = decided(judge_of(first, protocol="choice"), tmp_path)
    assert (right.outcome, right.preferred, right.share) == ("ok", "z", 1.0)
    assert (letter.outcome, letter.preferred) == ("flipped", None)


def test_an_item_without_a_reference_is_set_aside_by_name(tmp_path: Path) -> None:
    bare = {key: value for key, value in MANY.items() if key != "reference"} | {"id": "bare"}
    with Study(tmp_path / "s.db") as study:
        outcome = study.judge_sync([MANY, bare], Judge("builtin/heuristic", protocol="reference"), pace=quick())
        assert [row["item"] for row in outcome.decisions()] == ["q"]
        assert outcome.sums["verdicts"] == {"ok": 4}


def marks(**given: Any) -> dict[str, Any]:
    return {"criteria": {name: {"reason": "so", "met": mark} for name, mark in given.items()}}


@pytest.mark.parametrize(
    ("given", "score"),
    [
        ({"right": True, "rude": False, "clear": 5}, 1.0),
        ({"right": True, "rude": True, "clear": 5}, 3 / 5),
        ({"right": True, "rude": True, "clear": 1}, 2 / 5),
        ({"right": False, "rude": True, "clear": 1}, -2 / 5),
        ({"right": "cannot_assess", "rude": False, "clear": 3}, 1 / 2),
        ({"right": True, "rude": False}, 1.0),
        ({"rude": False}, None),
        ({"right": "cannot_assess", "rude": True, "clear": "cannot_assess"}, None),
    ],
)
@pytest.mark.parametrize("own", [False, True])
def test_signed_weights_what_cannot_be_assessed_and_what_is_left_out_give_the_documented_total(
    tmp_path: Path, given: dict[str, Any], score: float | None, own: bool
) -> None:
    def says(item: Any, presentation: tuple[str, ...]) -> str:
        return json.dumps(marks(**given))

    item = {**MANY, "responses": MANY["responses"][:1], **({"meta": {"rubric": RUBRIC}} if own else {})}
    judge = judge_of(says, protocol="rubric", **({} if own else {"rubric": RUBRIC}))
    decided(judge, tmp_path, item)
    ((status, reason, scores, kept),) = rows(
        tmp_path / "s.db", "SELECT status, reason, scores, criterion_scores FROM verdict"
    )
    if score is None:
        assert (status, reason, scores, kept) == ("abstained", "nothing_assessed", None, None)
    else:
        assert json.loads(scores)["w"] == pytest.approx(score, abs=1e-12)
        wanted = {name: None if mark == "cannot_assess" else float(mark) for name, mark in given.items()}
        assert json.loads(kept) == {"w": wanted}


def test_criteria_one_by_one_come_to_what_they_come_to_together_and_each_is_kept(
    tmp_path: Path,
) -> None:
    def together(item: Any, presentation: tuple[str, ...]) -> str:
        return json.dumps(marks(right=True, rude=True, clear=3))

    def apart(item: Any, presentation: tuple[str, ...]) -> str:
        [line] = item.meta["rubric"]
        return json.dumps(marks(**{line["id"]: {"right": True, "rude": True, "clear": 3}[line["id"]]}))

    (whole,) = decided(judge_of(together, protocol="rubric", rubric=RUBRIC), tmp_path)
    (parts,) = decided(judge_of(apart, protocol="rubric", rubric=RUBRIC, one_by_one=True), tmp_path)
    wanted = dict.fromkeys(WORTH, (4 - 2 + 0.5) / 5)
    assert whole.scores == pytest.approx(wanted) and parts.scores == pytest.approx(wanted)
    steps = rows(tmp_path / "s.db", "SELECT step, count(*) FROM verdict WHERE step <> '' GROUP BY step ORDER BY step")
    assert steps == [("criterion clear", 4), ("criterion right", 4), ("criterion rude", 4)]


def test_each_criterion_of_its_own_call_is_asked_for_and_no_other(loopback: Loopback, tmp_path: Path) -> None:
    judge = Judge(
        "openai/m", base_url=loopback.base_url, protocol="rubric", rubric=RUBRIC, one_by_one=True, structured="schema"
    )
    (decision,) = decided(judge, tmp_path)
    asked = [request["body"]["messages"] for request in loopback.requests()]
    assert len(asked) == 12 == 4 * judge.calls
    named = [[line["id"] for line in RUBRIC if f"- {line['id']}:" in message[0]["content"]] for message in asked]
    assert sorted(named) == [["clear"]] * 4 + [["right"]] * 4 + [["rude"]] * 4
    assert decision.scores is not None and set(decision.scores) == set(WORTH)


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ([{"id": "a", "text": "t", "weight": 0}], "weight 0"),
        ([{"id": "a", "text": "t", "weight": -1}], "total of 0"),
        ([{"id": "a", "text": "t"}, {"id": "a", "text": "u"}], "twice"),
        ([{"id": "a", "text": "t", "scale": [5, 1]}], "lowest grade"),
    ],
)
def test_a_rubric_that_no_score_can_be_made_of_is_refused_with_the_reason(lines: Any, why: str) -> None:
    with pytest.raises(BadJudge, match=why):
        Judge(protocol="rubric", rubric=lines)


def test_what_scores_mean_is_said_in_the_order_of_the_scale_and_must_lie_on_it(
    loopback: Loopback, tmp_path: Path
) -> None:
    anchors = {10: "nothing is missing", 1: "it is wrong"}
    judge = Judge("openai/m", base_url=loopback.base_url, protocol="score", anchors=anchors)
    decided(judge, tmp_path)
    [told] = {request["body"]["messages"][0]["content"] for request in loopback.requests()}
    assert "1: it is wrong\n10: nothing is missing" in told
    assert judge.id != Judge("openai/m", base_url=loopback.base_url, protocol="score").id
    with pytest.raises(BadJudge, match="off the scale"):
        Judge(protocol="score", anchors={11: "beyond"})
    with pytest.raises(BadJudge, match="pairwise"):
        Judge(anchors=anchors)


def test_each_response_is_shown_with_its_own_request_in_either_order(loopback: Loopback, tmp_path: Path) -> None:
    asks = {"a": "Add 2 and 2.", "b": "Name a sea."}
    item = {
        "id": "q",
        "prompt": "Two small things.",
        "responses": [{"id": "a", "text": "4"}, {"id": "b", "text": "Aral"}],
    }
    loopback.script(answer="first")
    (decision,) = decided(
        Judge("openai/m", base_url=loopback.base_url, protocol="joint"), tmp_path, {**item, "meta": {"requests": asks}}
    )
    assert decision.outcome == "flipped"
    shown = [request["body"]["messages"][-1]["content"] for request in loopback.requests()]
    orders = [[text.index(part) for part in ("Add 2 and 2.", "\n4\n", "Name a sea.", "Aral")] for text in shown]
    assert sorted(order == sorted(order) for order in orders) == [False, True]
    assert all((order[0] < order[1]) and (order[2] < order[3]) for order in orders)
    bare = Plan().unfit(Item(**item), Judge(protocol="joint"))
    assert bare is not None and bare[0] == "meta.requests" and "'a'" in bare[1]


@pytest.mark.parametrize("protocol", [name for name in PROTOCOLS if name not in ("pairwise", "joint")])
def test_every_protocol_runs_over_the_loopback_server_and_by_the_built_in_judges(
    loopback: Loopback, tmp_path: Path, protocol: str
) -> None:
    more = {"rubric": RUBRIC} if protocol == "rubric" else {}
    for judge in (
        Judge("openai/m", base_url=loopback.base_url, protocol=protocol, **more),
        Judge("builtin/heuristic", protocol=protocol, **more),
        Judge("builtin/planted?quality=2", protocol=protocol, **more),
    ):
        (decision,) = decided(judge, tmp_path)
        assert decision.outcome in ("ok", "tie", "flipped"), judge.title
    assert {row[0] for row in rows(tmp_path / "s.db", "SELECT DISTINCT status FROM verdict")} == {"ok"}


def test_a_verdict_keeps_what_was_said_of_each_criterion() -> None:
    told = {"scores": {"a": 0.5}, "criterion_scores": {"a": {"right": 1.0, "rude": None}}}
    verdict = Verdict(item="q", judge="j", presentation=("a",), **told)
    assert verdict.criterion_scores == {"a": {"right": 1.0, "rude": None}}
