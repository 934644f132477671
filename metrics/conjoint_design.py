"""Which profiles shall a judge be shown so that each attribute's effect can be told from all others?

Every attribute of both profiles is drawn evenly and independently; that, and no model, is what makes the difference
between its levels a cause. Where combinations of two attributes are forbidden, the two are drawn together, evenly from
the combinations that are left; the others stay independent. The draw of a prompt hangs on the seed and the prompt
alone: further prompts change nothing for those that were there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import product
from math import erfc, prod, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .multiplicity import holm

Places = NDArray[np.intp]

FIRST, SECOND = "first", "second"

Profile = dict[str, str]


class Task(NamedTuple):
    """One pair of profiles to be written for a prompt and judged.

    Attributes:
        prompt: its id.
        number: 0 up, of the pairs of that prompt.
        first: of each attribute its level in the response that is shown first.
        second: the same of the other.
    """

    prompt: str
    number: int
    first: Profile
    second: Profile


class Count(NamedTuple):
    """How often a level, or two levels together, were drawn.

    Attributes:
        levels: of one or two attributes.
        drawn: how many profiles have them.
        expected: how many would on average.
        p_value: two-sided, of a draw as the design has it, by the normal approximation.
        p_holm: the same over the whole list, Holm.
    """

    levels: tuple[tuple[str, str], ...]
    drawn: int
    expected: float
    p_value: float
    p_holm: float


@dataclass(frozen=True, slots=True)
class Design:
    """What may be drawn.

    Attributes:
        attributes: of each attribute its levels, the baseline first.
        forbidden: combinations that must not come up together in a profile, each a part of a profile, such as
            `{"answer": "a number", "tone": "a poem"}`, of exactly two attributes.

    Raises:
        ValueError: if an attribute has fewer than two levels, a forbidden combination is not of two known levels or
            shares an attribute with a combination of another pair, or leaves a level that can never come up.
    """

    attributes: Mapping[str, Sequence[str]]
    forbidden: Sequence[Mapping[str, str]] = ()

    def __post_init__(self) -> None:
        for attribute, levels in self.attributes.items():
            if len(levels) < 2 or len(set(levels)) < len(levels):
                raise ValueError(f"The attribute {attribute!r} has the levels {list(levels)}; needed are two or more.")
        for part in self.forbidden:
            known = all(level in self.attributes.get(attribute, ()) for attribute, level in part.items())
            if len(part) != 2 or not known:
                raise ValueError(f"`forbidden` holds {dict(part)}; needed are known levels of two attributes.")
        used = [attribute for pair in self.linked for attribute in pair]
        if len(set(used)) < len(used):
            raise ValueError(f"`forbidden` links {self.linked}; an attribute may be linked with one other.")
        for one, other in self.linked:
            allowed = self._cells(one, other)
            for attribute, place in ((one, 0), (other, 1)):
                never = set(self.attributes[attribute]) - {cell[place] for cell in allowed}
                if never:
                    raise ValueError(f"`forbidden` leaves no profile with {attribute} {sorted(never)[0]!r}.")

    @property
    def linked(self) -> tuple[tuple[str, str], ...]:
        """The pairs of attributes that a forbidden combination links: what `amce` must know."""
        order = list(self.attributes)
        pairs = {tuple(sorted(part, key=order.index)) for part in self.forbidden}
        return tuple((one, other) for one, other in sorted(pairs, key=lambda pair: order.index(pair[0])))

    @property
    def profiles(self) -> int:
        """How many different profiles there are."""
        inside = {attribute for pair in self.linked for attribute in pair}
        free = prod(len(levels) for attribute, levels in self.attributes.items() if attribute not in inside)
        return free * prod(len(self._cells(one, other)) for one, other in self.linked)

    def draw(self, prompts: Sequence[str], *, pairs: int = 1, seed: int = 0) -> list[Task]:
        """Draw pairs of profiles for prompts.

        Args:
            prompts: their ids, each once.
            pairs: how many a prompt, 1 or more.
            seed: of the draw.

        Returns:
            In the order of the prompts. Both profiles are drawn independently, so two may be alike; such a pair is
            kept, as leaving it out would make the profiles hang on each other. Which is first is part of the draw.

        Raises:
            ValueError: if a prompt comes twice, or `pairs` is less than 1.
        """
        if len(set(prompts)) < len(prompts) or pairs < 1:
            raise ValueError(f"`prompts` holds an id twice, or `pairs` is {pairs}; needed are ids once, and 1 or more.")
        told = []
        for prompt in prompts:
            digest = sha256(f"{seed}\0{prompt}".encode()).digest()
            drawn = self._draw(np.random.default_rng(int.from_bytes(digest[:16], "big")), 2 * pairs)
            told += [Task(prompt, number, drawn[2 * number], drawn[2 * number + 1]) for number in range(pairs)]
        return told

    def balance(self, tasks: Sequence[Task]) -> tuple[Count, ...]:
        """Whether each level, and each two levels of different attributes, came up as often as they should.

        A small `p_holm` says that the tasks are not what the design draws (some may have been lost on the way), which
        the effects would not survive. It is no reason to draw anew: chance differences are within the errors.
        """
        profiles = [profile for task in tasks for profile in (task.first, task.second)]
        found = []
        for levels, share in self._shares():
            drawn = sum(all(profile.get(attribute) == level for attribute, level in levels) for profile in profiles)
            expected = share * len(profiles)
            error = sqrt(expected * (1 - share))
            far = abs(drawn - expected) / error if error else 0.0 if drawn == expected else np.inf
            found.append((levels, drawn, expected, erfc(far / sqrt(2))))
        adjusted = holm([p for *_, p in found])
        return tuple(Count(*row, p_holm=1.0 if p is None else p) for row, p in zip(found, adjusted, strict=True))

    def _draw(self, rng: np.random.Generator, many: int) -> list[Profile]:
        columns: dict[str, list[str]] = {}
        partners = dict(self.linked)
        for attribute, levels in self.attributes.items():
            if attribute in partners:
                cells = self._cells(attribute, partners[attribute])
                chosen = [cells[place] for place in rng.integers(len(cells), size=many)]
                columns[attribute] = [one for one, _ in chosen]
                columns[partners[attribute]] = [other for _, other in chosen]
            elif attribute not in columns:
                columns[attribute] = [levels[place] for place in rng.integers(len(levels), size=many)]
        return [{attribute: columns[attribute][place] for attribute in self.attributes} for place in range(many)]

    def _cells(self, one: str, other: str) -> list[tuple[str, str]]:
        """The combinations of two attributes that may come up."""
        refused = [(part[one], part[other]) for part in self.forbidden if set(part) == {one, other}]
        return [cell for cell in product(self.attributes[one], self.attributes[other]) if cell not in refused]

    def _shares(self) -> list[tuple[tuple[tuple[str, str], ...], float]]:
        """How often each level, and each two levels of different attributes, come up on average."""
        alone: dict[tuple[str, str], float] = {}
        together: dict[tuple[tuple[str, str], tuple[str, str]], float] = {}
        for attribute, levels in self.attributes.items():
            alone |= {(attribute, level): 1 / len(levels) for level in levels}
        for one, other in self.linked:
            cells = self._cells(one, other)
            alone |= {
                (one, level): sum(cell[0] == level for cell in cells) / len(cells) for level in self.attributes[one]
            }
            alone |= {
                (other, level): sum(cell[1] == level for cell in cells) / len(cells) for level in self.attributes[other]
            }
            for cell in product(self.attributes[one], self.attributes[other]):
                together[(one, cell[0]), (other, cell[1])] = (cell in cells) / len(cells)
        shares: list[tuple[tuple[tuple[str, str], ...], float]] = [((key,), share) for key, share in alone.items()]
        keys = list(alone)
        for place, first in enumerate(keys):
            for second in keys[place + 1 :]:
                if first[0] != second[0]:
                    both = together.get((first, second), alone[first] * alone[second])
                    shares.append(((first, second), both))
        return shares


class Profiles(NamedTuple):
    """What `amce` takes: two rows a task.

    Attributes:
        chosen: 1 where the profile is preferred, 0 where the other is, 0.5 for a tie, NaN without a verdict.
        profiles: of each attribute its level in each row, with `place` (`first` or `second`) added.
        levels: of each attribute its levels, `place` included, its baseline `second`.
        clusters: the prompt of each row.
        linked: pairs of attributes that the design links.
    """

    chosen: NDArray[np.float64]
    profiles: dict[str, list[str]]
    levels: dict[str, list[str]]
    clusters: list[str]
    linked: tuple[tuple[str, str], ...]


def stacked(design: Design, tasks: Sequence[Task], preferred_first: Sequence[float]) -> Profiles:
    """Lay out tasks and their verdicts as `amce` takes them.

    Args:
        design: that the tasks were drawn from.
        tasks: in any order.
        preferred_first: of each task 1 where the response shown first is preferred, 0 where the second, 0.5 for a tie,
            between them a share, NaN where there is no verdict.

    Raises:
        ValueError: if there is not one verdict a task, or an attribute is called `place`.
    """
    if len(tasks) != len(preferred_first):
        raise ValueError(f"There are {len(tasks)} tasks and {len(preferred_first)} verdicts; needed is one each.")
    if "place" in design.attributes:
        raise ValueError("An attribute is called 'place', which is what the order shown is called; name it otherwise.")
    won = np.asarray(preferred_first, dtype=float)
    chosen = np.stack([won, 1 - won], axis=1).reshape(-1)
    profiles = {
        name: [side[name] for task in tasks for side in (task.first, task.second)] for name in design.attributes
    }
    profiles["place"] = [FIRST, SECOND] * len(tasks)
    levels = {name: list(told) for name, told in design.attributes.items()} | {"place": [SECOND, FIRST]}
    return Profiles(chosen, profiles, levels, [task.prompt for task in tasks for _ in range(2)], design.linked)
