"""Where does a setting come from? Flag over environment over ./plurijudge.toml over user config over default."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..text.errors import BadInput

PREFIX = "PLURIJUDGE_"
DEFAULTS: dict[str, Any] = {
    "db": "plurijudge.db",
    "model": "builtin/heuristic",
    "base_url": "",
    "concurrency": 16,
    "timeout": 120.0,
    "retries": 5,
    "temperature": 0.0,
    "max_tokens": 1024,
    "presentations": "both",
    "samples": 1,
    "seed": 0,
}


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting's value and where it came from."""

    name: str
    value: Any
    origin: str


def files() -> list[Path]:
    """The configuration files that may exist, the strongest first."""
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return [Path("plurijudge.toml"), Path(home) / "plurijudge" / "plurijudge.toml"]


def from_files() -> dict[str, Setting]:
    """What the configuration files set.

    Raises:
        BadInput: if a file is not TOML, or names a setting that there is none of.
    """
    found: dict[str, Setting] = {}
    for path in reversed(files()):
        if not path.is_file():
            continue
        try:
            read = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise BadInput(
                f"The settings in {path} cannot be read: {error}.", way_out='a line such as model = "openai/gpt-5-mini"'
            ) from error
        for key, value in read.items():
            name = key.replace("-", "_")
            if name not in DEFAULTS:
                from difflib import get_close_matches

                near = get_close_matches(name, DEFAULTS, n=1)
                way_out = near[0] if near else "one of " + ", ".join(sorted(DEFAULTS))
                raise BadInput(f"{path} sets `{key}`, which is no setting.", way_out=way_out)
            found[name] = Setting(name, _held(path, key, value, like=DEFAULTS[name]), str(path))
    return found


_KINDS: dict[type, tuple[tuple[type, ...], str]] = {
    str: ((str,), "text in quotes"),
    int: ((int,), "a whole number"),
    float: ((int, float), "a number"),
}


def _held(path: Path, key: str, value: Any, *, like: Any) -> Any:
    """The value, if it is of the setting's kind: otherwise the command line would lay the fault on a flag."""
    kinds, needed = _KINDS[type(like)]
    if not isinstance(value, kinds) or isinstance(value, bool):
        shown = f'"{like}"' if isinstance(like, str) else like
        raise BadInput(f"{path} sets `{key}` to {value!r}; needed is {needed}.", way_out=f"{key} = {shown}")
    return value


def default_map() -> dict[str, Any]:
    """What the files set, in the form in which the command line takes defaults: below flags and environment."""
    return {name: setting.value for name, setting in from_files().items()}


def settings() -> list[Setting]:
    """Every setting with its origin, flags apart."""
    filed = from_files()
    made = []
    for name, default in DEFAULTS.items():
        variable = PREFIX + name.upper()
        if os.environ.get(variable):
            origin = f"{variable} in .env" if variable in _FROM_DOTENV else variable
            made.append(Setting(name, os.environ[variable], origin))
        else:
            made.append(filed.get(name) or Setting(name, default, "default"))
    return made


_FROM_DOTENV: set[str] = set()


def load_dotenv() -> None:
    """Read `.env` of the working folder alone, never over what the environment says.

    Raises:
        BadInput: if it cannot be read.
    """
    path = Path(".env")
    if not path.is_file():
        return
    from dotenv import dotenv_values

    try:
        values = dotenv_values(path, interpolate=False)
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(
            f"{path} cannot be read: {error}.", way_out="save it as UTF-8 text, NAME=VALUE a line"
        ) from error
    for name, value in values.items():
        if value is not None and name not in os.environ:
            os.environ[name] = value
            _FROM_DOTENV.add(name)


def state_folder() -> Path:
    """Where traces and spooled input are kept."""
    home = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(home) / "plurijudge"
