"""How does a record become a row, and a row a record again?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from .canonical import canonical
from .records import Call, Decision, Dissent, Gold, Item, Message, Part, Response, ToolCall, Verdict, VerdictKey
from .tables import JSON_COLUMNS
from .writer import now


def _json(value: Any) -> str | None:
    return None if value is None else canonical(value)


def item_row(item: Item, *, dataset: str, position: int) -> dict[str, Any]:
    """The item's row in `item`."""
    plain = isinstance(item.prompt, str)
    prompt = item.prompt if plain else [message.model_dump(exclude_none=True) for message in item.prompt]  # type: ignore[union-attr]
    return {
        "dataset": dataset,
        "id": item.id,
        "position": position,
        "prompt": canonical(prompt),
        "context": item.context,
        "reference": item.reference,
        "meta": canonical(item.meta),
        "parent": item.parent or "",
        "perturbation": _json(item.perturbation),
    }


def response_rows(item: Item, *, dataset: str) -> list[dict[str, Any]]:
    """The item's rows in `response`."""
    return [
        {
            "dataset": dataset,
            "item": item.id,
            "id": response.id,
            "position": position,
            "model": response.model,
            "text": response.text,
            "parts": _json(
                None if response.parts is None else [p.model_dump(exclude_none=True) for p in response.parts]
            ),
        }
        for position, response in enumerate(item.responses)
    ]


def label_row(gold: Gold, *, dataset: str, item: str, source: str) -> dict[str, Any]:
    """A label's row in `label`."""
    return {
        "dataset": dataset,
        "item": item,
        "annotator": gold.annotator,
        "annotator_group": gold.group,
        "sample": gold.sample,
        "preferred": _json(gold.preferred),
        "scores": _json(gold.scores),
        "criterion_scores": _json(gold.criterion_scores),
        "source": source,
        "created_at": now(),
    }


def unit_columns(unit: VerdictKey) -> dict[str, Any]:
    """The columns that say which verdict a row belongs to."""
    return {
        "item": unit.item,
        "judge": unit.judge,
        "persona": unit.persona,
        "arm": unit.arm,
        "step": unit.step,
        "presentation": canonical(list(unit.presentation)),
        "sample": unit.sample,
    }


def verdict_row(verdict: Verdict, *, run: str, dataset: str) -> dict[str, Any]:
    """A verdict's row in `verdict`; its raw text stays with its call where it has one."""
    return {
        "run": run,
        "dataset": dataset,
        **unit_columns(verdict),
        "status": verdict.status,
        "reason": verdict.reason,
        "preferred": verdict.preferred,
        "p_first": verdict.p_first,
        "scores": _json(verdict.scores),
        "criterion_scores": _json(verdict.criterion_scores),
        "probabilities": _json(verdict.probabilities),
        "raw": verdict.raw if verdict.call is None else None,
        "rationale": verdict.rationale,
        "rule": verdict.rule,
        "road": verdict.road,
        "call": verdict.call,
        "prompt_version": verdict.prompt_version,
        "prompt_digest": verdict.prompt_digest,
        "models": _json(verdict.models),
        "created_at": now(),
    }


def tool_call_row(call: ToolCall, *, run: str, dataset: str) -> dict[str, Any]:
    """A tool call's row in `tool_call`."""
    plain = {name: getattr(call, name) for name in _TOOL_FIELDS}
    cited = None if call.cited is None else int(call.cited)
    return {"run": run, "dataset": dataset, **unit_columns(call.unit), **plain, "cited": cited}


def decision_row(decision: Decision, *, run: str, dataset: str) -> dict[str, Any]:
    """A decision's row in `decision`."""
    return {
        "run": run,
        "dataset": dataset,
        "item": decision.item,
        "judge": decision.judge,
        "arm": decision.arm,
        "outcome": decision.outcome,
        "preferred": decision.preferred,
        "share": decision.share,
        "scores": _json(decision.scores),
        "rule": decision.rule,
        "verdicts": decision.verdicts,
        "left_out": canonical(decision.left_out),
        "dissent": canonical([_dissent(dissent) for dissent in decision.dissent]),
        "panel": None if decision.panel is None else canonical(decision.panel.model_dump()),
        "created_at": now(),
    }


