"""Does each node that asks more than once ask what it says and no more, and is what its answers come to theirs?"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from plurijudge import Judge, Plan, Study
from plurijudge.agents.arms import arms_of
from plurijudge.agents.nodes import NODES, Parts, calls_of, node_of, parts_of
from plurijudge.analyses.revisions import revisions
from plurijudge.analyses.routed import routed
from plurijudge.graphs.parts import part_of, parts_in, taken_together
from plurijudge.store.queries import calls_of as rows_of_calls, decisions_of, verdicts_of
from plurijudge.store.records import ASK_PEOPLE, Verdict, VerdictKey
from plurijudge.text.errors import BadInput, BadJudge

from ..court import pairs, quick
from ..loopback import Loopback
from .test_hearing import LONG, SUM, TASTE, Court, Json, longer, reply, said as whole_text

ONE = Plan(presentations="random", order="given")
BOTH = Plan(order="given")
UNIT = VerdictKey(item="q", judge="j", presentation=("a", "b"))
ROUTE = 0.5
SERVERS: list[Loopback] = []


@pytest.fixture(scope="module", autouse=True)
def running() -> Iterator[None]:
    """One server for all tests of this file: starting one costs more than what they ask of it."""
    with Loopback() as server:
        SERVERS.append(server)
        yield
        SERVERS.clear()


@contextmanager
def serving(**behaviour: Any) -> Iterator[Loopback]:
    """The server, as freshly started, with this behaviour."""
    [server] = SERVERS
    server.reset()
    server.script(behaviour.pop("faults", ""), **behaviour)
    yield server


def judge(server: Loopback, *nodes: str, **more: Any) -> Judge:
    return Judge("openai/m", base_url=server.base_url, nodes=nodes, structured="text", **more)


def say(verdict: str, why: str = "so") -> Json:
    return {"fault": "say", "arg": json.dumps({"rationale": why, "verdict": verdict})}


def rows(study: Study, run: str) -> list[Json]:
    return list(verdicts_of(study.store, run))


def finals(study: Study, run: str) -> list[Json]:
    return [row for row in rows(study, run) if row["step"] == ""]


# What nodes cost.


@pytest.mark.parametrize(
    ("nodes", "calls"),
    [
        (("mec:5",), 5),
        (("mec:2", "reflect"), 4),
        (("balanced", "challenge"), 4),
        (("mec", "balanced"), 6),
        (("route:0", "own_answer"), 3),
        (("mec:2", "own_answer"), 4),
        (("synthesise", "reflect"), 5),
        (("reflect", "challenge"), 3),
    ],
)
def test_nodes_together_make_the_calls_that_the_judge_says(tmp_path: Path, nodes: tuple[str, ...], calls: int) -> None:
    with serving(answer="hash") as server, Study(tmp_path / "s.db") as study:
        who = judge(server, *nodes)
        assert who.calls == calls == calls_of(nodes)
        outcome = study.judge_sync(pairs(2), who, plan=ONE, pace=quick(concurrency=3))
        assert server.stat()["received"] == 2 * calls == outcome.sums["calls"]


def test_both_orders_share_what_each_asks_of_the_other(tmp_path: Path) -> None:
    with serving(answer="first") as server, Study(tmp_path / "s.db") as study:
        outcome = study.judge_sync(pairs(3), judge(server, "balanced"), plan=BOTH, pace=quick())
        assert server.stat()["received"] == 6 and outcome.sums["hits"] == 6
        made = rows(study, outcome.run)
    assert len(made) == 3 * 2 * 3
    steps = {(row["step"], tuple(row["presentation"])) for row in made if row["item"] == "q0"}
    assert steps == {(step, shown) for step in ("", "own", "swapped") for shown in (("a", "b"), ("b", "a"))}


def test_a_plain_judge_and_its_balanced_twin_share_every_answer(tmp_path: Path) -> None:
    with serving(answer="first") as server, Study(tmp_path / "s.db") as study:
        study.judge_sync(pairs(3), judge(server), plan=BOTH, pace=quick())
        before = server.stat()["received"]
        study.judge_sync(pairs(3), judge(server, "balanced"), plan=BOTH, pace=quick())
        assert server.stat()["received"] == before == 6


# What answers come to.


def test_a_judge_that_takes_the_first_ties_in_both_orders_once_it_is_balanced(tmp_path: Path) -> None:
    with serving(answer="first") as server, Study(tmp_path / "s.db") as study:
        outcome = study.judge_sync(pairs(2), judge(server, "balanced"), plan=BOTH, pace=quick())
        assert {(row["preferred"], row["rule"]) for row in finals(study, outcome.run)} == {("tie", "majority of parts")}
        assert outcome.sums["decisions"] == {"tie": 2}


def test_without_ties_answers_that_cancel_are_no_verdict(tmp_path: Path) -> None:
    with serving(answer="first") as server, Study(tmp_path / "s.db") as study:
        outcome = study.judge_sync(pairs(1), judge(server, "balanced", ties=False), plan=BOTH, pace=quick())
        assert {(row["status"], row["reason"]) for row in finals(study, outcome.run)} == {("abstained", "parts_differ")}


def test_evidence_k_times_takes_the_majority_and_keeps_each_answer(tmp_path: Path) -> None:
    answers = [say("A", "one"), say("B", "two"), say("B", "three")]
    with serving(faults=answers) as server, Study(tmp_path / "s.db") as study:
        outcome = study.judge_sync(pairs(1), judge(server, "mec"), plan=ONE, pace=quick(concurrency=1))
        made = {row["step"]: row for row in rows(study, outcome.run)}
        bodies = [request["body"] for request in server.requests()]
    shown = made[""]["presentation"]
    assert made[""]["preferred"] == shown[1] and made[""]["rationale"] in ("two", "three")
    assert sorted(made) == ["", "own 1", "own 2", "own 3"]
    assert sorted(made[f"own {n}"]["rationale"] for n in (1, 2, 3)) == ["one", "three", "two"]
    assert {body["temperature"] for body in bodies} == {0.7}  # at 0 all of them would be the same
    assert all("quote at most ten words" in body["messages"][0]["content"] for body in bodies)


def test_a_judge_that_is_warm_already_keeps_its_temperature(tmp_path: Path) -> None:
    with serving(answer="first") as server, Study(tmp_path / "s.db") as study:
        study.judge_sync(pairs(1), judge(server, "mec", temperature=1.0), plan=ONE, pace=quick())
        assert {request["body"]["temperature"] for request in server.requests()} == {1.0}


def test_scores_are_averaged_k_times(tmp_path: Path) -> None:
    marks = [{"fault": "say", "arg": json.dumps({"rationale": "r", "score": n})} for n in (4, 6, 8)]
    item = {"id": "q", "prompt": "?", "responses": [{"id": "a", "text": "x"}]}
    with serving(faults=marks) as server, Study(tmp_path / "s.db") as study:
        who = judge(server, "mec", protocol="score")
        [row] = finals(study, study.judge_sync([item], who, plan=BOTH, pace=quick()).run)
    assert row["scores"] == {"a": 6.0} and row["rule"] == "mean score of parts"


def test_both_orders_are_read_before_a_synthesis_in_the_names_of_its_own_order(tmp_path: Path) -> None:
    answers = [say("A", "the own order's reasons"), say("A", "the other order's reasons"), say("B", "together")]
    with serving(faults=answers) as server, Study(tmp_path / "s.db") as study:
        outcome = study.judge_sync(pairs(1), judge(server, "synthesise"), plan=ONE, pace=quick(concurrency=1))
        made = {row["step"]: row for row in rows(study, outcome.run)}
        last = server.requests()[-1]["body"]["messages"]
    first, second = made[""]["presentation"]
    assert (made[""]["preferred"], made[""]["rule"]) == (second, "synthesise: the orders differed")
    own, swapped = (made[step] for step in ("own", "swapped"))
    assert [own["preferred"], swapped["preferred"]] == [first, second]
    told = last[-1]["content"]
    assert last[-2] == {"role": "assistant", "content": answers[0]["arg"]}
    assert "your verdict was, in the names used here: B" in told  # its A is what is B here
    fence = told.split("The mark\nis ")[1].split("\n")[0]
    assert f"{fence}\n{swapped['rationale']}\n{fence}" in told


def key(step: str, shown: tuple[str, ...], sample: int = 0) -> dict[str, Any]:
    return {"item": "q", "judge": "j", "step": step, "presentation": shown, "sample": sample}


def word(shown: tuple[str, ...] = ("a", "b"), preferred: str | None = "a", **more: Any) -> Verdict:
    status = {} if preferred is not None else {"status": "unparseable", "reason": "no_verdict"}
    return Verdict(**{**key("own", shown), "preferred": preferred, **status, **more})


def test_scores_before_probabilities_before_votes() -> None:
    two = Parts(orders=2)
    swapped = ("b", "a")
    scored = [
        word(preferred="a", scores={"a": 9, "b": 2}, p_first=0.6),
        word(swapped, "b", scores={"a": 4, "b": 5}, p_first=0.9),
    ]
    found = taken_together(UNIT, scored, True, two)
    assert (found.preferred, found.scores, found.rule) == ("a", {"a": 6.5, "b": 3.5}, "mean score of parts")
    found = taken_together(UNIT, [word.model_copy(update={"scores": None}) for word in scored], True, two)
    assert found.p_first == pytest.approx((0.6 + 0.1) / 2) and found.preferred == "b"
    found = taken_together(UNIT, [word(), word(swapped, "tie")], True, two)
    assert (found.preferred, found.rule) == ("a", "majority of parts")


def test_each_order_counts_alike_however_many_of_its_answers_can_be_used() -> None:
    swapped = ("b", "a")
    words = [word(), word(), word(), word(swapped, "b"), word(swapped, None), word(swapped, None)]
    assert taken_together(UNIT, words, True, Parts(3, 2)).preferred == "tie"


def test_an_order_without_an_answer_leaves_no_verdict() -> None:
    found = taken_together(UNIT, [word(), word(("b", "a"), None)], True, Parts(orders=2))
    assert (found.status, found.reason, found.preferred) == ("unparseable", "no_verdict", None)


def test_a_failed_answer_leaves_the_verdict_to_be_asked_again_and_says_why(tmp_path: Path) -> None:
    with serving(faults=["ok", "500*"], answer="first") as server, Study(tmp_path / "s.db") as study:
        pace = quick(concurrency=1, attempts=1)
        outcome = study.judge_sync(pairs(1), judge(server, "mec:2", "balanced"), plan=BOTH, pace=pace)
        assert outcome.sums["decisions"] == {"failed": 1}
        assert {(row["status"], row["reason"]) for row in finals(study, outcome.run)} == {("error", "server")}
        server.script("")
        again = study.retry_sync(outcome.run, pace=pace)
        assert again.sums["verdicts"] == {"ok": 2}


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("orders", [1, 2])
def test_the_verdict_of_a_part_s_call_is_found_again(samples: int, orders: int) -> None:
    names = (*([f"mec:{samples}"] if samples > 1 else []), *(["balanced"] if orders == 2 else []))
    unit = UNIT.model_copy(update={"sample": 4})
    for part in parts_in(unit, parts_of(names)):
        for step in (part.step, f"{part.step}, reflect"):
            place = ("j", "", part.presentation, part.sample)
            assert part_of(names, {"step": step}, place) == ("j", "", ("a", "b"), 4)


# People.


def test_answers_that_differ_are_handed_to_people_with_a_reason(tmp_path: Path) -> None:
    items = [*pairs(1), {**pairs(2)[1], "responses": [{"id": "a", "text": "long " * 90}, {"id": "b", "text": "no."}]}]
    segments = r"(?s)Answer A:\n(?P<first>.*?)Answer B:\n(?P<second>.*?)Which answer"
    with serving(answer="longer", segments=segments) as server, Study(tmp_path / "s.db") as study:
        server.script("", answer="first")
        outcome = study.judge_sync(items[:1], judge(server, "route"), plan=BOTH, pace=quick())
        [decision] = decisions_of(study.store, outcome.run)
        handed = routed(study.store, outcome.run)
        server.script("", answer="longer")
        sure = study.judge_sync(items[1:], judge(server, "route"), plan=BOTH, pace=quick())
        assert sure.sums["decisions"] == {"ok": 1} and routed(study.store, sure.run) == []
        words = finals(study, outcome.run)
    assert decision["outcome"] == "abstained" and decision["rule"].endswith("a person is asked")
    assert {(row["status"], row["reason"]) for row in words} == {("abstained", ASK_PEOPLE)}
    assert "differ by 0.69 nats" in words[0]["rationale"]
    assert [(one.item, one.answers) for one in handed] == [("q0", 2)] and handed[0].entropy == pytest.approx(
        math.log(2)
    )


@pytest.mark.parametrize(("votes", "entropy"), [("aaab", 0.562), ("aaaa", 0.0), ("aabb", math.log(2)), ("aabt", 1.040)])
def test_the_entropy_of_the_outcomes_decides_who_judges(votes: str, entropy: float) -> None:
    said = {"a": "a", "b": "b", "t": "tie"}
    words = [word(("a", "b") if n < 2 else ("b", "a"), said[vote]) for n, vote in enumerate(votes)]
    for threshold in (entropy - 0.01, entropy + 0.01):
        found = taken_together(UNIT, words, True, Parts(2, 2, threshold))
        assert (found.reason == ASK_PEOPLE) == (entropy > threshold)


# A question without content, and revisions.


def test_the_control_of_a_second_look_has_as_many_turns_and_says_nothing_of_biases(tmp_path: Path) -> None:
    turns: dict[str, list[list[Json]]] = {}
    for node in ("reflect", "challenge"):
        with serving(answer="first") as server, Study(tmp_path / f"{node}.db") as study:
            study.judge_sync(pairs(1), judge(server, node), plan=ONE, pace=quick())
            turns[node] = [request["body"]["messages"] for request in server.requests()]
    assert [len(talk) for talk in turns["reflect"]] == [len(talk) for talk in turns["challenge"]] == [2, 4]
    told = {node: talks[1][-1]["content"] for node, talks in turns.items()}
    assert [turn["role"] for turn in turns["reflect"][1]] == [turn["role"] for turn in turns["challenge"][1]]
    assert turns["reflect"][1][0] == turns["challenge"][1][0]
    assert "Are you sure?" in told["challenge"]
    for word_of_content in ("first", "longer", "authority", "tone", "reason", "check"):
        assert word_of_content in told["reflect"] and word_of_content not in told["challenge"]


SCRIPT = ["AB", "AA", "BA", "BB", "AB", "BA", "A?", "A-"]  # what each item's verdict is before and after the look


@pytest.mark.parametrize("node", ["reflect", "challenge"])
def test_stored_steps_give_exactly_the_scripted_revisions(tmp_path: Path, node: str) -> None:
    look = {"?": {"fault": "say", "arg": "Hm."}, "-": say("abstain")}
    answers = [look.get(letter) or say(letter) for pair in SCRIPT for letter in pair]
    items = [{**item, "gold": [{"preferred": "a"}]} for item in pairs(len(SCRIPT))]
    items[5].pop("gold")
    with serving(faults=answers) as server, Study(tmp_path / "s.db") as study:
        outcome = study.judge_sync(items, judge(server, node), plan=ONE, pace=quick(concurrency=1))
        assert server.stat()["received"] == 2 * len(SCRIPT)
        [found] = revisions(study.store, outcome.run)
        shown = {row["item"]: row["presentation"] for row in finals(study, outcome.run)}
    right = {f"q{n}": "A" if shown[f"q{n}"][0] == "a" else "B" for n in range(len(SCRIPT))}
    moves = [(pair[0] == right[f"q{n}"], pair[1] == right[f"q{n}"]) for n, pair in enumerate(SCRIPT[:5])]
    assert (found.node, found.looked, found.unread, found.withdrawn, found.untold) == (node, 8, 1, 1, 1)
    assert found.helpful == moves.count((False, True)) and found.harmful == moves.count((True, False))
    assert found.kept == 3 and found.neutral == 0
    assert found.helpful + found.harmful == 3 and found.gain.n == 6
    assert f"{found.helpful} mended, {found.harmful} spoilt" in str(found)


def test_two_looks_one_after_the_other_keep_each_word(tmp_path: Path) -> None:
    answers = [say("A", "one"), say("B", "two"), say("A", "three")]
    with serving(faults=answers) as server, Study(tmp_path / "s.db") as study:
        outcome = study.judge_sync(pairs(1), judge(server, "challenge", "reflect"), plan=ONE, pace=quick())
        made = {row["step"]: (row["rationale"], row["rule"]) for row in rows(study, outcome.run)}
        told = revisions(study.store, outcome.run)
    assert made == {
        "decide": ("one", "json"),
        "reflect": ("two", "reflect: revised"),
        "": ("three", "challenge: revised"),
    }
    assert [(one.node, one.looked, one.untold) for one in told] == [("reflect", 1, 1), ("challenge", 1, 1)]


def test_each_part_has_a_look_of_its_own_and_all_are_counted(tmp_path: Path) -> None:
    with serving(answer="first") as server, Study(tmp_path / "s.db") as study:
        outcome = study.judge_sync(pairs(2), judge(server, "balanced", "reflect"), plan=ONE, pace=quick())
        steps = {row["step"] for row in rows(study, outcome.run)}
        [found] = revisions(study.store, outcome.run)
        asked = {call["step"] for call in rows_of_calls(study.store, outcome.run, "q0")}
    assert steps == {"", "own", "own, decide", "swapped", "swapped, decide"}
    assert asked == {"own", "own, reflect", "swapped", "swapped, reflect"}
    assert (found.looked, found.kept) == (4, 4)


# Behind tools.


def turning(body: Json) -> Json:
    """A judge that prefers the longer answer, and turns round when it is asked again."""
    if len(body["messages"]) <= 2:
        return longer(body)
    last = json.loads(body["messages"][-2]["content"])["verdict"]
    return reply(json.dumps({"rationale": "On second thoughts.", "verdict": "B" if last == "A" else "A"}))


def shorter(body: Json) -> Json:
    """The other way round at first, and it turns round too."""
    if len(body["messages"]) > 2:
        return turning(body)
    verdict = json.loads(longer(body)["content"])["verdict"]
    return reply(json.dumps({"rationale": "It is brief.", "verdict": "B" if verdict == "A" else "A"}))


@pytest.fixture
def court(tmp_path: Path) -> Court:
    return Court(tmp_path)


@pytest.mark.parametrize("node", ["reflect", "challenge"])
@pytest.mark.parametrize("script", [turning, shorter])
def test_no_second_look_overturns_what_a_tool_decides_whether_the_model_agreed_or_not(
    court: Court, script: Callable[[Json], Json], node: str
) -> None:
    court.judge(script, SUM, TASTE, tools=("calculator",), nodes=(node,))
    found = set(court.rows("SELECT item, step, preferred, rule FROM verdict"))
    final = {(preferred, rule) for item, step, preferred, rule in found if (item, step) == ("sum", "")}
    assert final == {("a", "settled" if script is turning else "json")}
    was, now = ("a", "b") if script is turning else ("b", "a")  # of taste, a is the longer
    taste = {(step, preferred, rule) for item, step, preferred, rule in found if item == "taste"}
    assert taste == {("decide", was, "json"), ("", now, f"{node}: revised")}
    looks = [body for body in court.bodies if len(body["messages"]) > 2]
    assert len(looks) == 2 and not any(LONG in whole_text(body) for body in looks)


def test_a_synthesis_does_not_decide_again_what_a_tool_decides(court: Court) -> None:
    court.judge(longer, SUM, tools=("calculator",), nodes=("synthesise",))
    assert set(court.rows("SELECT preferred, rule FROM verdict WHERE step = ''")) == {("a", "settled")}
    assert len(court.bodies) == 2  # each order once, and no further turn
    calls = court.rows("SELECT DISTINCT step FROM tool_call ORDER BY step")
    assert [step for (step,) in calls] == ["own", "swapped"]


def test_revisions_behind_tools_count_what_was_looked_at_alone(court: Court) -> None:
    gold = [{"preferred": "b"}]
    run = court.judge(turning, SUM, {**TASTE, "gold": gold}, tools=("calculator",), nodes=("reflect",)).run
    with Study(court.folder / "court.db") as study:
        [found] = revisions(study.store, run)
    assert (found.looked, found.helpful, found.harmful, found.kept) == (2, 2, 0, 0)


# Names.


@pytest.mark.parametrize("name", ["mec:1", "mec:2.5", "mec:x", "mec:100", "route:2", "route:-1", "rules:3", "debate"])
def test_a_number_that_a_node_does_not_take_is_refused(name: str) -> None:
    with pytest.raises(BadJudge, match="nodes"):
        Judge("m/x", nodes=(name,))


def test_nodes_that_do_not_go_together_or_need_pairs_are_refused() -> None:
    for other in ("mec", "balanced", "route"):
        with pytest.raises(BadJudge, match="leave out"):
            Judge("m/x", nodes=("synthesise", other))
    for name in ("balanced", "synthesise", "route"):
        with pytest.raises(BadJudge, match="judges pairs"):
            Judge("m/x", nodes=(name,), protocol="score")
    with pytest.raises(BadJudge, match="twice"):
        Judge("m/x", nodes=("mec:3", "mec:5"))


def test_the_usual_number_may_be_left_out() -> None:
    assert Judge("m/x", nodes=("mec:3",)).id == Judge("m/x", nodes=("mec",)).id != Judge("m/x", nodes=("mec:5",)).id
    assert node_of("route") == ("route", ROUTE)


def test_an_arm_is_named_by_its_nodes_and_a_reflection_brings_its_control() -> None:
    arms = arms_of(Judge("m/x", nodes=("rules",)), "reflect, mec:5+balanced,cases+reflect")
    assert [(arm.name, arm.control, arm.asked) for arm in arms] == [
        ("reflect", "challenge", True),
        ("mec:5+balanced", "", True),
        ("cases+reflect", "cases+challenge", True),
        ("challenge", "", False),
        ("cases+challenge", "", False),
    ]
    assert arms[1].judge.nodes == ("rules", "mec:5", "balanced")
    assert [arm.judge.calls for arm in arms] == [2, 10, 2, 2, 2]
    named = arms_of(Judge("m/x"), "challenge,reflect")
    assert [(arm.name, arm.control, arm.asked) for arm in named] == [
        ("challenge", "", True),
        ("reflect", "challenge", True),
    ]
    assert [arm.name for arm in arms_of(Judge("m/x"), "reflect", controls=False)] == ["reflect"]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("rules", "already"),
        ("debate", "none"),
        ("mec,mec:3", "are one"),
        ("synthesise+mec", "leave out"),
        ("mec:0", "2 to"),
    ],
)
def test_an_arm_that_there_is_not_is_refused(names: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        arms_of(Judge("m/x", nodes=("rules",)), names)


def test_every_node_says_what_it_does_and_the_page_says_what_it_costs() -> None:
    page = (Path(__file__).parents[2] / "docs" / "nodes.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `([a-z_]+)(?::\w+)?` \|.*\| ([^|]+) \|$", page, re.MULTILINE))
    for name, node in NODES.items():
        assert node.about and calls_of((name,)) == 1 + node.calls
        assert told[name] == ("k - 1" if name == "mec" else "none" if node.calls == 0 else str(node.calls))
