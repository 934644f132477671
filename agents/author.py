"""Who wrote an answer? A model that answers prompts, asked as a judge of the same model would be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..prompts.exhibit import conversation_text, parts_text
from ..prompts.prompt import load_prompt
from ..store.canonical import canonical, digest
from ..store.records import Call, Item, Message, VerdictKey
from .builtin.writer import PROTOCOL
from .judge import Judge
from .model import Model
from .subject import Subject

ANSWER_STEP = "answer"
STYLE = "plain, even and impersonal prose, without lists, headings, bold type, greetings or emphasis"
_YES_OR_NO = re.compile(r"(?i)\b(yes|no)\b")


@dataclass(frozen=True)
class Author:
    """A candidate that answers prompts.

    Attributes:
        judge: the candidate, as it judges: the model, its endpoint, its sampling and its limit of tokens.
        words: how many words an answer may have, 0 for any number.
        prompt: the prompt that it is asked with, before the item's own.
    """

    judge: Judge
    words: int = 200
    prompt: str = "author/answer"

    @property
    def what(self) -> str:
        """What it writes, in a word."""
        return "answers"

    @property
    def title(self) -> str:
        """What the candidate is called, as its answers name it and as it judges."""
        return self.judge.title

    @cached_property
    def description(self) -> dict[str, Any]:
        """All that may change what it writes."""
        told = self.judge.model_dump(
            mode="json", include={"model", "base_url", "temperature", "top_p", "seed", "max_tokens", "extra"}
        )
        asked = load_prompt(self.prompt)
        prompt = {"id": asked.id, "version": asked.version, "digest": asked.digest}
        return {"author": told, "words": self.words, "prompt": prompt}

    @cached_property
    def id(self) -> str:
        """The hash of its description, 16 hex digits."""
        return digest(self.description)[:16]

    def row(self) -> dict[str, Any]:
        """Its row in `judge`: who answers stands beside who judges."""
        asked = load_prompt(self.prompt)
        return {
            **{"id": self.id, "name": self.title, "model": self.judge.model, "protocol": "answer"},
            **{"description": canonical(self.description), "prompt": asked.text},
            **{"prompt_version": asked.version, "prompt_digest": asked.digest},
        }

    def unit(self, item: Item) -> VerdictKey:
        """The place of its answer to an item among calls."""
        return VerdictKey.model_construct(
            item=item.id, judge=self.id, persona="", arm="", step=ANSWER_STEP, presentation=(self.title,), sample=0
        )

    def messages(self, item: Item, *, fence: str = "") -> list[dict[str, Any]]:
        """What it is asked: the prompt, then the item's own turns, its context before the last of them.

        Args:
            item: the prompt.
            fence: the mark around what others wrote; a prompt that is answered stands in none.
        """
        opening: list[dict[str, Any]] = [*load_prompt(self.prompt).messages(words=self.words)]
        if isinstance(item.prompt, str):
            turns: list[dict[str, Any]] = [{"role": "user", "content": item.prompt}]
        else:
            turns = [{"role": "user" if m.role == "tool" else m.role, "content": _text(m)} for m in item.prompt]
        own = [turn["content"] for turn in turns if turn["role"] == "system"]
        opening[0] = {**opening[0], "content": "\n\n".join([opening[0]["content"], *own])}  # some take one alone
        turns = [turn for turn in turns if turn["role"] != "system"]
        if item.context and turns:
            turns[-1] = {**turns[-1], "content": f"{item.context}\n\n{turns[-1]['content']}"}
        return [*opening, *turns]

    async def answer(self, model: Model, item: Item, *, fence: str = "", fresh: bool = False) -> Call:
        """Ask for one answer, or take the stored one; a failed call is a call too.

        A text that declines to answer is an answer, as whoever asked would have got it.

        Raises:
            ModelError: if no call to the model can succeed.
            StoreError: if the ledger cannot be written.
        """
        unit = self.unit(item)
        _, call = await model.complete(
            self.messages(item, fence=fence),
            unit=unit,
            fence=fence,
            subject=Subject(unit, item, (), PROTOCOL) if model.local else None,
            max_tokens=self.judge.max_tokens,
            fresh=fresh,
        )
        return call


@dataclass(frozen=True)
class Restyler(Author):
    """A third model that puts answers into one style.

    Attributes:
        style: in words, as its prompt says it.
    """

    words: int = 0
    prompt: str = "author/restyle"
    style: str = STYLE

    @property
    def what(self) -> str:
        """What it writes, in a word."""
        return "rewritings"

    @cached_property
    def description(self) -> dict[str, Any]:
        """All that may change what it writes."""
        return {**super().description, "style": self.style}

    def messages(self, item: Item, *, fence: str = "") -> list[dict[str, Any]]:
        """What it is asked of an item's only response."""
        (response,) = item.responses
        values = {"question": _question(item), "style": self.style, "text": response.text or ""}
        return [*load_prompt(self.prompt).messages(fence=fence, **values)]


@dataclass(frozen=True)
class Checker(Author):
    """A model that says whether a text and its rewriting, an item's two responses, say the same."""

    words: int = 0
    prompt: str = "author/same_meaning"

    @property
    def what(self) -> str:
        """What it writes, in a word."""
        return "checks"

    def messages(self, item: Item, *, fence: str = "") -> list[dict[str, Any]]:
        """What it is asked of an item's two responses."""
        first, second = (response.text or "" for response in item.responses)
        return [*load_prompt(self.prompt).messages(fence=fence, first=first, second=second)]


def says_yes(reply: str) -> bool | None:
    """Whether a reply to a question of yes or no says yes; None where it says neither, or both."""
    found = {word.lower() for word in _YES_OR_NO.findall(reply)}
    return found == {"yes"} if len(found) == 1 else None


def _question(item: Item) -> str:
    if isinstance(item.prompt, str):
        return item.prompt
    return conversation_text([(message.role, _text(message)) for message in item.prompt])


def _text(message: Message) -> str:
    """A turn's text; what is no text in it is named."""
    if isinstance(message.content, str):
        return message.content
    return parts_text([part.model_dump() for part in message.content])
