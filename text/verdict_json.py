"""Which verdict does a JSON object in a text hold: a reply, a fenced block, or a tool call's arguments?"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from .verdict_names import Names
from .verdict_outcome import ABSTAIN, CONFLICT, TIE, Outcome
from .verdict_value import choice_of, score_of

_CHOICE = frozenset(
    """
    verdict finalverdict preferred preference winner choice finalchoice answer finalanswer better betterresponse
    betteranswer betteroutput best bestresponse bestanswer bestmodel judgment judgement decision finaldecision
    result selected selection pick preferredresponse preferredanswer preferredoutput preferredmodel
    winningresponse chosen vote outcome label urteil entscheidung gewinner choix gagnant verdicto veredicto
    ganador eleccion vencedor escolha decisao verdetto vincitore scelta ответ вердикт победитель выбор 答案 结论
    选择 判定 結論 勝者
    """.split()
)
_SCORE = frozenset(
    """
    score rating grade finalscore overallscore overall overallrating finalrating points mark totalscore note
    bewertung punktzahl puntuacion puntaje nota punteggio voto pontuacao оценка балл 评分 分数 得分 評価 スコア
    """.split()
)
_WHY = frozenset(
    """
    rationale reason explanation reasoning conciseexplanation justification why analysis comment feedback
    thoughts thought begründung
    """.split()
)
_ORDERED = frozenset(
    """
    orderedmodels ranking rank order ranked rankings orderedresponses
    """.split()
)
_HOLDERS = frozenset(
    """
    arguments input parameters function functioncall toolcalls args output response content message data
    evaluation
    """.split()
)
_FIRST = frozenset("pfirst probabilityfirst probfirst probabilityofthefirst".split())
_TRIES, _LONGEST, _LARGEST = 80, 20_000, 1e12


@dataclass(slots=True)
class Found:
    """What one JSON document says, and where it stands."""

    start: int
    end: int
    outcome: Outcome | None = None
    scores: dict[str, Outcome] = field(default_factory=dict)
    rationale: str = ""
    p_first: float | None = None
    is_error: bool = False


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Keep the values of a key given twice apart: two different verdicts under one key are a conflict."""
    kept: dict[str, Any] = {}
    for key, value in pairs:
        name = key
        while name in kept and kept[name] != value:
            name += "\u00a0"
        kept[name] = value
    return kept


_DECODER = json.JSONDecoder(strict=False, object_pairs_hook=_pairs)
_START = re.compile(r"\{(?=\s*[\"'}A-Za-z_])|\[(?=\s*[\"{])")


def documents(text: str) -> tuple[list[tuple[int, int, Any]], int]:
    """Find the JSON documents in a text; also where one begins that never ends (-1 if none)."""
    found: list[tuple[int, int, Any]] = []
    place, tries, open_at = 0, 0, -1
    while tries < _TRIES:
        start = _START.search(text, place)
        if start is None:
            break
        tries += 1
        read = _read(text, start.start())
        if read is None:
            if text[start.start()] == "{" and re.match(
                r"\{\s*\"[\w -]{1,40}\"\s*:", text[start.start() : start.start() + 60]
            ):
                open_at = start.start() if open_at < 0 else open_at
            place = start.start() + 1
            continue
        end, value = read
        found.append((start.start(), end, value))
        place, open_at = end, -1
    return found, open_at


def _read(text: str, start: int) -> tuple[int, Any] | None:
    try:
        value, end = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return _mend(text, start)
    return end, value


def _mend(text: str, start: int) -> tuple[int, Any] | None:
    """Read what is nearly JSON: single quotes, trailing commas, a backslash of LaTeX, `True`."""
    end = _closing(text, start)
    if end < 0:
        return None
    body = text[start:end]
    body = re.sub(r"\\(?![\"\\/bfnrtu])", r"\\\\", body)
    body = re.sub(r",(\s*[}\]])", r"\1", body)
    body = re.sub(r"([{,]\s*)([A-Za-z_]\w{0,40})(\s*:)", r'\1"\2"\3', body)
    for attempt in (body, re.sub(r"(?<![A-Za-z0-9])'|'(?![A-Za-z0-9])", '"', body)):
        attempt = re.sub(
            r":\s*(True|False|None)\b",
            lambda word: ": " + {"True": "true", "False": "false", "None": "null"}[word[1]],
            attempt,
        )
        try:
            return end, _DECODER.decode(attempt)
        except (ValueError, RecursionError):
            continue
    return None


