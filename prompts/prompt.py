"""Which words is a judge asked with? Prompts as files: loaded, checked both ways, rendered once per question."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from ..text.errors import BadPrompt
from .other_tools import Foreign, of_lines, translated

JUDGED = frozenset({"question", "context", "reference", "first", "second", "response", "responses"}) | {
    "first_request",
    "second_request",
}
GIVEN = frozenset({"criteria", "ties", "low", "high", "fence", "rubric", "anchors"})
_STEADY = GIVEN - {"fence", "rubric"}  # the same for every item of a judge, and hashable
_FOLDER = Path(__file__).parent
_SECTION = re.compile(r"^<!-- (system|user) -->[ \t]*$", re.MULTILINE)
_NEEDED = {
    "pairwise": frozenset({"first", "second"}),
    "joint": frozenset({"first", "second", "first_request", "second_request"}),
    "score": frozenset({"response"}),
    "reference": frozenset({"response", "reference"}),
    "rubric": frozenset({"response", "rubric"}),
    "rank": frozenset({"responses"}),
    "choice": frozenset({"responses"}),
}
_GUESSED = (
    "joint",
    "pairwise",
    "rubric",
    "score",
    "rank",
)  # what a prompt that names no protocol may be for, by what it shows


class _Section(NamedTuple):
    """A part of a prompt: whose message it is, its template, and the names that it uses where no text of an item is."""

    role: str
    template: Any
    steady: tuple[str, ...] | None

    def render(self, values: dict[str, Any]) -> str:
        """The message; one that is the same for every item is rendered once."""
        if self.steady is not None and all(name in values for name in self.steady):
            return _rendered(self.template, self.steady, tuple(values[name] for name in self.steady))
        return str(self.template.render(values).strip())


@lru_cache(maxsize=256)
def _rendered(template: Any, names: tuple[str, ...], values: tuple[Any, ...]) -> str:
    return str(template.render(dict(zip(names, values, strict=True))).strip())


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt as loaded from its file.

    Attributes:
        id: its name, such as `judge/pairwise`.
        version: raised whenever a word changes; verdicts of two versions are never pooled.
        digest: SHA-256 of the file's text.
        protocol: the protocol it asks for, `any` where it serves all.
        labels: what it calls the responses, in the order shown.
        scale: the lowest and highest score it asks for, None where the judge's own holds.
        structured: whether it asks for a JSON object, so that a schema may be sent along (`format: json`).
        variables: the names its text uses.
        text: the file's text; of another tool's template what it became.
        tool: whose template it was, '' for one of ours, `another tool` where nothing tells.
        mapping: of another tool's template its placeholders, and what each became.
        answer_line: what the line with the answer is headed with, such as `GRADE`; '' where nothing is said of it.
        grades: the words that stand there, and the score of each; none where a number stands there.
    """

    id: str
    version: str
    digest: str
    protocol: str
    labels: tuple[str, ...]
    scale: tuple[float, float] | None
    structured: bool
    variables: frozenset[str]
    text: str
    _sections: tuple[_Section, ...]
    tool: str = ""
    mapping: tuple[tuple[str, str], ...] = ()
    answer_line: str = ""
    grades: Mapping[str, float] = field(default_factory=dict)

    def messages(self, **values: Any) -> list[dict[str, str]]:
        """Render the messages, with the judged texts put in once and never read as a template.

        A prompt that does not place the fence itself gets each judged text already between two fences.

        Raises:
            BadPrompt: if a value that the prompt uses is not given.
        """
        if "fence" not in self.variables and "fence" in values:
            fence = values["fence"]
            values |= {name: _fenced(values[name], fence) for name in JUDGED if values.get(name)}
        from jinja2 import UndefinedError

        try:
            return [{"role": section.role, "content": section.render(values)} for section in self._sections]
        except UndefinedError as error:
            raise BadPrompt(f"The prompt `{self.id}` uses a value that is not given: {error}.") from error


def _fenced(judged: Any, fence: str) -> Any:
    """A judged text between two fences; of several responses each."""
    if isinstance(judged, list):
        return [{**one, "text": _fenced(one["text"], fence)} for one in judged]
    return f"\n{fence}\n{judged}\n{fence}\n"


def load_prompt(name: str) -> Prompt:
    """A shipped prompt by its id, or a user's own by its path; one of several in a file of JSON lines as `FILE#NAME`.

    Raises:
        BadPrompt: if there is none, its front matter does not hold, or it declares other variables than it uses.
    """
    shipped = _FOLDER / f"{name}.md"
    if re.fullmatch(r"[a-z_]+(/[a-z_]+)+", name) and shipped.is_file():
        return _shipped(shipped)
    path, which = Path(name), ""
    if not path.is_file() and "#" in name:  # one of several in a file, as in judge_prompts.jsonl#pair-v2
        path, which = Path(name.rpartition("#")[0]), name.rpartition("#")[2]
    if not path.is_file():
        known = ", ".join(sorted(p.relative_to(_FOLDER).with_suffix("").as_posix() for p in _FOLDER.glob("*/*.md")))
        raise BadPrompt(f"There is no prompt `{name}`.", way_out=f"a file's path, or one of: {known}")
    if path.suffix == ".jsonl":
        return parse_prompt(of_lines(_text(path), which, name=path.name), name=which or path.stem)
    return _read(path, own=True)


@cache
def _shipped(path: Path) -> Prompt:
    """A shipped prompt, read once: it is asked for with every verdict."""
    return _read(path, own=False)


@cache
def _environment() -> Any:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadPrompt(f"The prompt {path} cannot be read: {error}.", way_out="save it as UTF-8 text") from error


def _read(path: Path, *, own: bool) -> Prompt:
    return parse_prompt(
        _text(path), name=path.stem if own else path.relative_to(_FOLDER).with_suffix("").as_posix(), own=own
    )


