"""`plurijudge export`: verdicts, decisions and items out of the store, as files."""

from __future__ import annotations

import sys
from typing import Annotated, Any, Literal

import typer

from .options import DEFAULT_DB, Db, complete_runs, examples
from .plain import say

app = typer.Typer(help="Write verdicts, decisions or items to a file.", rich_markup_mode=None, no_args_is_help=True)

RunOption = Annotated[str, typer.Option("--run", help="Which run.", autocompletion=complete_runs)]
Out = Annotated[str, typer.Option("--out", "-o", help="The file; `-` is standard output.")]
Format = Annotated[
    Literal["", "jsonl", "csv", "parquet"], typer.Option("--format", help="By default the file's suffix.")
]
Canonical = Annotated[
    bool,
    typer.Option("--canonical", help="Sorted by key, without run, times, latency and cost: equal for equal judging."),
]


@app.command("verdicts", epilog=examples("plurijudge export verdicts --run last --out verdicts.parquet"))
def verdicts(
    run: RunOption = "last", out: Out = "-", format: Format = "", canonical: Canonical = False, db: Db = DEFAULT_DB
) -> None:
    """Write the verdicts of a run, with the judge's raw text. Exit codes: 0 written, 2 bad usage."""
    _export("verdicts", run, out, format, canonical, db)


@app.command("decisions", epilog=examples("plurijudge export decisions --run last --out decisions.csv"))
def decisions(
    run: RunOption = "last", out: Out = "-", format: Format = "", canonical: Canonical = False, db: Db = DEFAULT_DB
) -> None:
    """Write the decisions of a run. Exit codes: 0 written, 2 bad usage."""
    _export("decisions", run, out, format, canonical, db)


@app.command("items", epilog=examples("plurijudge export items --run last --out items.jsonl"))
def items(run: RunOption = "last", out: Out = "-", format: Format = "", db: Db = DEFAULT_DB) -> None:
    """Write the items of a run's data set with all their labels. Exit codes: 0 written, 2 bad usage."""
    _export("items", run, out, format, False, db)


def _export(what: str, run: str, out: str, format: str, canonical: bool, db: str) -> None:
    from pathlib import Path

    from ..store.engine import Store
    from ..store.exports import export
    from ..store.runs import find_run
    from ..text.errors import BadInput

    suffixes = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet"}
    kind: Any = format or suffixes.get(Path(out).suffix, "" if out != "-" else "jsonl")
    if not kind:
        raise BadInput(f"`--out {out}` has no known suffix.", way_out="--format jsonl, csv or parquet")
    with Store.open(db) as store:
        found = find_run(store, run)
        options: dict[str, Any] = {"run": found.id, "dataset": found.dataset, "format": kind, "canonical": canonical}
        if out == "-":
            count = export(store, what, handle=sys.stdout.buffer, **options)  # type: ignore[arg-type]
            sys.stdout.flush()
        else:
            try:
                with Path(out).open("wb") as handle:
                    count = export(store, what, handle=handle, **options)  # type: ignore[arg-type]
            except OSError as error:
                raise BadInput(f"{out} cannot be written: {error.strerror}.", way_out="--out ANOTHER_FILE") from error
    say(f"{count} {what} of {found.id}" + ("" if out == "-" else f" written to {out}"))
