"""What does a command import? Whoever only reads must not wait for what judging needs."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from .conftest import Plurijudge

HEAVY = {"litellm", "langgraph", "langchain_core", "openai", "aiohttp"}
STORES = {"numpy", "sqlmodel", "sqlalchemy", "pydantic", "jinja2", "polars", "rich", "alembic", "yaml"}
LIGHT: dict[str, tuple[str, ...]] = {
    "show": ("show", "last"),
    "show ITEM": ("show", "last", "q1"),
    "runs": ("runs",),
    "query": ("query", "SELECT 1"),
    "export": ("export", "verdicts"),
    "agreement": ("agreement", "last"),
    "label": ("label", "last", "q1", "--preferred", "a"),
    "import": ("import", "items", "items.jsonl"),
    "corpus": ("corpus", "list"),
}
TELL = """
import json, runpy, sys
sys.argv = ["plurijudge", *sys.argv[1:]]
try:
    runpy.run_module("plurijudge", run_name="__main__", alter_sys=True)
except SystemExit as end:
    assert not end.code, end.code
finally:
    print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
"""


def imported(where: Plurijudge, *args: str) -> set[str]:
    """The packages that a command imported, in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", TELL, *args], capture_output=True, cwd=where.folder, env=where.environment(), text=True
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize("name", LIGHT)
def test_a_command_that_does_not_judge_imports_nothing_of_what_judging_needs(judged: Plurijudge, name: str) -> None:
    heavy = imported(judged, *LIGHT[name]) & HEAVY
    assert not heavy


@pytest.mark.threat(31)
@pytest.mark.parametrize("args", [("--help",), ("judge", "--help"), ("export", "items", "--help"), ("--version",)])
def test_help_imports_neither_that_nor_the_store(plurijudge: Plurijudge, args: tuple[str, ...]) -> None:
    by_typer = {"pydantic"} if len(args) > 1 else set()  # it reads defaults with it, from one release on
    heavy = imported(plurijudge, *args) & (HEAVY | STORES) - by_typer
    assert not heavy


def test_importing_the_package_imports_nothing_else_and_touches_no_file(plurijudge: Plurijudge) -> None:
    code = (
        "import sys, os; before = set(sys.modules); opened = []\n"
        "sys.addaudithook(lambda name, args: opened.append(args[0]) if name == 'open' and args[1] else None)\n"
        "import plurijudge\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)\n"
        "new = {name for name in new if not name.startswith('__editable__')}\n"
        "assert new == {'plurijudge'}, new\n"
        "written = [path for path in opened if isinstance(path, str) and not path.endswith(('.py', '.pyc', '.pth'))]\n"
        "assert not [path for path in written if os.path.abspath(path).startswith(os.getcwd())], written\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, cwd=plurijudge.folder, env=plurijudge.environment()
    )
    assert done.returncode == 0, done.stderr.decode()
    assert plurijudge.files() == {"items.jsonl", "own.py"}


def test_a_judge_that_is_a_function_does_not_wait_for_litellm(plurijudge: Plurijudge) -> None:
    assert "litellm" not in imported(plurijudge, "judge", "items.jsonl", "--judge", "own:longer", "-q")


@pytest.mark.threat(31)
def test_replaying_tools_needs_no_litellm_either(plurijudge: Plurijudge) -> None:
    judged = ("judge", "items.jsonl", "--judge", "own:longer", "--tools", "calculator", "-q", "--tool-mode")
    for mode in ("record", "replay"):
        assert "litellm" not in imported(plurijudge, *judged, mode)
    assert plurijudge("query", "SELECT count(*) AS n FROM tool_call WHERE source IS NOT NULL", "--json").json()
