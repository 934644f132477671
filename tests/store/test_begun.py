"""Is a job known again by its data set, judge and plan, and are a run's analyses found, on either database?"""

from __future__ import annotations

from typing import Any

from plurijudge.store.analyses import keep_analysis
from plurijudge.store.begun import begun_before
from plurijudge.store.datasets import dataset_of_records
from plurijudge.store.engine import Store
from plurijudge.store.imports import import_verdicts
from plurijudge.store.records import Item, Verdict
from plurijudge.store.reports import analyses_of
from plurijudge.store.runs import Run, close_run, create_run, find_run

JUDGE = {"id": "j", "name": "j"}
PLAN = {"plan": {"samples": 1, "seed": 0}, "judge": {"model": "m"}}


def began(store: Store, dataset: str, **more: Any) -> Run:
    return create_run(store, judge=JUDGE, run={"kind": "judge", "dataset": dataset, "judge": "j", "plan": PLAN, **more})


def test_the_newest_run_alike_is_found_and_no_other(store: Store) -> None:
    dataset, _ = dataset_of_records(store, [Item(id="q", prompt="?")], name="items")

    def found(**changes: Any) -> str | None:
        told = {"kind": "judge", "dataset": dataset.id, "judge": "j", "plan": PLAN, **changes}
        run = begun_before(store, **told)
        return None if run is None else run.id

    assert found() is None
    first = began(store, dataset.id)
    began(store, dataset.id, parent=first.id)
    assert found() == first.id
    second = began(store, dataset.id, plan={"judge": {"model": "m"}, "plan": {"seed": 0, "samples": 1}})
    assert found() == second.id  # the same plan, written in another order
    close_run(store, second.id)
    assert found() == second.id
    assert found(judge="k") is found(kind="author") is found(plan={**PLAN, "judge": {}}) is found(dataset="d") is None


def test_a_closed_run_with_a_failed_verdict_is_not_gone_on_with(store: Store) -> None:
    good = Verdict(item="q", judge="j", presentation=("a", "b"), preferred="a")
    bad = Verdict(item="q", judge="j", presentation=("b", "a"), status="error", reason="server")
    runs = [find_run(store, import_verdicts(store, [good, *more]).run) for more in ([], [bad])]
    found = [begun_before(store, kind="import", dataset=run.dataset, judge="j", plan=run.plan) for run in runs]
    assert [one and one.id for one in found] == [runs[0].id, None]


def test_analyses_are_found_by_their_runs_and_the_same_made_again_counts_once(store: Store) -> None:
    nothing = {"estimate": 0.5, "standard_error": None, "low": None, "high": None, "level": 0.95, "method": ""}
    line = {**nothing, "n": 1, "left_out": 0, "reason": "", "measure": "dbg", "judge": "j", "opponent": "o"}
    for runs, options in (
        (["r-1", "r-2"], {"a": 1}),
        (["r-1", "r-2"], {"a": 1}),
        (["r-1", "r-2"], {"a": 2}),
        (["r-12"], {}),
    ):
        keep_analysis(store, "dbg_score", [line], runs=runs, options=options, command="c")
    bias = {**nothing, "n": 1, "left_out": 0, "reason": "", "measure": "effect", "judge": "j", "bias": "b"}
    keep_analysis(store, "mitigation", [bias], runs=["r-2"], options={}, command="c")
    assert [(one["id"], one["options"]) for one in analyses_of(store, "r-1")] == [(2, {"a": 1}), (3, {"a": 2})]
    assert [one["kind"] for one in analyses_of(store, "r-2")] == ["dbg_score", "dbg_score", "mitigation"]
    assert [len(one["lines"]) for one in analyses_of(store, "r-2")] == [1, 1, 1]
    assert analyses_of(store, "r-1")[0]["lines"][0]["judge"] == "j"
    assert analyses_of(store, "r-") == []
    compared = {**nothing, "n": 1, "left_out": 0, "reason": "", "measure": "gain", "judge": "j", "against": "i"}
    keep_analysis(store, "comparison", [compared], runs=["r-3"], options={}, command="c")
    assert [line["against"] for line in analyses_of(store, "r-3")[0]["lines"]] == ["i"]
