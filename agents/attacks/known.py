"""Which attacks are there, and which of them do some names mean?"""

from __future__ import annotations

from collections.abc import Iterable

from ...text.errors import BadInput
from .base import KINDS, PLANTED, Attack, Place
from .disguises import DISGUISED
from .forged import FORGED
from .framing import FRAMES
from .pleas import PLEAS

ATTACKS: dict[str, Attack] = {one.name: one for one in (*FORGED, *FRAMES, *DISGUISED, *PLEAS)}


def attacks_of(given: Iterable[str | Attack]) -> list[Attack]:
    """The attacks of these kinds and names, each once, in the order of the table, and behind them those of one's own.

    All that come with plurijudge where none is given.

    Raises:
        BadInput: if a name means none.
    """
    given = [*given]
    own = [one for one in given if not isinstance(one, str)]
    wanted = {one for one in given if isinstance(one, str)}
    for name in sorted(wanted):
        if name not in ATTACKS and name not in KINDS:
            raise BadInput(f"There is no attack `{name}`.", way_out=f"kinds: {', '.join(KINDS)}; or an attack's name")
    named = [one for one in ATTACKS.values() if not given or {one.name, one.kind} & wanted]
    return list(dict.fromkeys([*named, *own]))


def places_of(names: Iterable[str]) -> tuple[Place, ...]:
    """The places of these names; the response where none is given.

    Raises:
        BadInput: if a name means none.
    """
    wanted = [*names] or ["response"]
    for name in wanted:
        if name not in PLANTED:
            raise BadInput(f"Nothing can be planted in `{name}`.", way_out=f"some of {', '.join(PLANTED)}")
    return tuple(place for place in PLANTED if place in wanted)
