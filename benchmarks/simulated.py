"""How is a file of simulations run? Those that were named, a JSON line a world, and whether all is as promised."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Protocol

Band = tuple[float, float]
"""The least and the most that a share may be."""

PROMISED: Band = (0.94, 0.96)
"""What intervals at 95 % must cover, as far as some thousand data sets can tell."""


class Told(Protocol):
    """A line: fields to print, and whether what it shows is as promised."""

    @property
    def held(self) -> bool:
        """Whether what it shows is as promised."""
        ...

    @property
    def told(self) -> str:
        """What to say where it is not."""
        ...


def inside(value: float, band: Band | None) -> bool:
    """Whether a share lies where it must; it may lie anywhere where nothing is promised."""
    return band is None or band[0] <= value <= band[1]


def run(
    simulations: Mapping[str, Callable[[int, int], Iterator[Told]]],
    arguments: list[str] | None = None,
    *,
    about: str | None,
    sets: int = 5000,
    most: str | None = None,
) -> int:
    """Run the simulations that were named, or all; print their lines, and on standard error those that do not hold.

    Args:
        simulations: by name; each takes the seed and how many data sets a world has, and yields dataclasses.
        arguments: of the command line; None for the program's own.
        about: what `--help` says.
        sets: how many data sets a world has where nobody says.
        most: what `--help` says of that number.

    Returns:
        The exit code: 0 all within, 1 one outside. With no such name the program ends, with 2.
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="*", help=f"of: {', '.join(simulations)}")
    parser.add_argument("--sets", type=int, default=sets, help=most)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.name) - set(simulations))
    if unknown:
        parser.error(f"no simulation named {', '.join(unknown)}; there are {', '.join(simulations)}")
    outside = 0
    for name in options.name or simulations:
        for line in simulations[name](options.seed, options.sets):
            print(json.dumps(asdict(line)), flush=True)  # type: ignore[call-overload]
            if not line.held:
                outside += 1
                print(f"outside: {line.told}", file=sys.stderr)
    return 1 if outside else 0
