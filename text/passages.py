"""Into which passages is a document cut, and by which words is one found?"""

from __future__ import annotations

import re
import unicodedata

LONGEST = 800
"""Characters of a passage at most."""

_PARAGRAPH = re.compile(r"\n[^\S\n]*\n\s*")
_SENTENCE = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+|(?<=[。！？])|\n+")
# scripts that put no blanks between words, or write a word's parts as one
_UNSPACED = re.compile(
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003134f]+)"
)
_WORD = re.compile(r"\w+")


def passages(text: str, *, longest: int = LONGEST) -> list[str]:
    r"""Cut a text into passages: whole paragraphs together as far as they fit, else whole sentences, else characters.

    Args:
        text: the document.
        longest: characters of a passage at most.

    >>> passages("One. Two.\n\nThree.", longest=12)
    ['One. Two.', 'Three.']
    """
    found, open_ = [], ""
    for paragraph in _PARAGRAPH.split(text.replace("\r\n", "\n").strip()):
        for n, part in enumerate(_parts(paragraph.strip(), longest)):
            mark = "\n\n" if n == 0 else " "
            if open_ and len(open_) + len(mark) + len(part) > longest:
                found.append(open_)
                open_ = part
            else:
                open_ = f"{open_}{mark}{part}" if open_ else part
    return [*found, open_] if open_ else found


def _parts(paragraph: str, longest: int) -> list[str]:
    """A paragraph whole, or its sentences; one that is too long is cut where a word ends, else anywhere."""
    if len(paragraph) <= longest:
        return [paragraph] if paragraph else []
    parts = []
    for sentence in _SENTENCE.split(paragraph):
        rest = (sentence or "").strip()
        while len(rest) > longest:
            cut = rest.rfind(" ", longest // 2, longest)
            cut = cut if cut > 0 else longest
            parts.append(rest[:cut].rstrip())
            rest = rest[cut:].lstrip()
        if rest:
            parts.append(rest)
    return parts


def index_words(text: str) -> str:
    """The words by which a text is found, blanks between them; of scripts without blanks each two signs are one.

    >>> index_words("Zürich 東京都")
    'zürich 東京 京都 都'
    """
    return " ".join(word for run in _runs(text) for word in (_pairs(run, last=True) if _UNSPACED.match(run) else [run]))


def query_words(query: str, *, most: int = 64) -> list[tuple[str, bool]]:
    """The words that a query asks for, each once, and whether what begins so will do.

    What a search engine would take for an operator is a word like any other, and punctuation is none.

    >>> query_words('title:"x" NEAR(東京) 都')
    [('title', False), ('x', False), ('near', False), ('東京', False), ('都', True)]
    """
    found: dict[str, bool] = {}
    for run in _runs(query):
        if not _UNSPACED.match(run):
            found.setdefault(run, False)
        elif len(run) == 1:
            found.setdefault(run, True)
        else:
            found.update(dict.fromkeys(_pairs(run, last=False), False))
    return list(found.items())[:most]


def _runs(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return [run for word in _WORD.findall(folded) for run in _UNSPACED.split(word) if run]


def _pairs(run: str, *, last: bool) -> list[str]:
    """Each two signs of a run; the last one alone too, so that every sign begins a word."""
    return [run[n : n + 2] for n in range(len(run) - 1)] + ([run[-1]] if last or len(run) == 1 else [])
