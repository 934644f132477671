"""Which part of a reply is the model thinking aloud, and which is its answer?"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

_NAMES = r"think|thinking|thought|thoughts|reasoning|reflection|scratchpad|analysis|inner_monologue|seed:think"
_TAG = re.compile(
    rf"<(?P<shut>/)?(?P<name>{_NAMES})\s*>"
    r"|<\|(?P<edge>begin|end)_of_thought\|>"
    r"|\[(?P<shut2>/)?THINK\]"
    r"|\u25c1(?P<shut3>/)?think\u25b7",
    re.IGNORECASE,
)
_CHANNEL = re.compile(r"<\|channel\|>\s*(?P<name>\w+)(?P<to>[^<\n]{0,80})(?:<\|constrain\|>\s*\w+)?\s*<\|message\|>")
_CHANNEL_END = re.compile(r"<\|(?:end|return|call|start|channel)\|>")
_HARMONY = re.compile(r"\s*(?:<\|(?:start|channel|message)\|>|\w{0,12}\s*<\|channel\|>)")
_BARE_HARMONY = re.compile(r"\A\s*analysis(?=[A-Z\s])")  # the same layout after a server dropped its special tokens


@dataclass(frozen=True, slots=True)
class Answer:
    """The reply with its thinking blanked out (positions stay), and whether the thinking never ended."""

    text: str
    cut: bool


def answer_of(text: str) -> Answer:
    """Blank out the thinking. A block that is never closed swallows the rest: the reply was cut before its answer.

    Marks of thinking within the strings of a reply that is one JSON document, or of a channel within prose, are words
    that the model wrote or copied, and no thinking of its own.
    """
    if _is_document(text):
        return Answer(text, cut=False)
    if _HARMONY.match(text):
        return _harmony(text)
    if _BARE_HARMONY.match(text) and "assistantfinal" in text:
        place = text.rindex("assistantfinal") + len("assistantfinal")
        return Answer(" " * place + text[place:], cut=False)
    return _tagged(text)


def _is_document(text: str) -> bool:
    whole = text.strip()
    if whole.startswith("```") and whole.endswith("```"):
        whole = whole.removeprefix("```").removeprefix("json").removesuffix("```").strip()
    if not whole.startswith("{") or not whole.endswith("}"):
        return False
    try:
        json.loads(whole, strict=False)
    except (ValueError, RecursionError):
        return False
    return True


def _harmony(text: str) -> Answer:
    spoken: tuple[int, int] | None = None
    for found in _CHANNEL.finditer(text):
        tool = "functions" in found["to"]
        if found["name"].lower() == "final" or tool:
            end = _CHANNEL_END.search(text, found.end())
            spoken = found.end(), end.start() if end else len(text)
    if spoken is None:
        return Answer("", cut=True)
    start, stop = spoken
    return Answer(" " * start + text[start:stop], cut=False)


def _closes(tag: re.Match[str]) -> bool:
    return bool(tag["shut"] or tag["shut2"] or tag["shut3"] or (tag["edge"] or "").lower() == "end")


def _tagged(text: str) -> Answer:
    tags = list(_TAG.finditer(text))
    if not tags:
        return Answer(text, cut=False)
    pieces: list[str] = []
    done = depth = opened = 0
    for tag in tags:
        if not _closes(tag):
            if depth == 0:
                opened = tag.start()
            depth += 1
        elif depth > 1:
            depth -= 1
        else:  # the end of a block, or of one that the prompt's template had opened
            start = opened if depth else done
            pieces.append(text[done:start] + " " * (tag.end() - start))
            done, depth = tag.end(), 0
    if depth and (opened == 0 or not text[:opened].strip() or text[:opened].rstrip(" \t").endswith(("\n", ">"))):
        return Answer("".join(pieces) + text[done:opened], cut=True)
    return Answer("".join(pieces) + text[done:], cut=False)
