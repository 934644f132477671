"""What do the texts of a corpus say? Passages by their words, from the store alone."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any

from ...store.corpus import CorpusIndex, find_corpus
from ...store.engine import Store
from ...text.errors import BadJudge, NotFound
from .base import Case, Evidence, Observation, Refused, Tool, ToolLimits
from .evidence import hit

_LONGEST = 400  # characters of a query
_DIGEST = 12  # signs of a corpus' digest that a judge's tools name


class Search(Tool):
    """Finds passages of a corpus; what it finds is evidence to be read, and decides nothing by itself."""

    version = "1"
    evidence: Evidence = "retrieved"
    limits = ToolLimits(seconds=15.0)

    def __init__(self, corpus: str, *, digest: str = "") -> None:
        """Search this corpus of the store that the judge judges from.

        Args:
            corpus: its name.
            digest: how its digest must begin, '' for any.
        """
        self.corpus, self.digest = corpus, digest
        self.name = f"search_{re.sub(r'[^0-9A-Za-z_-]+', '_', corpus)[:50]}"
        self.description = (
            f"Searches the corpus {corpus!r} and brings the passages that fit best, each with an `id` to cite. Use it "
            "for facts that the answers rest on. What is not found is no evidence either way."
        )
        self.parameters = {
            "type": "object",
            "properties": {
                "query": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": _LONGEST,
                    "description": "a few telling words",
                },
                "limit": {"type": "integer", "minimum": 1, "maximum": 10, "description": "at most; 5"},
            },
            "required": ["query"],
            "additionalProperties": False,
        }
        self._index: CorpusIndex | None = None

    @classmethod
    def of(cls, told: str) -> Search:
        """The tool of what stands behind `search:`, a corpus' name, and behind `@` how its digest begins.

        Raises:
            BadJudge: if there is no name.
        """
        name, _, digest = told.partition("@")
        if not name:
            raise BadJudge("`search` needs a corpus.", way_out="--tools search:NAME, one of: plurijudge corpus list")
        return cls(name, digest=digest)

    def named(self, name: str, store: Store) -> str:
        """The name with the digest of the corpus as it is now, so that the judge's hash covers what is searched."""
        return f"search:{self.corpus}@{self._bound(store).corpus.digest[:_DIGEST]}"

    def bind(self, store: Store) -> Tool:
        """The tool as it searches this store.

        Raises:
            BadJudge: if there is no such corpus, or it is not what it was.
        """
        bound = Search(self.corpus, digest=self.digest)
        bound._index = self._bound(store)
        return bound

    def ground(self) -> str:
        """The corpus' digest, so far as it is known."""
        return self.digest if self._index is None else self._index.corpus.digest

    async def run(self, arguments: Mapping[str, Any], case: Case) -> Observation:
        """Search.

        Raises:
            Refused: if the tool is bound to no store, or the query has no word.
        """
        index, query = self._index, arguments["query"]
        if index is None:
            raise Refused("no_store", "There is no store to search.", "unavailable")
        found = await asyncio.to_thread(index.search, query, limit=arguments.get("limit", 5))
        if not found and not re.search(r"\w", query):
            raise Refused("no_words", "The query has no word.")
        hits = [
            hit(
                provider=f"corpus:{self.corpus}",
                ground=index.corpus.digest,
                rank=rank,
                title=passage.title or passage.document,
                url=passage.url or f"{self.corpus}:{passage.document}#{passage.position + 1}",
                snippet=passage.text,
                query=query,
                retrieved_at=index.corpus.created_at,
                published=passage.published,
            )
            for rank, passage in enumerate(found, 1)
        ]
        said = "" if hits else "Nothing was found; that is no evidence either way."
        return Observation("ok", {"hits": hits}, said=said, evidence=self.evidence)

    def _bound(self, store: Store) -> CorpusIndex:
        try:
            corpus = find_corpus(store, self.corpus)
        except NotFound as error:
            raise BadJudge(error.message, way_out=error.way_out) from error
        if not corpus.digest.startswith(self.digest):
            raise BadJudge(
                f"The corpus `{self.corpus}` was read anew since the judge was made: it is {corpus.digest[:_DIGEST]}, "
                f"the judge knows {self.digest}.",
                way_out=f"--tools search:{self.corpus} makes a judge that searches it as it is now",
            )
        return CorpusIndex(store, corpus)
