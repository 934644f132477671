"""Which panel do the options of a command describe, and what must people know of it before it judges?"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..text.errors import BadInput, NoStore
from .plain import say

if TYPE_CHECKING:
    from ..agents.judge import Judge
    from ..agents.panel import Panel

PERSONAS = "personas"


@dataclass(frozen=True, slots=True)
class PanelChoice:
    """A panel as options name it.

    Attributes:
        name: the panel's name or file, '' for none.
        changes: of its rules.
        allow_unmeasured: whether personas without measured values vote.
        weights: a run whose gold says how much each member counts.
        gated: whether personas that cost the judge ability are kept from voting.
    """

    name: str
    changes: dict[str, Any] = field(default_factory=dict)
    allow_unmeasured: bool = False
    weights: str = ""
    gated: bool = False

    def panel(self, judge: Judge, db: str) -> Panel | None:
        """The panel with those who may vote, None where none is named.

        Raises:
            BadInput: if an option needs a panel and none is named.
            BadPanel: if the panel does not hold, or too few may vote.
        """
        if not self.name:
            given = [name for name, value in self.changes.items() if value is not None]
            given += [name for name in ("allow_unmeasured", "weights") if getattr(self, name)]
            given += ["gate personas"] if self.gated else []
            if given:
                raise BadInput(f"`--{given[0].replace('_', '-')}` is about a panel.", way_out="--panel d3-8")
            return None
        from ..agents.panel import load_panel

        panel = load_panel(self.name).with_options(**self.changes)
        lost: dict[str, str] = {}
        if self.weights or self.gated:
            from ..store.engine import Store

            way_out = f"plurijudge panels gate {self.name} --model {judge.model}, or leave out --gate personas"
            try:
                with Store.open(db) as store:
                    if self.weights:
                        from ..analyses.panel_votes import weights_from

                        panel = panel.with_options(weights=weights_from(store, self.weights))
                    if self.gated:
                        from ..analyses.persona_gate import kept_out

                        voting = panel.seated(
                            allow_unmeasured=self.allow_unmeasured
                        )  # of those who have no vote nothing is asked
                        lost = kept_out(store, voting.speakers(judge), way_out=way_out)
            except NoStore as error:  # where nothing was judged, nothing was measured
                if self.gated:
                    error.way_out = way_out
                raise
        return panel.seated(allow_unmeasured=self.allow_unmeasured, lost=lost)

    def tell(self, panel: Panel | None) -> None:
        """Say who sits, who does not, and what nobody has reviewed."""
        if panel is None:
            return
        from ..graphs.aggregate import rule_of

        say(f"panel {panel.id}: {rule_of(panel)}")
        for name, reason in panel.kept_out:
            say(f"  no vote: {name} ({reason})")
        drafts = sum(seat.persona is not None and seat.persona.is_draft for seat in panel.seats)
        if drafts:
            say(f"  {drafts} of its personas are drafts: nobody from within has reviewed them yet")
        if panel.described.validation:
            say(f"  {textwrap.shorten(panel.described.validation, 200, placeholder=' ...')}")
