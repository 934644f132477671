"""Who speaks? A persona is a sourced, measured position with its spread, or a role with criteria; never adjectives."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from ..prompts.prompt import Prompt, load_prompt
from ..store.canonical import canonical, digest
from ..store.records import Json, Number, Text
from ..text.errors import BadPersona
from ..text.identifiers import is_doi, is_isbn

Kind = Literal["culture", "role"]
Status = Literal["draft", "reviewed", "retired"]
PersonaId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+/[a-z0-9-]+$")]
FEWEST_POSITIONS, FEWEST_SOURCES, FEWEST_COMMITMENTS, FEWEST_DIMENSIONS = 2, 3, 3, 2


def _said(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty")
    return text.strip()


Name = Annotated[Text, AfterValidator(_said)]


class Entry(BaseModel):
    """A part of a dossier; what it says beyond the fields that are known is kept."""

    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, Json]


def _code(code: Any) -> Any:
    """A subregion's code as text; YAML reads a bare 015 as octal, 13, which would be another subregion."""
    if isinstance(code, int) and code < 100:
        raise ValueError('a code is three digits in quotes, such as "015"')
    return str(code) if isinstance(code, int) else code


class Scope(Entry):
    """Whom the persona speaks for, and whom it does not."""

    unit: Literal[
        "geo-cultural region",
        "cultural zone",
        "country",
        "religious or philosophical tradition",
        "language community",
        "subgroup",
    ]
    countries: list[Name] | dict[Name, Json]
    un_m49: list[Annotated[Text, BeforeValidator(_code)]] = []
    iw_zone: Text = ""
    traditions: list[Name] = []
    languages: list[Name] = []
    excludes: list[Name] = Field(min_length=1)


def _identified(source: Source) -> Source:
    if source.type in ("scholarship", "primary text") and not (source.doi or source.isbn):
        raise ValueError(f"the source `{source.id}` needs a `doi` or an `isbn`, so that a reader can find it")
    if source.doi and not is_doi(source.doi):
        raise ValueError(f"the source `{source.id}` has a `doi` that is none: {source.doi!r}")
    if source.isbn and not is_isbn(source.isbn):
        raise ValueError(f"the source `{source.id}` has an `isbn` whose check digit is wrong: {source.isbn!r}")
    return source


class Source(Entry):
    """What is known of the position, and from whom."""

    id: Name
    type: Literal["survey", "scholarship", "primary text", "law", "oral or community", "dataset"]
    citation: Name
    year: int | None = None
    licence: Name
    from_within: bool
    doi: Text = ""
    isbn: Annotated[Text, BeforeValidator(lambda number: str(number) if isinstance(number, int) else number)] = ""


class Dimension(Entry):
    """A measured value: where people stand, and how far apart."""

    framework: Literal["MFQ-2", "Inglehart-Welzel", "Schwartz-PVQ", "Hofstede-6D", "other"]
    dim: Name
    scale: tuple[Number, Number]
    mean: Number
    sd: Number = Field(gt=0)
    n: int = Field(ge=30)
    global_mean: Number | None = None
    source_id: Name

    @model_validator(mode="after")
    def _lies_on_its_scale(self) -> Dimension:
        if not self.scale[0] <= self.mean <= self.scale[1]:
            raise ValueError(f"the mean of `{self.dim}` is {self.mean:g}, outside its scale")
        return self


class Commitment(Entry):
    """A claim that the position makes, how firmly, and who within it holds otherwise."""

    claim: Name
    strength: Literal["core", "common", "contested"]
    support: Annotated[float, Field(ge=0, le=1)] | None = None
    counter_position: Text = ""
    source_id: Name


class InternalPosition(Entry):
    """One of the positions that there are within; members are drawn over these."""

    name: Name
    view: Text = ""
    weight: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None
    weight_basis: Literal["survey", "expert estimate", "unknown"]
    source_id: Text = ""


class Exemplar(Entry):
    """A question as somebody of this position answers it; those held out are for measuring, never shown."""

    question: Name
    answer: Name
    source_id: Name
    split: Literal["dev", "heldout"]


class Criterion(Entry):
    """What a role asks of an answer."""

    name: Name
    question: Name
    weight: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0


class Wording(Entry):
    """How the persona is put into words, and how often it is asked.

    Attributes:
        template_id: the prompt that renders it.
        language: of the instruction, BCP-47.
        n_members: calls for each presentation, each as another member.
        temperature: of its calls; the judge's own where it is not given.
    """

    template_id: Name
    language: Name
    n_members: int = Field(ge=3)
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None


