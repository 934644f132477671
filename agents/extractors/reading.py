"""How is a response read by a model? Its facts first, then what holds of each, then the grades."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from ...prompts.prompt import load_prompt
from ...store.canonical import canonical, digest
from ...text.errors import BadInput
from ...text.segments import Segmented
from ..judge import Judge
from .base import Abstained, Extractor, Unreadable
from .known import BY_NAME, EXTRACTORS, FACTS, GRADES, OFF_FOCUS, SOURCE_FACTS, STATED, SUPPORTED, Findings

T = TypeVar("T")
SOURCE = "source"
KIND = "extract"
REPAIR = "judge/repair"
_TOKENS_FOR_A_CHECK = 24
NO_SOURCE, EMPTY, OF_NOTHING = "there is no source", "the response is empty", "it is a share of nothing"


class NoReply(Exception):
    """A question that was not answered; its text says why."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of one text.

    Attributes:
        extractor: what is wanted.
        side: the response's id, or `source`.
        values: what the prompt shows.
        room: tokens that an answer may well need.
    """

    extractor: Extractor
    side: str
    values: Mapping[str, Any]
    room: int


@dataclass(frozen=True)
class Reader:
    """A model that reads factors off texts.

    Attributes:
        judge: the model, its endpoint, its sampling and its limit of tokens.

    Raises:
        BadInput: if it is no language model.
    """

    judge: Judge

    def __post_init__(self) -> None:
        if not self.judge.is_llm:
            raise BadInput(f"{self.judge.title} reads no facts off texts.", way_out="--extractor openai/gpt-5-mini")

    @property
    def title(self) -> str:
        """What it is called."""
        return self.judge.title

    @cached_property
    def description(self) -> dict[str, Any]:
        """All that may change what it reads."""
        fields = {"model", "base_url", "temperature", "top_p", "seed", "max_tokens", "structured", "extra"}
        prompts = {extractor.prompt: extractor.words.digest for extractor in EXTRACTORS}
        prompts[REPAIR] = load_prompt(REPAIR).digest
        return {"reader": self.judge.model_dump(mode="json", include=fields), "prompts": prompts}

    @cached_property
    def id(self) -> str:
        """The hash of its description, 16 hex digits."""
        return digest(self.description)[:16]

    def row(self) -> dict[str, Any]:
        """Its row in `judge`: who reads stands beside who judges."""
        named = {"id": self.id, "name": self.title, "model": self.judge.model, "protocol": KIND}
        return {
            **named,
            "description": canonical(self.description),
            "prompt": "",
            "prompt_version": "",
            "prompt_digest": "",
        }


@dataclass(slots=True)
class Read:
    """What came of reading one response.

    Attributes:
        found: what is known.
        why: by the extractor's name why what it was to find is not.
    """

    found: Findings
    why: dict[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether a question was asked and not answered; where there was nothing to ask about, none was."""
        return any(why not in (NO_SOURCE, EMPTY) for why in self.why.values())

    def value(self, name: str) -> tuple[float | None, str]:
        """A factor's value, and why it is unknown."""
        factor = BY_NAME[name]
        for wanted in factor.wants:
            if wanted in self.why:
                return None, self.why[wanted]
        value = factor.value(self.found)
        return value, OF_NOTHING if value is None else ""


Ask = Callable[[Question], Awaitable[str]]
"""Asks a question and gives the reply; raises `NoReply`."""
Mend = Callable[[Question, str, str], Awaitable[str]]
"""Has a reply mended: the question, the reply, what was wrong with it; gives the new one; raises `NoReply`."""


