"""What do tests of models and runs share: items to judge, quick limits, one question to a model, rows of a store?"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from plurijudge.agents.ledger import NoLedger
from plurijudge.agents.model import Limits, Model
from plurijudge.graphs.runner import Pace
from plurijudge.store.records import Call, VerdictKey

QUICK = Limits(backoff=0.001, longest_wait=0.002, timeout=5, total=20)
SCHEMA = {
    "type": "object",
    "properties": {"rationale": {"type": "string"}, "verdict": {"type": "string", "enum": ["A", "B", "tie"]}},
    "required": ["rationale", "verdict"],
    "additionalProperties": False,
}
UNIT = VerdictKey(item="q1", judge="j", presentation=("a", "b"))


def pairs(n: int) -> list[dict[str, Any]]:
    """Items with two responses each, no two alike."""
    return [
        {
            "id": f"q{i}",
            "prompt": f"What is {i} and {i}?",
            "responses": [{"id": "a", "text": f"It is {2 * i}."}, {"id": "b", "text": f"It is {i}, I think."}],
        }
        for i in range(n)
    ]


def quick(**limits: Any) -> Pace:
    """A pace whose waits are tiny."""
    return Pace(limits=Limits(**{"backoff": 0.001, "longest_wait": 0.002, "timeout": 5, "total": 20, **limits}))


def question(text: str = "Which is better?") -> list[dict[str, Any]]:
    """The messages of a question."""
    return [{"role": "user", "content": text}]


def ask(
    endpoint: str,
    texts: Sequence[str] = ("Which is better?",),
    *,
    name: str = "openai/m",
    ledger: Any = None,
    schema: dict[str, Any] | None = SCHEMA,
    max_tokens: int | None = None,
    **options: Any,
) -> list[Call]:
    """Ask a fresh model each text in turn, and give every call that it wrote down."""
    calls = ledger or NoLedger()

    async def work() -> None:
        model = Model(name, calls, **{"endpoint": endpoint, "limits": QUICK, **options})
        try:
            for text in texts:
                await model.complete(question(text), unit=UNIT, schema=schema, max_tokens=max_tokens)
        finally:
            await model.close()

    asyncio.run(work())
    return list(calls.calls)


def rows(db: Path | str, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """What a SQLite store answers."""
    with closing(sqlite3.connect(db)) as connection:
        return connection.execute(statement, values).fetchall()
