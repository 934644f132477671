"""How is a judge attacked? Items as they are, judged twice, and each again with every attack in favour of one response.

    plant > judge > count

`attacked` (here) derives the items, as graphs/audit.py does; the judge graph judges all of them as one run that can be
stopped and gone on with; analyses/attack.py counts what the attacks won. Calls go through the cache: one attack more
costs that attack alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from ..agents.attacks.base import Attack, Place
from ..agents.perturbers.base import Unfit
from ..analyses.attack import Attacked, attacked as measured, save
from ..store.engine import Store
from ..store.records import Item
from ..text.errors import BadInput
from .plan import Plan, draw
from .planting import Unplanted, plan_of

WEAKER, RANDOM = "weaker", "random"


def favoured(item: Item, on: str, *, seed: int = 0) -> str:
    """The id of the response that attacks on an item favour.

    Args:
        item: what is judged.
        on: `weaker` for the one that gold likes least, drawn where gold does not tell; `random` for a drawn one; else a
            response's id, or the name of the model that wrote it.
        seed: of what is drawn.

    Raises:
        Unfit: if the item has no such response.
    """
    names = [response.id for response in item.responses]
    if on not in (WEAKER, RANDOM):
        wrote = next((response.id for response in item.responses if response.model == on), None)
        if on not in names and wrote is None:
            raise Unfit(f"it has no response `{on}`")
        return on if on in names else str(wrote)
    if on == WEAKER:
        liked = dict.fromkeys(names, 0.0)
        for label in item.gold:
            chosen = [name for name in label.acceptable or () if name in liked]
            for name in chosen:
                liked[name] += 1 / len(chosen)
        least = [name for name in names if liked[name] == min(liked.values())]
        if len(least) < len(names):
            names = least
    return names[draw(seed, "attack", item.id) % len(names)]


def attacked(
    items: Iterable[Item],
    attacks: Sequence[Attack],
    *,
    places: Sequence[Place] = ("response",),
    on: str = WEAKER,
    each: int | None = None,
    seed: int = 0,
    unfit: Unplanted | None = None,
) -> Iterator[Item]:
    """Each item, and what is derived from it: one for each attack and place.

    Args:
        items: what is judged.
        attacks: what is planted.
        places: where.
        on: in whose favour; see `favoured`.
        each: how many attacks of each kind an item gets, drawn for it; all where it is not given.
        seed: of what is drawn.
        unfit: how many times an attack could not be planted, by attack and reason, is counted here.

    Raises:
        BadInput: if no item has the response that is to be favoured.
    """
    read = missed = 0
    for item in items:
        yield item
        if item.parent or not item.responses:
            continue
        read += 1
        try:
            side = favoured(item, on, seed=seed)
        except Unfit as why:
            missed += 1
            if unfit is not None:
                unfit["every attack", str(why)] += 1
            continue
        for attack in attacks if each is None else drawn(attacks, each, item, seed=seed):
            for place in (one for one in places if one in attack.places):
                try:
                    yield attack.planted(item, side, place)
                except Unfit as why:
                    if unfit is not None:
                        unfit[attack.name, str(why)] += 1
    if read and missed == read:
        raise BadInput(
            f"No item has a response `{on}`.", way_out=f"--on {WEAKER}, {RANDOM}, a response's id or a model"
        )


def drawn(attacks: Sequence[Attack], each: int, item: Item, *, seed: int = 0) -> list[Attack]:
    """So many attacks of each kind, drawn for an item, in the order given."""
    kinds: dict[str, list[Attack]] = {}
    for attack in attacks:
        kinds.setdefault(attack.kind, []).append(attack)
    chosen = {
        attack.name
        for held in kinds.values()
        for attack in sorted(held, key=lambda one: draw(seed, "attacks", item.id, one.name))[:each]
    }
    return [attack for attack in attacks if attack.name in chosen]


def planted(
    items: Iterable[Item],
    attacks: Sequence[Attack],
    *,
    places: Sequence[Place] = ("response",),
    on: str = WEAKER,
    each: int | None = None,
    samples: int = 1,
    seed: int = 0,
    fresh: bool = False,
) -> tuple[list[Item], Plan]:
    """What is judged where a judge is attacked, and the plan of its run.

    Args:
        items: records that the judge can judge.
        attacks: what is planted.
        places: where.
        on: in whose favour; see `favoured`.
        each: how many attacks of each kind an item gets, drawn for it; all where it is not given.
        samples: how often each attacked presentation is judged; untouched ones twice at least.
        seed: of every draw.
        fresh: whether answers of other runs are left unread.

    Raises:
        BadInput: if nothing can be planted.
    """
    unplanted: Unplanted = Counter()
    whole = list(attacked(items, attacks, places=places, on=on, each=each, seed=seed, unfit=unplanted))
    if not any(item.parent for item in whole):
        raise BadInput("No attack can be planted in these items.", way_out="other items, or other --place")
    return whole, plan_of(unplanted, samples=samples, seed=seed, fresh=fresh)


def kept(store: Store, run: str) -> Attacked:
    """What the attacks of a closed run won, written to the store."""
    found = measured(store, run)
    save(store, found)
    return found
