"""inspect_ai: `model_graded_qa` over samples whose output is there already."""

from __future__ import annotations

import os
from typing import Any

from ..work import Done, Work, answers_text


def prepare(work: Work) -> Any:
    """The solver that hands the recorded answers on, and the scorer."""
    os.environ.update(LOOPBACK_API_KEY="none", LOOPBACK_BASE_URL=work.base_url)
    from inspect_ai.scorer import model_graded_qa  # type: ignore[import-not-found, unused-ignore]
    from inspect_ai.solver import solver  # type: ignore[import-not-found, unused-ignore]

    @solver  # type: ignore[untyped-decorator, unused-ignore]
    def recorded() -> Any:
        async def solve(state: Any, _generate: Any) -> Any:
            state.output.completion = state.metadata["answers"]
            return state

        return solve

    judge_model = "openai-api/loopback/judge"
    return recorded(), model_graded_qa(model=judge_model, instructions=_instructions(work)), judge_model


def _instructions(work: Work) -> str:
    """The same instruction, ending in the grade that this scorer looks for."""
    told = work.wording.system.replace("{", "(").replace("}", ")")
    return f"{told}\n\nEnd with 'GRADE: C' if answer A is better, or 'GRADE: I' if it is not."


def judge(made: Any, work: Work) -> Done:
    """Evaluate once; its log goes into the work's folder, as it would into a user's."""
    from inspect_ai import Task, eval as evaluate  # type: ignore[import-not-found, unused-ignore]
    from inspect_ai.dataset import MemoryDataset, Sample  # type: ignore[import-not-found, unused-ignore]

    recorded, scorer, judge_model = made
    samples = [
        Sample(
            id=f"{case.key.number}-{int(case.key.in_order)}",
            input=case.question,
            target="the better answer",
            metadata={"answers": answers_text(case)},
        )
        for case in work.cases()
    ]
    [log] = evaluate(
        Task(dataset=MemoryDataset(samples), solver=recorded, scorer=scorer),
        model=judge_model,
        max_connections=work.concurrency,
        max_samples=work.concurrency,
        display="none",
        log_dir=str(work.folder / "logs"),
    )
    if log.results is None:
        raise RuntimeError(f"inspect_ai ended with status {log.status}: {log.error}")
    return Done(log.results.scores[0].scored_samples or 0)
