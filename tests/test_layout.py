"""Is the repository laid out as the packaging says, so that what runs here also runs where it is installed?"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import plurijudge

ROOT = Path(__file__).resolve().parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SETUPTOOLS = PROJECT["tool"]["setuptools"]
OUTSIDE = {"tests", "benchmarks", "docs", "build", "dist", "demo"}
FLOORS = {"agents", "analyses", "console", "graphs", "metrics", "prompts", "reports", "store", "text", "examples"}


def folder_of(package: str) -> Path:
    return ROOT.joinpath(*package.split(".")[1:])


def committed() -> list[Path]:
    """The files that are, or would be, committed."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [ROOT / name for name in listed if (ROOT / name).is_file()]


def test_every_folder_of_the_package_is_listed() -> None:
    found = {"plurijudge"}
    for top in ROOT.iterdir():
        if top.is_dir() and not top.name.startswith(".") and top.name not in OUTSIDE and top.suffix != ".egg-info":
            for folder in (top, *top.rglob("*")):
                if folder.is_dir() and "__pycache__" not in folder.parts and any(folder.iterdir()):
                    found.add(".".join(("plurijudge", *folder.relative_to(ROOT).parts)))
    ignored = {name for name in found if {"__pycache__"} & set(name.split("."))}
    assert sorted(found - ignored) == SETUPTOOLS["packages"] == sorted(SETUPTOOLS["packages"])


def test_all_data_that_is_shipped_is_there_and_all_data_is_shipped() -> None:
    shipped: set[Path] = set()
    for package, patterns in SETUPTOOLS["package-data"].items():
        for pattern in patterns:
            matching = set(folder_of(package).glob(pattern))
            assert matching, f"{package}: `{pattern}` matches nothing"
            shipped |= matching
    inside = [folder_of(package) for package in SETUPTOOLS["packages"] if package != "plurijudge"]
    for_writers = {"README.md", "script.py.mako"}  # of use in a checkout alone
    data = {p for p in committed() if p.parent in inside and p.suffix != ".py" and p.name not in for_writers}
    assert data <= shipped


def test_only_three_python_files_stand_at_the_root() -> None:
    assert {path.name for path in ROOT.glob("*.py")} == {"__init__.py", "__main__.py", "main.py"}


def test_tests_are_no_package_and_the_root_has_no_conftest() -> None:
    assert not list((ROOT / "tests").rglob("__init__.py"))
    assert not (ROOT / "conftest.py").exists()


def test_what_is_tested_is_this_checkout() -> None:
    assert Path(str(plurijudge.__file__)).resolve().parent == ROOT


def test_no_folder_is_imported_a_second_time_under_its_bare_name() -> None:
    names = ["console.app", "graphs.study", "analyses.agreement", "store.exports", "store.imports", "reports.terminal"]
    code = (
        f"import sys, importlib\nfor name in {names}: importlib.import_module('plurijudge.' + name)\n"
        f"assert not {sorted(FLOORS)!r} or not set({sorted(FLOORS)!r}) & set(sys.modules), sorted(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("folder", [".", ".."])
def test_the_main_file_runs_from_anywhere(folder: str) -> None:
    where = (ROOT / folder).resolve()
    command = [sys.executable, str(ROOT / "main.py"), "--help"]
    done = subprocess.run(command, cwd=where, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Judge text with LLMs" in done.stdout


PRIVATE = {
    "a machine's path": re.compile(r"(?<![\w.])/(?:ro" r"ot|wo" r"rk)/\w"),
    "a registry": re.compile(r"(?:extra-)?index" r"-url|trusted" r"-host|PIP_INDEX" r"_URL|/sim" r"ple/"),
    "a key": re.compile(r"\bsk-(?:proj|ant)-[A-Za-z0-9]{40,}"),
}


def test_nothing_that_is_committed_names_a_machine_a_registry_or_a_key() -> None:
    found = []
    for path in committed():
        if path.suffix in (".md", ".py", ".toml", ".txt", ".json", ".jsonl", ".yaml", ".yml", ".cfg", "") or (
            path.parent.name == ".ci"
        ):
            text = path.read_text(encoding="utf-8", errors="replace")
            for what, pattern in PRIVATE.items():
                found += [f"{path.relative_to(ROOT)}: {what}: {hit[0]}" for hit in pattern.finditer(text)]
    assert not found


def test_the_floors_hold() -> None:
    environment = {**os.environ, "NO_COLOR": "1"}
    script = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([script, "--no-cache"], cwd=ROOT, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_what_langgraph_is_told_of_can_be_imported() -> None:
    for place in json.loads((ROOT / "langgraph.json").read_text(encoding="utf-8"))["graphs"].values():
        module, _, name = place.partition(":")
        assert "/" not in module
        graph = getattr(import_module(module), name)()
        assert {"hear", "reconcile"} <= set(graph.get_graph().nodes)
