"""Does `compare` say which of two judges agrees more with gold, and go on where it was stopped?"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from ..loopback import Loopback
from .conftest import Ended, Plurijudge, item
from .terminal import CTRL_C, Terminal

EXAMPLES = Path(__file__).parents[2] / "examples" / "items.jsonl"
SHORTER = """

def shorter(item, presentation):
    texts = {response.id: response.text for response in item.responses}
    return min(presentation, key=lambda name: len(texts[name]))


def half(item, presentation):
    if int(item.id[1:]) % 2:
        raise RuntimeError("out of words")
    return "a"
"""


@pytest.fixture
def desk(plurijudge: Plurijudge) -> Plurijudge:
    """The command in a folder with 16 items whose longer response is the better one, and judges of one's own."""
    plurijudge.write("items.jsonl", [item(f"q{n}", gold=[{"preferred": "a"}]) for n in range(16)])
    own = (plurijudge.folder / "own.py").read_text(encoding="utf-8")
    plurijudge.write("own.py", own + SHORTER)
    return plurijudge


def line_of(said: str, beginning: str) -> str:
    (found,) = [line for line in said.splitlines() if line.startswith(beginning)]
    return found


def cells(said: str, name: str) -> list[str]:
    """The cells of a line of the table."""
    return re.split(r"\s{2,}", line_of(said, f"{name}  ").strip())[1:]


def recompute(done: Ended) -> list[str]:
    return shlex.split(line_of(done.out, "recompute: ").removeprefix("recompute: plurijudge "))


# What people and programs read.


def test_it_says_who_is_better_by_how_much_and_how_to_compute_it_again(desk: Plurijudge) -> None:
    done = desk("compare", "items.jsonl", "--judges", "own:first,own:longer", "-q")
    assert done.code == 0, done.err
    said = line_of(done.out, "`callable/own:longer` agrees")
    assert "more often than `callable/own:first`: by 50.0 points [" in said and "over 16 items." in said
    assert cells(done.out, "agrees with gold, %")[0].startswith("50.0 [")
    assert cells(done.out, "agrees with gold, %")[1].startswith("100.0 [")
    assert (cells(done.out, "flipped"), cells(done.out, "calls")) == (["16", "0"], ["32", "32"])
    assert "`callable/own:first` prefers the answer shown first: by 50.0 points beyond one half" in done.out
    assert "takes 1.0 times the calls" in done.out
    again = desk(*recompute(done))
    assert again.code == 0 and again.out == done.out
    document = desk(*recompute(done), "--json").json()
    assert (document["better"], document["gain"]["estimate"], document["items"]) == ("second", 0.5, 16)
    assert document["first"]["decisions"] == {"flipped": 16} and document["agreement"]["estimate"] == 0.5
    kept = desk("query", "SELECT kind, command FROM analysis", "--json").json()
    assert [(row["kind"], row["command"]) for row in kept] == [("comparison", document["command"])] * 3


def test_judges_may_be_files_named_one_by_one_and_one_judge_twice_is_none(desk: Plurijudge) -> None:
    desk.write("a.yaml", "function: own:longer\nname: current\n")
    desk.write("b.yaml", "function: own:shorter\nname: candidate\n")
    done = desk("compare", "items.jsonl", "--judges", "a.yaml", "--judges", "b.yaml", "-q")
    assert done.code == 0, done.err
    assert line_of(done.out, "`current` agrees").endswith("Do not use `candidate` in its place.")
    same = desk("compare", "items.jsonl", "--judges", "a.yaml,a.yaml", "--db", "new.db")
    assert same.code == 2 and "nothing that could change a verdict" in same.err
    assert "new.db" not in desk.files()


def test_without_gold_it_tells_how_far_they_agree(desk: Plurijudge) -> None:
    desk.write("items.jsonl", [item(f"q{n}") for n in range(8)])
    done = desk("compare", "items.jsonl", "--judges", "own:first,own:longer", "-q")
    assert done.code == 0, done.err
    assert "Which of them agrees more with gold is not known: no item" in done.out
    assert "They say the same of 50.0 %" in done.out


def test_failed_decisions_are_counted_and_end_with_1(desk: Plurijudge) -> None:
    done = desk("compare", "items.jsonl", "--judges", "own:longer,own:half", "-q")
    assert done.code == 1, done.err
    assert cells(done.out, "failed") == ["0", "8"] and cells(done.out, "verdicts that are missing")[1].startswith(
        "16 ("
    )
    assert cells(done.out, "the same at worst and at best") == ["100.0 to 100.0", "50.0 to 100.0"]
    assert "is no better than" in done.out


@pytest.mark.thorough
def test_a_planted_difference_is_found_and_equal_judges_are_no_better(desk: Plurijudge) -> None:
    desk.write("examples.jsonl", EXAMPLES.read_bytes())
    good, bad = (f"builtin/planted?quality={quality}&seed={seed}" for quality, seed in ((4, 1), (0.2, 2)))
    done = desk("compare", "examples.jsonl", "--judges", f"{bad},{good}", "-q", "--json")
    assert done.code == 0 and done.json()["better"] == "second", done.err
    first = done.json()["second"]["run"]
    twin = desk("compare", "--run", first, "--judges", "builtin/planted?quality=4&seed=3", "-q")
    assert twin.code == 0 and "is no better than" in twin.out
    assert "the smallest that these items could have found is" in twin.out


