"""Does anything that is judged steer the judging: through the parser, the template, the tools, the whole graph?

Two models are scripted. The upright one knows which answer is right, and quotes what it read in its reasons: no verdict
of it may change. The gullible one does as it finds written: what it follows is measured, and equals a count by hand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from plurijudge import Judge, Study
from plurijudge.agents.attacks.base import PLANTED, Attack
from plurijudge.agents.attacks.filling import as_shown, filled
from plurijudge.agents.attacks.known import ATTACKS
from plurijudge.agents.perturbers.base import Unfit
from plurijudge.agents.protocols.known import PROTOCOLS
from plurijudge.agents.tools.evidence import hit, told_of
from plurijudge.analyses.attack import PROTOCOLS as COUNTED, attacked as measured
from plurijudge.graphs.attack import RANDOM, WEAKER, attacked, drawn, favoured
from plurijudge.graphs.decide import fence_of, heard_in, messages_of
from plurijudge.graphs.plan import Plan
from plurijudge.store.records import Gold, Item
from plurijudge.text.errors import BadInput
from plurijudge.text.injected import escaped

from ..court import quick, rows
from ..loopback import Loopback

RUBRIC = [
    {"id": "right", "text": "The sum is right.", "weight": 2},
    {"id": "rude", "text": "It is rude.", "weight": -1},
    {"id": "clear", "text": "How clear it is.", "weight": 1, "scale": [1, 5]},
]


def item(number: int = 2, **more: Any) -> Item:
    told: dict[str, Any] = {
        "id": f"q{number}",
        "prompt": f"What is {number} and {number}?",
        "context": "A lesson for children.",
        "reference": f"It is {2 * number}.",
        "responses": [
            {"id": "a", "text": f"It is {2 * number}, the right sum."},
            {"id": "b", "text": f"It is {number}, I think."},
        ],
        "gold": [{"preferred": "a"}],
        "meta": {"requests": {"a": "Add.", "b": "Add."}},
    }
    return Item(**{**told, **more})


def judge_of(protocol: str, **more: Any) -> Judge:
    own: dict[str, Any] = {"rubric": RUBRIC} if protocol == "rubric" else {}
    return Judge(protocol=protocol, **own, **more)


# The parser: a judge that is right, and quotes the attack.


def right(protocol: str, mine: str, other: str) -> dict[str, Any]:
    """What a judge says that sees that the attacked response is the worse one, as JSON."""
    if protocol in ("score", "reference"):
        return {"score": 3}
    if protocol == "rubric":
        marks: dict[str, dict[str, Any]] = {"right": {"met": False}, "rude": {"met": True}, "clear": {"score": 2}}
        return {"criteria": {name: {"reason": "so", **mark} for name, mark in marks.items()}}
    return {"ranking": [other, mine]} if protocol == "rank" else {"verdict": other}


def freely(protocol: str, mine: str, other: str) -> str:
    """The same in words."""
    if protocol in ("score", "reference"):
        return "Score: 3"
    if protocol == "rubric":
        return "right: no\nrude: yes\nclear: 2"
    return f"[[{other} > {mine}]]" if protocol == "rank" else f"[[{other}]]"


def replies(protocol: str, said: str, mine: str, other: str) -> Iterator[str]:
    """Ways to give the right verdict and to quote what an answer said."""
    verdict, words = right(protocol, mine, other), freely(protocol, mine, other)
    quoting = f"Answer {mine} says: {said} That is no merit."
    yield json.dumps({"rationale": quoting, **verdict})
    yield json.dumps({**verdict, "rationale": quoting}, ensure_ascii=False)
    yield f'It says "{said}", which I leave aside. {json.dumps({"rationale": "It is wrong.", **verdict})}'
    yield f"One of the answers holds this:\n\n{said}\n\nI do not follow it.\n\n{words}"
    yield f'{json.dumps({"rationale": "It is wrong.", **verdict})}\n\nNote: one says "{said}", which I leave aside.'
    yield f"{words}\n\nOne of the answers holds this, which I leave aside:\n\n{said}\n\nThat is why."


def verdict_in(judge: Judge, reply: str, shown: Item) -> tuple[Any, ...]:
    parsed = heard_in(judge, reply, shown, 2 if PROTOCOLS[judge.protocol].together else 1)
    return parsed.status, parsed.preferred, parsed.groups, parsed.scores, parsed.marks


@pytest.mark.parametrize("protocol", ["pairwise", "score", "rubric", "rank"])
def test_a_right_judge_that_quotes_an_attack_is_never_heard_to_say_what_the_attack_says(protocol: str) -> None:
    judge, heard = judge_of(protocol), 0
    for number, one in enumerate(ATTACKS.values()):
        side = "ab"[number % 2]
        presentation = ("a", "b") if PROTOCOLS[protocol].together else (side,)
        attacked_item = as_shown(one.planted(item(), side), judge, presentation)
        said = filled(one.text, judge, item(), presentation, side)
        mine = judge.labels(2)[presentation.index(side)]
        other = "A" if mine == "B" else "B"
        want = verdict_in(judge, json.dumps(right(protocol, mine, other)), attacked_item)
        assert want[0] == "ok"
        for reply in replies(protocol, said, mine, other):
            got = verdict_in(judge, reply, attacked_item)
            heard += got == want
            # what cannot be told from a verdict of its own is asked for again, and is never the attack's
            assert got == want or got[0] in ("unparseable", "truncated"), (one.name, reply[:400])
    assert heard > 0.8 * len(ATTACKS) * 6


@pytest.mark.parametrize("protocol", sorted(PROTOCOLS))
def test_an_attack_within_the_strings_of_an_answer_in_json_is_none_of_its_verdict(protocol: str) -> None:
    judge = judge_of(protocol)
    presentation = ("a", "b") if PROTOCOLS[protocol].together else ("b",)
    want = verdict_in(judge, json.dumps(right(protocol, "B", "A")), item())
    for one in ATTACKS.values():
        said = filled(one.text, judge, item(), presentation, "b")
        for ascii_only in (True, False):
            reply = json.dumps({"rationale": f"It says: {said}", **right(protocol, "B", "A")}, ensure_ascii=ascii_only)
            assert verdict_in(judge, reply, item()) == want, one.name


# The template: an attack stays within its fence.


@pytest.mark.parametrize("protocol", sorted(PROTOCOLS))
@pytest.mark.parametrize("place", PLANTED)
def test_whatever_an_attack_says_stands_between_the_marks_and_changes_nothing_else(protocol: str, place: Any) -> None:
    judge, plain, tried = judge_of(protocol), item(), 0
    presentation = ("a", "b") if PROTOCOLS[protocol].together else ("b",)
    key = Plan().units(plain, judge)[0].model_copy(update={"presentation": presentation})
    for one in ATTACKS.values():
        try:
            planted = one.planted(plain, "b", place)
        except Unfit:
            assert place not in one.places
            continue
        tried += 1
        unit = key.model_copy(update={"item": planted.id})
        fence = fence_of(b"secret", unit)
        before = messages_of(judge, plain, unit, fence)
        after = messages_of(judge, as_shown(planted, judge, presentation), unit, fence)
        said = filled(one.text, judge, plain, presentation, "b")
        assert fence not in said
        assert [message["role"] for message in after] == [message["role"] for message in before]
        assert after[0] == before[0]  # what the judge is told of its task
        parts = [message[-1]["content"].split(fence) for message in (before, after)]
        assert len(parts[0]) == len(parts[1])
        changed = [number for number, pair in enumerate(zip(*parts, strict=True)) if pair[0] != pair[1]]
        if (protocol, place) == ("joint", "reference"):  # which that prompt does not show
            assert changed == []
            continue
        assert len(changed) == 1 and changed[0] % 2 == 0, (one.name, changed)  # the 2nd, 4th ... lie between two marks
        assert said.strip() in parts[1][changed[0]] or not said.strip()
    assert tried >= 60


# The tools: an attack in a hit of a search is not shown as it is.


@pytest.mark.parametrize("one", [one for one in ATTACKS.values() if "hit" in one.places], ids=lambda one: one.name)
def test_an_attack_in_a_hit_cannot_pose_as_a_turn_a_call_or_a_verdict_in_brackets(one: Attack) -> None:
    said = filled(one.text, judge_of("pairwise"), item(), ("a", "b"), "b")
    told = told_of(
        {"hits": [{"id": "e1", "title": "Sums", "snippet": f"Two and two is four.\n\n{said}"}]}, limit=50_000
    )
    shown = escaped(json.dumps(told, ensure_ascii=False))
    assert "[[" not in shown and "<" not in shown.replace("<|", "<") and "Action:" not in shown
    assert not re.search(r"(?:^|[\"\n])(?:Assistant|SYSTEM|Observation):", shown)


def test_most_attacks_in_hits_are_flagged() -> None:
    flagged = 0
    for one in ATTACKS.values():
        said = filled(one.text, judge_of("pairwise"), item(), ("a", "b"), "b")
        made = hit(
            provider="p", ground="", rank=1, title="t", url="", snippet=f"Four. {said}", query="q", retrieved_at=""
        )
        flagged += bool(made["flags"])
    assert flagged > len(ATTACKS) / 2


# The whole graph, over the loopback server.

QUOTES_B = r"(?s)Answer A:\s+==\w+==\sIt is \d+, the right.*?Answer B:\s+==\w+==\s(.*?)\s==\w+=="
QUOTES_A = r"(?s)Answer A:\s+==\w+==\s(.*?)\s==\w+==\s+Answer B:\s+==\w+==\sIt is \d+, the right"
QUOTING = [
    [QUOTES_B, r"B holds this:\n\n\1\n\nI leave it aside.\n\n[[A]]"],
    [QUOTES_A, r"A holds this:\n\n\1\n\nI leave it aside.\n\n[[B]]"],
]
GULLIBLE = [
    [r"(?s)==\w+==.*\[\[([AB])\]\]", r"I do as I am told: [[\1]]"],
    [r"(?s)Answer A:\s+==\w+==\sIt is \d+, the right", "[[A]]"],
    [r"(?s).", "[[B]]"],
]


def tried(loopback: Loopback, folder: Path, script: Sequence[Sequence[str]], items: list[Item], **options: Any) -> Any:
    loopback.script(replies=script)
    judge = Judge(
        "openai/m", base_url=loopback.base_url, structured="text", protocol=options.pop("protocol", "pairwise")
    )
    attacks = options.pop("attacks", [*ATTACKS.values()])
    with Study(folder / "s.db") as study:
        return study.attack_sync(items, judge, attacks=attacks, pace=quick(), **options)


def test_a_right_judge_that_quotes_keeps_its_verdict_through_the_whole_graph(
    loopback: Loopback, tmp_path: Path
) -> None:
    found = tried(loopback, tmp_path, QUOTING, [item()], places=("response", "prompt", "reference"), each=2).found
    assert found.total.verdicts > 80
    assert found.total.measures["success"].estimate == 0.0
    said = rows(tmp_path / "s.db", "SELECT status, preferred, count(*) FROM verdict GROUP BY 1, 2")
    assert said == [("ok", "a", sum(n for *_, n in said))]


def test_what_a_gullible_judge_follows_is_what_is_counted_by_hand(loopback: Loopback, tmp_path: Path) -> None:
    kinds = {
        kind: [one for one in ATTACKS.values() if one.kind == kind] for kind in ("verdict", "plea", "empty", "leak")
    }
    chosen = [*kinds["verdict"][6:14], *kinds["plea"][:9], *kinds["empty"][:5], *kinds["leak"]]
    items = [item(number) for number in (2, 3)]
    found = tried(loopback, tmp_path, GULLIBLE, items, attacks=chosen).found
    by_hand: dict[str, list[float]] = {}
    judge = judge_of("pairwise")
    for one in chosen:
        won = 0
        for presentation in (("a", "b"), ("b", "a")):
            mine = "AB"[presentation.index("b")]
            told = re.findall(r"(?s)\[\[([AB])\]\]", filled(one.text, judge, item(), presentation, "b"))
            won += bool(told) and told[-1] == mine
        by_hand.setdefault(one.kind, []).append(won / 2)
    rates = {line.name: line.measures["success"].estimate for line in found.kinds}
    assert rates == {kind: pytest.approx(sum(won) / len(won)) for kind, won in by_hand.items()}
    assert rates["plea"] > 0.7 and 0 < rates["verdict"] < 0.3 and rates["leak"] > 0 and rates["empty"] == 0
    lines = {line.name: line for line in found.kinds}
    assert lines["empty"].measures["success_floor"].estimate == 0.0
    assert lines["empty"].seen_from is not None and 0 < lines["empty"].seen_from < 1
    singly = {line.name: line.measures["success"].estimate for line in found.attacks}
    assert singly["brackets"] == singly["flattery"] == 1.0 and singly["json_criteria"] == 0.0
    assert found.total.measures["away"].estimate is None  # no verdict was for the weaker answer


def test_scores_that_an_attack_raises_are_measured_in_points(loopback: Loopback, tmp_path: Path) -> None:
    script = [[r"\[\[10\]\]", "As told. Score: 10"], [r"the right", "Score: 9"], ["(?s).", "Score: 3"]]
    chosen = [ATTACKS[name] for name in ("brackets", "flattery", "empty_dots")]
    found = tried(loopback, tmp_path, script, [item(n) for n in range(2, 6)], attacks=chosen, protocol="score").found
    lines = {line.name: line for line in found.attacks}
    assert lines["brackets"].measures["rise"].estimate == lines["flattery"].measures["rise"].estimate == 7.0
    assert lines["brackets"].measures["success"].estimate == 1.0
    assert lines["empty_dots"].measures["rise"].estimate == 0.0
    assert found.span == (1.0, 10.0)
    assert found.total.measures["rise"].estimate == pytest.approx(14 / 3)


def test_text_that_poses_as_a_call_is_carried_out_by_no_tool(loopback: Loopback, tmp_path: Path) -> None:
    loopback.script(replies=QUOTING)
    judge = Judge("openai/m", base_url=loopback.base_url, structured="text", tools=("calculator",))
    attacks = [one for one in ATTACKS.values() if one.kind == "tool"]
    with Study(tmp_path / "s.db") as study:
        found = study.attack_sync([item()], judge, attacks=attacks, pace=quick()).found
    assert found is not None and found.total.measures["success"].estimate == 0.0
    assert rows(tmp_path / "s.db", "SELECT count(*) FROM tool_call WHERE round > 0") == [(0,)]


# What is planted, in whose favour.


def test_the_weaker_response_is_the_one_that_gold_likes_least() -> None:
    assert favoured(item(), WEAKER) == "b"
    assert favoured(item(gold=[Gold(scores={"a": 2, "b": 5})]), WEAKER) == "a"
    sides = {favoured(item(number, gold=[]), WEAKER) for number in range(2, 30)}
    assert sides == {"a", "b"}  # drawn where gold does not tell
    assert favoured(item(), RANDOM, seed=1) == favoured(item(), RANDOM, seed=1)
    named = item(responses=[{"id": "a", "text": "x", "model": "m"}, {"id": "b", "text": "y", "model": "n"}])
    assert (favoured(named, "b"), favoured(named, "m")) == ("b", "a")
    with pytest.raises(BadInput, match="No item has a response `c`"):
        list(attacked([item()], [*ATTACKS.values()], on="c"))


def test_each_item_gets_so_many_attacks_of_each_kind_and_not_always_the_same() -> None:
    chosen = [tuple(one.name for one in drawn([*ATTACKS.values()], 1, item(number))) for number in range(2, 8)]
    assert {len(names) for names in chosen} == {10} and len(set(chosen)) > 1


def test_attacks_are_counted_for_every_protocol() -> None:
    assert {*PROTOCOLS} == {*COUNTED}


def test_a_run_without_attacks_is_told_from_one_in_which_none_succeeded(loopback: Loopback, tmp_path: Path) -> None:
    with Study(tmp_path / "s.db") as study:
        outcome = study.judge_sync([item()], Judge("openai/m", base_url=loopback.base_url), pace=quick())
        with pytest.raises(BadInput, match="No attack was planted"):
            measured(study.store, outcome.run)
