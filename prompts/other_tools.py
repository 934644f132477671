"""Which of our variables do the placeholders of other tools' templates mean? A template of theirs as one of ours.

Known are the templates of FastChat (MT-bench), alpaca_eval, G-Eval, inspect and openevals, told apart by their
placeholders. The template is turned into Jinja text with every brace of its own escaped, so that judged text is put in
by Jinja, once, and never by `str.format`. `docs/other_tools.md` holds the mapping.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from difflib import get_close_matches
from string import Formatter
from typing import Any

from ..text.errors import BadPrompt

_GRADES = """Reason about it step by step first. Then end with one line that holds nothing else:
GRADE: C if the submission is correct,
GRADE: P if it is partly correct,
GRADE: I if it is incorrect."""
_JSON = """

End with one JSON object and nothing after it:
{"rationale": "your reasons in at most four sentences", "score": a number from 0 (fails) to 1 (passes)}"""
_SOURCE = "context or question"

#: What a placeholder means: a variable of ours, two of ours of which the first that is given is shown, or a text.
KNOWN: dict[str, str] = {
    **{"question": "question", "question_1": "question", "answer_a": "first", "answer_b": "second"},
    **{"answer_a_1": "first", "answer_b_1": "second", "answer": "response", "answer_1": "response"},
    **{"ref_answer_1": "reference", "ref_answer": "reference"},
    **{"instruction": "question", "output_1": "first", "output_2": "second", "output": "response"},
    **{"criterion": "reference", "instructions": "=grades"},
    **{"inputs": "question", "outputs": "response", "reference_outputs": "reference", "context": "context"},
    **{"Document": _SOURCE, "Summary": "response", "Fact": "context", "Response": "response"},
    **{"Source": _SOURCE, "Conversation": "question", "Reference": "reference", "Question": "question"},
    **{"prompt": "question", "input": "question", "response": "response", "prediction": "response"},
    **{"response_a": "first", "response_b": "second", "response_A": "first", "response_B": "second"},
    **{"reference": "reference", "reference_answer": "reference", "target": "reference", "criteria": "criteria"},
}
_SECOND_TURN = frozenset({"question_2", "answer_2", "answer_a_2", "answer_b_2", "ref_answer_2"})
_ARENA = {"answer_1": "first", "answer_2": "second"}
_SINGLE = re.compile(r"(?<![{$])\{([A-Za-z_]\w*)\}(?!\})")
_DOUBLE = re.compile(r"\{\{\s*([A-Za-z_]\w*)\s*\}\}")
_TURN = re.compile(r"<\|im_start\|>\s*(system|user|assistant)[ \t]*\n?(.*?)(?:<\|im_end\|>|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Foreign:
    """Another tool's template as one of ours.

    Attributes:
        tool: whose it probably is.
        text: its text as a Jinja template, with our sections.
        mapping: its placeholders in the order of the text, and what each became.
        head: what our front matter would say of it: protocol, labels, scale, answer line and grades.
    """

    tool: str
    text: str
    mapping: tuple[tuple[str, str], ...]
    head: Mapping[str, Any] = field(default_factory=dict)


def translated(body: str, *, name: str, ours: Set[str]) -> Foreign | None:
    """A template of another tool as one of ours; None where the text is no such template.

    Args:
        body: the template, without front matter.
        name: what it is called, for messages.
        ours: the variables that a prompt of ours may use.

    Raises:
        BadPrompt: if it uses a placeholder that means nothing here, or none that shows an answer.
    """
    dialect = _dialect(body, ours)
    if dialect is None:
        return None
    pieces = list(dialect(body))
    used = list(dict.fromkeys(piece.name for piece in pieces if piece.name))
    _refuse_unknown(used, ours, name=name)
    meaning = {placeholder: _meaning(placeholder, used) for placeholder in used}
    said, tool = "".join(piece.literal for piece in pieces), _tool_of(used)
    made = "".join(_escaped(piece.literal, before=piece.name) + _put(meaning.get(piece.name, "")) for piece in pieces)
    head = _head(tool, meaning, said)
    if head.get("format") == "json":
        made += _escaped(_JSON, before="")
    mapping = tuple((placeholder, _told(meaning[placeholder])) for placeholder in used)
    return Foreign(tool, _sections(made, name=name), mapping, head)


@dataclass(frozen=True, slots=True)
class _Piece:
    """Words of a template as they are to be shown, and the placeholder behind them, '' at the end."""

    literal: str
    name: str


def _dialect(body: str, ours: Set[str]) -> Callable[[str], Iterator[_Piece]] | None:
    """How the template marks its placeholders; None where it is one of ours, or marks none."""
    doubles = set(_DOUBLE.findall(body))
    if "{%" in body or (doubles and doubles <= ours):
        return None
    if doubles & (KNOWN.keys() - ours):
        return _of_doubles
    singles = set(_SINGLE.findall(body))
    if not singles or (doubles & ours):
        return None
    if not singles & (KNOWN.keys() | _SECOND_TURN | ours) and not any(map(_near, singles)):
        return None
    return _of_format if _is_format(body) else _of_singles


def _is_format(body: str) -> bool:
    """Whether `str.format` would take it: its doubled braces then stand for single ones."""
    try:
        fields = [part[1:] for part in Formatter().parse(body)]
    except ValueError:
        return False
    return all(name is None or (name.isidentifier() and not spec and not change) for name, spec, change in fields)


def _of_format(body: str) -> Iterator[_Piece]:
    for literal, name, _, _ in Formatter().parse(body):
        yield _Piece(literal, name or "")


def _of_singles(body: str) -> Iterator[_Piece]:
    yield from _of_pattern(body, _SINGLE)


def _of_doubles(body: str) -> Iterator[_Piece]:
    yield from _of_pattern(body, _DOUBLE)


def _of_pattern(body: str, pattern: re.Pattern[str]) -> Iterator[_Piece]:
    done = 0
    for found in pattern.finditer(body):
        yield _Piece(body[done : found.start()], found[1])
        done = found.end()
    yield _Piece(body[done:], "")


def _escaped(literal: str, *, before: str) -> str:
    """Words that Jinja shows as they are, whatever braces they hold; `before` is the placeholder behind them."""
    made = re.sub(r"\{(?=[{%#])", "{{ '{' }}", literal)
    return f"{made[:-1]}{{{{ '{{' }}}}" if before and made.endswith("{") else made


def _put(meaning: str) -> str:
    if not meaning:
        return ""
    if meaning == "=grades":
        return _GRADES
    if meaning in ("context", "reference"):
        meaning += " or ''"  # which an item may lack
    return f"{{{{ {meaning} }}}}"  # `context or question` is Jinja's too


def _told(meaning: str) -> str:
    return "our instruction to end with `GRADE: C`, `P` or `I`" if meaning == "=grades" else meaning


def _meaning(placeholder: str, used: list[str]) -> str:
    if placeholder in ("Document", "Source") and "Fact" in used:
        return "question"  # of a dialogue: what was said before, beside the fact
    if _is_arena(used) and placeholder in _ARENA:
        return _ARENA[placeholder]
    return KNOWN.get(placeholder) or KNOWN.get(placeholder.lower(), placeholder)


def _is_arena(used: list[str]) -> bool:
    """Whether the answers are numbered by who wrote them, as Arena-Hard does, and not by turn."""
    return _ARENA.keys() <= set(used) and "question_2" not in used


def _refuse_unknown(used: list[str], ours: Set[str], *, name: str) -> None:
    for placeholder in used:
        if placeholder in KNOWN or placeholder.lower() in KNOWN or placeholder in ours:
            continue
        if placeholder in _ARENA and _is_arena(used):
            continue
        if placeholder in _SECOND_TURN:
            raise BadPrompt(
                f"The prompt `{name}` uses `{placeholder}`, the second of two turns; here a template has one answer.",
                way_out="give the whole conversation as the item's `prompt` (a list of messages), and use {question}",
            )
        near = _near(placeholder)
        meant = f"`{near[0]}` is probably meant; " if near else ""
        raise BadPrompt(
            f"The prompt `{name}` uses the placeholder `{placeholder}`, which means nothing here.",
            way_out=f"{meant}known are {', '.join(KNOWN)} (docs/other_tools.md)",
        )


def _near(placeholder: str) -> list[str]:
    by_case = {known.casefold(): known for known in KNOWN}
    return [by_case[found] for found in get_close_matches(placeholder.casefold(), by_case, n=1, cutoff=0.7)]


def _tool_of(used: list[str]) -> str:
    names = {*used, *(one.lower() for one in used if one not in KNOWN)}
    for tool, telling in (
        ("inspect", {"criterion", "instructions"}),
        ("openevals", {"inputs", "outputs", "reference_outputs"}),
        ("alpaca_eval", {"output_1", "output_2"}),
        ("FastChat", {"answer_a", "answer_b", "answer_a_1", "answer_1", "ref_answer_1"}),
        ("G-Eval", {"Document", "Source", "Summary", "Fact", "Conversation", "Response"}),
    ):
        if names & telling:
            return tool
    return "FastChat" if {"question", "answer"} <= names else ""


def _head(tool: str, meaning: Mapping[str, str], said: str) -> dict[str, Any]:
    """What the template asks for, as far as its placeholders and its words tell."""
    shown = set(meaning.values())
    if {"first", "second"} <= shown:
        return {"protocol": "pairwise", "labels": _labels(said)}
    head: dict[str, Any] = {"protocol": "reference" if "reference" in shown else "score"}
    if tool == "inspect":
        letters = {"C": 1.0, "P": 0.5, "I": 0.0}
        return {**head, "answer_line": "GRADE", "grades": letters, "scale": [0, 1]}
    scale = _scale(said)
    if tool == "openevals" and not re.search(r"\bJSON\b|\"score\"|\[\[", said):
        return {**head, "scale": [0, 1], "format": "json"}
    line = re.search(r"\(scores? only\)\s*:?\s*\n+\s*-?\s*([A-Z][\w /-]{2,40}?)\s*:?\s*\Z", said.strip(), re.IGNORECASE)
    return {**head, **({"scale": scale} if scale else {}), **({"answer_line": line[1]} if line else {})}


def _labels(said: str) -> list[str]:
    """What the template calls the two answers."""
    if re.search(r"[\"'`]m[\"'`]", said) and re.search(r"[\"'`]M[\"'`]", said):
        return ["m", "M"]
    if re.search(r"\bmodel_1\b", said) and re.search(r"\bmodel_2\b", said):
        return ["model_1", "model_2"]
    if re.search(r"Output \(a\)", said) and re.search(r"Output \(b\)", said):
        return ["a", "b"]
    return ["A", "B"]


def _scale(said: str) -> list[float] | None:
    """The scale that the words name, if they name one: `scale of 1 to 10`, `(1-5)`."""
    found = re.findall(
        r"(?:scale|rate|rating|score|grade)s?\b[^.\n]{0,60}?\b(?:of|from|between)\s+(\d{1,3})\s*(?:to|and|-|–)\s*(\d{1,3})\b"
        r"|\((\d{1,3})\s*(?:-|–|to)\s*(\d{1,3})\)",
        said,
        re.IGNORECASE,
    )
    named = {(float(one[0] or one[2]), float(one[1] or one[3])) for one in found}
    [ends] = named if len(named) == 1 else [(0.0, 0.0)]
    return [*ends] if ends[0] < ends[1] else None


def _sections(text: str, *, name: str) -> str:
    """The chat markup of a template as our sections; an assistant's turn may only be the empty one that is to come."""
    if "<|im_start|>" not in text:
        return text
    made = []
    for role, said in _TURN.findall(text):
        if role == "assistant":
            if said.strip():
                raise BadPrompt(
                    f"The prompt `{name}` holds an answer of the assistant; a judge's prompt has none.",
                    way_out="move the example into the user's message",
                )
            continue
        made.append(f"<!-- {role} -->\n{said.strip()}\n")
    return "\n".join(made)


def of_lines(text: str, which: str, *, name: str) -> str:
    """One template of a file that holds several, as FastChat's `judge_prompts.jsonl` does: an object a line.

    Args:
        text: the file's text.
        which: the template's `name`.
        name: what the file is called, for messages.

    Raises:
        BadPrompt: if there is none of that name, or it holds no `prompt_template`.
    """
    found: dict[str, dict[str, Any]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        try:
            read = json.loads(line) if line.strip() else {}
        except ValueError as error:
            raise BadPrompt(f"The prompts {name} are not JSON lines: {error} (line {number}).") from error
        if isinstance(read, dict) and isinstance(read.get("prompt_template"), str):
            found[str(read.get("name"))] = read
    if which not in found:
        known = ", ".join(f"{name}#{one}" for one in found) or "objects with `name` and `prompt_template`, one a line"
        said = f"no prompt `{which}`" if which else f"{len(found)} prompts, and one must be named"
        raise BadPrompt(f"{name} holds {said}.", way_out=known)
    one = found[which]
    system = str(one.get("system_prompt") or "")
    told = f"<|im_start|>system\n{system}<|im_end|>\n" if system else ""
    return f"{told}<|im_start|>user\n{one['prompt_template']}<|im_end|>"
