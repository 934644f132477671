"""Which analyses does a report show, and how? Each kind makes a section: sentences, tables, pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Analysis:
    """An analysis as the store has it.

    Attributes:
        id: its number.
        kind: what was looked for.
        runs: that it was read from.
        options: that it was made with.
        command: that makes it again.
        created_at: when.
        lines: the rows of its table, in the order in which they were written.
    """

    id: int
    kind: str
    runs: tuple[str, ...]
    options: Mapping[str, Any]
    command: str
    created_at: str
    lines: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Table:
    """A table as both a terminal and a page show it.

    Attributes:
        caption: what it shows.
        columns: their headings.
        rows: their cells as text, the first of a row its heading.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Section:
    """What a report shows of one analysis.

    Attributes:
        title: the question that it answers.
        notes: what a reader must know before reading on.
        tables: the figures.
        pictures: as SVG.
        said: what the figures say, in sentences.
        command: that makes it again.
    """

    title: str
    notes: tuple[str, ...]
    tables: tuple[Table, ...]
    pictures: tuple[str, ...]
    said: tuple[str, ...]
    command: str


Maker = Callable[[Analysis], Section]


def makers() -> dict[str, Maker]:
    """By the kind of analysis what makes its section; a kind that is not here gets a plain table of its rows.

    A new analysis adds its line here.
    """
    from . import own_answers, profile

    return {"dbg_score": own_answers.section, "factor_influence": profile.section}


def section_of(analysis: Analysis) -> Section:
    """The section of an analysis."""
    return makers().get(analysis.kind, _plain)(analysis)


_FIGURES = frozenset("id analysis estimate standard_error low high level method n left_out reason worst best".split())


def _plain(analysis: Analysis) -> Section:
    """Every row of an analysis as it is: what it is of, the estimate, its interval, what it rests on."""
    named = [
        name
        for name in (analysis.lines[0] if analysis.lines else ())
        if name not in _FIGURES and any(line[name] not in ("", None) for line in analysis.lines)
    ]
    rows = tuple((*(_cell(line[name]) for name in named), *_figures(line)) for line in analysis.lines)
    columns = (*(name.replace("_", " ") for name in named), "estimate", "interval", "n", "left out", "worst", "best")
    title = analysis.kind.replace("_", " ").capitalize()
    return Section(title, (), (Table(title, columns, rows),), (), (), analysis.command)


def _figures(line: Mapping[str, Any]) -> tuple[str, ...]:
    if line["estimate"] is None:
        value, interval = "unknown", line["reason"]
    else:
        value = _cell(line["estimate"])
        both = line["low"] is not None and line["high"] is not None
        interval = f"{_cell(line['low'])} to {_cell(line['high'])}" if both else line["reason"]
    bounds = (_cell(line.get("worst")), _cell(line.get("best")))
    return (value, interval, str(line["n"]), str(line["left_out"]), *bounds)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else str(value)
