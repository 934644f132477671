"""Is it found again how often members of a planted panel are right, and how many independent votes they are worth?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import insert

from plurijudge.analyses.panel_votes import FEWEST_FOR_WEIGHTS, PanelVotes, panel_votes, weights_from
from plurijudge.store.canonical import canonical
from plurijudge.store.engine import Store, writing
from plurijudge.store.personas import Speaker
from plurijudge.store.records import Decision, Gold, Item, MemberVote, Outcome, PanelVote, Response, Verdict
from plurijudge.store.rows import decision_row, item_row, label_row, response_rows, verdict_row
from plurijudge.store.runs import find_run
from plurijudge.store.tables import metadata
from plurijudge.text.errors import BadInput, NotFound

T = metadata.tables
ORDER = ("dataset", "run", "persona", "item", "response", "label", "verdict", "decision")
AB = ("a", "b")
JUDGE = {"model": "m", "protocol": "pairwise", "prompt": ""}
ALIKE: dict[Outcome, dict[str, float] | None] = {"tie": {"a": 0.5, "b": 0.5}, "flipped": {"a": 0.5, "b": 0.5}}


def vote(said: str) -> MemberVote:
    """A member's vote: a response, an outcome, or `a 0.7`, which is a response and what it is worth to the member."""
    name, _, worth = said.partition(" ")
    if name in AB:
        utilities = {side: float(worth or 1) if side == name else 1 - float(worth or 1) for side in AB}
        return MemberVote(outcome="ok", preferred=name, utilities=utilities, verdicts=2, family="OpenAI")
    outcome: Outcome = name  # type: ignore[assignment]
    return MemberVote(outcome=outcome, utilities=ALIKE.get(outcome), verdicts=0, family="")


class Court:
    """A store with runs of a panel and of a judge without one, whose rows tests put there by hand."""

    def __init__(self, store: Store) -> None:
        """Begin with a data set."""
        self._store, self.items = store, 0
        self._waiting: dict[str, list[dict[str, Any]]] = {table: [] for table in ORDER}
        self.put("dataset", {"id": "d", "name": "by hand"})

    @property
    def store(self) -> Store:
        """The store, with all that was put there."""
        with writing(self._store.engine).begin() as connection:
            for table, rows in self._waiting.items():
                if rows:
                    connection.execute(insert(T[table]), rows)
        self._waiting = {table: [] for table in ORDER}
        return self._store

    def put(self, table: str, *rows: dict[str, Any]) -> None:
        """Add rows."""
        self._waiting[table].extend(rows)

    def run(
        self,
        name: str,
        *,
        panel: str = "p",
        status: str = "closed",
        dataset: str = "d",
        judge: str = "j",
        seed: int = 0,
        plan: Mapping[str, Any] | None = None,
        **described: Any,
    ) -> None:
        """Add a run: of a panel, or with `panel=""` of a judge alone."""
        told = canonical({"judge": {**JUDGE, **described}, "plan": dict(plan or {})})
        digest = f"digest of {panel}" if panel else ""
        row = {"id": name, "dataset": dataset, "judge": judge, "status": status, "plan": told, "seed": seed}
        self.put("run", {**row, "panel": panel, "panel_digest": digest})

    def people(self, *personas: str, judge: str = "j") -> list[Speaker]:
        """Add personas to the store, and give them as the panel's speakers."""
        rows = [{"id": name, "digest": f"dossier of {name}", "kind": "culture", "status": "draft"} for name in personas]
        self.put("persona", *rows)
        return [
            Speaker(name, name, f"dossier of {name}", judge, f"Label of {name}", (name, name.partition("/")[2]))
            for name in personas
        ]

    def item(self, gold: str | list[str] | None = "a", *, group: str = "", name: str = "") -> str:
        """Add an item, with what gold prefers."""
        name, self.items = name or f"q{self.items:03d}", self.items + 1
        labels = [] if gold is None else [Gold(preferred=gold, group=group)]
        made = Item(id=name, prompt="?", responses=[Response(id=side, text=side) for side in AB], gold=labels)
        self.put("item", item_row(made, dataset="d", position=self.items))
        self.put("response", *response_rows(made, dataset="d"))
        self.put("label", *(label_row(one, dataset="d", item=name, source="") for one in labels))
        return name

    def decide(
        self, item: str, outcome: str, votes: Mapping[str, str] | None = None, *, run: str = "r", saved: int = 0
    ) -> None:
        """Add a decision: a response or an outcome, and what each member of the panel said."""
        preferred = outcome if outcome in AB else None
        told = None
        if votes is not None:
            members = {name: vote(said) for name, said in votes.items()}
            voted = sum(one.utilities is not None for one in members.values())
            told = PanelVote(
                panel="p", quorum=2, seats=len(members), asked=len(members), voted=voted, members=members, saved=saved
            )
        kind: Outcome = "ok" if preferred else outcome  # type: ignore[assignment]
        made = Decision(item=item, judge="j", outcome=kind, preferred=preferred, rule="hand", verdicts=2, panel=told)
        self.put("decision", decision_row(made, run=run, dataset="d"))

    def verdicts(self, *verdicts: Verdict, run: str = "r") -> None:
        """Add verdicts."""
        self.put("verdict", *(verdict_row(one, run=run, dataset="d") for one in verdicts))


