"""Does a test hold of what the code answered? Decided on the host, from values."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .asserts import Claim, equation, own, terms
from .job import Answer
from .values import same, source_of

_COMPARE: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: same,
    ast.NotEq: lambda left, right: not same(left, right),
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}
_AMISS = (TypeError, ValueError, ArithmeticError, RecursionError, MemoryError)


@dataclass(frozen=True, slots=True)
class Held:
    """Whether a test holds.

    Attributes:
        holds: None where that cannot be told.
        why: one word for why it does not, or for why it cannot be told; '' where it holds.
        wants: expressions to compute where the code is not loaded; then it can be told.
    """

    holds: bool | None
    why: str = ""
    wants: tuple[str, ...] = ()


_LOST = frozenset({"timeout", "output", "died", "unanswered", "tampered", "MemoryError"})


class _Failed(Exception):
    """The code did not give what it was asked for; the text is one word for why."""


class _Untold(Exception):
    """It cannot be told; the text is one word for why."""


class _Object:
    """What stands for an object that is no value: the same as nothing, not even as itself."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return False

    def __bool__(self) -> bool:
        raise _Untold("no_value")


def hold(claim: Claim, answers: Sequence[Answer], plain: Mapping[str, Answer]) -> Held:
    """Whether a test holds.

    Args:
        claim: what it claims.
        answers: to its asks, in order.
        plain: what was computed where the code is not loaded, by its text.
    """
    if not claim.read:
        return Held(None, "unreadable_test")
    if claim.expression is None:
        return _recorded(answers[0], claim.wanted)
    view = _View({ask.source: answer for ask, answer in zip(claim.asks, answers, strict=True)}, plain)
    try:
        holds = view.truth(claim.expression)
    except _Failed as failed:
        return Held(None if str(failed) == "unanswered" else False, str(failed))
    except _Untold as untold:
        return Held(None, str(untold))
    except _AMISS as amiss:
        return Held(False, type(amiss).__name__)
    if view.wants:
        return Held(None, "plain", tuple(view.wants))
    return Held(holds, "" if holds else "differs")


def _recorded(answer: Answer, literals: Sequence[Any]) -> Held:
    if answer.error:
        return Held(None if answer.error == "unanswered" else False, answer.error)
    for found, wanted in answer.pairs:
        if isinstance(wanted, int) and not 0 <= wanted < len(literals):
            return Held(False, "tampered")
        if not isinstance(wanted, int) and wanted.error:
            return Held(None, "no_value")
        value = literals[wanted] if isinstance(wanted, int) else wanted.plain()
        if found.error or not same(found.plain(), value):
            return Held(False, found.error or "differs")
    return Held(True)


class _View:
    """One claim, with what is known of its parts."""

    def __init__(self, told: Mapping[str, Answer], plain: Mapping[str, Answer]) -> None:
        self._told, self._plain = told, plain
        self.wants: list[str] = []

    def truth(self, node: ast.expr) -> bool:
        """Whether it is true, as far as is known; what is not known is added to what it wants, and taken as true."""
        if isinstance(node, ast.BoolOp):
            parts = [self.truth(part) for part in node.values]
            return all(parts) if isinstance(node.op, ast.And) else any(parts)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return not self.truth(node.operand)
        if not isinstance(node, ast.Compare):
            return bool(self._term(node))
        sides = [self._side(side, node) for side in (node.left, *node.comparators)]
        if self.wants:
            return True
        return all(map(self._compared, node.ops, sides, sides[1:]))

    def _compared(self, op: ast.cmpop, left: Any, right: Any) -> bool:
        if isinstance(right, _Object) and not isinstance(op, ast.Is | ast.IsNot):
            raise _Untold("no_value")
        if isinstance(left, _Object) and not isinstance(op, ast.Eq | ast.Is | ast.IsNot):
            raise _Untold("no_value")
        return bool(_COMPARE[type(op)](left, right))

    def _side(self, node: ast.expr, claim: ast.Compare) -> Any:
        return self._answered(node) if equation(claim) and own(node) else self._term(node)

    def _answered(self, node: ast.expr) -> Any:
        """What the code answered."""
        answer = self._told[ast.unparse(node)]
        if answer.error == "no_value":
            return _Object()
        if answer.error:
            raise _Failed(answer.error)
        return answer.plain()

    def _term(self, node: ast.expr) -> Any:
        """The value of an expression whose terms the code has answered: computed, with their values in their place."""
        asked = list(terms(node))
        if asked == [node]:
            return self._answered(node)
        source = ast.unparse(node)
        if not asked:
            try:
                return ast.literal_eval(node)
            except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
                return self._computed(source, filled=False)
        values = {ast.unparse(term): self._answered(term) for term in asked}
        written = {name: source_of(value) for name, value in values.items()}
        if None in written.values():
            raise _Untold("no_value")
        filled = _Filled({name: text for name, text in written.items() if text is not None})
        return self._computed(ast.unparse(filled.visit(ast.parse(source, mode="eval"))), filled=True)

    def _computed(self, source: str, *, filled: bool) -> Any:
        """What an expression is in which no name is the code's; it may be the code's values that make it fail."""
        answer = self._plain.get(source)
        if answer is None:
            self.wants.append(source)
            return True
        if answer.error == "no_value":
            return _Object()
        if answer.error:
            raise _Failed(answer.error) if filled and answer.error not in _LOST else _Untold("unreadable_test")
        return answer.plain()


class _Filled(ast.NodeTransformer):
    """An expression with values in the place of terms."""

    def __init__(self, written: Mapping[str, str]) -> None:
        self._written = written

    def visit(self, node: ast.AST) -> Any:
        """Put the value in the place of a term, the largest first."""
        if isinstance(node, ast.expr) and (text := self._written.get(ast.unparse(node))) is not None:
            return ast.parse(text, mode="eval").body
        return self.generic_visit(node)
