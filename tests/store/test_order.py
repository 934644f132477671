"""Is the order of a run's items a fair draw that anyone can repeat, and is its finished beginning found?"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from sqlalchemy import insert, text, update

from plurijudge.store.engine import Store, writing
from plurijudge.store.leases import Leases
from plurijudge.store.order import block_ranges, finished_items, finished_places, items_at, order_of
from plurijudge.store.runs import create_run
from plurijudge.store.tables import metadata

ITEM, LEASE, DATASET = (metadata.tables[name] for name in ("item", "lease", "dataset"))


def fill(store: Store, names: list[str], *, dataset: str = "d", first: int = 1) -> None:
    """Store items, each a position after the one before."""
    rows = [{"dataset": dataset, "id": name, "position": first + n, "prompt": '"?"'} for n, name in enumerate(names)]
    with writing(store.engine).begin() as connection:
        connection.execute(text("INSERT INTO dataset (id) VALUES (:id) ON CONFLICT DO NOTHING"), {"id": dataset})
        if rows:
            connection.execute(insert(ITEM), rows)


def order(store: Store, *, dataset: str = "d", **options: Any) -> list[int]:
    with store.engine.connect() as connection:
        drawn = order_of(connection, dataset, **options)
    assert drawn.dtype == np.int64
    return [int(position) for position in drawn]


def named(store: Store, positions: list[int], *, dataset: str = "d") -> list[str]:
    with store.engine.connect() as connection:
        return [item.id for _, item in items_at(connection, dataset, positions)]


def test_the_order_is_a_permutation_that_the_seed_alone_decides(store: Store) -> None:
    fill(store, [f"q{n}" for n in range(500)])
    drawn = order(store, seed=7)
    assert sorted(drawn) == list(range(1, 501)) != drawn
    assert order(store, seed=7) == drawn
    assert order(store, seed=8) != drawn
    assert order(store, seed=-7) != drawn


def test_both_databases_draw_the_same_order(both_stores: tuple[Store, Store]) -> None:
    names = ["q\u00e9", "Z", "a", "\u4e2d", "10", "9", " x", *(f"q{n}" for n in range(100))]
    for store in both_stores:
        fill(store, names)
    first, second = (order(store, seed=3) for store in both_stores)
    assert first == second
    limited = [order(store, seed=3, limit=40) for store in both_stores]
    assert limited[0] == limited[1]


def test_an_item_s_rank_depends_on_the_seed_and_its_id_not_on_its_place_in_the_file(store: Store) -> None:
    names = [f"q{n}" for n in range(200)]
    fill(store, names)
    fill(store, names[::-1], dataset="turned", first=900)
    fill(store, names[::2], dataset="half")
    whole = named(store, order(store, seed=5))
    assert named(store, order(store, dataset="turned", seed=5), dataset="turned") == whole
    kept = set(names[::2])
    assert named(store, order(store, dataset="half", seed=5), dataset="half") == [n for n in whole if n in kept]


def test_a_limit_takes_the_first_items_of_the_file_and_shuffles_those(store: Store) -> None:
    fill(store, [f"q{n}" for n in range(300)], first=10)
    drawn = order(store, seed=1, limit=50)
    assert sorted(drawn) == list(range(10, 60)) != drawn
    assert order(store, seed=1, limit=1000) == order(store, seed=1)
    assert order(store, seed=1, limit=50, shuffled=False) == list(range(10, 60))


def test_an_empty_data_set_has_an_empty_order(store: Store) -> None:
    fill(store, [])
    assert order(store, seed=0) == []
    fill(store, ["alone"])
    assert order(store, seed=0) == [1]


def test_more_items_than_a_page_of_the_reader_are_all_there(store: Store) -> None:
    fill(store, [f"q{n}" for n in range(10_500)])
    assert sorted(order(store, seed=2)) == list(range(1, 10_501))


def test_every_item_is_as_likely_as_any_other_at_every_place(tmp_path: Any) -> None:
    """Pearson's statistic over 6,000 draws of 8 items: 49 degrees of freedom, 99.99 % of true draws are below 97."""
    with Store.open(tmp_path / "s.db", create=True) as store:
        fill(store, [f"q{n}" for n in range(8)])
        seen = np.zeros((8, 8))
        pairs: Counter[bool] = Counter()
        draws = 6_000
        with store.engine.connect() as connection:
            for seed in range(draws):
                drawn = order_of(connection, "d", seed=seed)
                seen[np.arange(8), drawn - 1] += 1
                pairs[bool(np.argmax(drawn == 1) < np.argmax(drawn == 8))] += 1
    expected = draws / 8
    assert ((seen - expected) ** 2 / expected).sum() < 97
    assert abs(pairs[True] / draws - 0.5) < 0.026  # four standard errors


