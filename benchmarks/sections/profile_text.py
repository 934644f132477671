"""Does our own reading of the texts give the recorded influences of the factors again?

The texts behind the recorded pairs are read by the product's rules, the preferences are those of the files. Where a
recorded tau14 is beyond .10, ours must have the same sign, be as significant (q < .05 among the factors of the rater)
and lie within .03. Every response whose value differs from the recorded one has a reason, and the reasons are
counted:

- a share of nothing, such as the words for each sentence of an empty response, is unknown in the product, and such
  pairs are left out. There it is 0: `authors_zeros`, which lives here and nowhere in the product, puts it so before
  the comparison. What the product says of the same texts stands in the figures;
- Unicode: letters, digits and full stops of every script count here, only ASCII's there;
- the list of function words is our own: the recorded one was not published;
- a hedge that a hyphen joins to another word, such as in `late-May`, is no word of its own here.

A value that differs without any of them is a miss. The influence of length among LLMBar's pairs is read from its
texts too.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plurijudge.benchmarks.profile_data import RENAMED, TEXTS, Pairs, each_set, pairs_of, targets_of
from plurijudge.benchmarks.section import Missing, Section, document, need
from plurijudge.metrics.factors import Influence, factor_influence, manifestations
from plurijudge.text.factor_rules import BY_NAME, RULES
from plurijudge.text.factors import Texts, measured

Floats = NDArray[np.float64]

LARGE, NEAR, ALPHA, SAME = 0.10, 0.03, 0.05, 1e-6
FUNCTION_WORDS = {"prompt_overlap", "src_coverage", "lead_overlap", "reference_recall"}
NOTHING, UNICODE, LIST = "a share of nothing is unknown", "Unicode words and sentences", "our list of function words"
JOINED = "a hedge joined by a hyphen"
_HYPHENED = re.compile(
    r"(?i)\b(?:may|might|could|perhaps|possibly|seems?|appears?|likely|generally|typically|often|usually|probably)-"
    r"|-(?:may|might|could|perhaps|possibly|seems?|appears?|likely|generally|typically|often|usually|probably)\b"
)
LLMBAR_PROMPT, LLMBAR_NEAR = "Vanilla_NoRules", 0.02


def run(data: Path) -> Section:
    """Read the texts of every set, and compare."""
    section = Section()
    each_set(data, section, lambda name, target: _one_set(section, data, name, target))
    _llmbar(section, data)
    return section


def _one_set(section: Section, data: Path, name: str, target: dict[str, Any]) -> None:
    if name not in TEXTS:
        section.notes.append(f"{name}: its factors are people's ratings, which no rule reads from a text.")
        return
    pairs, texts = pairs_of(data, name), TEXTS[name](data)
    section.check(len(texts) == 2 * len(pairs.prompts), f"{name}: {len(pairs.prompts)} pairs, {len(texts) / 2:g} found")
    if len(texts) != 2 * len(pairs.prompts):
        return
    read = measured(texts, RULES)
    ours = np.stack([np.asarray(read[RENAMED.get(factor, factor)]) for factor in pairs.factors], axis=1)
    _reasons(section, name, pairs, texts, ours)
    signs, zeros = (manifestations(value[0::2], value[1::2]) for value in (ours, authors_zeros(ours)))
    for rater in target["raters"]:
        if rater not in pairs.raters:
            section.check(False, f"{name} {rater}: no such rater in the file")
            continue
        given = pairs.raters[rater]
        product, found, recorded = (
            factor_influence(given, sign, pairs.prompts, resamples=0) for sign in (signs, zeros, pairs.signs)
        )
        for number, factor in enumerate(pairs.factors):
            where, tau = f"{name} {rater} {factor}", target["raters"][rater]["tau14"].get(factor)
            _compare(section, where, found[number], recorded[number], tau)
            own = product[number].pooled.estimate
            if tau is not None and own is not None and abs(own - tau) > 5e-4:
                left_out = product[number].pairs_left_out - recorded[number].pairs_left_out
                section.figures[where] = {"recorded": tau, "product": round(own, 4), "pairs_left_out": left_out}


def authors_zeros(values: Floats) -> Floats:
    """A share of nothing as the recorded files have it: 0."""
    return np.nan_to_num(values)


def _compare(section: Section, where: str, own: Influence, recorded: Influence, tau: float | None) -> None:
    ours = own.pooled.estimate
    if tau is None or ours is None or abs(tau) <= LARGE:
        return
    said = f"{where}: recorded {tau}, found {ours:.4f}"
    section.check(bool(np.sign(ours) == np.sign(tau)), f"{said}: another sign")
    section.check(_significant(own) == _significant(recorded), f"{said}: q {recorded.q_value}, found {own.q_value}")
    section.check(abs(ours - tau) <= NEAR, f"{said}: further than {NEAR}")


def _significant(influence: Influence) -> bool:
    return influence.q_value is not None and influence.q_value < ALPHA


def _reasons(section: Section, name: str, pairs: Pairs, texts: list[Texts], ours: Floats) -> None:
    """Count, of each factor, the responses whose value differs, by reason."""
    given = np.empty_like(ours)
    given[0::2], given[1::2] = pairs.first, pairs.second
    alike = np.isclose(ours, given, rtol=SAME, atol=SAME) | (np.isnan(ours) & np.isnan(given))
    for place, number in zip(*np.nonzero(~alike), strict=True):
        factor = RENAMED.get(pairs.factors[number], pairs.factors[number])
        reason = _reason(factor, texts[place], float(ours[place, number]))
        section.count(f"{name}: responses with another value", f"{pairs.factors[number]}: {reason or 'no reason'}")
        if reason is None:
            section.check(False, f"{name} {factor}, text {place}: {given[place, number]}, found {ours[place, number]}")
            section.details.append({"set": name, "factor": factor, **texts[place]._asdict()})


def _reason(factor: str, texts: Texts, ours: float) -> str | None:
    if np.isnan(ours):
        return NOTHING
    if factor in FUNCTION_WORDS:
        return LIST
    if factor == "hedging" and _HYPHENED.search(texts.response):
        return JOINED
    compared = {"prompt": texts.prompt, "source": texts.source, "given": texts.source or texts.prompt}
    read = [texts.response, *(compared.get(need) or "" for need in BY_NAME[factor].needs)]
    return None if all(text.isascii() for text in read) else UNICODE


def _llmbar(section: Section, data: Path) -> None:
    """The influence of length on gold and on judges whose two presentations agree."""
    for subset, target in targets_of(data).get("llmbar_length_tau14", {}).items():
        path = data / "profile" / "llmbar" / f"{subset}.json"
        try:
            read = document(need(path))
        except Missing as file:
            section.notes.append(f"LLMBar {subset} was not checked: {file} is not there.")
            continue
        rows = read["data"]
        texts = [Texts(row[key]) for row in rows for key in ("output_1", "output_2")]
        length = np.asarray(measured(texts, [BY_NAME["length"]])["length"])
        signs = manifestations(length[0::2], length[1::2])[:, None]
        for rater, tau in target.items():
            preferences = _llmbar_preferences(read, rater)
            found = None
            if preferences is not None:
                found = factor_influence(preferences, signs, range(len(rows)), resamples=0)[0].pooled.estimate
            held = found is not None and abs(found - tau) <= LLMBAR_NEAR and (found > 0) == (tau > 0)
            section.check(held or found == tau, f"LLMBar {subset} {rater} length: recorded {tau}, found {found}")


def _llmbar_preferences(read: dict[str, Any], rater: str) -> Floats | None:
    if rater == "gold":
        return np.array([{1: 1.0, 2: -1.0}[int(row["label"])] for row in read["data"]])
    verdicts = read["judges"].get(f"{rater}/{LLMBAR_PROMPT}")
    if verdicts is None:
        return None
    codes = {"1": 1.0, "2": -1.0}
    return np.array([codes.get(one, np.nan) if one == other else np.nan for one, other in verdicts])
