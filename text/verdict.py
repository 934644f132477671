"""Which verdict does a judge's text hold, if it plainly holds one?

The road: fold look-alikes, refuse error pages, set thinking aside, then look for a verdict that stands by itself (JSON, brackets,
tags, labelled lines, a bare label). The last one wins. Only where there is none is a closing sentence read. What is not plainly
there is never made up: no default label, no tie, no middle score.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from .verdict_fold import Folded, fold
from .verdict_forms import Candidate, _lines, _sentences, explicit
from .verdict_json import Found, documents, read_json, top_of
from .verdict_names import Names, names_of
from .verdict_noise import is_refusal, is_transport_error
from .verdict_prose import Outcome, preference
from .verdict_thinking import answer_of
from .verdict_value import Score, score_of
from .verdict_forms import _SCORE_SAID

Status = Literal["ok", "abstained", "unparseable", "refused", "truncated", "error"]
Protocol = Literal["pairwise", "score", "rank"]
FinishReason = Literal["stop", "length", "content_filter", "tool_calls"]

#: Rules that read a conclusion: a sentence that ends the text, says that it concludes, or says nothing else than who is better.
CONCLUDING_RULES = frozenset({"closing", "statement"})
#: Rules that find a verdict which stands by itself; the others read a sentence.
EXPLICIT_RULES = frozenset(
    {"json", "json_scores", "tag", "bracket", "bracket_sentence", "boxed", "pipe", "result", "single_bracket", "labelled", "headed", "bare", "lead"}
)


@dataclass(frozen=True, slots=True)
class ParsedVerdict:
    """What a text says, or why it says nothing.

    Attributes:
        status: `ok` if a verdict plainly stands in the text.
        reason: `''` if ok, else one stable word: `empty`, `no_verdict`, `conflict`, `off_scale`, `cut`, `refusal`, `transport`, `abstains`.
        preferred: a label exactly as it was given, `tie`, or None.
        scores: label to number; for protocol `score` the first label's.
        rule: the format that won.
        rationale: the explanation that came with the verdict in JSON.
        p_first: the probability of the first label, where the text states one.
        ranking: labels from best to worst, where the text orders them all.
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
    span: tuple[int, int] | None = None

    @property
    def explicit(self) -> bool:
        """Whether the verdict stands by itself rather than being read from a sentence."""
        return self.rule in EXPLICIT_RULES


@dataclass(frozen=True, slots=True)
class _Ask:
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
    finish_reason: FinishReason | None = None,
) -> ParsedVerdict:
    """Read the verdict from a judge's text.

    Args:
        text: the reply as it came: prose, Markdown, JSON, or a tool call's arguments.
        protocol: `pairwise` and `rank` look for a choice, `score` for a number.
        labels: the names of the responses in the order in which they were shown; case counts where it tells two labels apart.
        scale: lowest and highest score allowed; None allows any number.
        finish_reason: why the model stopped. After `length` only a verdict that stands by itself counts, as a sentence might go on.

    Returns:
        A verdict, or the reason why there is none. Never a guess.

    >>> parse_verdict("Both are fine, but B is more exact.\\n\\n**Verdict: B**").preferred
    'B'
    >>> parse_verdict("ERROR: 429 Too Many Requests").status
    'error'
    """
    folded = fold(text)
    if finish_reason == "content_filter":
        return ParsedVerdict("refused", "refusal")
    if not folded.text.strip():
        return ParsedVerdict("truncated", "cut") if finish_reason == "length" else ParsedVerdict("unparseable", "empty")
    if is_transport_error(folded.text):
        return ParsedVerdict("error", "transport")
    answer = answer_of(folded.text)
    ask = _Ask(names_of(tuple(labels)), protocol, scale, finish_reason == "length")
    if answer.cut:
        return ParsedVerdict("truncated", "cut")
    if not answer.text.strip():
        return ParsedVerdict("truncated", "cut") if ask.cut else ParsedVerdict("unparseable", "empty")
    return _judge(answer.text, folded, ask)


