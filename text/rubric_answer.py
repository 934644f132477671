"""Which criteria does a judge's text say are met, if it plainly says so of each?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .verdict import ParsedVerdict
from .verdict_fold import fold
from .verdict_json import documents
from .verdict_noise import is_refusal, is_transport_error
from .verdict_thinking import answer_of

CANNOT = "cannot_assess"
_MET = {"yes": 1.0, "met": 1.0, "true": 1.0, "satisfied": 1.0, "pass": 1.0, "passed": 1.0}
_NOT = {"no": 0.0, "not met": 0.0, "unmet": 0.0, "false": 0.0, "not satisfied": 0.0, "fail": 0.0, "failed": 0.0}
_UNSAID = dict.fromkeys(("cannot assess", "can't assess", "not applicable", "n/a", "unknown", "abstain"))
_WORDS: dict[str, float | None] = {**_MET, **_NOT, **_UNSAID}
_VALUES = ("met", "score", "verdict", "grade", "value", "mark", "answer")
_REASONS = ("rationale", "reason", "reasons", "explanation")
_BROKEN = object()


def parse_criteria(text: str, names: Mapping[str, tuple[float, float]], *, cut: str | None = None) -> ParsedVerdict:
    """Read what a text says of each criterion.

    It is read from the last JSON object that names any of them, `{"criteria": {"name": {"met": true}}}` with or without
    reasons, or shorter forms of it; where there is no JSON, from lines such as `name: yes`. A criterion that is left
    out is left out of `marks`; one that cannot be assessed is None there.

    Args:
        text: the reply as it came.
        names: of each criterion its lowest and highest grade; (0, 1) where it is met or not.
        cut: why the model stopped, where that matters: `length` or `content_filter`.

    Returns:
        `ok` with `marks`, or why there are none: `conflict` where one criterion is given two different marks,
        `off_scale`, `cut`, `refusal`, `transport`, `no_verdict`.
    """
    folded, told_as = fold(text), {fold(name).text: name for name in names}
    names = {plain: names[name] for plain, name in told_as.items()}
    if cut == "content_filter":
        return ParsedVerdict("refused", "refusal")
    if is_transport_error(folded.text):
        return ParsedVerdict("error", "transport")
    answer = answer_of(folded.text)
    nothing = ParsedVerdict("truncated", "cut") if cut or answer.cut else ParsedVerdict("unparseable", "empty")
    if answer.cut or not answer.text.strip():
        return nothing
    read, open_at = documents(answer.text)
    told = [(found, (start, end)) for start, end, value in read if (found := _object(value, names))]
    if told:
        (marks, rationale), span = told[-1]
        return _said(_renamed(marks, told_as), rationale, folded.span(*span))
    if open_at >= 0 and not answer.text[open_at:].rstrip().endswith("}"):
        return ParsedVerdict("truncated", "cut")
    lines, span = _lines(answer.text, names)
    if lines and not cut:
        return _said(_renamed(lines, told_as), "", folded.span(*span))
    if is_refusal(answer.text):
        return ParsedVerdict("refused", "refusal")
    return ParsedVerdict("truncated", "cut") if cut else ParsedVerdict("unparseable", "no_verdict")


def _renamed(marks: dict[str, Any], told_as: Mapping[str, str]) -> dict[str, Any]:
    """The marks by the criteria's own names, which the text was folded with."""
    return {told_as[name]: mark for name, mark in marks.items()}


def _said(marks: dict[str, Any], rationale: str, span: tuple[int, int]) -> ParsedVerdict:
    if any(mark is _BROKEN for mark in marks.values()):
        return ParsedVerdict("unparseable", "off_scale", rationale=rationale, span=span)
    if any(isinstance(mark, set) for mark in marks.values()):
        return ParsedVerdict("unparseable", "conflict", rationale=rationale, span=span)
    return ParsedVerdict("ok", marks=marks, rule="criteria", rationale=rationale, span=span)


def _object(value: Any, names: Mapping[str, tuple[float, float]]) -> tuple[dict[str, Any], str] | None:
    """The marks in one JSON value, and its rationale; None where it names no criterion."""
    if not isinstance(value, dict):
        return None
    rationale = next((value[name] for name in _REASONS if isinstance(value.get(name), str)), "")
    inside = next((value[name] for name in ("criteria", "rubric", "marks") if name in value), value)
    entries: Sequence[tuple[Any, Any]] = ()
    if isinstance(inside, dict):
        entries = tuple(inside.items())
    elif isinstance(inside, list):
        entries = tuple((_named(entry), entry) for entry in inside if isinstance(entry, dict))
    marks: dict[str, Any] = {}
    for name, entry in entries:
        if name in names:
            _keep(marks, name, _mark(entry, *names[name]))
    return (marks, rationale) if marks else None


def _named(entry: Mapping[str, Any]) -> Any:
    return next((entry[key] for key in ("id", "criterion", "name") if key in entry), None)


def _mark(entry: Any, low: float, high: float) -> Any:
    """A grade as it was given, None where it cannot be assessed, or that it is none."""
    if isinstance(entry, dict):
        entry = next((entry[name] for name in _VALUES if name in entry), _BROKEN)
    if isinstance(entry, bool):
        return (high if entry else low) if (low, high) == (0.0, 1.0) else _BROKEN
    if entry is None:
        return None
    if isinstance(entry, (int, float)):
        return float(entry) if low <= entry <= high else _BROKEN
    if isinstance(entry, str):
        return _word(entry, low, high)
    return _BROKEN


def _word(word: str, low: float, high: float) -> Any:
    plain = re.sub(r"[\s_-]+", " ", word.strip().strip(".*\"'`").casefold())
    if plain in _UNSAID:
        return None
    if plain in _WORDS:
        return _WORDS[plain] if (low, high) == (0.0, 1.0) else _BROKEN
    if re.fullmatch(r"-?\d+(\.\d+)?", plain) and low <= float(plain) <= high:
        return float(plain)
    return _BROKEN


def _keep(marks: dict[str, Any], name: str, mark: Any) -> None:
    """A second, different mark for the same criterion is a conflict: it is kept as the set of both."""
    if name in marks and marks[name] != mark:
        mark = {marks[name] if not isinstance(marks[name], set) else "several", mark}
    marks[name] = mark


def _lines(text: str, names: Mapping[str, tuple[float, float]]) -> tuple[dict[str, Any], tuple[int, int]]:
    """The marks in lines of prose, and from where to where those lines reach."""
    marks: dict[str, Any] = {}
    places: list[tuple[int, int]] = []
    for name, scale in names.items():
        pattern = (
            rf"^[\s>*_`#\-\d.()]*{re.escape(name)}[*_`]*\s*[:=]\s*[*_`]*([^\n.;,(]+?)[*_`]*\s*(?:$|[.;,(\u2014–-])"
        )
        for found in re.finditer(pattern, text, re.MULTILINE | re.IGNORECASE):
            mark = _word(found[1], *scale)
            if mark is not _BROKEN:
                _keep(marks, name, mark)
                places.append((found.start() + len(found[0]) - len(found[0].lstrip()), found.end(1)))
    return marks, (min((start for start, _ in places), default=0), max((end for _, end in places), default=0))
