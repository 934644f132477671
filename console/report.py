"""`plurijudge report`: what did a run come to, and what do the analyses that rest on it say?"""

from __future__ import annotations

from typing import Annotated

import typer

from .options import DEFAULT_DB, Db, Json, RunName, examples
from .plain import answer_json, write_out
from .self_judge import kin_of

EXAMPLES = examples("plurijudge report last", "plurijudge report r-20261123-7f3a --html report.html")

_Html = Annotated[str, typer.Option("--html", help="Write the report as one HTML file that needs nothing else.")]


def report(run: RunName = "last", html: _Html = "", db: Db = DEFAULT_DB, as_json: Json = False) -> None:
    """Show a run and every analysis that rests on it, in the terminal or as one HTML file.

    Exit codes: 0 shown, 2 there is no such run, or the file cannot be written.
    """
    from ..reports.of_run import report_of
    from ..store.engine import Store
    from ..store.runs import find_run

    with Store.open(db) as store:
        found = report_of(store, run)
        kin = kin_of(store, find_run(store, found.run))
    if html:
        from ..reports.html import html_of

        write_out(html, html_of(found), what="report", way_out="--html report.html")
    if as_json:
        answer_json({**found.to_dict(), "self_judging": kin})
        return
    if html:
        return
    from ..reports.terminal import heading, line, show_section

    heading(f"run {found.run}")
    for name, value in found.facts.items():
        line(f"{name}: {value}")
    for section in found.sections:
        show_section(section)
    if not found.sections:
        line("No analysis rests on this run yet.")