def test_neighbouring_seeds_are_unrelated(store: Store) -> None:
    fill(store, [f"q{n}" for n in range(1000)])
    places = [np.argsort(order(store, seed=seed)) for seed in range(20)]
    related = [abs(np.corrcoef(one, other)[0, 1]) for one, other in zip(places, places[1:], strict=False)]
    assert max(related) < 0.13  # four standard errors of a correlation of 1,000 unrelated ranks


@pytest.mark.parametrize("n", [0, 1, 3, 4, 5, 63, 64, 255, 256, 257, 2047, 2048, 2049, 100_000])
def test_blocks_cover_every_place_once_and_are_neither_tiny_nor_large(n: int) -> None:
    ranges = block_ranges(n)
    assert [place for first, last in ranges for place in range(first, last)] == list(range(n))
    assert all(4 <= last - first <= 32 for first, last in ranges[:-1])
    assert not ranges or 1 <= ranges[-1][1] - ranges[-1][0] <= 32
    if n >= 256:
        assert len(ranges) >= 64  # enough for many processes to share


def test_items_come_in_the_order_of_the_positions_asked_for(store: Store) -> None:
    fill(store, ["a", "b", "c", "d"])
    assert named(store, [3, 1, 4]) == ["c", "a", "d"]
    assert named(store, [2, 99, 1]) == ["b", "a"]
    assert named(store, []) == []


def run_of(store: Store, ranges: list[tuple[int, int]]) -> str:
    with writing(store.engine).begin() as connection:
        connection.execute(text("INSERT INTO dataset (id) VALUES ('d') ON CONFLICT DO NOTHING"))
    run = create_run(store, judge={"id": "j"}, run={"dataset": "d", "judge": "j", "seed": 0}).id
    Leases(store, run, worker="w", seconds=60).lay_out(ranges)
    return run


def settle(store: Store, run: str, blocks: dict[int, int]) -> None:
    with writing(store.engine).begin() as connection:
        for block, done in blocks.items():
            connection.execute(update(LEASE).where(LEASE.c.run == run, LEASE.c.block == block).values(done=done))


def reached(store: Store, run: str) -> int:
    with store.engine.connect() as connection:
        return finished_places(connection, run)


def test_the_finished_beginning_ends_at_the_first_block_that_is_not_done(store: Store) -> None:
    run, other = (run_of(store, [(0, 4), (4, 8), (8, 12), (12, 13)]) for _ in range(2))
    assert reached(store, run) == 0
    settle(store, run, {1: 1, 2: 1, 3: 1})
    assert reached(store, run) == 0  # first to finish is no sample of all
    settle(store, run, {0: 1})
    assert reached(store, run) == 13
    settle(store, run, {2: 0})
    assert reached(store, run) == 8
    settle(store, run, {2: 2})
    assert reached(store, run) == 13  # what cannot be judged is settled too
    assert reached(store, other) == 0
    assert reached(store, "no such run") == 0


def test_the_items_of_the_finished_beginning_are_those_that_the_order_has_first(store: Store) -> None:
    fill(store, [f"q{n}" for n in range(12)])
    run = run_of(store, [(0, 4), (4, 8), (8, 12)])
    settle(store, run, {0: 1, 1: 1})
    with store.engine.connect() as connection:
        found = list(finished_items(connection, run, "d", seed=9, limit=None))
    assert sorted(found) == sorted(named(store, order(store, seed=9)[:8]))


def test_a_long_finished_beginning_is_read_in_chunks(store: Store) -> None:
    fill(store, [f"q{n}" for n in range(1203)])
    run = run_of(store, block_ranges(1203))
    settle(store, run, dict.fromkeys(range(len(block_ranges(1203))), 1))
    with store.engine.connect() as connection:
        found = list(finished_items(connection, run, "d", seed=9, limit=1100))
    assert len(found) == len(set(found)) == 1100
    assert set(found) == {f"q{n}" for n in range(1100)}
