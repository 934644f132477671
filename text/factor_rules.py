"""Which factors are read off a text by rule, without any model?

The rules are those of the published comparison that the statistics were checked on, made to hold for any script. A
count of nothing is 0; a share of nothing is unknown.
"""

from __future__ import annotations

import re
import unicodedata

from .factors import Factor, Judged, Need
from .segments import Segmented

_MOST = 1000  # places of one pair of words in a source that are followed: repetition must not cost the square
_HEDGES = frozenset(
    "appear appears could generally likely may might often perhaps possibly probably seem seems typically "
    "usually".split()
)
_ASCII_NUMERAL = re.compile(r"[0-9][0-9,.]*")
_NUMERAL = re.compile(r"\d[\d,.]*")
_NAME = re.compile(r" (?<=[a-z,;] )[A-Z][a-z]")
_MAY_BE_NAME = re.compile(r" [^\W\d_]{2}")
_ITEM = re.compile(r"\n[ \t]*(?:[-*•]|\d+[.)])[ \t]")
_REFUSAL = re.compile(
    r"i(?:'m sorry| am sorry| cannot| can't| do not have| don't have)|as an ai|apologi[sz]e|unable to"
)
_REFUSAL_MARKS = ("sorry", "i can", "t have", "unable to", "apologi", "an ai")
_FENCE = "```"


def length(judged: Judged) -> float:
    """How many words there are."""
    return len(judged.response.words)


def n_sents(judged: Judged) -> float:
    """How many sentences there are."""
    return judged.response.sentences


def words_per_sent(judged: Judged) -> float | None:
    """Words for each sentence."""
    return _share(len(judged.response.words), judged.response.sentences)


def facts_proxy(judged: Judged) -> float:
    """Numerals, and capitalised words within a sentence: what may be names."""
    text = judged.response.text
    if text.isascii():
        return len(_ASCII_NUMERAL.findall(text)) + len(_NAME.findall(text))
    return len(_NUMERAL.findall(text)) + _names(unicodedata.normalize("NFC", text))


def readability(judged: Judged) -> float | None:
    """Flesch's reading ease: 206.835 less 1.015 a word per sentence and 84.6 a syllable per word.

    Source: Flesch 1948, doi:10.1037/h0057532.
    """
    response = judged.response
    words, sentences = len(response.words), response.sentences
    if not words or not sentences:
        return None
    return 206.835 - 1.015 * words / sentences - 84.6 * response.syllables / words


def redundancy(judged: Judged) -> float | None:
    """The share of runs of three words that stood before: 1 less distinct ones over all."""
    words = judged.response.words
    runs = len(words) - 2
    return 1 - len(set(zip(words, words[1:], words[2:], strict=False))) / runs if runs > 0 else None


def hedging(judged: Judged) -> float | None:
    """Hedges, such as `perhaps`, for each word."""
    response = judged.response
    there = _HEDGES & response.vocabulary
    return _share(sum(map(response.words.count, there)), len(response.words))


def list_items(judged: Judged) -> float:
    """Lines that begin with a bullet, or with a number and `.` or `)`."""
    return len(_ITEM.findall("\n" + judged.response.text))


def code_blocks(judged: Judged) -> float:
    """Pairs of triple backticks."""
    return judged.response.text.count(_FENCE) // 2


def refusal(judged: Judged) -> float:
    """Phrases of refusal and apology, such as `I cannot`."""
    text = judged.response.lowered
    for mark in _REFUSAL_MARKS:  # most texts have none of them, and are not searched
        if mark in text:
            return len(_REFUSAL.findall(text))
    return 0


def prompt_overlap(judged: Judged) -> float | None:
    """The share of the prompt's content words that the response has."""
    return _recall(judged.response, judged.prompt)


def novel_words(judged: Judged) -> float | None:
    """The share of the response's distinct words that were not given to it."""
    own, given = judged.response.vocabulary, judged.given
    return None if given is None else _share(len(own - given.vocabulary), len(own))


def novel_bigrams(judged: Judged) -> float | None:
    """The share of the response's distinct pairs of words that were not given to it."""
    own, given = judged.response.pairs, judged.given
    return None if given is None else _share(len(own - given.pairs), len(own))


def src_coverage(judged: Judged) -> float | None:
    """The share of the source's content words that the response has."""
    return _recall(judged.response, judged.source)


def ext_density(judged: Judged) -> float | None:
    """How long the runs are that were copied from the source: the sum of their squared lengths over the length.

    Source: Grusky et al. 2018, arXiv:1804.11283 (extractive fragment density; fragments are taken greedily).
    """
    words, source = judged.response.words, judged.source
    return None if source is None else _share(sum(run * run for run in copied(words, source)), len(words))


