"""pydantic-evals: a data set of cases with one `LLMJudge`."""

from __future__ import annotations

from typing import Any

from ..work import MODEL, Done, Work, answers_text


def prepare(work: Work) -> Any:
    """The evaluator."""
    from pydantic_ai.models.openai import OpenAIChatModel  # type: ignore[import-not-found, unused-ignore]
    from pydantic_ai.providers.openai import OpenAIProvider  # type: ignore[import-not-found, unused-ignore]
    from pydantic_evals.evaluators import LLMJudge  # type: ignore[import-not-found, unused-ignore]

    model = OpenAIChatModel(MODEL, provider=OpenAIProvider(base_url=work.base_url, api_key="none"))
    return LLMJudge(rubric=work.wording.system, model=model, include_input=True)


async def judge(better: Any, work: Work) -> Done:
    """Evaluate all cases; the task only hands the recorded answers on."""
    from pydantic_evals import Case, Dataset  # type: ignore[import-not-found, unused-ignore]

    recorded = {case.question + str(case.key.in_order): answers_text(case) for case in work.cases()}
    asked = [
        Case(
            name=f"{case.key.number}-{int(case.key.in_order)}",
            inputs={"question": case.question, "answers": case.question + str(case.key.in_order)},
        )
        for case in work.cases()
    ]

    async def task(inputs: dict[str, str]) -> str:
        return recorded[inputs["answers"]]

    report = await Dataset(name="cases", cases=asked, evaluators=[better]).evaluate(
        task, max_concurrency=work.concurrency, progress=False
    )
    return Done(sum(bool(case.assertions) for case in report.cases))
