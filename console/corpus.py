"""`plurijudge corpus`: which texts may judges search?"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..text.errors import BadInput
from .options import DEFAULT_DB, Db, Json, examples
from .plain import answer, answer_json, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..store.corpus import Corpus

app = typer.Typer(
    help="Texts that judges may search (--tools search:NAME), kept in the store.",
    epilog=examples("plurijudge corpus add handbook/", "plurijudge corpus search handbook 'working days'"),
    rich_markup_mode=None,
    no_args_is_help=True,
)

_Name = Annotated[str, typer.Argument(help="The corpus, as `corpus list` names it.")]
_SHOWN = 10


@app.command("add", epilog=examples("plurijudge corpus add handbook/", "plurijudge corpus add wiki.jsonl --name wiki"))
def add(
    source: Annotated[str, typer.Argument(help="A folder of texts, or one file; JSON lines hold a document each.")],
    name: Annotated[str, typer.Option("--name", help="What it is called; the folder's own name if not given.")] = "",
    replace: Annotated[bool, typer.Option("--replace", help="Let a corpus of that name give way.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse all if any file or line cannot be read.")] = False,
    db: Db = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """Read texts into the store: .txt, .md, .rst, .html, and .jsonl with `text` and, if known, `id`, `title`, `url`.

    What cannot be read is named and left out. Exit codes: 0 done, 2 nothing could be read, or the name is taken.
    """
    from ..store.corpus import add_corpus
    from ..store.documents import Document, documents_in
    from ..store.engine import Store
    from ..store.faults import Fault

    path = Path(source)
    called = name or re.sub(r"[^\w.-]+", "-", path.resolve().stem if path.is_file() else path.resolve().name)
    counted = 0

    def read() -> Iterator[Document | Fault]:
        nonlocal counted
        for one in documents_in(path):
            if isinstance(one, Fault) and strict:
                raise BadInput(f"{one}.", way_out="mend it, or leave out --strict")
            counted += isinstance(one, Document)
            if counted and not counted % 5000:
                say(f"{counted:,} documents read")
            yield one

    with Store.open(db, create=True) as store:
        made = add_corpus(store, called, read(), source=str(path), replace=replace)
    for fault in made.faults[:_SHOWN]:
        say(f"left out: {fault}")
    if len(made.faults) > _SHOWN:
        say(f"... {len(made.faults)} or more left out; `plurijudge corpus list --json` has them")
    if as_json:
        answer_json(made.to_dict())
    else:
        answer(f"{made.name}: {made.documents:,} documents, {made.passages:,} passages, {made.digest[:12]}")
        answer(f"a judge searches it with --tools search:{made.name}")


@app.command("list", epilog=examples("plurijudge corpus list", "plurijudge corpus list --json"))
def list_corpora(db: Db = DEFAULT_DB, as_json: Json = False) -> None:
    """Show the corpora of the store. Exit codes: 0 shown, 2 there is no store."""
    from ..store.corpus import corpora
    from ..store.engine import Store

    with Store.open(db) as store:
        found = corpora(store)
    if as_json:
        answer_json([corpus.to_dict() for corpus in found])
    elif not found:
        answer("there is no corpus; plurijudge corpus add FOLDER makes one")
    else:
        from ..reports.terminal import plain_table

        plain_table(
            ["name", "documents", "passages", "left out", "digest", "read", "from"], [_row(one) for one in found]
        )


def _row(one: Corpus) -> tuple[str, ...]:
    numbers = (f"{one.documents:,}", f"{one.passages:,}", str(len(one.faults)))
    return (one.name, *numbers, one.digest[:12], one.created_at[:19], one.source)


@app.command("search", epilog=examples("plurijudge corpus search handbook 'working days'"))
def search(
    name: _Name,
    query: Annotated[str, typer.Argument(help="Words; nothing in them is an operator.")],
    limit: Annotated[int, typer.Option("--limit", min=1, max=100, help="Passages at most.")] = 5,
    db: Db = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """Find the passages that fit best, as a judge would. Exit codes: 0 searched, 2 there is no such corpus."""
    from ..store.corpus import CorpusIndex, find_corpus
    from ..store.engine import Store

    with Store.open(db) as store:
        found = CorpusIndex(store, find_corpus(store, name)).search(query, limit=limit)
    if as_json:
        from dataclasses import asdict

        answer_json([asdict(passage) for passage in found])
        return
    if not found:
        answer("nothing was found")
    for rank, passage in enumerate(found, 1):
        title = f" ({passage.title})" if passage.title else ""
        answer(f"{rank}. {passage.document}, passage {passage.position + 1}{title}, {passage.score:.2f}")
        answer(f"   {' '.join(passage.text.split())}")


@app.command("remove", epilog=examples("plurijudge corpus remove handbook"))
def remove(name: _Name, db: Db = DEFAULT_DB) -> None:
    """Take a corpus out of the store; what was found in it for verdicts stays with them.

    Exit codes: 0 done, 2 there is no such corpus.
    """
    from ..store.corpus import remove_corpus
    from ..store.engine import Store

    with Store.open(db) as store:
        gone = remove_corpus(store, name)
    answer(f"{gone.name} was removed: {gone.passages:,} passages")