def _judge(text: str, folded: Folded, ask: _Ask) -> ParsedVerdict:
    read, open_at = documents(text)
    objects = [read_json(start, end, value, names=ask.names, protocol=ask.protocol) for start, end, value in read]
    if any(found.is_error for found in objects) and not any(found.outcome for found in objects):
        return ParsedVerdict("error", "transport")
    for start, end, value in read:
        if isinstance(value, dict | list) and not isinstance(value, str):
            text = text[:start] + re.sub(r"[^\n]", " ", text[start:end]) + text[end:]
    standing = explicit(text, names=ask.names, protocol=ask.protocol)
    standing += [Candidate(found.outcome, "json", found.start, found.end) for found in objects if found.outcome]
    standing.sort(key=lambda candidate: (candidate.end, candidate.start))
    if ask.cut:
        standing = [candidate for candidate in standing if _complete(candidate, text)]
    if standing and standing[-1].rule in ("lead", "bare") and ask.protocol != "score" and not ask.cut:
        standing = [*standing, *_overruling(standing[-1], text, ask.names)]
    if standing:
        return _last(standing, objects, folded, ask, text)
    if open_at >= 0 and not text[open_at:].rstrip().endswith("}"):
        return ParsedVerdict("truncated", "cut")
    return _prose(text, folded, ask)


def _overruling(opening: Candidate, text: str, names: Names) -> list[Candidate]:
    """A text that opens with one label and concludes with another has changed its mind: the conclusion is its last word."""
    if not text[opening.end :].strip():
        return []
    closing = _closing(text[opening.end :], names)
    if closing is None or closing.rule != "closing" or (closing.outcome.kind != "label" and not _CLOSES.search(text[opening.end + closing.start :][:40])) or top_of(closing.outcome) == top_of(opening.outcome):
        return []
    return [replace(closing, start=closing.start + opening.end, end=closing.end + opening.end)]


def _complete(candidate: Candidate, text: str) -> bool:
    """Whether a cut could not have changed it: brackets and tags are closed; a line needs its end, a number too."""
    if candidate.rule in ("json", "bracket", "tag", "boxed", "pipe", "single_bracket"):
        return True
    if "\n" in text[candidate.end :]:
        return True
    return candidate.rule == "bare" and candidate.outcome.kind != "score"


def _last(standing: list[Candidate], objects: list[Found], folded: Folded, ask: _Ask, text: str) -> ParsedVerdict:
    """The last verdict wins, unless its own line also says something else."""
    last = standing[-1]
    line_start = text.rfind("\n", 0, last.start) + 1
    line_end = text.find("\n", last.end)
    line_end = len(text) if line_end < 0 else line_end
    rivals = [c for c in standing if line_start <= c.start and c.end <= line_end and top_of(c.outcome) != top_of(last.outcome)]
    if last.outcome.kind != "rank" and last.rule != "json":
        sentence = text[line_start:line_end]
        for rival in rivals:
            between = text[rival.end : last.start] if rival.end <= last.start else ""
            if not re.search(r"[.!?:;]\s", between) and sentence:
                return ParsedVerdict("unparseable", "conflict", span=folded.span(line_start, line_end))
    source = next((found for found in reversed(objects) if (found.start, found.end) == (last.start, last.end)), None)
    return _say(last, source, folded, ask)


def _say(candidate: Candidate, source: Found | None, folded: Folded, ask: _Ask) -> ParsedVerdict:
    outcome, labels = candidate.outcome, ask.names.labels
    span = folded.span(candidate.start, candidate.end)
    rationale = source.rationale if source else ""
    base = ParsedVerdict("ok", rule=candidate.rule, rationale=rationale, span=span, p_first=source.p_first if source else None)
    numbers = source.scores if source else {labels[0]: candidate.score} if candidate.score else {}
    if outcome.kind == "conflict":
        return ParsedVerdict("unparseable", "conflict", span=span)
    if outcome.kind == "abstain":
        return replace(base, status="abstained", reason="abstains", p_first=None)
    if any(not _on_scale(number, ask.scale) for number in numbers.values()):
        return ParsedVerdict("unparseable", "off_scale", span=span)
    scores = {label: number.value for label, number in numbers.items()}
    if outcome.kind == "score":
        return replace(base, scores=scores)
    ranking: tuple[str, ...] = ()
    if outcome.kind == "rank" and all(len(group) == 1 for group in outcome.ranking) and len(outcome.ranking) == len(labels):
        ranking = tuple(labels[group[0]] for group in outcome.ranking)
    top = top_of(outcome)
    preferred = "tie" if top.kind == "tie" else labels[top.index]
    return replace(base, preferred=preferred, scores=scores, ranking=ranking)


def _on_scale(score: Score, scale: tuple[float, float] | None) -> bool:
    if scale is None:
        return True
    low, high = scale
    return low <= score.value <= high and (score.out_of is None or score.out_of == high)


