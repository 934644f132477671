"""What does a short text say where a verdict is expected: in brackets, in a tag, after `Verdict:`, in JSON?"""

from __future__ import annotations

import re

from .verdict_names import NOUN, WEAK, M, Names
from .verdict_outcome import ABSTAIN, CONFLICT, TIE, Outcome
from .verdict_prose import of_mark, preference

_TIES = frozenset(
    re.split(
        r"[|\n]\s*",
        """tie|tied|draw|a tie|a draw|both|neither|equal|equally good|equally bad|same|the same|even|no preference
both are equal|it's a tie|its a tie|it is a tie|no winner|both good|both bad|tie (bothbad)
tie (both bad)|both equal|equivalent|relatively the same|no difference|both equally
tie, relatively the same|neither is better|unentschieden|gleichstand|gleichwertig|beide|égalité|egalité
nul|match nul|ex æquo|les deux|empate|ambas|ambos|pareggio|entrambe|entrambi|ничья|оба|равны|平局|平手
都好|一样好|同样好|引き分け|同等|互角|تعادل|متساويان|무승부|동점""",
    )
)
_ABSTAINS = frozenset(
    re.split(
        r"[|\n]\s*",
        """abstain|abstention|abstained|cannot tell|can't tell|cannot decide|can't decide|cannot determine|unsure
undecided|uncertain|unknown|undetermined|not sure|i don't know|cannot judge|no decision|no verdict
indeterminate|n/a|unable to decide|unable to determine|enthaltung|unklar|keine entscheidung|indécis
abstención|abstenção|astensione|воздерживаюсь|не знаю|弃权|无法判断|無法判斷|棄権|判断できない|امتناع
لا أعرف|기권|판단 불가""",
    )
)
_ORDER = re.compile(rf"({M})(?:\s*(>{{1,3}}|<{{1,3}}|={{1,2}}|[~≈≻≺])\s*({M}))+")
_STEP = re.compile(rf"(>{{1,3}}|<{{1,3}}|={{1,2}}|[~≈≻≺])\s*({M})")
_LEAD = re.compile(
    rf"({M})(?:'s? (?:response|answer|output))?(?:\s*$|\s*[.;:!)\]–—\-\n。，]|,(?!\s*(?:{M}|and|or\b))|"
    rf"\s*\((?!{M}\s*[)/,])|"
    r"\s+(?:because|since|as|due|wins|for)\b)"
)
_IDENTIFIER = re.compile(rf"(?:{NOUN})[_\s-]?([A-Za-z0-9])", re.IGNORECASE)
_OTHER = re.compile(rf"\s*(?:/|,|\||&|\bor\b|\band\b)\s*{M}")
# What stands around a word and is none; a question stays one, and so does a percentage.
_EDGE = re.compile(r"^[^\w\ue000-\ue1ff?%]+|[^\w\ue000-\ue1ff?%]+$")
_WRAP = " \t\n.!*_`\"'()[]"
_SCORE = re.compile(
    r"[\s\[({*_`\"':=$\\]*(?:about |around |a |an |text\{)?(?P<n>[-+]?\d{1,6}(?:[.,]\d{1,4})?)(?![\d.]\d)[*_`]*"
    r"(?P<range>\s*(?:-|–|to)\s*\d)?(?:\s*(?:/|out of|von|sur|sobre|de|su|из)\s*(?P<top>\d{1,6}))?(?P<unit>%)?"
)
_UNIT = re.compile(r"(?i)(?:stars?|points?|punkte|sterne|because|since|as|for|分|点|점)")


def value_of(text: str, names: Names, protocol: str) -> Outcome | None:
    """Read a text that should hold what the protocol asks for: a number for `score`, else a choice."""
    if protocol != "score":
        return choice_of(text, names)
    score = score_of(text)
    if score:
        return score
    said = choice_of(text, names)
    return said if said and said.kind == "abstain" else None


def order_of(marked: str) -> Outcome | None:
    """Read `A > B`, `A >> B`, `A = B`, `B < A`, `C > A > B`. Each label may stand once, and the signs point one way."""
    first = _ORDER.fullmatch(marked.strip())
    if first is None:
        return None
    groups: list[list[int]] = [[of_mark(first[1]).index]]
    rising = set()
    for sign, mark in _STEP.findall(marked):
        if sign in ("=", "==", "~", "≈"):
            groups[-1].append(of_mark(mark).index)
        else:
            rising.add(sign[0] in "<≺")
            groups.append([of_mark(mark).index])
    flat = [index for group in groups for index in group]
    if len(set(flat)) != len(flat) or len(rising) > 1:
        return CONFLICT
    return Outcome("rank", ranking=tuple(tuple(group) for group in (reversed(groups) if True in rising else groups)))


