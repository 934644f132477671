"""How do two raters stand side by side? A forest plot with a line a factor and a mark a rater."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

_LEFT, _RIGHT, _TOP, _STEP, _WIDTH = 190, 250, 92, 36, 940
_LOOKS = ("one", "other")
_LONGEST = 50  # characters of a name in the legend
_STYLE = """
.forest-pairs text { fill: #222; font: 13px sans-serif; }
.forest-pairs .dim { fill: #555; font-size: 11px; }
.forest-pairs .title { font-weight: bold; font-size: 15px; }
.forest-pairs .paper { fill: #fff; }
.forest-pairs .axis { stroke: #666; stroke-dasharray: 3; }
.forest-pairs .one { stroke: #b00020; fill: #b00020; stroke-width: 2; }
.forest-pairs .other { stroke: #1f5fa8; fill: #fff; stroke-width: 2; }
@media (prefers-color-scheme: dark) {
  .forest-pairs text { fill: #eee; }
  .forest-pairs .dim { fill: #aaa; }
  .forest-pairs .paper { fill: #16181c; }
  .forest-pairs .axis { stroke: #aaa; }
  .forest-pairs .one { stroke: #ff8a94; fill: #ff8a94; }
  .forest-pairs .other { stroke: #8ab8f0; fill: #16181c; }
}
"""  # colours as they are, not as variables: not every viewer of SVG knows those


class Mark(NamedTuple):
    """One rater's figure.

    Attributes:
        value: the estimate; None where it is unknown.
        low: the lower end of its interval; None where that is unknown.
        high: the upper end.
        reason: why it is unknown.
    """

    value: float | None
    low: float | None
    high: float | None
    reason: str = ""


class Row(NamedTuple):
    """One line of the picture.

    Attributes:
        name: before it.
        marks: one a rater.
    """

    name: str
    marks: tuple[Mark, ...]


def forest_pairs(rows: Sequence[Row], raters: Sequence[str], *, title: str, unit: str) -> str:
    """The picture as SVG. A disc is the first rater, a square the second: colour is not for everyone.

    Args:
        rows: a line each, of marks in the order of the raters.
        raters: one or two names.
        title: above the picture.
        unit: of the numbers, under the axis.
    """
    known = [
        abs(end) for row in rows for mark in row.marks for end in (mark.value, mark.low, mark.high) if end is not None
    ]
    reach = _round_up(max([0.1, *known]))
    bottom = _TOP + _STEP * len(rows)
    height = bottom + 46
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="forest-pairs" width="{_WIDTH}" height="{height}"'
        f' viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(title)}">',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="paper" width="{_WIDTH}" height="{height}"/>',
        f'<text class="title" x="12" y="26">{escape(title)}</text>',
    ]
    x = 20.0
    for look, name in zip(_LOOKS, map(_short, raters), strict=False):
        parts += [_shape(look, x, 52), f'<text x="{x + 12:.1f}" y="56">{escape(name)}</text>']
        x += 44 + 8 * len(name)
    for share in (-1.0, -0.5, 0.0, 0.5, 1.0):
        place = _at(share * reach, reach)
        if share == 0:
            parts.append(f'<line class="axis" x1="{place:.1f}" y1="{_TOP - 18}" x2="{place:.1f}" y2="{bottom - 8}"/>')
        told = f"{share * reach:+.2f}" if share else "0"
        parts.append(f'<text class="dim" x="{place:.1f}" y="{bottom + 12}" text-anchor="middle">{told}</text>')
    parts.append(f'<text class="dim" x="{_WIDTH / 2:.1f}" y="{bottom + 32}" text-anchor="middle">{escape(unit)}</text>')
    for number, row in enumerate(rows):
        parts += _row(row, _TOP + _STEP * number, reach)
    return "\n".join([*parts, "</svg>", ""])


def _row(row: Row, y: float, reach: float) -> list[str]:
    parts = [f'<text x="{_LEFT - 12}" y="{y + 4}" text-anchor="end">{escape(row.name)}</text>']
    told = []
    for number, (look, mark) in enumerate(zip(_LOOKS, row.marks, strict=False)):
        height = y + (number - 0.5) * 12 if len(row.marks) > 1 else y
        if mark.value is None:
            told.append("unknown")
            why = f"unknown: {escape(mark.reason)}"
            parts.append(f'<text class="dim" x="{_at(0, reach) + 6:.1f}" y="{height + 4:.1f}">{why}</text>')
            continue
        if mark.low is not None and mark.high is not None:
            ends = (_at(mark.low, reach), _at(mark.high, reach))
            parts.append(
                f'<line class="{look}" x1="{ends[0]:.1f}" y1="{height:.1f}" x2="{ends[1]:.1f}" y2="{height:.1f}"/>'
            )
        parts.append(_shape(look, _at(mark.value, reach), height))
        between = "" if mark.low is None or mark.high is None else f" [{_two(mark.low)}, {_two(mark.high)}]"
        told.append(f"{_two(mark.value)}{between}")
    for number, text in enumerate(told):
        height = y + (number - 0.5) * 14 + 4 if len(told) > 1 else y + 4
        parts.append(f'<text class="dim" x="{_WIDTH - _RIGHT + 18}" y="{height:.1f}">{escape(text)}</text>')
    return parts


def _two(value: float) -> str:
    """Two digits with a sign, and no sign where they are 0."""
    told = f"{value:+.2f}"
    return told[1:] if told in ("-0.00", "+0.00") else told


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 3]}..."


def _shape(look: str, x: float, y: float) -> str:
    if look == "one":
        return f'<circle class="one" cx="{x:.1f}" cy="{y:.1f}" r="4.5"/>'
    return f'<rect class="other" x="{x - 4.5:.1f}" y="{y - 4.5:.1f}" width="9" height="9"/>'


def _at(value: float, reach: float) -> float:
    half = (_WIDTH - _LEFT - _RIGHT) / 2
    return _LEFT + half + value / reach * half


def _round_up(value: float) -> float:
    """A round number at or above a value."""
    for end in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0):
        if value <= end:
            return end
    return value
