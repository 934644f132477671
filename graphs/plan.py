"""Which verdicts does a run ask for on an item, and which items can it not judge?"""

from __future__ import annotations

import hashlib
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from ..agents.judge import Judge
from ..agents.panel import Panel, Seat
from ..agents.tools.toolbox import Mode, Probe
from ..agents.voice import Dossiers
from ..analyses.until import Gate, Until
from ..prompts.exhibit import parts_text
from ..store.canonical import canonical
from ..store.records import Item, Response, VerdictKey
from ..text.errors import BadInput


class Plan(BaseModel):
    """What a run does with each item, apart from who judges it.

    Attributes:
        presentations: `both` shows a pair in either order; `random` in one, drawn per judge and item.
        samples: how often each presentation is judged.
        controls: how often each presentation of an item is judged that nothing was planted in, where that is more: an
            audit judges those twice, to know how far the judge agrees with itself.
        seed: of every draw.
        order: `random` takes the items in an order drawn from the seed, so that what is known before the end is known
            of a random sample; `given` takes them as they come, and begins before all are read.
        until: when to stop early, such as `width<=0.04` or `decided: a>b`; '' for never.
        gate: what must hold in the end, such as `a>b`; '' for nothing.
        limit: how many items at most, None for all.
        fresh: whether answers that other runs stored are left unread.
        max_chars: items with a longer text are set aside.
        tool_mode: `live` runs every tool call; `record` takes what the store holds; `replay` runs none, and what the
            store does not hold ends the run.
        tool_probe: what is done to what the tools bring, to see what it does to the judge: `flipped` shows the model
            what they would have brought were another response right, `dead` lets every tool fail; '' for nothing. The
            verdicts then stand in an arm of that name.
        dossiers: how a panel's personas are told of: `own`; `blind` without their labels; `labels` as labels alone;
            `shuffled` each under another's label. All but the first stand in an arm of that name.
        retest: whether the verdicts stand in the arm `retest`, to be held against those of another run.
        retry_of: the run whose failures this one asks again, '' for none.
        not_planted: of an audit, how often a bias could not be planted on a side of an item: bias, reason, times.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    presentations: Literal["both", "random"] = "both"
    samples: int = Field(default=1, ge=1, le=1000)
    controls: int = Field(default=1, ge=1, le=1000)
    seed: int = Field(default=0, ge=-(2**63), lt=2**63)
    order: Literal["random", "given"] = "random"
    until: str = ""
    gate: str = ""
    limit: int | None = Field(default=None, ge=1)
    fresh: bool = False
    max_chars: int = Field(default=1_000_000, ge=1)
    tool_mode: Mode = "live"
    tool_probe: Probe = ""
    dossiers: Dossiers = "own"
    retest: bool = False
    retry_of: str = ""
    not_planted: tuple[tuple[str, str, int], ...] = ()

    @field_validator("until", "gate")
    @classmethod
    def _is_a_rule(cls, text: str, info: ValidationInfo) -> str:
        if text:
            (Until if info.field_name == "until" else Gate).read(text)
        return text

    @model_validator(mode="after")
    def _draws_its_items(self) -> Plan:
        if self.order != "random" and (self.until or self.gate):
            raise BadInput(
                "Stopping early and gates need items in random order: the first of a file are no sample of it.",
                way_out="leave out --order given, or --until and --gate",
            )
        return self

    @property
    def arm(self) -> str:
        """What is done to the judging."""
        parts = [f"tools:{self.tool_probe}"] if self.tool_probe else []
        parts += [f"dossiers:{self.dossiers}"] if self.dossiers != "own" else []
        return ", ".join([*parts, *(["retest"] if self.retest else [])])

    def units(self, item: Item, judge: Judge, panel: Panel | None = None) -> tuple[VerdictKey, ...]:
        """The verdicts to ask for, in a fixed order; of an adaptive panel those of all who may be asked."""
        if panel is None:
            return self._units(item, judge, judge, "", self._samples(item))
        return tuple(unit for seat in self.seats(item, judge, panel) for unit in self.seat_units(item, judge, seat))

    def seat_units(self, item: Item, judge: Judge, seat: Seat) -> tuple[VerdictKey, ...]:
        """The verdicts to ask one member of a panel for; each of its members is a sample."""
        persona = seat.persona.id if seat.persona else ""
        return self._units(item, judge, seat.judge(judge), persona, self._samples(item) * seat.members)

    def _samples(self, item: Item) -> int:
        return self.samples if item.parent else max(self.samples, self.controls)

    def _units(self, item: Item, base: Judge, judge: Judge, persona: str, samples: int) -> tuple[VerdictKey, ...]:
        return tuple(
            VerdictKey.model_construct(
                item=item.id, judge=judge.id, persona=persona, arm=self.arm, step="", presentation=shown, sample=sample
            )
            for shown in self.shown(item, base)
            for sample in range(samples)
        )

    def seats(self, item: Item, judge: Judge, panel: Panel) -> tuple[Seat, ...]:
        """Who of a panel judges an item, in the order in which an adaptive one asks.

        One member in turn under cyclic assignment; else all, for an adaptive panel in an order drawn for the item.
        """
        if panel.described.assignment == "cyclic":
            by_name = sorted(panel.seats, key=lambda seat: seat.name)  # not as the file has them
            return (by_name[draw(self.seed, "cyclic", judge.id, item.id) % len(by_name)],)
        if not panel.described.adaptive:
            return panel.seats
        return tuple(sorted(panel.seats, key=lambda seat: draw(self.seed, "asked", item.id, seat.name)))

    def verdicts(self, item: Item, judge: Judge, panel: Panel | None = None) -> int:
        """How many verdicts it asks for at most."""
        shown = judge.way.orders(len(item.responses), both=self.presentations == "both")
        voices = 1 if panel is None else sum(seat.members for seat in self.seats(item, judge, panel))
        return shown * self._samples(item) * voices

    def shown(self, item: Item, judge: Judge) -> list[tuple[str, ...]]:
        """The presentations of an item."""
        names = [response.id for response in item.responses]
        drawn, both = draw(self.seed, judge.id, item.parent or item.id), self.presentations == "both"
        orders = judge.way.presentations(names, both=both, drawn=drawn)
        recorded = judge.recorded_orders(item) if judge.way.together else []
        if not recorded or set(orders) <= set(recorded):
            return orders
        # what was recorded is heard in the orders in which it was: those drawn for another judge are none of these
        if not both:
            return [recorded[drawn % len(recorded)]]
        return recorded[:2] if len(recorded) > 1 else [recorded[0], recorded[0][::-1]]

    def unfit(self, item: Item, judge: Judge) -> tuple[str, str] | None:
        """Why an item cannot be judged: the field and the reason; None where it can."""
        lacking = judge.unfit(item)
        if lacking is not None:
            return lacking
        for number, response in enumerate(item.responses):
            size = len(response_text(response))
            if size > self.max_chars:
                reason = f"has {size:,} characters; the limit is {self.max_chars:,} (--max-chars)"
                return f"responses[{number}].text", reason
        if not any(response_text(response).strip() for response in item.responses):
            return "responses", "are all without text"
        return None


def as_written(plan: Plan, judge: Judge) -> dict[str, Any]:
    """The plan of a judge's run as its row has it: by this a run that was begun before is known again."""
    return {"plan": plan.model_dump(mode="json"), "judge": judge.model_dump(mode="json")}


def draw(seed: int, *told: Any) -> int:
    """A whole number from 0 to 2^64 - 1 that depends on the seed and on what is told alone."""
    return int.from_bytes(hashlib.sha256(canonical([seed, *told]).encode()).digest()[:8], "big")


def response_text(response: Response) -> str:
    """A response as the judge reads it."""
    if response.text is not None:
        return response.text
    return parts_text([part.model_dump() for part in response.parts or []])
