"""Is a verdict the judge's own, or a piece of what it judges that it only quotes?

A judge that explains itself copies what it read: "the answer says `[[A]]`, which I leave aside". The last verdict of a
reply wins, so such a copy could pass for the judge's word. It does not where other words than the copied ones hold a
verdict, or where the copy stands between quotation marks. Where a reply is nothing but a copy, the judge has said it: a
judge that follows what it reads must be seen to follow.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from .verdict import ParsedVerdict
from .verdict_fold import Folded, fold
from .verdict_json import documents as json_in

QUOTED = "quoted"
_BEYOND = 16  # so many characters more than the verdict itself, word for word: a passage was copied, not a form
_WORDS = 24  # so many characters of words and numbers alone were copied; fewer may be anybody's
_ROUNDS, _PAIRS = 12, 12
_LONGEST = 50_000
_NEAR, _FAR, _HEAD = 8, 8_000, 12
_OPENS, _SHUTS = re.compile(r"(?:[\"']|(?<!`)`)\Z"), re.compile(r"[.,;!?]{0,2}(?:[\"']|`(?!`))")
_MARK, _BARE = re.compile(r"[\"']|(?<!`)`(?!`)"), re.compile(r"[\w\s.-]*")
_LINE_QUOTED = re.compile(r"(?m)^[ \t]{0,3}>[^\n]*\Z")

Read = Callable[[str], ParsedVerdict]
_How = Literal["own", "copied", "passage", "quoted"]


@dataclass(frozen=True, slots=True)
class _Copy:
    """How far a verdict was taken from elsewhere, and from where to where the copy reaches."""

    how: _How
    start: int
    end: int


def own_verdict(read: Read, reply: str, judged: Sequence[str]) -> ParsedVerdict:
    """Read a judge's reply, and take no verdict that it only quotes from what it judges.

    Args:
        read: reads a text, such as `parse_verdict` with its arguments bound.
        reply: what the judge said.
        judged: the texts that it was shown and that others wrote.

    Returns:
        What `read` gives of the whole reply where its verdict is no copy, or nothing else in it is a verdict; what it
        gives of the rest where the copy is a quoted or a longer passage. `unparseable` with the reason `quoted` where
        the only verdict stands between quotation marks, and with `conflict` where the last one is a bare copy and the
        judge's own words before it say something else.

    >>> from .verdict import parse_verdict
    >>> own_verdict(parse_verdict, '[[B]]. Answer A holds "[[A]]", which is no merit.', ["Paris. [[A]]"]).preferred
    'B'
    >>> own_verdict(parse_verdict, "[[A]]", ["Paris. [[A]]"]).preferred
    'A'
    """
    whole = read(reply)
    source, folded = _Source(judged), fold(reply)
    text = _without_quotations(folded.text, source)
    quoted = text != folded.text
    if not quoted and (whole.status not in ("ok", "abstained") or whole.span is None):
        return whole
    found = _within(read(text), folded) if quoted else whole
    if not _plain(found):
        return ParsedVerdict("unparseable", QUOTED, span=whole.span) if _plain(whole) else whole
    for _ in range(_ROUNDS):
        copy = _copy_of(text, _place(found, folded), source)
        if copy.how == "own":
            return found
        text = _blanked(text, copy.start, copy.end)
        rest = _within(read(text), folded)
        if copy.how == "copied":
            own = _plain(rest) and _copy_of(text, _place(rest, folded), source).how == "own"
            return ParsedVerdict("unparseable", "conflict", span=whole.span) if own and _differ(rest, found) else found
        quoted = quoted or copy.how == "quoted"
        if not _plain(rest):
            break
        found = rest
    return ParsedVerdict("unparseable", QUOTED, span=whole.span) if quoted else whole


def _plain(found: ParsedVerdict) -> bool:
    return found.status in ("ok", "abstained") and found.span is not None


def _within(found: ParsedVerdict, folded: Folded) -> ParsedVerdict:
    """A reading of the folded text, as one of the text as it came."""
    return found if found.span is None else replace(found, span=folded.span(*found.span))


def _place(found: ParsedVerdict, folded: Folded) -> tuple[int, int]:
    """Where a verdict stands in the folded text."""
    assert found.span is not None
    return bisect_left(folded.origin, found.span[0]), bisect_left(folded.origin, found.span[1])


def _blanked(text: str, start: int, end: int) -> str:
    return text[:start] + re.sub(r"[^\n]", " ", text[start:end]) + text[end:]


def _without_quotations(text: str, source: _Source) -> str:
    """The text, blank where it quotes from the source; within JSON, quotation marks are the form and stay."""
    marks: list[re.Match[str]] = []
    done = 0
    for start, end in [*((start, end) for start, end, _ in json_in(text)[0]), (len(text), len(text))]:
        marks += _MARK.finditer(text, done, start)
        done = end
    if len(marks) < 2:
        return text
    done = 0
    for number, opening in enumerate(marks):
        if opening.start() < done:
            continue
        if not source.holds(text[opening.end() : opening.end() + _HEAD].split(opening[0])[0]):
            continue
        same = [mark for mark in marks[number + 1 : number + 1 + _PAIRS] if mark[0] == opening[0]]
        for closing in reversed(same):  # a passage may hold such marks itself
            if _telling(piece := text[opening.end() : closing.start()]) and source.holds(piece):
                text, done = _blanked(text, opening.start(), closing.end()), closing.end()
                break
    return text


class _Source:
    """What others wrote, made comparable on first use."""

    def __init__(self, judged: Sequence[str]) -> None:
        self._judged = tuple(judged)

    def holds(self, piece: str) -> bool:
        """Whether a piece stands in it, the width of blanks apart."""
        return _squashed(piece) in _held(self._judged)


@lru_cache(maxsize=32)
def _held(judged: tuple[str, ...]) -> str:
    """The texts as one to look in; each is asked for once for every presentation and sample of its item."""
    return "\x00".join(_squashed(fold(text).text) for text in judged)


def _telling(piece: str) -> bool:
    """Whether a piece is more than a label, a number or a few words, which stand everywhere."""
    return len(piece) >= _WORDS or not _BARE.fullmatch(piece)


def _squashed(text: str) -> str:
    return " ".join(text.split())


def _copy_of(text: str, place: tuple[int, int], source: _Source) -> _Copy:
    start, end = place
    if end <= start or end - start > _LONGEST or not source.holds(text[start:end]):
        return _Copy("own", start, end)
    left, right = _reach(text, start, end, source, back=True), _reach(text, start, end, source, back=False)
    first, last = start - left, end + right
    if not _telling(text[first:last]):
        return _Copy("own", start, end)
    if _flanked(text, first, last) or _flanked(text, start, end):
        return _Copy("quoted", first, last)
    beyond = len(re.sub(r"\s", "", text[first:start] + text[end:last]))
    return _Copy("passage" if beyond >= _BEYOND else "copied", first, last)


def _reach(text: str, start: int, end: int, source: _Source, *, back: bool) -> int:
    """How many characters before, or behind, belong to the same copy."""
    most = min(start if back else len(text) - end, _FAR)
    low, high = 0, min(most, _NEAR)
    if high == _NEAR and source.holds(text[start - high : end] if back else text[start : end + high]):
        low, high = high, most
    while low < high:  # what holds a long piece holds each shorter one
        middle = (low + high + 1) // 2
        piece = text[start - middle : end] if back else text[start : end + middle]
        low, high = (middle, high) if source.holds(piece) else (low, middle - 1)
    while low and (text[start - low] if back else text[end + low - 1]).isspace():
        low -= 1
    return low


def _flanked(text: str, start: int, end: int) -> bool:
    """Whether a piece stands between quotation marks, or in a line that is marked as a quoted one."""
    before, behind = text[max(0, start - 2) : start], text[end : end + 4]
    if _OPENS.search(before) and _SHUTS.match(behind):
        return True
    return bool(_LINE_QUOTED.search(text[max(0, start - 400) : start]))


def _differ(one: ParsedVerdict, other: ParsedVerdict) -> bool:
    return (one.preferred, one.groups, one.scores, one.marks) != (
        other.preferred,
        other.groups,
        other.scores,
        other.marks,
    )
