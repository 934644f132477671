"""Which tool does a name mean? One of ours, or one of a user's own in a file."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

from ...store.canonical import digest
from ...text.errors import BadJudge
from ..own_file import made_of
from .base import Tool

KNOWN = {
    "calculator": ("calculator", "Calculator"),
    "calendar": ("calendar", "Calendar"),
    "code": ("code", "Code"),
    "fetch": ("fetch", "Fetch"),
    "lookup": ("lookup", "Lookup"),
    "search": ("search", "Search"),
    "text": ("text_checks", "TextChecks"),
    "units": ("units", "Units"),
    "web": ("web", "WebSearch"),
}
AUTO = "auto"  # those that earned their place with the judge; the store says which
TAKING = frozenset({"lookup", "search", "web"})  # what stands behind the colon says which table, corpus or provider


def tools_of(names: Iterable[str]) -> list[Tool]:
    """The tools of these names, each ready to be called.

    Raises:
        BadJudge: if a name means no tool, or two mean one of the same name.
    """
    found = [tool_of(name) for name in names]
    twice = sorted({tool.name for tool in found if sum(other.name == tool.name for other in found) > 1})
    if twice:
        raise BadJudge(f"Two tools are called `{twice[0]}`.", way_out="name each once")
    return found


def tool_of(name: str) -> Tool:
    """The tool of a name: `calculator`, `lookup:FILE?keys=NAME`, or `my.py:tool` for a class or object of one's own.

    Raises:
        BadJudge: if there is none.
    """
    kind, _, rest = name.partition(":")
    if name == AUTO:
        raise BadJudge(
            "`auto` names the tools that earned their place, which only a store knows.", way_out="name the tools"
        )
    if kind in KNOWN:
        module, made = KNOWN[kind]
        found: Any = getattr(import_module(f".{module}", __package__), made)
        if kind in TAKING:
            return found.of(rest)  # type: ignore[no-any-return]
        if rest:
            raise BadJudge(f"The tool `{kind}` takes nothing behind its name.", way_out=f"--tools {kind}")
        return found()  # type: ignore[no-any-return]
    path, _, attribute = name.rpartition(":")
    if not path.endswith(".py"):
        raise BadJudge(
            f"There is no tool `{name}`.", way_out=f"one of {', '.join(sorted(KNOWN))}, or FILE.py:NAME of your own"
        )
    return made_of(path, attribute, Tool, option="--tools", error=BadJudge)  # type: ignore[type-abstract]


def told_of(names: Iterable[str]) -> list[dict[str, str]]:
    """What of these tools may change what a judge says: name, version, what they rest on; a file by its digest.

    Raises:
        BadJudge: if a name means no tool.
    """
    told = []
    for name in names:
        if name == AUTO:
            told.append({"name": AUTO})
            continue
        tool = tool_of(name)
        path = name.rpartition(":")[0]
        code = digest(Path(path).read_bytes()) if path.endswith(".py") and name.partition(":")[0] not in KNOWN else ""
        told.append({"name": tool.name, "version": tool.version, "ground": tool.ground(), "code": code})
    return told
