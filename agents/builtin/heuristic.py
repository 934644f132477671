"""What do relevance, arithmetic, structure and length alone say of an answer? A baseline for LLM judges to beat."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction

from ...prompts.exhibit import conversation_text, parts_text
from ...store.canonical import canonical
from ...store.records import TIE, Item, Response
from ..subject import Subject

NOTE = "builtin/heuristic is no LLM: it looks at relevance, arithmetic, structure and length alone."
_NEAR = 0.05
_WORD = re.compile(r"[^\W\d_]{3,}")
_NUMBER = r"-?\d+(?:,\d{3})*(?:\.\d+)?"
_CLAIM = re.compile(rf"(?<![\w.,])({_NUMBER})\s*([-+*/x×÷−])\s*({_NUMBER})\s*=\s*({_NUMBER})(?![\w%])")
_REFUSAL = re.compile(r"\b(?:I\s+(?:cannot|can't|can not|am unable to|won't)|as an AI)\b", re.I)


@dataclass(frozen=True, slots=True)
class Points:
    """What the heuristic counts for and against a response; each in 0..1 but `arithmetic`, which is in -1..0.2."""

    relevance: float
    reference: float
    arithmetic: float
    structure: float
    length: float
    refusal: float

    @property
    def total(self) -> float:
        """The weighted sum; more is better."""
        return (
            1.0 * self.relevance
            + 1.5 * self.reference
            + 1.5 * self.arithmetic
            + 0.4 * self.structure
            + 0.3 * self.length
            - 0.8 * self.refusal
        )

    def words(self) -> str:
        """The points as a person reads them."""
        return (
            f"relevance {self.relevance:.2f}, reference {self.reference:.2f}, arithmetic {self.arithmetic:+.2f}, "
            f"structure {self.structure:.2f}, length {self.length:.2f}, refusal {self.refusal:.2f}"
        )


def answer(subject: Subject) -> str:
    """The heuristic judge's reply as JSON."""
    item, shown = subject.item, subject.key.presentation
    points = [weigh(item, item.response(name)) for name in shown]
    if subject.protocol == "rubric":
        return _marks(subject)
    if len(shown) == 1:
        low, high = subject.scale
        grade = low + (high - low) / (1 + math.exp(-3 * (points[0].total - 0.8)))
        return canonical({"rationale": f"{NOTE} {points[0].words()}.", "score": round(grade, 1)})
    said = "; ".join(f"{label}: {point.words()}" for label, point in zip(subject.labels, points, strict=False))
    if subject.protocol in ("rank", "choice"):
        totals = dict(zip(subject.labels, (-round(point.total, 9) for point in points), strict=True))
        names = dict(zip(subject.labels, shown, strict=True))
        order = sorted(totals, key=lambda label: (totals[label], names[label]))
        told = {"ranking": order} if subject.protocol == "rank" else {"verdict": order[0]}
        return canonical({"rationale": f"{NOTE} {said}.", **told})
    gap = points[0].total - points[1].total
    if subject.ties and abs(gap) < _NEAR:
        verdict = TIE
    else:
        verdict = subject.labels[0] if gap > 0 or (gap == 0 and shown[0] < shown[1]) else subject.labels[1]
    return canonical({"rationale": f"{NOTE} {said}.", "verdict": verdict})


def _marks(subject: Subject) -> str:
    """Of each criterion whether half of its words are in the response: little, and the same each time."""
    words = _words(_text(subject.item.response(subject.key.presentation[0])))
    marks = {}
    for line in subject.rubric:
        met = _share(_words(line.text), words) >= 0.5
        grade = {"met": met} if line.yes_or_no else {"score": line.scale[met]}
        marks[line.id] = {"reason": "half of its words are there" if met else "less than half are there", **grade}
    return canonical({"rationale": f"{NOTE} Of a criterion it looks for the words alone.", "criteria": marks})


def _text(response: Response) -> str:
    return response.text if response.text is not None else parts_text([p.model_dump() for p in response.parts or []])


def weigh(item: Item, response: Response) -> Points:
    """What counts for and against one response, from its text and the item's alone."""
    text = _text(response)
    prompt = (
        item.prompt
        if isinstance(item.prompt, str)
        else conversation_text(
            [
                (m.role, m.content if isinstance(m.content, str) else [p.model_dump() for p in m.content])
                for m in item.prompt
            ]
        )
    )
    words = _words(text)
    return Points(
        relevance=_share(_words(prompt) | _words(item.context or ""), words),
        reference=_share(
            _words(item.reference or "") | set(re.findall(_NUMBER, item.reference or "")),
            words | set(re.findall(_NUMBER, text)),
        ),
        arithmetic=_arithmetic(text),
        structure=_structure(text),
        length=min(1.0, math.log1p(len(text)) / math.log1p(800)),
        refusal=1.0 if _REFUSAL.search(text[:200]) else 0.0,
    )


def _words(text: str) -> set[str]:
    return {word.casefold() for word in _WORD.findall(text)}


def _share(wanted: set[str], present: set[str]) -> float:
    return len(wanted & present) / len(wanted) if wanted else 0.0


def _arithmetic(text: str) -> float:
    """-1 where any written sum is wrong, a little above 0 where there are sums and all are right."""
    claims = _CLAIM.findall(text)
    if not claims:
        return 0.0
    return 0.2 if all(_holds(*claim) for claim in claims) else -1.0


def _holds(left: str, sign: str, right: str, claimed: str) -> bool:
    a, b, c = (Fraction(number.replace(",", "")) for number in (left, right, claimed))
    if sign in "/÷":
        if b == 0:
            return False
        digits = len(claimed.partition(".")[2])
        return abs(a / b - c) <= Fraction(1, 2 * 10**digits)
    value = {"+": a + b, "-": a - b, "−": a - b}.get(sign, a * b)
    return value == c


def _structure(text: str) -> float:
    """Whole sentences, an end, and no line said twice."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return 0.0
    ends = 1.0 if lines[-1][-1] in ".!?。！？؟।`)]}\"'" else 0.0
    fresh = len(set(lines)) / len(lines)
    return 0.5 * ends + 0.5 * fresh
