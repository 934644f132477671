"""Which grade does a reply give on the line that its prompt asked for, such as `GRADE: C` or `- Coherence: 4`?"""

from __future__ import annotations

import re
from collections.abc import Mapping

from .verdict import ParsedVerdict
from .verdict_fold import fold
from .verdict_noise import is_transport_error
from .verdict_thinking import answer_of

_NUMBER = r"[-+]?\d{1,6}(?:\.\d{1,4})?"


def read_answer_line(
    text: str,
    key: str,
    grades: Mapping[str, float],
    *,
    label: str,
    scale: tuple[float, float] | None = None,
    cut: bool = False,
) -> ParsedVerdict | None:
    r"""Read the last line that begins with a key and holds a grade and nothing more.

    Args:
        text: the reply as it came.
        key: what the line is headed with; its case does not count.
        grades: what words stand for which score; where it is empty a number is read. Case does not count where no
            two words differ by it alone.
        label: under which the score is given.
        scale: the lowest and highest score; None for any.
        cut: whether the reply was cut by the token limit: its last line might then have gone on.

    Returns:
        A score, or `off_scale`; None where no such line stands in the text, or where what came is no judge's word at
        all, so that the parser of free text decides.

    >>> read_answer_line("It holds.\n\nGRADE: C", "GRADE", {"C": 1.0, "I": 0.0}, label="A").scores
    {'A': 1.0}
    """
    folded = fold(text)
    if is_transport_error(folded.text):
        return None
    answer = answer_of(folded.text)
    if answer.cut:
        return None
    words = "|".join(re.escape(word) for word in sorted(grades, key=len, reverse=True)) if grades else _NUMBER
    top = "" if grades or scale is None else rf"(?:\s*/\s*{scale[1]:g})?"
    line = re.compile(
        rf"(?:^|[\n.!?{{,])[\s>#*_`\"'-]*(?P<key>(?i:{re.escape(key)}))[\s*_`\"']*(?:\([^()\n]{{1,20}}\))?\s*[:=]\s*[*_`\"'$(\[]*"
        rf"(?P<said>{words}){top}(?P<rest>[^\n]*)",
        0 if _by_case(grades) else re.IGNORECASE,
    )
    found = [match for match in line.finditer(answer.text) if not _goes_on(match["rest"])]
    if cut:
        found = [match for match in found if "\n" in answer.text[match.end() :]]
    if not found:
        return None
    last = found[-1]
    span = folded.span(last.start("key"), last.end("said"))
    score = _meant(last["said"], grades)
    if scale is not None and not scale[0] <= score <= scale[1]:
        return ParsedVerdict("unparseable", "off_scale", span=span)
    return ParsedVerdict("ok", rule="answer_line", scores={label: score}, span=span)


def _by_case(grades: Mapping[str, float]) -> bool:
    return len({word.casefold() for word in grades}) < len(grades)


def _goes_on(rest: str) -> bool:
    """Whether more than marks and a full stop stands behind the grade: `C or I` is a menu, `4-5` is a range."""
    return re.fullmatch(r"[\s*_`\"'.)\]},;!|]*", rest) is None


def _meant(said: str, grades: Mapping[str, float]) -> float:
    if not grades:
        return float(said)
    if said in grades:
        return grades[said]
    return next(score for word, score in grades.items() if word.casefold() == said.casefold())
