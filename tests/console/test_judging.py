"""Do the options of a judge mean the same in every command, and does a group of them spread out as it should?"""

from __future__ import annotations

from dataclasses import dataclass, fields
from inspect import signature
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

from plurijudge.agents.model import Limits
from plurijudge.console.app import app
from plurijudge.console.judging import Allowance, CallLimits, NamedJudge, judge_named, names_in
from plurijudge.console.options import grouped
from plurijudge.text.errors import BadInput, BadJudge

from .conftest import Plurijudge

Size = Annotated[int, typer.Option("--size", min=1, help="How large.")]


@dataclass(frozen=True)
class Shape:
    context: typer.Context
    size: Size = 3


def told(*args: str, taken: dict[str, Any]) -> Any:
    """Type a command that takes a word, a group and a flag."""
    made = typer.Typer()

    @made.command()
    @grouped
    def draw(
        word: Annotated[str, typer.Argument()],
        *,
        shape: Shape,
        loud: Annotated[bool, typer.Option("--loud")] = False,
    ) -> None:
        """Draw."""
        taken.update(word=word, shape=shape, loud=loud)

    return CliRunner().invoke(made, [*args])


def test_a_group_is_made_from_options_of_its_own_and_knows_whether_they_were_typed() -> None:
    taken: dict[str, Any] = {}
    assert told("a", "--size", "5", "--loud", taken=taken).exit_code == 0
    assert (taken["word"], taken["shape"].size, taken["loud"]) == ("a", 5, True)
    assert taken["shape"].context.get_parameter_source("size").name == "COMMANDLINE"
    assert told("b", taken=taken).exit_code == 0
    assert (taken["shape"].size, taken["loud"]) == (3, False)
    assert taken["shape"].context.get_parameter_source("size").name == "DEFAULT"


def test_what_an_option_of_a_group_may_be_is_held_and_its_help_is_shown() -> None:
    refused = told("a", "--size", "0", taken={})
    assert refused.exit_code == 2 and "--size" in refused.output
    assert "How large." in told("--help", taken={}).output


def test_two_groups_with_an_option_of_one_name_are_refused_when_the_command_is_made() -> None:
    def drawn(*, one: Shape, other: Shape) -> None:
        raise AssertionError

    with pytest.raises(ValueError, match="duplicate parameter name"):
        grouped(drawn)


def test_the_limits_of_a_command_that_says_nothing_are_those_of_the_client() -> None:
    assert CallLimits().limits() == Limits()
    assert CallLimits(timeout=900, retries=2, rpm=6).limits() == Limits(
        timeout=900, total=1800, attempts=3, requests_per_minute=6
    )
    budget = Allowance(budget=1.5, max_calls=7, deadline=9.0).of_runs()
    assert (budget.dollars, budget.calls, budget.seconds) == (1.5, 7, 9.0)


def test_commands_that_judge_take_the_same_limits() -> None:
    whole: Any = typer.main.get_command(app)
    groups = {field.name for group in (CallLimits, Allowance) for field in fields(group)}
    for name in ("judge", "tools-gain", "audit", "compare"):
        assert groups <= {option.name for option in whole.commands[name].params}, name
    callback = whole.commands["compare"].callback
    assert {"calls", "allowance"}.isdisjoint(signature(callback).parameters)


def test_a_name_may_be_a_file_a_function_or_a_model(tmp_path: Any) -> None:
    path = tmp_path / "judge.yaml"
    path.write_text("model: builtin/planted\ncriteria: Truth.\n", encoding="utf-8")
    assert judge_named(str(path), criteria=None).criteria == "Truth."
    assert judge_named(str(path), criteria="Brevity.").criteria == "Brevity."
    assert judge_named("json:dumps").function == "json:dumps"
    assert judge_named("builtin/planted?position=1").model == "builtin/planted?position=1"
    path.write_text("modle: builtin/planted\n", encoding="utf-8")
    with pytest.raises(BadJudge, match=r"judge\.yaml") as refused:
        judge_named(str(path))
    assert refused.value.way_out == "`model`"
    for address in ("localhost:8000", "http://x:secret@host/v1"):
        with pytest.raises((BadInput, BadJudge), match="base"):
            judge_named("openai/m", base_url=address)
    assert names_in(" a, b,,c ") == ["a", "b", "c"]


def test_every_command_refuses_an_address_that_is_none_before_there_is_a_store(plurijudge: Plurijudge) -> None:
    address = ("--base-url", "localhost:8000")
    for command in (
        ("judge", "items.jsonl", "--model", "openai/m"),
        ("audit", "items.jsonl", "--judge", "openai/m"),
        ("compare", "items.jsonl", "--judges", "openai/m,openai/n"),
        ("tools-gain", "items.jsonl", "--model", "openai/m", "--tools", "calculator"),
        ("panels", "gate", "d3-8", "--model", "openai/m", "--allow-unmeasured"),
    ):
        done = plurijudge(*command, *address)
        assert (done.code, done.out) == (2, "") and "is no address" in done.err, done.err
    assert "plurijudge.db" not in plurijudge.files()


def test_a_model_typed_beside_a_function_is_refused_in_every_command(plurijudge: Plurijudge) -> None:
    assert NamedJudge.__dataclass_fields__["model"].default == "builtin/heuristic"
    for command in (
        ("judge", "items.jsonl"),
        ("tools-gain", "items.jsonl"),
        ("panels", "gate", "d3-8", "--allow-unmeasured"),
    ):
        done = plurijudge(*command, "--judge", "own:longer", "--model", "openai/m")
        assert done.code == 2 and "takes no `--model`" in done.err
