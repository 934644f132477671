"""Is a verdict read from one letter's probability, by either transport, and from the letter where there is none?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from plurijudge.agents.judge import Judge
from plurijudge.graphs.given import as_item
from plurijudge.graphs.letters import read_letter
from plurijudge.graphs.plan import Plan
from plurijudge.graphs.reconcile import reconcile
from plurijudge.graphs.study import Study
from plurijudge.store.records import Call, Verdict, VerdictKey
from plurijudge.text.errors import BadJudge

from ..court import pairs, quick, rows
from ..loopback import Loopback

SAID = "SELECT preferred, p_first, probabilities, status, rule, presentation FROM verdict ORDER BY id"


def judged(folder: Path, server: Loopback, n: int = 1) -> list[tuple[Any, ...]]:
    judge = Judge("openai/m", base_url=server.base_url, logprobs=True)
    with Study(folder / "study.db") as study:
        study.judge_sync(pairs(n), judge, pace=quick())
    return rows(folder / "study.db", SAID)


def test_both_transports_give_the_probabilities_with_variants_summed_and_the_rest_told(
    tmp_path: Path, loopback: Loopback, transport: str
) -> None:
    loopback.script(answer="first")
    said = judged(tmp_path, loopback)
    assert len(said) == 2
    for preferred, p_first, probabilities, status, rule, presentation in said:
        first, second = json.loads(presentation)
        assert (preferred, status, rule) == (first, "ok", "logprobs")
        assert p_first == pytest.approx(0.75 / 0.9)
        assert json.loads(probabilities) == pytest.approx({first: 0.75, second: 0.15, "outside": 0.1})
    (body, *_) = [entry["body"] for entry in loopback.requests()]
    assert (body["max_tokens"], body["logprobs"], body["top_logprobs"]) == (1, True, 20)
    assert "response_format" not in body and loopback.stat()["received"] == 2


def test_stored_probabilities_serve_again(tmp_path: Path, loopback: Loopback) -> None:
    first = judged(tmp_path, loopback)
    again = judged(tmp_path, loopback)
    assert again[2:] == again[:2] == first and loopback.stat()["received"] == 2


@pytest.mark.parametrize("changes", [{"gives_logprobs": False}, {"refuse": ["logprobs", "top_logprobs"]}])
def test_where_a_provider_gives_none_the_letter_counts_and_the_rule_says_so(
    tmp_path: Path, loopback: Loopback, changes: Any
) -> None:
    loopback.script(answer="second", **changes)
    said = judged(tmp_path, loopback)
    if "refuse" in changes:  # what is not asked for one letter alone is answered at length
        assert {(row[3], row[4]) for row in said} <= {("ok", "letter"), ("truncated", ""), ("unparseable", "")}
    else:
        assert [(row[0], row[1], row[2], row[4]) for row in said] == [
            ("b", None, None, "letter"),
            ("a", None, None, "letter"),
        ]


UNIT = VerdictKey(item="q0", judge="j", presentation=("b", "a"))


def read(top: list[tuple[str, float]] | None, text: str = "A") -> Verdict:
    told = None if top is None else json.dumps(top)
    call = Call(key="k", unit=UNIT, status="ok", response=text, logprobs=told)
    return read_letter(Judge("openai/m", logprobs=True), as_item(pairs(1)[0]), UNIT, 1, call)


def test_equal_masses_prefer_neither() -> None:
    verdict = read([("A", -1.0), ("B", -1.0)])
    assert (verdict.status, verdict.preferred, verdict.p_first) == ("ok", None, 0.5)


@pytest.mark.parametrize("top", [None, [], [("The", -0.1), ("Both", -2.0)], [("A", -0.1)], [("A", -0.1), ("A", -0.1)]])
def test_without_both_labels_to_weigh_the_text_is_read(top: list[tuple[str, float]] | None) -> None:
    verdict = read(top)
    assert (verdict.preferred, verdict.p_first, verdict.probabilities, verdict.rule) == ("b", None, None, "letter")


def test_a_text_without_a_label_is_no_verdict() -> None:
    verdict = read(None, "The")
    assert verdict.status == "unparseable" and verdict.preferred is None and verdict.rule == ""


def test_it_goes_with_one_question_alone_and_leaves_other_judges_what_they_were() -> None:
    for more in ({"protocol": "rank"}, {"protocol": "joint"}, {"nodes": ["rules"]}, {"tools": ["calculator"]}):
        with pytest.raises(BadJudge, match="one letter or grade alone"):
            Judge("openai/m", logprobs=True, **more)
    assert Judge("openai/m", logprobs=True).id != Judge("openai/m").id
    assert "logprobs" not in Judge("openai/m").description
    assert Judge("openai/m", logprobs=True).words.id == "judge/letter"


FOUR = {"id": "q", "prompt": "p", "reference": "r", "responses": [{"id": n, "text": f"It is {n}."} for n in "wxyz"]}


def judged_so(folder: Path, server: Loopback, protocol: str, **options: Any) -> list[tuple[Any, ...]]:
    scale: dict[str, Any] = {} if protocol == "choice" else {"scale": (1, 5)}
    judge = Judge("openai/m", base_url=server.base_url, logprobs=True, protocol=protocol, **scale)
    with Study(folder / "study.db") as study:
        study.judge_sync([as_item(FOUR)], judge, pace=quick(), **options)
    return rows(folder / "study.db", "SELECT presentation, scores, probabilities, rule, rationale, status FROM verdict")


@pytest.mark.parametrize("protocol", ["score", "reference"])
def test_a_grade_is_the_mean_of_the_distribution_with_the_likeliest_beside_it_and_the_rest_told(
    tmp_path: Path, loopback: Loopback, transport: str, protocol: str
) -> None:
    loopback.script(replies=[[".", "4"]])
    said = judged_so(tmp_path, loopback, protocol)
    assert len(said) == 4
    for shown, scores, probabilities, rule, rationale, status in said:
        [name] = json.loads(shown)
        assert (status, rule) == ("ok", "logprobs")
        assert json.loads(scores)[name] == pytest.approx((0.75 * 4 + 0.15 * 3) / 0.9)
        wanted = {"1": 0, "2": 0, "3": 0.15, "4": 0.75, "5": 0, "outside": 0.1}
        assert json.loads(probabilities) == pytest.approx(wanted)
        assert rationale == "Mean grade 3.833; the likeliest is 4, with 0.833."
    [body] = {json.dumps(entry["body"]["top_logprobs"]) for entry in loopback.requests()}
    assert body == "20"


def test_the_likeliest_of_several_options_is_chosen_in_either_order(tmp_path: Path, loopback: Loopback) -> None:
    loopback.script(replies=[[r"Option (\w):\n\S+\nIt is y", r"\1"]])
    said = judged_so(tmp_path, loopback, "choice")
    told = [(json.loads(shown), json.loads(shares)) for shown, _, shares, *_ in said]
    assert len(told) == 2 and told[0][0] == told[1][0][::-1]
    for shown, shares in told:
        other = shown[1] if shown[0] == "y" else shown[0]
        assert shares == pytest.approx(dict.fromkeys(shown, 0.0) | {"y": 0.75, other: 0.15, "outside": 0.1})
    decided = rows(tmp_path / "study.db", "SELECT outcome, preferred, share FROM decision")
    assert decided == [("ok", "y", 1.0)]


@pytest.mark.parametrize("protocol", ["score", "choice"])
def test_without_probabilities_the_written_label_counts_and_the_rule_says_so(
    tmp_path: Path, loopback: Loopback, protocol: str
) -> None:
    loopback.script(replies=[[".", "4" if protocol == "score" else "C"]], gives_logprobs=False)
    said = judged_so(tmp_path, loopback, protocol)
    assert {(row[3], row[5], row[2]) for row in said} == {("letter", "ok", None)}


def test_grades_that_are_no_single_digit_are_refused_with_what_to_write() -> None:
    for scale in ((1, 10), (0, 0.5), (-1, 1)):
        with pytest.raises(BadJudge, match=r"one digit.*\[1, 5\]"):
            Judge("openai/m", logprobs=True, protocol="score", scale=scale)


def test_under_contexts_each_letter_s_probability_is_weighed(tmp_path: Path, loopback: Loopback) -> None:
    loopback.script(replies=[["in a hurry", "A"], [".", "B"]])
    judge = Judge("openai/m", base_url=loopback.base_url, logprobs=True, contexts="given")
    [pair] = pairs(1)
    contexts = [{"text": "Who asks is in a hurry.", "weight": 3}, {"text": "Who asks has time.", "weight": 1}]
    with Study(tmp_path / "study.db") as study:
        study.judge_sync([{**pair, "meta": {"contexts": contexts}}], judge, pace=quick())
    first = 0.75 / 0.9
    for (p_first,) in rows(tmp_path / "study.db", "SELECT p_first FROM verdict WHERE step = ''"):
        assert p_first == pytest.approx(0.75 * first + 0.25 * (1 - first), abs=1e-9)


def test_a_letter_that_is_even_counts_one_half_to_each_side() -> None:
    item = as_item(pairs(1)[0])
    judge = Judge("openai/m", logprobs=True)
    units = Plan().units(item, judge)
    even = [read([("A", -1.0), ("B", -1.0)]).model_copy(update=unit.model_dump()) for unit in units]
    decision = reconcile(units, even, protocol="pairwise")
    assert (decision.outcome, decision.preferred, decision.share) == ("tie", None, 0.5)
    certain = Verdict(**units[1].model_dump(), preferred="b")
    assert reconcile(units, [even[0], certain], protocol="pairwise").outcome == "flipped"
