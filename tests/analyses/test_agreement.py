"""Agreement of a run: by hand on verdicts of every kind, and planted judges found again through the whole program."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from plurijudge import Study
from plurijudge.analyses.agreement import Agreement, Measure, agreement, save
from plurijudge.store.engine import Store, writing
from plurijudge.store.records import Decision, Gold, Item, Response, Verdict
from plurijudge.store.rows import decision_row, item_row, label_row, response_rows, verdict_row
from plurijudge.store.tables import metadata
from plurijudge.text.errors import NotFound

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples" / "items.jsonl"
T = metadata.tables
AB, BA = ("a", "b"), ("b", "a")


class Court:
    """A store with one run, to which items, verdicts and decisions are added by hand."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.items = 0
        with writing(store.engine).begin() as connection:
            connection.execute(insert(T["dataset"]).values(id="d", name="by hand"))
            connection.execute(insert(T["run"]).values(id="r-1", dataset="d", judge="j", status="closed"))

    def item(self, *gold: Gold | str | list[str], names: str = "ab", **meta: Any) -> str:
        """Add an item, with what gold prefers."""
        name, self.items = f"q{self.items}", self.items + 1
        labels = [g if isinstance(g, Gold) else Gold(preferred=g) for g in gold]
        item = Item(id=name, prompt="?", responses=[Response(id=n, text=n) for n in names], gold=labels, meta=meta)
        with writing(self.store.engine).begin() as connection:
            connection.execute(insert(T["item"]), [item_row(item, dataset="d", position=self.items)])
            connection.execute(insert(T["response"]), response_rows(item, dataset="d"))
            for label in labels:
                row = label_row(label, dataset="d", item=name, source="by hand")
                connection.execute(insert(T["label"]), [row])
        return name

    def verdict(self, item: str, shown: tuple[str, ...], said: str | None, **more: Any) -> None:
        """Add a verdict; without a preference and anything else it is a failure."""
        if said is None and not {"status", "scores", "p_first", "probabilities"} & set(more):
            more = {"status": "refused", "reason": "refusal", **more}
        verdict = Verdict(item=item, judge=more.pop("judge", "j"), presentation=shown, preferred=said, **more)
        with writing(self.store.engine).begin() as connection:
            connection.execute(insert(T["verdict"]), [verdict_row(verdict, run="r-1", dataset="d")])

    def pair(self, item: str, first: str | None, second: str | None, **more: Any) -> None:
        """Add the verdicts of both presentations."""
        self.verdict(item, AB, first, **more)
        self.verdict(item, BA, second, **more)

    def decide(self, item: str, outcome: Any, preferred: str | None = None) -> None:
        """Add a decision."""
        decision = Decision(item=item, judge="j", outcome=outcome, preferred=preferred, rule="by hand", verdicts=2)
        with writing(self.store.engine).begin() as connection:
            connection.execute(insert(T["decision"]), [decision_row(decision, run="r-1", dataset="d")])

    def measured(self, measure: str = "accuracy", **options: Any) -> Measure:
        """One line of the run's agreement, of all items."""
        return agreement(self.store, "r-1", **options).one(measure)


@pytest.fixture
def court(tmp_path: Path) -> Iterator[Court]:
    """An empty court."""
    with Store.open(tmp_path / "court.db", create=True) as store:
        yield Court(store)


def test_verdicts_are_right_where_gold_accepts_them_and_failures_are_neither(court: Court) -> None:
    court.pair(court.item("a"), "a", "a")
    court.pair(court.item("b"), "b", "a")
    court.pair(court.item("a"), "a", None)
    court.pair(court.item("a"), None, None)
    court.pair(court.item(), "a", "a")
    found = court.measured()
    assert found.estimate.estimate == pytest.approx(4 / 5)
    assert (found.estimate.n, found.estimate.left_out, found.without_gold) == (3, 1, 1)
    assert [found.worst, found.best] == pytest.approx([4 / 8, 7 / 8])
    assert found.by_status == {"ok": 5, "refused": 3}
    assert (found.judge, found.against, found.subset) == ("j", "gold", "")


