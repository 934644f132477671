"""What does a person see of a run in a browser? One file that needs nothing else, light or dark, seen or read aloud."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from .of_run import Report
from .sections import Section, Table

_ONE = r"[<>]?[+\-−]?[\d.,]*\d(?: ?%)?"
_NUMBER = re.compile(rf"{_ONE}(?: to {_ONE})?")
_SENTENCE = 24  # characters: what is longer is read as words, and is not squeezed into a column of one word a line
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = """
:root {
  color-scheme: light dark;
  --ink: #1c1c1e; --dim: #5b5b60; --paper: #fff; --line: #d5d5da; --band: #f4f4f6; --link: #0b57a4;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #ececee; --dim: #a9a9b0; --paper: #16181c; --line: #3a3d44; --band: #1f2228; --link: #8ab8f0;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 72rem; padding: 1.5rem 1rem 4rem; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, sans-serif; }
h1 { font-size: 1.6rem; }
h2 { font-size: 1.25rem; margin-top: 2.5rem; border-top: 1px solid var(--line); padding-top: 1.5rem; }
a { color: var(--link); }
a:focus-visible, .scroll:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.skip { position: absolute; left: -100rem; } .skip:focus { position: static; }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: .25rem 0 .5rem; }
caption > span { position: sticky; left: 0; display: inline-block; max-width: min(70rem, 100vw - 2rem); }
th, td { padding: .3rem .7rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
thead th { border-bottom: 2px solid var(--dim); } tbody tr:nth-child(even) { background: var(--band); }
tbody th { font-weight: 500; } td.number { text-align: right; white-space: nowrap; } td.words { min-width: 14rem; }
figure { margin: 1rem 0; overflow-x: auto; } svg { max-width: 100%; min-width: 40rem; height: auto; }
code { background: var(--band); padding: .1rem .3rem; overflow-wrap: anywhere; font-size: .85rem; }
.dim { color: var(--dim); }
@media print { .skip { display: none; } .scroll { overflow: visible; } }
"""


def html_of(report: Report) -> str:
    """A report as one HTML file: no script, no font, no picture from elsewhere; its policy forbids any request.

    Args:
        report: what is said of a run.
    """
    title = f"plurijudge: run {report.run}"
    facts = Table("The run", ("what", "value"), tuple(report.facts.items()))
    names = [(f"part-{number}", section.title) for number, section in enumerate(report.sections, 1)]
    contents = "".join(f'<li><a href="#{name}">{escape(text)}</a></li>' for name, text in names)
    listed = f'<nav aria-label="Parts of this report"><ol>{contents}</ol></nav>' if names else ""
    nothing = "" if names else '<p class="dim">No analysis rests on this run yet.</p>'
    body = [
        '<a class="skip" href="#main">To the report</a>',
        f"<header><h1>{escape(title)}</h1>{listed}</header>",
        '<main id="main">',
        _table(facts),
        nothing,
        *(_section(name, section) for (name, _), section in zip(names, report.sections, strict=True)),
        "</main>",
        f'<footer class="dim"><p>This report again: {_code(report.command)}</p></footer>',
    ]
    head = [
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
    ]
    return "\n".join(
        ["<!DOCTYPE html>", '<html lang="en">', "<head>", *head, "</head>", "<body>", *body, "</body>", "</html>", ""]
    )


def _section(name: str, section: Section) -> str:
    parts = [
        f'<section aria-labelledby="{name}"><h2 id="{name}">{escape(section.title)}</h2>',
        *(f"<p>{escape(note)}</p>" for note in section.notes),
        *(f"<figure>{picture}</figure>" for picture in section.pictures),
    ]
    if section.said:
        parts.append("<ul>" + "".join(f"<li>{escape(said)}</li>" for said in section.said) + "</ul>")
    parts += [_table(table) for table in section.tables]
    parts.append(f'<p class="dim">These figures again: {_code(section.command)}</p></section>')
    return "\n".join(parts)


def _table(table: Table) -> str:
    """A table with a caption, headings that say of what they are, and a frame that scrolls by the keyboard too."""
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in table.columns)
    numbers = [_of_numbers(column) for column in zip(*table.rows, strict=True)]
    rows = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>{"".join(map(_cell, row[1:], numbers[1:]))}</tr>'
        for row in table.rows
    )
    caption = escape(table.caption)
    return (
        f'<div class="scroll" role="region" aria-label="{caption}" tabindex="0"><table>'
        f"<caption><span>{caption}</span></caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _of_numbers(cells: Sequence[str]) -> bool:
    """Whether a column is one of numbers: at least half of what stands in it is."""
    told = [cell for cell in cells if cell]
    return 2 * sum(_NUMBER.fullmatch(cell) is not None for cell in told) >= len(told)


def _cell(text: str, number: bool) -> str:
    if number and _NUMBER.fullmatch(text):
        return f'<td class="number">{escape(text)}</td>'
    return f'<td class="words">{escape(text)}</td>' if len(text) > _SENTENCE else f"<td>{escape(text)}</td>"


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"
