"""What is a judge? A model, an endpoint, a protocol, a prompt, nodes, tools and sampling, under one hash."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ..prompts.prompt import Prompt, load_prompt
from ..store.canonical import canonical, digest
from ..store.records import TIE
from ..text.errors import BadJudge
from ..text.secrets import without_secrets
from .builtin import planted, replay
from .nodes import NODES
from .tools.known import told_of, tool_of, tools_of
from .tools.toolbox import Mode, Probe, Results, Toolbox, ToolBudget

if TYPE_CHECKING:
    from ..store.engine import Store

JudgeProtocol = Literal["pairwise", "score"]
DEFAULT_MODEL = "builtin/heuristic"
CALLABLE = "callable/"
_TOOL_FIELDS = ("tool_calls", "tool_rounds", "tool_seconds", "tool_bytes")  # nothing to a judge without tools


class Judge(BaseModel):
    """A judge's description. Its `id` is a hash of all that may change what it says; its name is not part of it.

    Attributes:
        model: LiteLLM's name of the model, such as `openai/gpt-5-mini`, or a built-in one.
        name: what people call the judge; the model's name where it is not given.
        base_url: the endpoint, '' for the provider's own.
        protocol: `pairwise` compares two responses, `score` grades one at a time.
        prompt: a shipped prompt's id or the path of a prompt file; the protocol's own where it is not given.
        criteria: what to decide by, in the user's words.
        ties: whether a tie may be answered.
        scale: the lowest and highest score.
        temperature: of sampling; None leaves it to the provider.
        top_p: of sampling.
        seed: sent to the provider where it is given.
        max_tokens: the token limit of an answer; a cut answer is asked again once with four times as many.
        structured: `auto` tries a JSON schema, a tool call, then free text; or the one road to take.
        repair: whether a reply without a verdict is asked once more for its verdict alone.
        tools: names of tools that the judge has: `calculator`, or `my.py:tool` of one's own.
        tool_calls: how many tool calls a verdict may take.
        tool_rounds: how often the model may ask for any.
        tool_seconds: for one tool call; None for what each tool declares.
        tool_bytes: of a tool's result, as the model is shown it.
        nodes: names of further nodes: `rules`, `cases`, `criteria`, `evidence`, `own_answer`, `reflect`.
        extra: further parameters, sent as they are.
        function: a user's own judge, `module:function`, in the place of a model.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    model: str = DEFAULT_MODEL
    name: str = ""
    base_url: str = ""
    protocol: JudgeProtocol = "pairwise"
    prompt: str = ""
    criteria: str = ""
    ties: bool = True
    scale: tuple[float, float] = (1.0, 10.0)
    temperature: float | None = Field(default=0.0, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    seed: int | None = None
    max_tokens: int | None = Field(default=1024, ge=1)
    structured: Literal["auto", "schema", "tool", "text"] = "auto"
    repair: bool = True
    tools: tuple[str, ...] = ()
    tool_calls: int = Field(default=6, ge=0)
    tool_rounds: int = Field(default=4, ge=0)
    tool_seconds: float | None = Field(default=None, gt=0)
    tool_bytes: int = Field(default=4096, ge=200)
    nodes: tuple[str, ...] = ()
    extra: dict[str, Any] = {}
    function: str = ""

    def __init__(self, model: str = DEFAULT_MODEL, /, **given: Any) -> None:
        """Describe a judge; the model may be given by place or by name.

        Raises:
            BadJudge: if the description does not hold; the message names the field.
        """
        given.setdefault("model", model)
        try:
            super().__init__(**given)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "the description"
            raise BadJudge(f"The judge's `{where}` does not hold: {first['msg']}.") from error

    @field_validator("nodes")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        odd = [name for name in names if name not in NODES]
        if odd:
            raise ValueError(f"{odd[0]!r} is none; there are {', '.join(NODES)}")
        if len(set(names)) < len(names):
            raise ValueError("one is named twice")
        return tuple(name for name in NODES if name in names)  # they are what they are in whatever order

    @field_validator("base_url")
    @classmethod
    def _holds_no_key(cls, address: str) -> str:
        if without_secrets(address) != address:
            raise ValueError("it holds a password or a key, and descriptions are stored; put it in the environment")
        return address

    @model_validator(mode="after")
    def _holds(self) -> Judge:
        if not self.scale[0] < self.scale[1]:
            raise ValueError("`scale` needs a lowest score below its highest")
        if "@" in self.base_url.partition("://")[2].partition("/")[0]:
            raise ValueError("`base_url` holds a name or password; keys come from the environment or from .env")
        secret = sorted(name for name in self.extra if "key" in name.lower() or "token" == name.lower())
        if secret:
            raise ValueError(f"`extra` holds {secret[0]!r}; keys come from the environment or from .env")
        if self.function and ":" not in self.function:
            raise ValueError("`function` is written module:function")
        return self

    @cached_property
    def words(self) -> Prompt:
        """The prompt, loaded and checked against the protocol.

        Raises:
            BadPrompt: if it does not load.
            BadJudge: if it asks for another protocol.
        """
        loaded = load_prompt(self.prompt or f"judge/{self.protocol}")
        if loaded.protocol not in (self.protocol, "any"):
            raise BadJudge(
                f"The prompt `{loaded.id}` asks for protocol `{loaded.protocol}`; the judge's is `{self.protocol}`.",
                way_out=f"--protocol {loaded.protocol}, or another prompt",
            )
        return loaded

    @cached_property
    def description(self) -> dict[str, Any]:
        """All that may change what the judge says, the prompt by its digest."""
        told = self.model_dump(mode="json", exclude={"name"} if self.tools else {"name", *_TOOL_FIELDS})
        if self.tools:
            told["tools"] = told_of(self.tools)
            told["tools_prompt"] = load_prompt("judge/tools").digest
        if self.nodes:
            prompts = [prompt for name in self.nodes for prompt in NODES[name].prompts]
            told["nodes_prompts"] = {prompt: load_prompt(prompt).digest for prompt in prompts}
        told["prompt"] = {"id": self.words.id, "version": self.words.version, "digest": self.words.digest}
        if self.model.startswith("replay/"):
            recorded = replay.recording(self.model.removeprefix("replay/"))
            told["model"] = f"replay?judge={recorded.judge}"
            told["recording"] = recorded.digest
        if self.function:
            told["function_digest"] = _source_digest(load_function(self.function))
        return told

    @cached_property
    def answer_schema(self) -> dict[str, Any] | None:
        """The JSON schema of an answer, reasons before the verdict; None where the prompt asks for free text."""
        if not self.words.structured and self.structured == "auto":
            return None
        asked: dict[str, Any]
        if self.protocol == "score":
            low, high = self.words.scale or self.scale
            number = {"type": "number", "minimum": low, "maximum": high}
            name, asked = "score", {"anyOf": [number, {"type": "string", "enum": ["abstain"]}]}
        else:
            name = "verdict"
            asked = {"type": "string", "enum": [*self.words.labels[:2], *([TIE] if self.ties else []), "abstain"]}
        return {
            "type": "object",
            "properties": {"rationale": {"type": "string"}, name: asked},
            "required": ["rationale", name],
            "additionalProperties": False,
        }

    @cached_property
    def id(self) -> str:
        """The judge's hash: 16 hex digits of the digest of its description."""
        return digest(self.description)[:16]

    @property
    def calls(self) -> int:
        """How many calls a verdict takes at least; tools and repairs come on top."""
        return 1 + (0 if not self.is_llm else sum(NODES[name].calls for name in self.nodes))

    @property
    def title(self) -> str:
        """What people call it."""
        return self.name or (f"{CALLABLE}{self.function}" if self.function else self.model)

    @property
    def is_llm(self) -> bool:
        """Whether a language model judges: not a built-in baseline, not a planted judge, not a user's function."""
        return not self.function and not self.model.startswith("builtin/")

    def toolbox(
        self, *, mode: Mode = "live", results: Results | None = None, store: Store | None = None, probe: Probe = ""
    ) -> Toolbox | None:
        """The judge's tools, ready to be called; None where it has none.

        Raises:
            BadJudge: if a name means no tool, or the store lacks what one reads.
        """
        if not self.tools:
            return None
        tools = [tool if store is None else tool.bind(store) for tool in tools_of(self.tools)]
        budget = ToolBudget(self.tool_calls, self.tool_rounds, self.tool_seconds, self.tool_bytes, 5 * self.tool_bytes)
        return Toolbox(tools, budget=budget, mode=mode, results=results, probe=probe)

    def fixed(self, store: Store) -> Judge:
        """The judge whose tools are named with what they read in a store, so that its hash covers that too.

        Raises:
            BadJudge: if the store lacks it.
        """
        names = tuple(tool_of(name).named(name, store) for name in self.tools)
        return self if names == self.tools else Judge(**{**self.model_dump(), "tools": names})

    def row(self) -> dict[str, Any]:
        """The judge's row in `judge`."""
        return {
            "id": self.id,
            "name": self.title,
            "model": f"{CALLABLE}{self.function}" if self.function else self.model,
            "protocol": self.protocol,
            "description": canonical(self.description),
            "prompt": self.words.text,
            "prompt_version": self.words.version,
            "prompt_digest": self.words.digest,
        }

    def check(self) -> None:
        """Load all that the judge needs, so that what is wrong is said before anything is judged.

        Raises:
            BadJudge: if the model's name or a function does not hold.
            BadPrompt: if the prompt does not load.
            BadInput: if a file to replay does not.
        """
        if self.model.startswith("builtin/planted"):
            planted.parse(self.model.partition("?")[2])
        elif self.model.startswith("builtin/") and self.model != DEFAULT_MODEL:
            raise BadJudge(
                f"There is no built-in model `{self.model}`.",
                way_out="builtin/heuristic, or builtin/planted?position=0.8",
            )
        _ = self.id

    @classmethod
    def read(cls, name: str, **changes: Any) -> Judge:
        """A judge from a YAML file, or from `module:function`.

        Args:
            name: the file's path, or the function.
            changes: options that replace what the file says.

        Raises:
            BadJudge: if there is none, or it does not hold.
        """
        path = Path(name)
        if path.suffix in (".yaml", ".yml") or path.is_file():
            return cls(**{**_yaml(path), **changes})
        if ":" in name:
            load_function(name)
            return cls(**{"function": name, "model": f"{CALLABLE}{name}", **changes})
        raise BadJudge(
            f"There is no judge `{name}`.", way_out="a YAML file, or module:function of your own, or --model NAME"
        )


def _yaml(path: Path) -> dict[str, Any]:
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadJudge(f"The judge {path} cannot be read: {error}.") from error
    except yaml.YAMLError as error:
        raise BadJudge(f"The judge {path} is not YAML: {error}.") from error
    if not isinstance(read, dict) or not all(isinstance(key, str) for key in read):
        raise BadJudge(f"The judge {path} must be names and values, such as `model: openai/gpt-5-mini`.")
    prompt = read.get("prompt")
    if isinstance(prompt, str) and (path.parent / prompt).is_file():
        read["prompt"] = str(path.parent / prompt)  # a prompt beside its judge
    return read


@dataclass(frozen=True, slots=True)
class Own:
    """A user's own judge, registered under a name so that a `Judge` can name it."""

    function: Callable[..., Any]


_OWN: dict[str, Own] = {}


def judge_of(function: Callable[..., Any], **options: Any) -> Judge:
    """A judge from a function of the calling program: (item, presentation) in, a text or a verdict out."""
    name = f"{getattr(function, '__module__', 'own')}:{getattr(function, '__qualname__', 'judge')}"
    _OWN[name] = Own(function)
    return Judge(**{"function": name, "model": f"{CALLABLE}{name}", **options})


def load_function(name: str) -> Callable[..., Any]:
    """A user's function by `module:function`; the working folder is searched too.

    Raises:
        BadJudge: if it cannot be imported.
    """
    if name in _OWN:
        return _OWN[name].function
    module, _, attribute = name.partition(":")
    import sys

    here = str(Path.cwd())
    added = here not in sys.path
    if added:
        sys.path.insert(0, here)
    try:
        found: Any = import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise BadJudge(f"The judge `{name}` cannot be imported: {error}.", way_out="--judge module:function") from error
    finally:
        if added:
            sys.path.remove(here)
    if not callable(found):
        raise BadJudge(f"`{name}` is not a function.", way_out="--judge module:function")
    return found  # type: ignore[no-any-return]


def _source_digest(function: Callable[..., Any]) -> str:
    try:
        return digest(inspect.getsource(function).encode())
    except (OSError, TypeError):
        return ""  # typed into an interpreter: nothing to compare with
