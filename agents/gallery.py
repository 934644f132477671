"""Which judges come ready to use, and what is known of each? A YAML file each, with its card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from ..prompts.prompt import load_prompt
from ..text.errors import BadJudge

FOLDER = Path(__file__).parent / "judges"
CARD = "card"


class Measured(BaseModel):
    """What was measured of a judge once.

    Attributes:
        model: the model that judged.
        data: what it judged.
        result: what came out, with its interval.
        command: that measures it again.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    data: str
    result: str
    command: str = ""


class Card(BaseModel):
    """What people should know of a judge before they use it. It is no part of the judge's hash.

    Attributes:
        title: what it judges.
        asks: what is asked.
        needs: what an item, or the store, must have.
        limits: what it does not do.
        measured: what was measured.
        unmeasured: what was not, said plainly.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = ""
    asks: str = ""
    needs: str = ""
    limits: tuple[str, ...] = ()
    measured: tuple[Measured, ...] = ()
    unmeasured: str = ""


def shipped_judges() -> list[str]:
    """The names of the judges that come with plurijudge."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def judge_file(name: str) -> Path | None:
    """The file of a judge by its path or by a shipped judge's name; None where there is neither."""
    if name in shipped_judges():
        return FOLDER / f"{name}.yaml"
    path = Path(name)
    return path if path.suffix in (".yaml", ".yml") or path.is_file() else None


def judge_fields(path: Path) -> dict[str, Any]:
    """What a judge's file says of it, its card apart.

    Raises:
        BadJudge: if it cannot be read, or holds no names and values.
    """
    read = _yaml(path)
    read.pop(CARD, None)
    prompt = read.get("prompt")
    if isinstance(prompt, str) and (path.parent / prompt.partition("#")[0]).is_file():
        read["prompt"] = str(path.parent / prompt)  # a prompt beside its judge
    return read


def with_protocol(fields: dict[str, Any]) -> dict[str, Any]:
    """A judge's fields, with the protocol that its prompt asks for where none is said.

    Raises:
        BadPrompt: if the prompt does not load.
    """
    if not fields.get("prompt") or fields.get("protocol"):
        return fields
    protocol = load_prompt(str(fields["prompt"])).protocol
    return fields if protocol == "any" else {**fields, "protocol": protocol}


def card_in(path: Path) -> Card | None:
    """The card in a judge's file; None where it has none.

    Raises:
        BadJudge: if the file cannot be read, or the card holds what a card has not.
    """
    told = _yaml(path).get(CARD)
    if told is None:
        return None
    try:
        return Card.model_validate(told)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in (CARD, *first["loc"]))
        raise BadJudge(
            f"In {path}: `{where}` does not hold: {first['msg']}.",
            way_out="a card has " + ", ".join(Card.model_fields),
        ) from error


_LIKE = "model: openai/gpt-5-mini"
_LINES = f"`name: value` on each line, such as `{_LIKE}`"


def _yaml(path: Path) -> dict[str, Any]:
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadJudge(f"The judge {path} cannot be read: {error}.", way_out="name a file that is there") from error
    except yaml.YAMLError as error:
        raise BadJudge(f"The judge {path} is not YAML: {error}.", way_out=_LINES) from error
    if not isinstance(read, dict) or not all(isinstance(key, str) for key in read):
        raise BadJudge(f"The judge {path} must be names and values, such as `{_LIKE}`.", way_out=_LINES)
    return read
