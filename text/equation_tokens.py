"""What are the parts of an equation in prose? Numbers, signs, brackets, unit words, and what cannot be read."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LETTERS = "A-Za-zÀ-ÖØ-öø-ÿ°µ'’"
_TOKEN = re.compile(
    r"(?P<bad>(?<![0-9])(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{1,2}/[0-9]{1,2}/[0-9]{2,4}(?!\w)|[0-9]++:[0-9]++)"
    r"|[<>!]=|=>|[<>&|_#~{}@]|\\frac)"
    r"|(?P<eq>==?|≈|≅|≃|\\approx|\\simeq)"
    r"|(?P<money>(?:US|\\)?[$€£¥₹] *+(?=[0-9.(\[]))?(?P<number>(?<![\w.,])(?:[0-9][0-9.,]*+|\.[0-9]++))"
    r"(?P<ten> ?(?:[x×·*]|\\times) ?10(?:\^|\*\*)[{(]?[-+−]?[0-9]{1,3}[)}]?)?"
    r"(?P<percent>\s?\\?%|\s?percent\b)?(?P<square>[²³])?"
    r"|(?P<cash>(?:US|\\)?[$€£¥₹])"
    rf"|(?P<word>(?:\\(?:text|mathrm)\{{[^{{}}]{{0,40}}\}}|[{_LETTERS}]++(?:-[A-Za-z]++)*+(?:\^[23]|[²³])?)\.?"
    r"(?=/?[\s\])}+*/=,;:.!?×÷−\"“”-]|$))"
    rf"|(?P<letters>[{_LETTERS}]++)"
    r"|(?P<op>\*\*|\\\*|\\times|\\cdot|\\div|[-+*/^×·⋅∙÷−–✕])"
    r"|(?P<lp>(?:\\left)?[(\[])|(?P<rp>(?:\\right)?[)\]])"
    r"|(?P<skip>\\[,;!]|\s++)|(?P<fence>\\[()\[\]])|(?P<stop>[0-9]++|.)",
    re.DOTALL,
)
_OPERATORS = {
    "×": "*", "·": "*", "⋅": "*", "∙": "*", "✕": "*", "÷": "/", "−": "-", "–": "-", "**": "^",
    "\\*": "*", "\\times": "*", "\\cdot": "*", "\\div": "/",
}  # fmt: skip
_WORDED = {"plus": "+", "minus": "-", "times": "*"}
_UNITS = frozenset("m g l L h s A W V J N K C F".split())  # one letter, behind a blank
_ATTACHED = frozenset(
    "km cm mm mi ft in yd kg mg lb lbs oz ml cl l kwh kw mw gb mb tb kb mph kmh kph hr hrs h min mins sec secs ms "
    "cents usd eur gbp km² m² cm² km^2 cm^2 km^3 cm^3".split()
)  # to digits
_SCALES = frozenset("hundred thousand million billion trillion k remainder r".split())
_BULLETS = re.compile(r"\s*(?:[-*•+]\s+|[0-9]{1,3}[.)]\s+|#+\s+)*")


@dataclass(frozen=True, slots=True)
class Token:
    """A part of a line.

    Attributes:
        kind: `number`, `op`, `lp`, `rp`, `eq`, `word` (a unit, or any word), `stop` (punctuation), or `bad`: a
            variable, a date, a time, a ratio, whatever makes an equation unreadable.
        text: digits as written (with `e3` for `x 10^3`), a sign as a calculator has it, a word in small letters.
        start: where it begins in the line.
        end: where it ends.
        percent: whether a percent sign stands behind the number.
        money: the currency sign before it.
    """

    kind: str
    text: str
    start: int
    end: int
    percent: bool = False
    money: str = ""


def tokens_of(line: str) -> list[Token]:
    """Cut a line into tokens, markup and list marks left out, words for signs put in their place."""
    found: list[Token] = []
    begun = _BULLETS.match(line)
    at = begun.end() if begun else 0
    while at < len(line):
        match = _TOKEN.match(line, at)
        assert match is not None, "the last alternative takes any character"
        kind, said, start = str(match.lastgroup), match.group(), at
        if match["number"] is not None:
            found += _number(line, match)
            at = found[-1].end
            continue
        at = match.end()
        if kind == "op":
            found += _sign(line, said, start, at)
        elif kind == "word" or kind == "letters" and len(said) == 1:
            found.append(_worded(line, said, start, at, found))
        elif kind == "fence":  # of a formula
            found.append(Token("stop", ";", start, at))
        elif kind not in ("skip", "cash"):
            unreadable = kind == "letters" or said.isalnum()
            found.append(Token("bad" if unreadable else kind, said, start, at))
    return found


def _number(line: str, match: re.Match[str]) -> list[Token]:
    """A number with what belongs to it; `5²` becomes `5^2`, and a full stop behind digits is none of them."""
    digits, at = match["number"].rstrip(".,"), match.end()
    if len(digits) < len(match["number"]):
        return [_plain(match, digits, match.start("number") + len(digits))]
    if match["ten"] and "," in digits:
        return [_plain(match, digits, match.end("number"))]
    if match["ten"]:
        power = re.findall(r"[-+−]?[0-9]+", match["ten"])[-1].replace("−", "-")
        digits += f"e{power}"
    if match["percent"] and re.compile(r"\s?[0-9]").match(line, match.end("percent")):  # 17 % 5
        return [_plain(match, digits, match.end("ten") if match["ten"] else match.end("number"))]
    number = Token("number", digits, match.start(), at, bool(match["percent"]), (match["money"] or "").strip())
    if not match["square"]:
        return [number]
    return [number, Token("op", "^", at, at), Token("number", "23"["²³".index(match["square"])], at, at)]


def _plain(match: re.Match[str], digits: str, end: int) -> Token:
    return Token("number", digits, match.start(), end, False, (match["money"] or "").strip())


def _sign(line: str, said: str, start: int, end: int) -> list[Token]:
    """An operator; nothing where `**` is bold type."""
    before, behind = line[start - 1 : start], line[end : end + 1]
    spaced = before == behind == " "
    if said == "**" and not spaced and not (_solid(before) and _solid(behind)):
        return []
    named = said == "-" and before.isalpha() and behind.isalnum()  # base-9
    if named or said == "–" and not spaced:
        return [Token("bad", said, start, end)]
    return [Token("op", _OPERATORS.get(said, said), start, end)]


def _solid(sign: str) -> bool:
    return bool(sign) and not sign.isspace() and sign not in ".,;:!?="


def _worded(line: str, said: str, start: int, end: int, found: list[Token]) -> Token:
    """A word as a token: `x` between numbers and `plus` are signs, single letters are variables, the others units."""
    word, behind, last = said.lower().rstrip("."), line[end : end + 8].lstrip(" "), found[-1] if found else None
    if last is None:
        return Token("bad" if len(word) == 1 and word not in "ai" else "word", word, start, end)
    if word in ("x", "times", "plus", "minus") and last.kind in ("number", "rp", "word"):
        if word == "x" and re.match(r"10[0-9]{2}(?![0-9])", behind):  # 6 x 1023: a power of ten that lost its height
            return Token("bad", said, start, end)
        if re.match(r"[0-9(.$€£\[]", behind):
            return Token("op", _WORDED.get(word, "*"), start, end)
    if word == "of" and (last.percent or _is_fraction(found)):
        return Token("op", "*", start, end)
    if word in _SCALES and last.kind == "number" or said.startswith("\\") and "{" not in said:
        return Token("bad", said, start, end)
    attached = last.kind in ("number", "rp") and last.end == start
    single = len(re.split(r"[\^²³]", word)[0]) == 1 or any(len(part) == 1 for part in word.split("-"))
    unit = said[0] in _UNITS and (last.kind == "number" or last.text == "/")
    if attached and word not in _ATTACHED or single and not unit and (attached or word not in ("a", "i")):
        return Token("bad", said, start, end)
    return Token("word", word, start, end)


def _is_fraction(found: list[Token]) -> bool:
    """Whether the last three tokens are a fraction written closely: `3/5`."""
    if [token.kind for token in found[-3:]] != ["number", "op", "number"] or found[-2].text != "/":
        return False
    return found[-3].end == found[-2].start and found[-2].end == found[-1].start
