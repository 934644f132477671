"""Do stored verdicts come to the DBG and EQB that they should, and is what cannot be read refused?"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from plurijudge.agents.builtin import planted
from plurijudge.agents.subject import Subject
from plurijudge.analyses.self_preference import Cell, Matrix, Options, save, self_preference
from plurijudge.store.datasets import Reading, dataset_of_records, store_all
from plurijudge.store.engine import Store
from plurijudge.store.imports import import_verdicts
from plurijudge.store.records import Gold, Item, Response, Verdict, VerdictKey
from plurijudge.text.errors import BadInput

M = {"a": "m1", "b": "m2"}
FEW = {"resamples": 200}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "study.db", create=True) as opened:
        yield opened


def said(
    judge: str, item: str, first: Any, second: Any, *, models: dict[str, str] | None = None, **more: Any
) -> list[Verdict]:
    """A judge's word in both orders: a response's id, a tie, None for no verdict, or the probability of the first."""
    names = [*(models or M)]
    found = []
    for shown, one in (((names[0], names[1]), first), ((names[1], names[0]), second)):
        told: dict[str, Any] = {"preferred": one} if isinstance(one, str) else {"p_first": one}
        if one is None:
            told = {"status": "refused", "reason": "refusal"}
        found.append(Verdict(item=item, judge=judge, presentation=shown, models=models or M, **told, **more))
    return found


def gold(items: Sequence[str], wins: str, judges: Iterable[str] = ("g1", "g2")) -> list[Verdict]:
    """Gold of one mind: on each item the response of that name."""
    return [
        one for name in judges for item, best in zip(items, wins, strict=True) for one in said(name, item, best, best)
    ]


def measured(store: Store, verdicts: Sequence[Verdict], golden: Sequence[Verdict], **options: Any) -> Matrix:
    first = import_verdicts(store, verdicts, name="verdicts")
    second = import_verdicts(store, golden, items=first.dataset, name="gold")
    return self_preference(store, [first.run], [second.run], options=Options(**{**FEW, **options}))


def only(matrix: Matrix) -> Cell:
    (cell,) = matrix.cells
    return cell


ITEMS = ("q1", "q2", "q3", "q4")


# What verdicts come to.


def test_by_hand(store: Store) -> None:
    """Own wins, a flip (one half), own loses, own wins: 2.5 of 4; gold: own, other, other, own."""
    verdicts = [*said("m1", "q1", "a", "a"), *said("m1", "q2", "a", "b"), *said("m1", "q3", "b", "b")]
    verdicts += said("m1", "q4", "a", "a")
    cell = only(measured(store, verdicts, gold(ITEMS, "abba")))
    score = cell.found.score
    assert (cell.judge, cell.model, cell.opponent, cell.items) == ("m1", "m1", "m2", 4)
    assert (score.own_win_rate.estimate, score.gold_win_rate.estimate) == (0.625, 0.5)
    assert (score.dbg.estimate, score.flip_rate.estimate) == (0.125, 0.25)
    assert [*score.differences] == [0.0, 0.5, 0.0, 0.0]
    assert (score.judge_ties, cell.found.author_blind, cell.found.eqb) == (1, None, None)


def test_it_is_told_from_the_side_of_the_judge_whatever_the_names(store: Store) -> None:
    verdicts = [one for item in ITEMS for one in said("m2", item, "b", "b")]
    cell = only(measured(store, verdicts, gold(ITEMS, "aaab")))
    assert (cell.model, cell.opponent) == ("m2", "m1")
    assert (cell.found.score.own_win_rate.estimate, cell.found.score.gold_win_rate.estimate) == (1.0, 0.25)


def test_probabilities_count_before_letters_and_are_averaged_over_orders(store: Store) -> None:
    """0.9 for itself shown first and 0.3 shown second is 0.6 on average: its own wins; 0.5 and 0.5 is a tie."""
    verdicts = [*said("m1", "q1", 0.9, 0.7, rationale="x"), *said("m1", "q2", 0.5, 0.5), *said("m1", "q3", 0.2, 0.5)]
    verdicts += [
        Verdict(item="q4", judge="m1", presentation=shown, models=M, preferred="b", probabilities={"a": 0.4, "b": 0.1})
        for shown in (("a", "b"), ("b", "a"))
    ]
    cell = only(measured(store, verdicts, gold(ITEMS, "aaaa")))
    assert cell.found.score.own_win_rate.estimate == pytest.approx((1 + 0.5 + 0 + 1) / 4)
    assert cell.found.soft is not None
    assert cell.found.soft.own_probability.estimate == pytest.approx((0.6 + 0.5 + 0.35 + 0.8) / 4)
    assert cell.found.score.mass_least == pytest.approx(0.5)


def test_samples_of_one_presentation_count_as_their_mean(store: Store) -> None:
    verdicts = [one for item in ITEMS for one in said("m1", item, "b", "b")]
    verdicts += [one for n in (1, 2) for one in said("m1", "q1", "a", "a", sample=n)]
    cell = only(measured(store, verdicts, gold(ITEMS, "aaaa")))
    assert cell.found.score.own_win_rate.estimate == 0.25  # on q1 two of three samples


def test_a_failed_verdict_is_none_and_is_counted(store: Store) -> None:
    verdicts = [one for item in ITEMS[:3] for one in said("m1", item, "a", "a")] + said("m1", "q4", None, "a")
    golden = [*gold(ITEMS, "aabb", ["g1"]), *said("g2", "q1", None, None)]
    golden += [one for item in ITEMS[1:] for one in said("g2", item, "b", "b")]
    matrix = measured(store, verdicts, golden)
    score = only(matrix).found.score
    assert (score.verdicts_missing, score.votes_missing, score.dbg.n, score.dbg.left_out) == (1, 2, 3, 1)
    assert matrix.statuses["m1"] == {"ok": 7, "refused": 1}


def three(judge: str, item: str, **best: str) -> list[Verdict]:
    """A judge's word on the three pairs of three models' answers to one prompt, by pair, the same in both orders."""
    found = []
    for pair, one in best.items():
        models = {name: f"m{name}" for name in pair}
        found += said(judge, item, one, one, models=models)
    return found


def test_pairs_of_others_show_what_an_author_blind_judge_scores(store: Store) -> None:
    """m1 errs on one of four pairs of others; of its own losing answers it prefers two of two, of m3's one of two."""
    items = ITEMS
    golden = [
        one
        for name in ("g1", "g2")
        for i, item in enumerate(items)
        for one in three(name, item, xy="xy"[i > 1], xz="z", yz="yz"[i > 1])
    ]
    verdicts = [one for i, item in enumerate(items) for one in three("mx", item, xy="x", xz="x", yz="yz"[i > 0])]
    matrix = measured(store, verdicts, golden)
    cells = {cell.opponent: cell for cell in matrix.overall}
    assert sorted(cells) == ["my", "mz"]
    blind = cells["my"].found.author_blind
    assert blind is not None and blind.error.estimate == 0.25
    assert blind.expectation.estimate == pytest.approx(0.25 * (1 - 2 * 0.5))
    eqb = cells["my"].found.eqb  # gold: own loses against my on q3, q4; mz loses against my on q1, q2
    assert eqb is not None and eqb.proxies == ("mz",)
    assert (eqb.own.estimate, eqb.proxy.estimate, eqb.eqb.estimate) == (1.0, 0.5, 0.5)
    assert all(cell.p_adjusted is not None for cell in cells.values() if cell.found.p_value is not None)


