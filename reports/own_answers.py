"""What does a person see of judges of their own answers? A matrix, a line for each pair, sentences, a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from .sections import Analysis, Section, Table

Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Pairing:
    """One judge against one opponent: its rows of `dbg_score`.

    Attributes:
        judge: the judge.
        opponent: who wrote the other answers.
        subset: of the items, '' for all.
        lines: the rows by measure; of the DBG without a gold judge the name stands behind a colon.
        warnings: what must be known before the figures are read.
    """

    judge: str
    opponent: str
    subset: str
    lines: Mapping[str, Line]
    warnings: tuple[str, ...] = ()

    def value(self, measure: str, field: str = "estimate") -> float | None:
        """A number of a measure, None where it is unknown or was not measured."""
        found = self.lines.get(measure, {}).get(field)
        return None if found is None else float(found)

    @property
    def headline(self) -> Line:
        """The row that carries the conclusion."""
        return next((line for line in self.lines.values() if line["conclusion"]), {})

    @property
    def conclusion(self) -> str:
        """What is left of it over the matrix."""
        return str(self.headline.get("conclusion") or "unknown")


def pairings(lines: Sequence[Line]) -> list[Pairing]:
    """The rows of an analysis, put together by judge, opponent and subset, in the order in which they were written."""
    found: dict[tuple[str, str, str], dict[str, Line]] = {}
    warned: dict[tuple[str, str, str], list[str]] = {}
    for line in lines:
        key = (line["judge"], line["opponent"], line["subset"])
        if line["measure"] == "warning":
            warned.setdefault(key, []).append(line["reason"])
            continue
        measure = line["measure"] + (f":{line['gold']}" if line["measure"] == "dbg_without" else "")
        found.setdefault(key, {})[measure] = line
    return [Pairing(*key, measures, tuple(warned.get(key, ()))) for key, measures in found.items()]


def section(analysis: Analysis) -> Section:
    """All that is shown of one analysis of self-preference."""
    every = pairings(analysis.lines)
    overall = [one for one in every if not one.subset]
    arm = str(analysis.options.get("arm") or "")
    title = "Do the judges favour their own answers?" + (f" ({arm})" if arm else "")
    said = [sentence for one in overall for sentence in sentences(one)]
    gold = next((str(line["gold"]) for line in analysis.lines if line["measure"] == "dbg"), "")
    notes = [f"Gold: {gold}. Gold is not truth: it is what these judges say."]
    notes += [f"Note: {note}." for note in analysis.options.get("notes") or ()]
    tables = [_matrix(overall)] if len({one.opponent for one in overall}) > 1 else []
    tables += [_rates(every), _biases(every), _checks(overall), _rules(overall)]
    drawn = picture(overall, title=title)
    return Section(
        title, (*notes, *_READING), tuple(tables), (drawn,) if overall else (), tuple(said), analysis.command
    )


_READING = (
    "DBG is the share of prompts on which the judge prefers its own answer, less the share on which gold does.",
    "A judge that errs without regard to who wrote what has a DBG too: the column `author-blind` says which.",
    "EQB compares the judge's own losing answers with losing answers of a third model: it is the figure to go by.",
)


def sentences(one: Pairing) -> list[str]:
    """One pairing in words."""
    own, gold, dbg = one.value("own_win_rate"), one.value("gold_win_rate"), one.lines.get("dbg", {})
    if own is None or gold is None or dbg.get("estimate") is None:
        return [f"{one.judge} against {one.opponent}: nothing can be said ({dbg.get('reason') or 'no verdicts'})."]
    n = dbg["n"]
    told = (
        f"{one.judge} against {one.opponent}, {n} prompts: it prefers its own answer on {_percent(own)},"
        f" gold on {_percent(gold)}: DBG {_signed(dbg)} points{_ends(dbg)}."
    )
    found = [told]
    if "author_blind" in one.lines:
        blind, error = one.lines["author_blind"], one.value("error_on_others")
        rate = "" if error is None else f" that errs on {_percent(error)} of other models' pairs, as it does,"
        found.append(f"A judge{rate} and is blind to authorship would score {_signed(blind)}{_ends(blind)}.")
    else:
        found.append("It judged no pair of other models, so what an author-blind judge would score is not known.")
    coin, flips = one.value("coin_flip"), one.value("flip_rate")
    if coin is not None and flips is not None:
        found.append(
            f"A coin would score {100 * coin:+.2f}; the judge changed its word with the order on {_percent(flips)}."
        )
    if "eqb" in one.lines:
        eqb = one.lines["eqb"]
        votes = one.lines.get("eqb_by_votes", {})
        also = f", weighed by gold's votes {_signed(votes)}" if votes.get("estimate") is not None else ""
        found.append(f"Own losing answers against those of a third model: EQB {_signed(eqb)}{_ends(eqb)}{also}.")
    found += [f"Note: {warning}." for warning in one.warnings]
    p = one.headline.get("p_adjusted")
    found.append(f"Outcome: {one.conclusion}" + ("." if p is None else f" (p {_p(p)} by Holm over the matrix)."))
    return [" ".join(found)]


def _matrix(overall: Sequence[Pairing]) -> Table:
    """Judges in rows, opponents in columns."""
    judges = list(dict.fromkeys(one.judge for one in overall))
    met = dict.fromkeys(one.opponent for one in overall)
    opponents = [*(name for name in judges if name in met), *(name for name in met if name not in judges)]
    by = {(one.judge, one.opponent): one for one in overall}
    headline = "EQB" if any("eqb" in one.lines for one in overall) else "DBG"

    def told(one: Pairing | None) -> str:
        if one is None:
            return ""
        row = one.headline
        mark = {"favours its own": " own", "favours the other": " other", "noise": " noise"}.get(one.conclusion, "")
        return f"{_signed(row)}{mark}"

    return Table(
        f"Matrix: {headline} in points of each judge (row) against each opponent (column); `own`: it favours its own",
        ("judge", *opponents),
        tuple((judge, *(told(by.get((judge, name))) for name in opponents)) for judge in judges),
    )


def _rates(every: Sequence[Pairing]) -> Table:
    rows = []
    for one in every:
        own, gold = one.lines.get("own_win_rate", {}), one.lines.get("gold_win_rate", {})
        row = (
            *(one.judge, one.opponent, str(one.lines.get("dbg", {}).get("n", 0)), _share(own), _bare(own)),
            *(_share(gold), _bare(gold), _share(one.lines.get("flip_rate", {}))),
        )
        rows.append((*row, one.subset or "all"))
    names = ("judge", "against", "prompts", "judge %", "95 %", "gold %", "95 %", "flips %")
    caption = "How often the judge and gold prefer the judge's own answer"
    return _table(caption, (*names, "subset"), _without_all(rows))


def _biases(every: Sequence[Pairing]) -> Table:
    rows = []
    for one in every:
        dbg, blind, excess, eqb = (one.lines.get(name, {}) for name in ("dbg", "author_blind", "excess", "eqb"))
        error = "" if dbg.get("standard_error") is None else f"{100 * dbg['standard_error']:.1f}"
        p = one.headline.get("p_adjusted")
        row = (
            *(one.judge, one.opponent, _signed(dbg), error, _bare(dbg), _signed(one.lines.get("coin_flip", {}))),
            *(_signed(blind), _bare(blind), _signed(excess), _bare(excess), _signed(eqb), _bare(eqb)),
            *("" if p is None else _p(p), one.conclusion),
        )
        rows.append((*row, one.subset or "all"))
    names = (
        *("judge", "against", "DBG", "s.e.", "95 %", "coin flip", "author-blind", "95 %", "excess", "95 %"),
        *("EQB", "95 %", "p", "outcome"),
    )
    caption = "In points: DBG, what a coin and an author-blind judge would score, DBG beyond that, and EQB"
    return _table(caption, (*names, "subset"), _without_all(rows))


def _checks(every: Sequence[Pairing]) -> Table:
    """What the figures rest on: ties, what is missing, and the judge's word beside gold's."""

    def number(one: Pairing, measure: str) -> str:
        value = one.value(measure)
        return "" if value is None else f"{value:.0f}"

    counts = ("judge_ties", "gold_ties", "verdicts_missing", "votes_missing")
    cells = [f"judge_{mine}_gold_{its}" for mine in ("own", "other") for its in ("own", "other")]

    def mass(one: Pairing, measure: str) -> str:
        value = one.value(measure)
        return "" if value is None or value >= 1 else f"{value:.3f}"  # all of it, as where only letters are told

    rows = [
        (
            *(one.judge, one.opponent, *(number(one, name) for name in (*counts, *cells))),
            *(mass(one, "mass_least"), mass(one, "mass_mean")),
        )
        for one in every
    ]
    names = (
        *("judge", "against", "judge ties", "gold ties", "verdicts missing", "votes missing"),
        *("own, gold own", "own, gold other", "other, gold own", "other, gold other"),
        *("on both letters, least", "mean"),
    )
    return _table("What that rests on, in prompts: ties, what is missing, and judge by gold", names, rows)


def _rules(every: Sequence[Pairing]) -> Table:
    """How far DBG hangs on who gold is and how its votes are counted."""
    rows = []
    for one in every:
        worst, best = one.value("dbg", "worst"), one.value("dbg", "best")
        bounds = "" if worst is None or best is None else f"{100 * worst:+.1f} to {100 * best:+.1f}"
        rules = [_signed(one.lines.get(f"dbg_{rule}", {})) for rule in ("both_presentations", "two_of_three")]
        human = one.lines.get("human_win_rate", {})
        rows.append((one.judge, one.opponent, bounds, *rules, _share(human), _bare(human)))
    names = (
        *("judge", "against", "one gold judge left out", "gold agrees in both orders", "two of three agree"),
        *("gold % by people", "95 %"),
    )
    return _table("DBG in points by other rules for gold, and the gold win rate by people's labels", names, rows)


def _without_all(rows: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Rows that end with their subset; where there is none but all, with nothing."""
    several = len({row[-1] for row in rows}) > 1
    return [row if several else (*row[:-1], "") for row in rows]


