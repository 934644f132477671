"""What would a run take? Calls, tokens and dollars, from the prompts as they would be rendered, nothing asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from ..agents.attacks.filling import as_shown
from ..agents.judge import Judge
from ..agents.panel import Panel
from ..agents.persona import Persona
from ..agents.prices import price_source, prices
from ..agents.voice import voice_of
from ..store.files import read_items
from ..store.records import Item
from .decide import messages_of
from .plan import Plan

_BYTES_A_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run would take.

    Attributes:
        items: items that can be judged.
        set_aside: lines and items that cannot.
        calls: calls without repairs and without what the cache already holds.
        tokens_in: about how many tokens the prompts have, at four bytes a token.
        tokens_out_at_most: how many the answers may have.
        cost_at_most: US dollars, None where no price is known.
        price_source: where the price comes from, or that it is unknown.
    """

    items: int
    set_aside: int
    calls: int
    tokens_in: int
    tokens_out_at_most: int | None
    cost_at_most: float | None
    price_source: str

    def to_dict(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)

    def __str__(self) -> str:
        """One line for people."""
        out = "unknown" if self.tokens_out_at_most is None else f"{self.tokens_out_at_most:,}"
        cost = (
            "of unknown price"
            if self.cost_at_most is None
            else f"at most ${self.cost_at_most:.4f} ({self.price_source})"
        )
        aside = f", {self.set_aside} set aside" if self.set_aside else ""
        tokens = f"about {self.tokens_in:,} tokens in, at most {out} out"
        return f"{self.items} items{aside}: {self.calls} calls, {tokens}, {cost}"


def forecast(path: Path, judge: Judge, plan: Plan, panel: Panel | None = None) -> Forecast:
    """Read the items and render every prompt.

    Raises:
        BadInput: if the file cannot be read.
        BadJudge: if the judge does not hold.
    """
    lines = (line.record for line in read_items(path))
    return forecast_of(lines if plan.limit is None else islice(lines, plan.limit), judge, plan, panel)


def forecast_of(records: Iterable[Item | None], judge: Judge, plan: Plan, panel: Panel | None = None) -> Forecast:
    """Render every prompt on these items; None is a line that holds none.

    Raises:
        BadJudge: if the judge does not hold.
    """
    judge.check()
    told = {} if panel is None else {one.id: _size(one, plan) for one in panel.personas}
    speakers = {judge.id: judge}
    speakers |= {one.id: one for one in (seat.judge(judge) for seat in (panel.seats if panel else ()))}
    items = set_aside = 0
    calls, sizes = Counter[str](), Counter[str]()
    for record in records:
        if record is None or plan.unfit(record, judge):
            set_aside += 1
            continue
        items += 1
        shared: set[tuple[str, int]] = set()
        for unit in plan.units(record, judge, panel):
            messages = messages_of(judge, as_shown(record, judge, unit.presentation), unit, "=" * 28)
            size = sum(len(m["content"].encode()) for m in messages) + told.get(unit.persona, 0)
            each, together = speakers[unit.judge].calls_on(record)
            if (unit.judge, unit.sample) not in shared:
                shared.add((unit.judge, unit.sample))
                each += together
            calls[unit.judge] += each
            sizes[unit.judge] += each * size
    made, tokens = calls.total(), sum(size // _BYTES_A_TOKEN for size in sizes.values())
    out = None if judge.max_tokens is None else made * judge.max_tokens
    known = {name: _prices(speakers[name]) for name in calls or speakers}
    cost: float | None = 0.0
    for name, price in known.items():
        if cost is None or price is None or judge.max_tokens is None:
            cost = None
            break
        cost += price[0] * (sizes[name] // _BYTES_A_TOKEN) + price[1] * calls[name] * judge.max_tokens
    built_in = all(price == (0.0, 0.0) for price in known.values())
    source = "unknown" if None in known.values() else "built in" if built_in else price_source()
    return Forecast(items, set_aside, made, tokens, out, cost, source)


def _prices(judge: Judge) -> tuple[float, float] | None:
    """What a token in and a token out cost; None where that is not known."""
    if not judge.is_llm or judge.model.startswith("replay/"):
        return (0.0, 0.0)
    found = prices(judge.model)
    return None if found is None else (found[0], found[1])


def _size(persona: Persona, plan: Plan) -> int:
    """About how many bytes tell of a persona."""
    return len(voice_of(persona, seed=plan.seed, item="", member=0, dossiers=plan.dossiers).text.encode())