def test_a_judge_under_another_name_is_known_when_it_is_told(store: Store) -> None:
    verdicts = [one for item in ITEMS for one in said("judge-1", item, "a", "a")]
    with pytest.raises(BadInput, match="None of the judges judge-1 wrote any of the answers; those are by m1, m2"):
        measured(store, verdicts, gold(ITEMS, "aaaa"))
    matrix = measured(store, verdicts, gold(ITEMS, "aaaa"), wrote={"judge-1": "m1"})
    assert (only(matrix).judge, only(matrix).model) == ("judge-1", "m1")
    assert "--wrote judge-1=m1" in matrix.command


# What an item knows besides.


def stored(store: Store, **more: Any) -> str:
    """Four items with both responses; gives their data set."""
    responses = [Response(id="a", model="m1", text="one"), Response(id="b", model="m2", text="two")]
    items = [
        Item(id=name, prompt="?", responses=responses, **{key: value[n] for key, value in more.items()})
        for n, name in enumerate(ITEMS)
    ]
    dataset, given = dataset_of_records(store, items, name="items")
    store_all(store, Reading.of_records(dataset, given))
    return dataset.id


def on_items(
    store: Store, dataset: str, verdicts: Sequence[Verdict], golden: Sequence[Verdict], **options: Any
) -> Matrix:
    runs = [import_verdicts(store, some, items=dataset).run for some in (verdicts, golden)]
    return self_preference(store, runs[:1], runs[1:], options=Options(**{**FEW, **options}))


