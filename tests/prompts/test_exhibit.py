"""Is an agent's trajectory shown to the judge in full and in order, and cut only where it says so?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plurijudge import Judge, Study
from plurijudge.prompts.exhibit import RESULT, conversation_text, cut, parts_text

from ..court import quick
from ..loopback import Loopback

TRAJECTORY: list[dict[str, Any]] = [
    {"type": "text", "text": "I look it up."},
    {"type": "tool_call", "id": "c1", "name": "search", "arguments": {"query": "height of the tower", "top": 3}},
    {"type": "tool_result", "id": "c1", "name": "search", "result": {"found": ["It is 52 m high.", "Größe"]}},
    {"type": "tool_call", "name": "clock"},
    {"type": "tool_result", "result": "12:00"},
    {"type": "image", "url": "https://example.org/tower.png"},
    {"type": "text", "text": "The tower is 52 m high."},
]


def test_every_part_is_shown_in_order_calls_with_their_arguments_and_images_by_their_address() -> None:
    assert parts_text(TRAJECTORY).split("\n") == [
        "I look it up.",
        '[calls the tool search (c1) with {"query":"height of the tower","top":3}]',
        '[the tool search (c1) answers: {"found":["It is 52 m high.","Größe"]}]',
        "[calls the tool clock with nothing]",
        "[the tool answers: 12:00]",
        "[an image: https://example.org/tower.png]",
        "The tower is 52 m high.",
    ]


def test_only_what_a_tool_brought_is_cut_and_the_text_says_how_much_is_left_out() -> None:
    long = "".join(f"{number:06d}" for number in range(RESULT // 3))
    shown = parts_text([{"type": "tool_result", "result": long}, {"type": "text", "text": long}])
    assert shown.endswith(long), "an agent's own words are never cut"
    told = shown.removesuffix(long)
    assert f"[... {len(long) - RESULT:,} of {len(long):,} characters are not shown ...]" in told
    assert told.startswith(f"[the tool answers: {long[:60]}") and long[-60:] in told
    assert len(told) < RESULT + 120
    assert conversation_text([("tool", long), ("user", long)]).count("are not shown") == 1


@pytest.mark.parametrize("length", [0, 1, 4, 5, 99])
def test_a_cut_keeps_as_many_characters_as_it_may(length: int) -> None:
    text = "x" * length
    kept = cut(text, limit=4)
    assert kept == text if length <= 4 else kept.count("x") == 4 and f"{length - 4} of {length}" in kept


@pytest.mark.parametrize("protocol", ["pairwise", "score", "rank"])
def test_the_judge_is_shown_a_conversation_and_both_trajectories(
    loopback: Loopback, tmp_path: Path, protocol: str
) -> None:
    item = {
        "id": "q",
        "prompt": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "How high is the tower?"}, TRAJECTORY[5]]},
            {"role": "assistant", "content": [TRAJECTORY[1]]},
            {"role": "tool", "content": [TRAJECTORY[2]]},
        ],
        "responses": [{"id": "a", "parts": TRAJECTORY}, {"id": "b", "text": "I do not know."}],
    }
    judge = Judge("openai/m", base_url=loopback.base_url, protocol=protocol)
    with Study(tmp_path / "s.db") as study:
        study.judge_sync([item], judge, pace=quick())
    shown = [request["body"]["messages"][-1]["content"] for request in loopback.requests()]
    asked = conversation_text([(turn["role"], turn["content"]) for turn in item["prompt"]])  # type: ignore[index]
    assert all(asked in text for text in shown)
    assert asked.index("[system]\nBe brief.") < asked.index("[user]\nHow high") < asked.index("[assistant]\n[calls")
    whole = 1 if protocol == "score" else 2
    assert sum(parts_text(TRAJECTORY) in text for text in shown) == whole
