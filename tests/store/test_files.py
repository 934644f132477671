"""Does every format give back what was written, and is every unusable line named with its reason?"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from plurijudge.store import files_jsonl, files_parquet
from plurijudge.store.cells import read_text, write_text
from plurijudge.store.files import (
    Fault,
    Format,
    file_digest,
    file_format,
    item_to_dict,
    read_items,
    read_verdicts,
    verdict_to_dict,
    write_items,
    write_verdicts,
)
from plurijudge.store.records import Gold, Item, Message, Part, Response, Verdict
from plurijudge.text.errors import BadInput

FORMATS: list[Format] = ["jsonl", "csv", "parquet"]

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)
names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=8)
tricky = st.sampled_from(
    [
        "",
        '""',
        '"',
        "[]",
        "[1]",
        '[{"role": "user", "content": "x"}]',
        '"[]"',
        '"\\"\\""',
        "null",
        "a\rb",
        "a\r\nb",
        ",",
        " x ",
    ]
)
texts = text | tricky
numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-1000, 1000).map(float)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
parts = st.one_of(
    st.builds(Part, type=st.just("text"), text=texts),
    st.builds(Part, type=st.just("tool_call"), name=text, arguments=json_values, id=st.none() | text),
    st.builds(Part, type=st.just("tool_result"), result=json_values.filter(lambda value: value is not None)),
    st.builds(Part, type=st.just("image"), url=text),
)
messages = st.builds(
    Message, role=st.sampled_from(["system", "user", "assistant", "tool"]), content=texts | st.lists(parts, max_size=2)
)


@st.composite
def items(draw: st.DrawFn) -> Item:
    ids = draw(st.lists(names.filter(lambda name: name != "tie"), max_size=3, unique=True))
    responses = []
    for name in ids:
        said = {"parts": draw(st.lists(parts, max_size=2))} if draw(st.booleans()) else {"text": draw(texts)}
        responses.append(Response(id=name, model=draw(st.none() | text), **said))
    outcomes = st.sampled_from([*ids, "tie"])
    scores = st.dictionaries(st.sampled_from(ids), numbers, max_size=2) if ids else st.just({})
    labels = st.builds(
        Gold,
        annotator=text,
        group=text,
        preferred=outcomes | st.lists(outcomes, min_size=1, max_size=2),
        scores=st.none() | scores,
        sample=st.integers(0, 2),
    )
    return Item(
        id=draw(names),
        prompt=draw(texts | st.lists(messages, max_size=3)),
        context=draw(st.none() | texts),
        reference=draw(st.none() | texts),
        responses=responses,
        gold=draw(st.lists(labels, max_size=2)),
        meta=draw(st.dictionaries(text, json_values, max_size=2)),
        parent=draw(st.none() | texts),
        perturbation=draw(st.none() | st.dictionaries(text, json_values, max_size=2)),
    )


@st.composite
def verdicts(draw: st.DrawFn) -> Verdict:
    shown = tuple(draw(st.lists(names, min_size=1, max_size=3, unique=True)))
    common: dict[str, Any] = {
        "item": draw(names),
        "judge": draw(text),
        "persona": draw(text),
        "presentation": shown,
        "sample": draw(st.integers(0, 9)),
        "raw": draw(st.none() | texts),
        "rationale": draw(st.none() | texts),
        "rule": draw(text),
        "models": draw(st.none() | st.dictionaries(st.sampled_from(shown), text, max_size=2)),
    }
    if draw(st.booleans()):
        return Verdict(**common, status="unparseable", reason=draw(names))
    return Verdict(
        **common,
        preferred=draw(st.sampled_from([*shown, "tie"])),
        p_first=draw(st.none() | st.floats(0, 1)),
        scores=draw(st.none() | st.dictionaries(st.sampled_from(shown), numbers, max_size=2)),
        criterion_scores=draw(st.none() | st.just({shown[0]: {"clarity": 3.0, "depth": None}})),
    )


def jsonl(folder: Path, *lines: str | bytes, name: str = "items.jsonl") -> Path:
    path = folder / name
    path.write_bytes(b"".join((line if isinstance(line, bytes) else line.encode()) + b"\n" for line in lines))
    return path


def faults(path: Path, *, verdicts: bool = False) -> list[str]:
    lines = read_verdicts(path) if verdicts else read_items(path)
    return [str(line.fault).removeprefix(f"{path}:") for line in lines if line.fault is not None]


def fault_of(folder: Path, line: str) -> str:
    [fault] = faults(jsonl(folder, line))
    return fault.removeprefix("1: ")


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(written=st.lists(items(), max_size=3))
def test_an_item_comes_back_from_every_format_as_it_was(tmp_path: Path, format: Format, written: list[Item]) -> None:
    path = tmp_path / f"items.{format}"
    assert write_items(path, written, format=format) == len(written)
    assert [line.fault or line.record for line in read_items(path)] == written


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(written=st.lists(verdicts(), max_size=3))
def test_a_verdict_comes_back_from_every_format_as_it_was(
    tmp_path: Path, format: Format, written: list[Verdict]
) -> None:
    path = tmp_path / f"verdicts.{format}"
    assert write_verdicts(path, written, format=format) == len(written)
    assert [line.fault or line.record for line in read_verdicts(path)] == written


@given(value=texts | st.text(alphabet='"[]{}\\:role', max_size=20))
def test_a_text_never_turns_into_something_else_in_a_cell(value: str) -> None:
    for kind in ("text", "prompt"):
        cell = write_text(value, kind)
        assert cell
        assert read_text(cell, kind) == value


def test_plain_text_stands_in_a_cell_as_it_is() -> None:
    assert write_text('He said "no".', "text") == 'He said "no".'
    assert write_text("[draft] three points", "prompt") == "[draft] three points"


def test_a_fault_names_file_line_field_and_reason() -> None:
    fault = Fault("items.jsonl", 3, "responses[0].text", "is missing")
    assert str(fault) == "items.jsonl:3: `responses[0].text`: is missing"
    assert str(Fault("items.jsonl", 3, "", "is not JSON")) == "items.jsonl:3: is not JSON"


FAULTY = [
    ('{"prompt": "x"}', "`id`: is missing"),
    ('{"id": "q", "prompt": null}', "`prompt`: is missing"),
    ('{"id": "q", "prompt": 5}', "`prompt`: is a number; needed is text or a list of messages"),
    ('{"id": "q", "prompt": {"role": "user"}}', "`prompt`: is an object; needed is text or a list of messages"),
    ('{"id": "q", "prompt": ["x"]}', "`prompt[0]`: is text; needed is an object"),
    (
        '{"id": "q", "prompt": [{"role": "bot", "content": "x"}]}',
        "`prompt[0].role`: is 'bot'; allowed are 'system', 'user', 'assistant' or 'tool'",
    ),
    (
        '{"id": "q", "prompt": [{"role": "user", "content": 7}]}',
        "`prompt[0].content`: is a number; needed is text or a list of parts",
    ),
    (
        '{"id": "q", "prompt": [{"role": "user", "content": [{"type": "text"}]}]}',
        "`prompt[0].content[0]`: a part of type `text` needs `text`",
    ),
    ('{"id": "", "prompt": "x"}', "`id`: is empty: give it a name"),
    ('{"id": 1.5, "prompt": "x"}', "`id`: is a number; needed is text"),
    ('{"id": "q", "prompt": "x", "responses": "y"}', "`responses`: is text; needed is a list"),
    ('{"id": "q", "prompt": "x", "responses": ["y"]}', "`responses[0]`: is text; needed is an object"),
    (
        '{"id": "q", "prompt": "x", "responses": [{"id": "a"}]}',
        "`responses[0]`: needs either `text` or `parts`",
    ),
    (
        '{"id": "q", "prompt": "x", "responses": [{"id": "a", "text": 3}]}',
        "`responses[0].text`: is a number; needed is text",
    ),
    (
        '{"id": "q", "prompt": "x", "responses": [{"id": "a", "txt": "y"}]}',
        "`responses[0].txt`: unknown field `txt`; did you mean `text`?",
    ),
    (
        '{"id": "q", "prompt": "x", "responses": [{"id": "a", "text": "y", "votes": 3}]}',
        "`responses[0].votes`: unknown field `votes`; known are id, model, text, parts",
    ),
    (
        '{"id": "q", "prompt": "x", "gold": [{"preferred": 1.5}]}',
        "`gold[0].preferred`: is a number; needed is a response's id or a list of ids",
    ),
    ('{"id": "q", "prompt": "x", "gold": [{}]}', "`gold[0]`: needs `preferred`, `scores` or `criterion_scores`"),
    (
        '{"id": "q", "prompt": "x", "gold": [{"scores": {"a": "many"}}]}',
        "`gold[0].scores.a`: is 'many'; needed is a number",
    ),
    (
        '{"id": "q", "prompt": "x", "gold": [{"sample": -1, "preferred": "a"}]}',
        "`gold[0].sample`: is -1; needed is at least 0",
    ),
    (
        '{"id": "q", "prompt": "x", "responses": [{"id": "a", "text": "y"}], "gold": [{"preferred": "b"}]}',
        "`gold[0]` names 'b'; the responses are a",
    ),
    ('{"id": "q", "prompt": "x", "meta": 4}', "`meta`: is a number; needed is an object"),
    ('{"id": "q", "prompt": "a\\u0000b"}', "`prompt`: holds a NUL character, which no SQL text can keep: remove it"),
    ('{"id": "q", "prompt": "x", "respones": []}', "unknown field `respones`; did you mean `responses`?"),
    ('["q"]', "is a list; needed is one JSON object a line"),
    ("3", "is a bare value; needed is one JSON object a line"),
]


@pytest.mark.parametrize(("line", "reason"), FAULTY)
def test_a_line_that_is_not_usable_says_why_in_one_sentence(tmp_path: Path, line: str, reason: str) -> None:
    assert fault_of(tmp_path, line) == reason


def test_lines_that_are_not_json_say_where_and_what_to_do(tmp_path: Path) -> None:
    assert fault_of(tmp_path, '{"id": "q", "prompt": "x"').startswith("is not JSON: unexpected end of data (column")
    assert fault_of(tmp_path, '{"id": "q", "score": NaN}').endswith("JSON has no NaN and no infinity: use null")
    assert fault_of(tmp_path, "{'id': 'q'}").endswith("JSON quotes with double quotes")


def test_a_long_value_is_never_echoed_whole(tmp_path: Path) -> None:
    long = "z" * 5000
    for line in (
        f'{{"id": "q", "prompt": [{{"role": "{long}", "content": "x"}}]}}',
        f'{{"id": "q", "prompt": "x", "responses": [{{"id": "a", "text": "y"}}], "gold": [{{"preferred": "{long}"}}]}}',
        f'{{"id": "q", "prompt": "x", "responses": [{{"id": "a", "text": "y", "{long}": 1}}]}}',
    ):
        assert len(fault_of(tmp_path, line)) < 400


def test_the_good_lines_are_kept_around_the_bad_ones(tmp_path: Path) -> None:
    path = jsonl(tmp_path, '{"id": 1, "prompt": "x"}', "{", "", '{"id": "q2", "prompt": "y"}')
    found = [(line.number, line.record.id if line.record else None) for line in read_items(path)]
    assert found == [(1, "1"), (2, None), (4, "q2")]


def test_a_line_that_is_not_utf8_is_a_fault_of_its_own(tmp_path: Path) -> None:
    path = jsonl(tmp_path, b'{"id": "q", "prompt": "\xff"}', '{"id": "q2", "prompt": "y"}')
    assert faults(path) == ["1: is not UTF-8 (byte 0xff at place 24): re-encode the file"]
    path = tmp_path / "items.csv"
    path.write_bytes(b"id,prompt\r\nq,caf\xe9\r\nq2,tea\r\n")
    assert faults(path) == ["2: `prompt`: is not UTF-8: re-encode the file"]


def test_a_byte_order_mark_is_accepted(tmp_path: Path) -> None:
    assert faults(jsonl(tmp_path, b'\xef\xbb\xbf{"id": "q", "prompt": "x"}')) == []
    path = tmp_path / "items.csv"
    path.write_bytes(b"\xef\xbb\xbfid,prompt\nq,x\n")
    assert [line.record for line in read_items(path)] == [Item(id="q", prompt="x")]


def test_a_line_too_long_for_an_item_is_a_fault_and_reading_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files_jsonl, "LONGEST", 100)
    path = jsonl(tmp_path, '{"id": "q1", "prompt": "' + "x" * 1000 + '"}', '{"id": "q2", "prompt": "y"}')
    lines = list(read_items(path))
    assert lines[0].fault is not None and "is longer than" in lines[0].fault.reason
    assert lines[1].record == Item(id="q2", prompt="y")
    assert lines[1].end == path.stat().st_size


@pytest.mark.parametrize("name", ["items.jsonl", "items.jsonl.gz", "items.csv", "items.parquet"])
def test_reading_goes_on_where_it_stopped(tmp_path: Path, name: str) -> None:
    written = [Item(id=f"q{n}", prompt=f"línea\n{n}", context="x" if n % 2 else None) for n in range(9)]
    path = tmp_path / name
    if name.endswith(".gz"):
        buffer = io.BytesIO()
        write_items(buffer, written)
        path.write_bytes(gzip.compress(buffer.getvalue()))
    else:
        write_items(path, written, format=file_format_of(name))
    whole = list(read_items(path))
    assert [line.record for line in whole] == written
    for done in (1, 4, 9):
        last = whole[done - 1]
        rest = list(read_items(path, start=last.end, line=last.number))
        assert rest == whole[done:]


def file_format_of(name: str) -> Format:
    return next(format for format in FORMATS if format in name)


def test_an_unknown_field_is_kept_in_meta(tmp_path: Path) -> None:
    path = jsonl(
        tmp_path,
        '{"id": "q", "prompt": "x", "idx": 3, "topic": {"a": null}, "meta": {"idx": 3, "own": 1}}',
        '{"id": "q", "prompt": "x", "topic": 3, "meta": {"topic": 4}}',
    )
    kept, refused = read_items(path)
    assert kept.record is not None
    assert kept.record.meta == {"idx": 3, "own": 1, "topic": {"a": None}}
    assert refused.fault is not None
    assert (refused.fault.field, refused.fault.reason) == (
        "topic",
        "is unknown, and `meta` already holds another `topic`",
    )


def test_a_verdict_has_no_place_for_an_unknown_field(tmp_path: Path) -> None:
    plain = '"item": "q", "judge": "j", "presentation": ["a", "b"]'
    path = jsonl(
        tmp_path,
        f'{{{plain}, "prefered": "a"}}',
        f'{{{plain}, "preferred": "a", "mood": 1}}',
        f'{{{plain}, "preferred": "c"}}',
        f'{{{plain}, "status": "error"}}',
        f'{{{plain}, "preferred": "a", "p_first": 1.5}}',
    )
    assert faults(path, verdicts=True) == [
        "1: unknown field `prefered`; did you mean `preferred`?",
        "2: unknown field `mood`",
        "3: `preferred` is 'c'; shown were a, b",
        "4: a verdict with status `error` needs a `reason`",
        "5: `p_first`: is 1.5; needed is at most 1",
    ]


def test_what_only_the_store_knows_is_read_over_in_a_verdict(tmp_path: Path) -> None:
    line = '{"id": 4, "run": "r", "dataset": "d", "call": 7, "created_at": "now", "persona": null,'
    path = jsonl(tmp_path, line + '"item": "q", "judge": "j", "presentation": ["a"], "scores": {"a": 8}}')
    [found] = read_verdicts(path)
    assert found.record == Verdict(item="q", judge="j", presentation=("a",), scores={"a": 8})


def test_nested_cells_hold_json_and_empty_cells_are_absent(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text(
        "id,prompt,responses,context,topic\n"
        'q1,"He said ""hi"",\nthen left","[{""id"": ""a"", ""text"": ""x""}]",,maths\n'
        "\n"
        'q2,"[{""role"": ""user"", ""content"": ""x""}]",oops,,\n'
        "q3,[1],,,\n"
        "q4,x\n"
    )
    first, second, third, fourth = read_items(path)
    assert first.record == Item(
        id="q1",
        prompt='He said "hi",\nthen left',
        responses=[Response(id="a", text="x")],
        meta={"topic": "maths"},
    )
    assert (first.number, second.number, third.number, fourth.number) == (2, 5, 6, 7)
    assert second.fault is not None and second.fault.field == "responses"
    assert third.record == Item(id="q3", prompt="[1]")
    assert fourth.fault is not None and fourth.fault.reason == "has 2 cells; the header names 5"


def test_tabs_part_the_cells_of_a_tsv_file(tmp_path: Path) -> None:
    path = tmp_path / "items.tsv"
    path.write_text("id\tprompt\nq\ta, b\n")
    assert [line.record for line in read_items(path)] == [Item(id="q", prompt="a, b")]


def test_a_csv_cell_may_be_longer_than_the_modules_own_limit(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    item = Item(id="q", prompt="x" * 300_000)
    write_items(path, [item], format="csv")
    assert [line.record for line in read_items(path)] == [item]


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("id,promt", "has no column `prompt`; its columns are `id`, `promt`."),
        ("id;prompt", "Try: part the cells by commas, not semicolons"),
        ("id,prompt,id", "has the column `id` twice."),
        (",id,prompt", "Column 1 of"),
    ],
)
def test_a_header_that_cannot_be_used_is_refused_at_once(tmp_path: Path, header: str, message: str) -> None:
    path = tmp_path / "items.csv"
    path.write_text(f"{header}\n1,2,3\n")
    with pytest.raises(BadInput) as caught:
        list(read_items(path))
    assert message in str(caught.value)


def test_parquet_columns_may_be_nested_and_nulls_are_absent(tmp_path: Path) -> None:
    path = tmp_path / "items.parquet"
    pl.DataFrame(
        {
            "id": [1, 2],
            "prompt": ["x", "y"],
            "responses": [[{"id": "a", "text": "t", "model": None}], [{"id": "b", "text": "u", "model": "m"}]],
            "gold": [[{"scores": {"a": 4.0, "b": None}}], [{"scores": {"a": None, "b": 3.0}}]],
            "topic": [None, "maths"],
        },
        schema_overrides={
            "responses": pl.List(pl.Struct({"id": pl.String, "text": pl.String, "model": pl.String})),
            "gold": pl.List(pl.Struct({"scores": pl.Struct({"a": pl.Float64, "b": pl.Float64})})),
        },
    ).write_parquet(path)
    assert [line.fault or line.record for line in read_items(path)] == [
        Item(id="1", prompt="x", responses=[Response(id="a", text="t")], gold=[Gold(scores={"a": 4})]),
        Item(
            id="2",
            prompt="y",
            responses=[Response(id="b", text="u", model="m")],
            gold=[Gold(scores={"b": 3})],
            meta={"topic": "maths"},
        ),
    ]


def test_parquet_is_read_and_written_in_pieces_that_join_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files_parquet, "_READ_ROWS", 3)
    written = [Item(id=f"q{n}", prompt="x") for n in range(10)]
    path = tmp_path / "items.parquet"
    with path.open("wb") as handle:
        rows = map(item_to_dict, written)
        assert files_parquet.write_parquet(handle, rows, {"id": "name", "prompt": "prompt"}, chunk=4) == 10
    assert [line.record for line in read_items(path)] == written
    assert [line.number for line in read_items(path)] == list(range(1, 11))


def test_an_empty_file_holds_nothing(tmp_path: Path) -> None:
    for name in ("items.jsonl", "items.csv", "items.parquet"):
        (tmp_path / name).touch()
        assert list(read_items(tmp_path / name)) == []
    for format in FORMATS:
        write_items(tmp_path / f"none.{format}", [], format=format)
        assert list(read_items(tmp_path / f"none.{format}")) == []


def refusal(path: Path | str) -> str:
    with pytest.raises(BadInput) as caught:
        read_items(path)
    return str(caught.value)


def test_a_file_that_cannot_be_read_is_refused_before_the_first_line(tmp_path: Path) -> None:
    jsonl(tmp_path, '{"id": "q", "prompt": "x"}')
    assert "There is no file" in refusal(tmp_path / "itmes.jsonl")
    assert f"Try: {tmp_path / 'items.jsonl'}" in refusal(tmp_path / "itmes.jsonl")
    assert "is a folder: name a file in it." in refusal(tmp_path)
    assert f"Try: {tmp_path / 'items.jsonl'}" in refusal(tmp_path)
    assert "There is no folder" in refusal(tmp_path / "none" / "items.jsonl")
    (tmp_path / "items.xlsx").touch()
    assert "`.xlsx` is no format that plurijudge reads" in refusal(tmp_path / "items.xlsx")
    (tmp_path / "items").touch()
    assert "its name has no suffix" in refusal(tmp_path / "items")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_says_so(tmp_path: Path) -> None:
    path = jsonl(tmp_path, '{"id": "q", "prompt": "x"}')
    path.chmod(0)
    assert "permission denied" in refusal(path)


def test_a_file_of_another_kind_says_how_to_convert_it(tmp_path: Path) -> None:
    assert "jq -c '.[]'" in refusal(jsonl(tmp_path, '[{"id": "q"}]', name="list.json"))
    assert "jq -c '.[]'" in refusal(jsonl(tmp_path, "[", '{"id": "q"}', "]", name="list.jsonl"))
    assert "jq -c ." in refusal(jsonl(tmp_path, "{", '"id": "q"', "}", name="one.json"))
    assert "iconv -f UTF-16" in refusal(jsonl(tmp_path, '{"id": "q"}'.encode("utf-16")))
    assert "rename it to .parquet" in refusal(jsonl(tmp_path, b"PAR1"))
    (tmp_path / "items.parquet").write_text("no")
    with pytest.raises(BadInput, match="is not a Parquet file"):
        list(read_items(tmp_path / "items.parquet"))


def test_a_json_file_with_one_object_a_line_is_read(tmp_path: Path) -> None:
    assert file_format(jsonl(tmp_path, '{"id": "q", "prompt": "x"}', name="items.json")) == "jsonl"


def test_a_packed_file_that_is_cut_off_is_bad_input(tmp_path: Path) -> None:
    path = tmp_path / "items.jsonl.gz"
    lines = b"".join(b'{"id": "%d", "prompt": "%s"}\n' % (n, os.urandom(40).hex().encode()) for n in range(3000))
    path.write_bytes(gzip.compress(lines)[:-2000])
    with pytest.raises(BadInput, match="is damaged or cut off"):
        list(read_items(path))


def test_an_item_is_written_in_the_documented_order_without_what_is_absent() -> None:
    item = Item(
        id="q",
        prompt="x",
        meta={"k": 1},
        responses=[Response(id="a", model="m", text="t"), Response(id="b", text="")],
        gold=[Gold(annotator="h", preferred=["a", "tie"])],
    )
    assert list(item_to_dict(item)) == ["id", "prompt", "responses", "gold", "meta"]
    assert item_to_dict(item)["responses"] == [{"id": "a", "model": "m", "text": "t"}, {"id": "b", "text": ""}]
    assert item_to_dict(item)["gold"] == [{"annotator": "h", "preferred": ["a", "tie"]}]


def test_what_is_unknown_of_a_verdict_is_null() -> None:
    verdict = Verdict(item="q", judge="j", presentation=("a", "b"), status="refused", reason="refusal", call=3)
    assert verdict_to_dict(verdict) == {
        **{"item": "q", "judge": "j", "persona": "", "arm": "", "step": "", "presentation": ["a", "b"], "sample": 0},
        **{"status": "refused", "reason": "refusal", "preferred": None, "p_first": None, "scores": None, "raw": None},
        **{"rationale": None, "models": None},
    }


def test_a_path_stands_complete_or_not_at_all(tmp_path: Path) -> None:
    def broken() -> Any:
        yield Item(id="q", prompt="x")
        raise RuntimeError

    path = tmp_path / "items.jsonl"
    path.write_text("before")
    with pytest.raises(RuntimeError):
        write_items(path, broken())
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(BadInput, match="cannot be written"):
        write_items(tmp_path / "none" / "items.jsonl", [])


@pytest.mark.parametrize("format", FORMATS)
def test_a_handle_is_left_open(format: Format) -> None:
    handle = io.BytesIO()
    assert write_items(handle, [Item(id="q", prompt="x")], format=format) == 1
    assert not handle.closed
    assert handle.getvalue()


def test_the_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    path = jsonl(tmp_path, "x" * 10)
    assert file_digest(path) == hashlib.sha256(b"x" * 10 + b"\n").hexdigest()
    with pytest.raises(BadInput, match="There is no file"):
        file_digest(tmp_path / "none.jsonl")


def test_an_unclosed_quote_is_a_fault_where_its_row_starts(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text('id,prompt\nq1,x\nq2,"never closed\nq3,y\n')
    first, second = read_items(path)
    assert first.record == Item(id="q1", prompt="x")
    assert second.fault is not None and (second.fault.line, second.fault.reason[:10]) == (3, "is not CSV")