def held(store: Store) -> Court:
    """A court with a run of a panel, and one without."""
    made = Court(store)
    made.run("r")
    made.run("alone", panel="")
    return made


@pytest.fixture
def court(tmp_path: Path) -> Iterator[Court]:
    """A court with a run of a panel, and one without."""
    with Store.open(tmp_path / "court.db", create=True) as store:
        yield held(store)


def votes_of(court: Court, run: str = "r", **more: Any) -> PanelVotes:
    found = panel_votes(court.store, find_run(court.store, run), **more)
    assert found is not None
    return found


def test_accuracy_utility_and_dissent_of_each_member_are_those_worked_out_by_hand(store: Store) -> None:
    court = held(store)
    table: list[tuple[str | list[str] | None, str, dict[str, str]]] = [
        ("a", "a", {"x": "a", "y": "b", "z": "tie"}),
        ("a", "b", {"x": "a 0.7", "y": "b", "z": "abstained"}),
        ("b", "b", {"x": "a", "y": "b", "z": "flipped"}),
        (["a", "tie"], "tie", {"x": "tie", "y": "b", "z": "a"}),
        (None, "a", {"x": "a", "y": "a", "z": "failed"}),
    ]
    for gold, outcome, said in table:
        court.decide(court.item(gold), outcome, said)
    found = votes_of(court)
    x, y, z = found.members
    assert [x.name, y.name, z.name] == ["x", "y", "z"]
    told = [member.accuracy.estimate for member in found.members]
    assert told == pytest.approx([(1 + 1 + 0 + 1) / 4, (0 + 0 + 1 + 0) / 4, (0.5 + 0.5 + 1) / 3])
    assert [(m.accuracy.n, m.accuracy.left_out) for m in found.members] == [(4, 1), (4, 1), (3, 2)]
    served = [member.utility.estimate for member in found.members]
    assert served == pytest.approx([(1 + 0.3 + 0 + 1) / 4, (0 + 1 + 1 + 1) / 4, (0.5 + 0.5) / 2])
    assert found.worst_off == "z"
    assert [member.dissents.estimate for member in found.members] == [2 / 4, 1 / 4, None]
    assert z.dissents.reason == "no decision prefers anything where it does"
    assert [member.silent for member in found.members] == [0, 0, 2]
    assert (found.panel, found.families) == ("p", ("OpenAI", "unknown"))
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["members"][2]["silent"] == 2


def test_effective_votes_are_those_of_errors_against_gold_and_alike_those_of_the_votes_alone(court: Court) -> None:
    """Two members; half of the golds are `b`, so that who votes alike need not err alike."""
    golds, first, second = "abababab", "aaaabbbb", "aabbaabb"
    for gold, one, two in zip(golds, first, second, strict=True):
        court.decide(court.item(gold), "tie", {"x": one, "y": two})
    found = votes_of(court)
    right = np.array([[one == gold, two == gold] for gold, one, two in zip(golds, first, second, strict=True)])
    by_hand = float(np.corrcoef(right.T.astype(float))[0, 1])
    assert by_hand == 0 and found.correlation == 0
    assert found.effective_votes.estimate == pytest.approx(2 / (1 + by_hand))
    for gold in "abab":  # wrong together four times more, by opposite votes: errors go together, votes do not
        wrong = "b" if gold == "a" else "a"
        court.decide(court.item(gold), wrong, {"x": wrong, "y": wrong})
    found = votes_of(court)
    right = np.vstack([right, np.zeros((4, 2), dtype=bool)])
    errors = float(np.corrcoef(right.T.astype(float))[0, 1])
    assert errors > 0.1 and found.effective_votes.estimate == pytest.approx(2 / (1 + errors))
    assert found.effective_votes.n == 12
    sides = np.array([[s == "a" for s in first + "baba"], [s == "a" for s in second + "baba"]]).astype(float)
    votes = float(np.corrcoef(sides)[0, 1])
    assert found.correlation == pytest.approx(votes)
    assert found.alike.estimate == pytest.approx(2 / (1 + votes)) and votes != pytest.approx(errors)


def test_members_who_are_always_right_are_alike_and_what_their_errors_tell_is_unknown(court: Court) -> None:
    for gold in "aabbab":
        court.decide(court.item(gold), gold, {"x": gold, "y": gold, "z": gold})
    found = votes_of(court)
    assert found.effective_votes.estimate is None
    assert found.effective_votes.reason == "a member says the same of all items"
    assert found.alike.estimate == pytest.approx(1.0)
    assert [found.worth(voted) for voted in (3, 2, 1, 0)] == [pytest.approx(1.0)] * 3 + [None]


