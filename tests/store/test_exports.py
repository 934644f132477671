"""Does an export say what the store holds, in every format, and the same on every database?"""

from __future__ import annotations

import io
import tracemalloc
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest
from sqlalchemy import insert

from plurijudge.store.engine import Store, writing
from plurijudge.store.exports import What, columns_of, export
from plurijudge.store.files import Format, read_items, read_verdicts
from plurijudge.store.imports import import_verdicts
from plurijudge.store.records import Call, Decision, Dissent, Gold, Item, Message, Part, Response, Verdict, VerdictKey
from plurijudge.store.rows import call_row, decision_row, item_row, label_row, response_rows, verdict_row
from plurijudge.store.tables import metadata
from plurijudge.text.errors import BadInput, NotFound

FORMATS: list[Format] = ["jsonl", "csv", "parquet"]
AWKWARD = ["b", "B", "é", "z", "Z", "_", "a b", "10", "9", "𝔸", "ﬀ"]  # a locale sorts these otherwise than code points


def exported(store: Store, what: What, *, format: Format = "jsonl", **options: Any) -> bytes:
    handle = io.BytesIO()
    count = export(store, what, format=format, handle=handle, **options)
    if format == "jsonl":
        assert handle.getvalue().count(b"\n") == count
    return handle.getvalue()


def objects(data: bytes) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in data.splitlines()]


def put(store: Store, table: str, *rows: dict[str, Any]) -> None:
    with writing(store.engine).begin() as connection:
        for row in rows:
            connection.execute(insert(metadata.tables[table]), row)


def put_items(store: Store, *items: Item, dataset: str = "d-1") -> None:
    put(store, "dataset", {"id": dataset, "created_at": "2026"})
    put(store, "run", {"id": f"r-{dataset}", "dataset": dataset, "created_at": "2026"})
    for position, item in enumerate(items):
        put(store, "item", item_row(item, dataset=dataset, position=position))
        put(store, "response", *response_rows(item, dataset=dataset))
        put(store, "label", *(label_row(g, dataset=dataset, item=item.id, source="file") for g in item.gold))


def put_verdicts(store: Store, *verdicts: Verdict, dataset: str = "d-1") -> None:
    put(store, "verdict", *(verdict_row(verdict, run=f"r-{dataset}", dataset=dataset) for verdict in verdicts))


def pair(name: str = "q1", **fields: Any) -> Item:
    return Item(
        id=name, prompt="?", responses=[Response(id="a", model="m1", text="x"), Response(id="b", text="y")], **fields
    )


def verdict(item: str = "q1", **fields: Any) -> Verdict:
    return Verdict(**{"item": item, "judge": "j", "presentation": ("a", "b"), "preferred": "a", **fields})


def test_every_column_of_the_tables_is_exported() -> None:
    assert set(columns_of("verdicts")) == set(metadata.tables["verdict"].columns.keys())
    assert set(columns_of("calls")) == set(metadata.tables["call"].columns.keys())
    assert set(columns_of("decisions")) == set(metadata.tables["decision"].columns.keys())


def test_a_verdict_has_the_names_of_its_sql_columns_and_real_json(store: Store) -> None:
    put_items(store, pair())
    put_verdicts(store, verdict(p_first=0.25, scores={"b": 3, "a": 8}, raw="I say A."))
    [row] = objects(exported(store, "verdicts"))
    assert list(row) == list(columns_of("verdicts"))
    assert row["presentation"] == ["a", "b"]
    assert row["scores"] == {"a": 8.0, "b": 3.0}
    assert row["models"] == {"a": "m1"}
    assert (row["raw"], row["p_first"], row["call"], row["probabilities"]) == ("I say A.", 0.25, None, None)


@pytest.mark.parametrize("format", FORMATS)
def test_exported_verdicts_can_be_read_again(store: Store, tmp_path: Path, format: Format) -> None:
    put_items(store, pair())
    said = verdict(raw='line\n"two"', rationale="", persona="p", criterion_scores={"a": {"clarity": None}})
    failed = verdict(sample=1, status="error", preferred=None, reason="transport")
    put_verdicts(store, said, failed)
    path = tmp_path / f"verdicts.{format}"
    path.write_bytes(exported(store, "verdicts", format=format))
    read = [line.fault or line.record for line in read_verdicts(path)]
    assert read == [v.model_copy(update={"models": {"a": "m1"}}) for v in (said, failed)]
    again = import_verdicts(store, path, items="d-1")
    assert (again.kept, again.set_aside) == (2, 0)
    assert exported(store, "verdicts", run=again.run, canonical=True) == exported(
        store, "verdicts", run="r-d-1", canonical=True
    )