def choice_of(text: str, names: Names) -> Outcome | None:
    """Read a text that should hold a choice and nothing else, or a choice and its reason."""
    plain = text.strip()
    if not plain or len(plain) > 300:
        return None
    word = plain.strip(_WRAP)
    index = names.index(word)
    if index is None:
        named = _IDENTIFIER.fullmatch(word)  # model_b, response_2, assistantA
        index = names.index(named[1]) if named else None
    if index is not None:
        return Outcome("label", index)
    return said_by_word(word) or marked_choice(names.mark(plain), two=len(names.labels) == 2)


def said_by_word(text: str) -> Outcome | None:
    """Read one of the words for a tie or for no decision."""
    word = _EDGE.sub("", text).casefold()
    return ABSTAIN if word in _ABSTAINS else TIE if word in _TIES or text.strip().casefold() in _TIES else None


def marked_choice(marked: str, *, two: bool) -> Outcome | None:
    """Read a marked text that should hold a choice; with two labels `C` is the tie of prompts that offer A, B and C."""
    bare = _EDGE.sub("", marked)
    if len(bare) == 1 and re.fullmatch(M, bare):
        return of_mark(bare)
    worded = said_by_word(bare) or (TIE if two and bare == "C" else None) or order_of(bare)
    if worded:
        return worded
    said = preference(bare)
    lead = _LEAD.match(bare)
    if lead and not _OTHER.match(bare, lead.end(1)):
        chosen = of_mark(lead[1])
        return CONFLICT if said and said.kind == "label" and said != chosen and len(bare) < 80 else chosen
    return said or _opening_word(bare.casefold())


def _opening_word(text: str) -> Outcome | None:
    """Read `Tie, as both ...` and `abstain: ...`."""
    head = re.match(r"([^\W\d_]+)(?: [^\W\d_]+)?", text)
    if head is None or text[head.end() : head.end() + 1] not in ("", ".", ",", ";", ":", "-", " ", "\n"):
        return None
    if head[1] in ("tie", "draw") or head.group() in _TIES:
        return TIE
    return ABSTAIN if head[1] in ("abstain", "abstention") else None


_NOTED = re.compile(rf"({M})\s*\([^()/,]{{1,14}}[ :'-]")
_TWICE = re.compile(rf"({M})(?:\W{{0,4}}| for )({M})")
_NUMBER = re.compile(r"[-+]?\d{1,4}(?:[.,]\d{1,4})?(?:\s*(?:/|out of)\s*\d{1,4})?(?:\s*(?:stars|points))?")


def whole_line(line: str, names: Names, protocol: str) -> Outcome | None:
    """Read a line that holds a verdict and no sentence; a note in brackets may follow it."""
    plain = line.strip(" \t*_`\"'.#()[]{}|<>!。")
    if protocol == "score":
        return score_of(plain) if _NUMBER.fullmatch(plain) else None
    if re.fullmatch(r"\S{1,12}", plain) and not line.rstrip().endswith("?") and (said := choice_of(plain, names)):
        return said
    marked = names.mark(line).strip(" \t.#()[]{}|<>!'。")
    twice, noted = _TWICE.fullmatch(marked), _NOTED.match(marked)
    if twice and of_mark(twice[1]) == of_mark(twice[2]):  # `2 (B)`
        return of_mark(twice[1])
    if noted:
        return of_mark(noted[1])
    if re.search(M, marked) and re.search("[A-Za-z]", marked):
        return None
    said = marked_choice(marked, two=len(names.labels) == 2)
    return said if said and (said.kind not in ("tie", "abstain") or said_by_word(marked) or len(marked) <= 3) else None


def is_weak(mark: str) -> bool:
    """Say whether a mark stands for a bare label."""
    return ord(mark) >= WEAK


def score_of(text: str) -> Outcome | None:
    """Read a text that should hold one number: `7`, `7/10`, `8.5 out of 10`, `4 stars`, `[[6]]`."""
    found = _SCORE.match(text)
    if found is None or found["range"] or found["unit"]:
        return None
    rest = text[found.end() :].lstrip("*_`\"' ])}")
    if rest[:1].isalpha() and not _UNIT.match(rest):
        return None
    return Outcome(
        "score", score=float(found["n"].replace(",", ".")), out_of=float(found["top"]) if found["top"] else None
    )
