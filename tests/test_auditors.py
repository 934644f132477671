"""Does the comparison with other auditors measure what it says? Its parts by hand, and plurijudge's own driver once."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import numpy as np
import pytest

from plurijudge.benchmarks.peers.auditors import run as auditors
from plurijudge.benchmarks.peers.auditors.drivers import plurijudge as ours
from plurijudge.benchmarks.peers.auditors.shown import Shown
from plurijudge.benchmarks.peers.auditors.worlds import World, worlds
from plurijudge.benchmarks.peers.run import OURS

FOLDER = Path(auditors.__file__).parent
COLUMNS = {"tool", "method", "kind", "world", "planted", "sets", "found", "alarm", "coverage", "width", "silent", "why"}


def test_every_auditor_has_a_driver_that_answers_each_kind_of_question() -> None:
    files = {path.stem: path for path in (FOLDER / "drivers").glob("*.py")}
    assert set(files) == {peer.name for peer in auditors.AUDITORS} | {OURS} >= {"judgecal", "judgekit", "truescore"}
    for path in files.values():
        body = ast.parse(path.read_text(encoding="utf-8")).body
        found = {node.name: len(node.args.args) for node in body if isinstance(node, ast.FunctionDef)}
        assert found.items() >= {"records": 1, "position": 1, "length": 1, "own": 1}.items(), path


def test_our_driver_runs_and_a_tool_that_is_not_there_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["judgecal", "--no-install", "--cache", str(tmp_path), "--sets", "4", "--items", "200"]
    told = tmp_path / "table.md"
    code = auditors.main([*options, "--large", "2000", "--world", "20 points, near-ties", "--table", str(told)])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert code == 1 and lines[-1]["tool"] == "judgecal" and lines[-1]["why_not"].startswith("not installed")
    rows, costs = [line for line in lines if "found" in line], next(line for line in lines if "300" in line)
    assert {row["method"] for row in rows} == {"order_effect", "order_effect, bounds"} and len(rows) == 4
    for row in rows:
        assert row.keys() >= COLUMNS and row["found"] == 1 and row["silent"] == 0 and row["planted"] == 0.2
    wide = {row["method"]: row["width"] for row in rows if row["world"].endswith("unbalanced")}
    assert 0 < wide["order_effect"] < wide["order_effect, bounds"]
    for size in ("300", "2000"):
        assert 0 < costs[size]["analysis_s"] < costs[size]["process_s"] and costs[size]["records_s"] >= 0
    table = told.read_text(encoding="utf-8")
    assert "judgecal: not measured: not installed" in table and "Where plurijudge does worse:\n- nowhere" in table


def test_shares_are_of_all_data_sets_and_silence_is_no_finding() -> None:
    world = World("made up", "position", 0.5, points=0.1)
    said = [
        [["order_effect", 0.1, 0.0, 0.2, True, False]],
        [["order_effect", 0.3, 0.2, 0.4, True, True], ["length_glm_coef", 5.0, 4.0, 6.0, True, False]],
        [["order_effect", 0.0, None, None, False, False]],
        "too few items",
    ]
    row, other = auditors.rows("tool", world, said)
    assert (row["found"], row["alarm"], row["coverage"], row["width"]) == (0.5, 0.25, 0.5, 0.2)
    assert (row["silent"], row["why"], row["sets"]) == (0.25, "too few items", 4)
    assert other["coverage"] is None and other["found"] == 0.25, "log-odds are not on the scale of the planted effect"
    [silent] = auditors.rows("tool", world, ["no clusters"] * 3)
    assert (silent["silent"], silent["found"], silent["why"]) == (1, 0, "no clusters")


def test_what_others_do_better_is_said() -> None:
    base = {"kind": "position", "world": "w", "sets": 400, "coverage": 0.95, "width": 0.1, "silent": 0.0, "method": ""}
    there = [
        {**base, "planted": 0.04, "tool": OURS, "found": 0.5},
        {**base, "planted": 0.04, "tool": "x", "found": 0.7},
    ]
    none = [{**base, "planted": 0.0, "tool": OURS, "found": 0.3}, {**base, "planted": 0.0, "tool": "x", "found": 0.05}]
    assert "finds it oftener: 0.7 against 0.5" in auditors.losses(there)[0]
    assert "finds what is not there less often" in auditors.losses(none)[0]
    there[1] |= {"found": 0.5, "width": 0.08}
    assert "narrower: 0.08 against 0.1" in auditors.losses(there)[0]
    there[1] |= {"width": 0.1, "coverage": 0.99}
    there[0] |= {"coverage": 0.4}
    assert "covers oftener: 0.99 against 0.4" in auditors.losses(there)[0]
    assert not auditors.losses([there[0], {**there[0], "tool": "x"}])
    spent = [{"tool": OURS, "9": {"analysis_s": 2.0}}, {"tool": "x", "9": {"analysis_s": 1.0}}]
    assert "x takes 1.0 CPU s for 9 verdicts, plurijudge 2.0" in auditors.slower(spent, 9)
    assert not auditors.slower(spent[::-1][:1], 9)


def test_the_worlds_hold_what_is_promised() -> None:
    found = list(worlds())
    assert len({(world.kind, world.name) for world in found}) == len(found)
    assert {world.kind for world in found} == {"position", "length", "own"}
    world = next(one for one in found if one.kind == "own" and one.points and one.spread == 0.5)
    shown = world.draw(np.random.default_rng(1), 1, 40_000)
    effect = (shown.cued[..., 0].mean() - shown.cued[..., 1].mean()) / 2
    assert effect == pytest.approx(0.04, abs=0.006)
    padded = next(one for one in found if one.kind == "length" and not one.points and one.spread == 3.0)
    seen = padded.draw(np.random.default_rng(2), 1, 40_000)
    assert np.corrcoef(seen.side[0], seen.gold[0])[0, 1] > 0.2, "the longer answer is the better one oftener"
    assert abs(seen.padded.mean() - 0.5) < 0.01 and abs((seen.cued[..., 0] - seen.cued[..., 1]).mean()) < 0.01
    for one in found:
        assert 0 <= np.isnan(one.draw(np.random.default_rng(3), 1, 300).picks).mean() < 0.25


def test_what_is_shown_survives_its_file_and_is_given_set_by_set(tmp_path: Path) -> None:
    shown = next(worlds()).draw(np.random.default_rng(4), 3, 20)
    shown.save(tmp_path / "one.npz")
    each = Shown.load(tmp_path / "one.npz").each()
    assert len(each) == 3 and each[1].picks.shape == (20, 2, 1) and each[1].gold.size == 0
    assert np.array_equal(each[2].picks, shown.picks[2])
    [finding] = ours.position(ours.records(each[0]))
    assert finding.method == "order_effect" and finding.low is not None and finding.found is finding.alarm
