"""How is a judge audited? Items as they are, judged twice, and each again with every cue on either side.

    perturb > judge > compare

`perturbed` (here) derives the items; the judge graph judges them, the untouched ones twice, as one run that can be
stopped and gone on with; analyses/audit.py compares the verdicts. Calls go through the cache: adding one bias
to an audit costs that bias alone.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..agents.judge import Judge
from ..agents.perturbers.base import Perturber, Unfit
from ..analyses.audit import Audit, audit as measured, save
from ..store.faults import Fault
from ..store.records import Item
from ..text.errors import BadInput, BadJudge, NothingToJudge, PlurijudgeError
from .plan import Plan

if TYPE_CHECKING:
    from .outcome import Outcome
    from .study import Study

CONTROLS = 2  # how often an untouched item is judged: less than twice tells nothing of the judge's own noise


@dataclass(frozen=True, slots=True)
class Audited:
    """What came of an audit.

    Attributes:
        found: what was measured; None where the run was stopped.
        outcome: the run.
        set_aside: what is wrong with the items that were not judged.
    """

    found: Audit | None
    outcome: Outcome
    set_aside: tuple[Fault, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {
            "audit": None if self.found is None else self.found.to_dict(),
            "outcome": self.outcome.to_dict(),
            "set_aside": [str(fault) for fault in self.set_aside],
        }


def perturbed(
    items: Iterable[Item],
    perturbers: Sequence[Perturber],
    *,
    seed: int = 0,
    unfit: Counter[tuple[str, str]] | None = None,
) -> Iterator[Item]:
    """Each item, and what is derived from it.

    Args:
        items: pairs; those of another number of responses come through as they are, and are set aside when judged.
        perturbers: what is planted.
        seed: of what is drawn.
        unfit: how many items cannot be perturbed in a way, by bias and reason, is counted here.

    Raises:
        BadInput: if a perturber of a user's own fails.
    """
    for item in items:
        yield item
        if item.parent or len(item.responses) != 2:
            continue
        for perturber in perturbers:
            for side in [response.id for response in item.responses] if perturber.sided else [""]:
                try:
                    yield perturber.derived(item, side, seed=seed)
                except Unfit as why:
                    if unfit is not None:
                        unfit[perturber.name, str(why)] += 1
                except PlurijudgeError:
                    raise
                except Exception as error:
                    said = f"{type(error).__name__}: {error}"
                    raise BadInput(f"The bias `{perturber.name}` failed on the item `{item.id}`: {said}.") from error


def check(judge: Judge) -> None:
    """Refuse a judge that an audit has nothing to plant for.

    Raises:
        BadJudge: if it judges no pairs.
    """
    if judge.protocol != "pairwise":
        raise BadJudge(f"{judge.title} grades single responses; an audit looks at pairs.")


def plan_of(*, samples: int = 1, seed: int = 0, fresh: bool = False, unfit: Counter[tuple[str, str]]) -> Plan:
    """The plan of a run over items and what was derived from them.

    Args:
        samples: how often each derived presentation is judged; untouched ones twice at least.
        seed: of every draw.
        fresh: whether answers of other runs are left unread.
        unfit: how many times something could not be planted, by its name and the reason.
    """
    told = tuple((name, reason, n) for (name, reason), n in sorted(unfit.items()))
    return Plan(samples=samples, controls=max(CONTROLS, samples), seed=seed, fresh=fresh, not_planted=told)


async def judged(
    study: Study,
    items: Iterable[Item],
    judge: Judge,
    perturbers: Sequence[Perturber],
    *,
    samples: int = 1,
    seed: int = 0,
    fresh: bool = False,
    **options: Any,
) -> Outcome:
    """Judge items, untouched ones twice, and what is derived from them.

    Args:
        study: where everything is kept.
        items: pairs that the judge can judge.
        judge: who is audited.
        perturbers: what is planted.
        samples: how often each planted presentation is judged.
        seed: of every draw.
        fresh: whether answers of other runs are left unread.
        options: the others of `Study.judge`.

    Raises:
        BadJudge: if the judge judges no pairs.
        NothingToJudge: if there is no item.
    """
    check(judge)
    unfit: Counter[tuple[str, str]] = Counter()
    whole = list(perturbed(items, perturbers, seed=seed, unfit=unfit))
    if not whole:
        raise NothingToJudge("There is no item that can be judged.", way_out="pairs, as docs/files.md shows")
    plan = plan_of(samples=samples, seed=seed, fresh=fresh, unfit=unfit)
    return await study.judge(whole, judge, plan=plan, **options)


async def audit(
    study: Study, items: Iterable[Item], judge: Judge, perturbers: Sequence[Perturber], **options: Any
) -> Audited:
    """Judge as `judged` does, measure what moved the judge, and keep it."""
    outcome = await judged(study, items, judge, perturbers, **options)
    if outcome.status == "open":
        return Audited(None, outcome)
    edits = [one.name for one in perturbers if one.kind == "sensitivity"]
    return Audited(await asyncio.to_thread(_measured, study, outcome.run, edits), outcome)


def _measured(study: Study, run: str, edits: Sequence[str]) -> Audit:
    found = measured(study.store, run, edits=edits)
    save(study.store, found, command=f"plurijudge audit --run {run}")
    return found
