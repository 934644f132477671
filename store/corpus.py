"""Which texts may judges search? Corpora in the store: passages of documents, and an index of their words.

In a SQLite store the index is an FTS5 table of its own for each corpus, so that what is found in one does not depend on
another. PostgreSQL has no BM25: there the same index is built beside the store, from the same passages, when a corpus
is first searched, and so the same passages are found.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from itertools import islice
from typing import Any, TypeVar

import orjson
from sqlalchemy import Connection, delete, insert, select, update

from ..text.errors import BadInput, NotFound
from ..text.passages import index_words, passages, query_words
from .canonical import canonical
from .documents import Document
from .engine import Store, plain_errors, writing
from .faults import Fault
from .tables import metadata
from .transactions import ask
from .writer import now

T = TypeVar("T")

_CORPUS = metadata.tables["corpus"]
_PASSAGE = metadata.tables["corpus_passage"]
_BATCH = 1000
_LISTED = 100  # files that could not be read and are kept by name
_TITLE_WEIGHT = 2.0


@dataclass(frozen=True, slots=True)
class Corpus:
    """A corpus as it is kept.

    Attributes:
        id: its row.
        name: what it is called.
        source: where its texts were read.
        digest: of all of its passages; equal digests, equal hits.
        documents: how many.
        passages: how many.
        faults: the files or lines that could not be read, at most 100 of them.
        created_at: when it was read.
    """

    id: int
    name: str
    source: str
    digest: str
    documents: int
    passages: int
    faults: tuple[str, ...]
    created_at: str

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, as JSON has them."""
        return {**asdict(self), "faults": [*self.faults]}


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage that was found, and how well it fits: BM25, greater is better."""

    document: str
    position: int
    title: str
    url: str
    published: str
    text: str
    score: float


def corpora(store: Store) -> list[Corpus]:
    """All corpora, by name."""
    wanted = select(_CORPUS).order_by(_CORPUS.c.name)
    return [_corpus(row) for row in ask(store, lambda connection: connection.execute(wanted).mappings().all())]


def find_corpus(store: Store, name: str) -> Corpus:
    """The corpus of a name.

    Raises:
        NotFound: if there is none.
    """
    wanted = select(_CORPUS).where(_CORPUS.c.name == name)
    row = ask(store, lambda connection: connection.execute(wanted).mappings().one_or_none())
    if row is None:
        names = [corpus.name for corpus in corpora(store)]
        near = get_close_matches(name, names, 1) or names[:5]
        way_out = f"one of: {', '.join(near)}" if near else f"plurijudge corpus add FOLDER --name {name}"
        raise NotFound(f"There is no corpus `{name}` in {store.shown}.", way_out=way_out)
    return _corpus(row)


def add_corpus(
    store: Store, name: str, documents: Iterable[Document | Fault], *, source: str = "", replace: bool = False
) -> Corpus:
    """Read documents into a corpus, all in one transaction: it is there whole, or not at all.

    Args:
        store: the store.
        name: what it is called: letters, digits, `_`, `.` and `-`.
        documents: what is read, and what could not be; the latter is kept by name.
        source: where they come from.
        replace: whether a corpus of that name gives way.

    Raises:
        BadInput: if the name does not hold, is taken, or two documents have the same; or if there is no document.
    """
    if not name or not all(sign.isalnum() or sign in "_.-" for sign in name) or len(name) > 100:
        raise BadInput(f"`{name}` is no name of a corpus.", way_out="letters, digits, `_`, `.` and `-`")
    with plain_errors(store.url), writing(store.engine).begin() as connection:
        taken = connection.execute(select(_CORPUS.c.id).where(_CORPUS.c.name == name)).scalar_one_or_none()
        if taken is not None and not replace:
            raise BadInput(f"There is a corpus `{name}` already.", way_out="--replace, or another --name")
        if taken is not None:
            _drop(connection, taken)
        made = connection.execute(insert(_CORPUS).values(name=name, source=source, created_at=now()))
        assert made.inserted_primary_key is not None
        number = int(made.inserted_primary_key[0])
        seen, counted, faults = _fill(connection, number, documents)
        if not seen:
            why = f": {faults[0]}" if faults else ""
            said = f"No document was read from {source or 'what was given'}{why}."
            raise BadInput(said, way_out="name a folder with .txt, .md, .rst, .html or .jsonl files")
        told = {
            "digest": _digest(connection, number),
            "documents": len(seen),
            "passages": counted,
            "faults": canonical([str(fault) for fault in faults[:_LISTED]]),
        }
        connection.execute(update(_CORPUS).where(_CORPUS.c.id == number).values(told))
    return find_corpus(store, name)


def remove_corpus(store: Store, name: str) -> Corpus:
    """Take a corpus out; what was found in it for verdicts stays in their tool calls.

    Raises:
        NotFound: if there is none of that name.
    """
    found = find_corpus(store, name)
    with plain_errors(store.url), writing(store.engine).begin() as connection:
        _drop(connection, found.id)
    return found


class CorpusIndex:
    """The words of a corpus, and where they stand."""

    def __init__(self, store: Store, corpus: Corpus) -> None:
        """Search this corpus of the store."""
        self.corpus = corpus
        self._store = store
        self._beside: sqlite3.Connection | None = None
        self._lock = threading.Lock()

    def search(self, query: str, *, limit: int = 5) -> list[Passage]:
        """The passages that fit best, those that fit equally well in the order of the corpus.

        Args:
            query: words; nothing in it is an operator.
            limit: how many passages at most.
        """
        words = query_words(query)
        if not words:
            return []
        asked = " OR ".join(f'"{word}"{"*" if begins else ""}' for word, begins in words)
        found = dict(self._ranked(asked, limit))
        wanted = select(_PASSAGE).where(_PASSAGE.c.corpus == self.corpus.id, _PASSAGE.c.number.in_([*found]))
        rows = ask(self._store, lambda connection: connection.execute(wanted).mappings().all())
        by_number = {row["number"]: row for row in rows}
        names = ("document", "position", "title", "url", "published", "text")
        return [
            Passage(**{name: by_number[number][name] for name in names}, score=score)
            for number, score in found.items()
            if number in by_number
        ]

    def _ranked(self, asked: str, limit: int) -> list[tuple[int, float]]:
        # greater is better here; FTS5's bm25() gives the negative
        table = _table(self.corpus.id) if self._store.sqlite else "words"
        statement = (
            f"SELECT rowid, -bm25({table}, {_TITLE_WEIGHT}, 1.0) AS score FROM {table} "  # noqa: S608  # a number of ours
            f"WHERE {table} MATCH ? ORDER BY score DESC, rowid LIMIT ?"
        )
        if self._store.sqlite:
            rows = ask(self._store, lambda connection: connection.exec_driver_sql(statement, (asked, limit)).all())
            return [(int(number), float(score)) for number, score in rows]
        with self._lock:
            if self._beside is None:
                self._beside = self._built()
            return self._beside.execute(statement, (asked, limit)).fetchall()

    def _built(self) -> sqlite3.Connection:
        """The index beside a store that has none: in a file that SQLite takes away itself."""
        beside = sqlite3.connect("", check_same_thread=False)
        with contextlib.closing(beside.cursor()) as cursor:
            cursor.execute(_MADE.format(table="words"))
            for rows in _batches(_passages_of(self._store, self.corpus.id)):
                cursor.executemany("INSERT INTO words (rowid, title, text) VALUES (?, ?, ?)", rows)
        beside.commit()
        return beside


_MADE = "CREATE VIRTUAL TABLE {table} USING fts5(title, text, content='', tokenize='unicode61 remove_diacritics 2')"


def _table(number: int) -> str:
    return f"corpus_words_{number}"


def _corpus(row: Any) -> Corpus:
    return Corpus(**{**row, "faults": tuple(orjson.loads(row["faults"]))})


def _drop(connection: Connection, number: int) -> None:
    connection.execute(delete(_PASSAGE).where(_PASSAGE.c.corpus == number))
    connection.execute(delete(_CORPUS).where(_CORPUS.c.id == number))
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS {_table(number)}")


def _fill(
    connection: Connection, number: int, documents: Iterable[Document | Fault]
) -> tuple[set[str], int, list[Fault]]:
    """Write the passages; gives the documents' names, how many passages there are, and what could not be read."""
    indexed = connection.dialect.name == "sqlite"
    if indexed:
        connection.exec_driver_sql(_MADE.format(table=_table(number)))
    seen: set[str] = set()
    faults: list[Fault] = []
    counted = 0
    for rows in _batches(_rows(number, documents, seen, faults)):
        kept = [{**row, "number": counted + n} for n, row in enumerate(rows, 1)]
        connection.execute(insert(_PASSAGE), kept)
        if indexed:
            words = [(row["number"], index_words(row["title"]), index_words(row["text"])) for row in kept]
            statement = f"INSERT INTO {_table(number)} (rowid, title, text) VALUES (?, ?, ?)"  # noqa: S608  # a number
            connection.exec_driver_sql(statement, words)
        counted += len(kept)
    return seen, counted, faults