def test_a_forecast_asks_nothing_and_makes_no_store(desk: Plurijudge) -> None:
    done = desk(
        "compare", "items.jsonl", "--judges", "builtin/planted,own:longer", "--samples", "2", "--dry-run", "--json"
    )
    assert done.code == 0, done.err
    assert [one["calls"] for one in done.json()["forecasts"]] == [64, 64]
    assert "plurijudge.db" not in desk.files()


# How it goes on.


def judges(desk: Plurijudge, server: Loopback) -> tuple[str, ...]:
    for name, criteria in (("a", "Truth."), ("b", "Brevity.")):
        desk.write(
            f"{name}.yaml", f"model: openai/m\nname: {name}\nbase_url: {server.base_url}\ncriteria: {criteria}\n"
        )
    return ("compare", "items.jsonl", "--judges", "a.yaml,b.yaml")


def go_on(said: str) -> list[str]:
    (found,) = re.findall(r"go on with: plurijudge (compare [^\r\n]+)", said)
    return shlex.split(found)


def test_stopped_in_either_run_it_goes_on_without_asking_anything_twice(desk: Plurijudge) -> None:
    with Loopback(latency=0.05, answer="A") as server:
        shell = Terminal(desk, *judges(desk, server), "-c", "2")
        server.wait_until(lambda stat: stat["good"] >= 6)
        shell.press(CTRL_C)
        left = shell.end()
        assert left.code == 130, left.out
        one = go_on(left.out)
        assert one[1] == "--run" and one[-2:] == ["--judges", "b.yaml"]
        server.script(latency=0.0)
        stopped = desk(*one, "--max-calls", "40")
        assert stopped.code == 3 and stopped.out == "", stopped.err
        two = go_on(stopped.err)
        assert two.count("--run") == 2 and "--judges" not in two
        done = desk(*two, "--json")
        assert done.code == 0, done.err
        keys = server.stat()["keys"].values()
        assert len(keys) == 64 and all(key["good"] == 1 for key in keys)
    document: Any = done.json()
    assert [document[side]["decisions"] for side in ("first", "second")] == [{"flipped": 16}] * 2
    assert document["first"]["tokens"] > 0 and document["calls"] == 1.0
    assert [document["first"]["run"], document["second"]["run"]] == [two[2], two[4]]


@pytest.mark.thorough
def test_started_anew_instead_it_pays_nothing_twice_either(desk: Plurijudge) -> None:
    with Loopback(answer="A") as server:
        command = judges(desk, server)
        assert desk(*command, "--max-calls", "40", "-q").code == 3
        before = server.stat()["good"]
        done = desk(*command, "-q")
        assert done.code == 0, done.err
        assert 32 < before <= 40 and server.stat()["good"] == 64


# What is refused.


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "needs ITEMS and two judges"),
        (("items.jsonl",), "needs ITEMS and two judges"),
        (("items.jsonl", "--judges", "own:longer"), "needs ITEMS and two judges"),
        (("items.jsonl", "--judges", "own:longer,own:first,own:shorter"), "needs ITEMS and two judges"),
        (("items.jsonl", "--run", "last", "--judges", "own:longer"), "needs ITEMS and two judges"),
        (("--judges", "own:longer,own:first"), "needs ITEMS and two judges"),
        (("items.jsonl", "--judges", "absent.yaml,own:first"), "absent.yaml"),
        (("items.jsonl", "--judges", "score.yaml,own:first"), "does not judge pairs"),
        (("absent.jsonl", "--judges", "own:longer,own:first"), "no file absent.jsonl"),
        (("--run", "r-20200101-0000", "--judges", "own:first"), "no store"),
        (("--run", "r-1", "--run", "r-2"), "no store"),
    ],
)
def test_what_cannot_be_compared_is_refused_at_once(desk: Plurijudge, args: tuple[str, ...], message: str) -> None:
    desk.write("score.yaml", "model: builtin/planted\nprotocol: score\n")
    done = desk("compare", *args)
    assert (done.code, done.out) == (2, "") and message in done.err, done.err
    assert "plurijudge.db" not in desk.files()


def test_a_run_takes_the_place_of_a_judge_on_its_own_items(desk: Plurijudge) -> None:
    assert desk("judge", "items.jsonl", "--judge", "own:longer", "--limit", "10", "-q").code == 0
    done = desk("compare", "--run", "last", "--judges", "own:first", "-q", "--json")
    assert done.code == 0, done.err
    document = done.json()
    assert (document["items"], document["better"], document["gain"]["estimate"]) == (10, "first", -0.5)
    same = desk("compare", "--run", document["first"]["run"], "--judges", "own:longer")
    assert same.code == 2 and "is that judge's" in same.err
    other = desk("judge", "items.jsonl", "--judge", "own:first", "--presentations", "random", "-q")
    assert other.code == 0
    desk.write("more.jsonl", [item("q99")])
    assert desk("judge", "more.jsonl", "--judge", "own:first", "-q").code == 0
    apart = desk("compare", "--run", document["first"]["run"], "--run", "last")
    assert apart.code == 2 and "on other items" in apart.err
