"""Where in a text does a verdict stand by itself: brackets, tags, boxes, labelled lines, a bare label?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .verdict_names import WEAK, M, Names
from .verdict_prose import CONFLICT, Outcome, of_mark, preference
from .verdict_value import Score, choice_of, is_word, marked_choice, score_of


@dataclass(frozen=True, slots=True)
class Candidate:
    """One place of a text that may be its verdict."""

    outcome: Outcome
    rule: str
    start: int
    end: int
    score: Score | None = None


_BRACKET = re.compile(r"\[\[\s*([^\[\]\n]{1,80}?)\s*\]\]")
_TAG = re.compile(
    r"<(?P<tag>(?:final_?|my_)?(?:answer|verdict|choice|winner|decision|judge?ment|preference|result|score|rating|grade|better|preferred|vote|pick))\s*>"
    r"(?P<in>[^<>]{1,300})</(?P=tag)\s*>",
    re.IGNORECASE,
)
_PIPE = re.compile(r"<\|\s*([^|<>\n]{1,30}?)\s*\|>")
_BOXED = re.compile(r"\\{1,2}(?:boxed|fbox)\s*\{\s*(?:\\{1,2}(?:text|textbf|mathrm|mathbf)\s*\{\s*)?([^{}\n]{1,60}?)\s*\}")
_RESULT = re.compile(r"\[(?:RESULT|VERDICT|ANSWER|SCORE)\]\s*(?:\(?\s*(?:Score|Verdict|Answer)\s*:?\s*)?([^\n]{1,60})", re.IGNORECASE)
_SINGLE = re.compile(r"(?:^|[\s:])\[\s*([^\[\]\n]{1,40}?)\s*\]\s*[.!*_]{0,4}\s*\Z")

_BEFORE = (
    r"(?:(?:so|thus|therefore|hence|overall|in conclusion|finally|and|based on (?:this|the above|these criteria|my (?:analysis|evaluation)))[,:]? )?"
    r"(?:(?:the|my|our|this|final|overall|definitive|ultimate|definite|a|mein|meine|das|die|der|mon|ma|le|la|el|il|o|mi|meu|minha|il mio|la mia|endgültiges?|finale?s?|"
    r"мой|моя|итоговый|我的|最终|最終|最終的な) ?){0,4}"
)
_CHOICE_KEY = (
    r"(?:verdict|winner|choice|reply|response|decision|judge?ment|preference|preferred(?: (?:response|answer|output|option|model|assistant))?|answer|conclusion|result|selection|vote|pick|"
    r"better(?: (?:response|answer|output|option|model|assistant|one))?|best(?: (?:response|answer|output|option|model|assistant))?|evaluation result|outcome|overall|"
    r"urteil|entscheidung|gewinner|antwort|wahl|fazit|ergebnis|bessere antwort|verdict final|réponse|choix|gagnante?|décision|jugement|meilleure réponse|"
    r"veredicto(?: final)?|respuesta|ganadora?|elección|decisión|mejor respuesta|vencedora?|resposta|escolha|decisão|melhor resposta|"
    r"verdetto(?: finale)?|vincitore|risposta|scelta|decisione|risposta migliore|вердикт|ответ|победитель|выбор|"
    r"решение|лучший ответ|答案|结论|結論|判决|判断|裁决|胜者|选择|更好的回答|判定|結論|回答|勝者|"
    r"答え|選択|評価|الإجابة|الحكم|الفائز|الاختيار|القرار|판정|답|승자|선택|결론)"
)
_SCORE_KEY = (
    r"(?:rating|score|grade|points|mark|total score|overall|note|bewertung|punktzahl|punkte|gesamtnote|puntuación|puntaje|calificación|nota|pontuação|punteggio|voto|"
    r"оценка|балл|评分|分数|得分|評価|評点|スコア|点数|التقييم|الدرجة|점수|평점)"
)
_LINK = (
    r"(?:\s*\([^()\n]{1,40}\))?\s*(?:is as follows:?|goes to:?|would be:?|is:?|was:?|ist:?|lautet:?|est:?|es:?|é:?|è:?|:|=+>?|-+>|>|：|是:?|为:?|は:?|—|–|-(?= ))\s*"
)
_CHOICE_LINE = re.compile(rf"^\s*[^\w\n]{{0,12}}(?:\d{{1,2}}[.)]\s*)?{_BEFORE}{_CHOICE_KEY}{_LINK}(?P<rest>.*)$", re.IGNORECASE)
_CHOICE_HEAD = re.compile(rf"^[\s#>+\-•\d.]*{_BEFORE}{_CHOICE_KEY}\s*:?\s*$", re.IGNORECASE)
_SCORE_LINE = re.compile(rf"^[\s#>+\-•]*(?:.{{0,80}}[.!?] )?{_BEFORE}{_SCORE_KEY}{_LINK}(?P<rest>.*)$", re.IGNORECASE)
_SCORE_HEAD = re.compile(rf"^[\s#>+\-•\d.]*{_BEFORE}{_SCORE_KEY}\s*:?\s*$", re.IGNORECASE)
_SCORE_SAID = re.compile(
    r"\b(?:rate|rated|score|give|giving|award|assign|deserves?|merits|earns?|gets|receives?)\b[^.\n]{0,60}?\b(?:(?:a|an)(?: (?:score|rating|grade))?(?: of)?|at|of|as|it|:)\s"
    r"(?P<rest>[*_\[]{0,4}\d[^\n]{0,24})|\b(?P<rest2>\d{1,3}(?:\.\d+)?\s*(?:/|out of)\s*\d{1,3})\b",
    re.IGNORECASE,
)
_CONDITION = re.compile(r"\s*[*_`'\"]*\s*(?:if|when|means|indicates|=)\b", re.IGNORECASE)
_CONCLUDES = re.compile(r"\b(?:therefore|thus|hence|overall|in conclusion|conclude|verdict|final|(?:evaluat|judg|consider|rat)(?:e|ing)? (?:this|it) as|answer is|based on)\b", re.IGNORECASE)
_BLAMES = re.compile(r"\b(?:lacks?|fail(?:s|ed)?|worse|weaker|incorrect|wrong|not|neither|inferior|less|misses|missed|however)\b|n't\b", re.IGNORECASE)
_PASSING = re.compile(r"\b(?:than|by|of|to|with|and|or|over|from|in|like|as|versus|vs\.?|that|both|neither|nor|while|between|either|for)\s*[*_`'\"(]*$", re.IGNORECASE)
_STANDS = re.compile(r"[\s*_`'\")\]}.!,;:。|>-]*(?:$|\n)|\s*[*_`'\")]*[.!;。](?:\s|$)|\s*\(|\s*[-–—:]\s|\s*[*_`'\"]*\s*(?:for a |a )?(?:tie|draw)\b")


def _value(text: str, names: Names, protocol: str) -> tuple[Outcome, Score | None] | None:
    if protocol == "score":
        score = score_of(text)
        if score:
            return Outcome("score", score=score.value), score
        said = choice_of(text, names)
        return (said, None) if said and said.kind == "abstain" else None
    said = choice_of(text, names)
    return (said, None) if said else None


def _simple(text: str, names: Names, protocol: str) -> Iterator[Candidate]:
    for rule, pattern, group in (("tag", _TAG, "in"), ("boxed", _BOXED, 1), ("pipe", _PIPE, 1), ("result", _RESULT, 1), ("single_bracket", _SINGLE, 1)):
        for found in pattern.finditer(text):
            said = _value(found[group], names, protocol)
            if said:
                yield Candidate(said[0], rule, found.start(), found.end(), said[1])


def _brackets(text: str, names: Names, protocol: str) -> Iterator[Candidate]:
    """Double brackets that stand as a verdict; those that only name a response inside a sentence are read as prose."""
    if "[[" not in text:
        return
    for line_start, line in _lines(text):
        found = list(_BRACKET.finditer(line))
        values = [(place, said) for place in found if (said := _value(place[1], names, protocol))]
        if not values:
            continue
        listed = [place for place, _ in values if _CONDITION.match(line, place.end())]
        if listed and (len(values) > 1 or not _CONCLUDES.search(line[: listed[0].start()])):
            continue  # the menu of the instruction, repeated
        for start, sentence in _sentences(line):
            inside = [(place, said) for place, said in values if start <= place.start() < start + len(sentence)]
            if inside:
                yield from _bracket_sentence(line_start, start, sentence, line, inside, names)


def _bracket_sentence(
    line_start: int,
    start: int,
    sentence: str,
    line: str,
    inside: list[tuple[re.Match[str], tuple[Outcome, Score | None]]],
    names: Names,
) -> Iterator[Candidate]:
    standing = [
        (place, said)
        for place, said in inside
        if _STANDS.match(line, place.end()) and not _PASSING.search(line[max(start, place.start() - 24) : place.start()])
    ]
    kinds = {said[0] for _, said in inside}
    if len(standing) == len(inside) or (len(kinds) == 1 and standing):
        for place, said in standing:
            yield Candidate(said[0], "bracket", line_start + place.start(), line_start + place.end(), said[1])
        return
    said_by_prose = preference(names.mark(sentence))
    concludes = len(kinds) == 1 and _CONCLUDES.search(sentence) and not _BLAMES.search(sentence)
    if said_by_prose is None and concludes:
        said_by_prose = next(iter(kinds))
    if said_by_prose:
        yield Candidate(said_by_prose, "bracket_sentence", line_start + start, line_start + start + len(sentence))
    elif len(kinds) > 1 and (standing or re.search(r"\b(?:verdict|winner|final)\b", sentence, re.IGNORECASE)):
        yield Candidate(CONFLICT, "bracket", line_start + start, line_start + start + len(sentence))


def _lines(text: str) -> Iterator[tuple[int, str]]:
    start = 0
    for line in text.split("\n"):
        yield start, line
        start += len(line) + 1


_SPLIT = re.compile(r"(?<=[.!?])[\"')\]*_]{0,4}\s+|(?<=[。！？])|(?<=؟)")


def _sentences(line: str) -> Iterator[tuple[int, str]]:
    start = 0
    for gap in _SPLIT.finditer(line):
        if gap.start() > start:
            yield start, line[start : gap.start()]
        start = gap.end()
    if start < len(line):
        yield start, line[start:]


def _labelled(text: str, names: Names, protocol: str) -> Iterator[Candidate]:
    line_of, head_of = (_SCORE_LINE, _SCORE_HEAD) if protocol == "score" else (_CHOICE_LINE, _CHOICE_HEAD)
    waiting = False
    for start, line in _lines(text):
        plain = _unadorned(line[:400])
        if not plain.strip():
            continue
        if waiting:
            said = _value(plain, names, protocol)
            if said:
                yield Candidate(said[0], "headed", start, start + len(line), said[1])
        waiting = bool(head_of.match(plain))
        found = None if waiting else line_of.match(plain)
        if found and not (rest := found["rest"]).lstrip().startswith(("[[", "<", "{")):
            said = _value(rest, names, protocol)
            if said:
                yield Candidate(said[0], "labelled", start, start + len(line), said[1])


def _unadorned(line: str) -> str:
    return re.sub(r"[*_`]+", "", line) if "*" in line or "_" in line or "`" in line else line


_ECHO = re.compile(r"^\s*#")
_FENCE = re.compile(r"^\s*```\w*\s*$")
_ITEM = re.compile(r"^\s*(?:[*_]{2})?\d{1,2}[.)]\s")


def _bare(text: str, names: Names, protocol: str) -> Iterator[Candidate]:
    """A line that holds a label, a tie or a number and nothing else, where it is the first line or the last."""
    lines = [(start, line) for start, line in _lines(text) if line.strip() and not _FENCE.match(line)]
    said = {start: value for start, line in lines if len(line) <= 160 and (value := _whole(line, names, protocol))}
    if len(lines) > 1 and len({value[0] for start, value in said.items() if _is_heading(text, start, names)}) > 1:
        return  # headings over what is said of each response
    listed = any(_ITEM.match(line) for _, line in lines)
    if len(lines) == 2 and len({value[0] for value in said.values()}) > 1:
        yield Candidate(CONFLICT, "bare", lines[0][0], len(text))
        return
    for start, line in dict([lines[0], lines[-1]]).items() if lines else ():
        alone = len(lines) == 1
        if start not in said or _ECHO.match(line) or (not alone and line.rstrip(" *_").endswith(":")):
            continue
        if not alone and listed and line.strip(" .)").isdecimal():
            continue  # the number of an item that was cut
        yield Candidate(said[start][0], "bare", start, start + len(line), said[start][1])


def _is_heading(text: str, start: int, names: Names) -> bool:
    line = text[start : text.find("\n", start) % (len(text) + 1)]
    return len(line.strip()) > 3 and not line.lstrip().startswith("[[")


def _whole(line: str, names: Names, protocol: str) -> tuple[Outcome, Score | None] | None:
    """Read a line that holds a verdict and no sentence; what follows in brackets may explain it."""
    plain = line.strip(" \t*_`\"'.#()[]{}|<>!。")
    if protocol == "score":
        number = re.fullmatch(r"[-+]?\d{1,4}(?:[.,]\d{1,4})?(?:\s*(?:/|out of)\s*\d{1,4})?", plain)
        score = score_of(plain) if number else None
        return (Outcome("score", score=score.value), score) if score else None
    word = choice_of(plain, names) if re.fullmatch(r"\S{1,12}", plain) and not line.rstrip().endswith("?") else None
    if word:
        return word, None
    marked = names.mark(line).strip(" \t.#()[]{}|<>!'。")
    opened = re.match(rf"({M})\s*\([^()/,]{{1,14}}[ :'-]", marked)
    twice = re.fullmatch(rf"({M})(?:\W{{0,4}}| for )({M})", marked)
    if twice and of_mark(twice[1]) == of_mark(twice[2]):
        return of_mark(twice[1]), None
    if opened:
        return marked_choice(opened[1], two=False), None  # type: ignore[return-value]
    if re.search(r"\w", marked) and (" " in marked and not re.fullmatch(rf"[^A-Za-z]*|(?:a |it's a )?(?:tie|draw)|[^\ue000-\ue1ff]{{1,40}}", marked)):
        return None
    said = marked_choice(marked, two=len(names.labels) == 2)
    if said is None or (said.kind in ("tie", "abstain") and not is_word(marked)):
        return None
    return said, None


_FORMULA = re.compile(rf"^\W*(?:{M}\s*[:.)\-]\s*)?{M}(?:'s? (?:response|answer|output))? (?:is|was) (?:[a-z]+ ){{0,2}}(?:better|best|the better [a-z]+)\W*$", re.IGNORECASE)


def _numbered(marked: str, text: str) -> Outcome | None:
    """Read `2. Response B gives more detail`: the label, then the response it stands for. A list would go on to the other."""
    found = re.match(rf"^\W*({M})\s*[.:)-]\s*({M})(?!\s*[.:)-])", marked)
    if found is None or of_mark(found[1]) != of_mark(found[2]) or len(re.findall(r"(?m)^\s*\d{1,2}[.)]", text)) > 1:
        return None
    return of_mark(found[1])


_OPENING = re.compile(rf"^\W*({M})(?:,? (?:because|since)\b|\s?[:.,] |\s[-–—] )(?!\s*{M}\s*$)")


def _opening(marked: str, rest: str, names: Names) -> Outcome | None:
    """Read `B, because it is clearer` and `B: it is clearer`, unless the other label is spoken of in the same way."""
    found = _OPENING.match(marked)
    if found is None or ord(found[1]) < WEAK or preference(marked[found.end() :]) is not None:
        return None
    others = (other for line in [marked[found.end() :], *rest.split("\n")[:40]] for other in re.finditer(rf"(?:^|[.;,] )\W*({M})\s?[:.]", names.mark(line[:200])))
    return None if any(of_mark(other[1]) != of_mark(found[1]) for other in others) else of_mark(found[1])


def _lead(text: str, names: Names) -> Iterator[Candidate]:
    """A first line that says no more than `Output (a) is better.`, with or without its letter before it."""
    for start, line in _lines(text):
        if not line.strip():
            continue
        if len(line) <= 160:
            marked = names.mark(line)
            said = marked_choice(marked, two=len(names.labels) == 2) if _FORMULA.match(marked) else None
            if said is None:
                said = _numbered(marked, text[start:]) or _opening(marked, text[start + len(line) :], names)
            if said is None and re.match(rf"^\W*(?:[A-Z]|{M})\s*[:.)]\s*(?:neither|both|tie)\b", marked, re.IGNORECASE):
                said = preference(marked)
            if said:
                yield Candidate(said, "lead", start, start + len(line))
        return


def explicit(text: str, *, names: Names, protocol: str) -> list[Candidate]:
    """List every verdict that stands by itself, in the order of the text."""
    found = [*_simple(text, names, protocol), *_brackets(text, names, protocol), *_labelled(text, names, protocol), *_bare(text, names, protocol)]
    if protocol != "score":
        found += _lead(text, names)
    return sorted(found, key=lambda candidate: (candidate.start, candidate.end))
