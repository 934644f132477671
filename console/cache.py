"""`plurijudge cache`: which answers would be reused, and how are they taken out of reuse?"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from ..text.errors import BadInput
from .options import DEFAULT_DB, Db, Json, complete_runs, examples
from .plain import answer, answer_json

if TYPE_CHECKING:
    from ..store.cache import Cached

app = typer.Typer(
    help="Answers that are kept and reused: what they save, and how to let go of them.",
    epilog=examples("plurijudge cache stats", "plurijudge cache prune --older-than 30d --dry-run"),
    rich_markup_mode=None,
    no_args_is_help=True,
)

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@app.command("stats", epilog=examples("plurijudge cache stats", "plurijudge cache stats --json | jq .dollars_saved"))
def stats(db: Db = DEFAULT_DB, as_json: Json = False) -> None:
    """Show, by model, the answers that are kept, how often they served again, and what that saved.

    Exit codes: 0 shown, 2 there is no store.
    """
    from ..store.cache import cache_stats
    from ..store.engine import Store

    with Store.open(db) as store:
        total, models = cache_stats(store)
    if as_json:
        whole = {name: value for name, value in total.to_dict().items() if name != "model"}
        answer_json({**whole, "models": [each.to_dict() for each in models]})
        return
    from ..reports.terminal import plain_table

    names = ["model", "answers", "questions", "MiB", "pruned", "calls saved", "dollars saved"]
    plain_table(names, [_row(each.model, each) for each in models] + [_row("all", total)])


def _row(name: str, kept: Cached) -> tuple[str, ...]:
    saved = "unknown" if kept.dollars_saved is None else f"${kept.dollars_saved:.4f}"
    if kept.hits_without_price and kept.dollars_saved is not None:
        saved += f", {kept.hits_without_price} of unknown price"
    numbers = (kept.answers, kept.keys, f"{kept.bytes / 2**20:.1f}", kept.pruned, kept.hits)
    return (name, *map(str, numbers), saved)


@app.command(
    "prune",
    epilog=examples(
        "plurijudge cache prune --older-than 30d --dry-run", "plurijudge cache prune --model openai/gpt-5-mini"
    ),
)
def prune(
    older_than: Annotated[
        str, typer.Option("--older-than", metavar="AGE", help="Answers older than this: 90m, 12h, 30d, 8w; 0d is all.")
    ] = "",
    model: Annotated[str, typer.Option("--model", help="Answers of this model, as `cache stats` names it.")] = "",
    run: Annotated[
        str, typer.Option("--run", help="Answers that this run paid for.", autocompletion=complete_runs)
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be pruned, and leave it.")] = False,
    db: Db = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """Take answers out of reuse: those that meet every condition given, so that their questions are asked anew.

    Nothing is deleted: verdicts, traces and costs stay as they are. Answers of runs that are open are left alone, as
    those runs need them to go on. Exit codes: 0 done, 2 bad usage, or no such run or model.
    """
    from ..store.cache import prune_cache
    from ..store.engine import Store
    from ..store.runs import find_run

    if not (older_than or model or run):
        raise BadInput(
            "`cache prune` needs to know which answers: --older-than, --model or --run.",
            way_out="plurijudge cache prune --older-than 30d --dry-run",
        )
    age = _age(older_than) if older_than else None
    with Store.open(db) as store:
        found = find_run(store, run).id if run else None
        done = prune_cache(store, older_than=age, model=model or None, run=found, dry_run=dry_run)
    if as_json:
        answer_json({**done.to_dict(), "dry_run": dry_run})
        return
    told = "would be taken" if dry_run else "were taken"
    kept = f"; {done.kept_for_open_runs} stay for runs that are open" if done.kept_for_open_runs else ""
    answer(f"{done.answers} answers {told} out of reuse{kept}")


def _age(said: str) -> timedelta:
    found = re.fullmatch(r"(\d{1,6})([mhdw])", said.strip())
    if found is None:
        raise BadInput(f"`--older-than {said}` is no age.", way_out="--older-than 90m, 12h, 30d or 8w")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})
