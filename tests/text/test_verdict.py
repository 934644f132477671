"""The verdict parser: what it reads, what it refuses to read, and what must not change its reading."""

from __future__ import annotations

import doctest
import json
import os
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from plurijudge.text.verdict import CONCLUDING_RULES, EXPLICIT_RULES, ParsedVerdict, parse_verdict

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
FORMS: list[dict[str, Any]] = [
    json.loads(line) for line in (Path(__file__).parent / "modern_forms.jsonl").read_text(encoding="utf-8").splitlines()
]


def parse_form(form: dict[str, Any]) -> ParsedVerdict:
    """Parse a row of the table as its other columns ask."""
    return parse_verdict(
        form["text"],
        protocol=form.get("protocol", "pairwise"),
        labels=form.get("labels", ("A", "B")),
        scale=tuple(form["scale"]) if "scale" in form else None,
        finish_reason=form.get("finish"),
    )


@pytest.mark.parametrize("form", FORMS, ids=[form["name"] for form in FORMS])
def test_a_form_is_read_as_a_person_reads_it(form: dict[str, Any]) -> None:
    verdict, want = parse_form(form), form["want"]
    if isinstance(want, str) and "/" in want:
        assert f"{verdict.status}/{verdict.reason}" == want
        assert verdict.preferred is None and not verdict.scores and verdict.p_first is None and not verdict.ranking
    elif isinstance(want, str):
        assert (verdict.status, verdict.reason, verdict.preferred) == ("ok", "", want)
    else:
        label = form.get("labels", ("A", "B"))[0]
        assert (verdict.status, verdict.scores) == ("ok", {label: float(want)})
    for name in ("rationale", "p_first", "ranking"):
        if name in form:
            found = getattr(verdict, name)
            assert (list(found) if name == "ranking" else found) == form[name]


def test_the_table_holds_no_name_twice() -> None:
    assert len({form["name"] for form in FORMS}) == len(FORMS) >= 120


# Canonical texts, written with {x} for the winner, {y} for the other, {i} for the winner's position.
CANONICAL = [
    "[[{x}]]",
    "Verdict: {x}",
    "**Winner:** Response {x}",
    "<answer>{x}</answer>",
    '{{"verdict": "{x}", "reason": "Response {y} is longer"}}',
    "Response {y} has errors. Therefore, Response {x} is better.",
    "In short, Assistant {x} outperforms Assistant {y}.",
    "[[{x}>{y}]]",
    "{x}",
    "{i}\n\nAssistant {x} follows the task.",
    "The better response is Response {x}.",
    "\\boxed{{{x}}}",
]
PAIRS = [("A", "B"), ("B", "A"), ("1", "2"), ("X", "Y"), ("left", "right"), ("gpt-4", "claude-3")]


SWAPS = [
    (template, labels)
    for template in CANONICAL
    for labels in PAIRS
    if "{i}" not in template or labels[0] not in ("B", "1")  # where positions are names of their own
]


@pytest.mark.parametrize(("template", "labels"), SWAPS)
def test_exchanging_the_labels_in_a_text_exchanges_the_answer(template: str, labels: tuple[str, str]) -> None:
    for place, winner in enumerate(labels):
        text = template.format(x=winner, y=labels[1 - place], i=place + 1)
        assert parse_verdict(text, labels=labels).preferred == winner


@pytest.mark.parametrize("template", [form for form in CANONICAL if "{i}" not in form])
def test_the_order_in_which_labels_were_shown_does_not_change_a_named_verdict(template: str) -> None:
    text = template.format(x="A", y="B")
    assert parse_verdict(text, labels=("A", "B")).preferred == parse_verdict(text, labels=("B", "A")).preferred == "A"


anything = st.one_of(
    st.text(max_size=300),
    st.lists(
        st.sampled_from(
            [
                "[[A]]",
                "[[",
                "]]",
                "A",
                "B",
                " ",
                "\n",
                "{",
                '"verdict"',
                ":",
                "}",
                "<think>",
                "</think>",
                "Output (a)",
                "better",
            ]
            + [
                " is ",
                "than",
                "neither",
                "both",
                "Rating: ",
                "7/10",
                "\u200b",
                "\uff21",
                ".",
                "if ",
                "Therefore, ",
                "<|channel|>",
                "\\",
            ]
        ),
        max_size=60,
    ).map("".join),
)


@given(
    anything,
    st.sampled_from(["pairwise", "score", "rank"]),
    st.sampled_from(
        [("A", "B"), ("a", "b"), ("m", "M"), ("1", "2"), ("x",), ("", "-"), ("first", "second"), ("A", "B", "C")]
    ),
    st.sampled_from([None, "stop", "length", "content_filter", "tool_calls", "another"]),
)
@settings(max_examples=300, deadline=None)
def test_no_text_raises_and_only_an_ok_verdict_says_anything(
    text: str, protocol: Any, labels: tuple[str, ...], finish: str | None
) -> None:
    verdict = parse_verdict(text, protocol=protocol, labels=labels, finish_reason=finish)
    assert (verdict.reason == "") == (verdict.status == "ok")
    if verdict.status == "ok":
        assert verdict.preferred in (*labels, "tie") if protocol != "score" else verdict.scores
        assert set(verdict.scores) <= set(labels)
    else:
        assert verdict.preferred is None and not verdict.scores and verdict.p_first is None and not verdict.ranking
    if verdict.span:
        assert 0 <= verdict.span[0] <= verdict.span[1] <= len(text)


