"""How do judgements recorded elsewhere become a run of this store?"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from ..text.errors import BadInput, NotFound, NothingToJudge
from .canonical import canonical, digest
from .engine import Store, plain_errors, writing
from .faults import Fault, Line, closest
from .files import file_digest, file_format, read_verdicts
from .records import Verdict
from .rows import unit_columns, verdict_row
from .runs import insert_run, versions
from .tables import metadata
from .writer import insert_once, now

_CHUNK = 1000
_FAULTS_KEPT = 100
_TABLES = metadata.tables
_ITEM, _RESPONSE, _VERDICT = _TABLES["item"], _TABLES["response"], _TABLES["verdict"]
_KEY = ("item", "judge", "persona", "arm", "step", "presentation", "sample")

KeyText = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class ImportedVerdicts:
    """What an import read, kept and set aside.

    Attributes:
        run: the run that now holds the verdicts.
        dataset: the data set that holds their items.
        read: how many lines were read, blank ones not counted.
        kept: how many verdicts were stored.
        set_aside: how many lines were not.
        items: how many items were created without text.
        faults: why lines were set aside, the first hundred.
    """

    run: str
    dataset: str
    read: int
    kept: int
    set_aside: int
    items: int
    faults: tuple[Fault, ...]


def import_verdicts(
    store: Store,
    source: str | os.PathLike[str] | Iterable[Verdict],
    *,
    items: str | None = None,
    name: str = "",
    strict: bool = False,
) -> ImportedVerdicts:
    """Store recorded verdicts as a closed run of kind `import`.

    Items that the data set does not hold are created without text, their responses from what was shown. Of verdicts
    with the same key the first is kept. Memory does not grow with the file.

    Args:
        store: where to.
        source: a file of verdicts, or verdicts.
        items: the data set that the verdicts are about; without it one of their own is made.
        name: the name of that data set; without it the file's name.
        strict: store nothing if any line is not usable.

    Raises:
        BadInput: if the file cannot be read, or, with `strict`, if a line is not usable.
        NothingToJudge: if no verdict could be kept.
        NotFound: if there is no data set `items`.
    """
    job = _Import(store, strict=strict)
    lines = job.open(source, items=items, name=name)
    with plain_errors(store.url):
        engine = writing(store.engine)
        if strict:
            with engine.begin() as connection:
                for chunk in _chunks(lines):
                    job.add(connection, chunk)
                job.refuse_faults()
                job.close(connection)
        else:
            for chunk in _chunks(lines):
                with engine.begin() as connection:
                    job.add(connection, chunk)
            with engine.begin() as connection:
                job.close(connection)
    return job.told()


def _chunks(lines: Iterator[Line[Verdict]]) -> Iterator[list[Line[Verdict]]]:
    while chunk := list(islice(lines, _CHUNK)):
        yield chunk


def _given(verdicts: Iterable[Verdict]) -> Iterator[Line[Verdict]]:
    for number, verdict in enumerate(verdicts, 1):
        yield Line(number, number, verdict, None)


def _key_of(verdict: Verdict) -> KeyText:
    unit = unit_columns(verdict)
    return tuple(unit[column] for column in _KEY)


@dataclass(slots=True)
class _Known:
    """What the store knows of a chunk's items: per item its responses' models, and which items have no text."""

    models: dict[str, dict[str, str | None]] = field(default_factory=dict)
    textless: set[str] = field(default_factory=set)


class _Import:
    """One import under way: what it has read and kept so far."""

    def __init__(self, store: Store, *, strict: bool) -> None:
        self.store = store
        self.strict = strict
        self.file = "verdicts"
        self.dataset = ""
        self.dataset_row: dict[str, Any] | None = None
        self.run = ""
        self.read = self.kept = self.set_aside = self.items = 0
        self.faults: list[Fault] = []
        self.judges: set[str] = set()

    def open(
        self, source: str | os.PathLike[str] | Iterable[Verdict], *, items: str | None, name: str
    ) -> Iterator[Line[Verdict]]:
        """Begin to read, and settle which data set the items belong to."""
        path = Path(source) if isinstance(source, (str, os.PathLike)) else None
        lines = read_verdicts(path) if path is not None else _given(source)  # type: ignore[arg-type]
        if path is not None:
            self.file = str(path)
        if items is not None:
            self._check_dataset(items)
            self.dataset = items
        elif path is not None:
            found = file_digest(path)
            self.dataset = f"d-{found[:12]}"
            self.dataset_row = {"path": str(path.resolve()), "format": file_format(path), "digest": found}
            self.dataset_row["name"] = name or path.name
        else:
            self.dataset_row = {"name": name or self.file}
        return lines

    def _check_dataset(self, name: str) -> None:
        table = _TABLES["dataset"]
        with plain_errors(self.store.url), self.store.engine.connect() as connection:
            names = list(connection.execute(select(table.c.id).order_by(table.c.created_at)).scalars())
        if name not in names:
            near = closest(name, names, cutoff=0.5)
            raise NotFound(
                f"The store {self.store.shown} has no data set `{name}`.",
                way_out=near or (names[-1] if names else "leave it out: the items are then created without text"),
            )

    def add(self, connection: Connection, chunk: list[Line[Verdict]]) -> None:
        """Store a chunk; what cannot be kept becomes a fault."""
        self.read += len(chunk)
        found = [line.fault for line in chunk if line.fault is not None]
        first: dict[KeyText, Line[Verdict]] = {}
        for line in chunk:
            if line.record is not None and first.setdefault(_key_of(line.record), line) is not line:
                found.append(self._twice(line))
        known = self._known(connection, {str(key[0]) for key in first})
        usable: dict[KeyText, Line[Verdict]] = {}
        for key, line in first.items():
            fault = self._stranger(line, known)
            if fault is None:
                usable[key] = line
            else:
                found.append(fault)
        if usable:
            self._begin(connection)
            records = [line.record for line in usable.values() if line.record is not None]
            self._add_items(connection, records, known)
            self._add_judges(connection, records)
            kept = self._add_verdicts(connection, records)
            self.kept += len(kept)
            found += [self._twice(line) for key, line in usable.items() if key not in kept]
        found.sort(key=lambda fault: fault.line)
        self.set_aside += len(found)
        self.faults += found[: _FAULTS_KEPT - len(self.faults)]

    def _twice(self, line: Line[Verdict]) -> Fault:
        return Fault(self.file, line.number, "", "holds a verdict that an earlier line already gave; the first is kept")

    def _known(self, connection: Connection, names: set[str]) -> _Known:
        known = _Known()
        if not self.dataset or not names:
            return known
        mine = _ITEM.c.dataset == self.dataset
        for item, prompt in connection.execute(select(_ITEM.c.id, _ITEM.c.prompt).where(mine, _ITEM.c.id.in_(names))):
            known.models[item] = {}
            if prompt is None:
                known.textless.add(item)
        chosen = (_RESPONSE.c.dataset == self.dataset, _RESPONSE.c.item.in_(known.models))
        columns = (_RESPONSE.c.item, _RESPONSE.c.id, _RESPONSE.c.model)
        for item, response, model in connection.execute(select(*columns).where(*chosen).order_by(_RESPONSE.c.position)):
            known.models[item][response] = model
        return known

    def _stranger(self, line: Line[Verdict], known: _Known) -> Fault | None:
        verdict = line.record
        if verdict is None or verdict.item not in known.models or verdict.item in known.textless:
            return None
        responses = known.models[verdict.item]
        unknown = next((name for name in verdict.presentation if name not in responses), None)
        if unknown is None:
            return None
        those = f"its responses are {', '.join(responses)}"[:150] if responses else "it has no responses"
        reason = f"names {unknown[:60]!r}, which item {verdict.item[:60]!r} does not have; {those}"
        return Fault(self.file, line.number, "presentation", reason)

    def _begin(self, connection: Connection) -> None:
        """Make the run and its data set, once there is a verdict to keep."""
        if self.run:
            return
        if not self.dataset:
            self.dataset = f"d-{digest([self.file, now(), os.urandom(8).hex()])[:12]}"
        if self.dataset_row is not None:
            row = {"id": self.dataset, **self.dataset_row, "complete": 1, "created_at": now()}
            connection.execute(insert_once(_TABLES["dataset"], connection.dialect.name), row)
        plan = canonical({"file": self.file})
        row = {"kind": "import", "dataset": self.dataset, "judge": "", "plan": plan, "versions": canonical(versions())}
        # On PostgreSQL SQLAlchemy says how many rows an insert made only where asked to; `insert_run` counts on it.
        telling = connection.execution_options(preserve_rowcount=True)
        self.run = insert_run(telling, {**row, "status": "open", "faults": "[]"})

    def _add_items(self, connection: Connection, verdicts: list[Verdict], known: _Known) -> None:
        """Create unknown items without text, and give those that have none the responses and models that lines name."""
        new: list[str] = []
        responses: list[dict[str, Any]] = []
        for verdict in verdicts:
            if verdict.item not in known.models:
                known.models[verdict.item] = {}
                known.textless.add(verdict.item)
                new.append(verdict.item)
            if verdict.item not in known.textless:
                continue
            held, models = known.models[verdict.item], verdict.models or {}
            for name in verdict.presentation:
                model = models.get(name)
                if name not in held:
                    responses.append({"item": verdict.item, "id": name, "position": len(held), "model": model})
                    held[name] = model
                elif held[name] is None and model is not None:
                    held[name] = model
                    self._name_model(connection, responses, verdict.item, name, model)
        if new:
            highest = select(func.max(_ITEM.c.position)).where(_ITEM.c.dataset == self.dataset)
            place = connection.execute(highest).scalar()
            place = -1 if place is None else int(place)
            rows = [
                {"dataset": self.dataset, "id": n, "position": place + i, "meta": "{}"} for i, n in enumerate(new, 1)
            ]
            connection.execute(insert(_ITEM), rows)
            self.items += len(new)
        if responses:
            connection.execute(insert(_RESPONSE), [{"dataset": self.dataset, **row} for row in responses])

    def _name_model(
        self, connection: Connection, pending: list[dict[str, Any]], item: str, name: str, model: str
    ) -> None:
        for row in pending:
            if row["item"] == item and row["id"] == name:
                row["model"] = model
                return
        place = (_RESPONSE.c.dataset == self.dataset, _RESPONSE.c.item == item, _RESPONSE.c.id == name)
        connection.execute(update(_RESPONSE).where(*place).values(model=model))

    def _add_judges(self, connection: Connection, verdicts: list[Verdict]) -> None:
        names = {verdict.judge for verdict in verdicts} - self.judges
        if names:
            rows = [{"id": name, "name": name, "description": "{}", "created_at": now()} for name in sorted(names)]
            connection.execute(insert_once(_TABLES["judge"], connection.dialect.name), rows)
            self.judges |= names

    def _add_verdicts(self, connection: Connection, verdicts: list[Verdict]) -> set[KeyText]:
        """Insert the verdicts; the keys of those that were not there."""
        rows = []
        for verdict in verdicts:
            own = verdict if verdict.call is None else verdict.model_copy(update={"call": None})
            rows.append(verdict_row(own, run=self.run, dataset=self.dataset))
        statement = insert_once(_VERDICT, connection.dialect.name).returning(*(_VERDICT.c[column] for column in _KEY))
        return {tuple(row) for row in connection.execute(statement, rows)}

    def refuse_faults(self) -> None:
        """With `strict`, let no transaction stand that lacks a line."""
        if self.set_aside:
            raise BadInput(
                f"{self.set_aside} of {self.read} lines of {self.file} are not usable, so none was stored; the first:"
                f" {self.faults[0]}.",
                way_out="mend them, or leave out --strict to keep the others",
            )

    def close(self, connection: Connection) -> None:
        """Close the run, with what was set aside."""
        if not self.run:
            said = f"; the first fault: {self.faults[0]}" if self.faults else ""
            raise NothingToJudge(
                f"{self.file} holds no verdict that can be stored ({self.read} lines read){said}.",
                way_out="see docs/files.md for the fields of a verdict",
            )
        if self.dataset_row is not None or self.items:
            table = _TABLES["dataset"]
            counted = select(func.count()).select_from(_ITEM).where(_ITEM.c.dataset == self.dataset).scalar_subquery()
            changed: dict[str, Any] = {"items": counted}
            if self.dataset_row is not None:
                changed["lines"] = self.read
            connection.execute(update(table).where(table.c.id == self.dataset).values(**changed))
        table = _TABLES["run"]
        values = {
            "judge": next(iter(self.judges)) if len(self.judges) == 1 else "",
            "status": "closed",
            "set_aside": self.set_aside,
            "faults": canonical([asdict(fault) for fault in self.faults]),
            "closed_at": now(),
        }
        connection.execute(update(table).where(table.c.id == self.run).values(**values))

    def told(self) -> ImportedVerdicts:
        """What there is to say at the end."""
        counts = {"read": self.read, "kept": self.kept, "set_aside": self.set_aside, "items": self.items}
        return ImportedVerdicts(run=self.run, dataset=self.dataset, faults=tuple(self.faults), **counts)
