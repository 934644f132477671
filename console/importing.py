"""`plurijudge import`: items, and judgements recorded elsewhere, into the store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from .options import DEFAULT_DB, Db, Json, examples
from .plain import BAD, answer, answer_json, leave, say

app = typer.Typer(
    help="Bring items and recorded verdicts into the store.",
    epilog=examples("plurijudge import items items.jsonl", "plurijudge import verdicts verdicts.jsonl"),
    rich_markup_mode=None,
    no_args_is_help=True,
)

Strict = Annotated[bool, typer.Option("--strict", help="Refuse the whole file if any line is bad.")]
_SHOWN = 20


@app.command("items", epilog=examples("plurijudge import items items.jsonl"))
def items(
    file: Annotated[Path, typer.Argument(help="JSON lines, CSV or Parquet.")],
    db: Db = DEFAULT_DB,
    strict: Strict = False,
    as_json: Json = False,
) -> None:
    """Store the items of a file without judging them. Exit codes: 0 stored, 2 nothing stored."""
    from ..store.datasets import Reading, dataset_of_file, find_dataset, scan, store_all
    from ..store.engine import Store
    from ..store.faults import Fault
    from ..store.files import file_format
    from ..text.errors import BadInput

    file_format(file)  # what is wrong with the file is said before there is a store
    if strict and (faults := list(scan(file))):
        tell_faults(faults, len(faults))
        raise BadInput(
            f"{file}: {len(faults)} lines cannot be used; nothing was stored.",
            way_out="mend them, or leave out --strict to keep the others",
        )
    with Store.open(db, create=True) as store:
        reading = Reading.of_file(dataset_of_file(store, file))
        store_all(store, reading)
        dataset = find_dataset(store, reading.dataset.id)
    tell_faults([Fault(**fault) for fault in dataset.faults], dataset.set_aside)
    if as_json:
        answer_json(
            {"dataset": dataset.id, "items": dataset.items, "set_aside": dataset.set_aside, "faults": dataset.faults}
        )
    else:
        answer(f"{dataset.items} items stored as data set {dataset.id}, {dataset.set_aside} lines set aside")
    if not dataset.items:
        leave(BAD)


@app.command("verdicts", epilog=examples("plurijudge import verdicts verdicts.jsonl --items items.jsonl"))
def verdicts(
    file: Annotated[Path, typer.Argument(help="JSON lines, CSV or Parquet.")],
    items: Annotated[
        str, typer.Option("--items", help="A file of the items that were judged, or a data set's id.")
    ] = "",
    db: Db = DEFAULT_DB,
    strict: Strict = False,
    as_json: Json = False,
) -> None:
    """Store judgements recorded elsewhere, as a closed run. Exit codes: 0 stored, 2 nothing stored."""
    from ..store.engine import Store
    from ..store.files import file_format
    from ..store.imports import import_verdicts

    file_format(file)
    with Store.open(db, create=True) as store:
        dataset = dataset_named(store, items) if items else None
        made = import_verdicts(store, file, items=dataset, name=file.name, strict=strict)
    _report(made, as_json)


@app.command("llmbar", epilog=examples("plurijudge import llmbar DIR --judge GPT-4 --strategy CoT --out llmbar"))
def llmbar(
    folder: Annotated[Path, typer.Argument(help="The folder with items.jsonl.gz and judgments.jsonl.gz.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Where items.jsonl and verdicts.jsonl are written.")] = Path(
        "llmbar"
    ),
    judge: Annotated[list[str] | None, typer.Option("--judge", help="Only this judge; may be given again.")] = None,
    strategy: Annotated[
        list[str] | None, typer.Option("--strategy", help="Only this strategy; may be given again.")
    ] = None,
    subset: Annotated[list[str] | None, typer.Option("--subset", help="Only this subset; may be given again.")] = None,
    store: Annotated[bool, typer.Option("--store/--no-store", help="Also put both into the store.")] = True,
    db: Db = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """Turn the public LLMBar records into items and recorded verdicts, ready to be replayed.

    Exit codes: 0 written, 2 the folder does not hold them.
    """
    from ..store.llmbar import write_llmbar

    n_items, n_verdicts = write_llmbar(folder, out, judges=judge, strategies=strategy, subsets=subset)
    told: dict[str, Any] = {"items": n_items, "verdicts": n_verdicts, "out": str(out)}
    if store:
        from ..store.engine import Store
        from ..store.imports import import_verdicts

        with Store.open(db, create=True) as opened:
            made = import_verdicts(
                opened, out / "verdicts.jsonl", items=dataset_named(opened, str(out / "items.jsonl")), name="llmbar"
            )
            told |= {"run": made.run, "dataset": made.dataset}
    if as_json:
        answer_json(told)
        return
    answer(f"{n_items} items and {n_verdicts} recorded verdicts written to {out}")
    again = f"{out / 'items.jsonl'} --model 'replay/{out / 'verdicts.jsonl'}?judge=GPT-4/CoT'"
    say(f"judge them again from the recorded texts: plurijudge judge {again}")


def dataset_named(store: Any, name: str) -> str:
    """The data set of a file of items, which is stored first, or one of the store by its id."""
    from ..store.datasets import Reading, dataset_of_file, find_dataset, store_all

    if not Path(name).is_file() and name.startswith("d-"):
        return find_dataset(store, name).id
    reading = Reading.of_file(dataset_of_file(store, Path(name)))
    store_all(store, reading)
    tell_faults(reading.new_faults, len(reading.new_faults))
    return reading.dataset.id


def _report(made: Any, as_json: bool) -> None:
    from dataclasses import asdict

    tell_faults(made.faults, made.set_aside)
    if as_json:
        answer_json(asdict(made))
    else:
        answer(f"{made.kept} of {made.read} verdicts stored as run {made.run}, {made.set_aside} set aside")
    if not made.kept:
        leave(BAD)


def tell_faults(faults: Any, count: int) -> None:
    """Say why lines were set aside: the first few of them, and how many more there are."""
    for fault in list(faults)[:_SHOWN]:
        say(f"set aside: {fault}")
    if count > _SHOWN:
        say(f"... and {count - _SHOWN} more")
