"""What does a person see of many effects at once? A forest plot: a line each, its interval, and where nothing is."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ..metrics.estimate import Estimate

Line = tuple[str, Estimate, bool | None]
_LEFT, _RIGHT, _TOP, _STEP, _WIDTH = 220, 200, 56, 26, 900


def forest(rows: Sequence[Line], *, title: str, unit: str, scale: float = 100.0) -> str:
    """The picture as SVG; what is found is filled and says so in words, as colour is not for everyone.

    Args:
        rows: name, estimate, and whether it was found (None where that is unknown).
        title: above the picture.
        unit: of the numbers, after `scale`.
        scale: what an estimate is multiplied by.
    """
    known = [value * scale for _, one, _ in rows for value in (one.estimate, one.low, one.high) if value is not None]
    reach = max(5.0, *(abs(value) for value in known)) * 1.08 if known else 5.0
    middle, half = _LEFT + (_WIDTH - _LEFT - _RIGHT) / 2, (_WIDTH - _LEFT - _RIGHT) / 2

    def at(value: float) -> float:
        return middle + value * scale / reach * half

    def drawn_line(x1: float, y1: float, x2: float, y2: float, look: str) -> str:
        return f'<line x1="{x1:.1f}" y1="{y1}" x2="{x2:.1f}" y2="{y2}" {look}/>'

    height = _TOP + _STEP * len(rows) + 48
    bottom = _TOP + _STEP * len(rows)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}"'
        ' font-family="sans-serif" font-size="13" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>',
        f'<text x="12" y="26" font-size="15" font-weight="bold">{escape(title)}</text>',
        drawn_line(middle, _TOP - 12, middle, bottom, 'stroke="#555" stroke-dasharray="3"'),
    ]
    for number, (name, one, found) in enumerate(rows):
        y = _TOP + _STEP * number + 4
        parts.append(f'<text x="{_LEFT - 12}" y="{y + 4}" text-anchor="end">{escape(name)}</text>')
        if one.estimate is None:
            parts.append(f'<text x="{middle + 8:.1f}" y="{y + 4}" fill="#555">unknown: {escape(one.reason)}</text>')
            continue
        ink = "#b00020" if found else "#333"
        if one.low is not None and one.high is not None:
            parts.append(drawn_line(at(one.low), y, at(one.high), y, f'stroke="{ink}" stroke-width="2"'))
        fill = ink if found else "white"
        parts.append(
            f'<circle cx="{at(one.estimate):.1f}" cy="{y}" r="5" fill="{fill}" stroke="{ink}" stroke-width="2"/>'
        )
        told = f"{one.estimate * scale:+.1f}" + ("" if one.low is None or one.high is None else (
            f" [{one.low * scale:+.1f}, {one.high * scale:+.1f}]"
        )) + (" found" if found else "")  # fmt: skip
        parts.append(f'<text x="{_WIDTH - _RIGHT + 8}" y="{y + 4}" font-size="11">{escape(told)}</text>')
    for value in (-reach / 1.08, 0.0, reach / 1.08):
        x, told = middle + value / reach * half, f"{value:+.0f}" if value else "0"
        parts.append(f'<text x="{x:.1f}" y="{bottom + 20}" text-anchor="middle" font-size="11">{told}</text>')
    parts.append(f'<text x="{middle:.1f}" y="{bottom + 38}" text-anchor="middle" font-size="11">{escape(unit)}</text>')
    return "\n".join([*parts, "</svg>", ""])
