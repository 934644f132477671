"""Does a panel ask every voice what it should, once, and is what it decides kept, shown and gone on with?"""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from plurijudge import Budget, Judge, Outcome, Plan, Study, judge_pair_sync
from plurijudge.agents.panel import Panel, load_panel
from plurijudge.graphs.runner import Pace
from plurijudge.store.exports import export
from plurijudge.text.errors import BadInput, BadJudge, BadPanel

from ..court import pairs, quick
from ..loopback import Loopback
from .account import BLIND, Process, asked, run_named
from .test_hearing import SUM

Json = dict[str, Any]

EXAMPLES = Path(__file__).parents[2] / "examples" / "items.jsonl"
ROLES = ("reviewers-3/accuracy", "reviewers-3/safety", "reviewers-3/usefulness")
A_ROLE = 3 * 2  # members, presentations
AN_ITEM = len(ROLES) * A_ROLE
ANSWERS = r"(?s)Answer A:(?P<first>.*?)Answer B:(?P<second>.*?)Which answer is better"
ABSTAINED = {"fault": "say", "arg": '{"rationale": "It lies outside.", "verdict": "abstain"}'}


def within(calls: int) -> Pace:
    return replace(quick(concurrency=4), budget=Budget(calls=calls))


def canonical(study: Study, run: str) -> list[bytes]:
    """A run's verdicts and decisions, as two runs must agree on them."""
    files = []
    for what in ("verdicts", "decisions"):
        handle = io.BytesIO()
        export(study.store, what, run=run, handle=handle, canonical=True)
        files.append(handle.getvalue())
    return files


def panels_of(outcome: Outcome) -> dict[str, Json]:
    """The panel's part of each decision, by item."""
    return {row["item"]: row["panel"] for row in outcome.decisions()}


def system_of(request: Json) -> str:
    (text,) = [message["content"] for message in request["body"]["messages"] if message["role"] == "system"]
    return str(text)


# A whole run from the shell, looked at from all sides.


@dataclass(frozen=True)
class Shell:
    """Two of the examples, judged by `--panel d3-8` from a shell."""

    folder: Path
    server: Loopback
    document: Json
    said: str
    requests: list[Json]

    def type(self, *args: str) -> str:
        """Type a command on the same store."""
        done = Process(self.folder, self.folder / "s.db", *args).end()
        assert done.code == 0, done.said
        return done.said

    def rows(self, statement: str) -> list[Any]:
        return asked(self.folder / "s.db", statement)


def judging(server: Loopback, *more: str) -> tuple[str, ...]:
    return ("judge", "items.jsonl", "--model", "openai/m", "--base-url", server.base_url, *more)


def document_in(said: str) -> Json:
    """The one JSON document among what a command wrote to both channels."""
    found: Json = json.JSONDecoder().raw_decode(said[said.index("{") :])[0]
    return found


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    folder = tmp_path_factory.mktemp("shell")
    (folder / "items.jsonl").write_bytes(EXAMPLES.read_bytes())
    with Loopback(blind=BLIND) as server:
        command = judging(server, "--panel", "d3-8", "--limit", "2", "--json", "-q")
        done = Process(folder, folder / "s.db", *command).end()
        assert done.code == 0, done.said
        yield Shell(folder, server, document_in(done.said), done.said, server.requests())


def examples() -> list[Json]:
    return [json.loads(line) for line in EXAMPLES.read_text(encoding="utf-8").splitlines()[:2]]


def test_each_persona_is_asked_as_often_as_its_dossier_says_in_both_orders_at_its_temperature(shell: Shell) -> None:
    personas = load_panel("d3-8").personas
    counted: Counter[tuple[str, str, tuple[str, ...]]] = Counter()
    for request in shell.requests:
        told, system = request["body"]["messages"][-1]["content"], system_of(request)
        (item,) = [one for one in examples() if one["prompt"] in told]
        (persona,) = [one for one in personas if f"The group: {one.label} " in system]
        sides = sorted((told.index(side["text"]), side["id"]) for side in item["responses"])
        counted[item["id"], persona.id, tuple(name for _, name in sides)] += 1
        assert request["body"]["temperature"] == persona.dossier.prompt.temperature == 0.7
    orders = (("a", "b"), ("b", "a"))
    assert counted == {
        (item["id"], persona.id, order): persona.members
        for item in examples()
        for persona in personas
        for order in orders
    }
    assert sum(counted.values()) == 2 * 8 * 3 * 2


