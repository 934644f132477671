"""Which voices judge together, and by which rule? A panel: personas or judges, a rule, a quorum, a tie rule."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from ..prompts.prompt import load_prompt
from ..store.canonical import canonical, digest
from ..store.personas import Speaker
from ..store.records import Number, Text
from ..text.errors import BadPanel, BadPersona
from ..text.secrets import without_secrets
from .judge import Judge
from .persona import Persona, read_persona, read_yaml

Rule = Literal["majority", "mean", "weighted", "maxmin", "veto", "borda"]
TieRule = Literal["tie", "mean", "maxmin"]
Assignment = Literal["all", "cyclic"]
FOLDER = Path(__file__).parent / "panels"
UNMEASURED, RETIRED, GATED = "unmeasured", "retired", "lost ability"


class Member(BaseModel):
    """Who sits in a seat: a persona, a model, or a persona as a model of its own speaks it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    persona: str = ""
    model: str = ""
    base_url: str = ""
    draws: int | None = Field(default=None, ge=1)


class Description(BaseModel):
    """What a panel's file holds.

    Attributes:
        rule: of social choice (metrics/social_choice.py).
        quorum: how many members must say something for there to be a decision; more than half where it is not given.
        tie: what decides where the rule puts several first: nothing, or a second rule.
        assignment: `all` members judge each item, or one in turn (`cyclic`).
        adaptive: whether members are asked only while they can still change the outcome.
        weights: of the rule `weighted`, by member.
        unbearable: of the rule `veto`: a utility below it vetoes.
        validation: how far its verdicts are known to be those of the people it speaks for.
        attribution: whose data its measured positions come from.
        speaks_for: whom it speaks for.
        excludes: whom it does not.
        near_duplicates: which members lie close together.
        personas: dossiers, ids of shipped ones, or files.
        members: the seats; each persona once where they are not given.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+$")]
    version: Annotated[str, BeforeValidator(lambda given: str(given) if isinstance(given, int | float) else given)]
    title: Text
    rule: Rule = "mean"
    quorum: int | None = Field(default=None, ge=1)
    tie: TieRule = "tie"
    assignment: Assignment = "all"
    adaptive: bool = False
    weights: dict[str, Annotated[Number, Field(ge=0)]] = {}
    unbearable: float = Field(default=0.1, ge=0, le=1)
    validation: Text = ""
    attribution: Text = ""
    speaks_for: Text = ""
    excludes: list[Text] = []
    near_duplicates: Text = ""
    personas: list[Any] = []
    members: list[Member] = []


@dataclass(frozen=True, slots=True)
class Seat:
    """One place on a panel.

    Attributes:
        persona: who speaks; None for a model as itself.
        model: who puts it into words, '' for the run's judge.
        base_url: that model's endpoint.
        draws: how often it is asked about each presentation, where that is not as often as its persona says.
    """

    persona: Persona | None
    model: str = ""
    base_url: str = ""
    draws: int | None = None

    @property
    def name(self) -> str:
        """What the seat is called in decisions: the persona, the model, or both."""
        return " as ".join(part for part in (self.model, self.persona.id if self.persona else "") if part)

    @property
    def members(self) -> int:
        """How many calls it takes for each presentation."""
        return self.draws or (self.persona.members if self.persona else 1)

    def judge(self, base: Judge) -> Judge:
        """The judge that speaks for this seat."""
        if not self.model:
            return base
        changed = {**base.model_dump(), "model": self.model, "base_url": self.base_url, "name": "", "function": ""}
        return Judge(**changed)


@dataclass(frozen=True)
class Panel:
    """A panel as loaded.

    Attributes:
        described: its file, checked.
        personas: its personas, in the file's order.
        seats: who judges, in the file's order; no outcome depends on it.
        kept_out: seats that do not vote, and why.
        is_seated: whether those who may not vote are gone (`seated`).
    """

    described: Description
    personas: tuple[Persona, ...]
    seats: tuple[Seat, ...]
    kept_out: tuple[tuple[str, str], ...] = ()
    is_seated: bool = False

    @classmethod
    def of(cls, given: Any, *, folder: Path | None = None, where: str = "") -> Panel:
        """Check a panel's description.

        Args:
            given: what its file holds.
            folder: where files that it names are looked for.
            where: the file, for messages.

        Raises:
            BadPanel: if it does not hold.
            BadPersona: if one of its personas does not load.
        """
        place = f"The panel{f' {where}' if where else ''}"
        if not isinstance(given, dict):
            raise BadPanel(f"{place} is a {type(given).__name__}; needed are fields and values.")
        try:
            described = Description.model_validate(given)
        except ValidationError as error:
            faults = [f"`{'.'.join(map(str, fault['loc']))}`: {fault['msg']}" for fault in error.errors()]
            raise BadPanel(f"{place} does not load: {'; '.join(faults)}.") from None
        personas = tuple(_persona(one, folder, where) for one in described.personas)
        seats = _seats(described, personas, place)
        _check_weights(described, [seat.name for seat in seats], place)
        return cls(described, personas, seats)

    @property
    def id(self) -> str:
        """Its name."""
        return self.described.id

    @property
    def quorum(self) -> int:
        """How many seats must say something; under cyclic assignment one, as only one is asked."""
        if self.described.assignment == "cyclic":
            return 1
        return self.described.quorum or (len(self.seats) + len(self.kept_out)) // 2 + 1

    def with_options(self, **changes: Any) -> Self:
        """The same panel under other rules.

        Raises:
            BadPanel: if an option does not hold.
        """
        given = {name: value for name, value in changes.items() if value is not None}
        try:
            described = Description.model_validate({**self.described.model_dump(), **given})
        except ValidationError as error:
            fault = error.errors()[0]
            raise BadPanel(f"The panel's `{'.'.join(map(str, fault['loc']))}` does not hold: {fault['msg']}.") from None
        _check_weights(described, [seat.name for seat in self.seats] + [name for name, _ in self.kept_out], "The panel")
        made = replace(self, described=described)
        if made.is_seated:
            made._check_quorum(made.seats, dict(made.kept_out))
            made._check_options(made.seats)
        return made

    def seated(self, *, allow_unmeasured: bool = False, lost: dict[str, str] | None = None) -> Self:
        """The panel with those alone who may vote.

        Args:
            allow_unmeasured: whether personas without measured dimensions vote.
            lost: personas that are kept from voting, by id, and why.

        Raises:
            BadPanel: if too few are left for a quorum, or the options do not fit.
        """
        why: dict[str, str] = {}
        for seat in self.seats:
            if seat.persona is not None and seat.persona.dossier.status == "retired":
                why[seat.name] = RETIRED
            elif seat.persona is not None and seat.persona.unmeasured and not allow_unmeasured:
                why[seat.name] = UNMEASURED
            elif seat.persona is not None and seat.persona.id in (lost or {}):
                why[seat.name] = f"{GATED}: {(lost or {})[seat.persona.id]}"
        left = tuple(seat for seat in self.seats if seat.name not in why)
        self._check_quorum(left, why)
        self._check_options(left)
        return replace(self, seats=left, kept_out=(*self.kept_out, *why.items()), is_seated=True)

    def _check_quorum(self, left: tuple[Seat, ...], why: dict[str, str]) -> None:
        if len(left) < (1 if self.described.assignment == "cyclic" else self.quorum):
            told = "; ".join(f"{name} ({reason})" for name, reason in why.items()) or "nobody"
            way_out = "--allow-unmeasured, or a smaller quorum" if UNMEASURED in why.values() else "a smaller quorum"
            raise BadPanel(
                f"{len(left)} of the panel's members may vote, its quorum is {self.quorum}; kept out: {told}.",
                way_out=way_out,
            )

    def _check_options(self, seats: tuple[Seat, ...]) -> None:
        described = self.described
        if described.rule == "weighted" and not described.weights:
            raise BadPanel(
                "The rule `weighted` needs the members' weights.", way_out="--weights RUN, of a panel's run with gold"
            )
        lacking = [seat.name for seat in seats if described.weights and seat.name not in described.weights]
        if described.rule == "weighted" and lacking:
            raise BadPanel(f"There is no weight for {', '.join(lacking)}.", way_out="0 for one that is not to count")
        if described.adaptive and (described.assignment == "cyclic" or described.rule in ("maxmin", "veto")):
            reason = (
                "a panel that asks one member has nothing to leave out"
                if described.assignment == "cyclic"
                else f"under `{described.rule}` the last member can always change the outcome"
            )
            raise BadPanel(f"`adaptive` does not fit: {reason}.", way_out="leave out --adaptive, or --rule mean")

    @cached_property
    def told(self) -> dict[str, Any]:
        """All that may change what it decides, its personas by id and digest, their wordings by digest."""
        held = self.described.model_dump(mode="json", exclude={"personas", "members"})
        seats = [
            {"persona": seat.persona.id if seat.persona else "", "model": seat.model, "base_url": seat.base_url}
            | ({} if seat.draws is None else {"draws": seat.draws})
            for seat in self.seats
        ]
        return {
            **held,
            "personas": [{"id": persona.id, "digest": persona.digest} for persona in self.personas],
            "members": seats,
            "kept_out": dict(self.kept_out),
            "wordings": {one.dossier.prompt.template_id: one.words.digest for one in self.personas},
        }

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what is told."""
        return digest(self.told)

    def speakers(self, judge: Judge) -> list[Speaker]:
        """The personas in its seats, as this judge or one of their own speaks them."""
        return [
            Speaker(
                seat.name,
                seat.persona.id,
                seat.persona.digest,
                seat.judge(judge).id,
                seat.persona.label,
                seat.persona.names,
            )
            for seat in self.seats
            if seat.persona is not None
        ]

    def row(self) -> dict[str, Any]:
        """Its row in `panel`."""
        return {"id": self.id, "digest": self.digest, "description": canonical(self.told)}

    @classmethod
    def restored(cls, told: dict[str, Any], dossiers: dict[str, Any]) -> Panel:
        """The panel as a store holds it.

        Args:
            told: its row's description.
            dossiers: the dossiers of its personas, by id.

        Raises:
            BadPanel: if a wording has changed since.
        """
        changed = [name for name, known in told["wordings"].items() if load_prompt(name).digest != known]
        if changed:
            raise BadPanel(
                f"The wording `{changed[0]}` of the panel `{told['id']}` is not what it was.",
                way_out="restore it, or start a new run: plurijudge judge ITEMS --panel",
            )
        held = {name: value for name, value in told.items() if name not in ("kept_out", "wordings", "personas")}
        made = cls.of({**held, "weights": {}, "personas": [dossiers[one["id"]] for one in told["personas"]]})
        described = made.described.model_copy(update={"weights": told["weights"]})  # of those kept out as well
        return replace(made, described=described, kept_out=tuple(told["kept_out"].items()), is_seated=True)


