"""Is a verdict read from one letter's probability, by either transport, and from the letter where there is none?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from plurijudge.agents.judge import Judge
from plurijudge.graphs.letters import read_letter
from plurijudge.graphs.study import Study, as_item
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


def test_it_goes_with_pairs_alone_and_leaves_other_judges_what_they_were() -> None:
    for more in ({"protocol": "score"}, {"nodes": ["rules"]}, {"tools": ["calculator"]}):
        with pytest.raises(BadJudge, match="one letter on a pair"):
            Judge("openai/m", logprobs=True, **more)
    assert Judge("openai/m", logprobs=True).id != Judge("openai/m").id
    assert "logprobs" not in Judge("openai/m").description
    assert Judge("openai/m", logprobs=True).words.id == "judge/letter"
