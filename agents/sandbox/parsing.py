"""How is a stranger's text read as Python? Without running it, and without a word of warning to our own users."""

from __future__ import annotations

import ast
import threading
import warnings
from typing import Any

_LOCK = threading.Lock()  # filters of warnings belong to the process


def statements(text: str) -> list[ast.stmt]:
    """The statements of a text.

    Raises:
        SyntaxError: if it is no Python.
        RecursionError: if it is too deep to be read here.
    """
    body: list[ast.stmt] = _parsed(text, "exec").body
    return body


def expression(text: str) -> ast.expr:
    """The one expression that a text is; raises as `statements` does."""
    body: ast.expr = _parsed(text.strip(), "eval").body
    return body


def is_literal(text: str) -> bool:
    """Whether a text is one literal of Python: a number, a text, or a collection of literals."""
    try:
        ast.literal_eval(expression(text))
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return False
    return True


def parses(text: str) -> bool:
    """Whether a text is Python. What is too deep to be read here is left to others to judge, and counts as read."""
    try:
        statements(text)
    except SyntaxError:
        return False
    except RecursionError:
        return True
    return True


def _parsed(text: str, mode: str) -> Any:
    try:
        with _LOCK, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes that mean nothing, of `is` with a literal
            return compile(text, "<read>", mode, ast.PyCF_ONLY_AST, dont_inherit=True)
    except ValueError:
        raise SyntaxError("not a text") from None
    except MemoryError:
        raise RecursionError from None