_HEAD, _TAIL = 3_000, 12_000  # a closing sentence stands at the end, or opens the text
_CLOSES = re.compile(
    r"^\W*(?:therefore|thus|hence|overall|in conclusion|to conclude|in summary|in short|to summari[sz]e|in sum|so\b|consequently|as a result|finally|ultimately|based on|given|"
    r"considering|for (?:this|these) reasons?|accordingly|all in all|taking|in the end|on balance|to sum up|after|all things considered|i |my |the (?:final|better|best|winner|verdict|preferred)|"
    r"daher|deshalb|somit|insgesamt|fazit|donc|ainsi|par conséquent|en conclusion|au final|por lo tanto|en conclusión|por tanto|portanto|assim|em conclusão|quindi|pertanto|in conclusione|"
    r"поэтому|таким|итак|итог|因此|所以|综上|总之|总的|総合|したがって|よって|結論|لذلك|وبالتالي|따라서)"
    r"|\b(?:therefore|thus|hence|overall|in conclusion)\b",
    re.IGNORECASE,
)


def _prose(text: str, folded: Folded, ask: _Ask) -> ParsedVerdict:
    """Read a closing sentence, where no verdict stands by itself."""
    if not ask.cut and ask.protocol == "score":
        said = _spoken_score(text)
        if said:
            return _say(said, None, folded, ask)
    elif not ask.cut:
        closing = _closing(text, ask.names)
        if closing:
            return _say(closing, None, folded, ask)
    if is_refusal(text):
        return ParsedVerdict("refused", "refusal")
    if ask.cut:
        return ParsedVerdict("truncated", "cut")
    return ParsedVerdict("unparseable", "no_verdict")


def _spoken_score(text: str) -> Candidate | None:
    found = None
    for found in _SCORE_SAID.finditer(text, max(0, len(text) - _TAIL)):
        pass
    if found is None:
        return None
    score = score_of(found["rest"] or found["rest2"])
    return Candidate(Outcome("score", score=score.value), "sentence", found.start(), found.end(), score) if score else None


_ENDED = re.compile(r"[.!?。！)\]\"'*]\s*$")
_SAID = re.compile(
    r"(?:better|best|superior|tie|winner|wins|[\ue000-\ue1ff]|[^\x00-\x7f\ue000-\ue1ff])\s*$"
    r"|\b(?:better|best|superior|winner|wins)\b[^\ue000-\ue1ff,;]{0,60}? (?:because|since|as|due to) (?!\s*$)",
    re.IGNORECASE,
)
_FORMULA = re.compile(r"\W*(?:(?:however|still|nevertheless|nonetheless|clearly|yes),? )?[\ue000-\ue1ff] is (?:[a-z]+ ){0,2}better\W*", re.IGNORECASE)


def _closing(text: str, names: Names) -> Candidate | None:
    """Find the last sentence that prefers a response and is meant as the end: it concludes, or opens or closes the text."""
    places = _places(text)
    sentences = [(start, sentence) for start, sentence in places if sentence.strip(" \t*_#->") and not re.match(r"\s*#", sentence)]
    chosen: Candidate | None = None
    for number, (start, sentence) in enumerate(sentences):
        marked = names.mark(sentence[:1_500])
        said = preference(marked)
        if said is None:
            continue
        first, last = number == 0, number == len(sentences) - 1
        formula = _FORMULA.fullmatch(marked)
        concludes = _CLOSES.search(marked) is not None
        if first or last or formula or concludes:
            if said.kind == "tie" and chosen and not concludes:
                continue  # equally good in some respect
            if last and not _ENDED.search(sentence) and not _SAID.search(marked):
                continue  # the sentence was cut and might have gone on
            rule = "closing" if concludes or (last and said.kind != "tie") or (last and chosen is None) else "statement" if formula else "sentence"
            chosen = Candidate(said, rule, start, start + len(sentence))
    return chosen


def _places(text: str) -> list[tuple[int, str]]:
    if len(text) <= _HEAD + _TAIL:
        return [(start + inner, sentence) for start, line in _lines(text) for inner, sentence in _sentences(line)]
    head = [(start + inner, sentence) for start, line in _lines(text[:_HEAD]) for inner, sentence in _sentences(line)]
    shift = len(text) - _TAIL
    tail = [(shift + start + inner, sentence) for start, line in _lines(text[shift:]) for inner, sentence in _sentences(line)]
    return head[:-1] + tail[1:]


def describe(verdict: ParsedVerdict) -> dict[str, Any]:
    """Give a verdict as plain data."""
    return {"status": verdict.status, "reason": verdict.reason, "preferred": verdict.preferred, "scores": verdict.scores, "rule": verdict.rule}
