"""Which values have the factors on the responses that raters compared? Read page by page, texts let go at once."""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..store.datasets import item_pages
from ..store.engine import Store
from ..store.records import Item, Message, Part, Response
from ..text.factors import Factor, Texts, measured
from .own_verdicts import PROMPT
from .preferences import Rater

Floats = NDArray[np.float64]
Extracted = Callable[[str, list[tuple[str, str]]], ArrayLike]
"""The values that a model gave of a factor, by its name, on these items' responses; NaN where unknown."""

_NEEDED = {
    "prompt": "no item has a prompt",
    "source": "no item has a source (`context`)",
    "given": "no item has a prompt or a source",
    "reference": "no item has a reference",
    "model": "no model was named to read the texts",
}


@dataclass(frozen=True, slots=True)
class PairValues:
    """The factors of the two responses of each pair.

    Attributes:
        factors: those that are known on some pair, in the order asked for.
        unmeasured: those that are not, and why.
        first: shape (n_pairs, n_factors): the values of the first response, NaN where unknown.
        second: the same of the second.
        prompts: shape (n_pairs,): the number of each pair's prompt.
        place: where a pair stands, by item, first and second response.
        models: of each pair who wrote the two, '' where nobody says.
        left_out: how many pairs are not there, by reason.
    """

    factors: tuple[Factor, ...]
    unmeasured: Mapping[str, str]
    first: Floats
    second: Floats
    prompts: NDArray[np.int64]
    place: Mapping[tuple[str, str, str], int]
    models: Sequence[tuple[str, str]]
    left_out: Mapping[str, int]


def pair_values(
    store: Store,
    dataset: str,
    raters: Sequence[Rater],
    factors: Sequence[Factor],
    *,
    extracted: Extracted | None = None,
) -> PairValues:
    """Measure the factors on every response that a rater compared.

    A response is measured once, however many pairs it is in. Items that were made from others to plant something in
    them are left out. Pairs of items with the same `meta.prompt_id`, or else with the same prompt, are of one prompt.

    Args:
        store: the store.
        dataset: the data set's id.
        raters: whose pairs count.
        factors: what is measured.
        extracted: the values of factors that need a model; None where no model read the texts.

    Raises:
        BadInput: if a factor of a user's own fails.
    """
    rules = [factor for factor in factors if factor.compute is not None]
    columns = [array("d") for _ in factors]  # both responses of each pair in turn
    prompts, models, place = array("q"), list[tuple[str, str]](), dict[tuple[str, str, str], int]()
    numbers, left_out, there = dict[str, int](), Counter[str](), set[str]()
    for page in item_pages(store, dataset):
        items = [item for _, item in page]
        wanted = list(_pairs(items, raters, left_out))
        rows, texts = _texts(wanted, there)
        found: dict[str, ArrayLike] = dict(measured(texts, rules))
        if extracted is not None:
            found |= {factor.name: extracted(factor.name, [*rows]) for factor in factors if factor.compute is None}
        told = {name: np.asarray(column, dtype=float).tolist() for name, column in found.items()}
        for item, first, second in wanted:
            place[item.id, first, second] = len(prompts)
            prompts.append(numbers.setdefault(_prompt_of(item), len(numbers)))
            wrote = {response.id: response.model or "" for response in item.responses}
            models.append((wrote[first], wrote[second]))
            for factor, column in zip(factors, columns, strict=True):
                for name in (first, second):
                    column.append(told[factor.name][rows[item.id, name]] if factor.name in told else np.nan)
    table = np.array([np.asarray(column) for column in columns]).reshape(len(factors), -1).T
    one, other = table[0::2], table[1::2]
    sure = (~np.isnan(one) & ~np.isnan(other)).any(axis=0)
    _count_absent(raters, place, left_out)
    return PairValues(
        tuple(factor for factor, kept in zip(factors, sure, strict=True) if kept),
        {factor.name: _why(factor, there) for factor, kept in zip(factors, sure, strict=True) if not kept},
        np.ascontiguousarray(one[:, sure]),
        np.ascontiguousarray(other[:, sure]),
        np.asarray(prompts),
        place,
        models,
        dict(left_out),
    )


def _pairs(items: Sequence[Item], raters: Sequence[Rater], left_out: Counter[str]) -> Iterator[tuple[Item, str, str]]:
    """The pairs of these items that any rater compared, both of whose responses have a text."""
    for item in items:
        told = {(pair.first, pair.second): None for rater in raters for pair in rater.pairs.get(item.id, ())}
        if not told:
            continue
        if item.perturbation is not None:
            left_out["made from others to plant something in them"] += len(told)
            continue
        whole = {response.id for response in item.responses if text_of(response) is not None}
        for first, second in told:
            if {first, second} <= whole:
                yield item, first, second
            else:
                left_out["of responses without a text"] += 1


def _texts(wanted: Sequence[tuple[Item, str, str]], there: set[str]) -> tuple[dict[tuple[str, str], int], list[Texts]]:
    """The texts of all responses of these pairs, each once, and where they stand."""
    rows: dict[tuple[str, str], int] = {}
    texts: list[Texts] = []
    for item, *names in wanted:
        prompt, source, reference = prompt_text(item), item.context, item.reference
        given = {"prompt": prompt, "source": source, "reference": reference, "given": source or prompt}
        there.update(name for name, text in given.items() if text)
        for response in item.responses:
            if response.id in names and (item.id, response.id) not in rows:
                rows[item.id, response.id] = len(texts)
                texts.append(Texts(text_of(response) or "", prompt or None, source or None, reference or None))
    return rows, texts


def text_of(response: Response) -> str | None:
    """The text of a response; None where it has none, such as one that was known by its id alone."""
    if response.text is not None:
        return response.text
    return None if response.parts is None else _joined(response.parts)


def prompt_text(item: Item) -> str:
    """What was asked, the turns of a conversation one after the other; '' where nobody says."""
    if isinstance(item.prompt, str):
        return item.prompt
    return "\n".join(_content(message) for message in item.prompt or [])


def _content(message: Message) -> str:
    return message.content if isinstance(message.content, str) else _joined(message.content)


def _joined(parts: Sequence[Part]) -> str:
    return "\n".join(part.text for part in parts if part.text)


def _prompt_of(item: Item) -> str:
    named = item.meta.get(PROMPT) if isinstance(item.meta, dict) else None
    text = prompt_text(item)
    if named or not text:
        return f"named {named}" if named else f"item {item.parent or item.id}"
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()  # a prompt may be long, and there are many


def _why(factor: Factor, there: set[str]) -> str:
    lacking = [need for need in ("source", "reference", "given", "prompt", "model") if need in factor.needs - there]
    return _NEEDED[lacking[0]] if lacking else "unknown of every response"


def _count_absent(raters: Sequence[Rater], place: Mapping[tuple[str, str, str], int], left_out: Counter[str]) -> None:
    told = {
        (item, pair.first, pair.second) for rater in raters for item, pairs in rater.pairs.items() for pair in pairs
    }
    absent = len(told) - len(place) - sum(left_out.values())
    if absent > 0:
        left_out["of items that are known by their id alone"] += absent