@dataclass(slots=True)
class ItemReader:
    """The reading of one item's responses.

    Attributes:
        ask: see `Ask`.
        mend: see `Mend`.
        wanted: names of extractors.
        question: what the responses answer.
        source: what they were to be made from; '' where there is none.
    """

    ask: Ask
    mend: Mend
    wanted: Collection[str]
    question: str
    source: str
    _source_facts: Sequence[str] | None = None
    _source_why: str = ""

    async def read(self, responses: Mapping[str, str]) -> dict[str, Read]:
        """Read the responses, each by its id."""
        if SOURCE_FACTS.name in self.wanted:
            await self._read_source()
        return {side: await self._one(side, text) for side, text in responses.items()}

    def calls(self, responses: Mapping[str, str]) -> int:
        """How many questions they take at most, without repairs."""
        shared = SOURCE_FACTS.name in self.wanted and bool(self.source)
        each = len([name for name in self.wanted if name != SOURCE_FACTS.name])
        return shared + each * sum(bool(text.strip()) for text in responses.values())

    async def _read_source(self) -> None:
        if not self.source:
            self._source_why = NO_SOURCE
            return
        asked = Question(SOURCE_FACTS, SOURCE, {"question": "", "text": self.source}, len(self.source))
        try:
            self._source_facts = await self._heard(asked, SOURCE_FACTS.read)
        except NoReply as why:
            self._source_why = f"of the source: {why}"

    async def _one(self, side: str, text: str) -> Read:
        read = Read(Findings(words=len(Segmented(text).words)))
        facts = await self._facts(side, text, read) if FACTS.name in self.wanted else None
        if SUPPORTED.name in self.wanted:
            if self.source:
                await self._check(SUPPORTED, side, facts, {"source": self.source}, read)
            else:
                read.why[SUPPORTED.name] = NO_SOURCE
        if OFF_FOCUS.name in self.wanted:
            await self._check(OFF_FOCUS, side, facts, {"question": self.question, "source": self.source}, read)
        if STATED.name in self.wanted:
            await self._coverage(side, text, read)
        for name, grade in GRADES.items():
            if name not in self.wanted:
                continue
            if not text.strip():
                read.why[name] = EMPTY
                continue
            shown = {"text": text} | ({"question": self.question} if "question" in grade.words.variables else {})
            with _noted(read, name):
                read.found.grades[name] = await self._heard(Question(grade, side, shown, 0), grade.read)
        return read

    async def _facts(self, side: str, text: str, read: Read) -> list[str] | None:
        if not text.strip():
            read.found.facts = 0
            return []
        asked = Question(FACTS, side, {"question": self.question, "text": text}, len(text))
        facts: list[str] | None = None
        with _noted(read, FACTS.name):
            facts = await self._heard(asked, FACTS.read)
            read.found.facts = len(facts)
        return facts

    async def _coverage(self, side: str, text: str, read: Read) -> None:
        if self._source_facts is None:
            read.why[STATED.name] = self._source_why
            return
        read.found.source_facts = len(self._source_facts)
        if text.strip():
            await self._check(STATED, side, self._source_facts, {"text": text}, read)
        else:
            read.found.holds[STATED.name] = 0

    async def _check(
        self, extractor: Any, side: str, facts: Sequence[str] | None, shown: Mapping[str, Any], read: Read
    ) -> None:
        """How many facts something holds of; of none, none."""
        if facts is None:
            read.why[extractor.name] = read.why[FACTS.name]
            return
        if not facts:
            read.found.holds[extractor.name] = 0
            return
        asked = Question(extractor, side, {**shown, "facts": [*facts]}, _TOKENS_FOR_A_CHECK * len(facts))
        with _noted(read, extractor.name):
            checks = await self._heard(asked, lambda reply: extractor.read(reply, facts=len(facts)))
            read.found.holds[extractor.name] = sum(checks)

    async def _heard(self, asked: Question, read: Callable[[str], T]) -> T:
        """A question's answer; a reply that cannot be read is mended once.

        Raises:
            NoReply: if there is none that can be read.
        """
        try:
            reply = await self.ask(asked)
            try:
                return read(reply)
            except Unreadable as why:
                return read(await self.mend(asked, reply, str(why)))
        except (Abstained, Unreadable) as why:
            raise NoReply(str(why)) from why


@contextmanager
def _noted(read: Read, name: str) -> Iterator[None]:
    """Write down why an extractor found nothing."""
    try:
        yield
    except NoReply as why:
        read.why[name] = str(why)
