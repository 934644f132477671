"""Is every line of a data set stored once, set aside by name, or still to be read?"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from plurijudge.store.datasets import (
    Reading,
    check_file,
    dataset_of_file,
    dataset_of_records,
    find_dataset,
    item_pages,
    read_item,
    scan,
    store_all,
)
from plurijudge.store.engine import Store, writing
from plurijudge.store.records import Item, Response
from plurijudge.text.errors import BadInput, NotFound


def line(name: str, **more: Any) -> str:
    return json.dumps({"id": name, "prompt": "p", "responses": [{"id": "a", "text": "x"}], **more})


def written(path: Path, lines: Iterable[str]) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def stored(store: Store, dataset: str) -> list[tuple[int, str]]:
    return [(position, item.id) for page in item_pages(store, dataset) for position, item in page]


def test_items_come_back_as_they_were_in_the_order_of_their_lines(store: Store, tmp_path: Path) -> None:
    gold = [{"annotator": "h", "group": "nurses", "preferred": ["a", "tie"]}]
    path = written(
        tmp_path / "i.jsonl", [line("z", gold=gold, meta={"k": [1, None]}), line("a", context="c"), line("m")]
    )
    reading = Reading.of_file(dataset_of_file(store, path))
    store_all(store, reading)
    assert stored(store, reading.dataset.id) == [(1, "z"), (2, "a"), (3, "m")]
    item = read_item(store, reading.dataset.id, "z")
    assert item.gold[0].preferred == ["a", "tie"]
    assert item.gold[0].group == "nurses"
    assert item.meta == {"k": [1, None]}
    assert read_item(store, reading.dataset.id, "a").context == "c"


def test_the_same_content_is_the_same_data_set_and_is_stored_once(store: Store, tmp_path: Path) -> None:
    first = written(tmp_path / "one.jsonl", [line("q1"), line("q2")])
    second = written(tmp_path / "two.jsonl", [line("q1"), line("q2")])
    for path in (first, second, first):
        store_all(store, Reading.of_file(dataset_of_file(store, path)))
    dataset = dataset_of_file(store, second)
    assert (dataset.items, dataset.complete) == (2, 1)
    assert stored(store, dataset.id) == [(1, "q1"), (2, "q2")]


def test_bad_lines_and_duplicates_are_named_by_line_and_the_others_kept(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path / "i.jsonl", [line("q1"), '{"id": "q2"}', "{", line("q1"), line("q3")])
    reading = Reading.of_file(dataset_of_file(store, path))
    store_all(store, reading)
    dataset = find_dataset(store, reading.dataset.id)
    assert [(f["line"], f["field"]) for f in dataset.faults] == [(2, "prompt"), (3, ""), (4, "id")]
    assert "on line 1" in dataset.faults[2]["reason"]
    assert (dataset.items, dataset.set_aside) == (2, 3)
    assert stored(store, dataset.id) == [(1, "q1"), (5, "q3")]
    assert [fault.line for fault in scan(path)] == [2, 3, 4]


def test_reading_goes_on_where_it_was_left_and_nothing_is_stored_twice(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path / "i.jsonl", [line(f"q{i}") for i in range(1200)])
    first = Reading.of_file(dataset_of_file(store, path))
    with writing(store.engine).begin() as connection:
        first.store_chunk(connection, first.next_chunk())
    left = find_dataset(store, first.dataset.id)
    assert (left.items, left.complete) == (500, 0)
    store_all(store, Reading.of_file(left))
    whole = find_dataset(store, first.dataset.id)
    assert (whole.items, whole.complete, whole.set_aside) == (1200, 1, 0)
    assert len(stored(store, whole.id)) == 1200


def test_two_readers_of_one_file_each_get_every_item(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path / "i.jsonl", [line(f"q{i}") for i in range(20)])
    readers = [Reading.of_file(dataset_of_file(store, path)) for _ in range(2)]
    for reader in readers:
        with writing(store.engine).begin() as connection:
            assert len(reader.store_chunk(connection, reader.next_chunk())) == 20
        assert not reader.new_faults
    assert len(stored(store, readers[0].dataset.id)) == 20


def test_a_file_that_changed_or_went_away_before_it_was_read_whole_is_refused(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path / "i.jsonl", [line("q1")])
    dataset = dataset_of_file(store, path)
    assert check_file(dataset) == path
    path.write_text(line("q2"))
    with pytest.raises(BadInput, match="has changed"):
        Reading.of_file(dataset)
    path.unlink()
    with pytest.raises(BadInput, match="is gone"):
        Reading.of_file(dataset)


def test_a_list_of_items_is_the_same_data_set_each_time_and_an_iterator_a_new_one(store: Store) -> None:
    items = [Item(id=f"q{i}", prompt="p", responses=[Response(id="a", text="x")]) for i in range(3)]
    first, again = (dataset_of_records(store, items, name="mine")[0] for _ in range(2))
    assert first.id == again.id
    streams = [dataset_of_records(store, iter(items), name="mine")[0].id for _ in range(2)]
    assert len({first.id, *streams}) == 3


def test_an_unknown_item_is_answered_with_near_ones(store: Store, tmp_path: Path) -> None:
    reading = Reading.of_file(dataset_of_file(store, written(tmp_path / "i.jsonl", [line("arith-01"), line("date-1")])))
    store_all(store, reading)
    with pytest.raises(NotFound, match="arith-01"):
        read_item(store, reading.dataset.id, "arith-1")
    with pytest.raises(NotFound):
        find_dataset(store, "d-none")


def test_only_undecided_items_among_the_first_ones_are_read_where_they_alone_are_wanted(
    store: Store, tmp_path: Path
) -> None:
    reading = Reading.of_file(dataset_of_file(store, written(tmp_path / "i.jsonl", [line(f"q{i}") for i in range(6)])))
    store_all(store, reading)
    dataset = reading.dataset.id
    with store.engine.begin() as connection:
        for run in ("r-1", "r-2"):
            row = {"run": run, "dataset": dataset}
            connection.execute(text("INSERT INTO run (id, dataset, seed) VALUES (:run, :dataset, 0)"), row)
        for run, name in (("r-1", "q1"), ("r-1", "q4"), ("r-2", "q0")):
            columns = "run, item, judge, arm, dataset, outcome, verdicts"
            statement = text(f"INSERT INTO decision ({columns}) VALUES (:run, :name, 'j', '', :dataset, 'tie', 2)")  # noqa: S608
            connection.execute(statement, {"run": run, "name": name, "dataset": dataset})
    pages = item_pages(store, dataset, undecided_in="r-1", limit=5)
    assert [item.id for page in pages for _, item in page] == ["q0", "q2", "q3"]
