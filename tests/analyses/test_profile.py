"""Does a profile say of each rater what its pairs say, and of a judge beside people no more than they show?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import insert

from plurijudge.analyses.preferences import people_of
from plurijudge.analyses.profile import profile, save
from plurijudge.analyses.profile_found import Options, Profile
from plurijudge.analyses.profile_lines import facts_of, lines_of
from plurijudge.reports.profile import section
from plurijudge.reports.sections import Analysis, Section
from plurijudge.store.analyses import keep_analysis
from plurijudge.store.datasets import Reading, dataset_of_records, store_all
from plurijudge.store.engine import Store, writing
from plurijudge.store.imports import import_verdicts
from plurijudge.store.records import Decision, Gold, Item, Response, Verdict
from plurijudge.store.reports import analyses_of
from plurijudge.store.rows import decision_row
from plurijudge.store.tables import metadata
from plurijudge.text.errors import BadInput
from plurijudge.text.factor_rules import BY_NAME
from plurijudge.text.factors import Factor

LENGTH = [BY_NAME["length"]]
QUICK = Options(resamples=100)
LONG, SHORT = "One two three four five.", "One two."


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with Store.open(tmp_path / "profile.db", create=True) as opened:
        yield opened


def item(name: str, a: str = LONG, b: str = SHORT, *, gold: Sequence[Any] = (), **more: Any) -> Item:
    """An item with two responses; `gold` says what each annotator prefers."""
    labels = [Gold(annotator=f"h{n}", preferred=one) for n, one in enumerate(gold)]
    responses = [Response(id="a", model="m1", text=a), Response(id="b", model="m2", text=b)]
    return Item(id=name, prompt=more.pop("prompt", f"Say {name}."), responses=responses, gold=labels, **more)


def verdicts(name: str, first: str | None, second: str | None = "same", **more: Any) -> list[Verdict]:
    """Both presentations of a pair; None is a verdict that could not be read."""
    told = (first, first if second == "same" else second)
    return [
        Verdict(
            item=name,
            judge=more.get("judge", "j"),
            presentation=shown,
            status="unparseable" if said is None else "ok",
            reason="no_verdict" if said is None else "",
            preferred=said,
        )
        for shown, said in zip((("a", "b"), ("b", "a")), told, strict=True)
    ]


def stored(store: Store, items: Sequence[Item], said: Sequence[Verdict] = ()) -> str:
    """Put items and verdicts into the store; gives the run, or the data set where nothing was said."""
    dataset, given = dataset_of_records(store, items, name="items")
    store_all(store, Reading.of_records(dataset, given))
    return import_verdicts(store, said, items=dataset.id).run if said else dataset.id


def shown(found: Profile) -> Section:
    """What a person sees of it."""
    options = {**asdict(found.options), **facts_of(found)}
    return section(Analysis(1, "factor_influence", (found.run,), options, found.command, "", lines_of(found)))


# One rater, by hand.


def seven(store: Store) -> str:
    """Seven pairs: C = 2, D = 1, alike = 1; one flipped, one tied, one without a verdict."""
    same = "Alpha beta."
    items = [item(f"q{n}", *((same, "Gamma delta.") if n == 3 else ())) for n in range(1, 8)]
    said = [
        *(verdicts("q1", "a"), verdicts("q2", "b"), verdicts("q3", "a"), verdicts("q4", "a", "b")),
        *(verdicts("q5", "tie"), verdicts("q6", "a", None), verdicts("q7", "a")),
    ]
    return stored(store, items, [one for pair in said for one in pair])


@pytest.mark.parametrize(("tau", "expected"), [("tau14", 1 / 4), ("tau13", 1 / 3), ("tau_b", 1 / np.sqrt(4 * 4))])
def test_the_influence_is_what_the_cells_make_of_it(db: Store, tau: Any, expected: float) -> None:
    found = profile(db, seven(db), factors=LENGTH, options=replace(QUICK, tau=tau))
    [judge] = found.raters
    line = judge.line("length")
    assert line is not None and line.influence.pooled.estimate == pytest.approx(expected, abs=1e-12)
    assert line.influence.cells._asdict() == {
        **{"concordant": 2, "discordant": 1, "factor_ties": 1},
        **{"preference_ties": 1, "both_tied": 0},
    }
    assert (found.pairs, found.prompts, judge.prompts, line.influence.pairs_left_out) == (7, 7, 7, 2)


def test_flipped_pairs_and_failures_are_counted_as_what_they_are_and_bound_the_influence(db: Store) -> None:
    found = profile(db, seven(db), factors=LENGTH, options=QUICK)
    [judge] = found.raters
    assert judge.outcomes == {"decided": 4, "failed": 1, "flipped": 1, "tie": 1}
    assert judge.statuses == {"ok": 13, "unparseable": 1}
    line = judge.line("length")
    assert line is not None  # two pairs are missing: both against it, or both for it
    assert [line.worst, line.best] == pytest.approx([(1 - 2) / 6, (1 + 2) / 6])
    said = " ".join(shown(found).said)
    assert "1 hang on the order" in said and "1 have no verdict" in said and "1 unparseable" in said


def test_prompts_are_what_is_sampled_the_same_prompt_being_one(db: Store) -> None:
    named = [item(f"q{n}", meta={"prompt_id": "p"}) for n in range(3)]
    alike = [item(f"r{n}", prompt="The same.") for n in range(2)]
    apart = [item(f"s{n}") for n in range(4)]
    run = stored(db, [*named, *alike, *apart], [one for i in [*named, *alike, *apart] for one in verdicts(i.id, "a")])
    assert profile(db, run, factors=LENGTH, options=QUICK).prompts == 1 + 1 + 4


def test_a_share_of_nothing_is_unknown_and_its_pair_is_left_out(db: Store) -> None:
    items = [item("q1", a=""), item("q2"), item("q3", a="")]
    run = stored(db, items, [one for i in items for one in verdicts(i.id, "a")])
    share = BY_NAME["words_per_sent"]
    found = profile(db, run, factors=[*LENGTH, share], options=QUICK)
    line = found.raters[0].line("words_per_sent")
    assert line is not None and (line.influence.pairs, line.influence.pairs_left_out) == (1, 2)
    empty = stored(db, [item("q9", a="", b="")], verdicts("q9", "a"))
    nothing = profile(db, empty, factors=[*LENGTH, share], options=QUICK)
    assert nothing.raters[0].line("words_per_sent") is None
    assert nothing.unmeasured == {"words_per_sent": "unknown of every response"}


def test_a_factor_without_what_it_needs_is_named_with_the_reason(db: Store) -> None:
    run = stored(db, [item("q1")], verdicts("q1", "a"))
    asked = [*LENGTH, BY_NAME["src_coverage"], BY_NAME["reference_recall"], BY_NAME["prompt_overlap"]]
    found = profile(db, run, factors=asked, options=QUICK)
    assert [one.name for one in found.factors] == ["length", "prompt_overlap"]
    assert found.unmeasured == {
        "src_coverage": "no item has a source (`context`)",
        "reference_recall": "no item has a reference",
    }
    assert "Not measured: src_coverage (no item has a source (`context`)); reference_recall" in " ".join(
        shown(found).notes
    )


def test_what_a_model_read_off_the_texts_is_a_factor_like_any_other(db: Store) -> None:
    facts = Factor("facts", "facts", None, needs=frozenset({"model"}))
    items = [item(f"q{n}") for n in range(3)]
    run = stored(db, items, [one for i in items for one in verdicts(i.id, "b")])

    def read(name: str, responses: list[tuple[str, str]]) -> list[float]:
        assert name == "facts" and len(responses) == 6
        return [float("nan") if one == ("q2", "a") else float(one[1] == "a") for one in responses]

    found = profile(db, run, factors=[*LENGTH, facts], extracted=read, options=QUICK)
    line = found.raters[0].line("facts")
    assert line is not None and line.influence.pooled.estimate == -1
    assert (line.influence.pairs, line.influence.pairs_left_out) == (2, 1)
    alone = profile(db, run, factors=[*LENGTH, facts], options=QUICK)
    assert alone.unmeasured == {"facts": "no model was named to read the texts"}


# What verdicts of other kinds say of pairs.


def test_scores_of_single_responses_and_several_responses_make_pairs(db: Store) -> None:
    texts = {"a": LONG, "b": SHORT, "c": "Six words are what stand here."}
    items = [
        Item(id="q1", prompt="?", responses=[Response(id=name, text=text) for name, text in texts.items()]),
        Item(id="q2", prompt="!", responses=[Response(id=name, text=text) for name, text in texts.items()]),
    ]
    scores: dict[str, dict[str, float | None]] = {
        "q1": {"a": 5.0, "b": 5.0, "c": 7.0},
        "q2": {"a": 4.0, "b": 2.0, "c": None},
    }
    said = [
        Verdict(
            item=name,
            judge="j",
            presentation=(side,),
            status="ok" if score is not None else "refused",
            reason="" if score is not None else "policy",
            scores={side: score} if score is not None else None,
        )
        for name, told in scores.items()
        for side, score in told.items()
    ]
    [judge] = profile(db, stored(db, items, said), factors=LENGTH, options=QUICK).raters
    assert judge.outcomes == {"decided": 3, "failed": 2, "tie": 1}  # c > a, c > b, a > b of q2
    line = judge.line("length")
    assert line is not None and line.influence.cells.concordant == 3 and line.influence.cells.preference_ties == 1


def test_each_judge_and_persona_is_a_rater_of_its_own(db: Store) -> None:
    items = [item("q1"), item("q2")]
    said = [*verdicts("q1", "a"), *verdicts("q2", "a"), *verdicts("q1", "b", judge="k")]
    said += [one.model_copy(update={"persona": "p"}) for one in verdicts("q1", "b")]
    found = profile(db, stored(db, items, said), factors=LENGTH, options=QUICK)
    assert [(one.name, one.outcomes) for one in found.raters] == [
        ("j", {"decided": 2}),
        ("j as p", {"decided": 1}),
        ("k", {"decided": 1}),
    ]


def test_one_order_alone_is_counted_and_gives_the_weights_a_term_for_the_place(db: Store) -> None:
    rng = np.random.default_rng(5)
    items, said = [], []
    for n in range(120):
        words = rng.integers(3, 40, size=2)
        items.append(item(f"q{n}", *(" ".join(["word"] * int(many)) for many in words)))
        shown_first = "ab" if n % 2 else "ba"
        odds = 1.5 * (shown_first[0] == "a") - 0.75 + 0.02 * (words[0] - words[1])
        preferred = "a" if rng.random() < 1 / (1 + np.exp(-odds)) else "b"
        said.append(Verdict(item=f"q{n}", judge="j", presentation=tuple(shown_first), status="ok", preferred=preferred))
    found = profile(db, stored(db, items, said), factors=LENGTH, options=QUICK)
    [judge] = found.raters
    assert judge.one_order == 120
    assert judge.weights is not None and judge.weights.position is not None
    place = judge.weights.position.weight
    assert place.low is not None and place.low > 0
    assert "120 pairs were shown in one order alone" in " ".join(shown(found).said)


def test_a_panel_is_one_rater_by_its_decisions(db: Store) -> None:
    items = [item("q1"), item("q2"), item("q3")]
    dataset = stored(db, items)
    run = {"id": "r-p", "dataset": dataset, "judge": "j", "status": "closed", "panel": "three"}
    made: list[tuple[str, Any, str | None]] = [("q1", "ok", "a"), ("q2", "flipped", None), ("q3", "tie", None)]
    decisions = [
        Decision(item=name, judge="j", outcome=outcome, preferred=side, rule="r", verdicts=2)
        for name, outcome, side in made
    ]
    rows = [decision_row(one, run="r-p", dataset=dataset) for one in decisions]
    with writing(db.engine).begin() as connection:
        connection.execute(insert(metadata.tables["run"]), [run])
        connection.execute(insert(metadata.tables["decision"]), rows)
    [panel] = profile(db, "r-p", factors=LENGTH, options=QUICK).raters
    assert (panel.name, panel.outcomes) == ("panel three", {"decided": 1, "flipped": 1, "tie": 1})


def test_what_was_planted_in_items_is_left_out(db: Store) -> None:
    derived = item("q1/verbosity", a=LONG * 9, parent="q1", perturbation={"bias": "verbosity"})
    run = stored(db, [item("q1"), derived], [*verdicts("q1", "a"), *verdicts("q1/verbosity", "a")])
    found = profile(db, run, factors=LENGTH, options=QUICK)
    assert found.pairs == 1
    assert found.left_out == {"made from others to plant something in them": 1}


# People.


def test_people_prefer_what_most_of_them_do_and_a_draw_is_a_tie(db: Store) -> None:
    items = [
        item("q1", gold=["a", "a", "b"]),
        item("q2", gold=["a", "b"]),
        item("q3", gold=["tie", "b", "tie"]),
        item("q4", gold=[["a", "b"], "b"]),  # as good as each other, and b: a draw
        item("q5", gold=[["a", "tie"], "a"]),
        item("q6"),
    ]
    dataset = stored(db, items)
    people = people_of(db, dataset)
    assert people is not None
    told = {name: pairs[0].value for name, pairs in people.pairs.items()}
    assert told == {"q1": 1.0, "q2": 0.0, "q3": 0.0, "q4": 0.0, "q5": 1.0}
    assert people.outcomes == {"decided": 2, "tie": 3}
    found = profile(db, dataset=dataset, factors=LENGTH, options=QUICK)
    assert [one.kind for one in found.raters] == ["people"]
    line = found.raters[0].line("length")
    assert line is not None and line.influence.pooled.estimate == 1.0


def test_labels_of_one_group_and_scores_count_too(db: Store) -> None:
    gold = [Gold(annotator="n", group="nurses", scores={"a": 1, "b": 4}), Gold(annotator="d", preferred="a")]
    dataset = stored(db, [item("q1").model_copy(update={"gold": gold})])
    people = people_of(db, dataset, group="nurses")
    assert people is not None and people.name == "people (nurses)"
    assert people.pairs["q1"][0].value == -1.0
    assert people_of(db, dataset, group="others") is None


def compared(store: Store, *, n: int, follows: float, seed: int = 3) -> str:
    """A judge who prefers the longer response as often as `follows`, and people who do so on seven of ten pairs."""
    rng = np.random.default_rng(seed)
    items, said = [], []
    for number in range(n):
        longer = LONG if rng.random() < 0.5 else SHORT
        other = SHORT if longer is LONG else LONG
        best, worst = ("a", "b") if longer is LONG else ("b", "a")
        gold = [best if rng.random() < 0.7 else worst]
        items.append(item(f"q{number}", longer, other, gold=gold))
        said += verdicts(f"q{number}", best if rng.random() < follows else worst)
    return stored(store, items, said)


def test_a_judge_that_follows_length_more_than_people_differs_and_is_said_to(db: Store) -> None:
    found = profile(db, compared(db, n=200, follows=0.95), factors=LENGTH, options=replace(QUICK, against="human"))
    judge, people = found.raters
    assert (judge.kind, people.kind, people.beside) == ("judge", "people", None)
    assert judge.beside is not None and judge.beside.pairs == 200
    [difference] = judge.beside.alignment.differences
    lines = [one.line("length") for one in (judge, people)]
    by_hand = [one.influence.pooled.estimate for one in lines if one is not None]
    assert difference.difference.estimate == pytest.approx(by_hand[0] - by_hand[1], abs=1e-12)  # type: ignore[operator]
    assert judge.beside.alignment.verdict == "differs" and difference.conclusion == "differs"
    said = " ".join(shown(found).said)
    assert "j prefers more than people do of length" in said and "It is not aligned with people" in said
    assert "aligned with people: each is shown" not in said


def test_no_difference_found_is_not_aligned_and_many_pairs_within_the_margin_are(db: Store) -> None:
    few = profile(db, compared(db, n=40, follows=0.7), factors=LENGTH, options=replace(QUICK, against="human"))
    assert few.raters[0].beside is not None and few.raters[0].beside.alignment.verdict == "not shown"
    assert "is not shown: length could still differ" in " ".join(shown(few).said)
    wide = replace(QUICK, against="human", margin=0.6)
    again = profile(db, few.run, factors=LENGTH, options=wide)
    assert again.raters[0].beside is not None and again.raters[0].beside.alignment.verdict == "aligned"
    assert "is aligned with people: each is shown to differ by less than 0.6" in " ".join(shown(again).said)


def test_only_pairs_that_both_compared_stand_beside_each_other(db: Store) -> None:
    items = [item("q1", gold=["a"]), item("q2", gold=["b"]), item("q3"), item("q4", gold=["a"])]
    run = stored(db, items, [*verdicts("q1", "a"), *verdicts("q2", "a"), *verdicts("q3", "b")])
    judge = profile(db, run, factors=LENGTH, options=replace(QUICK, against="human")).raters[0]
    assert judge.beside is not None and judge.beside.pairs == 2
    assert judge.outcomes == {"decided": 3}


def test_a_judge_and_people_without_a_common_pair_are_not_compared(db: Store) -> None:
    run = stored(db, [item("q1"), item("q2", gold=["a"])], verdicts("q1", "a"))
    with pytest.raises(BadInput, match="no pair in common"):
        profile(db, run, factors=LENGTH, options=replace(QUICK, against="human"))
    more = [*verdicts("q1", "a"), *verdicts("q2", "a", judge="k")]
    again = stored(db, [item("q1"), item("q2", gold=["a"])], more)
    one, other, _ = profile(db, again, factors=LENGTH, options=replace(QUICK, against="human")).raters
    assert one.beside is None and other.beside is not None and other.beside.pairs == 1


def test_where_nothing_was_decided_all_is_unknown_with_a_reason(db: Store) -> None:
    items = [item(f"q{n}", gold=["tie"]) for n in range(3)]
    run = stored(db, items, [one for i in items for one in verdicts(i.id, "a", "b")])
    found = profile(db, run, options=replace(QUICK, against="human"))
    assert found.raters[0].outcomes == {"flipped": 3} and found.raters[1].outcomes == {"tie": 3}
    for rater in found.raters:
        assert rater.weights is None
        for line in rater.lines:
            assert line.influence.pooled.estimate is None and line.influence.pooled.reason
    section_of = shown(found)
    assert "3 hang on the order" in " ".join(section_of.said) and "unknown" in section_of.tables[0].rows[0]


def test_verdicts_under_an_arm_are_counted_and_not_looked_at(db: Store) -> None:
    arm = [one.model_copy(update={"arm": "context"}) for one in verdicts("q1", "b")]
    found = profile(db, stored(db, [item("q1")], [*verdicts("q1", "a"), *arm]), factors=LENGTH, options=QUICK)
    [judge] = found.raters
    assert (judge.outcomes, judge.statuses, judge.under_arms) == ({"decided": 1}, {"ok": 2}, 2)
    assert "2 verdicts under a context or a cue are not looked at" in " ".join(shown(found).said)


# What is kept, and what cannot be measured.


def test_what_is_kept_is_what_the_report_shows(db: Store) -> None:
    run = compared(db, n=30, follows=0.9)
    found = profile(db, run, factors=[*LENGTH, BY_NAME["n_sents"]], options=replace(QUICK, against="human"))
    save(db, found)
    [kept] = analyses_of(db, run)
    assert kept["kind"] == "factor_influence" and kept["command"] == found.command
    row = next(line for line in kept["lines"] if line["measure"] == "tau14" and line["rater"] == "j")
    line = found.raters[0].line("length")
    assert line is not None
    assert (row["factor"], row["estimate"], row["q_value"]) == (
        "length",
        line.influence.pooled.estimate,
        line.influence.q_value,
    )
    from_store = section(
        Analysis(kept["id"], kept["kind"], (run,), kept["options"], kept["command"], "", kept["lines"])
    )
    assert from_store == shown(found)
    assert len(from_store.pictures) == 1 and from_store.pictures[0].startswith("<svg")


def test_the_effects_of_an_audit_of_the_same_judge_stand_beside_the_association(db: Store) -> None:
    run = compared(db, n=60, follows=0.95)
    base: dict[str, Any] = {
        **{"judge": "j", "mitigation": "", "arm": "", "subset": "", "measure": "effect", "p_value": 0.5},
        **{"standard_error": 0.02, "level": 0.95, "method": "m", "n": 50, "left_out": 0, "reason": ""},
    }
    old = {**base, "bias": "verbosity", "q_value": 0.001, "estimate": 0.3, "low": 0.2, "high": 0.4}
    new = {**base, "bias": "verbosity", "q_value": 0.6, "estimate": 0.01, "low": -0.03, "high": 0.05}
    other = {**old, "judge": "k", "bias": "markdown"}
    for lines in ([old], [new], [other]):
        keep_analysis(db, "bias_effect", lines, runs=["r"], options={}, command="plurijudge audit --run r")
    found = profile(db, run, factors=LENGTH, options=QUICK)
    causes = {cause.factor: cause for cause in found.raters[0].causes}
    assert causes["length"].effect.estimate == 0.01 and causes["length"].found is False
    assert "list_items" not in causes
    said = " ".join(shown(found).said)
    assert "Cause of length" in said and "may well be due to what else such responses hold" in said
    assert any("association beside cause" in table.caption for table in shown(found).tables)


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("no text", "No pair with two texts was compared"),
        ("no labels", "no labels of people"),
        ("open", "still open"),
        ("no group", "of the group `nurses`"),
    ],
)
def test_what_cannot_be_measured_is_refused_with_the_reason(db: Store, what: str, message: str) -> None:
    options = QUICK
    if what == "no text":
        run = import_verdicts(db, verdicts("q1", "a")).run
    else:
        run = stored(db, [item("q1")], verdicts("q1", "a"))
    if what in ("no labels", "no group"):
        options = replace(QUICK, against="human", group="nurses" if what == "no group" else "")
    if what == "open":
        with writing(db.engine).begin() as connection:
            connection.execute(metadata.tables["run"].update().values(status="open"))
    with pytest.raises(BadInput, match=message):
        profile(db, run, factors=LENGTH, options=options)


def test_the_command_says_all_that_was_chosen() -> None:
    options = Options(tau="tau_b", against="human", margin=0.1, ties="davidson", seed=4)
    assert options.flags() == " --tau b --against human --ties davidson --margin 0.1 --seed 4"
    assert Options().flags() == ""