def lead_overlap(judged: Judged) -> float | None:
    """The share of the content words of the source's first three sentences that the response has."""
    lead = None if judged.source is None else judged.source.lead
    return None if lead is None else _share(len(lead & judged.response.vocabulary), len(lead))


def reference_recall(judged: Judged) -> float | None:
    """The share of the reference's content words that the response has."""
    return _recall(judged.response, judged.reference)


def copied(words: list[str], source: Segmented) -> list[int]:
    """The lengths, in words, of the runs that a greedy reader finds in a source: each time the longest that is there.

    Runs of one word come last.

    >>> copied("the cat sat on a mat with a hat".split(), Segmented("A mat. The cat sat."))
    [3, 2, 1]
    """
    there, own, end, runs = [*source.words, ""], [*words, None], 0, []
    found = map(source.pair_places.get, zip(words, words[1:], strict=False))
    for start, at in [(start, at) for start, at in enumerate(found) if at]:
        if start < end:
            continue
        end = start + 2
        if len(at) > 1:
            at, end = _followed(own, end, there, [place + 2 for place in at[:_MOST]])
        else:
            at = [at[0] + 2]
        place = at[0]
        while own[end] == there[place]:
            end, place = end + 1, place + 1
        runs.append(end - start)
    single = sum(map(source.vocabulary.__contains__, words)) - sum(runs)
    return runs + [1] * single


def _followed(own: list[str | None], end: int, there: list[str], at: list[int]) -> tuple[list[int], int]:
    """Go on with a run while two places or more of the source go on as it does; the places, and the run's end.

    The text ends in None and the source in an empty word, which no word is.
    """
    while len(at) > 1:
        wanted = own[end]
        on = [place + 1 for place in at if there[place] == wanted]
        if not on:
            break
        at, end = on, end + 1
    return at, end


def _names(text: str) -> int:
    """Capitalised words of any script after a small letter, a comma or a semicolon and a blank."""
    return sum(
        match[0][1].isupper() and match[0][2].islower() and (before in ",;" or before.islower())
        for match in _MAY_BE_NAME.finditer(text)
        if (before := text[match.start() - 1 : match.start()])
    )


def _recall(response: Segmented, other: Segmented | None) -> float | None:
    return None if other is None else _share(len(other.content & response.vocabulary), len(other.content))


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _needs(*needs: Need) -> frozenset[Need]:
    return frozenset(needs)


RULES: tuple[Factor, ...] = (
    Factor("length", "words", length),
    Factor("n_sents", "sentences", n_sents),
    Factor("words_per_sent", "words for each sentence", words_per_sent),
    Factor("facts_proxy", "numerals, and capitalised words within a sentence", facts_proxy, direction=1),
    Factor("readability", "Flesch's reading ease", readability, direction=1, language="English"),
    Factor("redundancy", "share of runs of three words that stood before", redundancy, direction=-1),
    Factor("hedging", "hedges for each word", hedging, language="English"),
    Factor("list_items", "lines that begin as items of a list", list_items),
    Factor("code_blocks", "pairs of triple backticks", code_blocks),
    Factor("refusal", "phrases of refusal and apology", refusal, direction=-1, language="English"),
    Factor(
        "prompt_overlap",
        "share of the prompt's content words in the response",
        prompt_overlap,
        level=2,
        direction=1,
        needs=_needs("prompt"),
    ),
    Factor("novel_words", "share of distinct words that were not given", novel_words, level=2, needs=_needs("given")),
    Factor(
        "novel_bigrams",
        "share of distinct pairs of words that were not given",
        novel_bigrams,
        level=2,
        needs=_needs("given"),
    ),
    Factor(
        "src_coverage",
        "share of the source's content words in the response",
        src_coverage,
        level=2,
        direction=1,
        needs=_needs("source"),
    ),
    Factor(
        "ext_density",
        "squared lengths of the runs copied from the source, for each word",
        ext_density,
        level=2,
        needs=_needs("source"),
    ),
    Factor(
        "lead_overlap",
        "share of the content words of the source's first three sentences in the response",
        lead_overlap,
        level=2,
        needs=_needs("source"),
    ),
    Factor(
        "reference_recall",
        "share of the reference's content words in the response",
        reference_recall,
        level=2,
        direction=1,
        needs=_needs("reference"),
    ),
)
BY_NAME: dict[str, Factor] = {factor.name: factor for factor in RULES}
