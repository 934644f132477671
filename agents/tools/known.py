"""Which tool does a name mean? One of ours, or one of a user's own in a file."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

from ...store.canonical import digest
from ...text.errors import BadJudge
from .base import Tool

KNOWN = {
    "calculator": ("calculator", "Calculator"),
    "code": ("code", "Code"),
    "units": ("units", "Units"),
}


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
    """The tool of a name: `calculator`, or `my.py:tool` for a class or an object of one's own.

    Raises:
        BadJudge: if there is none.
    """
    if name in KNOWN:
        module, made = KNOWN[name]
        return getattr(import_module(f".{module}", __package__), made)()  # type: ignore[no-any-return]
    path, _, attribute = name.rpartition(":")
    if not path.endswith(".py"):
        raise BadJudge(
            f"There is no tool `{name}`.", way_out=f"one of {', '.join(sorted(KNOWN))}, or FILE.py:NAME of your own"
        )
    found = getattr(_loaded(Path(path)), attribute, None)
    made_of: Any = found() if isinstance(found, type) and issubclass(found, Tool) else found
    if not isinstance(made_of, Tool):
        raise BadJudge(
            f"`{attribute}` in {path} is no tool.",
            way_out="a subclass of plurijudge.agents.tools.base.Tool, or one of it",
        )
    return made_of


def told_of(names: Iterable[str]) -> list[dict[str, str]]:
    """What of these tools may change what a judge says: name, version, what they rest on; a file by its digest.

    Raises:
        BadJudge: if a name means no tool.
    """
    told = []
    for name in names:
        tool = tool_of(name)
        path = name.rpartition(":")[0]
        code = digest(Path(path).read_bytes()) if path.endswith(".py") and name not in KNOWN else ""
        told.append({"name": tool.name, "version": tool.version, "ground": tool.ground(), "code": code})
    return told


def _loaded(path: Path) -> Any:
    """A user's file as a module; read once while it does not change.

    Raises:
        BadJudge: if it cannot be imported.
    """
    if not path.is_file():
        raise BadJudge(f"There is no file {path}.", way_out="--tools FILE.py:NAME")
    name = f"plurijudge_tools_{digest(path.read_bytes())[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise BadJudge(f"The tools in {path} cannot be imported: {type(error).__name__}: {error}.") from error
    return module
