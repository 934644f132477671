"""Bare aiohttp: the least that asking a model can cost in Python with this client."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp

from ..work import MODEL, Done, Work


def prepare(work: Work) -> None:
    """Nothing outlives a loop."""


async def judge(_made: None, work: Work) -> Done:
    """Post each question, read each answer, parse nothing of it."""
    left, counted = work.cases(), 0
    address = f"{work.base_url}/chat/completions"

    async def worker(session: aiohttp.ClientSession) -> int:
        given = 0
        for case in left:
            body: dict[str, Any] = {"model": MODEL, "messages": work.wording.messages(case)}
            async with session.post(address, json=body) as answered:
                given += bool((await answered.json())["choices"][0]["message"]["content"])
        return given

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        counted = sum(await asyncio.gather(*(worker(session) for _ in range(work.concurrency))))
    return Done(counted)
