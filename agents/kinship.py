"""Does a judge judge its own answers, or those of its family? Said before a run starts and in every report of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qs

from ..store.candidates import models_heard, written_by
from ..store.engine import Store
from ..store.personas import stored_panel
from ..store.runs import Run
from .families import family_of
from .judge import CALLABLE, Judge
from .panel import Panel

Kind = Literal["self", "family", "unknown"]
_TUNED = "ft:"
_BEFORE = re.compile(r"(?:[a-z]+\.)+(?=[a-z])")  # a region and a maker, as in us.anthropic.claude-...
_DATED = re.compile(r"(?:[-@](?:20\d{6}|20\d\d-\d\d-\d\d|\d{4})|-v\d+(?::\d+)?|[-:]latest|:free)+$")
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Notice:
    """What must be said of a judge and the writers of what it judges.

    Attributes:
        kind: `self` where it wrote some of the responses; `family` where a model of its family did; `unknown` where
            that cannot be told.
        judge: the judge's model, or the name of a user's function.
        family: the judge's family, '' where it is not known.
        candidates: the writers that the notice is about and how many responses each wrote, the most first; '' stands
            for those that name no model.
        responses: how many responses that are.
        of: how many responses the data set has.
    """

    kind: Kind
    judge: str
    family: str
    candidates: tuple[tuple[str, int], ...]
    responses: int
    of: int

    @property
    def said(self) -> str:
        """The notice in words."""
        share = f"{self.responses:,} of {self.of:,} responses"
        if self.kind == "self":
            return (
                f"{self.judge} judges its own answers: it wrote {share} ({self._writers()}). Judges tend to favour "
                "their own; `plurijudge self-preference` measures by how much."
            )
        if self.kind == "family":
            return (
                f"{self.judge} judges its own family: {share} were written by models of {self.family} "
                f"({self._writers()}). Models of one family tend to err together and to favour each other."
            )
        why = "" if self.family else f" No family is known of {self.judge} itself."
        return (
            f"whether {self.judge} is kin to those who wrote {share} is not known ({self._writers()}).{why} "
            "`model` on a response says who wrote it, families.yaml of which family a model is."
        )

    def _writers(self) -> str:
        named = [name for name, _ in self.candidates if name]
        told = ", ".join(named[:_SHOWN]) + (f" and {len(named) - _SHOWN} more" if len(named) > _SHOWN else "")
        unnamed = sum(n for name, n in self.candidates if not name)
        parts = [told] if told else []
        return "; ".join([*parts, *([f"{unnamed:,} name no model"] if unnamed else [])])

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it; what is not known is null."""
        return {
            "kind": self.kind,
            "judge": self.judge,
            "family": self.family or None,
            "candidates": [{"model": name or None, "responses": n} for name, n in self.candidates],
            "responses": self.responses,
            "of": self.of,
            "said": self.said,
        }


def notices(models: Iterable[str], written: Mapping[str, int]) -> tuple[Notice, ...]:
    """What must be said of models that judge and models that wrote what is judged.

    A built-in model is no language model: nothing is unknown of it, and only its own answers are its kin.

    Args:
        models: of the judge, and of those who sit on its panel.
        written: how many responses each model wrote, '' for those that name none.

    Raises:
        BadInput: if `families.yaml` cannot be read.

    >>> [(one.kind, one.responses) for one in notices(["openai/gpt-5"], {"gpt-5": 3, "openai/o3": 2, "m1": 1})]
    [('self', 3), ('family', 2), ('unknown', 1)]
    """
    total, made = sum(written.values()), []
    for model in dict.fromkeys(models):
        speaker, own = speaker_of(model), _planted_name(model)
        family = family_of(speaker)
        kinds: dict[Kind, list[tuple[str, int]]] = {"self": [], "family": [], "unknown": []}
        for name, n in written.items():
            kind = "self" if own and name == own else _kin(speaker, family, name)
            if kind is not None:
                kinds[kind].append((name, n))
        told = model.removeprefix(CALLABLE)
        made += [
            Notice(kind, told, family, tuple(found), sum(n for _, n in found), total)
            for kind, found in kinds.items()
            if found
        ]
    return tuple(made)


def _kin(speaker: str, family: str, writer: str) -> Kind | None:
    builtin = speaker.startswith("builtin/")
    if writer and same_model(speaker, writer):
        return "self"
    of = family_of(writer) if writer else ""
    if family and of:
        return "family" if family == of else None
    return None if builtin else "unknown"


def _planted_name(model: str) -> str:
    """What a planted judge calls its own answers, '' for any other."""
    name, _, terms = model.partition("?")
    return parse_qs(terms).get("name", ["planted"])[0] if name == "builtin/planted" else ""


def speaker_of(model: str) -> str:
    """The model that speaks: of a recording the judge that was recorded, whose strategy may stand behind a slash.

    >>> speaker_of("replay/verdicts.jsonl?judge=GPT-4/CoT"), speaker_of("openai/gpt-5")
    ('GPT-4', 'openai/gpt-5')
    """
    if not model.startswith("replay/"):
        return model
    name = model.partition("?judge=")[2]
    first = name.partition("/")[0]
    return first if family_of(first) and not family_of(name) else name


def same_model(one: str, other: str) -> bool:
    """Whether two names mean one model: providers before it, dates and `latest` behind it do not count.

    >>> same_model("openai/gpt-4o-2024-08-06", "GPT-4o"), same_model("gpt-4o", "gpt-4o-mini")
    (True, False)
    """
    return _plain(one) == _plain(other)


def _plain(model: str) -> str:
    if model.startswith(("builtin/", CALLABLE)):
        return model.partition("?")[0]
    name = re.sub("[ _]", "-", model.strip().lower().rpartition("/")[2])
    if name.startswith(_TUNED):
        return name
    found = _BEFORE.match(name)
    return _DATED.sub("", name[found.end() :] if found else name)


def judging(judge: Judge, panel: Panel | None = None) -> list[str]:
    """The models that judge: of the judge, unless all seats have their own, and of the panel's seats."""
    if panel is None:
        return [judge.model]
    return list(dict.fromkeys(seat.model or judge.model for seat in panel.seats))


def notices_before(store: Store, dataset: str, judge: Judge, panel: Panel | None = None) -> tuple[Notice, ...]:
    """What must be said before a judge judges a data set, as far as that has been read."""
    return notices(judging(judge, panel), written_by(store, dataset))


def notices_of(store: Store, run: Run) -> tuple[Notice, ...]:
    """What must be said of a run, from its records alone; of recorded verdicts by the judges that they name."""
    planned = run.plan.get("judge")
    if run.kind == "author":
        return ()
    if not planned:
        return notices(models_heard(store, run.id), written_by(store, run.dataset))
    models = [str(planned.get("model", ""))]
    if run.panel:
        seats = stored_panel(store, run.panel, run.panel_digest)[0]["members"]
        models = list(dict.fromkeys(seat["model"] or models[0] for seat in seats))
    return notices(models, written_by(store, run.dataset))