def test_members_of_one_persona_are_told_apart_and_both_orders_are_judged_by_the_same(shell: Shell) -> None:
    voices: dict[tuple[str, str], Counter[str]] = {}
    for request in shell.requests:
        system, told = system_of(request), request["body"]["messages"][-1]["content"]
        (item,) = [one["id"] for one in examples() if one["prompt"] in told]
        label = re.findall(r"The group: (.*?) \(D3CODE", system)[0]
        voices.setdefault((item, label), Counter())[system] += 1
    assert len(voices) == 16
    for heard in voices.values():
        assert sorted(heard.values()) == [2, 2, 2]  # three members, each once in either order


def test_verdicts_stand_under_their_persona_member_and_presentation(shell: Shell) -> None:
    found = shell.rows("SELECT item, persona, presentation, sample, count(*) FROM verdict GROUP BY 1, 2, 3, 4")
    assert len(found) == 96 and {row[4] for row in found} == {1}
    assert {row[1] for row in found} == {one.id for one in load_panel("d3-8").personas}
    assert {row[3] for row in found} == {0, 1, 2}
    assert {row[0] for row in shell.rows("SELECT DISTINCT judge FROM verdict")} == {shell.document["judge"]}


def test_a_decision_follows_from_the_verdict_rows_by_the_panel_s_rule(shell: Shell) -> None:
    said: dict[str, dict[str, dict[str, list[float]]]] = {}
    for item, persona, shown, preferred in shell.rows("SELECT item, persona, presentation, preferred FROM verdict"):
        of = said.setdefault(item, {}).setdefault(persona, {})
        of.setdefault(shown, []).append({"a": 1.0, "b": 0.0, "tie": 0.5}[preferred])
    assert len(shell.document["decisions"]) == 2
    for decision in shell.document["decisions"]:
        worth = {}
        for persona, orders in said[decision["item"]].items():
            shares = [fmean(values) for values in orders.values()]
            agree = len({(share > 0.5) - (share < 0.5) for share in shares}) == 1
            worth[persona] = fmean(shares) if agree else 0.5
        mean = fmean(worth.values())
        told = decision["panel"]
        assert {name: vote["utilities"]["a"] for name, vote in told["members"].items()} == pytest.approx(worth)
        assert told["utilities"]["a"] == pytest.approx(mean)
        assert decision["preferred"] == (None if mean == 0.5 else "a" if mean > 0.5 else "b")
        against = {
            name for name, value in worth.items() if (value > 0.5 and mean < 0.5) or (value < 0.5 and mean > 0.5)
        }
        assert mean == 0.5 or {one["persona"] for one in decision["dissent"]} == against
        assert all(one["distance"] > 0 and one["rationale"] for one in decision["dissent"])
        if decision["preferred"] is not None:
            got = {name: value if mean > 0.5 else 1 - value for name, value in worth.items()}
            assert told["worst_utility"] == pytest.approx(min(got.values()))
            assert got[told["worst_off"]] == pytest.approx(min(got.values()))


def test_a_decision_says_rule_quorum_and_voices(shell: Shell) -> None:
    for decision in shell.document["decisions"]:
        told = decision["panel"]
        assert decision["rule"] == "mean of 8 members, quorum 5"
        assert (told["panel"], told["quorum"], told["seats"], told["asked"], told["voted"]) == ("d3-8", 5, 8, 8, 8)
        assert told["kept_out"] == {} and told["saved"] == 0
        assert "effective_votes" in told and "worst_off" in told
        assert decision["verdicts"] == 48 and decision["left_out"] == {}
    votes = shell.document["panel"]
    assert votes["panel"] == "d3-8" and len(votes["members"]) == 8
    assert "estimate" in votes["effective_votes"] and "estimate" in votes["alike"]