def test_positional_agreement_needs_no_gold_and_both_presentations(court: Court) -> None:
    court.pair(court.item(), "a", "a")
    court.pair(court.item(), "a", "b")
    court.pair(court.item(), "tie", "tie")
    court.pair(court.item("a"), "b", None)
    found = court.measured("positional_agreement")
    assert found.estimate.estimate == pytest.approx(2 / 3)
    assert (found.estimate.n, found.estimate.left_out) == (3, 1)
    assert (found.worst, found.best, found.against) == (0.5, 0.75, "swapped order")


def test_a_tie_is_right_only_where_gold_accepts_a_tie(court: Court) -> None:
    court.pair(court.item("a"), "tie", "tie")
    court.pair(court.item("tie"), "tie", "a")
    court.pair(court.item(["a", "tie"]), "tie", "a")
    court.pair(court.item(Gold(scores={"a": 3, "b": 3})), "tie", "b")
    assert court.measured().estimate.estimate == pytest.approx((0 + 0 + 1 + 0 + 1 + 1 + 1 + 0) / 8)


def test_with_several_annotators_a_verdict_is_right_by_the_share_that_accepts_it(court: Court) -> None:
    labels = [
        Gold(annotator="h1", group="nurses", preferred="a"),
        Gold(annotator="h2", group="nurses", preferred="b"),
        Gold(annotator="h3", group="lawyers", preferred="b"),
    ]
    court.pair(court.item(*labels), "a", None)
    everyone, nurses, lawyers = (court.measured(group=group) for group in (None, "nurses", "lawyers"))
    assert [found.estimate.estimate for found in (everyone, nurses, lawyers)] == pytest.approx([1 / 3, 1 / 2, 0])
    assert everyone.best == pytest.approx((1 / 3 + 2 / 3) / 2)  # no verdict could have pleased all three
    assert [found.against for found in (everyone, nurses)] == ["gold", "gold of nurses"]


def test_an_annotator_who_labels_twice_counts_once(court: Court) -> None:
    twice = [Gold(annotator="h1", preferred="a", sample=0), Gold(annotator="h1", preferred="a", sample=1)]
    court.pair(court.item(*twice, Gold(annotator="h2", preferred="b")), "a", "a")
    assert court.measured().estimate.estimate == pytest.approx(1 / 2)


def test_samples_are_averaged_for_accuracy_and_vote_for_agreement(court: Court) -> None:
    item = court.item("a")
    for sample, (first, second) in enumerate([("a", "a"), ("a", "b"), ("b", "a")]):
        court.pair(item, first, second, sample=sample)
    court.pair(court.item("a"), "a", "b")
    assert court.measured().estimate.estimate == pytest.approx((2 / 3 + 2 / 3 + 1 + 0) / 4)
    assert court.measured("positional_agreement").estimate.estimate == pytest.approx(1 / 2)


def test_what_a_verdict_prefers_is_read_from_scores_or_probabilities_where_it_does_not_say(court: Court) -> None:
    item = court.item("a")
    court.verdict(item, AB, None, scores={"a": 8, "b": 6})
    court.verdict(item, BA, None, p_first=0.3)
    item = court.item("a")
    court.verdict(item, AB, None, probabilities={"a": 0.2, "b": 0.7, "tie": 0.1})
    court.verdict(item, BA, None, probabilities={"first": 1.0})
    found = court.measured()
    assert found.estimate.estimate == pytest.approx(2 / 3)
    assert found.by_status == {"ok": 3, "without preference": 1}


