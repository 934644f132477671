"""What does a test claim, so that a host can hold a stranger's values against it without trusting the stranger?

An `assert` is taken apart: what names the code is asked of the code, as values; the rest is a literal, or is computed
where the code is not loaded; and the host compares. An object that says it equals everything is no value. Tests of
other forms (loops, definitions, several statements) run as they stand, except that each `assert left == right` in them
hands over both sides instead of comparing them, and that every other one must come out as true.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .harness import BOTH, FOUND, PLAIN
from .job import Ask
from .parsing import is_literal, statements

_BUILTIN = frozenset(dir(builtins))


@dataclass(frozen=True, slots=True)
class Claim:
    """What one test claims.

    Attributes:
        said: its text.
        asks: what to ask of the code, in order.
        expression: what must hold; None where the test is a block, or is no Python.
        wanted: of a block, the literals that its equations name, by their number.
    """

    said: str
    asks: tuple[Ask, ...] = ()
    expression: ast.expr | None = None
    wanted: tuple[Any, ...] = ()

    @property
    def read(self) -> bool:
        """Whether it is Python at all."""
        return bool(self.asks) or self.expression is not None


def claims_of(texts: Sequence[str], entry: str = "") -> list[Claim]:
    """Read tests: Python that asserts, or bare expressions that must hold.

    Args:
        texts: one or more statements each.
        entry: the name of what is tested, where the tests define `check(candidate)` and do not call it.
    """
    return [claim for text in texts for claim in _read(text, entry)]


def _read(text: str, entry: str) -> list[Claim]:
    try:
        return list(_claims(text, statements(text.strip()), entry))
    except (SyntaxError, RecursionError):
        return [Claim(text)]


def _claims(text: str, body: list[ast.stmt], entry: str) -> Iterator[Claim]:
    body = _unfolded(body, entry)
    simple = [claim for statement in body if (claim := _claim(statement)) is not None]
    if body and len(simple) == len(body):
        for statement, claim in zip(body, simple, strict=True):
            asked = dict(_asked(claim))
            if any(_binds(part) and not whole for part, whole in asked.items()):
                yield _block([statement], ast.unparse(claim))
            else:
                yield Claim(ast.unparse(claim), tuple(Ask(ast.unparse(part)) for part in asked), claim)
        return
    if entry and any(isinstance(part, ast.FunctionDef) and part.name == "check" for part in body):
        body = [*body, *statements(f"check({entry})")] if entry.isidentifier() else body
    yield _block(body, text)


def _block(body: list[ast.stmt], said: str) -> Claim:
    """A test that is run as it stands, but for its asserts."""
    recording = _Recording()
    module = ast.fix_missing_locations(recording.visit(ast.Module(body, [])))
    return Claim(said, (Ask(ast.unparse(module), "block"),), wanted=tuple(map(ast.literal_eval, recording.wanted)))


def _claim(statement: ast.stmt) -> ast.expr | None:
    if isinstance(statement, ast.Assert):
        return statement.test
    return statement.value if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Compare) else None


def _unfolded(body: list[ast.stmt], entry: str) -> list[ast.stmt]:
    """`def check(candidate)` that holds nothing but asserts, and is called once, as these asserts of what is called."""
    checks = [part for part in body if isinstance(part, ast.FunctionDef) and part.name == "check"]
    rest = [part for part in body if part not in checks and not _notes(part)]
    called = [part.value.args[0] for part in rest if _calls_check(part)]  # type: ignore[attr-defined]
    subject = called[0] if called else ast.Name(entry, ast.Load()) if entry.isidentifier() else None
    if len(checks) != 1 or len(rest) != len(called) or len(called) > 1 or not isinstance(subject, ast.Name):
        return body
    check = checks[0]
    asserted = [part for part in check.body if not _notes(part)]
    if [argument.arg for argument in check.args.args] != ["candidate"] or not all(map(_claim, asserted)):
        return body
    named = _Renamed(subject.id)
    return [named.visit(part) for part in asserted]


def _notes(statement: ast.stmt) -> bool:
    """Whether a statement does nothing: a docstring, `pass`, a name given to a literal nobody needs."""
    if isinstance(statement, ast.Assign):
        return all(isinstance(target, ast.Name) and target.id == "METADATA" for target in statement.targets)
    constant = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return constant or isinstance(statement, ast.Pass)


def _calls_check(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Call):
        return False
    call = statement.value
    return isinstance(call.func, ast.Name) and call.func.id == "check" and len(call.args) == 1 and not call.keywords


class _Renamed(ast.NodeTransformer):
    def __init__(self, name: str) -> None:
        self._name = name

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self._name, node.ctx) if node.id == "candidate" else node


class _Recording(ast.NodeTransformer):
    """Statements that hand over what they would have asserted; what it should be stays here where it is a literal."""

    def __init__(self) -> None:
        self.wanted: list[ast.expr] = []

    def visit_Assert(self, node: ast.Assert) -> ast.stmt:
        claim = node.test
        if isinstance(claim, ast.Compare) and len(claim.ops) == 1 and equation(claim):
            left, right = claim.left, claim.comparators[0]
            if is_literal(ast.unparse(left)):
                left, right = right, left
            if not is_literal(ast.unparse(right)):
                return ast.Expr(ast.Call(ast.Name(BOTH, ast.Load()), [left, right], []))
        else:
            left, right = _Plain().visit(claim), ast.Constant(True)
        self.wanted.append(right)
        return ast.Expr(ast.Call(ast.Name(FOUND, ast.Load()), [left, ast.Constant(len(self.wanted) - 1)], []))


class _Plain(ast.NodeTransformer):
    """Comparisons of plain values, whatever methods the stranger's objects have."""

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        if not any(isinstance(op, ast.Is | ast.IsNot) for op in node.ops):
            node.left = _plain(node.left)
            node.comparators = [_plain(side) for side in node.comparators]
        return node


