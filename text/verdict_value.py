"""What does a short text say that stands where a verdict is expected: in brackets, in a tag, after `Verdict:`, in JSON?"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .verdict_names import NOUN, M, Names
from .verdict_prose import ABSTAIN, CONFLICT, TIE, Outcome, of_mark, preference

_TIES = frozenset(
    """tie|tied|draw|a tie|a draw|both|neither|equal|equally good|equally bad|same|the same|even|no preference|both are equal|it's a tie|its a tie|
    it is a tie|no winner|both good|both bad|tie (bothbad)|both equal|equivalent|relatively the same|no difference|tie, relatively the same|both equally|
    neither is better|unentschieden|gleichstand|gleichwertig|beide|égalité|egalité|nul|match nul|ex æquo|les deux|empate|ambas|ambos|pareggio|entrambe|entrambi|
    ничья|оба|равны|平局|平手|都好|一样好|同样好|引き分け|同等|互角|تعادل|متساويان|무승부|동점""".replace("\n    ", "").split("|")
)
_ABSTAINS = frozenset(
    """abstain|abstention|abstained|cannot tell|can't tell|cannot decide|can't decide|cannot determine|unsure|undecided|uncertain|unknown|undetermined|
    not sure|i don't know|cannot judge|no decision|no verdict|indeterminate|n/a|unable to decide|unable to determine|enthaltung|unklar|keine entscheidung|
    abstention|indécis|abstención|abstenção|astensione|воздерживаюсь|не знаю|弃权|无法判断|無法判斷|棄権|判断できない|امتناع|لا أعرف|기권|판단 불가""".replace("\n    ", "").split("|")
)
_ORDER = re.compile(rf"({M})(?:\s*(>{{1,3}}|<{{1,3}}|={{1,2}}|~|≈|≻|≺)\s*({M}))+")
_STEP = re.compile(rf"(>{{1,3}}|<{{1,3}}|={{1,2}}|~|≈|≻|≺)\s*({M})")
_EDGE = re.compile(r"^[^\w\ue000-\ue1ff?%]+|[^\w\ue000-\ue1ff?%]+$")  # what stands around a word and is none; a question stays one
_LEAD = re.compile(
    rf"({M})(?:'s? (?:response|answer|output))?(?:\s*$|\s*[.;:!)\]–—\-\n。，]|,(?!\s*(?:{M}|and|or\b))|\s*\((?!{M}\s*[)/,])|\s+(?:because|since|as|due|wins|for)\b)"
)
_IDENTIFIER = re.compile(rf"(?:{NOUN})[_\s-]?([A-Za-z0-9])", re.IGNORECASE)
_OTHER = re.compile(rf"\s*(?:/|,|\||&|\bor\b|\band\b)\s*{M}")


@dataclass(frozen=True, slots=True)
class Score:
    """A number and, where the text gives it, what it is out of."""

    value: float
    out_of: float | None = None


def order_of(marked: str) -> Outcome | None:
    """Read `A > B`, `A >> B`, `A = B`, `B < A`, `C > A > B`."""
    first = _ORDER.fullmatch(marked.strip())
    if first is None:
        return None
    groups: list[list[int]] = [[of_mark(first[1]).index]]
    directions = set()
    for sign, mark in _STEP.findall(marked):
        index = of_mark(mark).index
        if sign in ("=", "==", "~", "≈"):
            groups[-1].append(index)
        else:
            directions.add(sign[0] in ("<", "≺"))
            groups.append([index])
    flat = [index for group in groups for index in group]
    if len(set(flat)) != len(flat) or len(directions) > 1:
        return CONFLICT
    ranking = tuple(tuple(group) for group in (reversed(groups) if True in directions else groups))
    return Outcome("rank", ranking=ranking)


def choice_of(text: str, names: Names) -> Outcome | None:
    """Read a text that should hold a choice and nothing else."""
    plain = text.strip()
    if not plain or len(plain) > 300:
        return None
    word = plain.strip(" \t.!*_`\"'()[]")
    index = names.index(word)
    if index is not None:
        return Outcome("label", index)
    if word.casefold() in _ABSTAINS or word.casefold() in _TIES:
        return ABSTAIN if word.casefold() in _ABSTAINS else TIE
    named = _IDENTIFIER.fullmatch(word)  # model_b, response_2, assistantA
    if named and (index := names.index(named[1])) is not None:
        return Outcome("label", index)
    return marked_choice(names.mark(plain), two=len(names.labels) == 2)


def marked_choice(marked: str, *, two: bool) -> Outcome | None:
    """Read a marked text that should hold a choice and nothing else, or a choice and the reason for it."""
    bare = _EDGE.sub("", marked)
    if len(bare) == 1 and re.fullmatch(M, bare):
        return of_mark(bare)
    word = bare.casefold()
    if word in _TIES or (two and bare in ("C", "A=B")):
        return TIE
    if word in _ABSTAINS:
        return ABSTAIN
    ordered = order_of(bare)
    if ordered:
        return ordered
    said = preference(bare)
    lead = _LEAD.match(bare)
    if lead and not _OTHER.match(bare, lead.end(1)):
        chosen = of_mark(lead[1])
        return CONFLICT if said and said.kind == "label" and said.index != chosen.index and len(bare) < 80 else chosen
    if said:
        return said
    head = re.match(r"[^\W\d_]+(?: [^\W\d_]+)?", word)
    if head and word[head.end() : head.end() + 1] in ("", ".", ",", ";", ":", "-", " ", "\n"):
        first = head.group().split(" ")[0]
        return TIE if first in ("tie", "draw") or head.group() in _TIES else ABSTAIN if first in ("abstain", "abstention") else None
    return None


def is_word(text: str) -> bool:
    """Say whether a text is one of the words for a tie or for no decision, and nothing else."""
    word = text.strip(" \t\n.!;:,-#|()[]{}<>'。！").casefold()
    return word in _TIES or word in _ABSTAINS or text.strip(" .!") in ("C", "A=B") or bool(_ORDER.fullmatch(text.strip()))


def score_of(text: str) -> Score | None:
    """Read a text that should hold one number: `7`, `7/10`, `8.5 out of 10`, `4 stars`, `[[6]]`."""
    found = re.match(
        r"[\s\[({*_`\"':=$\\]*(?:about |around |a |an |text\{)?(?P<n>[-+]?\d{1,6}(?:[.,]\d{1,4})?)(?![\d.]\d)[*_`]*"
        r"(?P<range>\s*(?:-|–|to)\s*\d)?(?:\s*(?:/|out of|von|sur|sobre|de|su|из)\s*(?P<top>\d{1,6}))?(?P<unit>%)?",
        text,
    )
    if found is None or found["range"] or found["unit"]:
        return None
    rest = text[found.end() :].lstrip("*_`\"' ])}")
    if rest[:1].isalpha() and not re.match(r"(?i)(?:stars?|points?|punkte|sterne|because|since|as|for|–|—|分|点|점)", rest):
        return None
    return Score(float(found["n"].replace(",", ".")), float(found["top"]) if found["top"] else None)


