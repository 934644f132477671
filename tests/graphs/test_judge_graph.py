"""How does an item get its verdicts: what is asked, what is repaired, and what may a judge of one's own say?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plurijudge import Judge, Plan, Study, Verdict, judge_of
from plurijudge.agents.model import Limits
from plurijudge.graphs.runner import Pace
from plurijudge.store.records import Item

from ..court import pairs, quick, rows
from ..loopback import Loopback

ONE = Plan(presentations="random")


def judged(
    judge: Judge, folder: Path, *, n: int = 1, plan: Plan = ONE, pace: Pace | None = None
) -> tuple[dict[str, Any], list[tuple[Any, ...]]]:
    """A run's sums, and its verdicts as (status, reason, preferred, raw of its call, turn of its call)."""
    with Study(folder / "s.db") as study:
        sums = study.judge_sync(pairs(n), judge, plan=plan, pace=pace or quick()).sums
    said = 'SELECT v.status, v.reason, v.preferred, c.response, c.turn FROM verdict v JOIN "call" c ON c.id = v.call'
    return sums, rows(folder / "s.db", f"{said} ORDER BY v.item, v.presentation, v.sample")


def remote(loopback: Loopback, **options: Any) -> Judge:
    return Judge("openai/m", base_url=loopback.base_url, **options)


def test_both_presentations_are_asked_and_show_the_responses_in_either_order(
    loopback: Loopback, tmp_path: Path
) -> None:
    loopback.script(answer="first")
    sums, verdicts = judged(remote(loopback), tmp_path, n=3, plan=Plan())
    assert sums["decisions"] == {"flipped": 3}
    assert [preferred for _, _, preferred, _, _ in verdicts] == ["a", "b"] * 3
    shown = [request["body"]["messages"][-1]["content"] for request in loopback.requests()]
    orders = [text.index("It is 2.") < text.index("It is 1, I think.") for text in shown if "1 and 1" in text]
    assert sorted(orders) == [False, True]


def test_a_reply_without_a_verdict_is_asked_once_more_and_the_second_reply_counts(
    loopback: Loopback, tmp_path: Path
) -> None:
    loopback.script("offmenu,ok*", answer="A")
    _, ((status, _, _, raw, turn),) = judged(remote(loopback), tmp_path)
    assert (status, turn) == ("ok", 1) and '"verdict"' in raw
    first, second = (request["body"]["messages"] for request in loopback.requests())
    assert second[: len(first)] == first
    assert [message["role"] for message in second[len(first) :]] == ["assistant", "user"]
    assert "depends on what the reader needs" in second[-2]["content"]


def test_a_repair_that_brings_no_verdict_either_leaves_the_first_reply_standing(
    loopback: Loopback, tmp_path: Path
) -> None:
    loopback.script("offmenu*")
    sums, ((status, reason, preferred, raw, turn),) = judged(remote(loopback), tmp_path)
    assert (status, reason, preferred, turn) == ("unparseable", "no_verdict", None, 0)
    assert "depends" in raw
    assert loopback.stat()["received"] == 2
    assert sums["decisions"] == {"failed": 1}


def test_a_repair_that_fails_leaves_the_first_reply_standing(loopback: Loopback, tmp_path: Path) -> None:
    loopback.script("offmenu,500*")
    _, ((status, _, _, _, turn),) = judged(remote(loopback), tmp_path, pace=quick(attempts=2))
    assert (status, turn) == ("unparseable", 0)


def test_without_repair_a_reply_without_a_verdict_is_asked_once(loopback: Loopback, tmp_path: Path) -> None:
    loopback.script("offmenu*")
    _, ((status, _, _, _, _),) = judged(remote(loopback, repair=False), tmp_path)
    assert status == "unparseable" and loopback.stat()["received"] == 1


@pytest.mark.parametrize("fault", ["empty", "null"])
def test_an_empty_reply_is_repaired_too(loopback: Loopback, tmp_path: Path, fault: str) -> None:
    loopback.script(f"{fault},ok*")
    _, ((status, _, _, _, turn),) = judged(remote(loopback), tmp_path)
    assert (status, turn) == ("ok", 1)


@pytest.mark.parametrize(("fault", "sends"), [("500", 2), ("400", 1), ("filter", 1), ("refuse:text", 1)])
def test_what_was_no_reply_is_not_repaired(loopback: Loopback, tmp_path: Path, fault: str, sends: int) -> None:
    loopback.script(f"{fault}*")
    judged(remote(loopback), tmp_path, pace=quick(attempts=2))
    assert loopback.stat()["received"] == sends
    assert rows(tmp_path / "s.db", 'SELECT max(turn) FROM "call"') == [(0,)]


@pytest.mark.parametrize(
    ("fault", "status", "reason"),
    [
        ("refuse:field", "refused", "refusal"),
        ("refuse:text", "refused", "refusal"),
        ("refuse:both", "refused", "refusal"),
        ("filter", "refused", "refusal"),
        ("length", "truncated", "token_limit"),
        ("empty", "unparseable", "empty"),
        ("400", "error", "bad_request"),
        ("500", "error", "server"),
    ],
)
def test_what_is_no_verdict_says_what_it_is(
    loopback: Loopback, tmp_path: Path, fault: str, status: str, reason: str
) -> None:
    loopback.script(f"{fault}*", enough_tokens=10**9)
    sums, ((found, why, preferred, _, _),) = judged(remote(loopback), tmp_path, pace=quick(attempts=2))
    assert (found, why, preferred) == (status, reason, None)
    assert sums["decisions"] == {"failed": 1}


