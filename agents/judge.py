"""What is a judge? A model, an endpoint, a protocol, a prompt, nodes, tools and sampling, under one hash."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ..prompts.prompt import Prompt, load_prompt
from ..store.canonical import canonical, digest
from ..store.records import Item
from ..text.errors import BadJudge
from ..text.secrets import without_secrets
from .builtin import planted, replay
from .contexts import GIVEN, given_in, proposed_by
from .gallery import judge_fields, judge_file, shipped_judges, with_protocol
from .nodes import NODES, calls_of, in_order, node_of
from .protocols.base import Protocol
from .protocols.known import PROTOCOLS
from .protocols.rubric import Criterion, rubric_of
from .tools.known import told_of, tool_of, tools_of
from .tools.toolbox import Mode, Probe, Results, Toolbox, ToolBudget

if TYPE_CHECKING:
    from ..store.engine import Store

JudgeProtocol = Literal["pairwise", "joint", "score", "rank", "rubric", "reference", "choice"]
DEFAULT_MODEL = "builtin/heuristic"
CALLABLE = "callable/"
_TOOL_FIELDS = ("tool_calls", "tool_rounds", "tool_seconds", "tool_bytes")  # nothing to a judge without tools
_RUBRIC_FIELDS = ("rubric", "one_by_one")


class Judge(BaseModel):
    """A judge's description. Its `id` is a hash of all that may change what it says; its name is not part of it.

    Attributes:
        model: LiteLLM's name of the model, such as `openai/gpt-5-mini`, or a built-in one.
        name: what people call the judge; the model's name where it is not given.
        base_url: the endpoint, '' for the provider's own.
        protocol: `pairwise` compares two responses, `joint` two that answer a request of their own each; `score` grades
            one at a time, `reference` by what is known to be right, `rubric` by weighted criteria; `rank` puts all in
            order, `choice` names the right one.
        prompt: a shipped prompt's id or the path of a prompt file; the protocol's own where it is not given.
        criteria: what to decide by, in the user's words.
        ties: whether a tie may be answered.
        scale: the lowest and highest score.
        anchors: what some scores mean, in words, by the score.
        rubric: the criteria of the protocol `rubric`, for items that have none of their own.
        one_by_one: whether each criterion is asked for in a call of its own.
        contexts: `given` judges under each context that an item names and weighs the verdicts, `proposed:3` under those
            that the judge thinks of; '' under the item's one context alone.
        temperature: of sampling; None leaves it to the provider.
        top_p: of sampling.
        seed: sent to the provider where it is given.
        max_tokens: the token limit of an answer; a cut answer is asked again once with four times as many.
        structured: `auto` tries a JSON schema, a tool call, then free text; or the one road to take.
        logprobs: whether one letter, or one grade, is asked for and its probability read, where the provider gives it.
        repair: whether a reply without a verdict is asked once more for its verdict alone.
        tools: names of tools that the judge has: `calculator`, or `my.py:tool` of one's own.
        tool_calls: how many tool calls a verdict may take.
        tool_rounds: how often the model may ask for any.
        tool_seconds: for one tool call; None for what each tool declares.
        tool_bytes: of a tool's result, as the model is shown it.
        nodes: names of further nodes, as `agents/nodes.py` has them: `rules`, `reflect`, `mec:5` and others.
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
    anchors: dict[float, str] = {}
    rubric: tuple[Criterion, ...] = ()
    one_by_one: bool = False
    contexts: str = ""
    temperature: float | None = Field(default=0.0, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    seed: int | None = None
    max_tokens: int | None = Field(default=1024, ge=1)
    structured: Literal["auto", "schema", "tool", "text"] = "auto"
    logprobs: bool = False
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
        return in_order(names)

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
        pair = [name for name in self.nodes if NODES[node_of(name)[0]].both_orders]
        if pair and self.way.decides != "pair":
            raise ValueError(f"the node `{pair[0]}` judges pairs in both orders; the protocol is `{self.protocol}`")
        if self.function and ":" not in self.function:
            raise ValueError("`function` is written module:function")
        if proposed_by(self.contexts) and (not self.is_llm or self.model.startswith("replay/")):
            raise ValueError("`contexts: proposed` needs a language model that can think of some; use `given`")
        if self.one_by_one and self.protocol != "rubric":
            raise ValueError(f"`one_by_one` goes through a rubric's criteria; the protocol is `{self.protocol}`")
        if self.logprobs and (not self.way.letter or self.nodes or self.tools):
            what = "nodes or tools" if self.way.letter else f"protocol such as `{self.protocol}`"
            raise ValueError(f"`logprobs` asks for one letter or grade alone, which goes with no {what}")
        self.way.check(self)
        return self

    @property
    def way(self) -> Protocol:
        """The protocol: what it shows, asks and reads."""
        return PROTOCOLS[self.protocol]

    @property
    def bounds(self) -> tuple[float, float]:
        """The lowest and highest score: the prompt's own, else the judge's."""
        return self.words.scale or self.scale

    def unfit(self, item: Item) -> tuple[str, str] | None:
        """Why it cannot judge an item: the field and the reason; None where it can."""
        if self.contexts == GIVEN:
            try:
                given_in(item)
            except ValueError as error:
                return "meta.contexts", str(error)
        if self.protocol == "rubric" and not self.rubric and "rubric" not in item.meta:
            return "meta.rubric", "is missing, and the judge has no rubric of its own"
        return self.way.unfit(item)

    def labels(self, n: int) -> tuple[str, ...]:
        """What it calls n responses, in the order shown."""
        return self.way.labels(self, n)

    @cached_property
    def words(self) -> Prompt:
        """The prompt, loaded and checked against the protocol.

        Raises:
            BadPrompt: if it does not load.
            BadJudge: if it asks for another protocol.
        """
        loaded = load_prompt(self.prompt or (self.way.letter if self.logprobs else self.way.prompt))
        if loaded.protocol not in (self.protocol, "any"):
            raise BadJudge(
                f"The prompt `{loaded.id}` asks for protocol `{loaded.protocol}`; the judge's is `{self.protocol}`.",
                way_out=f"--protocol {loaded.protocol}, or another prompt",
            )
        return loaded

    @cached_property
    def description(self) -> dict[str, Any]:
        """All that may change what the judge says, the prompt by its digest."""
        silent = {"name", *(() if self.tools else _TOOL_FIELDS), *(() if self.protocol == "rubric" else _RUBRIC_FIELDS)}
        silent |= {name for name in ("contexts", "anchors") if not getattr(self, name)}
        silent |= set() if self.logprobs else {"logprobs"}
        told = self.model_dump(mode="json", exclude=silent)
        if self.tools:
            told["tools"] = told_of(self.tools)
            told["tools_prompt"] = load_prompt("judge/tools").digest
        if self.nodes:
            prompts = [prompt for name in self.nodes for prompt in NODES[node_of(name)[0]].prompts]
            told["nodes_prompts"] = {prompt: load_prompt(prompt).digest for prompt in prompts}
        if proposed_by(self.contexts):
            told["contexts_prompt"] = load_prompt("nodes/contexts").digest
        told["prompt"] = {"id": self.words.id, "version": self.words.version, "digest": self.words.digest}
        if self.model.startswith("replay/"):
            recorded = replay.recording(self.model.removeprefix("replay/"))
            told["model"] = f"replay?judge={recorded.judge}"
            told["recording"] = recorded.digest
        if self.function:
            told["function_digest"] = _source_digest(load_function(self.function))
        return told

    def answer_schema(self, item: Item, n: int) -> dict[str, Any] | None:
        """The JSON schema of an answer, reasons before the verdict; None where the prompt asks for free text.

        Args:
            item: what is judged.
            n: how many of its responses are shown.
        """
        if self.protocol == "rubric":
            return self._schema(item, n)
        if n not in self._schemas:
            self._schemas[n] = self._schema(item, n)
        return self._schemas[n]

    @cached_property
    def _schemas(self) -> dict[int, dict[str, Any] | None]:
        return {}

    def _schema(self, item: Item, n: int) -> dict[str, Any] | None:
        if not self.words.structured and self.structured == "auto":
            return None
        asked = self.way.asked(self, self.labels(n), item)
        return {
            "type": "object",
            "properties": {"rationale": {"type": "string"}, **asked},
            "required": ["rationale", *asked],
            "additionalProperties": False,
        }

    @cached_property
    def id(self) -> str:
        """The judge's hash: 16 hex digits of the digest of its description."""
        return digest(self.description)[:16]

    @cached_property
    def calls(self) -> int:
        """How many calls a verdict takes at least; tools and repairs come on top."""
        return sum(self._calls(1, len(self.rubric) or 1))

    def recorded_orders(self, item: Item) -> list[tuple[str, ...]]:
        """The orders in which a judge that is replayed was shown an item's responses; none of any other judge.

        Raises:
            BadInput: if its file cannot be read.
        """
        if not self.model.startswith("replay/"):
            return []
        recorded = replay.recording(self.model.removeprefix("replay/"))
        return recorded.shown(item.id, [response.id for response in item.responses])

    def calls_on(self, item: Item) -> tuple[int, int]:
        """How many calls a verdict on an item takes at least, and how many all verdicts of a sample share on top.

        Shared are what the judge answers itself, under each context, and what contexts it thinks of.
        """
        given = len(given_in(item)) if self.contexts == GIVEN else 1
        return self._calls(given, len(rubric_of(self, item)) if self.one_by_one else 1)

    def _calls(self, given: int, lines: int) -> tuple[int, int]:
        """`calls_on`, by how many contexts are given and how many criteria are gone through one by one."""
        proposed = proposed_by(self.contexts)
        contexts = proposed or given
        each = calls_of(self.nodes, own_answer=False)
        own_answers = calls_of(self.nodes, own_answer=self.is_llm) - each
        each *= lines if self.one_by_one else 1
        return each * contexts, own_answers * contexts + (proposed is not None)

    @property
    def in_parts(self) -> bool:
        """Whether a verdict is more than one question and one answer, tools apart."""
        return bool(self.nodes) or self.one_by_one or bool(self.contexts)

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
        """A judge from a YAML file, one of `agents/judges/` by its name, or from `module:function`.

        Args:
            name: the file's path, the shipped judge's name, or the function.
            changes: options that replace what the file says.

        Raises:
            BadJudge: if there is none, or it does not hold.
        """
        path = judge_file(name)
        if path is not None:
            return cls(**with_protocol({**judge_fields(path), **changes}))
        if ":" in name:
            load_function(name)
            return cls(**{"function": name, "model": f"{CALLABLE}{name}", **changes})
        shipped = ", ".join(shipped_judges())
        raise BadJudge(
            f"There is no judge `{name}`.",
            way_out=f"a YAML file, module:function of your own, --model NAME, or one that is ready: {shipped}",
        )


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
