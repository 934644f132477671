"""Is what a reader sees of a page read, and nothing else, in a time that grows with the page alone?"""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings, strategies as st

from plurijudge.text.pages import page_text


@pytest.mark.parametrize(
    ("html", "title", "text"),
    [
        ("", "", ""),
        ("plain &amp; simple", "", "plain & simple"),
        ("<title>A &lt; B</title><h1>Hi</h1><p>One\n two", "A < B", "Hi\n\nOne two"),
        ("<p>One<br>two</p><ul><li>a<li>b</ul>", "", "One\ntwo\n\na\n\nb"),
        ("<script>if (a<b) '</p>'</script><style>p{}</style>x<noscript>no</noscript>", "", "x"),
        ("<div style='display: none'>a<div>b</div>c</div>d", "", "d"),
        ("<p hidden>a</p><span aria-hidden=true>b</span><p>c</p>", "", "c"),
        ("<!-- <p>no --> yes <!-- never ends", "", "yes"),
        ("<head><meta name=a><title>T</title><body>b", "T", "b"),
        ("<svg><title>no</title></svg><title>T</title>", "T", ""),
        ("1 < 2 and 3 <4", "", "1 < 2 and 3 <4"),
        ("<!doctype html><?xml version='1'?><p>x", "", "x"),
        ("<td>a</td><td>b</td>", "", "a\n\nb"),
        ("<style>never ends", "", ""),
    ],
)
def test_a_page_is_read(html: str, title: str, text: str) -> None:
    assert page_text(html) == (title, text)


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(["<p>", "</p>", "<", ">", '"', "<!--", "-->", "<script>", "x ", "&#9;", "<br/>", "<a b='"])
    )
)
def test_any_soup_of_tags_is_read(parts: list[str]) -> None:
    title, text = page_text("".join(parts))
    assert "<script" not in text + title


@pytest.mark.parametrize("part", ["<div>", "<p ", "<!--", "<a href='", '<a "', "<title>", "<p hidden>", "&#1", "</x"])
def test_twice_the_page_takes_about_twice_the_time(part: str) -> None:
    def spent(size: int) -> float:
        html, best = part * (size // len(part)), float("inf")
        for _ in range(3):
            begun = time.process_time()
            page_text(html)
            best = min(best, time.process_time() - begun)
        return best

    # quadratic work takes 16 times as long on four times the page
    assert spent(200_000) < 10 * spent(50_000) + 0.05


def test_a_number_of_no_sign_is_replaced() -> None:
    assert page_text("<p>a &#" + "9" * 5000 + "; b &#65; &#x41;") == ("", "a \N{REPLACEMENT CHARACTER} b A A")