def test_the_judges_text_is_found_with_its_call_or_with_the_call_it_reused(store: Store) -> None:
    put_items(store, pair())

    def call(number: int, **fields: Any) -> dict[str, Any]:
        made = Call(key="k", unit=VerdictKey(item="q1", judge="j", presentation=("a", "b")))
        return {**call_row(made, run="r-d-1", dataset="d-1", worker="w"), "id": number, **fields}

    put(store, "call", call(1, status="ok", response="said live"), call(2, status="hit", source=1))
    put_verdicts(store, verdict(call=1), verdict(call=2, sample=1), verdict(sample=2))
    assert [row["raw"] for row in objects(exported(store, "verdicts"))] == ["said live", "said live", None]


@pytest.mark.parametrize("format", FORMATS)
def test_calls_are_exported_as_they_stand(store: Store, format: Format) -> None:
    put_items(store, pair())
    made = Call(key="k", unit=VerdictKey(item="q1", judge="j", presentation=("a", "b")), request='{"messages":[]}')
    row = call_row(made, run="r-d-1", dataset="d-1", worker="w")
    put(store, "call", {**row, "id": 1, "status": "ok", "response": "", "cost": 0.25})
    put(store, "call", {**row, "id": 2, "status": "hit", "source": 1, "request": ""})
    data = exported(store, "calls", run="last", format=format)
    if format == "jsonl":
        first, second = objects(data)
        assert list(first) == list(columns_of("calls")) == list(metadata.tables["call"].columns.keys())
        assert first["request"] == {"messages": []} and first["presentation"] == ["a", "b"]
        assert (first["response"], second["response"]) == ("", None)
    elif format == "csv":
        first, second = pl.read_csv(io.BytesIO(data)).to_dicts()
    else:
        first, second = pl.read_parquet(io.BytesIO(data)).to_dicts()
    assert (first["id"], first["status"], first["cost"]) == (1, "ok", 0.25)
    assert (second["id"], second["status"], second["source"]) == (2, "hit", 1)
    assert not second["request"]
    with pytest.raises(BadInput, match="calls differ"):
        exported(store, "calls", run="last", canonical=True)


def test_an_export_may_be_of_one_run_or_one_data_set(store: Store) -> None:
    put_items(store, pair())
    put_items(store, pair(), pair("q2"), dataset="d-2")
    put_verdicts(store, verdict())
    put_verdicts(store, verdict(), verdict("q2"), dataset="d-2")
    assert len(objects(exported(store, "verdicts"))) == 3
    assert len(objects(exported(store, "verdicts", run="r-d-1"))) == 1
    assert len(objects(exported(store, "verdicts", dataset="d-2"))) == 2
    assert len(objects(exported(store, "items", dataset="d-2"))) == 2
    assert len(objects(exported(store, "items", run="r-d-1"))) == 1


def test_what_is_not_there_is_named(store: Store) -> None:
    with pytest.raises(NotFound, match="holds no items"):
        exported(store, "items")
    put_items(store, pair())
    put_items(store, pair(), dataset="d-2")
    with pytest.raises(NotFound, match="no data set `d-3`"):
        exported(store, "verdicts", dataset="d-3")
    with pytest.raises(NotFound, match="no run `r-9`"):
        exported(store, "verdicts", run="r-9")
    with pytest.raises(BadInput, match="several data sets: d-1, d-2"):
        exported(store, "items")
    with pytest.raises(BadInput, match="needs a run"):
        exported(store, "verdicts", canonical=True)


ITEM = Item(
    id="q1",
    prompt=[Message(role="user", content="x"), Message(role="user", content=[Part(type="text", text="y")])],
    context="c",
    responses=[
        Response(id="b", text="y"),
        Response(id="a", model="m", parts=[Part(type="tool_call", name="n", arguments={"k": None})]),
    ],
    gold=[Gold(annotator="h2", group="nurses", preferred=["a", "tie"]), Gold(annotator="h1", scores={"a": 4, "b": 3})],
    meta={"k": [1, None]},
    parent="q0",
    perturbation={"kind": "typos"},
)


