"""Where does a text name one of the responses, and which?

Every name is replaced by a mark, one private-use character per label, so that the patterns that read a verdict are
written once, for any labels. A *strong* mark stands for a name no one takes for anything else (`Assistant A`,
`Output (a)`,
`[[B]]`, `the first response`); a *weak* one for a bare label (`A`, `2`), which counts only where a verdict is expected.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

STRONG, WEAK = 0xE000, 0xE100
S, W, M = "[\ue000-\ue0ff]", "[\ue100-\ue1ff]", "[\ue000-\ue1ff]"

NOUN = (
    r"assistant|response|output|answer|model|option|candidate|choice|summary|feedback|system|text|completion|reply|"
    r"translation|story|essay|solution|version|passage|document|agent|chatbot|bot|ai|llm|result|article|explanation|"
    r"assistent|antwort|modell|ausgabe|réponse|modèle|sortie|respuesta|asistente|modelo|opción|salida|resposta|"
    r"assistente|opção|saída|risposta|modello|opzione|ответ|ассистент|"
    r"модель|вариант|回答|答案|回复|助手|模型|选项|"
    r"選択肢|応答|アシスタント|モデル|输出|出力|"
    r"الإجابة|الاجابة|الرد|المساعد|"
    r"النموذج|답변|응답|모델"
)
_LEFT = r"(?<![A-Za-z0-9_\u00c0-\u024f\u0400-\u04ff])"
_RIGHT = r"(?![A-Za-z0-9_\u00c0-\u024f\u0400-\u04ff]|\.\d)"
_BEFORE = re.compile(
    rf"{_LEFT}(?:{NOUN})s?[ \t]{{0,2}}[#(\[\"'`*_]{{0,4}}[ \t]?\Z|(?:{NOUN})[#(\[\"'`*_]{{0,3}}\Z", re.IGNORECASE
)
_OPEN, _SHUT = "([\"'`*_{<", ")]\"'`*_}>"
_ORDINALS = ("first", "second", "third", "fourth")
_ORDINAL = re.compile(
    rf"\b(?:the[ ])?(?P<place>{'|'.join(_ORDINALS)})[ ](?:one|{NOUN})\b(?!s)|\b(?:response|answer|output|option|"
    rf"assistant)[ ]"
    r"(?P<count>one|two|three|four)\b",
    re.IGNORECASE,
)
_SOLE = re.compile(rf"\W*(?:the )?({'|'.join(_ORDINALS)})(?: one)?\W*", re.IGNORECASE)
_COUNTS = {"one": 0, "two": 1, "three": 2, "four": 3}
_ORNAMENT = {ord(sign): None for sign in '*`"_~'}
_ARTICLES = frozenset("aeiouy")  # letters that are words in some language when small and bare


@dataclass(frozen=True, slots=True)
class Names:
    """The labels of one judgement and every way in which a text may name them."""

    labels: tuple[str, ...]
    exact: dict[str, int]
    loose: dict[str, int]
    tokens: re.Pattern[str] | None

    def index(self, token: str) -> int | None:
        """Say which label a token is: as written, else in another case or by position where that is unambiguous."""
        if token in self.exact:
            return self.exact[token]
        return self.loose.get(token.casefold())

    def mark(self, text: str) -> str:
        """Replace names by marks and drop ornaments (bold, quotes, code ticks); what is left is a plain sentence."""
        if self.tokens is None:
            return text.translate(_ORNAMENT)
        sole = _SOLE.fullmatch(text)
        if sole and _ORDINALS.index(sole[1].lower()) < len(self.labels) and sole[1].lower() not in self.exact:
            return chr(WEAK + _ORDINALS.index(sole[1].lower()))
        named = False

        def place(found: re.Match[str]) -> str:
            nonlocal named
            token, start, end = found.group(), found.start(), found.end()
            index = self.index(token)
            if index is None:
                return token
            dressed = (
                text[start - 1 : start] in _OPEN and text[end : end + 1] in _SHUT
                if start and end < len(text)
                else False
            )
            strength = self._strength(token, text[max(0, start - 26) : start], dressed=dressed)
            named = named or strength == STRONG
            return chr(strength + index) if strength else token

        marked = self.tokens.sub(place, text)
        if not named:  # "the second response" may be a second turn where the responses have names of their own
            marked = _ORDINAL.sub(self._ordinal, marked)
        return _tidy(marked)

    def _strength(self, token: str, before: str, *, dressed: bool) -> int:
        if len(token) > 3:
            return STRONG
        article = token in _ARTICLES and not dressed
        if _BEFORE.search(before):
            return 0 if article and before.endswith((" ", "\t")) and token not in self.exact else STRONG
        if before.endswith("[["):
            return STRONG
        return WEAK if token in self.exact or dressed or not token.islower() else 0

    def _ordinal(self, found: re.Match[str]) -> str:
        word = found["place"]
        index = _ORDINALS.index(word.lower()) if word else _COUNTS[found["count"].lower()]
        return chr(STRONG + index) if index < len(self.labels) else found.group()


_NAMED_S = re.compile(
    rf"(?:the[ ])?(?:{NOUN})s?[ \t]{{0,2}}[#(\[' ]{{0,4}}({S})(?:[)\]]|'(?!s\b)){{0,4}}", re.IGNORECASE
)
_BOXED = re.compile(rf"\[\[ ?({M}) ?\]\]|[(\[]({M})[)\]]")


def _tidy(marked: str) -> str:
    """Let a mark swallow its noun and its brackets: `the Output (X)` and `[[X]]` become `X`."""
    plain = marked.translate(_ORNAMENT)
    plain = _NAMED_S.sub(r"\1", plain)
    return _BOXED.sub(lambda found: found.group(1) or found.group(2), plain)


@lru_cache(maxsize=256)
def names_of(labels: tuple[str, ...]) -> Names:
    """Collect the names of labels. A folded or positional name counts only if no label is written that way."""
    exact = {label: place for place, label in enumerate(labels)}
    loose: dict[str, int] = {}
    folded = [label.casefold() for label in labels]
    if len(set(folded)) == len(folded):
        loose.update({label: place for place, label in enumerate(folded)})
    letters = all(len(label) == 1 and label.isalpha() for label in labels)
    digits = all(label.isdecimal() for label in labels)
    cased = len(set(folded)) != len(folded)
    for place in range(len(labels)):
        for token, clash in (
            (chr(97 + place), letters and not cased),
            (str(place + 1), digits),
            (_ORDINALS[place] if place < 4 else "", False),
        ):
            if token and not clash and token not in folded:
                loose.setdefault(token, place)
    spellings = {*labels, *loose, *(token.upper() for token in loose), *(token.capitalize() for token in loose)}
    spellings -= (
        set(_ORDINALS) - set(exact) | {word.capitalize() for word in _ORDINALS} | {word.upper() for word in _ORDINALS}
    )
    words = sorted((re.escape(word) for word in spellings if word.strip()), key=len, reverse=True)
    tokens = re.compile(f"{_LEFT}(?:{'|'.join(words)}){_RIGHT}") if words else None
    return Names(labels, exact, loose, tokens)
