"""Does a text end in a sentence that gives its verdict?"""

from __future__ import annotations

import re

from .verdict_languages import CLOSES
from .verdict_names import Names
from .verdict_outcome import Candidate, Outcome, lines_of, sentences_of
from .verdict_prose import preference
from .verdict_value import score_of

HEAD, TAIL = (
    3_000,
    12_000,
)  # a verdict in a sentence opens the text or ends it; what lies between is not searched in a long one
_CONCLUDES = re.compile(
    r"^\W*(?:therefore|thus|hence|overall|in conclusion|to conclude|in summary|in short|to summari[sz]e|in sum|so\b|"
    r"consequently|as a result|"
    r"finally|ultimately|based on|given|considering|for (?:this|these) reasons?|accordingly|all in all|taking|"
    r"in the end|on balance|to sum up|"
    rf"after|all things considered|i |my |the (?:final|better|best|winner|verdict|preferred)|{CLOSES})"
    r"|\b(?:therefore|thus|hence|overall|in conclusion)\b",
    re.IGNORECASE,
)
_ENDED = re.compile(r"[.!?。！)\]\"'*]\s*$")
_SAID = re.compile(
    r"(?:better|best|superior|tie|winner|wins|[\ue000-\ue1ff]|[^\x00-\x7f\ue000-\ue1ff])\s*$"
    r"|\b(?:better|best|superior|winner|wins)\b[^\ue000-\ue1ff,;]{0,60}? (?:because|since|as|due to) (?!\s*$)",
    re.IGNORECASE,
)
_FORMULA = re.compile(
    r"\W*(?:(?:however|still|nevertheless|nonetheless|clearly|yes),? )?[\ue000-\ue1ff] is (?:[a-z]+ ){0,2}better\W*",
    re.IGNORECASE,
)
_SCORE_SAID = re.compile(
    r"\b(?:rated?|scored?|give|giving|award|assign|deserves?|merits|earns?|gets|receives?)\b[^.\n]{0,60}?"
    r"\b(?:(?:a|an)(?: (?:score|rating|grade))?(?: of)?|at|of|as|it|:)\s(?P<n>[*_\[]{0,4}\d[^\n]{0,24})"
    r"|\b(?P<ratio>\d{1,3}(?:\.\d+)?\s*(?:/|out of)\s*\d{1,3})\b",
    re.IGNORECASE,
)


def closing_choice(text: str, names: Names) -> Candidate | None:
    """Find the last sentence that prefers a response and is meant as the verdict.

    Such a sentence says that it concludes, or is the first or the last of the text, or says nothing else than who
    is better.
    """
    sentences = [
        (start, sentence)
        for start, sentence in _sentences(text)
        if sentence.strip(" \t*_#->") and not re.match(r"\s*#", sentence)
    ]
    chosen: Candidate | None = None
    for number, (start, sentence) in enumerate(sentences):
        marked = names.mark(sentence[:1_500])
        said = preference(marked)
        if said is None:
            continue
        last = number == len(sentences) - 1
        rule = _rule(marked, said, first=number == 0, last=last, sole=chosen is None)
        if rule and not (last and _might_go_on(sentence, marked)):
            chosen = Candidate(said, rule, start, start + len(sentence))
    return chosen


def _rule(marked: str, said: Outcome, *, first: bool, last: bool, sole: bool) -> str | None:
    """Name what makes a sentence the verdict, None if nothing does."""
    if concludes(marked):
        return "closing"
    if said.kind == "tie" and not sole:
        return None  # equally good in some respect, after a preference
    if last:
        return "closing"
    if _FORMULA.fullmatch(marked):
        return "statement"
    return "sentence" if first else None


def concludes(sentence: str) -> bool:
    """Say whether a sentence says that it draws the conclusion."""
    return _CONCLUDES.search(sentence) is not None


def _might_go_on(sentence: str, marked: str) -> bool:
    return not _ENDED.search(sentence) and not _SAID.search(marked)


def _sentences(text: str) -> list[tuple[int, str]]:
    if len(text) <= HEAD + TAIL:
        return [(start + inner, sentence) for start, line in lines_of(text) for inner, sentence in sentences_of(line)]
    head, tail = _sentences(text[:HEAD])[:-1], _sentences(text[-TAIL:])[1:]
    return head + [(len(text) - TAIL + start, sentence) for start, sentence in tail]


def closing_score(text: str) -> Candidate | None:
    """Find the last number that a sentence gives as the score."""
    told = list(_SCORE_SAID.finditer(text, max(0, len(text) - TAIL)))
    if not told:
        return None
    found = told[-1]
    score = score_of(found["n"] or found["ratio"])
    return Candidate(score, "sentence", found.start(), found.end()) if score else None