def test_scores_of_single_responses_prefer_the_highest_mean(court: Court) -> None:
    given_scores: list[tuple[str, dict[str, list[int | None]]]] = [
        ("a", {"a": [8, 7], "b": [7, 6]}),
        ("a", {"a": [5], "b": [5]}),
        ("b", {"a": [5], "b": [None]}),
    ]
    for gold, scores in given_scores:
        item = court.item(gold)
        for name, given in scores.items():
            for sample, score in enumerate(given):
                more: dict[str, Any] = {} if score is None else {"scores": {name: score}}
                court.verdict(item, (name,), None, sample=sample, **more)
    court.verdict(court.item("a", names="a"), ("a",), None, scores={"a": 9})
    found = court.measured()
    assert found.estimate.estimate == pytest.approx(1 / 2)
    assert (found.estimate.n, found.estimate.left_out, found.without_gold) == (2, 1, 0)
    with pytest.raises(KeyError):
        court.measured("positional_agreement")


def test_a_pair_that_gold_says_nothing_of_does_not_count(court: Court) -> None:
    item = court.item("a", names="abc")
    court.verdict(item, ("a", "b"), "a")
    court.verdict(item, ("b", "c"), "b")
    court.verdict(court.item("a", names="abc"), ("b", "c"), "b")
    found = court.measured()
    assert found.estimate.estimate == 1.0
    assert (found.estimate.n, found.without_gold) == (1, 1)


def test_decisions_are_right_or_wrong_and_a_flipped_one_is_half(court: Court) -> None:
    for gold, outcome, preferred in [
        ("a", "ok", "a"),
        ("a", "ok", "b"),
        ("a", "tie", None),
        ("tie", "tie", None),
        ("a", "flipped", None),
        ("a", "abstained", None),
        ("a", "failed", None),
        (None, "ok", "a"),
    ]:
        court.decide(court.item(*([gold] if gold else [])), outcome, preferred)
    found = court.measured("accuracy_decisions")
    assert found.estimate.estimate == pytest.approx(2.5 / 5)
    assert (found.estimate.n, found.estimate.left_out, found.without_gold) == (5, 2, 1)
    assert [found.worst, found.best] == pytest.approx([2.5 / 7, 4.5 / 7])
    assert found.by_status == {"abstained": 1, "failed": 1, "flipped": 1, "ok": 2, "tie": 2}


def test_subsets_are_the_values_of_a_key_and_all_items_come_first(court: Court) -> None:
    court.pair(court.item("a", subset="easy"), "a", "a")
    court.pair(court.item("a", subset="hard"), "b", "b")
    court.pair(court.item("a", subset=3), "a", "b")
    court.pair(court.item("a"), "a", "a")
    found = agreement(court.store, "r-1", by="subset")
    lines = {line.subset: line.estimate for line in found.measures if line.measure == "accuracy"}
    assert list(lines) == ["", "3", "easy", "hard"]
    assert [lines[name].estimate for name in lines] == pytest.approx([5 / 8, 1 / 2, 1, 0])
    assert [lines[name].n for name in lines] == [4, 1, 1, 1]


def test_judges_of_one_run_are_measured_apart(court: Court) -> None:
    item = court.item("a")
    court.pair(item, "a", "a")
    court.pair(item, "b", "b", judge="k")
    found = agreement(court.store, "r-1")
    assert [found.one("accuracy", judge=judge).estimate.estimate for judge in ("j", "k")] == [1.0, 0.0]


def test_arms_and_earlier_steps_are_not_looked_at(court: Court) -> None:
    item = court.item("a")
    court.pair(item, "a", "a")
    court.pair(item, "b", "b", arm="cue")
    court.pair(item, "b", "b", step="reflect-1")
    found = court.measured()
    assert (found.estimate.estimate, found.by_status) == (1.0, {"ok": 2})


def test_what_cannot_be_measured_is_unknown_and_says_why(court: Court) -> None:
    court.verdict(court.item(), AB, "a")
    found = agreement(court.store, "r-1")
    right, same = found.one("accuracy"), found.one("positional_agreement")
    assert right.estimate.estimate is None and right.estimate.reason == "no item has gold"
    assert (right.worst, right.best, right.without_gold) == (None, None, 1)
    assert same.estimate.estimate is None and "both presentations" in same.estimate.reason
    assert (same.worst, same.best) == (0.0, 1.0)