def _percent(value: float) -> str:
    return f"{100 * value:.2f} %"


def _share(line: Line) -> str:
    return "" if line.get("estimate") is None else f"{100 * line['estimate']:.2f}"


def _signed(line: Line) -> str:
    if not line:
        return ""
    return "unknown" if line.get("estimate") is None else f"{100 * line['estimate']:+.2f}"


def _table(caption: str, names: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A table without the columns in which nothing stands."""
    kept = [place for place in range(len(names)) if place < 2 or any(row[place] for row in rows)]
    told = tuple(tuple(row[place] for place in kept) for row in rows)
    return Table(caption, tuple(names[place] for place in kept), told)


def _bare(line: Line) -> str:
    if line.get("low") is None or line.get("high") is None:
        return ""
    return f"{100 * line['low']:.1f} to {100 * line['high']:.1f}"


def _ends(line: Line) -> str:
    return f" [{_bare(line)}]" if _bare(line) else ""


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


# The picture.

_LEFT, _RIGHT, _TOP, _STEP, _WIDTH = 300, 230, 92, 34, 980
_STYLE = """
.own-answers text { fill: #222; font: 13px sans-serif; }
.own-answers .dim { fill: #666; font-size: 11px; }
.own-answers .title { font-weight: bold; font-size: 15px; }
.own-answers .paper { fill: #fff; }
.own-answers .axis { stroke: #666; stroke-dasharray: 3; }
.own-answers .judge { stroke: #b00020; fill: #b00020; stroke-width: 2; }
.own-answers .gold { stroke: #8a6d00; fill: #fff; stroke-width: 2; }
.own-answers .blind { stroke: #1f5fa8; fill: none; stroke-width: 2; }
@media (prefers-color-scheme: dark) {
  .own-answers text { fill: #eee; }
  .own-answers .dim { fill: #aaa; }
  .own-answers .paper { fill: #16181c; }
  .own-answers .axis { stroke: #aaa; }
  .own-answers .judge { stroke: #ff8a94; fill: #ff8a94; }
  .own-answers .gold { stroke: #e6c34a; fill: #16181c; }
  .own-answers .blind { stroke: #8ab8f0; }
}
"""  # colours as they are, not as variables: not every viewer of SVG knows those


def picture(every: Sequence[Pairing], *, title: str) -> str:
    """Win rates as SVG: a line for each pairing with the judge's and gold's, and what an author-blind judge would have.

    Shapes and words tell the marks apart, as colour is not for everyone: a disc is the judge, a square is gold, a cross
    is the author-blind judge; the dashed line in the middle is the coin.
    """
    bottom = _TOP + _STEP * len(every)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="own-answers" width="{_WIDTH}" height="{bottom + 46}"'
        f' viewBox="0 0 {_WIDTH} {bottom + 46}" role="img" aria-label="{escape(title)}">',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="paper" width="{_WIDTH}" height="{bottom + 46}"/>',
        f'<text class="title" x="12" y="26">{escape(title)}</text>',
        *_legend(),
    ]
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = _at(share)
        if share == 0.5:
            parts.append(f'<line class="axis" x1="{x:.1f}" y1="{_TOP - 14}" x2="{x:.1f}" y2="{bottom - 8}"/>')
        parts.append(f'<text class="dim" x="{x:.1f}" y="{bottom + 12}" text-anchor="middle">{100 * share:.0f} %</text>')
    middle = _at(0.5)
    said = "how often the judge's own answer is preferred"
    parts.append(f'<text class="dim" x="{middle:.1f}" y="{bottom + 32}" text-anchor="middle">{said}</text>')
    for number, one in enumerate(every):
        parts += _row(one, _TOP + _STEP * number)
    return "\n".join([*parts, "</svg>", ""])


def _legend() -> list[str]:
    y = 52
    return [
        f'<circle class="judge" cx="20" cy="{y}" r="5"/><text x="32" y="{y + 4}">the judge</text>',
        f'<rect class="gold" x="125" y="{y - 5}" width="10" height="10"/><text x="142" y="{y + 4}">gold</text>',
        f'{_cross(210, y)}<text x="222" y="{y + 4}">an author-blind judge with the same errors</text>',
        f'<line class="axis" x1="520" y1="{y - 8}" x2="520" y2="{y + 8}"/><text x="530" y="{y + 4}">a coin</text>',
    ]


def _row(one: Pairing, y: float) -> list[str]:
    name = f"{one.judge} against {one.opponent}"
    whole = f"<title>{escape(name)}</title>"
    parts = [f'<text x="{_LEFT - 14}" y="{y + 4}" text-anchor="end">{escape(_short(name))}{whole}</text>']
    own, gold, blind = one.value("own_win_rate"), one.value("gold_win_rate"), one.value("author_blind")
    if own is None or gold is None:
        return [*parts, f'<text class="dim" x="{_at(0.5) + 8:.1f}" y="{y + 4}">unknown</text>']
    parts += [*_span(one, "gold_win_rate", "gold", y + 6), *_span(one, "own_win_rate", "judge", y - 4)]
    parts.append(f'<rect class="gold" x="{_at(gold) - 5:.1f}" y="{y + 1}" width="10" height="10"/>')
    parts.append(f'<circle class="judge" cx="{_at(own):.1f}" cy="{y - 4}" r="5"/>')
    if blind is not None:
        parts.append(_cross(_at(min(1.0, max(0.0, gold + blind))), y - 4))
    told = f"DBG {_signed(one.lines['dbg'])}" + (f", EQB {_signed(one.lines['eqb'])}" if "eqb" in one.lines else "")
    x = _WIDTH - _RIGHT + 12
    return [
        *parts,
        f'<text class="dim" x="{x}" y="{y - 1}">{escape(told)}</text>',
        f'<text class="dim" x="{x}" y="{y + 13}">{escape(one.conclusion)}</text>',
    ]


def _span(one: Pairing, measure: str, look: str, y: float) -> list[str]:
    low, high = one.value(measure, "low"), one.value(measure, "high")
    if low is None or high is None:
        return []
    return [f'<line class="{look}" x1="{_at(low):.1f}" y1="{y}" x2="{_at(high):.1f}" y2="{y}"/>']


def _cross(x: float, y: float) -> str:
    return f'<path class="blind" d="M{x - 5:.1f} {y - 5}l10 10m0 -10l-10 10"/>'


def _at(share: float) -> float:
    return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)


def _short(name: str, most: int = 42) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"
