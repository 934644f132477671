"""Does a program get from the library what `plurijudge audit` and `plurijudge attack` say?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plurijudge.agents.judge import Judge
from plurijudge.agents.perturbers.cues import Bandwagon
from plurijudge.graphs.study import Study
from plurijudge.store.reports import analyses_of
from plurijudge.text.errors import BadInput, BadJudge, NothingToJudge

from ..conftest import ROOT

EXAMPLES = ROOT / "examples" / "items.jsonl"
FIRST = "builtin/planted?position=2&seed=1"


def test_an_audit_finds_what_is_planted_and_keeps_it(tmp_path: Path) -> None:
    with Study(tmp_path / "s.db") as study:
        done = study.audit_sync(EXAMPLES, FIRST, biases=["bandwagon"], limit=20, seed=3)
        assert done.found is not None and done.outcome.status == "closed" and done.set_aside == ()
        found = {bias.name: bias for bias in done.found.biases}
        assert {"bandwagon", "position"} == {*found}
        assert found["position"].found and (found["position"].effect.effect.estimate or 0) > 0.2
        [kept] = analyses_of(study.store, done.outcome.run)
        assert kept["command"] == f"plurijudge audit --run {done.outcome.run}"
        own = study.audit_sync(EXAMPLES, FIRST, biases=[Bandwagon()], limit=20, seed=3)
        assert own.found is not None
        assert own.to_dict()["found"]["biases"] == done.to_dict()["found"]["biases"]


def test_an_attack_is_counted_and_kept(tmp_path: Path) -> None:
    with Study(tmp_path / "s.db") as study:
        done = study.attack_sync(EXAMPLES, "builtin/heuristic", attacks=["plea"], each=1, limit=5)
        assert done.found is not None and done.found.items == 5
        assert {line.kind for line in done.found.kinds} == {"plea"}
        assert len(analyses_of(study.store, done.outcome.run)) == 1


def test_what_is_not_judged_is_told_with_what_came_of_the_rest(tmp_path: Path) -> None:
    pair = {"prompt": "2 + 2?", "responses": [{"id": "a", "text": "4"}, {"id": "b", "text": "5"}]}
    given: list[dict[str, Any]] = [
        {"id": "q1", **pair},
        {"id": "q1", **pair},
        {"id": "q2", "prompt": "2 + 2?", "responses": [{"id": "a", "text": "4"}]},
        {"id": "q3", **pair},
    ]
    with Study(tmp_path / "s.db") as study:
        done = study.audit_sync(given, FIRST, biases=["bandwagon"], name="sums")
        assert [(fault.file, fault.line, fault.field) for fault in done.set_aside] == [
            ("items", 2, "id"),
            ("items", 3, "responses"),
        ]
        assert len(done.to_dict()["set_aside"]) == 2 and done.outcome.sums["decisions"]
        with pytest.raises(NothingToJudge):
            study.audit_sync(given[2:3], FIRST)
        with pytest.raises(BadInput, match="bribe"):
            study.audit_sync(given, FIRST, biases=["bribe"])
        with pytest.raises(BadJudge, match="pairs"):
            study.audit_sync(given, Judge(FIRST, protocol="score"))
