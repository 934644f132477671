"""Does the library's door measure what the command does, with names and factors alike?"""

from __future__ import annotations

from pathlib import Path

import pytest

from plurijudge.graphs.study import Study
from plurijudge.store.datasets import Reading, dataset_of_records, store_all
from plurijudge.store.imports import import_verdicts
from plurijudge.store.records import Gold, Item, Response, Verdict
from plurijudge.text.errors import BadInput
from plurijudge.text.factors import Factor


def test_a_program_profiles_a_run_and_finds_it_kept(tmp_path: Path) -> None:
    with Study(tmp_path / "study.db") as study:
        items = [
            Item(
                id=f"q{n}",
                prompt=f"Say {n}.",
                responses=[Response(id="a", text="One two three!"), Response(id="b", text="One.")],
                gold=[Gold(preferred="b" if n == 2 else "a")],
            )
            for n in range(3)
        ]
        dataset, given = dataset_of_records(study.store, items, name="items")
        store_all(study.store, Reading.of_records(dataset, given))
        said = [
            Verdict(item=item.id, judge="j", presentation=shown, status="ok", preferred="a")
            for item in items
            for shown in (("a", "b"), ("b", "a"))
        ]
        run = import_verdicts(study.store, said, items=dataset.id).run
        shouts = Factor("shouts", "exclamation marks", lambda judged: judged.response.text.count("!"))
        found = study.profile(run, factors=["length", shouts], against="human", resamples=100)
        assert [one.name for one in found.factors] == ["length", "shouts"]
        judge, people = found.raters
        assert [line.influence.pooled.estimate for line in judge.lines] == [1.0, 1.0]
        assert [line.influence.pooled.estimate for line in people.lines] == [pytest.approx(1 / 3)] * 2
        kept = study.store
        with kept.engine.connect() as connection:
            rows = connection.exec_driver_sql("select count(*) from analysis where kind = 'factor_influence'")
            assert rows.scalar() == 1
        with pytest.raises(BadInput, match="no factor `nothing`"):
            study.profile(run, factors=["nothing"])