def _plain(node: ast.expr) -> ast.expr:
    return node if isinstance(node, ast.Constant) else ast.Call(ast.Name(PLAIN, ast.Load()), [node], [])


def _asked(node: ast.expr) -> Iterator[tuple[ast.expr, bool]]:
    """What of a claim is to be asked of the code: sides of equations, as a whole; else no more than its own terms."""
    if isinstance(node, ast.BoolOp):
        for part in node.values:
            yield from _asked(part)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield from _asked(node.operand)
    elif isinstance(node, ast.Compare):
        for side in (node.left, *node.comparators):
            if equation(node) and own(side):
                yield side, True
            else:
                yield from ((term, False) for term in terms(side))
    else:
        yield from ((term, False) for term in terms(node))


def equation(node: ast.Compare) -> bool:
    """Whether nothing but `==` is compared: a forger has to know the other side, which the code is not told."""
    return all(isinstance(op, ast.Eq) for op in node.ops)


def own(node: ast.AST) -> bool:
    """Whether an expression names anything that is not Python's: then only the code can say what it is."""
    bound = {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
    bound |= {part.arg for part in ast.walk(node) if isinstance(part, ast.arg)}
    return any(isinstance(part, ast.Name) and part.id not in _BUILTIN | bound for part in ast.walk(node))


def terms(node: ast.AST) -> Iterator[ast.expr]:
    """The largest parts of an expression that are a name of the code's own, with what is called or taken of it."""
    if not own(node):
        return
    if isinstance(node, ast.expr) and (_chain(node) or _binds(node)):
        yield node
        return
    for part in ast.iter_child_nodes(node):
        yield from terms(part)


def _chain(node: ast.expr) -> bool:
    while isinstance(node, ast.Call | ast.Attribute | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return isinstance(node, ast.Name) and node.id not in _BUILTIN


def _binds(node: ast.expr) -> bool:
    """Whether an expression gives names to things, so that its parts cannot stand alone."""
    return isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp | ast.Lambda | ast.NamedExpr)