def test_subsets_are_measured_apart_where_that_is_asked_for(store: Store) -> None:
    dataset = stored(store, meta=[{"subset": "s"}, {"subset": "s"}, {"subset": "t"}, {"subset": "t"}])
    verdicts = [one for item in ITEMS for one in said("m1", item, "a", "a")]
    matrix = on_items(store, dataset, verdicts, gold(ITEMS, "aabb"), by_subset=True)
    rates = {cell.subset: (cell.items, cell.found.score.dbg.estimate) for cell in matrix.cells}
    assert rates == {"": (4, 0.5), "s": (2, 0.0), "t": (2, 1.0)}
    assert matrix.command.endswith("--by-subset")


def test_peoples_labels_and_truth_are_read(store: Store) -> None:
    labels = [[Gold(annotator="h", preferred=best)] for best in ("a", "b", "a")] + [[]]
    right = [
        {"correct": {"a": own, "b": other}}
        for own, other in ((True, False), (False, True), (False, True), (True, True))
    ]
    dataset = stored(store, gold=labels, meta=right)
    verdicts = [one for item in ITEMS for one in said("m1", item, "a", "a")]
    cell = only(on_items(store, dataset, verdicts, gold(ITEMS, "abab")))
    assert cell.human_win_rate is not None and cell.human_win_rate.estimate is not None
    assert cell.truth is not None and cell.truth.different == 3
    told = (cell.truth.spr.estimate, cell.truth.lspr.estimate, cell.truth.hspp.estimate)
    assert told == pytest.approx((1.0, 1 / 3, 1.0))


@pytest.mark.parametrize(("judge", "rate"), [("m1", 1.0), ("m2", 0.0)])
def test_peoples_labels_are_told_from_the_side_of_the_judge(store: Store, judge: str, rate: float) -> None:
    dataset = stored(store, gold=[[Gold(annotator="h", preferred="a")]] * 4)
    verdicts = [one for item in ITEMS for one in said(judge, item, "a", "a")]
    cell = only(on_items(store, dataset, verdicts, gold(ITEMS, "aaaa")))
    assert cell.human_win_rate is not None and cell.human_win_rate.estimate == pytest.approx(rate)


# What is refused, and says so.


def own(*items: str) -> list[Verdict]:
    return [one for item in items for one in said("m1", item, "a", "b")]


