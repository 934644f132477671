"""`plurijudge agreement`: how far does a judge agree with gold, and with itself when the order is swapped?"""

from __future__ import annotations

from typing import Annotated

import typer

from ..text.errors import StoreFull
from .options import DEFAULT_DB, Db, Group, Json, RunName, examples
from .plain import BAD, answer_json, leave, say
from .self_judge import kin_of

EXAMPLES = examples("plurijudge agreement last", "plurijudge agreement last --by subset --json")


def agreement(
    run: RunName = "last",
    by: Annotated[
        str, typer.Option("--by", help="A key of `meta`, such as subset: measures for each of its values.")
    ] = "",
    group: Group = "",
    db: Db = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """Measure agreement from a run's recorded verdicts, and keep the result.

    Exit codes: 0 measured, 2 nothing to measure.
    """
    from ..analyses.agreement import agreement as measured, save
    from ..store.engine import Store
    from ..store.runs import find_run

    with Store.open(db) as store:
        found = find_run(store, run)
        kin = kin_of(store, found)
        made = measured(store, found.id, by=by or None, group=group or None)
        options = "".join(f" --{name} {value}" for name, value in (("by", by), ("group", group)) if value)
        command = f"plurijudge agreement {found.id}{options}"
        try:
            number: int | None = save(store, made, command=command)
        except StoreFull as error:  # what a read-only store says can be measured all the same
            number = None
            say(f"note: the analysis is not kept. {error.message}")
    rows = [row.to_dict() for row in made.measures]
    if as_json:
        told = {"run": found.id, "analysis": number, "command": command, "self_judging": kin}
        answer_json({**told, "agreement": rows})
    else:
        from ..reports.terminal import estimates_table

        estimates_table(rows, by=by or None)
        for one in kin:
            say(f"note: {one['said']}")
        say(f"recompute: {command}")
    if all(row["estimate"] is None for row in rows):
        leave(BAD)