def _closing(text: str, start: int) -> int:
    depth = 0
    for bracket in re.finditer(r"[{}\[\]]", text[start : start + _LONGEST]):
        depth += 1 if bracket.group() in "{[" else -1
        if depth == 0:
            return start + bracket.end()
    return -1


def _key(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


class _Reader:
    """Walks one document and gathers what its fields say."""

    def __init__(self, names: Names, protocol: str) -> None:
        self.names, self.protocol = names, protocol
        self.choices: list[Outcome] = []
        self.scores: dict[str, Outcome] = {}
        self.single: Outcome | None = None
        self.rationale = ""
        self.p_first: float | None = None

    def walk(self, value: Any, depth: int = 0) -> None:
        if depth > 6:
            return
        if isinstance(value, list):
            for part in value[:50]:
                self.walk(part, depth + 1)
        elif isinstance(value, dict):
            for name, inner in value.items():
                self._field(name, _key(str(name)), inner, depth)

    def _field(self, name: str, key: str, value: Any, depth: int) -> None:
        if key in _WHY and isinstance(value, str):
            self.rationale = self.rationale or value
        elif key in _FIRST and isinstance(value, int | float) and not isinstance(value, bool):
            self.p_first = float(value) if 0 <= value <= 1 else None
        elif key in ("probabilities", "probability") and isinstance(value, dict):
            self._probabilities(value)
        elif key in _ORDERED and isinstance(value, list | str):
            self.ranking(value)
        elif self.protocol == "score" and (key in _SCORE or key in _CHOICE) and self._number(value) is not None:
            if key in _SCORE or self.single is None:
                self.single = self._number(value)
        elif self.protocol == "score" and key in _SCORE and isinstance(value, str):
            self._choice(value)  # `"score": "abstain"`
        elif key in ("scores", "ratings", "grades") and isinstance(value, dict | list):
            self._scores(value)
        elif key in _CHOICE and isinstance(value, str | int):
            self._choice(value)
        elif self._named_score(name, value):
            pass
        elif isinstance(value, str) and key in _HOLDERS and value.lstrip()[:1] in ("{", "["):
            for _, _, inner in documents(value)[0]:
                self.walk(inner, depth + 1)
        elif isinstance(value, dict | list):
            self.walk(value, depth + 1)

    def _choice(self, value: str | int) -> None:
        if isinstance(value, bool):
            return
        said = choice_of(str(value), self.names)
        if said:
            self.choices.append(said)

    @staticmethod
    def _number(value: Any) -> Outcome | None:
        if isinstance(value, bool):
            return None
        if isinstance(value, int | float):
            return Outcome("score", score=float(value)) if abs(value) < _LARGEST else None  # nor NaN
        return score_of(value) if isinstance(value, str) else None

    def _label(self, token: Any) -> str | None:
        said = choice_of(str(token), self.names) if isinstance(token, str | int) else None
        return self.names.labels[said.index] if said and said.kind == "label" else None

    def _scores(self, value: dict[str, Any] | list[Any]) -> None:
        parts = list(value.items()) if isinstance(value, dict) else list(enumerate(value, 1))
        if isinstance(value, list) and len(value) != len(self.names.labels):
            return
        for name, inner in parts:
            label, number = self._label(name), self._number(inner)
            if label is not None and number is not None:
                self.scores[label] = number
            elif self.protocol == "score" and _key(str(name)) in _SCORE and number is not None:
                self.single = number

    def _named_score(self, name: str, value: Any) -> bool:
        """Read `{"score_a": 8, "Response B": {"score": 6}}` and `{"A": 8, "B": 6}`."""
        if isinstance(value, dict):
            inner = next((self._number(part) for key, part in value.items() if _key(key) in _SCORE), None)
            number = inner
        else:
            number = self._number(value)
        if number is None:
            return False
        stem = re.sub(
            r"(?i)(?:overall|final|score|rating|grade|points)(?:_?(?:of|for))?|[_\s-]+", " ", str(name)
        ).strip()
        label = self._label(stem)
        if label is None:
            return False
        self.scores[label] = number
        return True

    def _probabilities(self, value: dict[str, Any]) -> None:
        for name, share in value.items():
            if self._label(name) == self.names.labels[0] and isinstance(share, int | float):
                self.p_first = float(share) if 0 <= share <= 1 else None

    def ranking(self, value: list[Any] | str) -> None:
        if isinstance(value, str):
            said = choice_of(value, self.names)
            if said:
                self.choices.append(said)
            return
        placed: dict[int, list[int]] = {}
        for place, entry in enumerate(value, 1):
            token, rank = entry, place
            if isinstance(entry, list):  # several that share a place
                shared = [self._label(inner) for inner in entry]
                if not shared or None in shared:
                    return
                placed.setdefault(place, []).extend(self.names.labels.index(label) for label in shared if label)
                continue
            if isinstance(entry, dict):
                fields = {_key(str(name)): inner for name, inner in entry.items()}
                token = next(
                    (
                        fields[key]
                        for key in ("model", "response", "label", "id", "name", "answer", "output")
                        if key in fields
                    ),
                    None,
                )
                given = fields.get("rank", place)
                rank = int(float(given)) if re.fullmatch(r"\d{1,4}(\.0)?", str(given)) else place
            label = self._label(token)
            if label is None:
                return
            placed.setdefault(rank, []).append(self.names.labels.index(label))
        ranking = tuple(tuple(placed[rank]) for rank in sorted(placed))
        flat = [index for group in ranking for index in group]
        if flat:
            self.choices.append(Outcome("rank", ranking=ranking) if len(set(flat)) == len(flat) else CONFLICT)


def _settle(choices: list[Outcome], scores: dict[str, Outcome], labels: tuple[str, ...]) -> Outcome | None:
    """One object, one verdict: fields that contradict each other, or the scores beside them, are a conflict."""
    if any(choice.kind == "conflict" for choice in choices):
        return CONFLICT
    plain = {choice.top for choice in choices}
    if len(plain) > 1:
        return CONFLICT
    if len(scores) == len(labels) > 1:
        best = max(score.score for score in scores.values())
        leaders = [index for index, label in enumerate(labels) if scores[label].score == best]
        implied = Outcome("label", leaders[0]) if len(leaders) == 1 else TIE
        if (
            choices
            and implied.kind == "label"
            and choices[0].top.kind == "label"
            and choices[0].top.index != implied.index
        ):
            return CONFLICT
        return choices[0] if choices else implied
    return choices[0] if choices else None


def _is_ranked(value: list[Any]) -> bool:
    """Whether each entry says its rank, as in `[{"model": "model_1", "rank": 1}, ...]`."""
    return bool(value) and all(isinstance(entry, dict) and "rank" in map(_key, map(str, entry)) for entry in value)


def read_json(start: int, end: int, value: Any, *, names: Names, protocol: str) -> Found:
    """Say what one JSON document holds."""
    found = Found(start, end)
    reader = _Reader(names, protocol)
    if isinstance(value, list) and (protocol == "rank" or (protocol == "pairwise" and _is_ranked(value))):
        reader.ranking(value)
    else:
        reader.walk(value)
    found.rationale, found.p_first = reader.rationale, reader.p_first
    if protocol == "score":
        single = reader.single or next(iter(reader.scores.values()), None)
        if single:
            found.scores = {names.labels[0]: single}
            found.outcome = single
        elif any(choice.kind == "abstain" for choice in reader.choices):
            found.outcome = ABSTAIN
    else:
        found.scores = reader.scores
        found.outcome = _settle(reader.choices, reader.scores, names.labels)
    if found.outcome is None and isinstance(value, dict):
        keys = {_key(str(name)) for name in value}
        found.is_error = "error" in keys and bool(value.get("error", value.get("Error", True)))
    return found
