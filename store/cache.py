"""Which answers would be reused, what has reuse saved, and how are answers taken out of reuse?

The cache is the table `call`: an answer with status `ok` serves whoever asks the same key again, and each such hit is a
row that names it in `source`. Nothing is ever deleted here, as verdicts, hits and a run's sums stand on those rows; an
answer that is pruned keeps its row under a key that nobody asks for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import Any

from sqlalchemy import BLOB, ColumnElement, Connection, case, cast, distinct, func, literal, select, update

from ..text.errors import NotFound
from .engine import Store, plain_errors
from .tables import metadata
from .transactions import transact

PRUNED = "pruned:"
"""What stands before the key of an answer that is not reused any more."""

_CALL = metadata.tables["call"]
_RUN = metadata.tables["run"]
_BATCH = 5000
_TEXTS = (_CALL.c.request, _CALL.c.response, _CALL.c.reasoning, _CALL.c.tool_calls)


@dataclass(frozen=True, slots=True)
class Cached:
    """What the store keeps of one model's answers, or of all models' together.

    Attributes:
        model: the model as it was asked, '' for all together.
        answers: how many answers would be reused.
        keys: how many different questions they answer; `--fresh` makes several answers to one.
        bytes: of their requests and answers, as UTF-8.
        pruned: how many answers are kept but not reused.
        hits: how many questions were served by an answer that was there, that is, calls saved.
        dollars_saved: what those answers cost when they were paid for, as far as prices are known; None where none is.
        hits_without_price: how many hits served an answer of unknown price.
    """

    model: str
    answers: int = 0
    keys: int = 0
    bytes: int = 0
    pruned: int = 0
    hits: int = 0
    dollars_saved: float | None = 0.0
    hits_without_price: int = 0

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, as JSON has them."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was taken out of reuse, or would be.

    Attributes:
        answers: how many answers.
        bytes: of their requests and answers; their rows are kept.
        kept_for_open_runs: how many answers matched but stay, as their runs are open and need them to go on.
    """

    answers: int
    bytes: int
    kept_for_open_runs: int

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, as JSON has them."""
        return asdict(self)


def cache_stats(store: Store) -> tuple[Cached, list[Cached]]:
    """What is kept and what it has saved: of all models together, and of each, by name.

    Raises:
        StoreError: if the store cannot be read.
    """
    pruned = _CALL.c.key.startswith(PRUNED, autoescape=True)
    source = _CALL.alias("source_call")
    with plain_errors(store.url), store.engine.connect() as connection:
        live = case((~pruned, 1), else_=0)
        kept = select(
            _CALL.c.model,
            func.coalesce(func.sum(live), 0),
            func.count(distinct(case((~pruned, _CALL.c.key)))),
            func.coalesce(func.sum(case((~pruned, _bytes(connection)), else_=0)), 0),
            func.count() - func.coalesce(func.sum(live), 0),
        )
        served = select(source.c.model, func.count(), func.sum(source.c.cost), func.count() - func.count(source.c.cost))
        joined = _CALL.join(source, source.c.id == _CALL.c.source)
        answers = {row[0]: row[1:] for row in connection.execute(kept.where(_answered()).group_by(_CALL.c.model))}
        hits = {
            row[0]: row[1:]
            for row in connection.execute(
                served.select_from(joined).where(_CALL.c.status == "hit").group_by(source.c.model)
            )
        }
    models = []
    for model in sorted({*answers, *hits}):
        kept_ones, keys, size, pruned_ones = (int(number) for number in answers.get(model, (0, 0, 0, 0)))
        count, saved, unpriced = hits.get(model, (0, 0.0, 0))
        models.append(Cached(model, kept_ones, keys, size, pruned_ones, count, saved, unpriced))
    return _together(models), models


def _together(models: Sequence[Cached]) -> Cached:
    known = [each.dollars_saved for each in models if each.dollars_saved is not None]
    return Cached(
        "",
        answers=sum(each.answers for each in models),
        keys=sum(each.keys for each in models),
        bytes=sum(each.bytes for each in models),
        pruned=sum(each.pruned for each in models),
        hits=sum(each.hits for each in models),
        dollars_saved=sum(known) if known or not models else None,
        hits_without_price=sum(each.hits_without_price for each in models),
    )


def prune_cache(
    store: Store,
    *,
    older_than: timedelta | None = None,
    model: str | None = None,
    run: str | None = None,
    dry_run: bool = False,
) -> Pruned:
    """Take answers out of reuse: those that meet every condition given; without any, all.

    Verdicts, traces, sums and earlier hits stay as they are, and so do the answers of runs that are open.

    Args:
        store: where they are.
        older_than: only answers that came longer ago.
        model: only this model's, by the name under which it was asked.
        run: only those that this run paid for, by its id.
        dry_run: count them, and leave them.

    Raises:
        NotFound: if no such model was ever asked.
        StoreError: if the store cannot be written.
    """
    wanted = [_answered(), ~_CALL.c.key.startswith(PRUNED, autoescape=True)]
    if older_than is not None:
        before = datetime.now(UTC) - older_than
        wanted.append(_CALL.c.answered_at < before.isoformat(timespec="milliseconds").replace("+00:00", "Z"))
    if model is not None:
        wanted.append(_CALL.c.model == model)
    if run is not None:
        wanted.append(_CALL.c.run == run)
    is_open = _CALL.c.run.in_(select(_RUN.c.id).where(_RUN.c.status == "open"))
    with plain_errors(store.url):
        with store.engine.connect() as connection:
            if model is not None:
                _check_model(connection, model)
            sums = select(func.count(), func.coalesce(func.sum(_bytes(connection)), 0))
            count, size = connection.execute(sums.where(*wanted, ~is_open)).one()
            kept = connection.execute(select(func.count()).select_from(_CALL).where(*wanted, is_open)).scalar_one()
        if not dry_run:
            count = _prune(store, [*wanted, ~is_open])
    return Pruned(int(count), int(size), int(kept))


def _prune(store: Store, wanted: list[ColumnElement[bool]]) -> int:
    """Batch by batch, so that whoever else writes need not wait for long; gives how many there were."""
    total, after = 0, 0

    def batch(connection: Connection) -> list[int]:
        page = select(_CALL.c.id).where(*wanted, _CALL.c.id > after).order_by(_CALL.c.id).limit(_BATCH)
        numbers = list(connection.execute(page).scalars())
        pruned = update(_CALL).where(_CALL.c.id.in_(numbers), *wanted)
        connection.execute(pruned.values(key=literal(PRUNED).concat(_CALL.c.key)))
        return numbers

    while numbers := transact(store, batch):
        total, after = total + len(numbers), numbers[-1]
    return total


def _check_model(connection: Connection, model: str) -> None:
    names = [str(name) for name in connection.execute(select(_CALL.c.model).distinct()).scalars()]
    if model in names:
        return
    near = get_close_matches(model, names, n=1, cutoff=0.4)
    raise NotFound(
        f"No model `{model}` was ever asked in this store.",
        way_out=f"--model {near[0]}" if near else "plurijudge cache stats",
    )


def _answered() -> ColumnElement[bool]:
    return _CALL.c.status == "ok"


def _bytes(connection: Connection) -> ColumnElement[int]:
    """How many bytes a call's texts take."""
    size: ColumnElement[int] = literal(0)
    for column in _TEXTS:
        if connection.dialect.name == "sqlite":
            length = func.length(cast(column, BLOB))
        else:
            length = func.octet_length(column)
        size = size + func.coalesce(length, 0)
    return size
