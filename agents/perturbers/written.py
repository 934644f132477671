"""What does a model plant? A response rewritten by it, checked by rule, and open to a person's review.

A rule cannot see whether the meaning is the same. So what a model wrote is `proposed` until a person accepts or rejects
it (`plurijudge audit review`); it is used meanwhile, and counted as not reviewed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from ...prompts.prompt import Prompt, load_prompt
from ...store.records import Item
from ...store.reviews import PROPOSED, REJECTED
from ...text.errors import BadInput
from ...text.languages import KNOWN as LANGUAGES, language_of
from ...text.reply_json import object_in
from ...text.rewrites import Bounds, fault
from .base import Edit, Kind, Perturber, Unfit, text_of

WRITTEN = "written_"
REJECTED_BY_PERSON = "a person rejected it"
SCHEMA = {
    "type": "object",
    "properties": {"text": {"type": "string"}},
    "required": ["text"],
    "additionalProperties": False,
}
TONES = ("cheerful", "sad", "angry", "fearful")


@dataclass(frozen=True, slots=True)
class Rewrite:
    """What came of asking for one rewriting.

    Attributes:
        text: the response rewritten; '' where it cannot be used.
        model: who wrote it.
        why: why it cannot be used.
        status: `proposed`, `accepted` or `rejected`.
    """

    text: str
    model: str
    why: str = ""
    status: str = PROPOSED


@dataclass
class Written(Perturber):
    """A response rewritten by a model.

    Attributes:
        prompt: the shipped prompt that asks for it.
        bounds: what the rewriting may do.
        values: what the prompt needs beside the text and the fence.
        rewrites: by item and response, once a model was asked (`graphs/rewriting.py`).
        asked: whether one was.
    """

    name: str
    means: str
    remedy: str
    prompt: str
    bounds: Bounds
    kind: Kind = "cue"
    values: dict[str, str] = field(default_factory=dict)
    rewrites: dict[tuple[str, str], Rewrite] = field(default_factory=dict)
    asked: bool = False

    @property
    def words(self) -> Prompt:
        """The prompt, loaded."""
        return load_prompt(self.prompt)

    def messages(self, item: Item, side: str, *, fence: str) -> list[dict[str, Any]]:
        """What the model is asked.

        Raises:
            Unfit: if the response has no text, or is in the language already that it is to be in.
        """
        text = text_of(item, side)
        if self.bounds.language and language_of(text) == self.bounds.language:
            raise Unfit(f"the response is in `{self.bounds.language}` already")
        return [*self.words.messages(fence=fence, text=text, **self.values)]

    def read(self, item: Item, side: str, reply: str, *, model: str) -> Rewrite:
        """The rewriting that a reply holds, checked by rule."""
        text = (object_in(reply) or {}).get("text")
        if not isinstance(text, str):
            return Rewrite("", model, "the writer's reply is not the JSON object that was asked for")
        why = fault(text_of(item, side), text, self.bounds)
        return Rewrite("" if why else text.strip(), model, why)

    def edit(self, item: Item, side: str, draws: Random) -> Edit:
        """Put the rewriting in the response's place.

        Raises:
            BadInput: if no model was asked.
        """
        found = self.rewrites.get((item.id, side))
        if found is None and self.asked:
            self.messages(item, side, fence="")  # says why it was not asked for
            raise Unfit("the writer was stopped before it came to it")
        if found is None:
            raise BadInput(f"`{self.name}` is written by a model, and none was asked.", way_out="--writer MODEL")
        if found.status == REJECTED:
            raise Unfit(REJECTED_BY_PERSON)
        if found.why:
            raise Unfit(found.why)
        return self.changed(item, side, found)

    def changed(self, item: Item, side: str, found: Rewrite) -> Edit:
        """The edit that a rewriting is: one span in the place of another."""
        before = text_of(item, side)
        at, removed, inserted = changed_span(before, found.text)
        told = {
            **{"status": found.status, "writer": found.model, "prompt": self.prompt},
            **{"prompt_version": self.words.version, "prompt_digest": self.words.digest},
        }
        return Edit("response", {side: found.text}, inserted=inserted, removed=removed, at=at, further=told)


def changed_span(before: str, after: str) -> tuple[int, str, str]:
    """Where two texts begin to differ, and what stands there in each up to where they are alike again.

    >>> changed_span("It is four.", "It is surely four.")
    (6, '', 'surely ')
    """
    most = min(len(before), len(after))
    at = next((n for n in range(most) if before[n] != after[n]), most)
    end = next((n for n in range(most - at) if before[-1 - n] != after[-1 - n]), most - at)
    return at, before[at : len(before) - end], after[at : len(after) - end]


def _verbosity() -> Written:
    return Written(
        f"{WRITTEN}verbosity",
        "prefers the longer answer, though a model only said the same at greater length",
        "tell the judge that length is no merit, or compare answers of like length",
        "perturbers/verbosity",
        Bounds(1.2, 2.5),
    )


def _authority() -> Written:
    return Written(
        f"{WRITTEN}authority",
        "prefers the answer that sounds like an authority, though it claims no more",
        "tell the judge that a firm or learned tone is no evidence",
        "perturbers/authority",
        Bounds(0.6, 1.7),
    )


def _paraphrase() -> Written:
    return Written(
        f"{WRITTEN}paraphrase",
        "prefers what the writer worded, whatever it says: hold its other rewritings against this one",
        "let a model of another family write what is planted",
        "perturbers/paraphrase",
        Bounds(0.6, 1.6),
    )


def _fallacy() -> Written:
    return Written(
        f"{WRITTEN}fallacy",
        "does not notice reasoning that does not follow",
        "do not use this judge where reasoning matters",
        "perturbers/fallacy",
        Bounds(0.6, 1.8),
        kind="sensitivity",
    )


def _tone(tone: str) -> Written:
    tone = tone or TONES[0]
    if tone not in TONES:
        raise BadInput(f"There is no tone `{tone}`.", way_out="one of " + ", ".join(TONES))
    return Written(
        f"{WRITTEN}tone_{tone}",
        f"is moved by a {tone} tone",
        "tell the judge that tone is no merit unless the request asks for one",
        "perturbers/tone",
        Bounds(0.7, 1.9),
        values={"tone": tone},
    )


def _translation(language: str) -> Written:
    if language not in LANGUAGES:
        raise BadInput(
            f"`{language}` is no language that can be told from others.",
            way_out=f"{WRITTEN}translation:CODE, one of {', '.join(LANGUAGES)}",
        )
    return Written(
        f"{WRITTEN}translation_{language}",
        f"is moved by an answer's being in the language `{language}`",
        "judge answers in one language, or measure the judge in each of them",
        "perturbers/translation",
        Bounds(0.2, 3.0, language=language, new_names=True),
        values={"language": language},
    )


_PLAIN: dict[str, Callable[[], Written]] = {
    "verbosity": _verbosity,
    "authority": _authority,
    "paraphrase": _paraphrase,
    "fallacy": _fallacy,
}
_OF_A_KIND: dict[str, Callable[[str], Written]] = {"tone": _tone, "translation": _translation}
NAMES = (*(WRITTEN + name for name in _PLAIN), f"{WRITTEN}tone:TONE", f"{WRITTEN}translation:CODE")


def written_of(name: str) -> Written | None:
    """A fresh perturber of a name such as `written_verbosity` or `written_translation:de`; None for other names.

    Raises:
        BadInput: if it is named like one and is none.
    """
    if not name.startswith(WRITTEN) or name.rpartition(":")[0].endswith(".py"):
        return None
    kind, colon, rest = name.removeprefix(WRITTEN).partition(":")
    if kind in _PLAIN and not colon:
        return _PLAIN[kind]()
    if kind in _OF_A_KIND:
        return _OF_A_KIND[kind](rest)
    raise BadInput(f"There is no bias `{name}`.", way_out="one of " + ", ".join(NAMES))
