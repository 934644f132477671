"""verdict: a pipeline of one `JudgeUnit`."""

from __future__ import annotations

from typing import Any

from ..work import MODEL, Done, Work


def prepare(work: Work) -> Any:
    """The pipeline; its own limit of rates is off."""
    from verdict import Pipeline  # type: ignore[import-not-found, unused-ignore]
    from verdict.common.judge import JudgeUnit  # type: ignore[import-not-found, unused-ignore]
    from verdict.util import ratelimit  # type: ignore[import-not-found, unused-ignore]

    ratelimit.disable()
    told = work.wording.system.replace("{", "{{").replace("}", "}}")
    shown = "Request:\n{source.question}\n\nAnswer A:\n{source.first}\n\nAnswer B:\n{source.second}"
    unit = JudgeUnit().prompt(f"{told}\n\n{shown}")
    return Pipeline() >> unit.via(f"openai/{MODEL}", api_base=work.base_url, api_key="none", retries=1)


def judge(pipeline: Any, work: Work) -> Done:
    """Run it over all pairs."""
    from verdict.schema import Schema  # type: ignore[import-not-found, unused-ignore]

    asked = [Schema.of(question=case.question, first=case.first, second=case.second) for case in work.cases()]
    found, leaves = pipeline.run_from_list(asked, max_workers=work.concurrency, display=False)
    column = found[leaves[0]]
    return Done(int(column.notna().sum()))
