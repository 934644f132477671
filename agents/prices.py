"""What does a token cost? Read from the price table that comes with LiteLLM, without importing LiteLLM."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from .answer import Answer

_TABLE = "model_prices_and_context_window_backup.json"
_TUNED = re.compile(r"(ft:[^:]+):")  # a fine-tuned model: its base, then whose it is
_TIER = re.compile(r"_above_(\d+)k_tokens$")


class Prices(NamedTuple):
    """The most that the table asks for a token, in US dollars, and the longest answer it knows of."""

    token_in: float
    token_out: float
    longest: int | None = None


@cache
def price_source() -> str:
    """Where prices come from, with its version."""
    return f"litellm {version('litellm')}"


@cache
def entry(model: str) -> dict[str, Any] | None:
    """The table's entry for a model, by its full name or by that behind its provider; None where it has none.

    Only the entry is kept: the whole table would take tens of megabytes.
    """
    found = find_spec("litellm")
    folders = found.submodule_search_locations if found is not None else None
    if not folders:
        return None
    table = orjson.loads((Path(next(iter(folders))) / _TABLE).read_bytes())
    for name in _names(model):
        known: Any = table.get(name)
        if isinstance(known, dict) and "alias_of" in known:
            known = table.get(known["alias_of"])
        if isinstance(known, dict) and (name == model or _is_of(known, model)):
            return known
    return None


def _names(model: str) -> list[str]:
    """The names under which the table may have a model: in full, behind its provider, and that of its base."""
    provider, _, bare = model.partition("/")
    bare = bare.removeprefix(f"{provider}/")  # a gateway's name for OpenAI's may begin with it
    tuned = _TUNED.match(bare)
    return [model, bare, *([tuned[1]] if tuned else []), bare.lower()]


def _is_of(known: dict[str, Any], model: str) -> bool:
    """Whether an entry is that of the model's own provider, not of another that serves a model of the same name."""
    return str(known.get("litellm_provider")).startswith(model.partition("/")[0] or "openai")


def prices(model: str, *, service: str = "") -> Prices | None:
    """A model's prices, the dearest of each kind; None where the table knows none.

    Args:
        model: by its full name.
        service: the service tier that is asked for, such as `priority`, '' for the provider's plain one.
    """
    provider = model.partition("/")[0]
    if provider in ("builtin", "replay"):
        return Prices(0.0, 0.0, 0)
    if provider in ("ollama", "ollama_chat"):  # models of one's own machine
        return Prices(0.0, 0.0)
    known = entry(model)
    return None if known is None else dearest(known, service=service)


def dearest(known: dict[str, Any], *, service: str = "") -> Prices | None:
    """The prices of an entry, the dearest of each kind (long prompts cost more); None where it names none."""
    found = []
    for kind in ("input", "output"):
        plain = f"{kind}_cost_per_token"
        if known.get(plain) is None:
            return None
        names = [n for n in known if n == plain or (n.startswith(plain) and _TIER.search(n))]
        names += ["cache_creation_input_token_cost"] if kind == "input" else []
        found.append(max(price for n in names if (price := _served(known, n, service)) is not None))
    return Prices(found[0], found[1], known.get("max_output_tokens"))


def cost_of(model: str, answer: Answer, *, service: str = "") -> float | None:
    """US dollars that an answer cost by the table: by the entry of the model that answered, else of that asked.

    Args:
        model: as it was asked, by its full name.
        answer: with the tokens that the server counted.
        service: the service tier that the answer came by, '' for the provider's plain one.

    Returns:
        None where neither model is known, or the server counted no tokens.
    """
    if answer.tokens_in is None or answer.tokens_out is None:
        return None
    tariff = _tariff(model, answer.served_model, service)
    if tariff is None:
        return None
    asked, told = tariff.asked.at(answer.tokens_in), tariff.told.at(answer.tokens_in)
    if asked is None or told is None:
        return None
    cached = min(answer.tokens_cached or 0, answer.tokens_in)
    read = tariff.read.at(answer.tokens_in)
    out, thought = answer.tokens_out, min(answer.tokens_reasoning or 0, answer.tokens_out)
    cost = (answer.tokens_in - cached) * asked + cached * (asked if read is None else read)
    thinking = tariff.thinking
    return cost + (out * told if thinking is None else (out - thought) * told + thought * thinking)


class _Tiered(NamedTuple):
    """A price, and those that hold for prompts of more tokens than a bound, the highest bound first."""

    plain: float | None
    above: tuple[tuple[int, float | None], ...]

    def at(self, tokens_in: int) -> float | None:
        """The price for a prompt of so many tokens."""
        return next((price for bound, price in self.above if tokens_in > bound), self.plain)


class _Tariff(NamedTuple):
    """What tokens cost by kind: read, told, read from a cache, and thought."""

    asked: _Tiered
    told: _Tiered
    read: _Tiered
    thinking: float | None


@lru_cache(maxsize=1024)
def _tariff(model: str, served_model: str, service: str) -> _Tariff | None:
    """The prices of the model that answered, else of that asked; None where the table has neither."""
    served = entry(f"{model.partition('/')[0]}/{served_model}") if served_model else None
    known = entry(model) if served is None else served
    if known is None:
        return None
    return _Tariff(
        _tiered(known, "input_cost_per_token", service),
        _tiered(known, "output_cost_per_token", service),
        _tiered(known, "cache_read_input_token_cost", service),
        _served(known, "output_cost_per_reasoning_token", service),
    )


def _tiered(known: dict[str, Any], name: str, service: str) -> _Tiered:
    """The prices of that name."""
    bounds = {
        int(tier[1]) * 1000: key for key in known if key.startswith(f"{name}_above_") and (tier := _TIER.search(key))
    }
    above = tuple((bound, _served(known, bounds[bound], service)) for bound in sorted(bounds, reverse=True))
    return _Tiered(_served(known, name, service), above)


def _served(known: dict[str, Any], name: str, service: str) -> float | None:
    """The price of that name at a service tier, the plain one where that tier has no price of its own."""
    price = known.get(f"{name}_{service}") if service else None
    price = known.get(name) if price is None else price
    return float(price) if isinstance(price, int | float) else None