def test_what_so_many_voters_are_worth_follows_from_how_their_votes_go_together(court: Court) -> None:
    for one, two, three in ("aaa", "aab", "aba", "bbb", "bba", "bab", "aaa", "bbb"):
        court.decide(court.item(None), "a", {"x": one, "y": two, "z": three})
    found = votes_of(court)
    table = np.array([[s == "a" for s in t] for t in ("aaa", "aab", "aba", "bbb", "bba", "bab", "aaa", "bbb")])
    pairs = np.corrcoef(table.T.astype(float))
    by_hand = (pairs[0, 1] + pairs[0, 2] + pairs[1, 2]) / 3
    assert found.correlation == pytest.approx(by_hand) and by_hand > 0
    for voted in (1, 2, 3):
        assert found.worth(voted) == pytest.approx(voted / (1 + (voted - 1) * by_hand))
    assert found.effective_votes.estimate is None and found.effective_votes.reason == "no item has gold"
    assert all(member.accuracy.reason == "no item that it judged has gold" for member in found.members)


def test_members_who_contradict_each_other_are_worth_no_number(court: Court) -> None:
    for one in "abab":
        court.decide(court.item(), "tie", {"x": one, "y": "b" if one == "a" else "a"})
    found = votes_of(court)
    assert (found.correlation, found.worth(2)) == (None, None)
    assert found.alike.reason == found.effective_votes.reason == "the members' errors cancel out"


def test_how_a_member_that_always_says_the_same_goes_with_others_is_unknown(court: Court) -> None:
    """Ten times 0.7 has a mean that is not 0.7 to the last bit."""
    for other in "ababababab":
        court.decide(court.item(), "a", {"x": "a 0.7", "y": other})
    found = votes_of(court)
    assert found.alike.reason == "a member says the same of all items"
    assert (found.correlation, found.worth(2)) == (None, None)


def test_one_member_alone_has_an_accuracy_and_no_correlation(court: Court) -> None:
    for gold, said in ("aa", "ba", "bb"):
        court.decide(court.item(gold), said, {"x": said})
    found = votes_of(court)
    assert found.members[0].accuracy.estimate == pytest.approx(2 / 3)
    assert (found.correlation, found.worth(1)) == (None, None)
    assert found.effective_votes.reason == "fewer than two members or items"


def test_items_without_a_quorum_and_verdicts_that_were_saved_are_counted(court: Court) -> None:
    court.decide(court.item(), "a", {"x": "a", "y": "a"}, saved=3)
    court.decide(court.item(), "no_quorum", {"x": "abstained", "y": "b"})
    court.decide(court.item(), "no_quorum", {"x": "failed", "y": "b"}, saved=2)
    court.decide(court.item(), "abstained", {"x": "abstained", "y": "abstained"})
    found = votes_of(court)
    assert (found.no_quorum, found.saved) == (2, 5)
    assert [member.silent for member in found.members] == [3, 1]
    assert [member.utility.n for member in found.members] == [1, 1]  # without a decision nobody is served


def test_gold_of_one_group_alone_may_count(court: Court) -> None:
    for gold, group in (("a", "g"), ("a", "g"), ("b", "h")):
        court.decide(court.item(gold, group=group), "a", {"x": "a", "y": "b"})
    told = {group: votes_of(court, group=group).members[0].accuracy for group in ("g", "h")}
    assert [(told[g].estimate, told[g].n) for g in "gh"] == [(1.0, 2), (0.0, 1)]


def test_a_run_without_a_panel_has_no_members_and_gives_no_weights(court: Court) -> None:
    court.decide(court.item(), "a", run="alone")
    assert panel_votes(court.store, find_run(court.store, "alone")) is None
    with pytest.raises(BadInput, match="No panel judged the run alone"):
        weights_from(court.store, "alone")
    with pytest.raises(NotFound):
        weights_from(court.store, "nowhere")


def planted(court: Court, n: int, right: Sequence[int], *, silent: int = 0) -> None:
    """So many items; member i is right on the first `right[i]` of them; the last member is silent on some."""
    for number in range(n):
        said = {f"m{place}": "a" if number < hits else "b" for place, hits in enumerate(right)}
        if number < silent:
            said[f"m{len(right) - 1}"] = "abstained"
        court.decide(court.item(), "a", said)


def test_members_are_weighed_by_the_log_odds_of_being_right_and_those_no_better_than_a_coin_not_at_all(
    store: Store,
) -> None:
    court = held(store)
    planted(court, FEWEST_FOR_WEIGHTS, (24, 15, 9))
    assert weights_from(court.store, "r") == pytest.approx({"m0": np.log(4), "m1": 0.0, "m2": 0.0})


def test_weights_are_refused_where_a_member_judged_too_few_items_with_gold(court: Court) -> None:
    planted(court, FEWEST_FOR_WEIGHTS, (24, 20), silent=1)
    with pytest.raises(BadInput, match=rf"fewer than {FEWEST_FOR_WEIGHTS} items with gold were judged by m1\."):
        weights_from(court.store, "r")


def test_weights_are_refused_where_the_panel_has_decided_nothing_yet(court: Court) -> None:
    with pytest.raises(BadInput, match="decided any item"):
        weights_from(court.store, "r")