def shipped_panels() -> list[str]:
    """The names of the panels that come with plurijudge."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load_panel(name: str) -> Panel:
    """A shipped panel by its name, or one's own by its file.

    Raises:
        BadPanel: if there is none, or it does not hold.
        BadPersona: if one of its personas does not load.
    """
    path = FOLDER / f"{name}.yaml" if name in shipped_panels() else Path(name)
    if not path.is_file():
        raise BadPanel(
            f"There is no panel `{name}`.", way_out=f"a file's path, or one of: {', '.join(shipped_panels())}"
        )
    where = name if path.parent == FOLDER else str(path)
    return Panel.of(read_yaml(path, BadPanel), folder=path.parent, where=where)


def shipped_persona(name: str) -> Persona:
    """A shipped persona by its id.

    Raises:
        BadPersona: if there is none.
    """
    panel = name.partition("/")[0]
    known = load_panel(panel).personas if panel in shipped_panels() else ()
    for persona in known:
        if persona.id == name:
            return persona
    raise BadPersona(f"There is no persona `{name}`.", way_out="plurijudge panels list, or a file's path")


def _persona(given: Any, folder: Path | None, where: str) -> Persona:
    if not isinstance(given, str):
        return Persona(given, where=where)
    path = (folder or Path()) / given
    return read_persona(path) if path.suffix in (".yaml", ".yml") else shipped_persona(given)


def _check_weights(described: Description, names: list[str], place: str) -> None:
    unknown = sorted(set(described.weights) - set(names))
    if unknown:
        raise BadPanel(f"{place} has a weight for {unknown[0]!r}; its members are {', '.join(names)}.")


def _seats(described: Description, personas: tuple[Persona, ...], place: str) -> tuple[Seat, ...]:
    known = {persona.id: persona for persona in personas}
    if len(known) < len(personas):
        raise BadPanel(f"{place} holds a persona twice.")
    if not described.members:
        seats = tuple(Seat(persona) for persona in personas)
    else:
        for member in described.members:
            if not (member.persona or member.model):
                raise BadPanel(f"{place} has a member that is neither a persona nor a model.")
            if member.persona and member.persona not in known:
                raise BadPanel(f"{place} seats {member.persona!r}; its personas are {', '.join(known) or 'none'}.")
            if without_secrets(member.base_url) != member.base_url:
                raise BadPanel(f"{place} has a `base_url` with a password or a key; put it in the environment.")
            if member.base_url and not member.model:
                raise BadPanel(f"{place} has a `base_url` without the `model` that is asked there.")
        seats = tuple(Seat(known.get(m.persona), m.model, m.base_url, m.draws) for m in described.members)
    if not seats:
        raise BadPanel(f"{place} has no members.", way_out="`personas`, or `members` with a `model` each")
    names = [seat.name for seat in seats]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise BadPanel(f"{place} seats {twice[0]!r} twice.")
    return seats
