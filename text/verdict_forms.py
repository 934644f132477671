"""Where in a text does a verdict stand by itself: in a tag, a box, a mark, or on a line that is labelled as one?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .verdict_bare import bare, lead
from .verdict_brackets import brackets
from .verdict_languages import CHOICE_KEYS, CHOICE_WORDS, SCORE_KEYS
from .verdict_names import Names
from .verdict_outcome import Candidate, lines_of
from .verdict_value import value_of

_TAG = re.compile(
    r"<(?P<tag>(?:final_?|my_)?(?:answer|verdict|choice|winner|decision|judge?ment|preference|result|score|rating|"
    r"grade|better|preferred|vote|pick))\s*>"
    r"(?P<in>[^<>]{1,300})</(?P=tag)\s*>",
    re.IGNORECASE,
)
_PIPE = re.compile(r"<\|\s*([^|<>\n]{1,30}?)\s*\|>")
_BOXED = re.compile(
    r"\\{1,2}(?:boxed|fbox)\s*\{\s*(?:\\{1,2}(?:text|textbf|mathrm|mathbf)\s*\{\s*)?([^{}\n]{1,60}?)\s*\}"
)
_RESULT = re.compile(
    r"\[(?:RESULT|VERDICT|ANSWER|SCORE)\]\s*(?:\(?\s*(?:Score|Verdict|Answer)\s*:?\s*)?([^\n]{1,60})", re.IGNORECASE
)
_SINGLE = re.compile(r"(?:^|[\s:])\[\s*([^\[\]\n]{1,40}?)\s*\]\s*[.!*_]{0,4}\s*\Z")
_ENCLOSED = (
    ("tag", _TAG, "in"),
    ("boxed", _BOXED, 1),
    ("pipe", _PIPE, 1),
    ("result", _RESULT, 1),
    ("single_bracket", _SINGLE, 1),
)

_OPENS = (
    r"(?:so|thus|therefore|hence|overall|in conclusion|finally|and|based on (?:this|the above|these criteria|"
    r"my (?:analysis|evaluation)))"
)
_BEFORE = rf"(?:{_OPENS}[,:]? )?(?:(?:the|my|our|this|final|overall|definitive|ultimate|a|{CHOICE_WORDS}) ?){{0,4}}"
_WHOM = r"(?: (?:response|answer|output|option|model|assistant|one))?"
_CHOICE_KEY = (
    rf"(?:verdict(?: final)?|winner|choice|reply|response|decision|judge?ment|preference|preferred{_WHOM}|answer|"
    rf"conclusion|result|selection|"
    rf"vote|pick|better{_WHOM}|best{_WHOM}|evaluation result|outcome|overall|{CHOICE_KEYS})"
)
_SCORE_KEY = rf"(?:rating|score|grade|points|mark|total score|total|overall|{SCORE_KEYS})"
_LINK = (
    r"(?:\s*\([^()\n]{1,40}\))?\s*(?:is as follows:?|goes to:?|would be:?|is:?|was:?|ist:?|lautet:?|est:?|es:?|é:?|"
    r"è:?|:|=+>?|-+>|>|是:?|为:?|は:?|"
    r"—|–|-(?= ))\s*"
)
_CHOICE_LINE = re.compile(
    rf"^\s*[^\w\n]{{0,12}}(?:\d{{1,2}}[.)]\s*)?{_BEFORE}(?P<key>{_CHOICE_KEY}){_LINK}(?P<rest>.*)$", re.IGNORECASE
)
_CHOICE_HEAD = re.compile(rf"^[\s#>+\-•\d.]*{_BEFORE}{_CHOICE_KEY}\s*:?\s*$", re.IGNORECASE)
_SCORE_LINE = re.compile(
    rf"^\s*[^\w\n]{{0,12}}(?:.{{0,80}}[.!?] )?{_BEFORE}(?P<key>{_SCORE_KEY}){_LINK}(?P<rest>.*)$", re.IGNORECASE
)
_SCORE_HEAD = re.compile(rf"^[\s#>+\-•\d.]*{_BEFORE}{_SCORE_KEY}\s*:?\s*$", re.IGNORECASE)
# After these a digit is the position of a response; after `Answer:` or `Result:` it may be the task's own result.
_JUDGES = re.compile(r"verdict|winner|choice|decision|judge?ment|prefer|selection|vote|pick|better|best", re.IGNORECASE)
_ORNAMENT = re.compile(r"[*_`]+")


def explicit(text: str, *, names: Names, protocol: str) -> list[Candidate]:
    """List every verdict that stands by itself, in the order of the text."""
    found = [
        *_enclosed(text, names, protocol),
        *brackets(text, names=names, protocol=protocol),
        *_labelled(text, names, protocol),
    ]
    found += bare(text, names=names, protocol=protocol)
    if protocol != "score":
        found += lead(text, names=names)
    return sorted(found, key=lambda candidate: (candidate.start, candidate.end))


def _enclosed(text: str, names: Names, protocol: str) -> Iterator[Candidate]:
    for rule, pattern, group in _ENCLOSED:
        for found in pattern.finditer(text):
            said = value_of(found[group], names, protocol)
            if said and not (rule == "boxed" and _is_sum(found[group], names, protocol)):
                yield Candidate(said, rule, found.start(), found.end())


def _labelled(text: str, names: Names, protocol: str) -> Iterator[Candidate]:
    """Read `Verdict: B`, and a heading `Verdict` with the value on the next line."""
    line_of, head_of = (_SCORE_LINE, _SCORE_HEAD) if protocol == "score" else (_CHOICE_LINE, _CHOICE_HEAD)
    waiting = False
    for start, line in lines_of(text):
        plain = _ORNAMENT.sub("", line[:400])
        if not plain.strip():
            continue
        if waiting and (said := value_of(plain, names, protocol)):
            yield Candidate(said, "headed", start, start + len(line))
        waiting = head_of.match(plain) is not None
        found = None if waiting else line_of.match(plain)
        if found is None or found["rest"].lstrip().startswith(("[[", "<", "{")):
            continue
        if _is_sum(found["rest"], names, protocol) and not _JUDGES.match(found["key"]):
            continue
        if said := value_of(found["rest"], names, protocol):
            yield Candidate(said, "labelled", start, start + len(line))


def _is_sum(text: str, names: Names, protocol: str) -> bool:
    """Whether a digit may be the result of the judged task rather than the position of a response."""
    digit = re.match(r"\W*(\d+)\b", text)
    return protocol != "score" and digit is not None and digit[1] not in names.exact
