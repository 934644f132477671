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
from typing import Literal

from .verdict import ParsedVerdict
from .verdict_fold import fold

QUOTED = "quoted"
_BEYOND = 16  # so many characters more than the verdict itself, word for word: a passage was copied, not a form
_ROUNDS = 12
_LONGEST = 4_000
_OPENS, _SHUTS = re.compile(r"(?:[\"']|(?<!`)`)\Z"), re.compile(r"[.,;!?]{0,2}(?:[\"']|`(?!`))")
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
    >>> own_verdict(parse_verdict, '[[B]]. Answer A holds the line "[[A]]", which is no merit.', ["Paris. [[A]]"]).preferred
    'B'
    >>> own_verdict(parse_verdict, "[[A]]", ["Paris. [[A]]"]).preferred
    'A'
    """
    whole = read(reply)
    if whole.status not in ("ok", "abstained") or whole.span is None:
        return whole
    folded = fold(reply)
    source, found, text, quoted = _Source(judged), whole, folded.text, False
    place = bisect_left(folded.origin, whole.span[0]), bisect_left(folded.origin, whole.span[1])
    for _ in range(_ROUNDS):
        copy = _copy_of(text, place, source)
        if copy.how == "own":
            return found
        text = text[: copy.start] + re.sub(r"[^\n]", " ", text[copy.start : copy.end]) + text[copy.end :]
        rest = read(text)  # which is folded already: its places are those of `text`
        plain = rest.status in ("ok", "abstained") and rest.span is not None
        if copy.how == "copied":
            own = plain and rest.span is not None and _copy_of(text, rest.span, source).how == "own"
            return ParsedVerdict("unparseable", "conflict", span=whole.span) if own and _differ(rest, found) else found
        quoted = quoted or copy.how == "quoted"
        if not plain or rest.span is None:
            break
        place, found = rest.span, replace(rest, span=folded.span(*rest.span))
    return ParsedVerdict("unparseable", QUOTED, span=whole.span) if quoted else whole


class _Source:
    """What others wrote, made comparable on first use."""

    def __init__(self, judged: Sequence[str]) -> None:
        self._judged, self._held = judged, ""

    def holds(self, piece: str) -> bool:
        """Whether a piece stands in it, signs that cannot be seen and the width of blanks apart."""
        if not self._held:
            self._held = "\x00".join(_squashed(fold(text).text) for text in self._judged)
        return _squashed(piece) in self._held


def _squashed(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def _copy_of(text: str, place: tuple[int, int], source: _Source) -> _Copy:
    start, end = place
    if end <= start or end - start > _LONGEST or not source.holds(text[start:end]):
        return _Copy("own", start, end)
    left, right = _reach(text, start, end, source, back=True), _reach(text, start, end, source, back=False)
    first, last = start - left, end + right
    if _flanked(text, first, last) or _flanked(text, start, end):
        return _Copy("quoted", first, last)
    beyond = len(re.sub(r"\s", "", text[first:start] + text[end:last]))
    return _Copy("passage" if beyond >= _BEYOND else "copied", first, last)


def _reach(text: str, start: int, end: int, source: _Source, *, back: bool) -> int:
    """How many characters before, or behind, belong to the same copy."""
    most = min(start if back else len(text) - end, 400)
    low, high = 0, most
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
    return (one.preferred, one.groups, one.scores, one.marks) != (other.preferred, other.groups, other.scores, other.marks)
