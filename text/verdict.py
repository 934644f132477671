"""Which verdict does a judge's text hold, if it plainly holds one?

The road: fold look-alikes, refuse error pages, set thinking aside, then look for a verdict that stands by itself
(JSON, brackets,
tags, labelled lines, a bare label). The last one wins. Only where there is none is a closing sentence read. What
is not plainly
there is never made up: no default label, no tie, no middle score. `docs/parser.md` lists the forms.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from .verdict_closing import closing_choice, closing_score, concludes
from .verdict_fold import Folded, fold
from .verdict_forms import explicit
from .verdict_json import Found, documents, read_json
from .verdict_names import Names, names_of
from .verdict_noise import is_refusal, is_transport_error
from .verdict_outcome import Candidate, Outcome
from .verdict_thinking import answer_of

Status = Literal["ok", "abstained", "unparseable", "refused", "truncated", "error"]
Protocol = Literal["pairwise", "score", "rank"]

#: Rules that find a verdict which stands by itself.
EXPLICIT_RULES = frozenset(
    {
        "json",
        "tag",
        "bracket",
        "bracket_sentence",
        "boxed",
        "pipe",
        "result",
        "single_bracket",
        "labelled",
        "headed",
        "bare",
        "lead",
    }
)
#: Rules that read a conclusion: a sentence that ends the text, says that it concludes, or says nothing else than
#: who is better.
CONCLUDING_RULES = frozenset({"closing", "statement"})
_CLOSED = frozenset(
    {"json", "bracket", "tag", "boxed", "pipe", "single_bracket"}
)  # a cut cannot change what has been closed


@dataclass(frozen=True, slots=True)
class ParsedVerdict:
    """What a text says, or why it says nothing.

    Attributes:
        status: `ok` if a verdict plainly stands in the text.
        reason: `''` if ok, else one stable word: `empty`, `no_verdict`, `conflict`, `off_scale`, `cut`, `refusal`,
            `transport`, `abstains`.
        preferred: a label exactly as it was given, `tie`, or None.
        scores: label to number; for protocol `score` the first label's.
        rule: the format that won.
        rationale: the explanation that came with the verdict in JSON.
        p_first: the probability of the first label, where the text states one.
        ranking: labels from best to worst, where the text orders them all.
        groups: labels by place, best first, where the text orders any; those of one place are tied.
        marks: of a rubric, the grade of each criterion that the text speaks of; None where it cannot be assessed.
        span: where the winning text stands in the original.
    """

    status: Status
    reason: str = ""
    preferred: str | None = None
    scores: dict[str, float] = field(default_factory=dict)
    rule: str = ""
    rationale: str = ""
    p_first: float | None = None
    ranking: tuple[str, ...] = ()
    groups: tuple[tuple[str, ...], ...] = ()
    marks: dict[str, float | None] = field(default_factory=dict)
    span: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class _Ask:
    """What was asked, and whether the reply was cut by the token limit."""

    names: Names
    protocol: str
    scale: tuple[float, float] | None
    cut: bool


def parse_verdict(
    text: str,
    *,
    protocol: Protocol = "pairwise",
    labels: Sequence[str] = ("A", "B"),
    scale: tuple[float, float] | None = None,
    finish_reason: str | None = None,
) -> ParsedVerdict:
    r"""Read the verdict from a judge's text.

    Args:
        text: the reply as it came: prose, Markdown, JSON, or a tool call's arguments.
        protocol: `pairwise` and `rank` look for a choice, `score` for a number.
        labels: the names of the responses in the order in which they were shown; case counts where it tells two
            labels apart.
        scale: lowest and highest score allowed; None allows any number.
        finish_reason: why the model stopped (`stop`, `length`, `content_filter`, `tool_calls`; others say
            nothing). After `length` only a verdict that stands by itself counts, as a
            sentence might go on.

    Returns:
        A verdict, or the reason why there is none. Never a guess.

    >>> parse_verdict("Both are fine, but B is more exact.\n\n**Verdict: B**").preferred
    'B'
    >>> parse_verdict("ERROR: 429 Too Many Requests").status
    'error'
    """
    cut = finish_reason == "length"
    nothing = ParsedVerdict("truncated", "cut") if cut else ParsedVerdict("unparseable", "empty")
    folded = fold(text)
    if finish_reason == "content_filter":
        return ParsedVerdict("refused", "refusal")
    if not folded.text.strip():
        return nothing
    if is_transport_error(folded.text):
        return ParsedVerdict("error", "transport")
    answer = answer_of(folded.text)
    if answer.cut:
        return ParsedVerdict("truncated", "cut")
    if not answer.text.strip():
        return nothing
    return _judge(answer.text, folded, _Ask(names_of(tuple(labels)), protocol, scale, cut))


def _judge(text: str, folded: Folded, ask: _Ask) -> ParsedVerdict:
    read, open_at = documents(text)
    objects = [read_json(start, end, value, names=ask.names, protocol=ask.protocol) for start, end, value in read]
    if any(found.is_error for found in objects) and not any(found.outcome for found in objects):
        return ParsedVerdict("error", "transport")
    if read:
        text = _without(text, [(start, end) for start, end, _ in read])
    standing = explicit(text, names=ask.names, protocol=ask.protocol)
    standing += [Candidate(found.outcome, "json", found.start, found.end) for found in objects if found.outcome]
    standing.sort(key=lambda candidate: (candidate.end, candidate.start))
    if ask.cut:
        standing = [candidate for candidate in standing if _complete(candidate, text)]
    elif standing:
        standing += _overruling(standing[-1], text, ask)
    if standing:
        return _last(standing, text, objects, folded, ask)
    if open_at >= 0 and not text[open_at:].rstrip().endswith("}"):
        return ParsedVerdict("truncated", "cut")  # a JSON object that never ends
    return _prose(text, folded, ask)


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    """Blank out the JSON, whose strings may quote anything; lines and positions stay."""
    pieces, done = [], 0
    for start, end in spans:
        pieces += [text[done:start], re.sub(r"[^\n]", " ", text[start:end])]
        done = end
    return "".join([*pieces, text[done:]])


def _complete(candidate: Candidate, text: str) -> bool:
    """Whether a cut could not have changed it: what is closed stays, a line needs its end, `1` might become `10`."""
    if candidate.rule in _CLOSED or "\n" in text[candidate.end :]:
        return True
    return candidate.rule == "bare" and candidate.outcome.kind != "score"


def _overruling(opening: Candidate, text: str, ask: _Ask) -> list[Candidate]:
    """A text that opens with one label and concludes with another has changed its mind: the conclusion holds."""
    rest = text[opening.end :]
    if opening.rule not in ("lead", "bare") or ask.protocol == "score" or not rest.strip():
        return []
    closing = closing_choice(rest, ask.names)
    if closing is None or closing.rule != "closing" or closing.outcome.top == opening.outcome.top:
        return []
    if closing.outcome.kind != "label" and not concludes(rest[closing.start : closing.end]):
        return []
    return [replace(closing, start=closing.start + opening.end, end=closing.end + opening.end)]


def _last(standing: list[Candidate], text: str, objects: list[Found], folded: Folded, ask: _Ask) -> ParsedVerdict:
    """The last verdict wins, unless its own sentence also says something else."""
    last = standing[-1]
    if last.rule != "json" and last.outcome.kind != "rank":
        line_start = text.rfind("\n", 0, last.start) + 1
        for rival in standing:
            if line_start <= rival.start and rival.outcome.top != last.outcome.top:
                between = text[rival.end : last.start] if rival.end <= last.start else ""
                if not re.search(r"[.!?:;]\s", between):
                    return ParsedVerdict("unparseable", "conflict", span=folded.span(rival.start, last.end))
    source = next((found for found in reversed(objects) if (found.start, found.end) == (last.start, last.end)), None)
    return _say(last, source, folded, ask)


def _say(candidate: Candidate, source: Found | None, folded: Folded, ask: _Ask) -> ParsedVerdict:
    outcome, labels = candidate.outcome, ask.names.labels
    span = folded.span(candidate.start, candidate.end)
    if outcome.kind == "conflict":
        return ParsedVerdict("unparseable", "conflict", span=span)
    base = ParsedVerdict("ok", rule=candidate.rule, rationale=source.rationale if source else "", span=span)
    if outcome.kind == "abstain":
        return replace(base, status="abstained", reason="abstains")
    numbers = source.scores if source else {labels[0]: outcome} if outcome.kind == "score" else {}
    if not all(_on_scale(number, ask.scale) for number in numbers.values()):
        return ParsedVerdict("unparseable", "off_scale", span=span)
    base = replace(
        base,
        scores={label: number.score for label, number in numbers.items()},
        p_first=source.p_first if source else None,
    )
    if outcome.kind == "score":
        return base
    return replace(
        base,
        preferred="tie" if outcome.top.kind == "tie" else labels[outcome.top.index],
        ranking=_ranking(outcome, labels),
        groups=tuple(tuple(labels[index] for index in group) for group in outcome.ranking),
    )


def _ranking(outcome: Outcome, labels: tuple[str, ...]) -> tuple[str, ...]:
    """Name the labels in order, if the order is strict and holds them all."""
    order = [group[0] for group in outcome.ranking if len(group) == 1]
    return tuple(labels[index] for index in order) if len(order) == len(outcome.ranking) == len(labels) else ()


def _on_scale(score: Outcome, scale: tuple[float, float] | None) -> bool:
    return scale is None or (scale[0] <= score.score <= scale[1] and score.out_of in (None, scale[1]))


def _prose(text: str, folded: Folded, ask: _Ask) -> ParsedVerdict:
    """Read a closing sentence, where no verdict stands by itself; a cut one might have gone on."""
    closing = None if ask.cut else closing_score(text) if ask.protocol == "score" else closing_choice(text, ask.names)
    if closing:
        return _say(closing, None, folded, ask)
    if is_refusal(text):
        return ParsedVerdict("refused", "refusal")
    return ParsedVerdict("truncated", "cut") if ask.cut else ParsedVerdict("unparseable", "no_verdict")
