"""deepeval: one `GEval` metric with given steps, so that it makes one call a test case."""

from __future__ import annotations

from typing import Any

from ..work import MODEL, Done, Work, answers_text


def prepare(work: Work) -> Any:
    """The metric and its model."""
    from deepeval.metrics import GEval  # type: ignore[import-not-found, unused-ignore]
    from deepeval.models import GPTModel  # type: ignore[import-not-found, unused-ignore]

    try:
        from deepeval.test_case import SingleTurnParams as Shown  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        from deepeval.test_case import LLMTestCaseParams as Shown  # type: ignore[import-not-found, unused-ignore]
    model = GPTModel(model=MODEL, base_url=work.base_url, api_key="none")
    return GEval(
        name="better",
        evaluation_steps=[work.wording.system],
        evaluation_params=[Shown.INPUT, Shown.ACTUAL_OUTPUT],
        model=model,
    )


def judge(metric: Any, work: Work) -> Done:
    """Evaluate all test cases; progress and its cache on disk are off."""
    from deepeval import evaluate  # type: ignore[import-not-found, unused-ignore]
    from deepeval.evaluate import AsyncConfig, CacheConfig, DisplayConfig  # type: ignore[import-not-found, unused-ignore]
    from deepeval.test_case import LLMTestCase  # type: ignore[import-not-found, unused-ignore]

    result = evaluate(
        [LLMTestCase(input=case.question, actual_output=answers_text(case)) for case in work.cases()],
        [metric],
        async_config=AsyncConfig(max_concurrent=work.concurrency, run_async=True, throttle_value=0),
        display_config=DisplayConfig(show_indicator=False, print_results=False),
        cache_config=CacheConfig(write_cache=False),
    )
    scored = [one.metrics_data for one in result.test_results]
    return Done(sum(bool(data) and data[0].score is not None for data in scored))
