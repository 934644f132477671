"""openevals: `create_async_llm_as_judge` over LangChain's OpenAI client."""

from __future__ import annotations

import asyncio
from typing import Any

from ..work import MODEL, Done, Work, answers_text


def prepare(work: Work) -> Any:
    """The judge."""
    from langchain_openai import ChatOpenAI  # type: ignore[import-not-found, unused-ignore]
    from openevals.llm import create_async_llm_as_judge  # type: ignore[import-not-found, unused-ignore]

    told = work.wording.system.replace("{", "{{").replace("}", "}}")
    return create_async_llm_as_judge(
        prompt=f"{told}\n\nRequest:\n{{inputs}}\n\n{{outputs}}",
        feedback_key="better",
        judge=ChatOpenAI(model=MODEL, base_url=work.base_url, api_key="none", max_retries=0),
    )


async def judge(better: Any, work: Work) -> Done:
    """Ask each question once."""
    left = work.cases()

    async def worker() -> int:
        given = 0
        for case in left:
            found = await better(inputs=case.question, outputs=answers_text(case))
            given += found["score"] is not None
        return given

    return Done(sum(await asyncio.gather(*(worker() for _ in range(work.concurrency)))))
