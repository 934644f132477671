"""How is a judge audited? Items as they are, judged twice, and each again with every cue on either side.

    perturb > judge > compare

`perturbed` (here) derives the items; the judge graph judges them, the untouched ones twice, as one run that can be
stopped and gone on with; analyses/audit.py compares the verdicts. Calls go through the cache: adding one bias
to an audit costs that bias alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from ..agents.judge import Judge
from ..agents.perturbers.base import Perturber, Unfit
from ..analyses.audit import Audit, audit as measured, save
from ..store.engine import Store
from ..store.records import Item
from ..text.errors import BadInput, BadJudge, NothingToJudge, PlurijudgeError
from .plan import Plan
from .planting import Unplanted, plan_of


def perturbed(
    items: Iterable[Item],
    perturbers: Sequence[Perturber],
    *,
    seed: int = 0,
    unfit: Unplanted | None = None,
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


def planted(
    items: Iterable[Item],
    perturbers: Sequence[Perturber],
    *,
    samples: int = 1,
    seed: int = 0,
    fresh: bool = False,
) -> tuple[list[Item], Plan]:
    """What is judged in an audit, and the plan of its run.

    Args:
        items: pairs that the judge can judge.
        perturbers: what is planted.
        samples: how often each planted presentation is judged.
        seed: of every draw.
        fresh: whether answers of other runs are left unread.

    Raises:
        NothingToJudge: if there is no item.
    """
    unplanted: Unplanted = Counter()
    whole = list(perturbed(items, perturbers, seed=seed, unfit=unplanted))
    if not whole:
        raise NothingToJudge("There is no item that can be judged.", way_out="pairs, as docs/files.md shows")
    return whole, plan_of(unplanted, samples=samples, seed=seed, fresh=fresh)


def kept(store: Store, run: str) -> Audit:
    """What moved the judge of a closed run, written to the store."""
    found = measured(store, run)
    save(store, found, command=f"plurijudge audit --run {run}")
    return found
