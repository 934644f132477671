"""How is a user's own code in a file taken in? Imported once while the file does not change."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from ..store.canonical import digest
from ..text.errors import BadInput

T = TypeVar("T")


def loaded(path: Path, *, what: str, option: str, error: type[BadInput]) -> ModuleType:
    """A user's file as a module.

    Args:
        path: the file.
        what: what it holds, such as `tools`.
        option: the option that names it.
        error: what is raised.

    Raises:
        BadInput: of the kind given, if there is no such file, or it cannot be imported.
    """
    if not path.is_file():
        raise error(f"There is no file {path}.", way_out=f"{option} FILE.py:NAME")
    name = f"plurijudge_{what}_{digest(path.read_bytes())[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as fault:
        del sys.modules[name]
        raise error(f"The {what} in {path} cannot be imported: {type(fault).__name__}: {fault}.") from fault
    return module


def made_of(path: str, attribute: str, kind: type[T], *, option: str, error: type[BadInput]) -> T:
    """What a user's file holds under a name, made first where that is a class.

    Args:
        path: the file.
        attribute: the name in it.
        kind: the class that it must be one of, such as `Tool`.
        option: the option that names the file.
        error: what is raised.

    Raises:
        BadInput: of the kind given, if there is nothing of the kind in the file, or it cannot be made.
    """
    noun = kind.__name__.lower()
    found = getattr(loaded(Path(path), what=f"{noun}s", option=option, error=error), attribute, None)
    try:
        made = found() if isinstance(found, type) and issubclass(found, kind) else found
    except Exception as fault:  # a user's own code
        raise error(f"`{attribute}` in {path} cannot be made: {type(fault).__name__}: {fault}.") from fault
    if not isinstance(made, kind):
        raise error(
            f"`{attribute}` in {path} is no {noun}.",
            way_out=f"a subclass of {kind.__module__}.{kind.__name__}, or one of it",
        )
    return made
