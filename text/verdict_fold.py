"""What does a text say once look-alike, full-width and invisible characters are read as what they look like?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff"
    "\ufff9-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# Every replacement below is one character for one character, so that positions stay what they were.
_PLAIN = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}  # full-width ASCII
_PLAIN |= {
    ord(odd): " "
    for odd in "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
}
_PLAIN |= {ord(odd): "'" for odd in "\u2018\u2019\u201b\u02bc\u2032"} | {
    ord(odd): '"' for odd in "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033"
}
_PLAIN |= {0x3010: "[", 0x3011: "]", 0x27E6: "[", 0x27E7: "]", 0x301A: "[", 0x301B: "]", 0x226B: ">", 0x2192: ">"}
_PLAIN |= {0x2028: "\n", 0x2029: "\n", 0x85: "\n"}
_PLAIN |= {code: " " for code in range(0xE000, 0xF900)}  # private use: kept free for the marks of verdict_names
_PLAIN |= {0x1D400 + offset: chr(65 + offset) for offset in range(26)}  # mathematical bold
_PLAIN |= {0x1D41A + offset: chr(97 + offset) for offset in range(26)} | {
    0x1D7CE + digit: str(digit) for digit in range(10)
}
_PLAIN |= {0x24B6 + offset: chr(65 + offset) for offset in range(26)}  # circled letters
# A letter that stands alone is a label, not a word: Cyrillic and Greek ones are read as the Latin they look like.
_LONE = re.compile("(?<![\u0370-\u04ff])[\u0410\u0412\u0421\u0391\u0392\u0430](?![\u0370-\u04ff])")
_TWIN = {"\u0410": "A", "\u0412": "B", "\u0421": "C", "\u0391": "A", "\u0392": "B", "\u0430": "a"}


@dataclass(frozen=True, slots=True)
class Folded:
    """A text made plain, and the way back to where each of its characters stood."""

    text: str
    origin: Sequence[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Give the place of `text[start:end]` in the text as it came."""
        if end <= start:
            return (self.origin[start], self.origin[start]) if start < len(self.origin) else (0, 0)
        return self.origin[start], self.origin[end - 1] + 1


def fold(text: str) -> Folded:
    """Read look-alikes as what they look like and drop what cannot be seen."""
    origin: Sequence[int] = range(len(text))
    if not text.isascii():
        if _INVISIBLE.search(text):
            origin = [place for place, character in enumerate(text) if not _INVISIBLE.match(character)]
            text = "".join(text[place] for place in origin)
        text = _LONE.sub(lambda found: _TWIN[found.group()], text.translate(_PLAIN))
    return Folded(text.replace("\r", "\n"), origin)
