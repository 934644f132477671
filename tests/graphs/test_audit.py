"""Does an audit ask what it should: each prompt with one span more, what is untouched twice, nothing stored again?"""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from plurijudge import Budget, Judge, Outcome, Plan, Study
from plurijudge.agents.perturbers.base import LABEL
from plurijudge.agents.perturbers.known import perturbers_of
from plurijudge.analyses.audit import Audit, audit
from plurijudge.benchmarks.crash import unfenced
from plurijudge.graphs.audit import perturbed
from plurijudge.graphs.decide import asked_text
from plurijudge.graphs.planting import CONTROLS
from plurijudge.graphs.runner import Pace
from plurijudge.store.files import item_of_fields
from plurijudge.store.records import Item, Message, VerdictKey

from ..analyses.test_audit import EXAMPLES, ORDERS, battery, for_a, one, terms
from ..court import pairs, quick
from ..loopback import Loopback
from .account import BLIND, Process, asked, run_named, wait_until

Json = dict[str, Any]
A_CONTROL = CONTROLS * 2  # in both orders
A_CUE = 2 * 2  # sides, orders
PLAN = Plan(controls=CONTROLS)


def items(n: int) -> list[Item]:
    return [item_of_fields(item) for item in pairs(n)]


def audited(
    study: Study, server: Loopback, names: Sequence[str], *, n: int = 3, pace: Pace | None = None, seed: int = 0
) -> Outcome:
    """Judge items, untouched and with cues, by a server."""
    whole = list(perturbed(items(n), perturbers_of(names), seed=seed))
    judge = Judge("openai/m", base_url=server.base_url)
    return study.judge_sync(whole, judge, plan=PLAN, pace=pace or quick(concurrency=4))


def prompts(requests: Sequence[Json]) -> Counter[str]:
    """What was asked, without fences, and how often."""
    return Counter(unfenced("\n".join(one["content"] for one in request["body"]["messages"])) for request in requests)


# What is asked.


@pytest.mark.parametrize("name", ["bandwagon", "identity", "authority", "superficial_reflection"])
def test_a_treated_prompt_is_the_untouched_one_with_the_planted_span_and_nothing_else(
    loopback: Loopback, tmp_path: Path, name: str
) -> None:
    with Study(tmp_path / "s.db") as study:
        audited(study, loopback, [])
        untouched = prompts(loopback.requests())
        audited(study, loopback, [name])
        treated = prompts(loopback.requests()) - untouched
    assert set(untouched.values()) == {CONTROLS} and set(treated.values()) == {1}
    expected = set()
    for item in perturbed(items(3), perturbers_of([name])):
        told = item.perturbation or {}
        if not told:
            continue
        (plain,) = [one for one in items(3) if one.id == item.parent]
        side = told["side"]
        for control in untouched:
            if f"{plain.prompt}\n" not in control:
                continue
            texts = [one.text or "" for one in plain.responses]
            in_front = plain.responses[control.index(texts[0]) > control.index(texts[1])].id
            if told["place"] == "note":
                note = told["note"].replace(LABEL, "A" if side == in_front else "B")
                expected.add(control.replace(str(plain.prompt), f"{plain.prompt}\n\n{note}"))
            else:
                expected.add(control.replace(plain.response(side).text or "", item.response(side).text or ""))
    assert treated.keys() == expected and len(expected) == 3 * A_CUE


def test_a_note_names_the_answer_as_it_is_called_in_that_presentation() -> None:
    (made,) = [one for one in battery(items(1), "bandwagon") if (one.perturbation or {}).get("side") == "b"]
    spoken = {
        shown: asked_text(Judge(), made, VerdictKey(item=made.id, judge="j", presentation=shown)) for shown in ORDERS
    }
    note = (made.perturbation or {})["note"]
    assert spoken["a", "b"] == f"{made.prompt}\n\n{note.replace(LABEL, 'B')}"
    assert spoken["b", "a"] == f"{made.prompt}\n\n{note.replace(LABEL, 'A')}"
    talk = [Message(role="user", content="Hello."), Message(role="assistant", content="Yes?")]
    turned = made.model_copy(update={"prompt": talk})
    untouched = turned.model_copy(update={"perturbation": None})
    unit = VerdictKey(item="q", judge="j", presentation=("b", "a"))
    said = asked_text(Judge(), untouched, unit)
    assert "Hello." in said and asked_text(Judge(), turned, unit) == f"{said}\n\n{note.replace(LABEL, 'A')}"


