"""Is the library's door what its documentation says, and do both ways through it agree?"""

from __future__ import annotations

import asyncio
import inspect
import pickle
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import plurijudge as pj
from plurijudge.graphs import one_item as door
from plurijudge.text import errors
from plurijudge.text.errors import PlurijudgeError

ROOT = Path(__file__).resolve().parent.parent
BY_PLACE = {"judge_pair": 3, "judge_pair_sync": 3}  # a question and its two answers


def test_all_is_sorted_and_every_name_is_there() -> None:
    assert pj.__all__ == sorted(pj.__all__)
    assert dir(pj) == pj.__all__
    for name in pj.__all__:
        assert getattr(pj, name).__name__ == name
        assert getattr(pj, name).__doc__
    with pytest.raises(AttributeError, match="has no attribute 'judgement'"):
        _ = pj.judgement


def test_what_is_public_is_what_is_documented() -> None:
    page = (ROOT / "docs" / "library.md").read_text(encoding="utf-8").partition("## Names")[2]
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    assert [name for row in rows for name in re.findall(r"`(\w+)`", row)] == pj.__all__


def functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every public function, and every public method of a study."""
    for name in pj.__all__:
        if inspect.isfunction(getattr(pj, name)):
            yield name, getattr(pj, name)
    for name, method in inspect.getmembers(pj.Study, inspect.isfunction):
        if not name.startswith("_"):
            yield f"Study.{name}", method


@pytest.mark.parametrize(("name", "function"), [*functions()])
def test_options_go_by_name(name: str, function: Callable[..., Any]) -> None:
    given = [p for p in inspect.signature(function).parameters.values() if p.name != "self"]
    by_place = [p for p in given if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    assert len(by_place) <= BY_PLACE.get(name, 2)
    assert not any(p.annotation in (bool, "bool") for p in by_place)


TWINS = [
    (f"{getattr(owner, '__name__', '')}.{name}", owner, name)
    for owner in (door, pj.Study)
    for name in dir(owner)
    if name.endswith("_sync") and name != "run_sync"
]


@pytest.mark.parametrize(("name", "owner", "twin"), TWINS)
def test_a_sync_twin_takes_what_the_async_one_takes(name: str, owner: Any, twin: str) -> None:
    asked, told = getattr(owner, twin), getattr(owner, twin.removesuffix("_sync"))
    assert inspect.iscoroutinefunction(told) and not inspect.iscoroutinefunction(asked)
    mine, its = inspect.signature(asked).parameters, inspect.signature(told).parameters
    named = [p for p in mine.values() if p.kind is not p.VAR_KEYWORD]
    assert [str(p) for p in named] == [str(p) for p in [*its.values()][: len(named)]]
    rest = [*its.values()][len(named) :]
    assert all(p.kind is p.KEYWORD_ONLY for p in rest)
    assert bool(rest) == any(p.kind is p.VAR_KEYWORD for p in mine.values())


def test_every_async_door_has_a_sync_twin() -> None:
    for owner in (pj, pj.Study):
        for name in dir(owner):
            if inspect.iscoroutinefunction(getattr(owner, name)) and not name.startswith("_"):
                assert hasattr(owner, f"{name}_sync"), name


def longer(item: pj.Item, presentation: tuple[str, ...]) -> str:
    texts = {response.id: str(response.text) for response in item.responses}
    return max(presentation, key=lambda name: len(texts[name]))


def test_sync_twins_work_where_a_loop_is_running_already(tmp_path: Path) -> None:
    judge = pj.judge_of(longer)
    items = [{"id": "q", "prompt": "?", "responses": [{"id": "a", "text": "long"}, {"id": "b", "text": "x"}]}]

    async def notebook() -> None:
        assert pj.judge_pair_sync("?", "long", "x", judge=judge).preferred == "a"
        assert pj.judge_item_sync(items[0], judge).preferred == "a"
        with pj.Study(tmp_path / "study.db") as study:
            outcome = study.judge_sync(items, judge)
            assert study.resume_sync(outcome.run) == outcome
            with pytest.raises(PlurijudgeError, match="Nothing failed"):
                study.retry_sync(outcome.run)

    asyncio.run(notebook())


def tree(kind: type[PlurijudgeError]) -> Iterator[type[PlurijudgeError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from tree(child)


@pytest.mark.parametrize("kind", [*tree(PlurijudgeError)])
def test_an_error_survives_the_way_to_another_process(kind: type[PlurijudgeError]) -> None:
    error = pickle.loads(pickle.dumps(kind("No `x`.", way_out="name one")))
    assert type(error) is kind
    assert (error.message, error.way_out, str(error)) == ("No `x`.", "name one", "No `x`. Try: name one")
    assert kind.__doc__
    assert re.search(rf"\b{kind.__name__}\b", errors.__doc__ or "")


def test_results_are_frozen_and_say_what_they_are_in_one_line(tmp_path: Path) -> None:
    items = [{"id": "q", "prompt": "?", "responses": [{"id": "a", "text": "long"}, {"id": "b", "text": "x"}]}]
    with pj.Study(tmp_path / "study.db") as study:
        outcome = study.judge_sync(items, pj.judge_of(longer))
        assert "\n" not in str(outcome) and "1 read, 1 judged" in str(outcome)
        assert outcome.to_frame().height == 1
        assert {"run", "status", "decisions", "verdicts"} <= set(outcome.to_dict())
        with pytest.raises(AttributeError):
            outcome.run = "another"  # type: ignore[misc]