def _rows(
    number: int, documents: Iterable[Document | Fault], seen: set[str], faults: list[Fault]
) -> Iterator[dict[str, Any]]:
    for document in documents:
        if isinstance(document, Fault):
            faults.append(document)
            continue
        if document.name in seen:
            raise BadInput(f"Two documents are called `{document.name}`.", way_out="give each an `id` of its own")
        seen.add(document.name)
        for position, text in enumerate(passages(document.text)):
            told = {"title": document.title, "url": document.url, "published": document.published, "text": text}
            own = hashlib.sha256(canonical([document.name, position, *told.values()]).encode()).hexdigest()
            yield {"corpus": number, "document": document.name, "position": position, **told, "digest": own}


def _batches(rows: Iterable[T]) -> Iterator[list[T]]:
    left = iter(rows)
    while batch := list(islice(left, _BATCH)):
        yield batch


def _digest(connection: Connection, number: int) -> str:
    """Of the passages in the order of their digests: the same whatever order they were read in."""
    whole = hashlib.sha256()
    wanted = select(_PASSAGE.c.digest).where(_PASSAGE.c.corpus == number).order_by(_PASSAGE.c.digest)
    for digest in connection.execute(wanted).scalars():
        whole.update(digest.encode())
    return whole.hexdigest()


def _passages_of(store: Store, number: int) -> Iterator[tuple[int, str, str]]:
    wanted = select(_PASSAGE.c.number, _PASSAGE.c.title, _PASSAGE.c.text).where(_PASSAGE.c.corpus == number)
    with plain_errors(store.url), store.engine.connect().execution_options(yield_per=_BATCH) as connection:
        for row in connection.execute(wanted.order_by(_PASSAGE.c.number)):
            yield row.number, index_words(row.title), index_words(row.text)