def parse_prompt(text: str, *, name: str, own: bool = True) -> Prompt:
    """A prompt from its text.

    Args:
        text: front matter between `---` lines, then the sections `<!-- system -->` and `<!-- user -->`. A user's own
            prompt may leave out either; without sections all of it is the user's message.
        name: what it is called where its front matter gives no `id`.
        own: whether a user wrote it, who need not declare its variables.

    Raises:
        BadPrompt: if it does not hold.
    """
    head, body = _front_matter(text, name=name)
    if not own and not head:
        raise BadPrompt(f"The prompt `{name}` has no front matter.")
    foreign = translated(body, name=name, ours=JUDGED | GIVEN) if own and head.get("protocol") != "any" else None
    if foreign is not None:
        return _from_another_tool(foreign, head, name=name)
    return _parsed(text, head, body, name=name)


def _from_another_tool(foreign: Foreign, head: dict[str, Any], *, name: str) -> Prompt:
    """Another tool's template, written out as a file of ours; its own front matter holds against what was guessed."""
    told = {**foreign.head, **head}
    text = f"---\n{yaml.safe_dump(told, sort_keys=False, allow_unicode=True)}---\n{foreign.text}"
    made = _parsed(text, told, foreign.text, name=name)
    return replace(made, tool=foreign.tool or "another tool", mapping=foreign.mapping)


def _parsed(text: str, head: dict[str, Any], body: str, *, name: str) -> Prompt:
    sections = _sections(body)
    used = _variables(body, name=name)
    declared = frozenset(head.get("variables") or used)
    if declared != used:
        odd = ", ".join(f"`{variable}`" for variable in sorted(declared ^ used))
        raise BadPrompt(
            f"The prompt `{name}` declares other variables than it uses: {odd}.",
            way_out="make `variables` in its front matter the names in its text, or leave it out",
        )
    unknown = sorted(used - JUDGED - GIVEN) if head.get("protocol") != "any" else []
    if unknown:
        raise BadPrompt(
            f"The prompt `{name}` uses `{unknown[0]}`, which nothing gives.",
            way_out="use " + ", ".join(sorted(JUDGED | GIVEN)),
        )
    protocol = str(head.get("protocol") or _protocol_of(used, name=name))
    lacking = sorted(_NEEDED.get(protocol, frozenset()) - used)
    if lacking:
        raise BadPrompt(f"The prompt `{name}` is for protocol `{protocol}` and never shows `{lacking[0]}`.")
    labels = tuple(str(label) for label in head.get("labels") or ("A", "B"))
    scale = head.get("scale")
    return Prompt(
        id=str(head.get("id") or name),
        version=str(head.get("version", "0")),
        digest=hashlib.sha256(text.encode()).hexdigest(),
        protocol=protocol,
        labels=labels,
        scale=(float(scale[0]), float(scale[1])) if scale else None,
        structured=head.get("format") == "json",
        variables=used,
        text=text,
        _sections=tuple(_section(role, part, name=name) for role, part in sections),
        answer_line=str(head.get("answer_line") or ""),
        grades=_grades(head, name=name),
    )


def _grades(head: dict[str, Any], *, name: str) -> dict[str, float]:
    """The words that stand for scores."""
    told = head.get("grades") or {}
    held = isinstance(told, dict) and all(
        isinstance(word, str) and isinstance(score, int | float) and not isinstance(score, bool)
        for word, score in told.items()
    )
    if not held:
        raise BadPrompt(
            f"The front matter of the prompt `{name}` has `grades` that are not words with a number each.",
            way_out='grades: {"C": 1, "I": 0}, words such as "yes" in quotes',
        )
    if told and not (head.get("answer_line") and head.get("scale")):
        raise BadPrompt(
            f"The front matter of the prompt `{name}` has `grades`, and not all of what belongs to them.",
            way_out="answer_line: GRADE, and scale: [0, 1]",
        )
    return {word: float(score) for word, score in told.items()}


def _front_matter(text: str, *, name: str) -> tuple[dict[str, Any], str]:
    if not text.startswith("---\n"):
        return {}, text
    head, bar, body = text[4:].partition("\n---\n")
    try:
        read = yaml.safe_load(head) if bar else None
    except yaml.YAMLError as error:
        raise BadPrompt(f"The front matter of the prompt `{name}` is not YAML: {error}.") from error
    if not isinstance(read, dict):
        raise BadPrompt(f"The front matter of the prompt `{name}` must be names and values between two `---` lines.")
    return read, body


def _sections(body: str) -> list[tuple[str, str]]:
    parts = _SECTION.split(body)
    if len(parts) == 1:
        return [("user", body)]
    return [(role, part) for role, part in zip(parts[1::2], parts[2::2], strict=True)]


def _section(role: str, part: str, *, name: str) -> _Section:
    used = _variables(part, name=name)
    steady = tuple(sorted(used)) if used <= _STEADY else None
    return _Section(role, _environment().from_string(part), steady)


def _variables(body: str, *, name: str) -> frozenset[str]:
    from jinja2 import TemplateSyntaxError, meta

    try:
        return frozenset(meta.find_undeclared_variables(_environment().parse(body)))
    except TemplateSyntaxError as error:
        raise BadPrompt(f"The prompt `{name}` is not a Jinja template: {error} (line {error.lineno}).") from error


def _protocol_of(used: frozenset[str], *, name: str) -> str:
    for protocol in _GUESSED:
        if _NEEDED[protocol] <= used:
            return protocol
    raise BadPrompt(
        f"The prompt `{name}` shows no response.",
        way_out="place {{ first }} and {{ second }} (pairwise), {{ response }} (score), or a loop over {{ responses }} "
        "(rank) where the answers belong",
    )
