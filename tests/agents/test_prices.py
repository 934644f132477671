"""Do prices read without LiteLLM agree with LiteLLM's own?"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import warnings
from typing import Any

import pytest

from plurijudge.agents import wire
from plurijudge.agents.answer import Answer
from plurijudge.agents.prices import Prices, cost_of, dearest, entry, price_source, prices

PRICED = [
    "openai/gpt-4o",
    "openai/gpt-4o-mini",
    "openai/gpt-4.1",
    "openai/gpt-4.1-nano",
    "openai/gpt-5",
    "openai/gpt-5-mini",
    "openai/gpt-3.5-turbo",
    "openai/o3",
    "openai/o4-mini",
    "openai/ft:gpt-4o-2024-08-06:org::id",
    "anthropic/claude-sonnet-4-5",
    "anthropic/claude-haiku-4-5",
    "anthropic/claude-opus-4-5",
    "anthropic/claude-sonnet-4-6",
    "gemini/gemini-2.5-pro",
    "gemini/gemini-2.5-flash",
    "gemini/gemini-2.5-flash-lite",
    "vertex_ai/gemini-2.5-pro",
    "mistral/mistral-large-latest",
    "mistral/mistral-small-latest",
    "deepseek/deepseek-chat",
    "deepseek/deepseek-reasoner",
    "groq/openai/gpt-oss-120b",
    "groq/openai/gpt-oss-20b",
    "xai/grok-4.3",
    "xai/grok-4.5",
    "deepinfra/Qwen/QwQ-32B",
    "together_ai/meta-llama/Llama-3.3-70B-Instruct-Turbo",
    "cohere/command-r-plus-08-2024",
    "azure/gpt-4o",
    "bedrock/anthropic.claude-3-5-haiku-20241022-v1:0",
    "fireworks_ai/accounts/fireworks/models/deepseek-v3",
]
UNKNOWN = ["openai/no-such-model", "hosted_vllm/gpt-4o", "openai/claude-3-haiku-20240307", "gpt", "", "lm_studio/x"]
TOKENS = [(50, 30, None, None), (1000, 200, 400, 150), (150_000, 5000, 90_000, 4000), (300_000, 5000, 200_000, 0)]
COSTS = [name for name in PRICED if name.startswith("openai/")]


@pytest.fixture(scope="module")
def litellm() -> Any:
    library = wire.library()
    with warnings.catch_warnings():  # its own filters end with the test that imports it: here what would warn is built
        warnings.simplefilter("ignore")
        asked = [{"role": "user", "content": "?"}]
        asyncio.run(library.acompletion(model="openai/m", messages=asked, mock_response="[[A]]", api_key="none"))
    return library


def answer(tokens: tuple[int, int, int | None, int | None], served: str = "") -> Answer:
    read, said, cached, thought = tokens
    return Answer(
        "x", tokens_in=read, tokens_out=said, tokens_cached=cached, tokens_reasoning=thought, served_model=served
    )


def test_token_prices_are_those_that_litellm_knows(litellm: Any) -> None:
    same = 0
    for name in PRICED:
        try:
            theirs = litellm.get_model_info(name)
        except Exception:  # tables change: what a release no longer has is compared no more
            continue
        known, ours = entry(name), prices(name)
        assert known is not None and ours is not None, name
        paid = [f"{kind}_cost_per_token" for kind in ("input", "output")]
        assert [known[kind] for kind in paid] == [theirs[kind] for kind in paid], name
        assert ours.token_in >= theirs["input_cost_per_token"] > 0
        assert ours.token_out >= theirs["output_cost_per_token"] > 0
        assert ours.longest == theirs["max_output_tokens"]
        same += 1
    assert same >= 25


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_model_that_the_table_lacks_has_no_price(name: str) -> None:
    assert entry(name) is None and prices(name) is None
    assert cost_of(name, answer(TOKENS[0])) is None


@pytest.mark.parametrize("service", ["", "flex", "priority", "default"])
@pytest.mark.parametrize("name", COSTS)
def test_an_answer_costs_what_litellm_says(name: str, service: str, litellm: Any) -> None:
    for tokens in TOKENS:
        read, said, cached, thought = tokens
        usage = litellm.Usage(
            prompt_tokens=read,
            completion_tokens=said,
            total_tokens=read + said,
            prompt_tokens_details=None if cached is None else {"cached_tokens": cached},
            completion_tokens_details=None if thought is None else {"reasoning_tokens": thought},
        )
        message = {"role": "assistant", "content": "x"}
        response = litellm.ModelResponse(model=name.partition("/")[2], choices=[{"message": message}], usage=usage)
        theirs = litellm.completion_cost(response, model=name, service_tier=service or None)
        assert cost_of(name, answer(tokens), service=service) == pytest.approx(theirs, abs=1e-9)


def test_a_long_prompt_is_dearer_from_the_first_token_on() -> None:
    known = {
        "input_cost_per_token": 1.0,
        "input_cost_per_token_above_128k_tokens": 2.0,
        "input_cost_per_token_above_200k_tokens": 3.0,
        "output_cost_per_token": 10.0,
        "output_cost_per_token_above_200k_tokens": 20.0,
        "input_cost_per_token_priority": 7.0,
        "input_cost_per_token_above_200k_tokens_priority": 9.0,
        "cache_creation_input_token_cost": 4.0,
        "max_output_tokens": 500,
    }
    assert dearest(known) == Prices(4.0, 20.0, 500)
    assert dearest(known, service="priority") == Prices(9.0, 20.0, 500)
    assert dearest({**known, "output_cost_per_token": None}) is None


def test_what_answered_is_paid_for_not_what_was_asked() -> None:
    dear, cheap = (cost_of(f"openai/{name}", answer(TOKENS[0])) for name in ("gpt-4o", "gpt-4o-mini"))
    assert dear is not None and cheap is not None and dear > cheap
    assert cost_of("openai/gpt-4o", answer(TOKENS[0], "gpt-4o-mini")) == cheap
    assert cost_of("openai/gpt-4o", answer(TOKENS[0], "a-name-of-its-own")) == dear
    assert cost_of("openai/a-gateway-s-alias", answer(TOKENS[0], "gpt-4o")) == dear
    assert cost_of("hosted_vllm/gpt-4o", answer(TOKENS[0], "gpt-4o")) is None


def test_tokens_that_nobody_counted_cost_an_unknown_sum() -> None:
    assert cost_of("openai/gpt-4o", Answer("x")) is None
    assert cost_of("openai/gpt-4o", Answer("x", tokens_in=50)) is None
    assert cost_of("openai/gpt-4o", Answer("x", tokens_in=50, tokens_out=0)) == pytest.approx(50 * 2.5e-6)


def test_models_of_one_s_own_machine_cost_nothing() -> None:
    assert prices("ollama_chat/anything") == prices("ollama/anything") == (0.0, 0.0, None)
    assert prices("builtin/heuristic") == prices("replay/x.jsonl?judge=a") == (0.0, 0.0, 0)


def test_litellm_is_not_imported_for_a_price() -> None:
    program = (
        "import sys; from plurijudge.agents.answer import Answer; from plurijudge.agents import prices as p; "
        "assert p.prices('openai/gpt-4o').token_in > 0 and p.price_source().startswith('litellm '); "
        "assert p.cost_of('openai/gpt-4o', Answer('x', tokens_in=5, tokens_out=5)) > 0; "
        "sys.exit(any(name in sys.modules for name in ('litellm', 'openai', 'aiohttp', 'httpx')))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0
    assert price_source().startswith("litellm ")
