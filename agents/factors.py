"""Which factor does a name mean? One of ours, by rule or by a model, or one of a user's own in a file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..text.errors import BadInput
from ..text.factor_rules import BY_NAME
from ..text.factors import Factor, own_factor
from .extractors.known import MODEL_FACTORS
from .own_file import loaded

KNOWN: dict[str, Factor] = {**BY_NAME, **MODEL_FACTORS}
"""All factors of ours by name; those with `model` among their needs are read by a model (`extractors/`)."""
_ABSENT = object()


def factors_of(names: Iterable[str]) -> list[Factor]:
    """The factors of these names, in their order.

    Raises:
        BadInput: if a name means none, or two mean one of the same name.
    """
    found = [factor_of(name) for name in names]
    called = [one.name for one in found]
    if twice := sorted({name for name in called if called.count(name) > 1}):
        raise BadInput(f"Two factors are called `{twice[0]}`.", way_out="name each once")
    return found


def factor_of(name: str) -> Factor:
    """The factor of a name: `length`, or `my.py:factor` of one's own.

    Raises:
        BadInput: if there is none.
    """
    if name in KNOWN:
        return KNOWN[name]
    path, _, attribute = name.rpartition(":")
    if not path.endswith(".py"):
        raise BadInput(
            f"There is no factor `{name}`.", way_out=f"some of {', '.join(KNOWN)}; or FILE.py:NAME of your own"
        )
    module = loaded(Path(path), what="factors", option="--factors", error=BadInput)
    made = getattr(module, attribute, _ABSENT)
    if made is _ABSENT:
        raise BadInput(f"{path} has no `{attribute}`.", way_out="a function, or a plurijudge.text.factors.Factor")
    factor = own_factor(made, name=attribute, where=path)
    if factor.name in KNOWN:
        raise BadInput(f"`{attribute}` in {path} is called `{factor.name}`, as one of ours is.", way_out="rename it")
    return factor
