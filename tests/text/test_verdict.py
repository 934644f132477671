"""The verdict parser: what it reads, what it refuses to read, and what must not change its reading."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from plurijudge.text.verdict import CONCLUDING_RULES, EXPLICIT_RULES, ParsedVerdict, parse_verdict

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data" / "judges"
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
    for name in ("rationale", "p_first"):
        assert name not in form or getattr(verdict, name) == form[name]
    assert list(verdict.ranking) == form["ranking"] or "ranking" not in form if "ranking" in form else True