FIELDS = [
    "verdict",
    "winner",
    "scores",
    "score",
    "ordered_models",
    "rank",
    "model",
    "probabilities",
    "p_first",
    "arguments",
    "error",
]
values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.just(10**400),
        st.floats(),
        st.sampled_from(["A", "B", "tie", "7/10", '{"x": 1}']),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4)),
    max_leaves=12,
)


@given(values, st.sampled_from(["pairwise", "score", "rank"]))
@settings(max_examples=300, deadline=None)
def test_no_json_raises_and_no_number_in_it_is_infinite(value: object, protocol: Any) -> None:
    verdict = parse_verdict(json.dumps(value), protocol=protocol)
    assert all(abs(score) < 1e13 for score in verdict.scores.values())
    assert verdict.p_first is None or 0 <= verdict.p_first <= 1


@given(anything)
@settings(max_examples=300, deadline=None)
def test_a_last_line_in_double_brackets_is_the_verdict(text: str) -> None:
    if "[[" in text or "<" in text:
        return
    verdict = parse_verdict(text + "\n\n[[B]]")
    assert verdict.preferred == "B" or verdict.status == "error"


@given(anything)
@settings(max_examples=200, deadline=None)
def test_a_cut_never_turns_a_text_without_verdict_into_one(text: str) -> None:
    if parse_verdict(text).status != "ok":
        assert parse_verdict(text, finish_reason="length").status != "ok"


HOSTILE = [
    *("[[", "[[A]] ", "{", '{"a":', "A ", "a", "*", "Output (a) is better ", "Output (a) is better. ", "<think>"),
    *("<think></think>", '"', "better ", "neither ", "both are ", "verdict is ", "the ", "<answer>", "A\u200b"),
    *(
        "Verdict: A\n",
        "Output (a)\n",
        "1",
        "score of ",
        "A>",
        "\\boxed{",
        "A is ",
        "<|channel|>",
        '{"v": "',
        "\\",
        "( ",
    ),
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_a_long_hostile_text_is_read_to_its_end(piece: str) -> None:
    """A pattern that backtracks would not come back from any of these within the life of the test run."""
    text = piece * (250_000 // len(piece))
    for protocol in ("pairwise", "score"):
        assert parse_verdict(text, protocol=protocol, labels=("a", "b")).status


def test_the_span_points_at_the_verdict_in_the_text_as_it_came() -> None:
    text = "Both\u200b are fine.\n\n\u200b[[\uff22]]"
    verdict = parse_verdict(text)
    assert verdict.span is not None
    assert text[slice(*verdict.span)].strip("\u200b") == "[[\uff22]]"


def test_a_small_a_in_prose_is_never_a_label() -> None:
    for text in ("a", "It is a close call.", "A close call.", "What a user wants is a short answer."):
        expected = "a" if text == "a" else None
        assert parse_verdict(text, labels=("a", "b")).preferred == expected


def test_every_rule_is_either_explicit_or_a_conclusion_or_a_first_sentence() -> None:
    rules = {parse_form(form).rule for form in FORMS} - {""}
    assert rules - {"sentence"} <= EXPLICIT_RULES | CONCLUDING_RULES
    assert {"json", "bracket", "labelled", "bare", "closing", "tag", "lead", "headed", "boxed"} <= rules


def test_the_examples_in_the_docstring_hold() -> None:
    assert doctest.testmod(import_module("plurijudge.text.verdict")).failed == 0


def recorded_data() -> Path:
    """Find the recorded data; skip without it, but never in CI."""
    if not (DATA / "judges").exists():
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(f"{DATA} is not there, and CI must not skip it")
        pytest.skip("../shared/data is not there")
    return DATA


@pytest.mark.shared
@pytest.mark.parametrize("name", ["parser", pytest.param("llmbar", marks=pytest.mark.thorough)])
def test_recorded_texts_are_read_as_published(name: str) -> None:
    section = import_module(f"plurijudge.benchmarks.sections.{name}").run(recorded_data())
    assert section.misses == [] and section.matched == section.total > 900


@pytest.mark.shared
def test_no_text_of_an_api_error_becomes_a_verdict() -> None:
    section_rows = import_module("plurijudge.benchmarks.section").rows
    files = [
        recorded_data() / "judges" / "amel_llmbar" / f"{name}.jsonl.gz"
        for name in ("pilot_responses", "pilot_v2_responses")
    ]
    texts = [row["raw_response"] or "" for file in files for row in section_rows(file)]
    errors = [text for text in texts if text.startswith("ERROR:")]
    assert len(errors) == 671
    assert {parse_verdict(text, labels=("1", "2")).status for text in errors} == {"error"}
