"""Does a text open or end with a bare label, alone on its line or with no more than its reason?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .verdict_names import M, Names
from .verdict_outcome import CONFLICT, Candidate, Outcome, lines_of
from .verdict_prose import of_mark, preference
from .verdict_value import is_weak, marked_choice, whole_line

_ECHO = re.compile(r"^\s*#")
_FENCE = re.compile(r"^\s*```\w*\s*$")
_ITEM = re.compile(r"^\s*(?:[*_]{2})?\d{1,2}[.)]\s")
_FORMULA = re.compile(
    rf"^\W*(?:{M}\s*[:.)\-]\s*)?{M}(?:'s? (?:response|answer|output))? (?:is|was) (?:[a-z]+ ){{0,2}}(?:better|best|"
    rf"the better [a-z]+)\W*$",
    re.IGNORECASE,
)
_LETTERED = re.compile(rf"^\W*(?:[A-Z]|{M})\s*[:.)]\s*(?:neither|both|tie)\b", re.IGNORECASE)
_NUMBERED = re.compile(rf"^\W*({M})\s*[.:)-]\s*({M})(?!\s*[.:)-])")
_OPENING = re.compile(rf"^\W*({M})(?:,? (?:because|since)\b|\s?[:.,] |\s[-–—] )(?!\s*{M}\s*$)")
_SPOKEN_OF = re.compile(rf"(?:^|[.;,] )\W*({M})\s?[:.]")


def bare(text: str, *, names: Names, protocol: str) -> Iterator[Candidate]:
    """Give the first and the last line where they hold a label, a tie or a number and nothing else."""
    lines = [(start, line) for start, line in lines_of(text) if line.strip() and not _FENCE.match(line)]
    ends = dict([lines[0], lines[-1]]) if lines else {}
    short = ((start, line) for start, line in lines if len(line) <= (160 if start in ends else 60))
    said = {start: value for start, line in short if (value := whole_line(line, names, protocol))}
    if not ends.keys() & said.keys():
        return
    headings = {
        said[start]
        for start, line in lines
        if start in said and len(line.strip()) > 3 and not line.lstrip().startswith("[[")
    }
    if len(lines) > 1 and len(headings) > 1:
        return  # over what is said of each response
    if len(lines) == 2 and len(set(said.values())) > 1:
        yield Candidate(CONFLICT, "bare", lines[0][0], lines[1][0] + len(lines[1][1]))
        return
    listed = any(_ITEM.match(line) for _, line in lines)
    for start, line in ends.items():
        echo = _ECHO.match(line) or (len(lines) > 1 and line.rstrip(" *_").endswith(":"))
        cut_item = len(lines) > 1 and listed and line.strip(" .)").isdecimal()
        if start in said and not echo and not cut_item:
            yield Candidate(said[start], "bare", start, start + len(line))


def lead(text: str, *, names: Names) -> Iterator[Candidate]:
    """Give a first line such as `Output (a) is better.`, `A: Feedback 1 is better`, `B, because ...`."""
    for start, line in lines_of(text):
        if line.strip():
            said = _lead(names.mark(line), text[start:], text[start + len(line) :], names) if len(line) <= 160 else None
            if said:
                yield Candidate(said, "lead", start, start + len(line))
            return


def _lead(marked: str, text: str, rest: str, names: Names) -> Outcome | None:
    if _FORMULA.match(marked) and (said := marked_choice(marked, two=len(names.labels) == 2)):
        return said
    said = _numbered(marked, text) or _opening(marked, rest, names)
    return preference(marked) if said is None and _LETTERED.match(marked) else said


def _numbered(marked: str, text: str) -> Outcome | None:
    """Read the label and then the response that it stands for; a list would go on to the other one."""
    found = _NUMBERED.match(marked)
    if (
        found is None
        or of_mark(found[1]) != of_mark(found[2])
        or len(re.findall(r"(?m)^\s*\d{1,2}[.)]", text[:20_000])) > 1
    ):
        return None
    return of_mark(found[1])


def _opening(marked: str, rest: str, names: Names) -> Outcome | None:
    """Read a label and its reason, unless the other label is spoken of in the same way."""
    found = _OPENING.match(marked)
    if found is None or not is_weak(found[1]) or preference(marked[found.end() :]) is not None:
        return None
    following = [marked[found.end() :], *(names.mark(line[:200]) for line in rest.split("\n", 40)[:40])]
    others = {of_mark(other[1]) for line in following for other in _SPOKEN_OF.finditer(line)}
    return of_mark(found[1]) if others <= {of_mark(found[1])} else None
