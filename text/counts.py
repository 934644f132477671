"""How many words, letters, lines of a text are there? Counted one way, so that a limit and an answer mean the same."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

Countable = Literal[
    "words", "sentences", "lines", "paragraphs", "characters", "letters", "vowels", "consonants", "bullets"
]

_WORD = re.compile(r"[^\W_]+(?:['’.,-][^\W_]+)*")
_BULLET = re.compile(r"(?m)^[ \t]*(?:[-*•‣–+]|\d{1,3}[.)])[ \t]+\S")
_SENTENCE = re.compile(r"[^\s.!?…。！？][^.!?…。！？]*[.!?…。！？]*")
_DOTS = re.compile(
    r"\b(?:[eE]\.g|[iI]\.e|Mrs?|Ms|Dr|Prof|St|vs)\.(?=\s*\S)|\b(?:etc|[nN]o|approx|\d+)\.(?=\s*\S)(?!\s+[A-Z])|\d\.(?=\d)"
)
_VOWELS = frozenset("aeiou")

_COUNTS: dict[Countable, Callable[[str], int]] = {
    "words": lambda text: len(_WORD.findall(text)),
    "sentences": lambda text: len(_SENTENCE.findall(_DOTS.sub(lambda dot: dot[0].replace(".", "_"), text))),
    "lines": lambda text: sum(bool(line.strip()) for line in text.splitlines()),
    "paragraphs": lambda text: len([part for part in re.split(r"\n[ \t]*\n", text) if part.strip()]),
    "characters": lambda text: len(text.strip()),
    "letters": lambda text: sum(map(str.isalpha, text)),
    "vowels": lambda text: sum(letter in _VOWELS for letter in text.casefold()),
    "consonants": lambda text: sum(letter.isalpha() and letter not in _VOWELS for letter in text.casefold()),
    "bullets": lambda text: len(_BULLET.findall(text)),
}
COUNTABLE: tuple[Countable, ...] = tuple(_COUNTS)


def count(text: str, what: Countable) -> int:
    """How many there are; blanks around the text count for nothing, nor do blank lines.

    >>> count("It's well-known: 3.5 of 4.", "words")
    5
    """
    return _COUNTS[what](text)


def occurrences(text: str, part: str, *, whole_words: bool = False, match_case: bool = False) -> int:
    """How often a part stands in a text, without overlaps.

    Args:
        text: the text.
        part: what is looked for; an empty one stands nowhere.
        whole_words: whether only where it is no part of a longer word.
        match_case: whether `R` is another letter than `r`.
    """
    if not part:
        return 0
    if not match_case:
        text, part = text.casefold(), part.casefold()
    if not whole_words:
        return text.count(part)
    return len(re.findall(rf"(?<!\w){re.escape(part)}(?!\w)", text))
