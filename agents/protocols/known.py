"""Which protocols are there?"""

from __future__ import annotations

from .base import Protocol
from .listwise import Choice, Rank
from .pairwise import Joint, Pairwise
from .rubric import Rubric
from .score import Reference, Score

PROTOCOLS: dict[str, Protocol] = {
    made.name: made for made in (Pairwise(), Joint(), Score(), Reference(), Rubric(), Rank(), Choice())
}
