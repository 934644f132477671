"""Which items does a data set hold, and how far has its file been read? Items are stored before they are judged."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, exists, select, update

from ..text.errors import BadInput, NotFound
from .canonical import canonical, digest
from .engine import Store, plain_errors, writing
from .faults import Fault, Line
from .files import file_digest, file_format, item_to_dict, read_items
from .records import Item
from .rows import item_of, item_row, label_row, parsed, response_rows
from .tables import metadata
from .writer import Writer, insert_once, now

_DATASET = metadata.tables["dataset"]
_ITEM = metadata.tables["item"]
_RESPONSE = metadata.tables["response"]
_DECISION = metadata.tables["decision"]
_LABEL = metadata.tables["label"]
_CHUNK = 500
_KEPT_FAULTS = 100


@dataclass(frozen=True, slots=True)
class Dataset:
    """A data set as the store knows it."""

    id: str
    name: str
    path: str
    format: str
    digest: str
    read_to: int
    lines: int
    items: int
    set_aside: int
    faults: list[dict[str, Any]]
    complete: int
    created_at: str


def find_dataset(store: Store, name: str) -> Dataset:
    """A data set by its id.

    Raises:
        NotFound: if there is none.
    """
    with plain_errors(store.url), store.engine.connect() as connection:
        row = connection.execute(select(_DATASET).where(_DATASET.c.id == name)).mappings().first()
    if row is None:
        raise NotFound(f"There is no data set `{name}`.", way_out="plurijudge query 'SELECT id, name FROM dataset'")
    return Dataset(**parsed(row, "dataset"))


def dataset_of_file(store: Store, path: Path) -> Dataset:
    """The data set of a file, by the digest of its content: the same content is the same data set.

    Raises:
        BadInput: if the file cannot be read.
    """
    kind = file_format(path)
    sha = file_digest(path)
    row = {"id": dataset_id(sha), "name": path.name, "path": str(path.resolve()), "format": kind, "digest": sha}
    with plain_errors(store.url), writing(store.engine).begin() as connection:
        connection.execute(insert_once(_DATASET, connection.dialect.name), {**row, "created_at": now()})
        moved = update(_DATASET).where(_DATASET.c.id == row["id"], _DATASET.c.complete == 0)
        connection.execute(moved.values(path=row["path"]))
    return find_dataset(store, row["id"])


def dataset_of_records(store: Store, items: Iterable[Item], *, name: str) -> tuple[Dataset, Iterable[Item]]:
    """A data set for items that come from a program; those of a sequence are the same data set each time."""
    sha = records_digest(items) if isinstance(items, Sequence) else digest(secrets.token_bytes(16))
    row = {"id": dataset_id(sha), "name": name, "path": "", "format": "", "digest": sha, "created_at": now()}
    with plain_errors(store.url), writing(store.engine).begin() as connection:
        connection.execute(insert_once(_DATASET, connection.dialect.name), row)
    return find_dataset(store, row["id"]), items


def records_digest(items: Sequence[Item]) -> str:
    """The digest of items that come from a program."""
    hashed = hashlib.sha256()
    for item in items:
        hashed.update(canonical(item_to_dict(item)).encode() + b"\n")
    return hashed.hexdigest()


def dataset_id(sha: str) -> str:
    """The id of the data set whose content has a digest."""
    return f"d-{sha[:12]}"


def check_file(dataset: Dataset) -> Path:
    """The file that a data set is still to be read from.

    Raises:
        BadInput: if it is gone, or is not what it was.
    """
    path = Path(dataset.path)
    if not path.is_file():
        raise BadInput(
            f"{path} is gone, and {dataset.name} was read only up to line {dataset.lines}.",
            way_out="put the file back, then go on with the run",
        )
    if file_digest(path) != dataset.digest:
        raise BadInput(
            f"{path} has changed since the run began, and was read only up to line {dataset.lines}.",
            way_out="put the former file back, or start a new run with this one: plurijudge judge FILE",
        )
    return path


def scan(path: Path) -> Iterator[Fault]:
    """Every fault of a file of items, nothing stored: what `--strict` asks before anything is judged."""
    seen: dict[str, int] = {}
    for line in read_items(path):
        if line.fault is not None:
            yield line.fault
        elif line.record is not None:
            first = seen.setdefault(line.record.id, line.number)
            if first != line.number:
                yield _duplicate(str(path), line.number, line.record.id, first)


def _duplicate(file: str, number: int, name: str, first: int) -> Fault:
    return Fault(file, number, "id", f"{name!r} was given before, on line {first}")


class Reading:
    """The rest of a data set's file (or of a program's items), stored chunk by chunk and handed on."""

    def __init__(self, dataset: Dataset, lines: Iterator[Line[Item]]) -> None:
        """Begin where the data set has been read to."""
        self.dataset = dataset
        self.new_faults: list[Fault] = []
        self._lines = lines
        self._read_to = dataset.read_to
        self._number = dataset.lines
        self._analysed = False

    @classmethod
    def of_file(cls, dataset: Dataset) -> Reading:
        """Read on in the data set's file.

        Raises:
            BadInput: if it is gone or changed.
        """
        if dataset.complete:
            return cls(dataset, iter(()))
        path = check_file(dataset)
        return cls(dataset, read_items(path, start=dataset.read_to, line=dataset.lines))

    @classmethod
    def of_records(cls, dataset: Dataset, items: Iterable[Item]) -> Reading:
        """Take what a program gives, past what was taken of the same items before."""
        if dataset.complete:
            return cls(dataset, iter(()))
        rest = islice(items, dataset.lines, None) if isinstance(items, Sequence) else items
        return cls(dataset, (Line(n, n, item, None) for n, item in enumerate(rest, dataset.lines + 1)))

    def expected(self) -> int | None:
        """How many items there will be, as far as that can be known without parsing; None where it cannot."""
        if self.dataset.complete or self.dataset.format != "jsonl":
            return self.dataset.items if self.dataset.complete else None
        with Path(self.dataset.path).open("rb") as file:
            if file.read(2) == b"\x1f\x8b":
                return None
            file.seek(0)
            return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))

    def next_chunk(self) -> list[Line[Item]]:
        """Read up to a chunk of lines; an empty list at the end."""
        return list(islice(self._lines, _CHUNK))

    def store_chunk(self, connection: Connection, lines: list[Line[Item]]) -> list[tuple[int, Item]]:
        """Insert a chunk with the place read to, in one transaction; gives the items to judge, each with its line."""
        dataset = self.dataset.id
        faults = [line.fault for line in lines if line.fault is not None]
        named = [line.record.id for line in lines if line.record is not None]
        stored = select(_ITEM.c.id, _ITEM.c.position).where(_ITEM.c.dataset == dataset, _ITEM.c.id.in_(named))
        first: dict[str, int] = {row.id: row.position for row in connection.execute(stored)}
        before = set(first)
        items: list[tuple[int, Item]] = []
        new: list[Item] = []
        rows: list[dict[str, Any]] = []
        for line in lines:
            if line.record is None:
                continue
            at = first.setdefault(line.record.id, line.number)
            if at != line.number:
                faults.append(_duplicate(self.dataset.path or self.dataset.name, line.number, line.record.id, at))
                continue
            items.append((line.number, line.record.model_copy(update={"gold": []})))  # a judge never sees gold
            if line.record.id not in before:
                new.append(line.record)
                rows.append(item_row(line.record, dataset=dataset, position=line.number))
        _insert_all(connection, _ITEM, rows)
        _insert_all(connection, _RESPONSE, [row for item in new for row in response_rows(item, dataset=dataset)])
        _insert_all(
            connection, _LABEL, [label_row(g, dataset=dataset, item=i.id, source="file") for i in new for g in i.gold]
        )
        self._note(connection, lines, len(new), faults)
        if lines and not self._analysed and connection.dialect.name == "postgresql":
            connection.exec_driver_sql("ANALYZE item")  # else its checks of foreign keys scan the table for each row
            self._analysed = True
        return items

    def _note(self, connection: Connection, lines: list[Line[Item]], new: int, faults: list[Fault]) -> None:
        """Write how far the file has been read; no lines means that all of it has."""
        values: dict[str, Any] = {"complete": 1} if not lines else {}
        if lines:
            self._read_to, self._number = lines[-1].end, lines[-1].number
            values = {"read_to": self._read_to, "lines": self._number, "items": _DATASET.c["items"] + new}
        if faults:
            known = {(fault.line, fault.field) for fault in self.new_faults}  # a batch may be written twice
            self.new_faults += [fault for fault in faults if (fault.line, fault.field) not in known]
            told = [asdict(fault) for fault in self.new_faults]
            values["faults"] = canonical((self.dataset.faults + told)[:_KEPT_FAULTS])
            values["set_aside"] = _DATASET.c.set_aside + len(faults)
        if values:
            connection.execute(update(_DATASET).where(_DATASET.c.id == self.dataset.id).values(**values))


def _insert_all(connection: Connection, table: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(insert_once(table, connection.dialect.name), rows)


async def take_in(reading: Reading, writer: Writer, *, stop: asyncio.Event, told: Callable[[int], None]) -> bool:
    """Read a data set to its end into the store; says whether the end was reached.

    Args:
        reading: what is still to be read.
        writer: the process's writer.
        stop: set to end early; what was read is kept, with the place read to.
        told: called with how many items came in, chunk by chunk.
    """
    while not reading.dataset.complete and not stop.is_set():
        lines = await asyncio.to_thread(reading.next_chunk)
        items = await writer.do(lambda connection, chunk=lines: reading.store_chunk(connection, chunk))  # type: ignore[misc]
        told(len(items))
        if not lines:
            return True
    return bool(reading.dataset.complete)


def store_all(store: Store, reading: Reading) -> None:
    """Read a data set to its end without judging it."""
    while True:
        lines = reading.next_chunk()
        with plain_errors(store.url), writing(store.engine).begin() as connection:
            reading.store_chunk(connection, lines)
        if not lines:
            return


def item_pages(
    store: Store, dataset: str, *, with_gold: bool = False, undecided_in: str = "", limit: int | None = None
) -> Iterator[list[tuple[int, Item]]]:
    """The stored items of a data set in the order of its file, page by page, each with its position.

    Args:
        store: where they are.
        dataset: its id.
        with_gold: whether labels come along.
        undecided_in: a run; only items without a decision in it are read, '' for all.
        limit: only items among the first so many of the data set.
    """
    wanted = select(_ITEM).where(_ITEM.c.dataset == dataset)
    if undecided_in:
        made = exists().where(_DECISION.c.run == undecided_in, _DECISION.c.item == _ITEM.c.id)
        wanted = wanted.where(~made)
    if limit is not None:
        first = select(_ITEM.c.position).where(_ITEM.c.dataset == dataset).order_by(_ITEM.c.position).limit(limit)
        wanted = wanted.where(_ITEM.c.position.in_(first))
    after = 0
    while True:
        with plain_errors(store.url), store.engine.connect() as connection:
            page = _read_page(connection, wanted, dataset, after=after, with_gold=with_gold)
        if not page:
            return
        yield page
        after = page[-1][0]


def _read_page(
    connection: Connection, wanted: Select[Any], dataset: str, *, after: int, with_gold: bool
) -> list[tuple[int, Item]]:
    """One page of the items wanted, behind a position."""
    page = wanted.where(_ITEM.c.position > after).order_by(_ITEM.c.position).limit(_CHUNK)
    return _items_of(connection, page, dataset, with_gold=with_gold)


def read_items_where(connection: Connection, dataset: str, *which: ColumnElement[bool]) -> list[tuple[int, Item]]:
    """The stored items of a data set for which the conditions hold, without gold, each with its position."""
    return _items_of(connection, select(_ITEM).where(_ITEM.c.dataset == dataset, *which), dataset, with_gold=False)


def _items_of(connection: Connection, wanted: Select[Any], dataset: str, *, with_gold: bool) -> list[tuple[int, Item]]:
    rows = connection.execute(wanted).mappings().all()
    names = [row["id"] for row in rows]
    responses = _by_item(connection, _RESPONSE, dataset, names, _RESPONSE.c.position)
    labels = _by_item(connection, _LABEL, dataset, names, _LABEL.c.id) if with_gold else {}
    return [(r["position"], item_of(r, responses.get(r["id"], []), labels.get(r["id"]))) for r in rows]


def read_item(store: Store, dataset: str, name: str) -> Item:
    """One stored item with its gold labels.

    Raises:
        NotFound: if the data set has none of that id.
    """
    with plain_errors(store.url), store.engine.connect() as connection:
        row = connection.execute(select(_ITEM).where(_ITEM.c.dataset == dataset, _ITEM.c.id == name)).mappings().first()
        if row is None:
            known = select(_ITEM.c.id).where(_ITEM.c.dataset == dataset).limit(5000)
            names = [str(found) for found in connection.execute(known).scalars()]
            from difflib import get_close_matches

            near = get_close_matches(name, names, n=3, cutoff=0.4) or names[:3]
            there = f"near are {', '.join(near)}" if near else "it holds none"
            raise NotFound(f"There is no item `{name}` in this run; {there}.", way_out="plurijudge show last")
        responses = _by_item(connection, _RESPONSE, dataset, [name], _RESPONSE.c.position)
        labels = _by_item(connection, _LABEL, dataset, [name], _LABEL.c.id)
    return item_of(row, responses.get(name, []), labels.get(name))


def _by_item(connection: Connection, table: Any, dataset: str, names: list[str], order: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    if names:
        wanted = select(table).where(table.c.dataset == dataset, table.c.item.in_(names)).order_by(table.c.item, order)
        for row in connection.execute(wanted).mappings():
            found.setdefault(row["item"], []).append(row)
    return found


async def stream(
    store: Store, reading: Reading, writer: Writer, *, limit: int | None = None
) -> AsyncIterator[tuple[int, Item]]:
    """The items of a data set as a run takes them, with their lines: those stored before, then the rest of its file.

    Args:
        store: where they are.
        reading: what is still to be read.
        writer: the process's writer, so that items are stored in its batches.
        limit: how many items at most.
    """
    left = float("inf") if limit is None else limit
    pages = item_pages(store, reading.dataset.id)
    while left > 0 and (page := await asyncio.to_thread(next, pages, None)) is not None:
        for found in page:
            if left <= 0:
                return
            left -= 1
            yield found
    while left > 0:
        lines = await asyncio.to_thread(reading.next_chunk)
        items = await writer.do(lambda connection, chunk=lines: reading.store_chunk(connection, chunk))  # type: ignore[misc]
        for found in items:
            if left <= 0:
                return
            left -= 1
            yield found
        if not lines:
            return