@pytest.mark.parametrize("format", FORMATS)
def test_exported_items_are_the_items_with_their_gold(store: Store, tmp_path: Path, format: Format) -> None:
    put_items(store, pair("z"), ITEM)
    path = tmp_path / f"items.{format}"
    path.write_bytes(exported(store, "items", format=format))
    assert [line.fault or line.record for line in read_items(path)] == [pair("z"), ITEM]
    assert [row["id"] for row in objects(exported(store, "items", canonical=True))] == ["q1", "z"]


def test_an_item_without_text_says_that_its_text_is_unknown(store: Store) -> None:
    import_verdicts(store, [verdict(models={"a": "m1"})])
    [row] = objects(exported(store, "items"))
    assert row == {"id": "q1", "prompt": None, "responses": [{"id": "a", "model": "m1"}, {"id": "b"}]}


def decision(item: str = "q1", **fields: Any) -> Decision:
    return Decision(
        **{"item": item, "judge": "j", "outcome": "ok", "preferred": "a", "rule": "mean", "verdicts": 2, **fields}
    )


@pytest.mark.parametrize("format", FORMATS)
def test_decisions_keep_their_dissent_and_what_was_left_out(store: Store, format: Format) -> None:
    put_items(store, pair())
    dissent = [Dissent(persona="p2", preferred="b"), Dissent(persona="p1", preferred="tie")]
    made = decision(share=0.5, scores={"a": 8}, left_out={"refused": 1}, dissent=dissent)
    put(store, "decision", decision_row(made, run="r-d-1", dataset="d-1"))
    data = exported(store, "decisions", format=format)
    if format == "jsonl":
        [row] = objects(data)
    elif format == "csv":
        row = pl.read_csv(io.BytesIO(data)).to_dicts()[0]
    else:
        row = pl.read_parquet(io.BytesIO(data)).to_dicts()[0]
    assert list(row) == list(columns_of("decisions"))
    assert (row["outcome"], row["share"], row["verdicts"]) == ("ok", 0.5, 2)
    left_out = row["left_out"] if format == "jsonl" else orjson.loads(row["left_out"])
    assert left_out == {"refused": 1}
    [plain] = objects(exported(store, "decisions", run="last", canonical=True))
    assert [entry["persona"] for entry in plain["dissent"]] == ["p1", "p2"]
    assert not {"run", "dataset", "created_at"} & plain.keys()


@pytest.mark.parametrize("format", ["jsonl", "csv"])
def test_a_canonical_export_is_the_same_bytes_on_both_databases(
    both_stores: tuple[Store, Store], format: Format
) -> None:
    verdicts = [
        verdict(item, judge=judge, p_first=1 / 3, scores={"a": 8, "b": 0.1 + 0.2}, sample=sample)
        for item in AWKWARD
        for judge in ("x", "X")
        for sample in (10, 9)
    ]
    for store, order in zip(both_stores, (1, -1), strict=True):
        put_items(store, *(pair(name) for name in AWKWARD[::order]))
        put_verdicts(store, *verdicts[::order])
        put(store, "decision", *(decision_row(decision(n), run="r-d-1", dataset="d-1") for n in AWKWARD[::order]))
    whats: tuple[What, ...] = ("verdicts", "decisions", "items")
    for what in whats:
        first, second = (exported(s, what, run="r-d-1", canonical=True, format=format) for s in both_stores)
        assert first == second
    sorted_items = list(
        dict.fromkeys(row["item"] for row in objects(exported(both_stores[1], "verdicts", run="last", canonical=True)))
    )
    assert sorted_items == sorted(AWKWARD)


def test_a_canonical_export_leaves_out_what_two_runs_may_differ_in(store: Store) -> None:
    put_items(store, pair())
    put_verdicts(store, verdict(sample=1), verdict())
    first, second = objects(exported(store, "verdicts", run="last", canonical=True))
    assert (first["sample"], second["sample"]) == (0, 1)
    assert not {"id", "run", "dataset", "call", "created_at"} & first.keys()
    assert first["models"] == {"a": "m1"}


def test_memory_does_not_grow_with_what_is_exported(store: Store) -> None:
    def made(item: str, samples: int) -> list[Verdict]:
        return [verdict(item, sample=sample, raw="x" * 2000) for sample in range(samples)]

    small, large = import_verdicts(store, made("q1", 2_000)), import_verdicts(store, made("q2", 12_000))

    class Sink(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            return len(data)

    peaks = []
    for run in (small.run, small.run, large.run):  # the first one warms caches
        tracemalloc.start()
        export(store, "verdicts", run=run, handle=Sink())  # type: ignore[arg-type]
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < 1.5 * peaks[1]
