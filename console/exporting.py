"""`plurijudge export`: verdicts, decisions, calls and items out of the store, as files."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Literal, cast

import typer

from .options import DEFAULT_DB, Db, complete_runs, examples
from .plain import answer_json, reader_gone, say

if TYPE_CHECKING:
    from ..store.exports import What

app = typer.Typer(
    help="Write verdicts, decisions, calls or items to a file.",
    epilog=examples("plurijudge export decisions --run last --out decisions.csv"),
    rich_markup_mode=None,
    no_args_is_help=True,
)

RunOption = Annotated[str, typer.Option("--run", help="Which run.", autocompletion=complete_runs)]
Out = Annotated[str, typer.Option("--out", "-o", help="The file; `-` is standard output.")]
Format = Annotated[
    Literal["", "jsonl", "csv", "parquet"], typer.Option("--format", help="By default the file's suffix.")
]
Canonical = Annotated[
    bool,
    typer.Option(
        "--canonical",
        help="Sorted by key, without run, times, latency and cost: equal for equal judging. Not for calls.",
    ),
]
SayJson = Annotated[
    bool, typer.Option("--json", help="With --out FILE: what was written, as one JSON document on stdout.")
]


def _command(what: What, help: str, example: str) -> None:
    """Add the command for one kind of rows; the options are the same for all."""

    @app.command(what, help=f"{help} Exit codes: 0 written, 2 bad usage.", epilog=examples(example))
    def write(
        run: RunOption = "last",
        out: Out = "-",
        format: Format = "",
        canonical: Canonical = False,
        db: Db = DEFAULT_DB,
        as_json: SayJson = False,
    ) -> None:
        _export(what, run, out, format, canonical=canonical, db=db, as_json=as_json)


_command(
    "verdicts",
    "Write the verdicts of a run, with the judge's raw text.",
    "plurijudge export verdicts --run last --out verdicts.parquet",
)
_command("decisions", "Write the decisions of a run.", "plurijudge export decisions --run last --out decisions.csv")
_command(
    "calls",
    "Write the calls of a run, as sent and answered; a hit names in `source` whose answer it reused.",
    "plurijudge export calls --run last --out calls.jsonl",
)
_command(
    "items",
    "Write the items of a run's data set with all their labels.",
    "plurijudge export items --run last --out items.jsonl",
)


def _export(what: What, run: str, out: str, format: Any, *, canonical: bool, db: str, as_json: bool) -> None:
    from pathlib import Path

    from ..store.engine import Store
    from ..store.exports import export
    from ..store.runs import find_run
    from ..text.errors import BadInput

    if as_json and out == "-":
        raise BadInput("`--json` and the rows cannot both go to standard output.", way_out=f"--json --out {what}.jsonl")
    suffixes = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet"}
    kind: Any = format or suffixes.get(Path(out).suffix, "" if out != "-" else "jsonl")
    if not kind:
        raise BadInput(f"`--out {out}` has no known suffix.", way_out="--format jsonl, csv or parquet")
    with Store.open(db) as store:
        found = find_run(store, run)
        count = export(
            store,
            what,
            run=found.id,
            dataset=found.dataset,
            format=kind,
            handle=cast("BinaryIO", _Stdout()) if out == "-" else out,
            canonical=canonical,
        )
    if as_json:
        answer_json({"run": found.id, "what": what, "rows": count, "out": out, "format": kind})
    else:
        say(f"{count} {what} of {found.id}" + ("" if out == "-" else f" written to {out}"))


class _Stdout(io.RawIOBase):
    """Standard output for bytes; once its reader has gone, what is written goes nowhere."""

    def writable(self) -> bool:
        return True

    def write(self, block: Any) -> int:
        try:
            sys.stdout.buffer.write(block)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            reader_gone()
        return len(block)
