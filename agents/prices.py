"""What does a token cost? Read from the price table that comes with LiteLLM, without importing LiteLLM."""

from __future__ import annotations

import re
from functools import cache
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
    return [model, bare, *([tuned[1]] if tuned else [])]


def _is_of(known: dict[str, Any], model: str) -> bool:
    """Whether an entry is that of the model's own provider, not of another that serves a model of the same name."""
    return str(known.get("litellm_provider")).startswith(model.partition("/")[0] or "openai")


def prices(model: str) -> Prices | None:
    """A model's prices, the dearest of each kind; None where the table knows none."""
    provider = model.partition("/")[0]
    if provider in ("builtin", "replay"):
        return Prices(0.0, 0.0, 0)
    if provider in ("ollama", "ollama_chat"):  # models of one's own machine
        return Prices(0.0, 0.0)
    known = entry(model)
    return None if known is None else dearest(known)


def dearest(known: dict[str, Any]) -> Prices | None:
    """The prices of an entry, the dearest of each kind (long prompts cost more); None where it names none."""
    found = []
    for kind in ("input", "output"):
        plain, tier, written = (
            f"{kind}_cost_per_token",
            f"{kind}_cost_per_token_above_",
            "cache_creation_input_token_cost",
        )
        if known.get(plain) is None:
            return None
        names = [n for n in known if n == plain or n.startswith(tier) or (kind == "input" and n == written)]
        found.append(max(float(known[n]) for n in names if isinstance(known[n], (int, float))))
    return Prices(found[0], found[1], known.get("max_output_tokens"))


def cost_of(model: str, answer: Answer) -> float | None:
    """US dollars that an answer cost by the table; None where the model or the tokens are not known."""
    known = entry(model)
    if known is None or answer.tokens_in is None or answer.tokens_out is None:
        return None
    asked, said = _price(known, "input_cost_per_token", answer.tokens_in), 0.0
    told = _price(known, "output_cost_per_token", answer.tokens_in)
    if asked is None or told is None:
        return None
    cached = min(answer.tokens_cached or 0, answer.tokens_in)
    read = _price(known, "cache_read_input_token_cost", answer.tokens_in)
    out, thought = answer.tokens_out, answer.tokens_reasoning or 0
    thinking = known.get("output_cost_per_reasoning_token")
    if thinking is not None and thought:
        said, out = thought * float(thinking), out - thought
    return (answer.tokens_in - cached) * asked + cached * (asked if read is None else read) + out * told + said


def _price(known: dict[str, Any], name: str, tokens_in: int) -> float | None:
    """The price of that name for a prompt of so many tokens: that of the highest tier that it exceeds."""
    best, price = 0, known.get(name)
    for key, value in known.items():
        tier = _TIER.search(key)
        if tier and key.startswith(f"{name}_above_") and best < int(tier[1]) * 1000 < tokens_in:
            best, price = int(tier[1]) * 1000, value
    return float(price) if isinstance(price, (int, float)) else None
