"""Where in a text is the code, and which examples does a question give?"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from .parsing import expression, is_literal, parses, statements

_FENCE = re.compile(
    r"^ {0,3}(```+|~~~+)[ \t]*([\w+#.-]*)[^\n]*\n(.*?)(?:^ {0,3}\1[ \t]*$|\Z)", re.MULTILINE | re.DOTALL
)
_PYTHON = frozenset({"", "python", "python3", "py", "py3", "pycon"})
_DEFINES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign, ast.Import, ast.ImportFrom)
_CALL = re.compile(r"(?<![\w.])[A-Za-z_]\w*\(")
_GIVES = re.compile(
    r"`?[ \t]*(?:={1,3}>?|->|=>|→|➞|⇒|:|(?:should |must |will )?"
    r"(?:returns?|give[sn]?|equals?|be|is|yields?)\b:?)[ \t]*`?",
    re.IGNORECASE,
)
_DOCTEST = re.compile(r"^[ \t]*>>>[ \t]*([A-Za-z_]\w*\([^\n]*\))[ \t]*\n[ \t]*([^\s>][^\n]*)$", re.MULTILINE)
_RETURNS = re.compile(
    r"returns?[ \t]+(?P<value>[^\n]{1,80}?)[ \t]+(?:for|on|given)[ \t]+(?=(?P<input>[^\n]{1,120}))", re.IGNORECASE
)
# What may follow a value, so that it is the whole of what is given: not `2!`, `1,000`, `5 times f(4)`.
_ENDS = re.compile(
    r"(?!\.\d|,\d{3}(?!\d))(?:[ \t]*(?:$|[\n,.;)\]}`\"'#]|//|(?:and|or|because|since|while|as)\b|[A-Za-z_]\w*\())"
)
_ATOM = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|True|False|None|'[^'\n\\]*'|\"[^\"\n\\]*\"")
_CLOSES = {"(": ")", "[": "]", "{": "}"}
_LONGEST = 400  # characters of one call or one value in a question


def code_of(text: str) -> str:
    """The Python of a response: its fenced blocks, or the whole where there are none.

    Of several blocks those that are no Python (a shell's command, an output) are left out, unless none is.
    """
    blocks = [match[3] for match in _FENCE.finditer(text) if match[2].lower() in _PYTHON]
    good = [block for block in blocks if parses(block)]
    return "\n".join(good or blocks) if blocks else text


def holds_code(text: str) -> bool:
    """Whether a text looks like an answer in code: a fenced block, or Python that defines something."""
    if any(match[2].lower() in _PYTHON for match in _FENCE.finditer(text)):
        return True
    try:
        return any(isinstance(part, _DEFINES) for part in statements(text))
    except (SyntaxError, RecursionError):
        return False


def defined_in(code: str) -> set[str]:
    """The names that code defines at its outermost level."""
    try:
        body = statements(code)
    except (SyntaxError, RecursionError):
        return set()
    named = {part.name for part in body if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    targets = [target for part in body if isinstance(part, ast.Assign) for target in part.targets]
    return named | {target.id for target in targets if isinstance(target, ast.Name)}


def examples_of(question: str) -> list[str]:
    """The examples that a question gives, as equations: `f(0) == 0`.

    Read are calls with literals and what they give: `f(0)=0`, `m([1,2,3]) == 2`, `f(2) -> 4`, `f(2) returns 4`, a line
    `>>> f(2)` with its value below; and `returns 3 for [1, 2]` where the question has one name that it calls.
    """
    found = [f"{call} == {value}" for call, value in (*_calls(question), *_doctests(question))]
    return list(dict.fromkeys(found or _worded(question)))


def _calls(text: str) -> Iterator[tuple[str, str]]:
    for start in _CALL.finditer(text):
        end = _closing(text, start.end() - 1)
        gives = _GIVES.match(text, end) if end else None
        value = _value(text, gives.end()) if gives else None
        if value and _literal_call(text[start.start() : end]):
            yield text[start.start() : end], value


def _doctests(text: str) -> Iterator[tuple[str, str]]:
    for call, value in _DOCTEST.findall(text):
        if _literal_call(call) and is_literal(value.strip()):
            yield call, value.strip()


def _worded(text: str) -> Iterator[str]:
    names = {match[0][:-1] for match in _CALL.finditer(text)}
    if len(names) != 1:
        return
    (name,) = names
    for match in _RETURNS.finditer(text):
        given = _value(text, match.start("input"))
        if given and is_literal(match["value"].strip("` ")):
            yield f"{name}({given}) == {match['value'].strip('` ')}"


def _value(text: str, start: int) -> str | None:
    """The literal that begins there, if what follows it does not go on with it."""
    end = _closing(text, start) if text[start : start + 1] in _CLOSES else None
    if end is None:
        atom = _ATOM.match(text, start)
        end = atom.end() if atom else None
    if end is None or not _ENDS.match(text, end):
        return None
    return text[start:end] if is_literal(text[start:end]) else None


def _closing(text: str, start: int) -> int | None:
    """Where the bracket that opens there is closed, strings left alone."""
    open_, quoted, at = [], "", start
    while at < min(len(text), start + _LONGEST):
        sign = text[at]
        if quoted:
            at += sign == "\\"
            quoted = "" if sign == quoted else quoted
        elif sign in "'\"":
            quoted = sign
        elif sign in _CLOSES:
            open_.append(_CLOSES[sign])
        elif sign in ")]}":
            if open_.pop() != sign:
                return None
            if not open_:
                return at + 1
        at += 1
    return None


def _literal_call(text: str) -> bool:
    try:
        call = expression(text)
    except (SyntaxError, RecursionError):
        return False
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        return False
    given = [*call.args, *(word.value for word in call.keywords)]
    return bool(given) and all(is_literal(ast.unparse(part)) for part in given)
