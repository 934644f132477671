"""What does a web page say? Its title and the text that a reader would see, paragraphs apart.

Pages come from strangers. The parsers that build a tree take minutes for a megabyte of nested or unclosed tags; this
one builds none and takes a time that grows with the page alone.
"""

from __future__ import annotations

import re
from html import unescape

_BLOCKS = frozenset(
    "address article aside blockquote body caption dd details div dl dt figcaption figure footer form h1 h2 h3 h4 h5 h6"
    " header hr li main nav ol p pre section summary table tbody td th thead title tr ul".split()
)
_VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
_UNREAD = frozenset("button datalist head iframe noscript object script select style svg template textarea".split())
_RAW = frozenset(("script", "style", "textarea"))
_TAG = re.compile(r"<(?P<end>/?)(?P<name>[a-zA-Z][a-zA-Z0-9:-]{0,30})(?P<more>(?:\"[^\"<]{0,4000}\"|[^<>\"]){0,400})>")
_HIDDEN = re.compile(
    r"(?i)\bhidden\b(?!\s*=\s*[\"']?false)|aria-hidden\s*=\s*[\"']?true"
    r"|(?:display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0|opacity\s*:\s*0)(?![.\w])"
)
_NO_SIGN = re.compile(r"&#0*[1-9]\d{7,};?")  # past all signs there are; int refuses the longest
_BLANKS = re.compile(r"[^\S\n]+")


def page_text(html: str) -> tuple[str, str]:
    r"""The title of a page, '' for none, and its text; scripts, styles and what is hidden from readers are left out.

    >>> page_text("<title>T</title><p>One <b>two</b>.<p hidden>no</p><p>Three")
    ('T', 'One two.\n\nThree')
    """
    title, parts = "", []
    at, unread, depth, in_title = 0, "", 0, False
    lower = html.lower()
    while True:
        start = html.find("<", at)
        text = html[at:] if start < 0 else html[at:start]
        if in_title:
            title += text
        elif not unread:
            parts.append(re.sub(r"\s+", " ", text))
        if start < 0:
            break
        if html.startswith("<!--", start):
            end = html.find("-->", start + 4)
            at = len(html) if end < 0 else end + 3
            continue
        tag = _TAG.match(html, start)
        if tag is None:
            skip = html.startswith(("<!", "<?"), start)
            end = html.find(">", start) if skip else start
            at = len(html) if end < 0 else end + 1
            if not skip and not unread and not in_title:
                parts.append("<")
            continue
        at, name, ends = tag.end(), tag["name"].lower(), bool(tag["end"])
        if name in _RAW and not ends:
            close = lower.find(f"</{name}", at)
            at = len(html) if close < 0 else close
        if name == "title" and depth == (unread == "head"):
            in_title = not ends and not title
        elif unread:
            if name == unread and not tag["more"].rstrip().endswith("/"):
                depth += -1 if ends else 1
                unread = unread if depth > 0 else ""
            elif unread == "head" and name == "body":
                unread, depth = "", 0
        elif not ends and name not in _VOID and (name in _UNREAD or _HIDDEN.search(tag["more"])):
            unread, depth = name, 1
        if not unread and (name in _BLOCKS or name == "br"):
            parts.append("\n" if name == "br" else "\n\n")
    lines = [_BLANKS.sub(" ", line).strip() for line in _unescaped("".join(parts)).split("\n")]
    return " ".join(_unescaped(title).split()), re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _unescaped(text: str) -> str:
    return unescape(_NO_SIGN.sub("\N{REPLACEMENT CHARACTER}", text))