def test_a_run_without_verdicts_has_no_lines_and_one_that_is_not_there_is_an_error(court: Court) -> None:
    assert agreement(court.store, "r-1") == Agreement("r-1", "closed", None, None, ())
    with pytest.raises(NotFound, match="no run"):
        agreement(court.store, "r-2")


def test_what_is_saved_is_what_was_measured(court: Court) -> None:
    court.pair(court.item("a", subset="x"), "a", "a")
    court.pair(court.item("b", subset="y"), "a", None)
    found = agreement(court.store, "r-1", by="subset")
    number = save(court.store, found, command="plurijudge agreement r-1 --by subset")
    again = save(court.store, found, command="plurijudge agreement r-1 --by subset")
    with court.store.engine.connect() as connection:
        analysis = connection.execute(select(T["analysis"]).where(T["analysis"].c.id == number)).mappings().one()
        lines = list(connection.execute(select(T["agreement"]).where(T["agreement"].c.analysis == number)).mappings())
    assert again != number
    assert (analysis["kind"], analysis["command"]) == ("agreement", "plurijudge agreement r-1 --by subset")
    assert json.loads(analysis["runs"]) == ["r-1"]
    assert json.loads(analysis["options"]) == {"by": "subset", "group": None}
    assert "plurijudge" in json.loads(analysis["versions"])
    assert [{k: v for k, v in line.items() if k not in ("id", "analysis")} for line in lines] == [
        line.columns() for line in found.measures
    ]


def test_the_keys_in_json_are_the_columns_of_the_table(court: Court) -> None:
    court.pair(court.item("a"), "a", "b")
    written = json.loads(json.dumps(agreement(court.store, "r-1").to_dict(), allow_nan=False))
    columns = {column.name for column in T["agreement"].columns} - {"id", "analysis"}
    for line in written["measures"]:
        assert set(line) == columns | {"by_status", "without_gold"}


def planted(position: float) -> tuple[float, float]:
    """The accuracy and the positional agreement that the planted odds bring about on the shipped examples."""
    right, same = [], []
    for line in EXAMPLES.read_text(encoding="utf-8").splitlines():
        item = json.loads(line)
        quality = item["meta"].get("quality", {})
        names = [response["id"] for response in item["responses"]]
        gap = quality.get(names[0], 0) - quality.get(names[1], 0) if len(quality) == 2 else 0.0
        of_first = [1 / (1 + math.exp(-(gap + place))) for place in (position, -position)]  # in either presentation
        same.append(of_first[0] * of_first[1] + (1 - of_first[0]) * (1 - of_first[1]))
        for chance in of_first if item["gold"] else ():
            shares = {names[0]: chance, names[1]: 1 - chance}
            accepted = [Gold(**gold).acceptable for gold in item["gold"]]
            right.append(sum(sum(shares.get(name, 0) for name in names_) for names_ in accepted) / len(accepted))
    return sum(right) / len(right), sum(same) / len(same)


@pytest.mark.parametrize("position", [pytest.param(0.0, marks=pytest.mark.thorough), 2.0])
def test_a_planted_judge_is_found_again_through_the_whole_program(tmp_path: Path, position: float) -> None:
    expected = dict(zip(("accuracy", "positional_agreement"), planted(position), strict=True))
    seeds, hits = range(5), dict.fromkeys(expected, 0)
    with Study(tmp_path / "planted.db") as study:
        for seed in seeds:
            run = study.judge_sync(EXAMPLES, f"builtin/planted?position={position}&seed={seed}").run
            found = agreement(study.store, run)
            for measure, truth in expected.items():
                estimate = found.one(measure).estimate
                assert estimate.low is not None and estimate.high is not None and estimate.left_out == 0
                hits[measure] += estimate.low <= truth <= estimate.high
    assert all(count >= 4 for count in hits.values()), hits
