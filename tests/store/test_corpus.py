"""Is a corpus there whole or not at all, and is the same found in it on every store?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from sqlalchemy import inspect

from plurijudge.store.corpus import CorpusIndex, add_corpus, corpora, find_corpus, remove_corpus
from plurijudge.store.documents import Document, documents_in
from plurijudge.store.engine import Store
from plurijudge.store.faults import Fault
from plurijudge.text.errors import BadInput, NotFound

TEXTS = [
    Document("tower.md", "The Eiffel tower is in Paris.\n\nIt was completed in 1889.", title="Eiffel tower"),
    Document("bern.md", "Bern is the seat of the Swiss government. Zürich is larger.", url="https://x.test/bern"),
    Document("tokyo.txt", "東京は日本の首都です。人口は多い。"),
    Document("rivers.txt", "The Aare flows through Bern.", published="2020-01-02"),
]


@pytest.fixture
def index(store: Store) -> CorpusIndex:
    """The texts in a store."""
    return CorpusIndex(store, add_corpus(store, "atlas", TEXTS, source="atlas/"))


def names(index: CorpusIndex, query: str, limit: int = 5) -> list[str]:
    return [passage.document for passage in index.search(query, limit=limit)]


def test_what_fits_best_comes_first_and_a_title_counts_more(index: CorpusIndex) -> None:
    assert names(index, "The Swiss government?")[0] == "bern.md"
    assert names(index, "eiffel") == ["tower.md"]
    found = index.search("Aare", limit=5)[0]
    assert (found.document, found.position, found.published, found.text) == (
        "rivers.txt",
        0,
        "2020-01-02",
        "The Aare flows through Bern.",
    )
    assert found.score > 0
    assert names(index, "bern", limit=1) == names(index, "BERN")[:1]


@pytest.mark.parametrize(
    ("query", "found"), [("首都", ["tokyo.txt"]), ("都", ["tokyo.txt"]), ("京都大学", []), ("zurich", ["bern.md"])]
)
def test_words_are_found_in_scripts_without_blanks_and_without_their_accents(
    index: CorpusIndex, query: str, found: list[str]
) -> None:
    assert names(index, query) == found


@pytest.mark.threat(25)
@pytest.mark.parametrize(
    "query", ['"x', "NEAR(", "body:x", "completed OR", "a AND NOT b", "*", "^", "", "'; DROP TABLE item"]
)
def test_an_operator_is_a_word_like_any_other(index: CorpusIndex, query: str) -> None:
    assert set(names(index, query)) <= {"tower.md"}
    assert ("completed" in query) == bool(names(index, query))


@pytest.mark.threat(25)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.text(max_size=80))
def test_any_query_is_answered(index: CorpusIndex, query: str) -> None:
    assert len(index.search(query, limit=3)) <= 3


def test_the_same_is_found_in_both_kinds_of_store(both_stores: tuple[Store, Store]) -> None:
    first, second = (CorpusIndex(store, add_corpus(store, "atlas", TEXTS)) for store in both_stores)
    assert first.corpus.digest == second.corpus.digest
    for query in ("Bern", "the tower in Paris", "首都", "government of Japan", "is"):
        assert first.search(query, limit=9) == second.search(query, limit=9)


def test_what_one_corpus_holds_does_not_change_what_is_found_in_another(store: Store, index: CorpusIndex) -> None:
    before = index.search("Bern tower", limit=5)
    add_corpus(store, "more", [Document(f"{n}", "Bern Bern tower " * n) for n in range(1, 30)])
    assert index.search("Bern tower", limit=5) == before


def test_the_digest_is_that_of_the_texts_in_whatever_order_they_come(store: Store) -> None:
    one, other = add_corpus(store, "one", TEXTS), add_corpus(store, "other", TEXTS[::-1])
    changed = add_corpus(store, "third", [*TEXTS[:3], Document("rivers.txt", "The Aare flows through Thun.")])
    assert one.digest == other.digest != changed.digest


def test_a_name_is_taken_until_it_is_replaced_or_removed(store: Store, index: CorpusIndex) -> None:
    with pytest.raises(BadInput, match="already"):
        add_corpus(store, "atlas", TEXTS[:1])
    assert find_corpus(store, "atlas") == index.corpus
    replaced = add_corpus(store, "atlas", TEXTS[:1], replace=True)
    assert (replaced.documents, replaced.passages) == (1, 1)
    assert names(CorpusIndex(store, replaced), "bern") == []
    remove_corpus(store, "atlas")
    assert corpora(store) == []
    assert not [name for name in inspect(store.engine).get_table_names() if name.startswith("corpus_words")]
    with pytest.raises(NotFound, match="no corpus `atlas`"):
        find_corpus(store, "atlas")


@pytest.mark.parametrize(
    ("documents", "match"),
    [
        ([], "No document"),
        ([Fault("a.bin", 0, "", "it is no text")], "a.bin: it is no text"),
        ([TEXTS[0], TEXTS[0]], "Two documents are called `tower.md`"),
    ],
)
def test_what_cannot_be_read_leaves_nothing_behind(store: Store, documents: list[Document | Fault], match: str) -> None:
    with pytest.raises(BadInput, match=match):
        add_corpus(store, "atlas", documents)
    assert corpora(store) == []


@pytest.mark.parametrize("name", ["", "a b", "a/b", "x" * 101, 'a"'])
def test_a_bad_name_is_refused(store: Store, name: str) -> None:
    with pytest.raises(BadInput, match="no name of a corpus"):
        add_corpus(store, name, TEXTS)


def test_documents_are_streamed(store: Store) -> None:
    given: list[int] = []

    def many() -> Iterator[Document]:
        for n in range(2500):
            given.append(n)
            yield Document(str(n), f"word{n} is here")

    made = add_corpus(store, "many", many())
    assert (made.documents, len(given)) == (2500, 2500)
    assert names(CorpusIndex(store, made), "word1999")[:1] == ["1999"]


def test_a_folder_is_read_and_what_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# Title\n\nText.", encoding="utf-8")
    (tmp_path / "b.html").write_text("<title>T</title><p>One<script>no</script>", encoding="utf-8")
    (tmp_path / "c.bin").write_bytes(b"\0")
    (tmp_path / "d.txt").write_bytes(b"caf\xe9")
    (tmp_path / "e.txt").write_text(" \n", encoding="utf-8")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "f.jsonl").write_text(
        '{"id": 7, "text": "x", "title": "t", "url": "u", "published": "2020"}\n'
        '\n{"text": "y"}\n{"id": 8}\n[1]\n{"text": 3}\n{',
        encoding="utf-8",
    )
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "g.txt").write_text("hidden", encoding="utf-8")
    found = list(documents_in(tmp_path))
    assert [one for one in found if isinstance(one, Document)] == [
        Document("a.md", "# Title\n\nText.", "Title"),
        Document("b.html", "One", "T"),
        Document("7", "x", "t", "u", "2020"),
        Document("sub/f.jsonl:3", "y"),
    ]
    told = [str(one) for one in found if isinstance(one, Fault)]
    assert [text.partition(": ")[0] for text in told] == [
        "c.bin",
        "d.txt",
        "e.txt",
        "sub/f.jsonl:4",
        "sub/f.jsonl:5",
        "sub/f.jsonl:6",
        "sub/f.jsonl:7",
    ]
    with pytest.raises(BadInput, match="There is no folder"):
        list(documents_in(tmp_path / "nowhere"))
