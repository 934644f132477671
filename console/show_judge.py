"""What is a judge, down to its words, and what tells two judges apart? `plurijudge show --judge A --against B`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import unified_diff
from typing import TYPE_CHECKING, Any

from ..text.errors import BadInput
from .judging import judge_named, names_model
from .plain import answer, answer_json

if TYPE_CHECKING:
    from ..agents.gallery import Card
    from ..agents.judge import Judge
    from ..prompts.prompt import Prompt

_STORED = re.compile(r"[0-9a-f]{6,16}")
_RUN = re.compile(r"last|r-\d{8}-[0-9a-f]+")


@dataclass(frozen=True, slots=True)
class Described:
    """A judge as it is told of.

    Attributes:
        name: what people call it.
        id: its hash.
        file: what its file would hold; of a stored judge its description, whose prompt and tools stand as digests.
        description: all that its hash covers.
        prompt: the text that it is asked with.
        wording: the prompt's id, version and digest.
        calls: how many calls a verdict takes at least; None where only the store knows the judge.
        card: what people should know of it; None where it has none.
        is_open: whether its file leaves open which model judges.
    """

    name: str
    id: str
    file: Mapping[str, Any]
    description: Mapping[str, Any]
    prompt: str
    wording: Mapping[str, str]
    calls: int | None
    card: Card | None
    is_open: bool = False

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "name": self.name,
            "id": self.id,
            "file": dict(self.file),
            "description": dict(self.description),
            "prompt": {**self.wording, "text": self.prompt},
            "calls": self.calls,
            "card": None if self.card is None else self.card.model_dump(mode="json"),
        }


def show_judge(name: str, against: str, *, prompt: str | None, db: str, as_json: bool) -> None:
    """Print a judge, or what tells it apart from another.

    Args:
        name: a file, a judge that is ready, a model, a function, a stored judge's id, or a run.
        against: another, '' for none.
        prompt: a prompt in the place of the first one's own.
        db: the store that ids and runs are looked up in.
        as_json: whether for programs.

    Raises:
        BadInput: if there is no such judge, or a prompt is typed beside one that is only stored.
    """
    one = described(name, db, prompt=prompt)
    if not against:
        if as_json:
            answer_json(one.to_dict())
        else:
            answer("\n".join(_lines(one)))
        return
    other = described(against, db)
    fields = [*_differences(one, other)]
    words = _word_difference(one, other)
    if as_json:
        told = {"judge": one.to_dict(), "against": other.to_dict(), "same": one.id == other.id}
        answer_json({**told, "fields": fields, "prompt_diff": "\n".join(words)})
        return
    answer("\n".join(_compared(one, other, fields, words)))


def described(name: str, db: str, *, prompt: str | None = None) -> Described:
    """The judge of a name.

    Raises:
        BadInput: if there is none.
    """
    from ..agents.gallery import card_in, judge_file

    path = judge_file(name)
    if path is None and (_RUN.fullmatch(name) or _STORED.fullmatch(name)):
        if prompt:
            raise BadInput(f"`{name}` is a stored judge: its prompt is what it was.", way_out="leave out --prompt")
        return _stored(name, db)
    judge = judge_named(name, prompt=prompt)
    judge.check()
    if path is None:
        return _of_judge(judge, None, is_open=False)
    return _of_judge(judge, card_in(path), is_open=not names_model(name))


def _of_judge(judge: Judge, card: Card | None, *, is_open: bool) -> Described:
    words = judge.words
    wording = {"id": words.id, "version": words.version, "digest": words.digest}
    file = _file_of(judge, without={"model"} if is_open else set())
    told = (judge.description, words.text, wording, judge.calls, card)
    return Described(judge.title, judge.id, file, *told, is_open=is_open)


def _file_of(judge: Judge, *, without: set[str]) -> dict[str, Any]:
    """The fields that a file of the judge would hold: what its hash covers and is not empty; it loads again."""
    whole, unlimited = judge.model_dump(mode="json"), ("temperature", "max_tokens")  # null is a value of theirs
    names = [name for name in whole if (name == "name" or name in judge.description) and name not in without]
    return {name: whole[name] for name in names if whole[name] not in ("", None, [], {}) or name in unlimited}


def _stored(name: str, db: str) -> Described:
    """A judge as the store holds it, by the beginning of its id or by a run of it."""
    from ..store.engine import Store
    from ..store.queries import judge_like, judge_row
    from ..store.runs import find_run

    with Store.open(db) as store:
        if _RUN.fullmatch(name):
            run = find_run(store, name)
            if not run.judge:
                raise BadInput(f"The run {run.id} holds verdicts of several judges.", way_out="--judge ID of one")
            row = judge_row(store, run.judge)
        else:
            row = judge_like(store, name)
    told = row["description"]
    wording = {"id": "", "version": row["prompt_version"], "digest": row["prompt_digest"]}
    if isinstance(told.get("prompt"), dict):
        wording["id"] = str(told["prompt"].get("id", ""))
    return Described(row["name"], row["id"], told, told, row["prompt"] or "", wording, None, None)


def _yaml(fields: Mapping[str, Any]) -> str:
    import yaml

    return yaml.safe_dump(dict(fields), sort_keys=False, allow_unicode=True, width=110).rstrip()


def _lines(one: Described) -> Iterator[str]:
    """A judge for people: its file, with what is not of the file as comments, so that it loads again."""
    yield f"# judge {one.name}, hash {one.id}"
    wording = one.wording
    yield f"# prompt {wording['id']}, version {wording['version']}, digest {wording['digest'][:16]}"
    if one.is_open:
        yield "# it leaves open which model judges: --model NAME (the hash is that of builtin/heuristic)"
    if one.calls is not None:
        more = ", tool calls, repairs and second attempts apart"
        yield f"# {one.calls} {'call' if one.calls == 1 else 'calls'} a verdict at least{more}"
    yield _yaml(one.file)
    if one.card is not None:
        yield from _card_lines(one.card)
    yield ""
    yield "# What it is asked with:"
    yield from (f"#   {line}".rstrip() for line in one.prompt.splitlines())


def _card_lines(card: Card) -> Iterator[str]:
    yield ""
    yield f"# {card.title or 'Its card'}"
    for title, text in (("asks", card.asks), ("needs", card.needs)):
        if text:
            yield f"# {title}: {text}"
    yield from (f"# limit: {text}" for text in card.limits)
    for one in card.measured:
        yield f"# measured with {one.model} on {one.data}: {one.result}"
        if one.command:
            yield f"#   again: {one.command}"
    if card.unmeasured:
        yield f"# {card.unmeasured}"


def _flat(told: Any, name: str = "") -> dict[str, Any]:
    """Values by their place, such as `prompt.version` and `rubric.safe.weight`."""
    parts: list[tuple[str, Any]] = []
    if isinstance(told, Mapping):
        parts = [*told.items()]
    elif isinstance(told, list) and all(isinstance(one, Mapping) for one in told):
        parts = [(str(one.get("id") or one.get("name") or number), one) for number, one in enumerate(told, 1)]
    if not parts:
        return {name: told}
    return {
        place: value for key, inner in parts for place, value in _flat(inner, f"{name}.{key}" if name else key).items()
    }


def _differences(one: Described, other: Described) -> Iterator[dict[str, Any]]:
    """The fields in which two differ; a field that one of them has not is null there."""
    first, second = _flat(one.description), _flat(other.description)
    for field in dict.fromkeys([*first, *second]):
        if first.get(field) != second.get(field):
            yield {"field": field, "judge": first.get(field), "against": second.get(field)}


def _word_difference(one: Described, other: Described) -> list[str]:
    first, second = (f"{side.name}: {side.wording['id']} {side.wording['version']}" for side in (one, other))
    return list(unified_diff(one.prompt.splitlines(), other.prompt.splitlines(), first, second, lineterm="", n=2))


def _compared(one: Described, other: Described, fields: list[dict[str, Any]], words: list[str]) -> Iterator[str]:
    yield f"{one.name} ({one.id}) and {other.name} ({other.id})"
    if one.id == other.id:
        yield "They are one judge: everything that may change what they say is the same."
        return
    yield f"They differ in {len(fields)} {'field' if len(fields) == 1 else 'fields'}; their verdicts are never pooled."
    for row in fields:
        yield f"{row['field']}:"
        yield f"  - {_cell(row['judge'])}"
        yield f"  + {_cell(row['against'])}"
    if words:
        yield ""
        yield from words


def _cell(value: Any) -> str:
    from ..store.canonical import canonical

    return "(none)" if value is None else value if isinstance(value, str) and value else canonical(value)


def show_prompt(name: str, *, as_json: bool) -> None:
    """Print a prompt: what it asks for, of another tool's template what each placeholder became, and its text.

    Raises:
        BadPrompt: if it does not load.
    """
    from ..prompts.prompt import load_prompt

    found = load_prompt(name)
    if as_json:
        answer_json(_prompt_document(found))
        return
    lines = [f"# prompt {found.id}, version {found.version}, digest {found.digest[:16]}"]
    if found.tool:
        lines.append(f"# a template of {found.tool}, read as one of ours:")
        lines += [f"#   {theirs}  ->  {ours}" for theirs, ours in found.mapping]
    lines.append(f"# protocol {found.protocol}{_asked(found)}")
    if "fence" not in found.variables:
        lines.append("# it has no fence of its own: each judged text is put between two lines that no writer can guess")
    lines += [f"# use it: plurijudge judge items.jsonl --prompt {name} --model NAME", found.text.rstrip()]
    answer("\n".join(lines))


def _asked(found: Prompt) -> str:
    parts = []
    if found.protocol in ("pairwise", "joint"):
        parts.append(f"the answers are called {' and '.join(found.labels[:2])}")
    if found.scale:
        parts.append(f"scores from {found.scale[0]:g} to {found.scale[1]:g}")
    elif found.protocol in ("score", "reference"):
        parts.append(
            "no scale is named: the judge's holds, 1 to 10 where nothing is said (`scale: [1, 5]` in front matter)"
        )
    if found.answer_line:
        words = ", ".join(f"{word} is {score:g}" for word, score in found.grades.items()) or "a number"
        parts.append(f"read from the line `{found.answer_line}:` ({words})")
    return "".join(f"; {part}" for part in parts)


def _prompt_document(found: Prompt) -> dict[str, Any]:
    return {
        "id": found.id,
        "version": found.version,
        "digest": found.digest,
        "protocol": found.protocol,
        "labels": [*found.labels],
        "scale": None if found.scale is None else [*found.scale],
        "tool": found.tool or None,
        "mapping": [{"placeholder": theirs, "variable": ours} for theirs, ours in found.mapping],
        "answer_line": found.answer_line or None,
        "grades": dict(found.grades),
        "variables": sorted(found.variables),
        "text": found.text,
    }