def test_a_refusal_in_the_text_alone_is_not_reused_either(loopback: Loopback, tmp_path: Path) -> None:
    loopback.script("refuse:text")
    judged(remote(loopback), tmp_path)
    sums, verdicts = judged(remote(loopback), tmp_path)
    assert [status for status, *_ in verdicts] == ["refused", "ok"]
    assert sums["hits"] == 0


def test_a_judge_says_abstain(loopback: Loopback, tmp_path: Path) -> None:
    loopback.script([{"fault": "say", "arg": '{"rationale": "unclear", "verdict": "abstain"}', "times": 9}])
    sums, ((status, _, preferred, _, _),) = judged(remote(loopback), tmp_path)
    assert (status, preferred, sums["decisions"]) == ("abstained", None, {"abstained": 1})


def test_a_tie_that_is_not_allowed_is_no_verdict(loopback: Loopback, tmp_path: Path) -> None:
    loopback.script([{"fault": "say", "arg": '{"rationale": "same", "verdict": "tie"}', "times": 9}])
    _, ((status, reason, _, _, _),) = judged(remote(loopback, ties=False, repair=False), tmp_path)
    assert (status, reason) == ("unparseable", "tie_not_allowed")


def test_grades_are_given_response_by_response(loopback: Loopback, tmp_path: Path) -> None:
    sums, verdicts = judged(remote(loopback, protocol="score", scale=(0, 20)), tmp_path, n=4)
    assert sums["verdicts"] == {"ok": 8} and len(verdicts) == 8
    grades = rows(tmp_path / "s.db", "SELECT scores FROM verdict WHERE presentation = '[\"a\"]'")
    assert len(grades) == 4


async def async_id(item: Item, presentation: tuple[str, ...]) -> str:
    await asyncio.sleep(0)
    return max(presentation, key=lambda name: len(item.response(name).text or ""))


class Callable_:
    def __call__(self, item: Item, presentation: tuple[str, ...]) -> str:
        return f"I prefer the second. My verdict: [[{'AB'[presentation.index('b')]}]]"


CALLABLES: list[tuple[str, Callable[..., Any], str | None]] = [
    ("an id, async", async_id, "b"),
    ("an id", lambda item, presentation: "a", "a"),
    ("a text", lambda item, presentation: f"[[{'AB'[presentation.index('a')]}]]", "a"),
    ("an object", Callable_(), "b"),
    ("tie", lambda item, presentation: "tie", "tie"),
    ("a mapping", lambda item, presentation: {"preferred": "b", "rationale": "longer"}, "b"),
    ("a coroutine from a plain function", lambda item, presentation: async_id(item, presentation), "b"),
    (
        "a verdict",
        lambda item, presentation: Verdict(item=item.id, judge="", presentation=presentation, preferred="a"),
        "a",
    ),
]


@pytest.mark.parametrize(("function", "preferred"), [c[1:] for c in CALLABLES], ids=[c[0] for c in CALLABLES])
def test_a_judge_of_one_s_own_may_answer_in_many_forms(
    tmp_path: Path, function: Callable[..., Any], preferred: str
) -> None:
    sums, verdicts = judged(judge_of(function), tmp_path, plan=Plan())
    assert [(v[0], v[2]) for v in verdicts] == [("ok", preferred)] * 2
    assert sums["decisions"] == ({"tie": 1} if preferred == "tie" else {"ok": 1})


def test_none_from_a_judge_of_one_s_own_is_an_abstention(tmp_path: Path) -> None:
    sums, _ = judged(judge_of(lambda item, presentation: None), tmp_path)
    assert sums["verdicts"] == {"abstained": 1}


@pytest.mark.parametrize("given", [7, 7.5, {"scores": {"a": 7, "b": 7}}, {"score": 7}, '{"score": 7}', "Rating: 7"])
def test_a_judge_of_one_s_own_may_grade(tmp_path: Path, given: Any) -> None:
    judge = judge_of(lambda item, presentation: given, protocol="score")
    sums, _ = judged(judge, tmp_path)
    assert (sums["verdicts"], sums["decisions"]) == ({"ok": 2}, {"tie": 1})


@pytest.mark.parametrize("odd", [True, 3j, [1], object()])
def test_what_a_judge_of_one_s_own_may_not_return_is_an_error(tmp_path: Path, odd: Any) -> None:
    sums, ((status, reason, *_),) = judged(judge_of(lambda item, presentation: odd), tmp_path)
    assert (status, reason, sums["decisions"]) == ("error", "callable", {"failed": 1})


@pytest.mark.parametrize("error", [ValueError("no"), KeyError("x"), TimeoutError(), StopIteration(), OSError("gone")])
def test_a_judge_of_one_s_own_that_raises_fails_that_verdict_alone(tmp_path: Path, error: Exception) -> None:
    def judge(item: Item, presentation: tuple[str, ...]) -> str:
        if item.id == "q1":
            raise error
        return "a"

    sums, _ = judged(judge_of(judge), tmp_path, n=3, plan=Plan())
    assert sums["decisions"] == {"ok": 2, "failed": 1}
    assert sums["reasons"] == {"error: callable": 2}


def test_a_judge_of_one_s_own_that_hangs_holds_nothing_up(tmp_path: Path) -> None:
    import threading

    never = threading.Event()

    def judge(item: Item, presentation: tuple[str, ...]) -> str:
        if item.id == "q1":
            never.wait()
        return "a"

    pace = Pace(limits=Limits(timeout=0.3, attempts=1))
    sums, _ = judged(judge_of(judge), tmp_path, n=3, plan=Plan(), pace=pace)
    never.set()
    assert sums["reasons"] == {"error: timeout": 2}
    assert sums["decisions"] == {"ok": 2, "failed": 1}
