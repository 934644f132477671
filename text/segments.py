"""Which words and sentences has a text, in any script? Cut once, and read as often as needed.

A word is a run of letters and digits with the marks on them; apostrophes and hyphens join runs; words are
lower-cased. In an ASCII text that is `[A-Za-z0-9]+` joined by `'` or `-`. Scripts that put no blanks between words
have no words to be seen without a dictionary. There the smallest unit that means something stands for a word: a
Chinese character, a hiragana sign, a run of katakana, a letter with its marks in Thai, Lao, Khmer and Burmese.
Lengths of such texts are counts of signs: compare them with each other, never with those of a text in another script.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, cached_property, lru_cache
from itertools import groupby, islice

LEAD = 3
"""Sentences at the head of a source that are its lead."""

_ASCII_LOOSE = re.compile(r"['-](?:['-]+|(?![a-z0-9])|(?<![a-z0-9].))")  # joins nothing
_ASCII_TABLE = {code: chr(code).lower() if chr(code).isalnum() or chr(code) in "'-" else " " for code in range(128)}
_JOINTS = "'’\u2010\u2011-"
_ENDS = ".!?…؟۔।॥։።။។"  # full stops after which a blank follows
_CLOSED = "。！？｡"  # and those after which none does
_ASCII_SENTENCE = re.compile(r"[A-Za-z0-9](?:[^.!?\n]++|[.!?](?!\s))*+")
_LINES = "\n\u2028\u2029"
_SENTENCE = re.compile(rf"[^\W_](?:[^{_ENDS}{_CLOSED}{_LINES}]++|[{_ENDS}](?!\s))*+")
_SIGNS = (
    "\u3041-\u3096\u309d-\u309f"  # hiragana
    "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003fffd"  # Chinese characters
)
_KATAKANA = "\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"
_MARKED = "\u0e01-\u0e33\u0e40-\u0e45\u0e81-\u0eb3\u0ebd-\u0ec4\u1000-\u102a\u103f\u1050-\u1055\u1780-\u17b3"
_DENSE = re.compile(f"[{_SIGNS}{_KATAKANA}{_MARKED}]")
_HIRAGANA = re.compile("[\u3041-\u3096\u309d-\u309f]")
_VOWELS = re.compile("[aeiouy]+")
_STOP = frozenset(
    "a about above after again against all also although am among an and another any are around as at be because "
    "been before being below between both but by can cannot could did do does doing done down during each either "
    "else even every few for from further had has have having he her here hers herself him himself his how "
    "however i if in into is it its itself just many may me might mine more most much must my myself neither no "
    "nor not now of off on once one only onto or other our ours ourselves out over own per quite rather same "
    "shall she should since so some such than that the their theirs them themselves then there therefore these "
    "they this those though through thus to too toward towards under until up upon us very was we were what when "
    "where whether which while who whom whose why will with within without would yet you your yours yourself "
    "yourselves aren't can't couldn't didn't doesn't don't hadn't hasn't haven't he's i'd i'll i'm i've isn't "
    "it's let's she's shouldn't that's there's they're wasn't we'll we're we've weren't what's won't wouldn't "
    "you'd you'll you're you've".split()
)

Pair = tuple[str, str]


class Segmented:
    """A text and what it is cut into; each part is made when first asked for, and kept.

    Attributes:
        text: the text as it was given.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def lowered(self) -> str:
        """The text in lower case, composed (NFC), with straight apostrophes."""
        if self.text.isascii():
            return self.text.lower()
        return unicodedata.normalize("NFC", self.text).lower().replace("’", "'")

    @cached_property
    def words(self) -> list[str]:
        """Its words in their order, lower-cased."""
        return words(self.text)

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """Its words, each once."""
        return frozenset(self.words)

    @cached_property
    def content(self) -> frozenset[str]:
        """Its words that carry content: without function words of English, and without single hiragana signs.

        Of other languages, function words are among them.
        """
        words = self.vocabulary - _STOP
        if self.text.isascii():
            return words
        return frozenset(word for word in words if not _HIRAGANA.fullmatch(word))

    @cached_property
    def pairs(self) -> frozenset[Pair]:
        """The pairs of words that stand side by side, each once."""
        return frozenset(zip(self.words, self.words[1:], strict=False))

    @cached_property
    def sentences(self) -> int:
        """How many parts there are that end in a full stop and a blank, or at a line's end, and hold a word."""
        return len((_ASCII_SENTENCE if self.text.isascii() else _SENTENCE).findall(self.text))

    @cached_property
    def lead(self) -> frozenset[str]:
        """The content words of its first three sentences."""
        return Segmented("\n".join(match[0] for match in islice(_SENTENCE.finditer(self.text), LEAD))).content

    @cached_property
    def syllables(self) -> int:
        """How many syllables its words have, by the spelling of English."""
        return sum(map(syllables, self.words))

    @cached_property
    def pair_places(self) -> dict[Pair, list[int]]:
        """Where each pair of words that stand side by side begins, in words from 0."""
        found: dict[Pair, list[int]] = {}
        for place, pair in enumerate(zip(self.words, self.words[1:], strict=False)):
            found.setdefault(pair, []).append(place)
        return found


def words(text: str) -> list[str]:
    """The words of a text in their order, lower-cased; see above for what a word is.

    >>> words("It's Zoë's well-known _third_ try: 3.5")
    ["it's", "zoë's", 'well-known', 'third', 'try', '3', '5']
    >>> words("東京タワーへ")
    ['東', '京', 'タワー', 'へ']
    """
    if text.isascii():
        return _ASCII_LOOSE.sub(" ", text.translate(_ASCII_TABLE)).split()
    composed = unicodedata.normalize("NFC", text).lower().replace("_", " ").replace("’", "'")
    found: list[str] = (_dense_word() if _DENSE.search(composed) else _word()).findall(composed)
    return found


@lru_cache(maxsize=1 << 16)
def syllables(word: str) -> int:
    """How many syllables a lower-cased word has by its spelling: groups of vowels, less a silent e; 1 at least.

    >>> [syllables(word) for word in ("the", "make", "agree", "rhythm", "table")]
    [1, 1, 1, 1, 1]
    """
    silent = len(word) > 3 and word.endswith("e")
    return max(1, len(_VOWELS.findall(word)) - silent)


@cache
def _marks() -> str:
    """Marks that stand on or after letters, and joiners within words, as ranges of a character class."""
    wanted = (code for code in range(0x300, 0x20000) if unicodedata.category(chr(code)) in ("Mn", "Mc"))
    ranges = []
    for _, run in groupby(enumerate(wanted), key=lambda placed: placed[1] - placed[0]):
        codes = [code for _, code in run]
        ranges.append(f"{chr(codes[0])}-{chr(codes[-1])}")
    return "".join(ranges) + "\u200c\u200d"


@cache
def _word() -> re.Pattern[str]:
    one = rf"[^\W_][\w{_marks()}]*"
    return re.compile(rf"{one}(?:[{_JOINTS}]{one})*")


@cache
def _dense_word() -> re.Pattern[str]:
    marks = _marks()
    one = rf"(?!{_DENSE.pattern})[^\W_](?:(?!{_DENSE.pattern})[\w{marks}])*"
    sign, katakana = f"[{_SIGNS}{_MARKED}][{marks}]*", f"[{_KATAKANA}][{_KATAKANA}{marks}]*"
    return re.compile(rf"(?=[^\W_])(?:{sign}|{katakana}|{one}(?:[{_JOINTS}]{one})*)")
