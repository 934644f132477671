"""Does a report hold all that rests on a run, in one file that needs nothing else?"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from plurijudge.reports.html import html_of
from plurijudge.reports.of_run import Report
from plurijudge.reports.sections import Analysis, Section, Table, section_of

from .conftest import Plurijudge
from .test_self_preference import FILES, recorded

VOID = {"meta", "br", "link", "img", "input", "hr"}


class Page(HTMLParser):
    """A page read strictly: every tag closed by its own, what it asks for and what its tables hold kept."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.cells: dict[str, list[str]] = {"caption": [], "th": [], "td": [], "h2": [], "li": []}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag in self.cells:
            self.cells[tag].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        inside = next((tag for tag in reversed(self.open) if tag in self.cells), None)
        if inside:
            self.cells[inside][-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.seen if name == tag]


@pytest.fixture
def measured(plurijudge: Plurijudge) -> Plurijudge:
    """A folder whose store holds an analysis of self-preference."""
    recorded(plurijudge)
    assert plurijudge(*FILES).code == 0
    return plurijudge


def test_the_page_asks_for_nothing_and_holds_every_figure(measured: Plurijudge) -> None:
    done = measured("report", "last", "--html", "report.html")
    assert (done.code, done.out) == (0, "") and "report: report.html" in done.err
    text = (measured.folder / "report.html").read_text()
    page = Page(text)
    assert not re.search(r"<(script|link|iframe|img|object)\b|@import|url\(", text)
    assert not re.findall(r"(?:src|href|action)=[\"'](?!#)", text)
    assert set(re.findall(r"https?://[^\"' <]+", text)) <= {"http://www.w3.org/2000/svg"}
    policy = next(meta for meta in page.all("meta") if meta.get("http-equiv"))
    assert "default-src 'none'" in str(policy["content"])
    assert "prefers-color-scheme: dark" in text and 'content="light dark"' in text
    assert page.all("html")[0]["lang"] == "en" and len(page.all("main")) == 1
    assert page.cells["h2"] == ["Do the judges favour their own answers?"]
    assert any("m1 against m2, 8 prompts" in said for said in page.cells["li"])
    assert "+50.00" in page.cells["td"]


def test_every_table_says_what_it_is_and_of_what_each_cell_is(measured: Plurijudge) -> None:
    assert measured("report", "last", "--html", "report.html").code == 0
    page = Page((measured.folder / "report.html").read_text())
    assert len(page.all("table")) == len(page.cells["caption"]) >= 4
    assert all(caption for caption in page.cells["caption"])
    assert {attrs["scope"] for attrs in page.all("th")} == {"col", "row"}
    frames = [attrs for attrs in page.all("div") if attrs.get("class") == "scroll"]
    assert all(frame["tabindex"] == "0" and frame["aria-label"] for frame in frames)
    pictures = page.all("svg")
    assert len(pictures) == 1 and pictures[0]["role"] == "img" and pictures[0]["aria-label"]
    targets = {attrs["id"] for tag, attrs in page.seen if attrs.get("id")}
    assert {str(attrs["href"])[1:] for attrs in page.all("a")} <= targets


def test_both_runs_of_an_analysis_have_it_in_their_report(measured: Plurijudge) -> None:
    for run in [row["id"] for row in measured("runs", "--json").json()]:
        shown = measured("report", run)
        assert "Do the judges favour their own answers?" in shown.out and f"run {run}" in shown.out
        document = measured("report", run, "--json").json()
        assert [one["kind"] for one in document["analyses"]] == ["dbg_score"]
        assert run in document["analyses"][0]["runs"] and document["command"] == f"plurijudge report {run}"


def test_the_same_made_again_stands_there_once_and_other_options_beside_it(measured: Plurijudge) -> None:
    [command] = re.findall(r"recompute: plurijudge (.+)", measured("report", "last").out)
    assert measured(*command.split()).code == 0
    assert len(measured("report", "last", "--json").json()["analyses"]) == 1
    assert measured(*command.split(), "--gold-rule", "two_of_three").code == 0
    assert len(measured("report", "last", "--json").json()["analyses"]) == 2


def test_other_analyses_have_a_section_too(judged: Plurijudge) -> None:
    assert "No analysis rests on this run yet." in judged("report", "last").out
    assert judged("agreement", "last").code == 0
    shown = judged("report", "last")
    assert "Agreement" in shown.out and "accuracy" in shown.out and "recompute: " in shown.out
    assert judged("report", "last", "--html", "r.html").code == 0
    assert "Agreement" in Page((judged.folder / "r.html").read_text()).cells["h2"]


def test_what_cannot_be_shown_is_said(judged: Plurijudge) -> None:
    absent = judged("report", "r-20200101-0000")
    assert absent.code == 2 and "r-20200101-0000" in absent.err
    refused = judged("report", "last", "--html", "nowhere/r.html")
    assert refused.code == 2 and "nowhere/r.html cannot be written" in refused.err


def test_names_from_files_are_text_on_the_page_and_never_markup() -> None:
    evil = "<script>alert(1)</script>\"' & more"
    table = Table(evil, (evil, "n"), ((evil, "-1.5"), (evil, "-")))
    section = Section(evil, (evil,), (table,), (), (evil,), evil)
    page = Page(html_of(Report("r-1", {evil: evil}, (section,), (), evil)))
    assert page.all("script") == [] and evil in page.cells["td"] and evil in page.cells["caption"]


def test_only_columns_of_numbers_are_aligned_as_numbers() -> None:
    figures = Table(
        "t", ("of", "tau", "95 %"), (("a", "+0.500", "-0.046 to +1.546"), ("b", "unknown", "too few items to tell"))
    )
    facts = {"begun": "2026-11-28T10:47:09.688Z", "calls": "128, 0 from the cache", "set aside": "0"}
    page = Page(html_of(Report("r-1", facts, (Section("s", (), (figures,), (), (), "c"),), (), "c")))
    looks = dict(zip(page.cells["td"], [cell.get("class") for cell in page.all("td")], strict=True))
    assert {text for text, look in looks.items() if look == "number"} == {"+0.500", "-0.046 to +1.546"}


def line(measure: str, **more: Any) -> dict[str, Any]:
    told = {"estimate": None, "standard_error": None, "low": None, "high": None, "n": 0, "left_out": 0, "reason": ""}
    base = {"judge": "<m1>", "opponent": "m2", "subset": "", "gold": "g", "conclusion": "", "measure": measure}
    return {**told, **base, **more}


def test_what_is_unknown_is_said_and_drawn_as_unknown() -> None:
    lines = [
        line("dbg", reason="there are no verdicts", conclusion="unknown"),
        line("own_win_rate"),
        line("gold_win_rate"),
    ]
    section = section_of(Analysis(1, "dbg_score", ("r",), {}, "again", "", lines))
    assert section.said == ("<m1> against m2: nothing can be said (there are no verdicts).",)
    assert "unknown" in section.pictures[0] and "&lt;m1&gt; against m2" in section.pictures[0]
    assert "<m1>" not in section.pictures[0]
