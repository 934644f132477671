"""What did a judge say when it was recorded? Real text of real judges, found by the verdict's key."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs

import orjson

from ...store.records import VerdictKey
from ...text.errors import BadInput, BadJudge
from ..answer import Failure
from ..contexts import STEP
from ..subject import Subject

Key = tuple[str, str, str, tuple[str, ...], int, str]


@dataclass(frozen=True, slots=True)
class Recording:
    """Where each recorded completion of one judge stands in its file, and in which orders each item was shown."""

    path: Path
    digest: str
    judge: str
    places: dict[Key, tuple[int, int]]
    orders: dict[str, list[tuple[str, ...]]]

    def shown(self, item: str, names: Sequence[str]) -> list[tuple[str, ...]]:
        """The orders in which all of an item's responses were shown, as they were recorded."""
        wanted = sorted(names)
        return [order for order in self.orders.get(item, ()) if sorted(order) == wanted]

    def read(self, key: VerdictKey, step: str = "") -> tuple[str, str]:
        """The recorded text and why it ended.

        Args:
            key: the verdict's.
            step: which part of it is asked for; where none was recorded, the text of the whole verdict is read.

        Raises:
            Failure: if none was recorded under that key.
        """
        of_item = (key.item, key.persona, key.arm, key.presentation, key.sample)
        place = self.places.get((*of_item, step))
        if place is None and STEP not in step:  # under a context the text is its own: no other one's stands in for it
            place = self.places.get((*of_item, ""))
        if place is None:
            shown = ", ".join(key.presentation) + (f" at the step `{step}`" if step else "")
            raise Failure(
                "miss", f"{self.path.name} holds no text of `{self.judge}` for item `{key.item}` shown {shown}"
            )
        with self.path.open("rb") as file:
            file.seek(place[0])
            row = orjson.loads(file.read(place[1]))
        return str(row["raw"]), str(row.get("finish_reason") or "stop")


def split(model: str) -> tuple[Path, str]:
    """The file and the judge that a name such as `FILE?judge=NAME` stands for; '' where it names no judge.

    Raises:
        BadJudge: if it names no file.
    """
    name, _, query = model.partition("?")
    if not name:
        raise BadJudge("`replay/` names no file.", way_out="--model 'replay/verdicts.jsonl?judge=NAME'")
    return Path(name), "".join(parse_qs(query).get("judge", [""]))


def recording(model: str) -> Recording:
    """Where the recorded texts stand in their file, which is read once for each judge, and again once it has changed.

    Raises:
        BadInput: if the file is missing, holds no text of that judge, or holds several judges and none is named.
    """
    path, judge = split(model)
    if not path.is_file():
        raise BadInput(f"There is no file {path} to replay.", way_out="plurijudge import llmbar DIR --out FOLDER")
    about = path.stat()
    return _recording(path, judge, (about.st_mtime_ns, about.st_size))


@cache
def _recording(path: Path, judge: str, _as_of: tuple[int, int]) -> Recording:
    places: dict[Key, tuple[int, int]] = {}
    orders: dict[str, dict[tuple[str, ...], None]] = {}
    judges: set[str] = set()
    hashed = hashlib.sha256()
    with path.open("rb") as file:
        offset = 0
        for number, line in enumerate(file, 1):
            hashed.update(line)
            if line.strip():
                key, of_judge = _key(line, path, number)
                judges.add(of_judge)
                if key is not None and judge in ("", of_judge):
                    places.setdefault(key, (offset, len(line)))
                    orders.setdefault(key[0], {})[key[3]] = None
            offset += len(line)
    if not places or (not judge and len(judges) > 1):
        some = ", ".join(sorted(judges)[:6]) + (" ..." if len(judges) > 6 else "")
        what = f"no recorded text of `{judge}`" if judge else f"texts of {len(judges)} judges"
        raise BadInput(f"{path} holds {what}.", way_out=f"replay/{path}?judge=NAME, where NAME is one of: {some}")
    told = {item: list(shown) for item, shown in orders.items()}
    return Recording(path, hashed.hexdigest(), judge or next(iter(judges)), places, told)


def _key(line: bytes, path: Path, number: int) -> tuple[Key | None, str]:
    try:
        row = orjson.loads(line)
        key = (
            str(row["item"]),
            str(row.get("persona") or ""),
            str(row.get("arm") or ""),
            tuple(str(name) for name in row["presentation"]),
            int(row.get("sample") or 0),
            str(row.get("step") or ""),
        )
        return (key if isinstance(row.get("raw"), str) else None), str(row["judge"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInput(f"{path}:{number}: not a recorded verdict ({type(error).__name__}: {error}).") from error


async def answer(subject: Subject, model: str) -> tuple[str, str]:
    """The recorded reply to the subject's verdict key, and why it ended.

    Raises:
        Failure: if none was recorded.
    """
    recorded = await asyncio.to_thread(recording, model)
    return await asyncio.to_thread(recorded.read, subject.key, subject.step)
