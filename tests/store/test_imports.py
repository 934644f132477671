"""Do recorded verdicts become a run, whole, once, and with nothing dropped unsaid?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import insert, select

from plurijudge.store import imports
from plurijudge.store.engine import Store, writing
from plurijudge.store.imports import ImportedVerdicts, import_verdicts
from plurijudge.store.records import Item, Response, Verdict
from plurijudge.store.rows import item_row, response_rows, verdict_of
from plurijudge.store.runs import find_run
from plurijudge.store.tables import metadata
from plurijudge.text.errors import BadInput, NotFound, NothingToJudge


def line(item: str = "q1", **fields: Any) -> dict[str, Any]:
    return {"item": item, "judge": "gpt-4", "presentation": ["a", "b"], "preferred": "a", **fields}


def written(folder: Path, *lines: dict[str, Any] | str, name: str = "verdicts.jsonl") -> Path:
    path = folder / name
    path.write_bytes(b"\n".join(entry.encode() if isinstance(entry, str) else orjson.dumps(entry) for entry in lines))
    return path


def rows(store: Store, table: str, *order: str) -> list[dict[str, Any]]:
    columns = metadata.tables[table].c
    with store.engine.connect() as connection:
        query = select(metadata.tables[table]).order_by(*(columns[name] for name in order))
        return [dict(row) for row in connection.execute(query).mappings()]


def dataset_of(store: Store, *items: Item, name: str = "d-known") -> str:
    tables = metadata.tables
    with writing(store.engine).begin() as connection:
        connection.execute(insert(tables["dataset"]), {"id": name, "items": len(items), "created_at": "2026"})
        for position, item in enumerate(items):
            connection.execute(insert(tables["item"]), item_row(item, dataset=name, position=position))
            for row in response_rows(item, dataset=name):
                connection.execute(insert(tables["response"]), row)
    return name


PAIR = Item(id="q1", prompt="?", responses=[Response(id="a", text="x", model="m1"), Response(id="b", text="y")])


def test_recorded_verdicts_become_a_closed_run(store: Store, tmp_path: Path) -> None:
    path = written(
        tmp_path,
        line(raw="I prefer A.", p_first=0.71, models={"a": "m1", "b": "m2"}),
        line(presentation=["b", "a"], status="refused", reason="refusal", preferred=None, raw="I cannot."),
    )
    done = import_verdicts(store, path)
    assert (done.read, done.kept, done.set_aside, done.items, done.faults) == (2, 2, 0, 1, ())
    run = find_run(store, done.run)
    assert (run.kind, run.status, run.judge, run.dataset) == ("import", "closed", "gpt-4", done.dataset)
    assert run.closed_at
    first, second = rows(store, "verdict", "id")
    assert verdict_of(first) == Verdict(**line(raw="I prefer A.", p_first=0.71, models={"a": "m1", "b": "m2"}))
    assert (second["status"], second["raw"], second["preferred"]) == ("refused", "I cannot.", None)
    [judge] = rows(store, "judge")
    assert (judge["id"], judge["name"], judge["description"]) == ("gpt-4", "gpt-4", "{}")
    [dataset] = rows(store, "dataset")
    assert (dataset["name"], dataset["items"], dataset["lines"], dataset["complete"]) == ("verdicts.jsonl", 1, 2, 1)
    assert dataset["id"].startswith("d-") and dataset["digest"].startswith(dataset["id"][2:])


def test_unknown_items_are_created_without_text_and_gain_what_later_lines_name(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "_CHUNK", 2)
    path = written(
        tmp_path,
        line(models={"a": "m1"}),
        line(presentation=["b", "c"], preferred="c", models={"b": "m2"}),
        line(presentation=["c", "a"], models={"c": "m3", "a": "other"}),
        line("q2", presentation=["z"], preferred=None, scores={"z": 4}),
    )
    done = import_verdicts(store, path)
    assert (done.kept, done.items) == (4, 2)
    assert [(row["id"], row["prompt"], row["position"]) for row in rows(store, "item", "position")] == [
        ("q1", None, 0),
        ("q2", None, 1),
    ]
    found = [(r["item"], r["id"], r["model"], r["text"]) for r in rows(store, "response", "item", "position")]
    assert found == [
        ("q1", "a", "m1", None),
        ("q1", "b", "m2", None),
        ("q1", "c", "m3", None),
        ("q2", "z", None, None),
    ]


def test_of_verdicts_with_one_key_the_first_is_kept_and_the_others_are_named(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "_CHUNK", 2)
    path = written(tmp_path, line(), line(preferred="b"), line("q2"), line(preferred="tie"), line(sample=1))
    done = import_verdicts(store, path)
    assert (done.read, done.kept, done.set_aside) == (5, 3, 2)
    assert [fault.line for fault in done.faults] == [2, 4]
    assert "the first is kept" in done.faults[0].reason
    kept = rows(store, "verdict", "id")
    assert [(row["item"], row["preferred"], row["sample"]) for row in kept] == [
        ("q1", "a", 0),
        ("q2", "a", 0),
        ("q1", "a", 1),
    ]


def test_a_verdict_on_a_response_that_a_known_item_does_not_have_is_a_fault(store: Store, tmp_path: Path) -> None:
    dataset = dataset_of(store, PAIR, Item(id="bare", prompt="?"))
    path = written(tmp_path, line(), line(presentation=["a", "c"]), line("new"), line("bare"))
    done = import_verdicts(store, path, items=dataset)
    assert (done.dataset, done.kept, done.set_aside, done.items) == (dataset, 2, 2, 1)
    assert done.faults[0].field == "presentation"
    assert done.faults[0].reason == "names 'c', which item 'q1' does not have; its responses are a, b"
    assert done.faults[1].reason.endswith("it has no responses")
    assert [(row["id"], row["position"]) for row in rows(store, "item", "position")][-1] == ("new", 2)
    [row] = rows(store, "dataset")
    assert row["items"] == 3
    models = [(r["item"], r["id"], r["model"]) for r in rows(store, "response", "item", "position")]
    assert ("q1", "a", "m1") in models


def test_bad_lines_are_set_aside_and_kept_with_the_run(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path, line(), "{", line(preferred="z"), line("q2"))
    done = import_verdicts(store, path, name="mine")
    assert (done.read, done.kept, done.set_aside) == (4, 2, 2)
    run = find_run(store, "last")
    assert run.set_aside == 2
    assert [fault["line"] for fault in run.faults] == [2, 3]
    assert set(run.faults[0]) == {"file", "line", "field", "reason"}
    assert rows(store, "dataset")[0]["name"] == "mine"


def test_strict_stores_nothing_if_one_line_is_not_usable(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "_CHUNK", 2)
    path = written(tmp_path, line(), line("q2"), line("q3"), line())
    with pytest.raises(BadInput, match="1 of 4 lines of .* are not usable, so none was stored; the first: .*:4:"):
        import_verdicts(store, path, strict=True)
    for table in ("run", "verdict", "item", "dataset", "judge"):
        assert rows(store, table) == []
    assert import_verdicts(store, written(tmp_path, line(), line("q2")), strict=True).kept == 2


def test_a_file_without_a_usable_verdict_makes_no_run(store: Store, tmp_path: Path) -> None:
    with pytest.raises(NothingToJudge, match="0 lines read"):
        import_verdicts(store, written(tmp_path))
    with pytest.raises(NothingToJudge, match=r"1 lines read\); the first fault: .*:1: is not JSON"):
        import_verdicts(store, written(tmp_path, '{"item": '))
    assert rows(store, "run") == rows(store, "dataset") == []


def test_the_same_file_again_is_a_new_run_on_the_same_items(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path, line(), line("q2"))
    first, second = import_verdicts(store, path), import_verdicts(store, path)
    assert first.run != second.run
    assert first.dataset == second.dataset
    assert (second.kept, second.items) == (2, 0)
    assert len(rows(store, "verdict")) == 4
    assert len(rows(store, "item")) == 2


def test_verdicts_may_come_from_a_program(store: Store) -> None:
    mine = [Verdict(item="q", judge=f"j{n}", presentation=("a",), scores={"a": n}, call=7) for n in range(3)]
    done = import_verdicts(store, iter(mine), name="mine")
    assert isinstance(done, ImportedVerdicts)
    assert done.kept == 3
    assert find_run(store, done.run).judge == ""
    assert {row["call"] for row in rows(store, "verdict")} == {None}
    other = import_verdicts(store, mine)
    assert other.dataset != done.dataset


def test_an_unknown_data_set_is_named_with_what_is_near(store: Store, tmp_path: Path) -> None:
    dataset_of(store, PAIR)
    with pytest.raises(NotFound, match="no data set `d-knwon`. Try: d-known"):
        import_verdicts(store, written(tmp_path, line()), items="d-knwon")


def test_a_verdict_may_show_one_response_many_personas_and_steps(store: Store, tmp_path: Path) -> None:
    lines = [line(persona=persona, step=step, arm="x") for persona in ("p1", "p2") for step in ("", "first")]
    assert import_verdicts(store, written(tmp_path, *lines)).kept == 4
