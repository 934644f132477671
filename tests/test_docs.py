"""Do the documents and the help texts say what the program does? Run as a script, it writes docs/cli.md anew."""

from __future__ import annotations

import doctest
import inspect
import pkgutil
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import typer

import plurijudge
from plurijudge.console.app import app
from plurijudge.console.settings import DEFAULTS, PREFIX

ROOT = Path(__file__).resolve().parent.parent
CLI = ROOT / "docs" / "cli.md"
MARK = "<!-- From here on written by `python tests/test_docs.py`; change the help texts instead. -->\n"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands(group: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with its words."""
    whole: Any = group or typer.main.get_command(app)
    for name, command in whole.commands.items():
        yield (*path, name), command
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))


COMMANDS = dict(commands())


def examples_of(command: Any) -> list[str]:
    """The examples at the end of a command's help."""
    return [line.strip() for line in (command.epilog or "").splitlines() if line.strip().startswith("plurijudge ")]


def named(group: Any, words: list[str]) -> str:
    """The command of a group that the words begin with, the longer name before the shorter; '' where it has none."""
    names = getattr(group, "commands", {})
    return next((name for name in (" ".join(words[:2]), words[0]) if name in names), "")


def refuse_unknown(line: str) -> None:
    """Parse an example as the command line would; UsageError for an option or a command that there is not."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split, lexer.commenters = True, "#"
    words: list[str] = []
    for word in lexer:
        if word[0] in "|&;<>":
            break
        words.append(word)
    command: Any = typer.main.get_command(app)
    path: tuple[str, ...] = ()
    rest = words[1:]
    while rest and (name := named(command, rest)):
        command, path, rest = command.commands[name], (*path, name), rest[len(name.split()) :]
    assert path or not rest or rest[0].startswith("-"), f"`{line}` names no command"
    if rest not in (["--help"], ["-h"], ["--version"]):
        command.make_context(" ".join(path) or "plurijudge", rest)


def examples_in(page: Path) -> Iterator[str]:
    """Commands in a page's code blocks, and in its lines of code."""
    block: str | None = None
    fenced = False
    for line in [*page.read_text(encoding="utf-8").splitlines(), ""]:
        code = line[4:] if line.startswith("    ") else line
        fenced ^= line.startswith("```")
        if block is not None:
            block += "\n" + code
        elif code.removeprefix("$ ").startswith("plurijudge ") and (fenced or code != line):
            block = code.removeprefix("$ ")
        else:
            yield from (f"plurijudge {found}" for found in re.findall(r"`plurijudge ([a-z-][^`]*)`", line))
            continue
        if block.replace('\\"', "").count('"') % 2 == 0 and not block.endswith("\\"):
            yield block.replace("\\\n", " ")
            block = None


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_help_ends_with_an_example_that_parses(path: tuple[str, ...]) -> None:
    command = COMMANDS[path]
    found = examples_of(command)
    assert found
    assert command.epilog.strip().splitlines()[-1].strip() == found[-1]
    assert command.help
    for line in found:
        assert line.startswith(f"plurijudge {' '.join(path)}")
        refuse_unknown(line)


def test_the_help_of_the_whole_ends_with_examples_that_parse() -> None:
    found = examples_of(typer.main.get_command(app))
    assert found
    for line in found:
        refuse_unknown(line)


PARSED = [(page.name, line) for page in PAGES if page.exists() for line in examples_in(page)]


@pytest.mark.parametrize(("page", "line"), PARSED)
def test_every_command_in_a_document_parses(page: str, line: str) -> None:
    refuse_unknown(line)


def test_the_documents_hold_commands_at_all() -> None:
    assert {"README.md", "cli.md", "queries.md"} <= {page for page, _ in PARSED}


def test_a_misspelt_option_in_a_document_would_be_found() -> None:
    with pytest.raises(Exception, match="No such option: --modle"):
        refuse_unknown("plurijudge judge items.jsonl --modle x")
    with pytest.raises(AssertionError, match="names no command"):
        refuse_unknown("plurijudge jugde items.jsonl")


def modules() -> list[str]:
    found = pkgutil.walk_packages(plurijudge.__path__, "plurijudge.", onerror=lambda name: None)
    inside = ("plurijudge.tests", "plurijudge.benchmarks", "plurijudge.store.migrations", "plurijudge.build")
    names = [module.name for module in found if not module.name.startswith(inside)]
    return [name for name in names if name.rpartition(".")[2] not in ("__main__", "main")]


def test_every_example_in_a_docstring_holds() -> None:
    tried = failed = 0
    for name in modules():
        result = doctest.testmod(import_module(name))
        tried, failed = tried + result.attempted, failed + result.failed
    assert tried > 0
    assert not failed


@pytest.mark.parametrize("name", ["library.md", "personas.md", "audit.md", "README.md"])
def test_the_python_in_a_page_runs_from_top_to_bottom(name: str, tmp_path: Path) -> None:
    page = next(page for page in PAGES if page.name == name)
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert blocks
    (tmp_path / "examples").symlink_to(ROOT / "examples")  # as in a checkout
    script = tmp_path / "page.py"
    script.write_text("\n".join(blocks), encoding="utf-8")
    done = subprocess.run([sys.executable, "-W", "error", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def choices(command: Any, name: str) -> list[str]:
    """The closed set that an option is one of, by the types of the function behind the command."""
    told = repr(get_type_hints(inspect.unwrap(command.callback)).get(name, ""))
    found = re.search(r"Literal\[(.*?)\]", told)
    return [choice for choice in re.findall(r"'(\w+)'", found[1])] if found else []


def option_row(command: Any, option: Any) -> str:
    """A row of the table of a command's options."""
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    default = option.default
    shown = "" if default is None or default is False or default == "" else f"`{default}`"
    closed = choices(command, option.name)
    allowed = f" One of {', '.join(f'`{choice}`' for choice in closed)}." if closed else ""
    return f"| {names} | {shown} | {option.help or ''}{allowed} |"


def reference() -> str:
    """The part of docs/cli.md that is written from the command line itself."""
    lines = [MARK, "## Settings", ""]
    lines += ["| setting | environment | default |", "|---|---|---|"]
    lines += [
        f"| `{name}` | `{PREFIX}{name.upper()}` | {f'`{value}`' if value != '' else ''} |"
        for name, value in DEFAULTS.items()
    ]
    for path, command in COMMANDS.items():
        if hasattr(command, "commands"):
            continue
        arguments = [p for p in command.params if p.param_type_name == "argument"]
        words = [str(p.name).upper() if p.required else f"[{str(p.name).upper()}]" for p in arguments]
        lines += ["", f"## plurijudge {' '.join((*path, *words))}", ""]
        lines += [re.sub(r"(?<!\n)\n(?!\n)", " ", command.help.strip()), ""]
        lines += [f"- `{str(p.name).upper()}`: {p.help}" for p in arguments] + [""] * bool(arguments)
        lines += ["| option | default | what it does |", "|---|---|---|"]
        lines += [option_row(command, p) for p in command.params if p.param_type_name == "option" and p.name != "help"]
        lines += ["", *(f"    {line}" for line in examples_of(command))]
    return "\n".join(lines) + "\n"


def test_the_page_of_the_command_line_is_what_the_program_says() -> None:
    written = CLI.read_text(encoding="utf-8")
    assert written[written.index(MARK) :] == reference(), "write it anew: python tests/test_docs.py"


if __name__ == "__main__":
    before = CLI.read_text(encoding="utf-8").partition(MARK)[0]
    CLI.write_text(before + reference(), encoding="utf-8")
