"""Which double brackets of a text are its verdict, and which only name a response or repeat the instruction?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .verdict_names import Names
from .verdict_outcome import CONFLICT, Candidate, Outcome, lines_of, sentences_of
from .verdict_prose import preference
from .verdict_value import value_of

_BRACKET = re.compile(r"\[\[\s*([^\[\]\n]{1,80}?)\s*\]\]")
_CONDITION = re.compile(r"\s*[*_`'\"]*\s*(?:if|when|means|indicates|=)\b", re.IGNORECASE)
_CONCLUDES = re.compile(
    r"\b(?:therefore|thus|hence|overall|in conclusion|conclude|verdict|final|(?:evaluat|judg|consider|rat)(?:e|"
    r"ing)? (?:this|it) as|answer is|based on)\b",
    re.IGNORECASE,
)
_BLAMES = re.compile(
    r"\b(?:lacks?|fail(?:s|ed)?|worse|weaker|incorrect|wrong|not|neither|inferior|less|misses|missed|however)\b|n't\b",
    re.IGNORECASE,
)
_PASSING = re.compile(
    r"\b(?:than|by|of|to|with|and|or|over|from|in|like|as|versus|vs\.?|that|both|neither|nor|while|between|either|"
    r"for)\s*[*_`'\"(]*$",
    re.IGNORECASE,
)
_STANDS = re.compile(
    r"[\s*_`'\")\]}.!,;:。|>-]*(?:$|\n)|\s*[*_`'\")]*[.!;。](?:\s|$)|\s*\(|\s*[-–—:]\s|\s*[*_`'\"]*\s*(?:for a |"
    r"a )?(?:tie|draw)\b"
)
_ANNOUNCED = re.compile(r"\b(?:verdict|winner|final)\b", re.IGNORECASE)

Inside = list[tuple[re.Match[str], Outcome]]


def brackets(text: str, *, names: Names, protocol: str) -> Iterator[Candidate]:
    """Give the double brackets that stand as a verdict; those inside a sentence count only if the sentence prefers."""
    if "[[" not in text:
        return
    for line_start, line in lines_of(text):
        inside: Inside = [
            (place, said) for place in _BRACKET.finditer(line) if (said := value_of(place[1], names, protocol))
        ]
        listed = [place for place, _ in inside if _CONDITION.match(line, place.end())]
        if not inside or (listed and (len(inside) > 1 or not _CONCLUDES.search(line[: listed[0].start()]))):
            continue  # the menu of the instruction, repeated
        for start, sentence in sentences_of(line):
            held = [(place, said) for place, said in inside if start <= place.start() < start + len(sentence)]
            for found in _sentence(start, sentence, line, held, names) if held else ():
                yield Candidate(found.outcome, found.rule, line_start + found.start, line_start + found.end)


def _sentence(start: int, sentence: str, line: str, held: Inside, names: Names) -> Iterator[Candidate]:
    end = start + len(sentence)
    standing = [
        (place, said)
        for place, said in held
        if _STANDS.match(line, place.end())
        and not _PASSING.search(line[max(start, place.start() - 24) : place.start()])
    ]
    kinds = {said for _, said in held}
    if len(standing) == len(held) or (len(kinds) == 1 and standing):
        for place, said in standing:
            yield Candidate(said, "bracket", place.start(), place.end())
        return
    told = preference(names.mark(sentence))
    if told is None and len(kinds) == 1 and _CONCLUDES.search(sentence) and not _BLAMES.search(sentence):
        told = next(iter(kinds))
    if told:
        yield Candidate(told, "bracket_sentence", start, end)
    elif len(kinds) > 1 and (standing or _ANNOUNCED.search(sentence)):
        yield Candidate(CONFLICT, "bracket", start, end)
