"""Are people's labels read as they were given, and is every line that cannot be used named?"""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from plurijudge.store.faults import Fault
from plurijudge.store.labels import PersonLabel, read_labels
from plurijudge.text.errors import BadInput


def read(path: Path, content: str | bytes) -> tuple[list[PersonLabel], list[str]]:
    """The labels of a file of that content, and its faults as they are shown, without the folder."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    faults: list[Fault] = []
    labels = [*read_labels(path, faults=faults)]
    return labels, [str(fault).removeprefix(f"{path.parent}/") for fault in faults]


CSV = "annotator,item,note,group,label\nh1,q1,x,Oceania,a\n,q2,,North America,tie\n"
JSON_LINES = """{"annotator": "h1", "item": "q1", "note": "x", "group": "Oceania", "label": "a"}

{"item": "q2", "group": "North America", "label": "tie"}
"""
BOTH = [PersonLabel("q1", "Oceania", "h1", "a"), PersonLabel("q2", "North America", "", "tie")]


@pytest.mark.parametrize(("name", "content"), [("l.csv", CSV), ("l.CSV", CSV), ("l.jsonl", JSON_LINES)])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv_and_json_lines_say_the_same_with_a_byte_order_mark_or_without(
    tmp_path: Path, name: str, content: str, mark: bytes, end: str
) -> None:
    assert read(tmp_path / name, mark + content.replace("\n", end).encode()) == (BOTH, [])


def test_one_and_one_point_nought_are_one_label_and_names_stay_as_they_are(tmp_path: Path) -> None:
    labels = ["1", "1.0", "+1", " 1.00 ", "0", "-0.0", "0.50", ".5", "100", "-2.0", "007", "1_000", "1e3", "nan", "b"]
    found, faults = read(tmp_path / "l.csv", "item,group,label\n" + "".join(f"q,g,{one}\n" for one in labels))
    told = ["1", "1", "1", "1", "0", "0", "0.5", "0.5", "100", "-2", "007", "1_000", "1e3", "nan", "b"]
    assert ([one.label for one in found], faults) == (told, [])


def test_numbers_and_truths_of_json_are_labels_as_well(tmp_path: Path) -> None:
    labels = ["1", "1.0", '"1.0"', "true", "false", "0.5", "-1"]
    lines = "".join(f'{{"item": 7, "group": 1, "annotator": 3, "label": {one}}}\n' for one in labels)
    found, faults = read(tmp_path / "l.jsonl", lines)
    assert ([one.label for one in found], faults) == (["1", "1", "1", "1", "0", "0.5", "-1"], [])
    assert {(one.item, one.group, one.annotator) for one in found} == {("7", "1", "3")}


@pytest.mark.parametrize("name", ["007", "1.0", "1e5", "1_2", "+3"])
def test_items_groups_and_people_are_names_also_where_they_look_like_numbers(tmp_path: Path, name: str) -> None:
    found, _ = read(tmp_path / "l.csv", f"item,group,annotator,label\n{name},{name},{name},a\n")
    assert found == [PersonLabel(name, name, name, "a")]


def test_lines_of_csv_that_cannot_be_used_are_named_and_the_others_kept(tmp_path: Path) -> None:
    lines = ["item,group,label", "q1,g,a", ",g,a", "q3,,a", "q4,g, ", "q5", 'q6,"two\nlines",b', "q7,,a", "q8,g,b,more"]
    found, faults = read(tmp_path / "l.csv", "\n".join(lines))
    assert [(one.item, one.group) for one in found] == [("q1", "g"), ("q6", "two\nlines"), ("q8", "g")]
    assert faults == [
        "l.csv:3: `item`: is missing",
        "l.csv:4: `group`: is missing",
        "l.csv:5: `label`: is missing",
        "l.csv:6: `group`: is missing",
        "l.csv:9: `group`: is missing",
    ]


def test_lines_of_json_that_cannot_be_used_are_named_and_the_others_kept(tmp_path: Path) -> None:
    good = '{"item": "q", "group": "g", "label": "a"}'
    lines = [good, "{", "[1]", '{"item": "q", "group": "g"}', '{"item": "q", "group": null, "label": "a"}']
    lines += ['{"item": "q", "group": "g", "label": ["a", "b"]}', '{"item": {"id": 1}, "group": "g", "label": 1}', good]
    found, faults = read(tmp_path / "l.jsonl", "\n".join(lines))
    assert found == [PersonLabel("q", "g", "", "a")] * 2
    assert faults == [
        "l.jsonl:2: is no JSON",
        "l.jsonl:3: is no JSON object",
        "l.jsonl:4: `label`: is missing",
        "l.jsonl:5: `group`: is missing",
        "l.jsonl:6: `label`: is neither text nor a number",
        "l.jsonl:7: `item`: is neither text nor a number",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("item,country,label\nq,g,a\n", "no column `group`; its columns are item, country, label"),
        ("item;group;label\nq;g;a\n", "no column `item`; its columns are item;group;label"),
        ("", "no column `item`; its columns are none"),
        (b"item,group,label\nq,g,\xff\n", "cannot be read: 'utf-8' codec"),
    ],
)
def test_a_file_that_is_no_table_of_labels_is_refused(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(BadInput) as refused:
        read(tmp_path / "l.csv", content)
    assert message in str(refused.value)


def test_a_quotation_that_is_never_closed_is_no_traceback(tmp_path: Path) -> None:
    limit = csv.field_size_limit(1000)  # the process's, which other readers raise
    try:
        with pytest.raises(BadInput, match="cannot be read: field larger than"):
            read(tmp_path / "l.csv", 'item,group,label\nq,g,"' + "never closed\n" * 200)
    finally:
        csv.field_size_limit(limit)


@pytest.mark.parametrize("name", ["absent.csv", "absent.jsonl", "folder"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(BadInput, match=rf"{name} cannot be read: (No such file|Is a directory)"):
        [*read_labels(tmp_path / name, faults=[])]


def test_an_empty_file_of_json_lines_holds_no_label(tmp_path: Path) -> None:
    assert read(tmp_path / "l.jsonl", "\n \n") == ([], [])


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-1000, max_value=1000, places=3))
def test_a_number_is_one_label_however_it_is_written_and_keeps_its_value(
    tmp_path_factory: pytest.TempPathFactory, number: object
) -> None:
    path = tmp_path_factory.mktemp("labels") / "l.csv"
    found, _ = read(path, f"item,group,label\nq,g,{number}\nq,g,{number}0\nq,g,{float(str(number))}\n")
    told = Counter(one.label for one in found)
    assert len(told) == 1 and float(found[0].label) == float(str(number))
