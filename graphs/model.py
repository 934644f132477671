"""Which model does a judge's description call for?"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..agents.builtin import replay
from ..agents.judge import Judge, load_function
from ..agents.ledger import Ledger
from ..agents.model import Limits, Model
from ..agents.panel import Panel
from ..agents.subject import Subject
from ..agents.transport import Provider
from ..store.canonical import canonical
from ..store.records import TIE, Verdict
from ..text.rubric_answer import CANNOT


def model_of(judge: Judge, *, ledger: Ledger, limits: Limits) -> Model:
    """The judge's model, ready to be asked.

    Raises:
        BadJudge: if the judge's function cannot be imported.
        BadInput: if a file to replay does not hold what it should.
    """
    parameters: dict[str, Any] = {
        name: value
        for name, value in (("temperature", judge.temperature), ("top_p", judge.top_p), ("seed", judge.seed))
        if value is not None
    }
    salt = ""
    if judge.model.startswith("replay/"):
        salt = replay.recording(judge.model.removeprefix("replay/")).digest
    elif judge.function:
        salt = judge.id
    return Model(
        name=judge.model,
        ledger=ledger,
        endpoint=judge.base_url or _endpoint_of(judge.model),
        parameters={**parameters, **judge.extra},
        limits=limits,
        structured=judge.structured,
        salt=salt,
        provider=own_provider(judge.function) if judge.function else None,
    )


@dataclass(frozen=True, slots=True)
class Models:
    """The models of a run: the judge's own, and those of a panel's members that speak by another.

    Attributes:
        own: the judge's.
        others: by the member's name, its judge and model; members of one description share a model.
    """

    own: Model
    others: dict[str, tuple[Judge, Model]]

    @classmethod
    def of(cls, judge: Judge, panel: Panel | None, *, ledger: Ledger, limits: Limits) -> Models:
        """Make them ready to be asked.

        Raises:
            BadJudge: if a judge's function cannot be imported.
            BadInput: if a file to replay does not hold what it should.
        """
        own = model_of(judge, ledger=ledger, limits=limits)
        others: dict[str, tuple[Judge, Model]] = {}
        made: dict[str, Model] = {}
        for seat in panel.seats if panel else ():
            if seat.model:
                speaker = seat.judge(judge)
                if speaker.id not in made:
                    made[speaker.id] = model_of(speaker, ledger=ledger, limits=limits)
                    made[speaker.id].sent = own.sent  # one count of calls for an item, whoever makes them
                others[seat.name] = (speaker, made[speaker.id])
        return cls(own, others)

    @property
    def all(self) -> list[Model]:
        """Each of them once."""
        return [self.own, *{id(model): model for _, model in self.others.values()}.values()]

    async def close(self) -> None:
        """Close them."""
        for model in self.all:
            await model.close()


def _endpoint_of(model: str) -> str:
    """The endpoint that LiteLLM would take from the environment, '' for none: answers depend on it."""
    provider = model.partition("/")[0].upper().replace("-", "_") if "/" in model else ""
    named = [os.environ.get(f"{provider}_{ending}", "") for ending in ("BASE_URL", "API_BASE")] if provider else []
    return next(filter(None, named), "")


def own_provider(name: str) -> Provider:
    """A user's function as a model: item and presentation in; a text, id, score, verdict, mapping or None out."""
    function = load_function(name)

    async def provide(subject: Subject) -> str:
        if inspect.iscoroutinefunction(function):
            said = await function(subject.item, subject.key.presentation)
        else:
            said = await _in_thread(function, subject.item, subject.key.presentation)
            if inspect.isawaitable(said):
                said = await said
        return as_text(said, subject)

    return provide


async def _in_thread(function: Callable[..., Any], *given: Any) -> Any:
    """Run a function in a thread of its own, which nobody waits for once the call is given up.

    The threads of `asyncio.to_thread` are joined when the loop ends: a function that hangs would hold it up for ever.
    """
    loop = asyncio.get_running_loop()
    over: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()

    def work() -> None:
        outcome: tuple[Any, BaseException | None]
        try:
            outcome = function(*given), None
        except BaseException as error:  # it is raised again where it is waited for
            outcome = None, error
        with contextlib.suppress(RuntimeError):  # the loop has ended with its run
            loop.call_soon_threadsafe(tell, outcome)

    def tell(outcome: tuple[Any, BaseException | None]) -> None:
        if not over.done():
            over.set_result(outcome)

    threading.Thread(target=work, name="plurijudge-callable", daemon=True).start()
    said, error = await over
    if error is not None:
        raise error
    return said


def as_text(said: Any, subject: Subject) -> str:
    """What a user's function returned, as the reply that a model would have written.

    Raises:
        TypeError: if it is none of what such a function may return.
    """
    names = dict(zip(subject.key.presentation, subject.labels, strict=False))
    if said is None:
        return canonical(_abstention(subject))
    if isinstance(said, Verdict):
        if said.status == "abstained":
            return canonical({**_abstention(subject), "rationale": said.rationale or said.reason})
        said = said.model_dump(include={"preferred", "scores", "criterion_scores", "rationale"}, exclude_none=True)
    if isinstance(said, bool):
        raise TypeError(
            "a judge function returned a truth value; needed is a text, a response's id, a score or a verdict"
        )
    if isinstance(said, (int, float)):
        return canonical({"score": said})
    if isinstance(said, str):
        if said in names or said == TIE:
            return canonical({"verdict": names.get(said, said)})
        return said
    if isinstance(said, dict):
        told = {**({"rationale": said["rationale"]} if said.get("rationale") else {})}
        ranking = said.get("ranking")
        if ranking is None and subject.protocol == "rank" and isinstance(said.get("scores"), dict):
            ranking = _places(said["scores"])
        if isinstance(ranking, list):
            told["ranking"] = [
                [names.get(name, name) for name in place] if isinstance(place, list) else names.get(place, place)
                for place in ranking
            ]
        elif isinstance(said.get("criterion_scores"), dict):
            marks = said["criterion_scores"].get(subject.key.presentation[0]) or {}
            told["criteria"] = {name: CANNOT if mark is None else mark for name, mark in marks.items()}
        elif isinstance(said.get("scores"), dict) and len(subject.key.presentation) == 1:
            told["score"] = said["scores"][subject.key.presentation[0]]
        elif "preferred" in said:
            told["verdict"] = names.get(said["preferred"], said["preferred"])
        else:
            return canonical(said)
        return canonical(told)
    raise TypeError(
        f"a judge function returned {type(said).__name__}; needed is a text, a response's id, a score or a verdict"
    )


def _abstention(subject: Subject) -> dict[str, Any]:
    """What says that a judge abstains, in the form that its protocol is answered in."""
    if subject.protocol == "rubric":
        return {"criteria": {line.id: CANNOT for line in subject.rubric}}
    return {{"score": "score", "reference": "score", "rank": "ranking"}.get(subject.protocol, "verdict"): "abstain"}


def _places(scores: dict[str, float]) -> list[str | list[str]]:
    """The responses from the best score to the worst; those of one score share a place."""
    places: list[str | list[str]] = []
    for score in sorted(set(scores.values()), reverse=True):
        names = [name for name in scores if scores[name] == score]
        places.append(names[0] if len(names) == 1 else names)
    return places