def test_untouched_items_are_judged_twice_by_calls_of_their_own_and_derived_ones_once(
    loopback: Loopback, tmp_path: Path
) -> None:
    with Study(tmp_path / "s.db") as study:
        done = audited(study, loopback, ["bandwagon", "authority"])
        assert (done.status, done.sums["hits"]) == ("closed", 0)
        assert done.sums["calls"] == loopback.stat()["received"] == 3 * (A_CONTROL + 2 * A_CUE)
    counted = Counter(prompts(loopback.requests()).values())
    assert counted == {CONTROLS: 3 * 2, 1: 3 * 2 * A_CUE}
    samples = asked(tmp_path / "s.db", "SELECT item, sample FROM verdict")
    assert {sample for item, sample in samples if "~" in item} == {0}
    assert {sample for item, sample in samples if "~" not in item} == {0, 1}


def test_a_judge_that_answers_by_chance_disagrees_with_itself_and_one_that_is_fixed_does_not(
    loopback: Loopback, tmp_path: Path
) -> None:
    noise = []
    for name, blind in (("chance", ""), ("fixed", BLIND)):
        loopback.script("", blind=blind)
        with Study(tmp_path / f"{name}.db") as study:
            done = audited(study, loopback, [], n=12)
            found = audit(study.store, done.run)
            noise.append(found.noise.estimate)
            assert (found.noise.n, found.items) == (12, 12)
    assert noise[0] is not None and noise[0] < 1 and noise[1] == 1


# What it costs.


def test_one_bias_more_costs_its_own_calls_and_no_others(loopback: Loopback, tmp_path: Path) -> None:
    with Study(tmp_path / "s.db") as study:
        first = audited(study, loopback, ["bandwagon"])
        before = prompts(loopback.requests())
        more = audited(study, loopback, ["bandwagon", "authority"])
        assert (more.sums["calls"], more.sums["hits"]) == (3 * A_CUE, first.sums["calls"])
        new = prompts(loopback.requests()) - before
        assert sum(new.values()) == 3 * A_CUE
        spans = {(item.perturbation or {})["inserted"] for item in battery(items(3), "authority") if item.parent}
        assert all(any(span in prompt for span in spans) for prompt in new)
        again = audited(study, loopback, ["authority", "bandwagon"])
        assert (again.sums["calls"], again.sums["hits"]) == (0, more.sums["calls"] + more.sums["hits"])
        one_way, other = audit(study.store, more.run), audit(study.store, again.run)
        assert [bias.effect for bias in one_way.biases] == [bias.effect for bias in other.biases]
        assert one(one_way, "bandwagon").effect == one(audit(study.store, first.run), "bandwagon").effect


def test_another_seed_plants_other_words_and_keeps_the_untouched_answers(loopback: Loopback, tmp_path: Path) -> None:
    with Study(tmp_path / "s.db") as study:
        audited(study, loopback, ["bandwagon"], n=6)
        other = audited(study, loopback, ["bandwagon"], n=6, seed=1)
        same = sum(
            one.perturbation == two.perturbation
            for one, two in zip(
                perturbed(items(6), perturbers_of(["bandwagon"]), seed=0),
                perturbed(items(6), perturbers_of(["bandwagon"]), seed=1),
                strict=True,
            )
            if one.parent
        )
        assert same < 12
        assert (other.sums["hits"], other.sums["calls"]) == (6 * A_CONTROL + 2 * same, 2 * (12 - same))


# Stopped, killed, failed.


def figures(found: Audit) -> list[tuple[str, int, Any]]:
    return [("", 0, found.noise), *((bias.name, bias.items, bias.effect) for bias in found.biases)]


