"""What do the protocols do at their edges: panels, nodes, tools, early ends, resumed runs, files, forecasts?"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from plurijudge import Budget, Judge, Plan, Study, judge_of
from plurijudge.agents.protocols.listwise import points
from plurijudge.agents.protocols.rubric import Criterion, total
from plurijudge.graphs.forecast import forecast
from plurijudge.graphs.reconcile import reconcile
from plurijudge.graphs.runner import Pace
from plurijudge.store.exports import export
from plurijudge.store.imports import import_verdicts
from plurijudge.store.records import TIE, Item, Verdict
from plurijudge.text.errors import BadJudge, NothingToJudge

from ..court import QUICK, quick, rows
from ..loopback import Loopback

WORTH = {"w": 0, "x": 3, "y": 1, "z": 2}
MANY: dict[str, Any] = {
    "id": "q",
    "prompt": "Name a colour.",
    "reference": "Blue.",
    "responses": [{"id": name, "text": f"It is worth {worth}."} for name, worth in WORTH.items()],
}
RUBRIC: list[dict[str, Any]] = [
    {"id": "right", "text": "It names a colour.", "weight": 4},
    {"id": "rude", "text": "It is rude.", "weight": -2},
    {"id": "clear", "text": "How clear it is.", "weight": 1, "scale": [1, 5]},
]
CONTEXTS = [{"id": f"c{n}", "text": f"Situation {n}.", "weight": n} for n in (1, 2, 3)]
PROPOSED = json.dumps({"contexts": [{"text": f"Situation {n}.", "probability": 1 / 3} for n in (1, 2, 3)]})


def lines(folder: Path, *items: dict[str, Any]) -> Path:
    path = folder / "items.jsonl"
    path.write_text("".join(json.dumps(item) + "\n" for item in items))
    return path


def some(n: int, **more: Any) -> list[dict[str, Any]]:
    return [{**MANY, "id": f"q{number}", "prompt": f"Name a colour, number {number}.", **more} for number in range(n)]


# Budgets and forecasts.


@pytest.mark.parametrize(
    ("judge", "items", "plan"),
    [
        (
            {"protocol": "rubric", "one_by_one": True, "rubric": RUBRIC},
            [
                MANY,
                {**MANY, "id": "own", "prompt": "Name one.", "meta": {"rubric": RUBRIC[:1]}},
                {**MANY, "id": "two", "prompt": "Name two.", "meta": {"rubric": RUBRIC[:2]}},
            ],
            {},
        ),
        (
            {"protocol": "score", "contexts": "given"},
            [{**one, "meta": {"contexts": CONTEXTS[n:]}} for n, one in enumerate(some(2))],
            {},
        ),
        ({"protocol": "rank", "contexts": "proposed:2"}, [MANY], {"samples": 2}),
        ({"protocol": "choice", "nodes": ["own_answer", "reflect"]}, some(2), {}),
        ({"protocol": "rubric", "rubric": RUBRIC, "nodes": ["mec:2"], "one_by_one": True}, [MANY], {}),
    ],
)
def test_a_forecast_is_the_number_of_calls_that_a_run_makes(
    loopback: Loopback, tmp_path: Path, judge: dict[str, Any], items: list[dict[str, Any]], plan: dict[str, Any]
) -> None:
    loopback.script(replies=[["situations in which the request", PROPOSED], ["answer it yourself", "Blue."]])
    path = lines(tmp_path, *items)
    made = Judge("openai/m", base_url=loopback.base_url, temperature=0.7, **judge)
    told = forecast(path, made, Plan(**plan))
    with Study(tmp_path / "s.db") as study:
        outcome = study.judge_sync(path, made, plan=Plan(**plan), pace=quick())
    assert outcome.sums["verdicts"].keys() == {"ok"}
    assert told.calls == loopback.stat()["received"]


@pytest.mark.parametrize(
    ("judge", "meta"),
    [
        ({"protocol": "rubric", "one_by_one": True, "rubric": RUBRIC}, {}),
        ({"protocol": "rank", "contexts": "given"}, {"contexts": CONTEXTS}),
    ],
)
def test_a_run_that_was_stopped_within_items_asks_no_stored_answer_again(
    loopback: Loopback, tmp_path: Path, judge: dict[str, Any], meta: dict[str, Any]
) -> None:
    made = Judge("openai/m", base_url=loopback.base_url, **judge)
    loopback.script("ok*9,400:no such thing*3")  # a verdict is cut off between its parts
    with Study(tmp_path / "s.db") as study:
        part = study.judge_sync(some(3, meta=meta), made, pace=Pace(limits=QUICK, budget=Budget(calls=13)))
        loopback.script("")
        whole = study.resume_sync(part.run, pace=quick())
        again = study.judge_sync(some(3, meta=meta), made, pace=quick())
    good = [key["good"] for key in loopback.stat()["keys"].values()]
    assert whole.status == "closed" and max(good) == 1
    statuses = {
        status for (status,) in rows(tmp_path / "s.db", "SELECT DISTINCT status FROM verdict WHERE run = ?", again.run)
    }
    assert statuses == {"ok"} and again.sums["hits"] > 0


# Early ends, panels, nodes, tools.


@pytest.mark.parametrize("protocol", ["rubric", "choice"])
def test_a_run_may_end_early_and_be_held_to_a_gate(tmp_path: Path, protocol: str) -> None:
    def likes_x(item: Any, presentation: tuple[str, ...]) -> Any:
        if protocol == "rubric":
            return {"criteria": {"right": presentation == ("x",)}}
        return "x"

    more: dict[str, Any] = {"rubric": RUBRIC[:1]} if protocol == "rubric" else {}
    plan = Plan(until="decided: x>y", gate="x>y", presentations="random")
    with Study(tmp_path / "s.db") as study:
        judge = judge_of(likes_x, protocol=protocol, **more)
        outcome = study.judge_sync(some(60), judge, plan=plan, pace=quick(concurrency=1))
        assert 0 < sum(outcome.sums["decisions"].values()) < 60
    assert outcome.status == "closed" and "x" in (outcome.stopped or "")


@pytest.mark.parametrize("protocol", ["rank", "rubric", "choice"])
def test_a_panel_chooses_among_members_that_rank_choose_or_go_through_criteria(tmp_path: Path, protocol: str) -> None:
    harsh = [*RUBRIC[:1], {"id": "rude", "text": "It is rude.", "weight": -8}]
    item = {**MANY, "meta": {"quality": {name: worth for name, worth in WORTH.items()}, "rubric": harsh}}
    judge = Judge("builtin/planted?quality=3", protocol=protocol)
    with Study(tmp_path / "s.db") as study:
        (row,) = study.judge_sync([item], judge, panel="reviewers-3", pace=quick()).decisions()
    assert row["outcome"] in ("ok", "tie") and row["preferred"] in ("x", None)
    members = row["panel"]["members"]
    assert len(members) == 3
    for member in members.values():
        assert set(member["utilities"]) == set(WORTH)
        assert all(0 <= value <= 1 for value in member["utilities"].values())
    if protocol == "rubric":
        assert -2 <= min(row["scores"].values()) <= max(row["scores"].values()) <= 1


@pytest.mark.parametrize(
    ("protocol", "nodes"),
    [
        ("rank", ["mec:2"]),
        ("rank", ["criteria", "challenge", "mec:2"]),
        ("rubric", ["mec:2"]),
        ("rubric", ["reflect"]),
        ("choice", ["reflect", "mec:2"]),
    ],
)
def test_nodes_go_with_every_protocol_and_lose_nothing_that_a_verdict_holds(
    loopback: Loopback, tmp_path: Path, protocol: str, nodes: list[str]
) -> None:
    judge = Judge(
        "openai/m",
        base_url=loopback.base_url,
        protocol=protocol,
        nodes=nodes,
        rubric=RUBRIC if protocol == "rubric" else (),
    )
    loopback.script(answer="first")
    with Study(tmp_path / "s.db") as study:
        study.judge_sync([MANY], judge, pace=quick())
    told = rows(tmp_path / "s.db", "SELECT status, scores, criterion_scores, preferred FROM verdict WHERE step = ''")
    assert {status for status, *_ in told} == {"ok"}
    for _, scores, marks, preferred in told:
        assert (scores is not None) == (protocol != "choice")
        assert (marks is not None) == (protocol == "rubric")
        assert (preferred is not None) == (protocol != "rubric")


def test_a_pair_with_its_own_requests_may_be_judged_in_both_orders_within_one_verdict(
    loopback: Loopback, tmp_path: Path
) -> None:
    item = {**MANY, "responses": MANY["responses"][:2], "meta": {"requests": {"w": "Say one.", "x": "Say two."}}}
    loopback.script(answer="first")
    judge = Judge("openai/m", base_url=loopback.base_url, protocol="joint", nodes=["balanced"])
    with Study(tmp_path / "s.db") as study:
        (row,) = study.judge_sync([item], judge, pace=quick()).decisions()
    assert row["outcome"] == "tie" and loopback.stat()["received"] == 2
    with pytest.raises(BadJudge, match="both orders"):
        Judge(protocol="rank", nodes=["balanced"])


@pytest.mark.parametrize("protocol", ["rank", "rubric"])
def test_tools_go_with_every_protocol_and_their_findings_settle_pairs_alone(
    loopback: Loopback, tmp_path: Path, protocol: str
) -> None:
    sums = {**MANY, "prompt": "What is 17 * 23?", "reference": "391"}
    sums["responses"] = [{"id": n, "text": f"17 * 23 = {v}"} for n, v in (("w", 391), ("x", 390), ("y", 401))]
    more: dict[str, Any] = {"rubric": RUBRIC} if protocol == "rubric" else {}
    judge = Judge(
        "openai/m", base_url=loopback.base_url, protocol=protocol, tools=["calculator"], structured="text", **more
    )
    marks = '{"criteria": {"right": true, "rude": false}}'
    loopback.script(replies=[[".", marks if protocol == "rubric" else "[[A > B > C]]"]])
    with Study(tmp_path / "s.db") as study:
        outcome = study.judge_sync([sums], judge, pace=quick())
    assert outcome.sums["verdicts"].keys() == {"ok"}
    assert rows(tmp_path / "s.db", "SELECT count(*) FROM tool_call WHERE tool = 'calculator'")[0][0] > 0
    assert rows(tmp_path / "s.db", "SELECT count(*) FROM verdict WHERE rule = 'settled'") == [(0,)]


# What does not fit, and what nobody decides.


def test_what_cannot_be_put_in_order_is_set_aside_with_the_reason(tmp_path: Path) -> None:
    one = {**MANY, "id": "one", "responses": MANY["responses"][:1]}
    most = {**MANY, "id": "most", "responses": [{"id": f"r{n}", "text": f"{n}"} for n in range(26)]}
    over = {**MANY, "id": "over", "responses": [{"id": f"r{n}", "text": f"{n}"} for n in range(27)]}

    def listed(item: Any, presentation: tuple[str, ...]) -> dict[str, Any]:
        return {"ranking": sorted(presentation)}

    judge = judge_of(listed, protocol="rank")
    assert Plan().unfit(Item(**one), judge) == (
        "responses",
        "has 1 of the 2 responses that the protocol `rank` needs",
    )
    assert Plan().unfit(Item(**over), judge) == ("responses", "has 27 responses; `rank` takes 26 at most")
    with Study(tmp_path / "s.db") as study:
        (row,) = study.judge_sync([one, most, over], judge, pace=quick()).decisions()
        assert (row["item"], row["outcome"], row["preferred"]) == ("most", "ok", "r0")
        assert row["scores"]["r9"] == 0.0 and row["scores"]["r0"] == 25.0
        with pytest.raises(NothingToJudge, match="has 27 responses"):
            study.judge_sync([over], judge, pace=quick())


def test_a_choice_in_which_nothing_leads_is_a_tie_and_never_a_response_of_that_name() -> None:
    judge = Judge("builtin/heuristic", protocol="choice")
    units = Plan().units(Item(**MANY), judge)
    said = [Verdict(**unit.model_dump(), preferred=TIE) for unit in units]
    decision = reconcile(units, said, protocol="choice")
    assert (decision.outcome, decision.preferred, decision.share) == ("tie", None, None)
    said = [said[0], Verdict(**units[1].model_dump(), preferred="x")]
    decision = reconcile(units, said, protocol="choice")
    assert (decision.outcome, decision.preferred, decision.share) == ("ok", "x", (1 / 4 + 1) / 2)


def test_scores_of_several_samples_have_their_commonest_beside_their_mean() -> None:
    judge = Judge("builtin/heuristic", protocol="score")
    units = Plan(samples=4).units(Item(**{**MANY, "responses": MANY["responses"][:2]}), judge)
    given = {"w": [3, 3, 8, 3], "x": [5, 6, 5, 6]}
    said = [Verdict(**u.model_dump(), scores={u.presentation[0]: given[u.presentation[0]][u.sample]}) for u in units]
    decision = reconcile(units, said, protocol="score")
    assert decision.scores == {"w": 4.25, "x": 5.5}
    assert decision.rule.endswith("; commonest: w 3 (3 of 4), x 5 or 6 (2 of 4)")
    assert "commonest" not in reconcile(units[:1], said[:1], protocol="score").rule


@pytest.mark.parametrize("protocol", ["pairwise", "score", "rank", "choice", "rubric"])
def test_a_function_that_says_nothing_abstains_whatever_it_is_asked(tmp_path: Path, protocol: str) -> None:
    def silent(item: Any, presentation: tuple[str, ...]) -> None:
        return None

    item = {**MANY, "responses": MANY["responses"][:2]}
    judge = judge_of(silent, protocol=protocol, **({"rubric": RUBRIC} if protocol == "rubric" else {}))
    with Study(tmp_path / "s.db") as study:
        outcome = study.judge_sync([item], judge, pace=quick())
    assert outcome.sums["verdicts"] == {"abstained": 2} and outcome.sums["decisions"] == {"abstained": 1}


def test_a_function_may_give_places_that_are_shared_points_and_marks(tmp_path: Path) -> None:
    def shared(item: Any, presentation: tuple[str, ...]) -> dict[str, Any]:
        return {"ranking": ["x", ["z", "y"], "w"]}

    def scored(item: Any, presentation: tuple[str, ...]) -> dict[str, Any]:
        return {"scores": {name: max(1, worth) for name, worth in WORTH.items()}}

    def marked(item: Any, presentation: tuple[str, ...]) -> dict[str, Any]:
        return {"criterion_scores": {presentation[0]: {"right": 1, "clear": None}}}

    with Study(tmp_path / "s.db") as study:
        (one,) = study.judge_sync([MANY], judge_of(shared, protocol="rank"), pace=quick()).decisions()
        (two,) = study.judge_sync([MANY], judge_of(scored, protocol="rank"), pace=quick()).decisions()
        (three,) = study.judge_sync(
            [MANY], judge_of(marked, protocol="rubric", rubric=RUBRIC), pace=quick()
        ).decisions()
    assert one["scores"] == {"w": 0.0, "x": 3.0, "y": 1.5, "z": 1.5}
    assert two["scores"] == {"w": 0.5, "x": 3.0, "y": 0.5, "z": 2.0}
    assert three["scores"] == dict.fromkeys(WORTH, 1.0)


def test_an_own_rubric_of_null_is_none_and_names_that_differ_in_case_alone_are_one() -> None:
    judge = Judge("builtin/heuristic", protocol="rubric", rubric=RUBRIC)
    assert Plan().unfit(Item(**MANY, meta={"rubric": None}), judge) is None
    with pytest.raises(BadJudge, match="twice"):
        Judge(protocol="rubric", rubric=[RUBRIC[0], {**RUBRIC[0], "id": "Right"}])


# Files.

WAYS: list[dict[str, Any]] = [
    {"protocol": "choice"},
    {"protocol": "rubric", "rubric": RUBRIC, "one_by_one": True},
    {"protocol": "rank", "contexts": "given"},
    {"protocol": "score", "contexts": "given", "nodes": ["reflect"]},
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: " ".join(map(str, way.values()))[:40])
def test_what_was_recorded_is_replayed_and_imported_as_it_was(
    loopback: Loopback, tmp_path: Path, way: dict[str, Any]
) -> None:
    items = lines(tmp_path, *some(2, meta={"contexts": CONTEXTS}))
    judge = Judge("openai/m", name="first", base_url=loopback.base_url, **way)
    with Study(tmp_path / "s.db") as study:
        made = study.judge_sync(items, judge, pace=quick())
        file = tmp_path / "verdicts.jsonl"
        with file.open("wb") as handle:
            export(study.store, "verdicts", run=made.run, handle=handle)
        received = loopback.stat()["received"]
        replayed = study.judge_sync(items, Judge(f"replay/{file}", **way), pace=quick())
        assert loopback.stat()["received"] == received
        told = [{row["item"]: _said(row) for row in run.decisions()} for run in (made, replayed)]
        assert told[0] == told[1]
        before = io.BytesIO()
        export(study.store, "verdicts", run=made.run, handle=before, canonical=True)
    with Study(tmp_path / "other.db") as study:
        imported = import_verdicts(study.store, file)
        after = io.BytesIO()
        export(study.store, "verdicts", run=imported.run, handle=after, canonical=True)
    fields = (
        "item",
        "persona",
        "step",
        "presentation",
        "sample",
        "status",
        "preferred",
        "scores",
        "criterion_scores",
        "raw",
    )
    kept = [
        [[json.loads(line).get(name) for name in fields] for line in one.getvalue().splitlines()]
        for one in (before, after)
    ]
    assert kept[0] == kept[1]


def _said(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["outcome"], row["preferred"], row["scores"], row["share"]


def test_a_context_that_was_not_recorded_is_a_miss_and_no_other_text_stands_in_for_it(tmp_path: Path) -> None:
    row = {"item": "q", "judge": "j", "presentation": ["w"], "status": "ok", "scores": {"w": 7}, "raw": "[[7]]"}
    (tmp_path / "v.jsonl").write_text(json.dumps(row) + "\n")
    item = {**MANY, "responses": MANY["responses"][:1], "meta": {"contexts": CONTEXTS}}
    model = f"replay/{tmp_path / 'v.jsonl'}"
    with Study(tmp_path / "s.db") as study:
        plain = study.judge_sync([item], Judge(model, protocol="score"), pace=quick())
        under = study.judge_sync([item], Judge(model, protocol="score", contexts="given"), pace=quick())
    assert plain.sums["verdicts"] == {"ok": 1} and under.sums["verdicts"] == {"error": 1}
    with pytest.raises(BadJudge, match="language model"):
        Judge(model, protocol="score", contexts="proposed")


# Totals and points.

weights = st.floats(-10, 10).filter(lambda weight: abs(weight) > 0.01)
rubrics = st.lists(st.tuples(weights, st.one_of(st.none(), st.floats(0, 1))), min_size=1, max_size=8)


@settings(deadline=None, max_examples=100)
@given(rubrics, st.floats(0.1, 50), st.randoms())
def test_a_rubric_s_total_lies_between_all_faults_and_all_merits_and_its_unit_does_not_matter(
    told: list[tuple[float, float | None]], factor: float, random: Any
) -> None:
    rubric = [Criterion(id=f"c{n}", text="t", weight=weight) for n, (weight, _) in enumerate(told)]
    marks = {f"c{n}": grade for n, (_, grade) in enumerate(told)}
    score = total(rubric, marks)
    assessed = [line for line in rubric if marks[line.id] is not None]
    gains = sum(line.weight for line in assessed if line.weight > 0)
    if gains <= 0:
        assert score is None, "nothing that counts for it was assessed"
        return
    assert score is not None
    faults = sum(line.weight for line in assessed if line.weight < 0)
    assert faults / gains - 1e-9 <= score <= 1 + 1e-9
    shuffled = random.sample(rubric, len(rubric))
    assert total(shuffled, marks) == pytest.approx(score, abs=1e-9)
    scaled = [line.model_copy(update={"weight": line.weight * factor}) for line in rubric]
    assert total(scaled, marks) == pytest.approx(score, abs=1e-9)
    said = {name: grade for name, grade in marks.items() if grade is not None}
    assert total(rubric, said) == score, "what is left out weighs as what cannot be assessed"
    for line in assessed:
        better = {**marks, line.id: 1.0 if line.weight > 0 else 0.0}
        improved = total(rubric, better)
        assert improved is not None and improved >= score - 1e-9, "a mark that is mended never costs anything"


@settings(deadline=None, max_examples=100)
@given(st.permutations(list("abcdefg")), st.lists(st.integers(1, 3), min_size=1, max_size=7))
def test_borda_s_points_add_up_to_the_number_of_pairs_and_count_who_is_beaten(
    order: list[str], cuts: list[int]
) -> None:
    groups: list[list[str]] = []
    rest = order
    for size in cuts:
        groups, rest = [*groups, rest[:size]], rest[size:]
    groups = [group for group in [*groups, rest] if group]
    told = points(groups)
    assert sum(told.values()) == pytest.approx(7 * 6 / 2)
    place = {name: number for number, group in enumerate(groups) for name in group}
    for name, value in told.items():
        others = [other for other in place if other != name]
        beaten = sum(1.0 if place[other] > place[name] else 0.5 * (place[other] == place[name]) for other in others)
        assert value == beaten
    turned = points(groups[::-1])
    assert all(turned[name] == pytest.approx(6 - value) for name, value in told.items())
