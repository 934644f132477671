"""Which language is a text in? By its script, and for Latin letters by its commonest little words."""

from __future__ import annotations

import re
from collections import Counter

_SCRIPTS: tuple[tuple[str, str], ...] = (
    ("ja", r"[\u3040-\u30ff]"),
    ("ko", r"[\u1100-\u11ff\uac00-\ud7af]"),
    ("zh", r"[\u3400-\u9fff]"),
    ("ru", r"[\u0400-\u04ff]"),
    ("ar", r"[\u0600-\u06ff]"),
    ("he", r"[\u0590-\u05ff]"),
    ("el", r"[\u0370-\u03ff]"),
    ("hi", r"[\u0900-\u097f]"),
    ("th", r"[\u0e00-\u0e7f]"),
)
_LITTLE: dict[str, frozenset[str]] = {
    name: frozenset(words.split())
    for name, words in {
        "en": "the and of to is in that it for with as are this not be on by from or you which can was at have an if",
        "de": "der die das und ist nicht ein eine zu den mit von auf für im dem des auch als es wird sind oder werden",
        "fr": "le la les et est une des du dans que qui pour pas sur au par avec il ce cette sont plus ne vous ou être",
        "es": "el la los las y es una que en de por con para no del se su al como más lo está son o un pero este",
        "it": "il la che di è una per non con del della sono si lo gli le più un ma come nel anche questo da al ed",
        "pt": "o a os as e é uma que em de por com para não do da no na se um mais como são ou dos das ao pelo isso",
        "nl": "de het een en is van niet dat op te in voor met zijn die er aan ook als bij door worden maar naar of",
    }.items()
}
KNOWN = tuple(dict.fromkeys([*_LITTLE, *(name for name, _ in _SCRIPTS)]))
"""The codes (ISO 639-1) of the languages that are told apart; Cyrillic letters count as Russian."""
_CODE = re.compile(r"(?s)```.*?(?:```|\Z)|`[^`\n]*`|\b[a-z][a-z0-9+.-]*://\S+")
_WORD = re.compile(r"[^\W\d_]+")
_LEAST = 3  # little words that tell a language; fewer tell nothing


def language_of(text: str) -> str:
    """The code of a text's language; '' where too little of it is there to tell, or two are as likely.

    >>> language_of("The water is in the glass and it is cold."), language_of("Das Wasser ist im Glas und es ist kalt.")
    ('en', 'de')
    >>> language_of("水は冷たい。"), language_of("水是冷的。"), language_of("Paris")
    ('ja', 'zh', '')
    """
    prose = _CODE.sub(" ", text)
    words = _WORD.findall(prose)
    letters = sum(map(len, words))
    if not letters:
        return ""
    for name, script in _SCRIPTS:
        share = len(re.findall(script, prose)) / letters
        if share > (0.1 if name == "ja" else 0.3):
            return name
    counts = Counter(map(str.lower, words))
    found = sorted(((sum(counts[one] for one in little), name) for name, little in _LITTLE.items()), reverse=True)
    (most, name), (next_most, _) = found[:2]
    return name if most >= _LEAST and most > next_most else ""
