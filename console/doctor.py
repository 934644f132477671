"""`plurijudge doctor`: is everything there that judging needs, and where does each setting come from?"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from ..text.errors import PlurijudgeError
from .options import DEFAULT_DB, Db, Json, examples
from .plain import SOME_FAILED, answer, answer_json, leave

EXAMPLES = examples("plurijudge doctor", "plurijudge doctor --json | jq '.checks[] | select(.ok | not)'")


def doctor(db: Db = DEFAULT_DB, as_json: Json = False) -> None:
    """Check versions, store, keys (their names only), a judgement through LiteLLM, prompts and terminal.

    Exit codes: 0 all is well, 1 something is not.
    """
    checks = [_versions(), _store(db), _keys(), _prompts(), _isolation(), _judgement(), _terminal()]
    told = [{"name": name, "value": value, "origin": origin} for name, value, origin in _settings(db)]
    if as_json:
        answer_json({"checks": checks, "settings": told})
    else:
        for check in checks:
            answer(f"{'ok  ' if check['ok'] else 'NOT '} {check['check']}: {check['found']}")
        answer("settings:")
        for setting in told:
            answer(f"  {setting['name']} = {setting['value']}  ({setting['origin']})")
    leave(0 if all(check["ok"] for check in checks) else SOME_FAILED)


def _check(name: str, ok: bool, found: str) -> dict[str, Any]:
    return {"check": name, "ok": ok, "found": found}


def _versions() -> dict[str, Any]:
    from ..store.runs import versions

    found = {"python": sys.version.split()[0], **versions()}
    bad = found["litellm"] in ("1.82.7", "1.82.8")
    note = "; this release of litellm was compromised: upgrade it" if bad else ""
    return _check("versions", not bad, ", ".join(f"{name} {number}" for name, number in found.items()) + note)


def _store(db: str) -> dict[str, Any]:
    from ..store.engine import REVISION, Store, shown, store_url

    try:
        url = store_url(db)
        if url.get_backend_name() == "sqlite" and not Path(str(url.database)).exists():
            folder = Path(str(url.database)).resolve().parent
            ok = folder.is_dir() and os.access(folder, os.W_OK)
            return _check(
                "store", ok, f"{shown(url)} is made by the first run" if ok else f"{folder} may not be written"
            )
        with Store.open(db) as store:
            from sqlalchemy import text

            with store.engine.connect() as connection:
                count = connection.execute(text("SELECT count(*) FROM run")).scalar_one()
        return _check("store", True, f"{shown(url)}, schema {REVISION}, {count} runs")
    except PlurijudgeError as error:
        return _check("store", False, str(error))


def _keys() -> dict[str, Any]:
    names = sorted(name for name in os.environ if name.endswith("_API_KEY"))
    return _check("keys", True, ", ".join(names) if names else "none set: the built-in models need none")


def _prompts() -> dict[str, Any]:
    from ..prompts.prompt import load_prompt

    try:
        loaded = [load_prompt(name) for name in ("judge/pairwise", "judge/score", "judge/repair")]
    except PlurijudgeError as error:
        return _check("prompts", False, str(error))
    return _check("prompts", True, ", ".join(f"{p.id} v{p.version}" for p in loaded))


def _isolation() -> dict[str, Any]:
    from ..agents.sandbox.isolation import isolation
    from ..agents.sandbox.monty import interpreter

    room, there = isolation(), interpreter() is not None
    found = f"an interpreter without a system {'is there' if there else 'is missing (pydantic-monty)'}"
    locked = "a locked room is there" if room.room is not None else f"there is no locked room: {room.reason}"
    without = "" if there or room.room else "; the tool `code` refuses, and its verdicts abstain"
    return _check("isolation for the tool `code`", there or room.room is not None, f"{found}; {locked}{without}")


def _judgement() -> dict[str, Any]:
    from ..graphs.one_item import judge_pair_sync

    try:
        made = judge_pair_sync("What is 2 + 2?", "2 + 2 = 4.", "2 + 2 = 5.")
    except PlurijudgeError as error:
        return _check("a judgement through LangGraph and LiteLLM", False, str(error))
    return _check(
        "a judgement through LangGraph and LiteLLM", made.outcome == "ok", f"{made.outcome}, {made.verdicts} verdicts"
    )


def _terminal() -> dict[str, Any]:
    colours = "no colours (NO_COLOR)" if os.environ.get("NO_COLOR") else os.environ.get("TERM", "unknown")
    where = "a terminal" if sys.stdout.isatty() else "no terminal"
    return _check("terminal", True, f"{where}, {colours}, {sys.stdout.encoding}")


def _settings(db: str) -> list[tuple[str, Any, str]]:
    from ..text.secrets import known_secrets, without_secrets
    from .settings import settings

    made = []
    for setting in settings():
        value, origin = setting.value, setting.origin
        if setting.name == "db":
            origin = origin if str(value) == db else "flag"
            value = db
        # an address may hold a password: what is shown of a setting holds none
        made.append(
            (setting.name, without_secrets(value, known_secrets()) if isinstance(value, str) else value, origin)
        )
    return made
