"""Bare LiteLLM: `acompletion` on the same messages, no schema, nothing parsed, nothing kept."""

from __future__ import annotations

import asyncio
from typing import Any

import litellm

from ..work import MODEL, Done, Work


def prepare(work: Work) -> Any:
    """LiteLLM's own function; its advertisements on errors are off."""
    litellm.suppress_debug_info = True
    return litellm.acompletion


async def judge(complete: Any, work: Work) -> Done:
    """Ask each question once."""
    left = work.cases()

    async def worker() -> int:
        given = 0
        for case in left:
            answered = await complete(
                model=f"openai/{MODEL}",
                api_base=work.base_url,
                messages=work.wording.messages(case),
                num_retries=0,
                temperature=0,
                max_tokens=1024,
            )
            given += bool(answered.choices[0].message.content)
        return given

    return Done(sum(await asyncio.gather(*(worker() for _ in range(work.concurrency)))))
