"""What is a factor, and which values has it on many texts? Each text is cut into words once, whatever the factors."""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from .errors import BadInput
from .segments import Segmented

Need = Literal["prompt", "source", "given", "reference", "model"]
Level = Literal[1, 2, 3]
Direction = Literal[-1, 0, 1]
Language = Literal["any", "English"]

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_KEPT = 64  # prompts, sources and references whose words are kept: responses to one come together


class Texts(NamedTuple):
    """One response and what it is compared with.

    Attributes:
        response: the text that is measured.
        prompt: what was asked; None where there is none.
        source: what the response was to be made from, such as a document; None where there is none.
        reference: an answer known to be good; None where there is none.
    """

    response: str
    prompt: str | None = None
    source: str | None = None
    reference: str | None = None


class Judged(NamedTuple):
    """The same texts, cut into words and sentences: what a factor is computed from.

    Attributes:
        response: the text that is measured.
        prompt: what was asked; None where there is none.
        source: what the response was to be made from; None where there is none.
        reference: an answer known to be good; None where there is none.
    """

    response: Segmented
    prompt: Segmented | None = None
    source: Segmented | None = None
    reference: Segmented | None = None

    @property
    def given(self) -> Segmented | None:
        """What the response could take its words from: the source, or the prompt where there is none."""
        return self.prompt if self.source is None else self.source


Compute = Callable[[Judged], float | None]


@dataclass(frozen=True, slots=True)
class Factor:
    """Something of a response that a preference may go with.

    Attributes:
        name: lower-case letters, digits and `_`, a letter first; no two factors share one.
        says: what is counted, in words.
        level: 3 is read off the text; 2 is put together from parts, or from a comparison with another text; 1 asks
            whether the whole does what was wanted.
        direction: 1 where more is held to be better, -1 where it is held to be worse, 0 where nothing is held. It
            says how to read an influence, and changes no number.
        needs: what must be there besides the response. `given` is the source, or the prompt where there is none;
            `model` is a model that reads the text. Where one lacks, the value is unknown.
        compute: from a `Judged` the value, a finite number, or None where it is unknown; None itself where a model is
            needed, whose answers come from elsewhere.
        language: `English` where the rule knows English words or spelling, and means little elsewhere.
        tolerance: values that differ by no more than this are alike; 0 for what is counted. Fix it before looking.

    Raises:
        ValueError: if the name, the tolerance or the pair of `needs` and `compute` does not hold.
    """

    name: str
    says: str
    compute: Compute | None
    level: Level = 3
    direction: Direction = 0
    needs: frozenset[Need] = frozenset()
    language: Language = "any"
    tolerance: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what could not be measured or named."""
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"`name` is {self.name!r}; needed are lower-case letters, digits and `_`, a letter first.")
        if not 0 <= self.tolerance < math.inf:
            raise ValueError(f"`tolerance` is {self.tolerance}; needed is a number of 0 or more.")
        if (self.compute is None) != ("model" in self.needs):
            raise ValueError(f"`{self.name}` needs `compute`, or `model` among its `needs`, and not both.")


def measured(texts: Iterable[Texts], factors: Sequence[Factor]) -> dict[str, array[float]]:
    """The values of many factors on many texts.

    Args:
        texts: of each response the texts. Those of one prompt are best given together: the words of the last prompts,
            sources and references are kept.
        factors: without a model; each name once.

    Returns:
        By the factor's name one number a text, in the same order; NaN where it is unknown, which is what a share of
        nothing is. `numpy.asarray` takes such an array without a copy.

    Raises:
        BadInput: if a factor fails on a text, or gives what is no finite number.
        ValueError: if a factor needs a model, or two share a name.

    >>> words = Factor("length", "words", lambda judged: len(judged.response.words))
    >>> measured([Texts("One two."), Texts("")], [words])["length"].tolist()
    [2.0, 0.0]
    """
    names = [factor.name for factor in factors]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"Two factors are called `{twice[0]}`.")
    if asked := [factor.name for factor in factors if factor.compute is None]:
        raise ValueError(f"`{asked[0]}` needs a model; its values are not computed here.")
    columns = {name: array("d") for name in names}
    work = [(factor, factor.compute, columns[factor.name].append) for factor in factors if factor.compute]
    kept = lru_cache(maxsize=_KEPT)(Segmented)
    for number, (response, *others) in enumerate(texts):
        judged = Judged(Segmented(response), *(None if other is None else kept(other) for other in others))
        given = judged.given
        there = {"prompt": judged.prompt, "source": judged.source, "given": given, "reference": judged.reference}
        for factor, compute, append in work:
            for need in factor.needs:
                if there[need] is None:
                    append(math.nan)
                    break
            else:
                append(_value(factor, compute, judged, number))
    return columns


def _value(factor: Factor, compute: Compute, judged: Judged, number: int) -> float:
    try:
        found = compute(judged)
    except Exception as error:  # a user's own code
        raise BadInput(
            f"The factor `{factor.name}` failed on text {number + 1}: {type(error).__name__}: {error}."
        ) from error
    if found is None:
        return math.nan
    try:
        value = float(found)
    except (TypeError, ValueError):
        value = math.inf
    if math.isinf(value):
        raise BadInput(
            f"The factor `{factor.name}` gave {found!r} for text {number + 1}.",
            way_out="a finite number, or None where the value is unknown",
        )
    return value


def own_factor(made: object, *, name: str, where: str) -> Factor:
    """A user's own factor: a `Factor`, or a function from a `Judged` to a number or None.

    Args:
        made: what the user's file has under the name.
        name: that name; a function's factor is called so.
        where: the file, for the message.

    Raises:
        BadInput: if it is neither.
    """
    if isinstance(made, Factor):
        return made
    if not callable(made) or isinstance(made, type):
        raise BadInput(
            f"`{name}` in {where} is no factor.",
            way_out="a plurijudge.text.factors.Factor, or a function from its `Judged` to a number or None",
        )
    says = (getattr(made, "__doc__", None) or f"`{name}` in {where}").strip().partition("\n")[0]
    try:
        return Factor(name, says, made)
    except ValueError as error:
        raise BadInput(f"`{name}` in {where} cannot be a factor: {error}", way_out="rename it") from error