def test_people_are_told_who_sits_by_which_rule_and_how_far_it_is_validated(shell: Shell) -> None:
    assert "panel d3-8: mean of 8 members, quorum 5" in shell.said
    assert "8 of its personas are drafts" in shell.said
    assert "Unvalidated." in shell.said
    shown = " ".join(shell.type("show", "last").split())
    assert "with the panel d3-8" in shown and "panel d3-8: mean of 8 members, quorum 5" in shown
    assert "effective votes, by errors against gold:" in shown and "Unvalidated." in shown
    item = shell.type("show", "last", "arith-01")
    assert "8 of 8 members asked have voted, quorum 5" in item and "as d3-8/oceania" in item


def test_personas_and_panel_are_stored_once_and_the_same_file_costs_nothing_again(shell: Shell) -> None:
    received = shell.server.stat()["received"]
    again = document_in(shell.type(*judging(shell.server, "--panel", "d3-8", "--limit", "2", "--json", "-q")))
    assert (again["sums"]["calls"], again["sums"]["hits"]) == (0, 96)
    assert shell.server.stat()["received"] == received == 96
    assert again["run"] != shell.document["run"]
    panel = load_panel("d3-8")
    stored = shell.rows("SELECT id, digest, kind, status FROM persona ORDER BY id")
    assert stored == sorted((one.id, one.digest, "culture", "draft") for one in panel.personas)
    assert shell.rows("SELECT id, digest FROM panel") == [("d3-8", panel.seated().digest)]
    assert shell.rows("SELECT DISTINCT panel, panel_digest FROM run") == [("d3-8", panel.seated().digest)]
    with Study(shell.folder / "s.db") as study:
        assert canonical(study, again["run"]) == canonical(study, shell.document["run"])


def edges(drawn: str) -> set[tuple[str, str, str]]:
    return set(re.findall(r"^\s*(\w+) (-->|-\.->) (\w+);", drawn, re.M))


def test_the_graph_of_a_panel_is_drawn_with_all_that_it_does(shell: Shell) -> None:
    plain = {("__start__", "-.->", "judge"), ("aggregate", "-->", "dissent"), ("dissent", "-->", "__end__")}
    drawn = edges(shell.type("show", shell.document["run"], "--graph"))
    assert drawn == plain | {("__start__", "-.->", "aggregate"), ("judge", "-->", "aggregate")}
    with Study(shell.folder / "s.db") as study:
        saving = load_panel("reviewers-3").with_options(adaptive=True)
        run = study.judge_sync(pairs(1), "builtin/planted?length=3", panel=saving).run
    drawn = edges(shell.type("show", run, "--graph"))
    assert plain | {("judge", "-->", "weigh"), ("weigh", "-.->", "judge"), ("weigh", "-.->", "aggregate")} <= drawn
    assert ("judge", "-->", "aggregate") not in drawn


# Stopped, failed, mended.