def test_a_stopped_audit_goes_on_and_asks_for_nothing_that_is_stored(loopback: Loopback, tmp_path: Path) -> None:
    names, whole = ["bandwagon", "authority", "empty"], 4 * (A_CONTROL + 3 * A_CUE)
    loopback.script("", blind=BLIND)
    with Study(tmp_path / "whole.db") as study:
        expected = figures(audit(study.store, audited(study, loopback, names, n=4).run))
    loopback.reset()
    with Study(tmp_path / "s.db") as study:
        pace = replace(quick(concurrency=4), budget=Budget(calls=whole // 2))
        stopped = audited(study, loopback, names, n=4, pace=pace)
        assert stopped.status == "open" and 0 < loopback.stat()["received"] <= whole // 2
        loopback.script("", blind="")
    with Study(tmp_path / "s.db") as study:  # from the store alone
        done = study.resume_sync(stopped.run, pace=quick(concurrency=4))
        assert (done.status, done.sums["calls"], loopback.stat()["received"]) == ("closed", whole, whole)
        assert {key["received"] for key in loopback.stat()["keys"].values()} == {1}
        found = audit(study.store, done.run)
    assert [(name, n) for name, n, _ in figures(found)] == [(name, n) for name, n, _ in expected]
    assert one(found, "bandwagon").effect.calls_missing == 0


def shell(folder: Path, server: Loopback, *more: str) -> tuple[str, ...]:
    (folder / "items.jsonl").write_text("".join(json.dumps(item) + "\n" for item in pairs(4)), encoding="utf-8")
    asking = ("--judge", "openai/m", "--base-url", server.base_url, "-q")
    return ("audit", "items.jsonl", *asking, "--bias", "bandwagon,authority,empty", *more)


def test_a_killed_audit_goes_on_and_asks_again_at_most_what_was_in_flight(loopback: Loopback, tmp_path: Path) -> None:
    db, whole = tmp_path / "s.db", 4 * (A_CONTROL + 3 * A_CUE)
    loopback.script("", latency=0.2)
    first = Process(tmp_path, db, *shell(tmp_path, loopback, "--concurrency", "4"))
    try:
        wait_until(lambda: loopback.stat()["good"] >= 12, "twelve answers")
    finally:
        first.send(signal.SIGKILL)
        first.kill()
    assert loopback.stat()["received"] < whole
    loopback.script("", latency=0.0)
    ((run,),) = asked(db, "SELECT id FROM run")
    gone_on = Process(tmp_path, db, "judge", "--run", run, "-q").end()
    assert gone_on.code == 0, gone_on.said
    stat = loopback.stat()
    ((unknown,),) = asked(db, "SELECT count(*) FROM \"call\" WHERE status = 'unknown'")
    assert len(stat["keys"]) == whole
    assert sum(key["received"] - 1 for key in stat["keys"].values()) <= unknown <= 16  # four items, four places
    told = Process(tmp_path, db, "audit", "--run", run).end()
    assert told.code == 0 and "bandwagon" in told.said
    with Study(db) as study:
        assert {bias.effect.calls_missing for bias in audit(study.store, run).biases} == {0}


def test_an_audit_that_a_budget_stops_in_the_shell_says_how_it_goes_on(loopback: Loopback, tmp_path: Path) -> None:
    db, whole = tmp_path / "s.db", 4 * (A_CONTROL + 3 * A_CUE)
    part = Process(tmp_path, db, *shell(tmp_path, loopback, "--max-calls", "20")).end()
    run = run_named(part.said)
    assert part.code == 3 and f"judge --run {run}" in part.said and f"audit --run {run}" in part.said
    early = Process(tmp_path, db, "audit", "--run", run).end()
    assert early.code == 2 and "still open" in early.said
    assert Process(tmp_path, db, "judge", "--run", run, "-q").end().code == 0
    told = Process(tmp_path, db, "audit", "--run", run).end()
    assert told.code == 0 and loopback.stat()["received"] == whole


def test_what_fails_is_missing_and_the_same_audit_asks_for_it_alone(loopback: Loopback, tmp_path: Path) -> None:
    loopback.script({"500": 0.2}, draw="body", seed=3, blind=BLIND)  # which calls fail hangs on what is asked alone
    with Study(tmp_path / "s.db") as study:
        names = ["bandwagon", "empty"]
        done = audited(study, loopback, names, n=8, pace=quick(concurrency=4, attempts=1))
        failed = done.sums["verdicts"]["error"]
        assert done.status == "closed" and 0 < failed < 8 * (A_CONTROL + 2 * A_CUE) / 2
        found = audit(study.store, done.run)
        assert sum(bias.effect.calls_missing for bias in found.biases) == failed
        for bias in found.biases:
            low, high = bias.effect.bounds
            assert bias.effect.calls_missing and low is not None and high is not None
            assert -0.5 <= low < high <= 0.5
            # each missing verdict may take its share of the whole way, which is 1, from one end to the other
            cells = bias.effect.calls + bias.effect.calls_missing
            assert high - low == pytest.approx(bias.effect.calls_missing / (cells / 2) * 0.5)
        before = loopback.stat()["received"]
        loopback.script("")
        mended = audited(study, loopback, names, n=8)
        assert mended.sums["calls"] == failed == loopback.stat()["received"] - before
        assert {bias.effect.calls_missing for bias in audit(study.store, mended.run).biases} == {0}


def test_a_server_that_always_fails_leaves_nothing_measured_and_no_claim(loopback: Loopback, tmp_path: Path) -> None:
    loopback.script("500*")
    done = Process(tmp_path, tmp_path / "s.db", *shell(tmp_path, loopback, "--retries", "0")).end()
    assert done.code == 2, done.said
    assert "Nothing could be measured" in done.said and "-50.0 to 50.0" in done.said
    assert "Nothing found" not in done.said and "Deaf" not in done.said and "BIAS" not in done.said


# What cannot be judged.


def test_bad_lines_doubles_and_items_of_three_responses_are_named_and_left_out(
    loopback: Loopback, tmp_path: Path
) -> None:
    command = shell(tmp_path, loopback, "--json")
    three = {"id": "three", "prompt": "?", "responses": [{"id": name, "text": name} for name in "abc"]}
    lines = [*map(json.dumps, pairs(4)), "{broken", json.dumps({"prompt": "no id"}), json.dumps(three)]
    lines.insert(2, json.dumps(pairs(1)[0]))
    (tmp_path / "items.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = Process(tmp_path, tmp_path / "s.db", *command).end()
    assert done.code == 0, done.said
    assert "items.jsonl:3" in done.said and "'q0' was given before, on line 1" in done.said
    assert "items.jsonl:6" in done.said and "items.jsonl:7" in done.said
    assert "items.jsonl:8: `responses`: has 3 responses" in done.said
    assert loopback.stat()["received"] == 4 * (A_CONTROL + 3 * A_CUE)
    document = json.JSONDecoder().raw_decode(done.said[done.said.index("{\n") :])[0]
    assert document["items"] == 4 and {bias["items"] for bias in document["biases"]} == {4}


# A planted judge, asked in a run and without one.


def test_a_run_of_a_planted_judge_says_what_its_terms_say(tmp_path: Path) -> None:
    query = "position=0.8&bandwagon=1&seed=4"
    whole = battery(EXAMPLES[:10], "bandwagon", "empty")
    by, judge = {item.id: item for item in whole}, terms(query)
    with Study(tmp_path / "s.db") as study:
        done = study.judge_sync(whole, Judge(f"builtin/planted?{query}"), plan=PLAN)
        assert done.status == "closed"
        found = audit(study.store, done.run)
    said = asked(tmp_path / "s.db", "SELECT item, presentation, sample, preferred FROM verdict")
    assert len(said) == 10 * (A_CONTROL + 2 * A_CUE)
    for item, shown, sample, preferred in said:
        assert preferred == judge(by[item], tuple(json.loads(shown)), sample)
    front = [
        (for_a(preferred) or 0) if json.loads(shown) == ["a", "b"] else 1 - (for_a(preferred) or 0)
        for item, shown, _, preferred in said
        if not by[item].parent
    ]
    assert one(found, "position").effect.effect.estimate == pytest.approx(sum(front) / len(front) - 0.5)
