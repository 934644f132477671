"""Can a person say which response is better, and does it count from then on?"""

from __future__ import annotations

from typing import Any

from .conftest import Plurijudge
from .terminal import Terminal


def labels(judged: Plurijudge, annotator: str) -> list[tuple[Any, ...]]:
    sql = "SELECT item, annotator_group, preferred, scores, annotator FROM label ORDER BY item"
    rows = [tuple(row.values()) for row in judged("query", sql, "--json").json()]
    return [row[:-1] for row in rows if row[-1] == annotator]


def accuracy(judged: Plurijudge, *options: str) -> Any:
    rows = judged("agreement", "last", *options, "--json").json()["agreement"]
    return next(row for row in rows if row["measure"] == "accuracy_decisions")


def test_a_label_by_flags_counts_in_agreement(judged: Plurijudge) -> None:
    before = accuracy(judged)
    assert before["n"] == 2
    done = judged("label", "last", "q3", "--preferred", "a,tie", "--annotator", "me", "--group", "nurses")
    assert (done.code, done.err) == (0, "labelled 1\n")
    assert labels(judged, "me") == [("q3", "nurses", '["a","tie"]', None)]
    assert accuracy(judged)["n"] == 3
    assert accuracy(judged, "--group", "nurses")["n"] == 1


def test_a_second_label_of_the_same_annotator_replaces_the_first(judged: Plurijudge) -> None:
    judged("label", "last", "q3", "--preferred", "a", "--annotator", "me")
    judged("label", "last", "q3", "--scores", "a=4,b=2.5", PLURIJUDGE_ANNOTATOR="me")
    assert labels(judged, "me") == [("q3", "", None, '{"a":4.0,"b":2.5}')]


def test_labels_are_asked_for_one_item_after_the_other_on_a_terminal(judged: Plurijudge) -> None:
    shell = Terminal(judged, "label", "last", "--annotator", "me")
    shell.wait_for("to end [s]: ")
    assert "m1" not in shell.shown  # who wrote an answer is not told
    first = "a" if shell.shown.index("Four, as always.") < shell.shown.index("Five.") else "b"
    shell.press("1\n")
    for key in ("\n", "t\n"):
        shell.shown = ""
        shell.wait_for("to end [s]: ")
        shell.press(key)
    left = shell.end()
    assert left.code == 0
    assert "no item is left" in left.out and "labelled 2" in left.out
    assert [(row[0], row[2]) for row in labels(judged, "me")] == [("q1", f'"{first}"'), ("q3", '"tie"')]
    again = Terminal(judged, "label", "last", "--annotator", "me")
    again.wait_for("item q2")
    again.wait_for("to end [s]: ")
    again.press("q\n")
    assert "labelled 0" in again.end().out


def test_items_that_came_without_texts_can_be_labelled_by_flags(plurijudge: Plurijudge) -> None:
    plurijudge.write("v.jsonl", [{"item": "q1", "judge": "g", "presentation": ["a", "b"], "preferred": "a"}])
    assert plurijudge("import", "verdicts", "v.jsonl").code == 0
    assert plurijudge("label", "last", "q1", "--preferred", "a").code == 0
