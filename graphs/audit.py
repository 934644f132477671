"""How is a judge audited? Items as they are, judged twice, and each again with every cue on either side.

    perturb > judge > compare

`perturb` (here) derives the items; the judge graph judges them, the untouched ones twice, as one run that can be
stopped and gone on with; `compare` (analyses/audit.py) reads the verdicts. Calls go through the cache: adding one bias
to an audit costs that bias alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from ..agents.perturbers.base import Perturber, Unfit
from ..store.records import Item
from ..text.errors import BadInput, PlurijudgeError

CONTROLS = 2  # how often an untouched item is judged: less than twice tells nothing of the judge's own noise


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