CHANGES: list[Json] = [{}, {"adaptive": True}, {"assignment": "cyclic"}, {"rule": "maxmin", "tie": "mean", "quorum": 3}]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a store that is not there yet, of either kind."""
    return str(tmp_path / "s.db") if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


@pytest.mark.parametrize("changes", CHANGES, ids=["all", "adaptive", "cyclic", "maxmin"])
def test_a_stopped_panel_goes_on_to_the_same_rows_as_one_that_nothing_stopped(
    loopback: Loopback, tmp_path: Path, db: str, changes: Json
) -> None:
    loopback.script("", blind=BLIND)
    judge, panel = Judge("openai/m", base_url=loopback.base_url), load_panel("reviewers-3").with_options(**changes)
    count = 4
    with Study(tmp_path / "whole.db") as study:
        whole = study.judge_sync(pairs(count), judge, panel=panel, pace=quick())
        expected = canonical(study, whole.run)
    loopback.reset()
    loopback.script("", blind=BLIND)
    an_item = A_ROLE if "assignment" in changes else AN_ITEM
    with Study(db) as study:
        stopped = study.judge_sync(pairs(count), judge, panel=panel, pace=within(2 * an_item + 1))
        assert (stopped.status, stopped.stopped) == ("open", f"the limit of {2 * an_item + 1} calls is reached")
        assert 0 < sum(stopped.sums["decisions"].values()) < count
        assert stopped.sums["calls"] == loopback.stat()["received"] <= 2 * an_item
    with Study(db) as study:  # the panel comes from the store alone
        done = study.resume_sync(stopped.run, pace=quick(concurrency=4))
        assert done.status == "closed"
        assert loopback.stat()["received"] == whole.sums["calls"]
        assert canonical(study, done.run) == expected


@pytest.mark.parametrize("adaptive", [False, True], ids=["all", "adaptive"])
def test_what_failed_of_an_open_item_is_asked_again_and_nothing_else(
    loopback: Loopback, tmp_path: Path, db: str, adaptive: bool
) -> None:
    judge = Judge("openai/m", base_url=loopback.base_url)
    panel = load_panel("reviewers-3").with_options(adaptive=adaptive, quorum=3)
    with Study(tmp_path / "whole.db") as study:
        loopback.script("", blind=BLIND)
        whole = study.judge_sync(pairs(3), judge, panel=panel, pace=quick())
        expected = canonical(study, whole.run)
    loopback.reset()
    loopback.script("ok*4,500,ok*3,500", blind=BLIND)
    with Study(db) as study:
        pace = replace(quick(concurrency=3, attempts=1), budget=Budget(calls=2 * AN_ITEM))
        stopped = study.judge_sync(pairs(3), judge, panel=panel, pace=pace)
        assert stopped.status == "open"
        assert (loopback.stat()["received"], stopped.sums["verdicts"]) == (2 * AN_ITEM, {"ok": 2 * AN_ITEM - 2})
        assert sum(stopped.sums["decisions"].values()) < 2
    with Study(db) as study:
        done = study.resume_sync(stopped.run, pace=quick())
        assert done.status == "closed"
        assert loopback.stat()["received"] == 3 * AN_ITEM + 2
        assert canonical(study, done.run) == expected


def test_a_failure_that_stayed_is_counted_at_the_close_and_retried_alone(loopback: Loopback, tmp_path: Path) -> None:
    loopback.script(["ok*5", "500"], blind=BLIND)
    judge = Judge("openai/m", base_url=loopback.base_url)
    with Study(tmp_path / "s.db") as study:
        closed = study.judge_sync(pairs(1), judge, panel="reviewers-3", pace=quick(attempts=1))
        assert (closed.status, closed.sums["verdicts"]) == ("closed", {"ok": AN_ITEM - 1, "error": 1})
        (decision,) = closed.decisions()
        assert (decision["verdicts"], decision["left_out"]) == (AN_ITEM - 1, {"error": 1})
        assert decision["panel"]["voted"] == 3  # two of its members have spoken in that order for the persona
        mended = study.retry_sync(closed.run, pace=quick())
        assert (mended.sums["calls"], mended.sums["verdicts"]) == (1, {"ok": AN_ITEM})
        assert loopback.stat()["received"] == AN_ITEM + 1
        whole = study.judge_sync(pairs(1), judge, panel="reviewers-3")
        assert whole.sums["calls"] == 0
        assert canonical(study, mended.run) == canonical(study, whole.run)


def test_where_all_of_an_item_fails_the_panel_has_failed_and_said_nothing(loopback: Loopback, tmp_path: Path) -> None:
    loopback.script(f"500*{AN_ITEM}")
    judge = Judge("openai/m", base_url=loopback.base_url)
    with Study(tmp_path / "s.db") as study:
        made = study.judge_sync(pairs(1), judge, panel="reviewers-3", pace=quick(attempts=1, concurrency=64))
        assert made.sums["decisions"] == {"failed": 1}
        assert made.sums["verdicts"] == {"error": AN_ITEM}
        assert (panels_of(made)["q0"]["voted"], panels_of(made)["q0"]["utilities"]) == (0, None)


@pytest.mark.parametrize("seats", [30])
def test_a_large_adaptive_panel_asks_wave_after_wave_to_its_end(seats: int, tmp_path: Path) -> None:
    personas = [role_named(f"p/m{number}") for number in range(seats)]
    panel = Panel.of({"id": "large", "version": 1, "title": "Many", "rule": "majority", "personas": personas})
    with Study(tmp_path / "s.db") as study:
        judge = "builtin/planted?tie=9"  # all tie, so that nothing is sure before the last
        made = study.judge_sync(pairs(1), judge, panel=panel.with_options(adaptive=True))
        assert made.sums["decisions"] == {"tie": 1}
        assert panels_of(made)["q0"]["asked"] == seats


# Whose word it is.


def role_named(name: str) -> Json:
    return {
        **{"id": name, "kind": "role", "version": "1", "label": f"The role {name}", "status": "reviewed"},
        "criteria": [{"name": "truth", "question": f"Is it true, as {name} sees it?"}],
        "prompt": {"template_id": "persona/role", "language": "en", "n_members": 3},
        "guards": {"may_abstain": True},
        "provenance": {"author": "tests", "positionality": "none", "reviews": [], "changelog": ["1: first"]},
    }


def described(*members: Json, **more: Any) -> Json:
    names = dict.fromkeys(member["persona"] for member in members if "persona" in member)
    personas = [role_named(name) for name in names]
    return {"id": "mixed", "version": "1", "title": "Mixed", "personas": personas, "members": [*members], **more}


def test_members_that_speak_by_models_of_their_own_are_judges_of_their_own(tmp_path: Path) -> None:
    with Loopback(answer="longer", segments=ANSWERS) as one, Loopback(answer="longer", segments=ANSWERS) as other:
        panel = Panel.of(
            described(
                {"persona": "p/own"},
                {"persona": "p/lent", "model": "openai/mistral-small", "base_url": other.base_url, "draws": 2},
                {"model": "openai/qwen-plus", "base_url": other.base_url},
            )
        )
        judge = Judge("openai/gpt-5-mini", base_url=one.base_url)
        with Study(tmp_path / "s.db") as study:
            made = study.judge_sync(pairs(2), judge, panel=panel, pace=quick())
            assert made.sums["decisions"] == {"ok": 2}
            votes = panels_of(made)["q0"]
            speakers = {seat.name: seat.judge(judge).id for seat in panel.seats}
            again = study.judge_sync(pairs(2), judge, panel=panel, pace=quick())
            assert (again.sums["calls"], canonical(study, again.run)) == (0, canonical(study, made.run))
        assert (one.stat()["received"], other.stat()["received"]) == (2 * 3 * 2, 2 * (2 + 1) * 2)
        lent = [request for request in other.requests() if request["body"]["model"] == "mistral-small"]
        assert len(lent) == 8 and all("as p/lent sees it" in system_of(request) for request in lent)
        alone = [request for request in other.requests() if request["body"]["model"] == "qwen-plus"]
        assert len(alone) == 4 and all("sees it" not in system_of(request) for request in alone)
    names = ["p/own", "openai/mistral-small as p/lent", "openai/qwen-plus"]
    assert [seat.name for seat in panel.seats] == names and len(set(speakers.values())) == 3
    assert {name: vote["family"] for name, vote in votes["members"].items()} == dict(
        zip(names, ("OpenAI", "Mistral", "Alibaba"), strict=True)
    )
    rows = asked(tmp_path / "s.db", "SELECT judge, persona, count(*) FROM verdict WHERE item = 'q0' GROUP BY 1, 2")
    assert set(rows) == {
        (speakers[names[0]], "p/own", 2 * 6),  # of both runs
        (speakers[names[1]], "p/lent", 2 * 4),
        (speakers[names[2]], "", 2 * 2),
    }
    assert {name for (name,) in asked(tmp_path / "s.db", "SELECT id FROM judge")} == {judge.id, *speakers.values()}
    shown = Process(tmp_path, tmp_path / "s.db", "show", "last", "--json").end()
    assert json.loads(shown.said)["panel"]["families"] == ["Alibaba", "Mistral", "OpenAI"]


def test_a_stopped_panel_of_several_models_goes_on_with_each_of_them(loopback: Loopback, tmp_path: Path) -> None:
    loopback.script("", blind=BLIND)
    members = [{"model": f"openai/{name}", "base_url": loopback.base_url} for name in ("gpt-5", "qwen", "mistral")]
    panel, judge = Panel.of(described(*members)), Judge("openai/nobody")
    with Study(tmp_path / "whole.db") as study:
        whole = study.judge_sync(pairs(4), judge, panel=panel, pace=quick())
        expected = canonical(study, whole.run)
    assert Counter(one["body"]["model"] for one in loopback.requests()) == {"gpt-5": 8, "qwen": 8, "mistral": 8}
    with Study(tmp_path / "s.db") as study:
        stopped = study.judge_sync(pairs(4), judge, panel=panel, pace=within(13))
        assert (stopped.status, stopped.sums["calls"]) == ("open", 12)
        done = study.resume_sync(stopped.run, pace=quick())
        assert (done.sums["calls"], canonical(study, done.run)) == (24, expected)


def test_a_member_whose_model_there_is_not_is_refused_before_a_run_begins(tmp_path: Path) -> None:
    panel = Panel.of(described({"model": "builtin/oracle"}, {"model": "builtin/planted"}))
    with Study(tmp_path / "s.db") as study:
        with pytest.raises(BadJudge, match="no built-in model `builtin/oracle`"):
            study.judge_sync(pairs(1), "builtin/heuristic", panel=panel)
        assert asked(tmp_path / "s.db", "SELECT count(*) FROM run") == [(0,)]


def test_two_members_that_are_one_voice_are_refused(tmp_path: Path) -> None:
    panel = Panel.of(described({"persona": "p/one"}, {"persona": "p/one", "model": "builtin/planted"}))
    with Study(tmp_path / "s.db") as study:
        with pytest.raises(BadPanel, match="one voice"):
            study.judge_sync(pairs(1), "builtin/planted", panel=panel)
        assert study.judge_sync(pairs(1), "builtin/heuristic", panel=panel).status == "closed"


def test_a_budget_in_dollars_needs_the_price_of_every_model_that_speaks(tmp_path: Path) -> None:
    pace = replace(quick(), budget=Budget(dollars=1))
    panel = Panel.of(described({"model": "builtin/planted"}, {"model": "openai/nobody-knows-me"}))
    with Study(tmp_path / "s.db") as study:
        with pytest.raises(BadInput, match="price of `openai/nobody-knows-me` is not known"):
            study.judge_sync(pairs(1), "builtin/planted", panel=panel, pace=pace)
        known = Panel.of(described({"model": "builtin/planted"}, {"model": "builtin/heuristic"}))
        made = study.judge_sync(pairs(1), "openai/nobody-knows-me", panel=known, pace=pace)  # who is not asked
        assert made.status == "closed"


@pytest.mark.thorough
def test_one_member_in_turn_is_asked_the_same_each_time_and_all_have_their_turns(tmp_path: Path) -> None:
    panel = load_panel("reviewers-3").with_options(assignment="cyclic")
    turned = Panel.of({**panel.described.model_dump(), "personas": panel.described.personas[::-1]})
    told = []
    for name, voices in (("one.db", panel), ("other.db", turned)):
        with Study(tmp_path / name) as study:
            made = study.judge_sync(pairs(60), "builtin/planted?noise=2", panel=voices)
            told.append(canonical(study, made.run))
            votes = panels_of(made)
    assert told[0] == told[1]
    assert {(vote["asked"], vote["quorum"], vote["seats"]) for vote in votes.values()} == {(1, 1, 3)}
    turns = Counter(name for vote in votes.values() for name in vote["members"])
    assert set(turns) == set(ROLES) and min(turns.values()) >= 10
    rows = asked(tmp_path / "one.db", "SELECT item, count(DISTINCT persona), count(*) FROM verdict GROUP BY 1")
    assert {row[1:] for row in rows} == {(1, A_ROLE)}


def test_an_adaptive_panel_of_one_mind_asks_five_of_eight_and_says_what_it_saved(
    loopback: Loopback, tmp_path: Path
) -> None:
    loopback.script("", answer="longer", segments=ANSWERS)
    judge = Judge("openai/m", base_url=loopback.base_url)
    panel = load_panel("d3-8").with_options(adaptive=True)
    with Study(tmp_path / "s.db") as study:
        made = study.judge_sync(pairs(2), judge, panel=panel, pace=quick())
        assert loopback.stat()["received"] == made.sums["calls"] == 2 * 5 * A_ROLE
        assert [(vote["asked"], vote["saved"]) for vote in panels_of(made).values()] == [(5, 3 * A_ROLE)] * 2
        assert made.sums["decisions"] == {"ok": 2}
        full = study.judge_sync(pairs(2), judge, panel="d3-8", pace=quick())
        assert full.sums["calls"] == 2 * 3 * A_ROLE  # the rest
        assert [row["preferred"] for row in full.decisions()] == [row["preferred"] for row in made.decisions()]
    shown = Process(tmp_path, tmp_path / "s.db", "show", made.run, "--json").end()
    assert json.loads(shown.said)["panel"]["saved"] == 2 * 3 * A_ROLE


@pytest.mark.thorough
def test_an_adaptive_panel_of_many_minds_decides_as_one_that_asks_all(loopback: Loopback, tmp_path: Path) -> None:
    loopback.script("", blind=BLIND)
    judge = Judge("openai/m", base_url=loopback.base_url)
    for rule in ("majority", "mean"):
        with Study(tmp_path / f"{rule}.db") as study:
            panel = load_panel("d3-8").with_options(rule=rule)
            saving = study.judge_sync(pairs(6), judge, panel=panel.with_options(adaptive=True), pace=quick())
            full = study.judge_sync(pairs(6), judge, panel=panel, pace=quick())
            told = [
                {row["item"]: (row["outcome"], row["preferred"]) for row in one.decisions()} for one in (saving, full)
            ]
            assert told[0] == told[1]
            assert full.sums["calls"] == sum(vote["saved"] for vote in panels_of(saving).values())
            assert saving.sums["calls"] + full.sums["calls"] == 6 * 8 * A_ROLE


def test_the_order_of_members_changes_neither_decisions_nor_what_is_asked(loopback: Loopback, tmp_path: Path) -> None:
    loopback.script("", blind=BLIND)
    judge, panel = Judge("openai/m", base_url=loopback.base_url), load_panel("reviewers-3")
    turned = Panel.of({**panel.described.model_dump(), "personas": panel.described.personas[::-1]})
    with Study(tmp_path / "s.db") as study:
        made = study.judge_sync(pairs(3), judge, panel=panel, pace=quick())
        again = study.judge_sync(pairs(3), judge, panel=turned, pace=quick())
        assert (made.sums["calls"], again.sums["calls"]) == (3 * AN_ITEM, 0)
        assert canonical(study, made.run) == canonical(study, again.run)


def test_a_panel_judges_a_pair_without_a_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    judge = "builtin/planted?length=30"
    made = judge_pair_sync("Why?", "Because it is so, and was.", "So.", panel="reviewers-3", judge=judge)
    assert (made.outcome, made.preferred, made.verdicts) == ("ok", "a", AN_ITEM)
    assert made.panel is not None and made.panel.voted == 3 and tuple(made.panel.members) == ROLES
    assert not list(tmp_path.iterdir())


def test_what_code_can_decide_it_decides_for_every_persona(loopback: Loopback, tmp_path: Path) -> None:
    loopback.script("", answer="longer", segments=ANSWERS)
    judge = Judge("openai/m", base_url=loopback.base_url, tools=("calculator",))
    with Study(tmp_path / "s.db") as study:
        made = study.judge_sync([SUM], judge, panel="reviewers-3", pace=quick())
        (decision,) = made.decisions()
        assert (decision["preferred"], decision["dissent"]) == ("a", [])
        assert all(vote["utilities"]["a"] == 1.0 for vote in decision["panel"]["members"].values())
    rows = asked(tmp_path / "s.db", "SELECT persona, step, rule, preferred, count(*) FROM verdict GROUP BY 1, 2, 3, 4")
    settled = {(name, "", "settled", "a", A_ROLE) for name in ROLES}
    assert {row for row in rows if row[1] == ""} == settled
    assert {(row[0], row[3], row[4]) for row in rows if row[1] == "decide"} == {(name, "b", A_ROLE) for name in ROLES}
    used = asked(tmp_path / "s.db", "SELECT persona, count(*) FROM tool_call WHERE tool = 'gate' GROUP BY 1")
    assert set(used) == {(name, A_ROLE) for name in ROLES}
    assert all("reviewer" in system_of(request) for request in loopback.requests())


def test_a_function_of_one_s_own_is_not_told_of_personas(tmp_path: Path) -> None:
    judge = Judge("callable/json:dumps", function="json:dumps")
    with Study(tmp_path / "s.db") as study:
        with pytest.raises(BadPanel, match="not told of personas"):
            study.judge_sync(pairs(1), judge, panel="reviewers-3")
        assert asked(tmp_path / "s.db", "SELECT count(*) FROM run") == [(0,)]
    with pytest.raises(BadPanel, match="not told of personas"):
        judge_pair_sync("Why?", "a", "b", judge=judge, panel="reviewers-3")


def test_where_every_persona_abstains_the_panel_abstains(loopback: Loopback, tmp_path: Path) -> None:
    loopback.script([{**ABSTAINED, "times": 1000}])
    with Study(tmp_path / "s.db") as study:
        judge = Judge("openai/m", base_url=loopback.base_url)
        made = study.judge_sync(pairs(1), judge, panel="reviewers-3", pace=quick())
        (decision,) = made.decisions()
        assert (decision["outcome"], decision["preferred"], decision["left_out"]) == (
            "abstained",
            None,
            {"abstained": AN_ITEM},
        )
        assert (decision["panel"]["voted"], decision["share"], decision["dissent"]) == (0, None, [])


def test_a_refusal_by_every_persona_is_no_verdict_and_no_abstention(loopback: Loopback, tmp_path: Path) -> None:
    loopback.script("refuse*")
    with Study(tmp_path / "s.db") as study:
        judge = Judge("openai/m", base_url=loopback.base_url)
        made = study.judge_sync(pairs(1), judge, panel="reviewers-3", pace=quick())
        (decision,) = made.decisions()
        assert (decision["outcome"], decision["left_out"]) == ("failed", {"refused": AN_ITEM})


def test_a_run_of_which_some_personas_abstain_has_no_quorum(loopback: Loopback, tmp_path: Path) -> None:
    loopback.script("", answer="longer", segments=ANSWERS)
    with Loopback() as mute, Study(tmp_path / "s.db") as study:
        mute.script([{**ABSTAINED, "times": 1000}])
        speaks = {"model": "openai/silent", "base_url": mute.base_url}
        members = [{"persona": name, **speaks} for name in ("p/one", "p/two")]
        panel = Panel.of(described({"persona": "p/three"}, *members))
        judge = Judge("openai/m", base_url=loopback.base_url)
        made = study.judge_sync(pairs(1), judge, panel=panel, pace=quick())
        (decision,) = made.decisions()
        assert (decision["outcome"], decision["panel"]["quorum"], decision["panel"]["voted"]) == ("no_quorum", 2, 1)
        enough = study.judge_sync(pairs(1), judge, panel=panel.with_options(quorum=1), pace=quick())
        assert [row["preferred"] for row in enough.decisions()] == ["b"]


@pytest.mark.thorough
def test_effective_votes_are_a_number_once_there_are_items_to_tell_them_from(tmp_path: Path) -> None:
    with Study(tmp_path / "s.db") as study:
        study.judge_sync(pairs(40), "builtin/planted?noise=2", panel="reviewers-3", plan=Plan(presentations="random"))
    shown = Process(tmp_path, tmp_path / "s.db", "show", "last", "--json").end()
    worth = [decision["panel"]["effective_votes"] for decision in json.loads(shown.said)["decisions"]]
    assert len(worth) == 40 and all(1.5 < value < 10 for value in worth)  # of three who err independently


def test_a_panel_s_run_is_gone_on_with_from_the_shell(loopback: Loopback, tmp_path: Path) -> None:
    (tmp_path / "items.jsonl").write_text("".join(json.dumps(item) + "\n" for item in pairs(3)), encoding="utf-8")
    begin = judging(loopback, "--panel", "reviewers-3", "--rule", "maxmin", "--max-calls", str(AN_ITEM), "-q")
    part = Process(tmp_path, tmp_path / "s.db", *begin).end()
    assert part.code == 3 and "panel reviewers-3: maxmin of 3 members, quorum 2" in part.said, part.said
    done = Process(tmp_path, tmp_path / "s.db", "judge", "--run", run_named(part.said), "--json", "-q").end()
    assert done.code == 0, done.said
    told = document_in(done.said)
    assert told["sums"]["calls"] == loopback.stat()["received"] == 3 * AN_ITEM
    assert {decision["rule"] for decision in told["decisions"]} == {"maxmin of 3 members, quorum 2"}
