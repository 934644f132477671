"""Does the cache say what it holds and saves, and is an answer that is pruned kept but not reused?"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, text

from plurijudge.store.cache import PRUNED, Cached, Pruned, cache_stats, prune_cache
from plurijudge.store.engine import Store, writing
from plurijudge.store.ledger import Ledger
from plurijudge.store.progress import tally
from plurijudge.store.records import Call, VerdictKey
from plurijudge.store.runs import close_run, create_run
from plurijudge.store.tables import metadata
from plurijudge.store.writer import Writer
from plurijudge.text.errors import NotFound

CALL = metadata.tables["call"]
OLD = (datetime.now(UTC) - timedelta(days=40)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
NEW = (datetime.now(UTC) - timedelta(days=20)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def made(store: Store, *, closed: bool = True) -> str:
    with writing(store.engine).begin() as connection:
        connection.execute(text("INSERT INTO dataset (id) VALUES ('d') ON CONFLICT DO NOTHING"))
    run = create_run(store, judge={"id": "j"}, run={"dataset": "d", "judge": "j", "seed": 0}).id
    if closed:
        close_run(store, run)
    return run


def call(store: Store, run: str, key: str, **columns: Any) -> int:
    row = {"key": key, "run": run, "model": "m", "status": "ok", "response": "[[A]]", "answered_at": NEW, **columns}
    with writing(store.engine).begin() as connection:
        made = connection.execute(insert(CALL), row).inserted_primary_key
    assert made is not None
    return int(made[0])


def keys(store: Store) -> list[str]:
    with store.engine.connect() as connection:
        return list(connection.execute(select(CALL.c.key).order_by(CALL.c.id)).scalars())


def test_an_empty_store_has_saved_nothing(store: Store) -> None:
    assert cache_stats(store) == (Cached(""), [])


def test_answers_questions_hits_and_dollars_are_counted_by_model(store: Store) -> None:
    run = made(store)
    first = call(store, run, "k1", cost=0.25, request="é", reasoning="because")
    call(store, run, "k1", cost=0.25)  # asked anew with --fresh
    other = call(store, run, "k2", model="n", cost=None)
    for status in ("error", "refused", "sent"):
        call(store, run, "k3", status=status)
    for source in (first, first, other):
        call(store, run, "k", status="hit", source=source, cost=0.0, response=None)
    total, models = cache_stats(store)
    assert models == [
        Cached("m", answers=2, keys=1, bytes=2 + 7 + 5 + 5, hits=2, dollars_saved=0.5),
        Cached("n", answers=1, keys=1, bytes=5, hits=1, dollars_saved=None, hits_without_price=1),
    ]
    assert total == Cached("", answers=3, keys=2, bytes=24, hits=3, dollars_saved=0.5, hits_without_price=1, pruned=0)


def test_what_hits_without_any_price_have_saved_is_unknown(store: Store) -> None:
    run = made(store)
    call(store, run, "k", status="hit", source=call(store, run, "k", cost=None))
    total, _ = cache_stats(store)
    assert (total.hits, total.dollars_saved, total.hits_without_price) == (1, None, 1)


def test_age_model_and_run_narrow_what_is_pruned(store: Store) -> None:
    one, two = made(store), made(store)
    call(store, one, "k1", answered_at=OLD)
    call(store, one, "k2", model="n", answered_at=OLD)
    call(store, two, "k3", model="n", answered_at=OLD)
    call(store, two, "k4", model="n")
    narrow: dict[str, Any] = {"older_than": timedelta(days=30), "model": "n", "run": two}
    assert prune_cache(store, **narrow, dry_run=True) == Pruned(1, 5, 0)
    assert keys(store) == ["k1", "k2", "k3", "k4"]
    assert prune_cache(store, **narrow) == Pruned(1, 5, 0)
    assert keys(store) == ["k1", "k2", PRUNED + "k3", "k4"]
    assert prune_cache(store, **narrow) == Pruned(0, 0, 0)
    assert prune_cache(store, older_than=timedelta(days=30)).answers == 2
    assert prune_cache(store).answers == 1
    total, _ = cache_stats(store)
    assert (total.answers, total.keys, total.bytes, total.pruned) == (0, 0, 0, 4)


def test_many_are_pruned_batch_by_batch(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plurijudge.store.cache._BATCH", 3)
    run = made(store)
    for number in range(8):
        call(store, run, f"k{number}")
    assert prune_cache(store).answers == 8
    assert keys(store) == [f"{PRUNED}k{number}" for number in range(8)]


def test_an_open_run_keeps_what_it_needs_to_go_on(store: Store) -> None:
    run = made(store, closed=False)
    call(store, run, "k1")
    call(store, made(store), "k2")
    assert prune_cache(store) == Pruned(1, 5, 1)
    assert keys(store) == ["k1", PRUNED + "k2"]


def test_a_model_that_was_never_asked_is_named(store: Store) -> None:
    call(store, made(store), "k", model="openai/gpt-5-mini")
    with pytest.raises(NotFound, match=r"`openai/gpt-5` was ever asked.* --model openai/gpt-5-mini"):
        prune_cache(store, model="openai/gpt-5")


def test_a_pruned_answer_is_not_reused_and_all_that_stands_on_it_stays(store: Store) -> None:
    paid, later = made(store), made(store, closed=False)
    source = call(store, paid, "k", cost=0.5, tokens_in=10)
    question = Call(key="k", unit=VerdictKey(item="q", judge="j", presentation=("a", "b")), model="m")

    async def ask() -> Call | None:
        writer = Writer(store)
        _, stored = await Ledger(writer, run=later, dataset="d", worker="w").begin(question, fresh=False)
        writer.close()
        return stored

    stored = asyncio.run(ask())
    assert stored is not None and stored.response == "[[A]]"
    prune_cache(store)
    assert asyncio.run(ask()) is None
    with store.engine.connect() as connection:
        sums = tally(connection, paid)
        raw = select(CALL.c.response, CALL.c.status).where(CALL.c.id == source)
        assert tuple(connection.execute(raw).one()) == ("[[A]]", "ok")
    assert (sums["cost"], sums["tokens_in"], sums["answered"]) == (0.5, 10, 1)
    total, _ = cache_stats(store)
    assert (total.hits, total.dollars_saved, total.pruned) == (1, 0.5, 1)
