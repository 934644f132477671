"""Is it counted in the store who wrote what, and are judges found by how their ids begin?"""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from sqlalchemy import select

from plurijudge.store.candidates import models_heard, written_by
from plurijudge.store.datasets import Reading, dataset_of_file, store_all
from plurijudge.store.engine import Store
from plurijudge.store.imports import import_verdicts
from plurijudge.store.queries import judge_like
from plurijudge.store.tables import metadata
from plurijudge.text.errors import NotFound


def stored(store: Store, folder: Path) -> str:
    rows = [
        {
            "id": f"q{n}",
            "prompt": "p",
            "responses": [{"id": "a", "model": "m1", "text": "x"}, {"id": "b", "text": "y"}]
            + ([{"id": "c", "model": "m2", "text": "z"}] if n else []),
        }
        for n in range(4)
    ]
    path = folder / "items.jsonl"
    path.write_bytes(b"\n".join(orjson.dumps(row) for row in rows))
    reading = Reading.of_file(dataset_of_file(store, path))
    assert written_by(store, reading.dataset.id) == {}  # nothing has been read yet
    store_all(store, reading)
    return reading.dataset.id


def test_writers_are_counted_the_most_first_and_those_not_named_under_nothing(store: Store, tmp_path: Path) -> None:
    found = written_by(store, stored(store, tmp_path))
    assert list(found.items()) == [("", 4), ("m1", 4), ("m2", 3)]
    assert written_by(store, "d-none") == {}


def test_judges_of_recorded_verdicts_are_those_that_speak(store: Store, tmp_path: Path) -> None:
    rows = [{"item": "q0", "judge": name, "presentation": ["a", "b"], "preferred": "a"} for name in ("j1", "j2", "j1")]
    (tmp_path / "v.jsonl").write_bytes(b"\n".join(orjson.dumps(row) for row in rows))
    made = import_verdicts(store, tmp_path / "v.jsonl", name="v")
    assert sorted(models_heard(store, made.run)) == ["j1", "j2"]
    assert models_heard(store, "r-none") == []


def test_a_judge_is_found_by_how_its_id_begins_or_said_to_be_several(store: Store, tmp_path: Path) -> None:
    test_judges_of_recorded_verdicts_are_those_that_speak(store, tmp_path)
    with store.engine.connect() as connection:
        names = [str(name) for name in connection.execute(select(metadata.tables["judge"].c.id)).scalars()]
    assert [judge_like(store, name[:8])["id"] for name in names] == names
    with pytest.raises(NotFound, match="2 judges begin with ``"):
        judge_like(store, "")
    with pytest.raises(NotFound, match="There is no judge `%`"):
        judge_like(store, "%")  # no pattern
