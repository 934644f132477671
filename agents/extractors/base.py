"""What is a model asked of a text, and what does its reply say? Facts, which facts something holds of, or a grade."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ...prompts.prompt import Prompt, load_prompt
from ...text.reply_json import object_in

LOWEST, HIGHEST = 1, 5
ABSTAIN = "abstain"
Schema = dict[str, Any]


class Unreadable(Exception):
    """A reply that is not what was asked for; its text says why, in words that are the same for all of a kind."""


class Abstained(Exception):
    """A reply that says that there is nothing to be said."""


@dataclass(frozen=True, slots=True)
class Extractor(ABC):
    """One thing that a model is asked of a text.

    Attributes:
        name: lower-case letters and `_`; also the step that its calls stand under.
        prompt: the shipped prompt that asks for it.
    """

    name: str
    prompt: str
    form: ClassVar[str]
    """What a reply looks like, as a repair asks for it."""

    @property
    def words(self) -> Prompt:
        """The prompt, loaded."""
        return load_prompt(self.prompt)

    def messages(self, *, fence: str, **values: Any) -> list[dict[str, Any]]:
        """What the model is asked.

        Args:
            fence: the mark around what others wrote.
            values: what the prompt shows.
        """
        return [*self.words.messages(fence=fence, **values)]

    @property
    @abstractmethod
    def schema(self) -> Schema:
        """The JSON schema of a reply."""

    def _object(self, reply: str, name: str) -> Any:
        """What a reply's JSON object holds under a name.

        Raises:
            Unreadable: if there is no such object.
        """
        told = object_in(reply)
        if told is None or name not in told:
            raise Unreadable("the reply is not the JSON object that was asked for")
        return told[name]


@dataclass(frozen=True, slots=True)
class FactList(Extractor):
    """The single facts that a text claims."""

    form: ClassVar[str] = '{"facts": ["...", "..."]}'

    @property
    def schema(self) -> Schema:
        """See the base."""
        return _closed({"facts": {"type": "array", "items": {"type": "string"}}})

    def read(self, reply: str) -> list[str]:
        """The facts in their order, each once; none for a text that claims nothing.

        Raises:
            Unreadable: if the reply holds no list of texts.
        """
        told = self._object(reply, "facts")
        if not isinstance(told, list) or not all(isinstance(fact, str) for fact in told):
            raise Unreadable("the reply holds no list of facts")
        once: dict[str, str] = {}
        for fact in (" ".join(fact.split()) for fact in told):
            once.setdefault(fact.casefold(), fact)
        return [fact for fact in once.values() if fact]


@dataclass(frozen=True, slots=True)
class Checks(Extractor):
    """Of which facts something holds."""

    form: ClassVar[str] = '{"checks": [{"n": 1, "holds": true}, ...]}'

    @property
    def schema(self) -> Schema:
        """See the base."""
        one = _closed({"n": {"type": "integer"}, "holds": {"type": "boolean"}})
        return _closed({"checks": {"type": "array", "items": one}})

    def read(self, reply: str, *, facts: int) -> list[bool]:
        """Whether it holds, fact by fact.

        Args:
            reply: the model's.
            facts: how many were shown.

        Raises:
            Unreadable: if not each of them is answered for once: a fact that was passed over is not one that fails.
        """
        told = self._object(reply, "checks")
        found: dict[int, bool] = {}
        for line in told if isinstance(told, list) else [None]:
            n, holds = (line.get("n"), line.get("holds")) if isinstance(line, Mapping) else (None, None)
            if type(n) is not int or type(holds) is not bool or n in found:
                raise Unreadable("the reply's checks are not one number and one truth value each")
            found[n] = holds
        if sorted(found) != [*range(1, facts + 1)]:
            raise Unreadable("the reply does not answer for every fact")
        return [found[n] for n in range(1, facts + 1)]


@dataclass(frozen=True, slots=True)
class Grade(Extractor):
    """A grade of the whole text, from 1 to 5."""

    form: ClassVar[str] = '{"rationale": "...", "grade": a whole number from 1 to 5, or "abstain"}'

    @property
    def schema(self) -> Schema:
        """See the base; the reason stands before the grade."""
        number = {"type": "integer", "minimum": LOWEST, "maximum": HIGHEST}
        grade = {"anyOf": [number, {"type": "string", "enum": [ABSTAIN]}]}
        return _closed({"rationale": {"type": "string"}, "grade": grade})

    def read(self, reply: str) -> int:
        """The grade.

        Raises:
            Abstained: if the model says that the text cannot be graded.
            Unreadable: if it is no whole number from 1 to 5.
        """
        told = self._object(reply, "grade")
        if isinstance(told, str) and told.strip().casefold() == ABSTAIN:
            raise Abstained("the model abstained")
        if isinstance(told, float) and told.is_integer():
            told = int(told)
        if type(told) is not int or not LOWEST <= told <= HIGHEST:
            raise Unreadable(f"the grade is no whole number from {LOWEST} to {HIGHEST}")
        return told


def _closed(properties: dict[str, Schema]) -> Schema:
    """The schema of an object with these properties, all of them, and no other."""
    return {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}
