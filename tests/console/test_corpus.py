"""Does a person read texts into a store, see them, search them as a judge would, and take them out?"""

from __future__ import annotations

from .conftest import Plurijudge
from .test_bad_input import refused


def test_a_corpus_is_read_listed_searched_and_removed(plurijudge: Plurijudge) -> None:
    plurijudge.write("atlas/bern.md", "# Bern\n\nThe Swiss government sits in Bern.")
    plurijudge.write("atlas/tokyo.txt", "東京は日本の首都です。")
    plurijudge.write("atlas/no.pdf", "%PDF")
    added = plurijudge("corpus", "add", "atlas")
    assert added.code == 0
    assert "left out: no.pdf: a file `.pdf` is not read" in added.err
    assert added.out.startswith("atlas: 2 documents, 2 passages, ")
    assert "--tools search:atlas" in added.out
    [listed] = plurijudge("corpus", "list", "--json").json()
    assert (listed["name"], listed["documents"], len(listed["faults"])) == ("atlas", 2, 1)
    assert "atlas" in plurijudge("corpus", "list").out
    [found] = plurijudge("corpus", "search", "atlas", "首都", "--json").json()
    assert (found["document"], found["position"]) == ("tokyo.txt", 0)
    assert "1. bern.md, passage 1 (Bern)" in plurijudge("corpus", "search", "atlas", "swiss AND").out
    assert plurijudge("corpus", "search", "atlas", "submarine").out == "nothing was found\n"
    again = plurijudge("corpus", "add", "atlas", "--replace", "--json").json()
    assert again["digest"] == listed["digest"]
    assert plurijudge("corpus", "remove", "atlas").out == "atlas was removed: 2 passages\n"
    assert "there is no corpus" in plurijudge("corpus", "list").out


def test_what_cannot_be_done_says_the_way_out(plurijudge: Plurijudge) -> None:
    refused(plurijudge("corpus", "add", "nowhere"), "There is no folder or file nowhere")
    plurijudge.write("a/x.bin", "x")
    refused(plurijudge("corpus", "add", "a"), "No document was read from a: x.bin")
    refused(plurijudge("corpus", "add", "a", "--strict"), "x.bin: a file `.bin` is not read")
    plurijudge.write("a/y.txt", "y")
    assert plurijudge("corpus", "add", "a", "--name", "letters").code == 0
    refused(plurijudge("corpus", "add", "a", "--name", "letters"), "already")
    refused(plurijudge("corpus", "search", "leters", "x"), "one of: letters")
    plurijudge.write(
        "items.jsonl", '{"prompt": "q", "responses": [{"id": "a", "text": "x"}, {"id": "b", "text": "y"}]}\n'
    )
    refused(plurijudge("judge", "items.jsonl", "--tools", "search:leters"), "There is no corpus `leters`")