@pytest.mark.parametrize(
    ("verdicts", "golden", "options", "message"),
    [
        (own(*ITEMS), gold(ITEMS, "aabb"), {"gold_judges": ("g1", "g2", "g3")}, "gold judge `g3` has no verdict"),
        (own(*ITEMS), gold(ITEMS[:3], "aab"), {}, "q4"),
        (own(*ITEMS[:3]), gold(ITEMS, "aabb"), {}, "q4"),
        (own(*ITEMS)[::2], gold(ITEMS, "aabb"), {}, "presentation"),
        (own(*ITEMS), gold(ITEMS, "aabb")[::2], {}, "presentation"),
        (own(*ITEMS), gold(ITEMS, "aabb", ["g1", "m2"]), {}, "gold judge `m2` wrote some"),
    ],
)
def test_what_does_not_fit_together_is_refused(
    store: Store, verdicts: list[Verdict], golden: list[Verdict], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        measured(store, verdicts, golden, **options)


def test_a_verdict_without_any_probability_is_refused(store: Store) -> None:
    nothing = [
        Verdict(item="q1", judge="m1", presentation=shown, models=M, probabilities={"a": 0.0, "b": 0.0})
        for shown in (("a", "b"), ("b", "a"))
    ]
    with pytest.raises(BadInput, match="zero"):
        measured(store, [*nothing, *own(*ITEMS[1:])], gold(ITEMS, "aabb"))


def test_verdicts_of_no_two_models_are_counted_with_the_reason(store: Store) -> None:
    odd = [
        *said("m1", "q5", "a", "a", models={"a": "m1", "b": "m1"}),
        Verdict(item="q6", judge="m1", presentation=("a",), scores={"a": 3.0}),
        Verdict(item="q7", judge="m1", presentation=("a", "b"), preferred="a"),
    ]
    matrix = measured(store, [*own(*ITEMS), *odd], gold(ITEMS, "aabb"))
    assert sum(matrix.unread["m1"].values()) == 4 and len(matrix.unread["m1"]) == 3
    assert only(matrix).items == 4


# What is kept.


def test_the_rows_hold_what_was_measured_and_the_command_makes_it_again(store: Store) -> None:
    matrix = measured(store, own(*ITEMS), gold(ITEMS, "aabb"), alpha=0.1)
    number = save(store, matrix)
    with store.engine.connect() as connection:
        kept = connection.execute(text("SELECT * FROM dbg_score WHERE analysis = :n"), {"n": number}).mappings().all()
        (row,) = connection.execute(text("SELECT * FROM analysis WHERE id = :n"), {"n": number}).mappings().all()
    by = {line["measure"]: line for line in kept if line["measure"] != "dbg_without"}
    score = only(matrix).found.score
    assert by["dbg"]["estimate"] == score.dbg.estimate and by["dbg"]["standard_error"] == score.dbg.standard_error
    assert (by["dbg"]["judge"], by["dbg"]["opponent"], by["dbg"]["gold"]) == ("m1", "m2", "g1, g2")
    assert (by["dbg"]["conclusion"], by["judge_ties"]["estimate"]) == (only(matrix).conclusion, 4.0)
    assert {"own_win_rate", "gold_win_rate", "coin_flip", "flip_rate", "dbg_bca", "votes_missing"} <= set(by)
    assert {line["gold"] for line in kept if line["measure"] == "dbg_without"} == {"g1", "g2"}
    assert json.loads(row["runs"]) == [*matrix.runs, *matrix.gold_runs] and json.loads(row["options"])["alpha"] == 0.1
    named = f"--run {matrix.runs[0]} --gold-run {matrix.gold_runs[0]}"
    assert row["command"] == f"plurijudge self-preference {named} --alpha 0.1 --resamples 200"


# Judges that are known.


def planted_verdicts(judge: str, query: str, items: Sequence[Item]) -> list[Verdict]:
    """What a planted judge says of every item in both orders."""
    found = []
    for item in items:
        names = [response.id for response in item.responses]
        for shown in (tuple(names), tuple(reversed(names))):
            key = VerdictKey(item=item.id, judge=judge, presentation=shown)
            reply = json.loads(planted.answer(Subject(key, item, ("A", "B"), "pairwise", ties=False), query))
            models = {response.id: str(response.model) for response in item.responses}
            best = dict(zip(("A", "B"), shown, strict=True))[reply["verdict"]]
            found.append(Verdict(item=item.id, judge=judge, presentation=shown, preferred=best, models=models))
    return found


def contest(n: int) -> list[Item]:
    """Pairs of three models' answers to n prompts, of qualities that are known."""
    quality = [{"m1": i % 3, "m2": (i // 3) % 3, "m3": (i // 9) % 3} for i in range(n)]
    return [
        Item(
            id=f"q{i}~{one}~{other}",
            prompt="?",
            responses=[Response(id=name, model=name, text="same length") for name in (one, other)],
            meta={"prompt_id": f"q{i}", "quality": {one: quality[i][one], other: quality[i][other]}},
        )
        for i in range(n)
        for one, other in (("m1", "m2"), ("m1", "m3"), ("m2", "m3"))
    ]


@pytest.mark.parametrize(
    ("query", "found"), [("self=3&name=m1", "favours its own"), ("name=m1", "not found"), ("quality=0", "noise")]
)
def test_a_planted_term_for_its_own_is_found_and_no_other_is(store: Store, query: str, found: str) -> None:
    items = contest(150)
    dataset, given = dataset_of_records(store, items, name="items")
    store_all(store, Reading.of_records(dataset, given))
    verdicts = planted_verdicts("m1", f"quality=1.5&{query}" if "quality" not in query else query, items)
    golden = [one for n in (1, 2, 3) for one in planted_verdicts(f"g{n}", f"quality=6&seed={n}", items)]
    matrix = on_items(store, dataset.id, verdicts, golden)
    assert {cell.conclusion for cell in matrix.overall} == {found}


# Recorded data.


@cache
def recorded(shared_data: Path, dataset: str) -> tuple[list[Verdict], list[Verdict]]:
    """The recorded option probabilities of a judge over its own and another model's summaries, and gold's picks."""
    models = {"A": "llama3.1-8b-instruct", "B": "gpt-3.5-turbo"}

    def table(name: str) -> Iterator[dict[str, str]]:
        with gzip.open(shared_data / "dbg" / name, "rt", encoding="utf-8") as file:
            yield from (row for row in csv.DictReader(file) if row["dataset"] == dataset)

    verdicts, golden = [], []
    for row in table("dbg_summaries_judge.csv.gz"):
        for order in ("AB", "BA"):
            masses = {order[0]: float(row[f"{order}_prob1"]), order[1]: float(row[f"{order}_prob2"])}
            shown = {"item": row["id"], "judge": row["judge"], "presentation": tuple(order), "models": models}
            verdicts.append(Verdict(**shown, probabilities=masses))
    for row in table("dbg_summaries_gold.csv.gz"):
        for order in ("AB", "BA"):
            pick = row[f"{order}_pick"]
            told: dict[str, Any] = {"status": "unparseable", "reason": "no letter"}
            if pick in ("1", "2"):
                told = {"preferred": order[int(pick) - 1]}
            golden.append(
                Verdict(item=row["id"], judge=row["gold_judge"], presentation=tuple(order), models=models, **told)
            )
    return verdicts, golden


@pytest.mark.parametrize("dataset", ["cnn", "xsum"])
def test_recorded_probabilities_come_to_the_published_rows(store: Store, shared_data: Path, dataset: str) -> None:
    targets = json.loads((shared_data / "dbg" / "targets.json").read_text(encoding="utf-8"))["dbg"]
    wanted = targets[f"{dataset}|llama3.1-8b-instruct"]
    score = only(measured(store, *recorded(shared_data, dataset), resamples=2000)).found.score
    got = {
        name: getattr(score, name).estimate
        for name in ("own_win_rate", "gold_win_rate", "dbg", "flip_rate", "coin_flip")
    }
    assert {name: round(100 * value, 2) for name, value in got.items()} == {name: wanted[name] for name in got}
    assert score.percentile.low is not None and score.percentile.high is not None
    assert [100 * score.percentile.low, 100 * score.percentile.high] == pytest.approx(wanted["interval"], abs=0.3)


def test_gold_cut_to_four_votes_is_caught_by_name(store: Store, shared_data: Path) -> None:
    verdicts, golden = recorded(shared_data, "xsum")
    judges = sorted({one.judge for one in golden})
    cut = [one for one in golden if one.judge != judges[0]]
    with pytest.raises(BadInput, match=f"gold judge `{judges[0]}` has no verdict"):
        measured(store, verdicts, cut, gold_judges=tuple(judges))


def test_one_presentation_only_is_caught(store: Store, shared_data: Path) -> None:
    verdicts, golden = recorded(shared_data, "xsum")
    with pytest.raises(BadInput, match="presentation"):
        measured(store, verdicts[::2], golden)
