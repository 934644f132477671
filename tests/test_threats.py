"""Does a test stand behind each threat that docs/threats.md lists?"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def _listed() -> list[int]:
    text = (ROOT / "docs" / "threats.md").read_text(encoding="utf-8")
    return [int(number) for number in re.findall(r"(?m)^\| (\d+) \|", text)]


def _marked() -> Counter[int]:
    found: Counter[int] = Counter()
    for path in (ROOT / "tests").rglob("test_*.py"):
        for numbers in re.findall(
            r"(?m)^@pytest\.mark\.threat\(([\d, ]+)\)",
            path.read_text(encoding="utf-8"),
        ):
            found.update(int(number) for number in numbers.split(","))
    return found


def test_every_threat_has_a_test_and_every_test_a_threat() -> None:
    listed = _listed()
    assert listed == list(range(1, 33))
    assert sorted(_marked()) == listed