class Guards(Entry):
    """What keeps it from caricature."""

    may_abstain: Literal[True]
    exaggeration_max: Number
    min_within_variance_ratio: float = Field(ge=0, le=1)
    blind_label: bool
    marked_terms_source: Text = ""


class RoleGuards(Entry):
    """A role's guards."""

    may_abstain: Literal[True]


class Review(Entry):
    """Somebody's review of the dossier."""

    reviewer: Name
    affiliation_to_scope: Name
    date: Annotated[str, BeforeValidator(str)]
    verdict: Name


class Provenance(Entry):
    """Who wrote the dossier, from where, and who reviewed it; contributors by role, not by name."""

    author: Name
    positionality: Name
    reviews: list[Review]
    changelog: list[Json]


class _Dossier(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    id: PersonaId
    version: Annotated[str, BeforeValidator(lambda given: str(given) if isinstance(given, int | float) else given)]
    label: Name
    status: Status
    provenance: Provenance
    prompt: Wording


def _has_own_voice(sources: list[Source]) -> list[Source]:
    if not any(source.from_within for source in sources):
        raise ValueError("none is from within: at least one source must be by people whom the persona speaks for")
    return sources


def _has_contested(commitments: list[Commitment]) -> list[Commitment]:
    if not any(commitment.strength == "contested" for commitment in commitments):
        raise ValueError("none is contested: at least one must be what people within disagree on")
    return commitments


def _none_or_several(dimensions: list[Dimension]) -> list[Dimension]:
    if len(dimensions) == 1:
        raise ValueError(f"holds one dimension; needed are {FEWEST_DIMENSIONS}, or none for an unmeasured persona")
    names = [(dimension.framework, dimension.dim) for dimension in dimensions]
    if len(set(names)) < len(names):
        raise ValueError("holds a dimension twice")
    return dimensions


Identified = Annotated[Source, AfterValidator(_identified)]


class Culture(_Dossier):
    """A position: scope, sources, measured values, commitments, and the positions within it."""

    kind: Literal["culture"] = "culture"
    scope: Scope
    sources: Annotated[list[Identified], Field(min_length=FEWEST_SOURCES), AfterValidator(_has_own_voice)]
    value_dims: Annotated[list[Dimension], AfterValidator(_none_or_several)] = []
    commitments: Annotated[list[Commitment], Field(min_length=FEWEST_COMMITMENTS), AfterValidator(_has_contested)]
    internal_positions: list[InternalPosition] = Field(min_length=FEWEST_POSITIONS)
    exemplars: list[Exemplar] = []
    guards: Guards


class Role(_Dossier):
    """A role: criteria in the place of a position."""

    kind: Literal["role"]
    criteria: list[Criterion] = Field(min_length=1)
    sources: list[Identified] = []
    guards: RoleGuards


class Persona:
    """A persona as loaded: its dossier, its digest, and what is said of it.

    Attributes:
        dossier: what the file holds, checked.
    """

    def __init__(self, given: Any, *, where: str = "") -> None:
        """Check a dossier.

        Args:
            given: what a dossier's file holds.
            where: the file, for messages.

        Raises:
            BadPersona: if something is missing or does not hold; the message names every such field.
        """
        name = given.get("id") if isinstance(given, dict) else None
        called = f"The persona `{name}`" if isinstance(name, str) else "The persona"
        place = f" ({where})" if where else ""
        if not isinstance(given, dict):
            raise BadPersona(f"{called}{place} is a {type(given).__name__}; needed are fields and values.")
        if given.get("measured"):
            raise BadPersona(
                f"{called}{place} says what was `measured` of it; that is written by runs alone, into the store.",
                way_out="leave `measured` out, and measure: plurijudge panels fidelity",
            )
        kind = given.get("kind", "culture")
        shape: type[Culture | Role] = Role if kind == "role" else Culture
        try:
            self.dossier: Culture | Role = shape.model_validate({k: v for k, v in given.items() if k != "measured"})
        except ValidationError as error:
            raise BadPersona(f"{called}{place} does not load: {_told(error)}", way_out=_way_out(shape)) from None
        self._check_references(f"{called}{place}")

    def _check_references(self, called: str) -> None:
        """Every part rests on a source that is there.

        Raises:
            BadPersona: if one does not.
        """
        known = [source.id for source in self.dossier.sources]
        if len(set(known)) < len(known):
            raise BadPersona(f"{called} does not load: `sources` holds an id twice.")
        missing = []
        if isinstance(self.dossier, Culture):
            for field in ("value_dims", "commitments", "internal_positions", "exemplars"):
                for number, entry in enumerate(getattr(self.dossier, field)):
                    if entry.source_id and entry.source_id not in known:
                        missing.append(f"`{field}[{number}]` names the source {entry.source_id!r}")
        if missing:
            raise BadPersona(f"{called} does not load: {'; '.join(missing)}; the sources are {', '.join(known)}.")

    @property
    def id(self) -> str:
        """Its id, the group's name before the slash."""
        return self.dossier.id

    @property
    def kind(self) -> Kind:
        """`culture` or `role`."""
        return self.dossier.kind

    @property
    def label(self) -> str:
        """A neutral noun phrase."""
        return self.dossier.label

    @property
    def names(self) -> tuple[str, ...]:
        """What a file of people's labels may call the group: the id, its end, the label, the one country."""
        own = (self.id, self.id.partition("/")[2], self.label)
        countries = list(self.dossier.scope.countries) if isinstance(self.dossier, Culture) else []
        return (*own, *countries) if len(countries) == 1 else own

    @property
    def is_draft(self) -> bool:
        """Whether nobody has reviewed it."""
        return self.dossier.status == "draft"

    @property
    def unmeasured(self) -> bool:
        """Whether it is a culture without measured dimensions: it votes only where that is allowed."""
        return isinstance(self.dossier, Culture) and not self.dossier.value_dims

    @property
    def members(self) -> int:
        """How often it is asked about each presentation."""
        return self.dossier.prompt.n_members

    @cached_property
    def words(self) -> Prompt:
        """Its wording, loaded once.

        Raises:
            BadPrompt: if it does not load.
        """
        return load_prompt(self.dossier.prompt.template_id)

    @cached_property
    def told(self) -> dict[str, Any]:
        """The dossier as JSON: what the file holds, a culture without its `kind`, as the schema has it."""
        held = self.dossier.model_dump(mode="json", exclude_unset=True)
        if self.kind == "culture":
            held.pop("kind", None)
        return held

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the dossier: what was measured of one digest says nothing of another."""
        return digest(self.told)

    def row(self) -> dict[str, Any]:
        """Its row in `persona`."""
        return {
            "id": self.id,
            "digest": self.digest,
            "kind": self.kind,
            "status": "unmeasured" if self.unmeasured else self.dossier.status,
            "dossier": canonical(self.told),
        }

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Persona) and other.digest == self.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"Persona({self.id!r}, {self.digest[:12]})"


def read_persona(path: Path) -> Persona:
    """A persona from a YAML file.

    Raises:
        BadPersona: if there is none, or it does not load.
    """
    return Persona(read_yaml(path, BadPersona), where=str(path))


def read_yaml(path: Path, error: type[BadPersona]) -> Any:
    """What a YAML file holds.

    Raises:
        BadPersona: of the kind given, if it cannot be read.
    """
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as fault:
        raise error(f"{path} cannot be read: {getattr(fault, 'strerror', None) or fault}.") from None
    except (yaml.YAMLError, ValueError) as fault:  # ValueError: a date that there is not
        raise error(f"{path} is no YAML: {' '.join(str(fault).split())}.") from None


def _told(error: ValidationError) -> str:
    """Every fault of a dossier: what is missing in one list, then what does not hold, each by its field."""
    missing, wrong = [], []
    for fault in error.errors(include_url=False):
        place = ""
        for part in map(str, fault["loc"]):
            if part.startswith(("list[", "dict[")):  # which of a field's types was tried
                continue
            place += f"[{part}]" if part.isdigit() else f".{part}" if place else part
        if fault["type"] == "missing":
            missing.append(f"`{place}`")
        else:
            what = fault["msg"].removeprefix("Value error, ")
            wrong.append(f"`{place}`: {what[:1].lower()}{what[1:]}")
    told = [f"missing are {', '.join(missing)}"] if missing else []
    return "; ".join([*told, *dict.fromkeys(wrong)]) + "."


def _way_out(shape: type[Culture | Role]) -> str:
    kind = "role" if shape is Role else "culture"
    return f"docs/personas.md says what each holds; `plurijudge panels new` writes a {kind} to fill in"
