"""Does a trial of tools make the runs that show what they bring, and do those say it?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plurijudge.agents.judge import Judge
from plurijudge.analyses.tools_gain import ToolsGain, tools_gain
from plurijudge.graphs.budget import Budget
from plurijudge.graphs.legs import Leg
from plurijudge.graphs.plan import Plan
from plurijudge.graphs.runner import Pace
from plurijudge.graphs.study import Study
from plurijudge.graphs.tools_gain import compared, legs
from plurijudge.text.errors import BadInput

from .test_hearing import SUM, TASTE, Court, Json, Script, deaf, longer, reading

ITEMS: list[Json] = [
    {**SUM, "gold": [{"preferred": "a"}]},
    {**TASTE, "gold": [{"preferred": "a"}], "meta": {"tool": "none"}},
]
JUDGE = Judge("builtin/heuristic", tools=("calculator", "units"))


def heard(tmp_path: Path, script: Script) -> ToolsGain:
    """What four runs of a scripted model say of its tools."""
    court, runs = Court(tmp_path), {}
    plans = {"without": Plan(), "with": Plan(), "flipped": Plan(tool_probe="flipped"), "dead": Plan(tool_probe="dead")}
    for name, plan in plans.items():
        tools = () if name == "without" else ("calculator",)
        runs[f"{name}_run"] = court.judge(script, *ITEMS, tools=tools, plan=plan).run
    with Study(tmp_path / "court.db") as study:
        return tools_gain(study.store, **runs)


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (reading, {"ignored": 0.0, "sensitivity": 1.0, "call_rate": 1.0}),
        (deaf, {"ignored": 1.0, "sensitivity": 0.0, "call_rate": 1.0}),
        (longer, {"ignored": 1.0, "sensitivity": 0.0, "call_rate": 0.0, "missed_calls": 1.0}),
    ],
)
def test_a_model_that_reads_its_tools_is_told_from_one_that_does_not(
    tmp_path: Path, script: Script, told: dict[str, float]
) -> None:
    found = heard(tmp_path, script)
    always = {"gain": 0.5, "dead_tool_harm": 0.0, "needless_calls": 0.0, "claim_recall": 1.0, "false_accusations": 0.0}
    assert {name: found.one(name).estimate.estimate for name in {**told, **always}} == {**told, **always}
    gain = found.one("gain")
    assert (gain.gained, gain.lost, gain.p_value, found.earned) == (1, 0, 1.0, False)
    assert len(found.ignored) == 2 * told["ignored"]


def named(leg: Leg) -> tuple[str, ...]:
    """A leg in short: its tools, and what is done with their results."""
    return (*leg.judge.tools, leg.plan.tool_probe)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [("",), ("calculator", "units", "")]),
        ({"each": True}, [("",), ("calculator", ""), ("units", "")]),
        ({"probes": True}, [("",), *[("calculator", "units", probe) for probe in ("", "flipped", "dead")]]),
    ],
)
def test_the_first_leg_is_without_tools_and_the_others_are_held_against_it(
    options: dict[str, bool], expected: list[tuple[str, ...]]
) -> None:
    made = legs(JUDGE, Plan(seed=3), **options)
    assert [named(leg) for leg in made] == expected
    assert {leg.plan.seed for leg in made} == {3} and len({leg.judge.id for leg in made}) == len(made) - 2 * bool(
        options.get("probes")
    )
    runs = [f"r-{number}" for number in range(len(made))]
    whole = compared(made, runs)
    assert len(whole) == (2 if "each" in options else 1) and {one.without_run for one in whole} == {"r-0"}
    assert [run for one in whole for run in one if run and run != "r-0"] == runs[1:]
    assert len(compared(made, runs[:-1])) == len(whole) - 1  # nothing is measured of a set whose runs are not all there


@pytest.mark.parametrize(
    ("judge", "plan"),
    [
        (Judge("builtin/heuristic"), {}),
        (Judge("builtin/heuristic", tools=("calculator",), protocol="score"), {}),
        (JUDGE, {"presentations": "random"}),
        (JUDGE, {"until": "width<=0.1"}),
        (JUDGE, {"tool_probe": "dead"}),
    ],
)
def test_where_there_is_nothing_to_compare_no_run_is_begun(judge: Judge, plan: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        legs(judge, Plan(**plan))


def test_a_study_tries_tools_and_keeps_what_it_measured(tmp_path: Path) -> None:
    with Study(tmp_path / "trial.db") as study:
        trial = study.tools_gain_sync(iter(ITEMS), JUDGE, probes=True)
        (gain,), runs = trial.gains, [outcome.run for outcome in trial.outcomes]
        assert list(gain.runs) == [runs[1], runs[0], runs[2], runs[3]]
        assert gain.one("accuracy_with").estimate.estimate == 1.0
        again = tools_gain(study.store, gain.runs.with_run, gain.runs.without_run)
        assert again.one("gain") == gain.one("gain")
        assert set(trial.to_dict()) == {"gains", "outcomes"}


def test_a_budget_is_that_of_all_runs_together_and_a_trial_that_it_stops_measures_nothing(tmp_path: Path) -> None:
    with Study(tmp_path / "trial.db") as study:
        trial = study.tools_gain_sync(ITEMS, JUDGE, pace=Pace(budget=Budget(calls=6)))
    assert [outcome.status for outcome in trial.outcomes] == ["closed", "open"]
    assert sum(outcome.sums["calls"] for outcome in trial.outcomes) <= 6
    assert trial.gains == () and "limit" in trial.outcomes[-1].stopped
