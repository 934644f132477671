"""Is a judge that follows contexts told from one that does not, and is the weighed verdict what the formula says?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from plurijudge import Judge, Plan, Study, judge_of
from plurijudge.agents.contexts import Context, given_in, proposed_by, read_contexts
from plurijudge.graphs.contexts import weighed_over
from plurijudge.store.records import Item, Verdict, VerdictKey
from plurijudge.text.errors import BadJudge

from ..court import quick, rows
from ..loopback import Loopback

PAIR = [{"id": "a", "text": "Short."}, {"id": "b", "text": "Long and full of detail."}]
BUSY, KEEN = "Who asks has no time.", "Who asks wants to know all of it."


def mirrored(n: int) -> list[dict[str, Any]]:
    """Of each prompt two items: in the one context the one response is better, in the other the other."""
    return [
        {
            "id": f"q{number}-{side}",
            "prompt": f"Explain tides, please ({number}).",
            "context": BUSY if side == "a" else KEEN,
            "responses": PAIR,
            "gold": [{"preferred": side}],
            "meta": {"favours": side, "quality": {"a": 0.2, "b": 0.8}, "mirror": f"q{number}"},
        }
        for number in range(n)
        for side in ("a", "b")
    ]


def right(folder: Path, judge: str) -> float:
    with Study(folder / "s.db") as study:
        made = study.judge_sync(mirrored(20), Judge(judge), pace=quick()).decisions()
    return float(sum(row["preferred"] == row["item"][-1] for row in made) / len(made))


def test_of_mirrored_pairs_a_judge_that_ignores_contexts_has_half_right_and_one_that_follows_them_all(
    tmp_path: Path,
) -> None:
    assert right(tmp_path, "builtin/planted?quality=80") == 0.5
    assert right(tmp_path, "builtin/planted?quality=0&context=80") == 1.0


WEIGHTED = {
    "id": "q",
    "prompt": "Explain tides, please.",
    "responses": PAIR,
    "meta": {"contexts": [{"id": "busy", "text": BUSY, "weight": 3}, {"id": "keen", "text": KEEN, "weight": 1}]},
}
CHANCE = {BUSY: {"a": 0.9, "b": 0.15}, KEEN: {"a": 0.3, "b": 0.65}}


def unsure(item: Any, presentation: tuple[str, ...]) -> str:
    """A judge that says how likely the first is better, otherwise in each context and order."""
    chance = CHANCE[item.context][presentation[0]]
    return json.dumps({"verdict": "A" if chance > 0.5 else "B", "probabilities": {"A": chance, "B": 1 - chance}})


def test_the_weighed_verdict_is_the_closed_form_and_each_context_s_is_kept(tmp_path: Path) -> None:
    with Study(tmp_path / "s.db") as study:
        study.judge_sync([WEIGHTED], judge_of(unsure, contexts="given"), pace=quick())
    told = rows(tmp_path / "s.db", "SELECT presentation, p_first, preferred, rule FROM verdict WHERE step = ''")
    for shown, p_first, preferred, rule in told:
        first, second = json.loads(shown)
        wanted = 0.75 * CHANCE[BUSY][first] + 0.25 * CHANCE[KEEN][first]
        assert p_first == pytest.approx(wanted, abs=1e-9)
        assert preferred == (first if wanted > 0.5 else second)
        assert rule == "weighed over contexts"
    steps = rows(tmp_path / "s.db", "SELECT step, count(*) FROM verdict WHERE step <> '' GROUP BY step ORDER BY step")
    assert steps == [("context busy", 2), ("context keen", 2)]


def test_a_context_whose_verdict_failed_leaves_no_verdict_and_says_which(tmp_path: Path) -> None:
    def silent(item: Any, presentation: tuple[str, ...]) -> str:
        return "I like both." if item.context == KEEN else "[[A]]"

    with Study(tmp_path / "s.db") as study:
        study.judge_sync([WEIGHTED], judge_of(silent, contexts="given", repair=False), pace=quick())
    told = rows(tmp_path / "s.db", "SELECT DISTINCT status, reason, preferred FROM verdict WHERE step = ''")
    assert told == [("unparseable", "context keen: no_verdict", None)]


@pytest.mark.parametrize(
    ("meta", "why"),
    [
        ({}, "must be a list"),
        ({"contexts": [{"weight": 1}]}, "without a `text`"),
        ({"contexts": [{"text": "t", "weight": -1}]}, "weight -1"),
        ({"contexts": [{"text": "t", "weight": 0}]}, "come to 0"),
        ({"contexts": [{"id": "x", "text": "t"}, {"id": "x", "text": "u"}]}, "twice"),
    ],
)
def test_an_item_whose_contexts_do_not_hold_is_set_aside_with_the_reason(tmp_path: Path, meta: Any, why: str) -> None:
    item = Item(id="q", prompt="p", responses=PAIR, meta=meta)
    fault = Plan().unfit(item, Judge("builtin/planted", contexts="given"))
    assert fault is not None and fault[0] == "meta.contexts" and why in fault[1]


def test_contexts_are_proposed_once_for_both_orders_and_every_call_is_one_that_was_forecast(
    loopback: Loopback, tmp_path: Path
) -> None:
    judge = Judge("openai/m", base_url=loopback.base_url, contexts="proposed:2", structured="schema")
    with Study(tmp_path / "s.db") as study:
        study.judge_sync([{"id": "q", "prompt": "p", "responses": PAIR}], judge, pace=quick())
    asked = [request["body"]["messages"][0]["content"] for request in loopback.requests()]
    assert sum("situations in which the request" in text for text in asked) == 1
    proposed = rows(tmp_path / "s.db", "SELECT count(*) FROM verdict WHERE step LIKE 'context %'")[0][0]
    assert len(asked) == 1 + proposed


def test_a_model_that_names_no_contexts_gives_no_verdict(loopback: Loopback, tmp_path: Path) -> None:
    judge = Judge("openai/m", base_url=loopback.base_url, contexts="proposed", structured="text")
    loopback.script(answer="A")
    with Study(tmp_path / "s.db") as study:
        study.judge_sync([{"id": "q", "prompt": "p", "responses": PAIR}], judge, pace=quick())
    assert rows(tmp_path / "s.db", "SELECT DISTINCT status, reason FROM verdict") == [("unparseable", "no_contexts")]


def test_what_a_judge_without_a_model_cannot_do_is_refused() -> None:
    with pytest.raises(BadJudge, match="language model"):
        Judge("builtin/planted", contexts="proposed")
    for name in ("some", "proposed:1", "proposed:x", "given:2"):
        with pytest.raises(BadJudge, match="contexts"):
            Judge("openai/m", contexts=name)
    assert (proposed_by("proposed"), proposed_by("proposed:5"), proposed_by("given")) == (3, 5, None)


def test_probabilities_that_a_model_gives_are_brought_to_one() -> None:
    text = 'So:\n{"contexts": [{"text": "x", "probability": 0.5}, {"text": "y", "probability": 1.5}, {"text": " "}]}'
    assert [(one.text, one.weight) for one in read_contexts(text)] == [("x", 0.25), ("y", 0.75)]
    assert read_contexts("none") == ()
    assert [one.id for one in given_in(Item(**WEIGHTED))] == ["busy", "keen"]


chances = st.floats(0, 1)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.floats(0.01, 10), chances), min_size=1, max_size=6))
def test_the_order_of_contexts_does_not_matter_and_swapping_the_responses_swaps_the_verdict(
    told: list[tuple[float, float]],
) -> None:
    whole = sum(weight for weight, _ in told)

    def of(shown: tuple[str, str], rows: list[tuple[float, float]], turned: bool) -> Verdict:
        key = {"item": "q", "judge": "j", "presentation": shown}
        said = [Verdict(**key, preferred=shown[0], p_first=1 - p if turned else p) for _, p in rows]
        contexts = [Context(f"c{n}", "t", weight / whole) for n, (weight, _) in enumerate(rows)]
        return weighed_over(VerdictKey(**key), contexts, said)

    one, other = of(("a", "b"), told, False), of(("a", "b"), told[::-1], False)
    turned = of(("b", "a"), told, True)
    wanted = sum(weight / whole * p for weight, p in told)
    assert one.p_first == pytest.approx(wanted, abs=1e-9) == other.p_first
    assert turned.p_first == pytest.approx(1 - wanted, abs=1e-9)
    if abs(wanted - 0.5) > 1e-6:
        assert one.preferred == other.preferred == turned.preferred


def said_of(shown: tuple[str, ...], *verdicts: dict[str, Any]) -> list[Verdict]:
    return [Verdict(item="q", judge="j", presentation=shown, **told) for told in verdicts]


FAILED = {"status": "refused", "reason": "refusal"}


def test_a_context_of_no_weight_says_nothing_even_if_its_verdict_failed() -> None:
    contexts = [Context("c1", "t", 1.0), Context("c2", "u", 0.0)]
    key = VerdictKey(item="q", judge="j", presentation=("a",))
    graded = weighed_over(key, contexts, said_of(("a",), {"scores": {"a": 7.0}}, FAILED))
    assert (graded.status, graded.scores, graded.preferred, graded.probabilities) == ("ok", {"a": 7.0}, None, None)
    key = VerdictKey(item="q", judge="j", presentation=("a", "b"))
    compared = weighed_over(key, contexts, said_of(("a", "b"), {"preferred": "b"}, FAILED))
    assert (compared.status, compared.preferred, compared.p_first) == ("ok", "b", 0.0)


def test_what_comes_out_even_is_a_tie_only_where_ties_are_allowed() -> None:
    contexts = [Context("c1", "t", 0.5), Context("c2", "u", 0.5)]
    key, said = VerdictKey(item="q", judge="j", presentation=("a", "b")), ({"preferred": "a"}, {"preferred": "b"})
    assert weighed_over(key, contexts, said_of(("a", "b"), *said)).preferred == "tie"
    even = weighed_over(key, contexts, said_of(("a", "b"), *said), ties=False)
    assert (even.status, even.reason, even.preferred) == ("abstained", "contexts_even", None)


def test_marks_of_criteria_are_weighed_and_null_where_one_context_has_none() -> None:
    contexts = [Context("c1", "t", 0.75), Context("c2", "u", 0.25)]
    marks = [{"right": 1.0, "clear": 3.0}, {"right": 0.0, "clear": None}]
    told = [{"scores": {"a": 1.0 - n}, "criterion_scores": {"a": one}} for n, one in enumerate(marks)]
    key = VerdictKey(item="q", judge="j", presentation=("a",))
    verdict = weighed_over(key, contexts, said_of(("a",), *told))
    assert verdict.scores == {"a": 0.75} and verdict.criterion_scores == {"a": {"right": 0.75, "clear": None}}


def test_of_more_contexts_than_asked_for_the_likeliest_are_taken() -> None:
    text = json.dumps({"contexts": [{"text": f"t{n}", "probability": p} for n, p in enumerate((0.1, 0.5, 0.2, 0.2))]})
    assert [(one.id, one.text) for one in read_contexts(text, 2)] == [("c1", "t1"), ("c2", "t2")]
    assert [one.weight for one in read_contexts(text, 2)] == pytest.approx([5 / 7, 2 / 7])
    assert read_contexts('{"contexts": "none"}') == ()
