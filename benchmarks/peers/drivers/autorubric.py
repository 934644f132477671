"""autorubric: one criterion, graded once an answer."""

from __future__ import annotations

import asyncio
from typing import Any

from ..work import MODEL, Done, Work, answers_text


def prepare(work: Work) -> Any:
    """The grader and its rubric."""
    from autorubric import Criterion, LLMConfig, Rubric  # type: ignore[import-not-found, unused-ignore]
    from autorubric.graders import CriterionGrader  # type: ignore[import-not-found, unused-ignore]

    config: dict[str, Any] = {"model": f"openai/{MODEL}", "max_parallel_requests": work.concurrency}
    if "api_base" in LLMConfig.__dataclass_fields__:
        config |= {"api_base": work.base_url, "api_key": "none"}
    rubric = Rubric([Criterion(name="better", weight=1.0, requirement=work.wording.system)])
    return rubric, CriterionGrader(llm_config=LLMConfig(**config))


async def judge(made: Any, work: Work) -> Done:
    """Grade each pair once."""
    rubric, grader = made
    left = work.cases()

    async def worker() -> int:
        given = 0
        for case in left:
            report = await rubric.grade(to_grade=answers_text(case), grader=grader, query=case.question)
            given += report.score is not None and not getattr(report, "error", None)
        return given

    return Done(sum(await asyncio.gather(*(worker() for _ in range(work.concurrency)))))
