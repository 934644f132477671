"""Are many rows written in one statement as one by one?"""

from __future__ import annotations

import pytest
from sqlalchemy import Column, Float, Integer, MetaData, Table, Text, UniqueConstraint, select
from sqlalchemy.exc import IntegrityError

from plurijudge.store import bulk
from plurijudge.store.bulk import Insert, Update, padded
from plurijudge.store.engine import Store, writing

BOX = Table(
    "box",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("size", Float),
    Column("order", Integer),  # a word of SQL's own
    Column("note", Text, nullable=False, server_default="none"),
    UniqueConstraint("name"),
)
COLUMNS = ("name", "size", "order")


def made(n: int, *, start: int = 0) -> list[dict[str, object]]:
    return [{"name": f"b{i}", "size": None if i % 3 == 0 else i / 2, "order": i} for i in range(start, start + n)]


@pytest.fixture
def boxes(store: Store) -> Store:
    BOX.create(store.engine)
    return store


@pytest.mark.parametrize("n", [0, 1, 2, 3, 63, 64, 65, 200])
def test_rows_get_ids_in_their_order_and_the_database_s_defaults(boxes: Store, n: int) -> None:
    insert = Insert(BOX, COLUMNS)
    with writing(boxes.engine).begin() as connection:
        before = insert.ids(connection, made(3, start=1000))
        ids = insert.ids(connection, made(n))
    with boxes.engine.connect() as connection:
        rows = {row.id: row for row in connection.execute(select(BOX))}
    assert len(ids) == len(set(ids)) == n and not set(ids) & set(before)
    for place, row in zip(ids, made(n), strict=True):
        found = rows[place]._mapping
        assert {name: found[name] for name in COLUMNS} == row and found["note"] == "none"


def test_what_is_there_is_ignored_replaced_or_an_error(boxes: Store) -> None:
    other: list[dict[str, object]] = [{"name": "b1", "size": 9.5, "order": 7}, {"name": "b5", "size": None, "order": 5}]
    with writing(boxes.engine).begin() as connection:
        Insert(BOX, COLUMNS).run(connection, made(3))
        Insert(BOX, COLUMNS, conflict="ignore").run(connection, other)
    with boxes.engine.connect() as connection:
        assert dict(connection.execute(select(BOX.c.name, BOX.c.order)).all()) == {"b0": 0, "b1": 1, "b2": 2, "b5": 5}
    with writing(boxes.engine).begin() as connection:
        Insert(BOX, COLUMNS, conflict="replace", keys=("name",)).run(connection, other)
    with boxes.engine.connect() as connection:
        assert connection.execute(select(BOX.c.size, BOX.c.order).where(BOX.c.name == "b1")).one() == (9.5, 7)
    with pytest.raises(IntegrityError), writing(boxes.engine).begin() as connection:
        Insert(BOX, COLUMNS).run(connection, other)


@pytest.mark.parametrize("in_one", [True, False])
@pytest.mark.parametrize("n", [1, 5, 130])
def test_rows_change_by_their_id_where_the_condition_holds(
    boxes: Store, n: int, in_one: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "_UPDATES_FROM", in_one)
    update = Update(BOX, ("size", "note"), where="note = 'none'")
    with writing(boxes.engine).begin() as connection:
        ids = Insert(BOX, COLUMNS).ids(connection, made(n))
        connection.execute(BOX.update().where(BOX.c.id == ids[0]).values(note="kept"))
        update.run(connection, [{"id": place, "size": None, "note": f"new {place}"} for place in ids])
        update.run(connection, [])
    with boxes.engine.connect() as connection:
        notes = dict(connection.execute(select(BOX.c.id, BOX.c.note)).all())
        sizes = connection.execute(select(BOX.c.size).where(BOX.c.id != ids[0])).scalars().all()
    assert notes == {place: "kept" if place == ids[0] else f"new {place}" for place in ids}
    assert sizes == [None] * (n - 1)


def test_values_are_padded_to_a_power_of_two() -> None:
    assert padded([]) == []
    assert padded([1]) == [1]
    assert padded([1, 2, 3]) == [1, 2, 3, 3]
    assert len(padded([*range(65)])) == 128