def _dissent(dissent: Dissent) -> dict[str, Any]:
    """A verdict's dissent has no distance."""
    return dissent.model_dump(exclude=None if dissent.distance is not None else {"distance"})


_TOOL_FIELDS = (
    *("key", "round", "call", "tool", "tool_version", "raw_arguments", "arguments", "status", "reason", "result"),
    *("digest", "implied", "cost", "latency_ms", "source", "started_at"),
)
_UNIT_COLUMNS = ("item", "judge", "persona", "arm", "step", "presentation", "sample")
INTENT_COLUMNS = (
    *("key", "run", "dataset", *_UNIT_COLUMNS, "turn", "status", "model", "endpoint", "request", "attempts"),
    *("max_cost", "worker", "sent_at"),
)
HIT_COLUMNS = ("road", "finish_reason", "served_model", "source", "answered_at", "cost")


def call_row(call: Call, *, run: str, dataset: str, worker: str) -> dict[str, Any]:
    """A call's row in `call`, as it stands before it is sent."""
    return {
        "key": call.key,
        "run": run,
        "dataset": dataset,
        **unit_columns(call.unit),
        "turn": call.turn,
        "status": call.status,
        "model": call.model,
        "endpoint": call.endpoint,
        "request": call.request,
        "attempts": 0,
        "max_cost": call.max_cost,
        "worker": worker,
        "sent_at": now(),
    }


_ANSWER_FIELDS = (
    *("status", "reason", "road", "response", "reasoning", "tool_calls", "logprobs", "finish_reason", "error"),
    "attempts",
    *("tokens_in", "tokens_out", "tokens_cached", "tokens_reasoning", "cost", "price_source", "served_model"),
    "latency_ms",
)
ANSWER_COLUMNS = (*_ANSWER_FIELDS, "dropped", "answered_at")


def answer_columns(call: Call) -> dict[str, Any]:
    """The columns that an answer fills in."""
    row = {name: getattr(call, name) for name in _ANSWER_FIELDS}
    return {**row, "dropped": canonical(call.dropped), "answered_at": now()}


def parsed(row: Mapping[Any, Any], table: str) -> dict[str, Any]:
    """A row with its JSON columns read."""
    columns = JSON_COLUMNS.get(table, frozenset())
    return {
        name: orjson.loads(value) if name in columns and isinstance(value, str) and value else value
        for name, value in row.items()
    }


def verdict_of(row: Mapping[Any, Any]) -> Verdict:
    """The record of a row of `verdict`."""
    values = parsed(row, "verdict")
    return Verdict.model_validate({name: values[name] for name in Verdict.model_fields if name in values})


def decision_of(row: Mapping[Any, Any]) -> Decision:
    """The record of a row of `decision`."""
    values = parsed(row, "decision")
    return Decision.model_validate({name: values[name] for name in Decision.model_fields if name in values})


def item_of(
    row: Mapping[Any, Any], responses: list[Mapping[Any, Any]], labels: list[Mapping[Any, Any]] | None = None
) -> Item:
    """The item of its rows; what was checked when it came in is not checked again."""
    values = parsed(row, "item")
    prompt = values["prompt"]
    if not isinstance(prompt, str):
        prompt = [Message.model_validate(message) for message in prompt or []]
    return Item.model_construct(
        id=values["id"],
        prompt=prompt,
        context=values["context"],
        reference=values["reference"],
        meta=values["meta"],
        parent=values["parent"] or None,
        perturbation=values["perturbation"],
        responses=[_response_of(response) for response in responses],
        gold=[_gold_of(label) for label in labels or []],
    )


def _response_of(row: Mapping[Any, Any]) -> Response:
    parts = orjson.loads(row["parts"]) if row["parts"] else None
    return Response.model_construct(
        id=row["id"],
        model=row["model"],
        text=row["text"],
        parts=None if parts is None else [Part.model_validate(part) for part in parts],
    )


def _gold_of(row: Mapping[Any, Any]) -> Gold:
    values = parsed(row, "label")
    return Gold.model_construct(
        annotator=values["annotator"],
        group=values["annotator_group"],
        sample=values["sample"],
        preferred=values["preferred"],
        scores=values["scores"],
        criterion_scores=values["criterion_scores"],
    )
