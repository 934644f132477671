"""How long do 15 rule factors over 100,000 response pairs take, with clustered errors and 2,000 bootstrap resamples?

    python benchmarks/factors_speed.py [--pairs 100000] [--words 150] [--prompts 10000] [--resamples 2000] [--seed 1]

Every pair has two responses of its own, some `--words` long on average, with a prompt and a source of twice that
length. The texts are made up beforehand, outside what is timed. One core, one JSON line: CPU and wall seconds of the
extraction, of the influences of two raters with everything that belongs to them, and of both; `peak_mib` is of the
whole process.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from plurijudge.benchmarks.measure import Stretch, peak_mib, pin
from plurijudge.metrics.factor_differences import paired_differences
from plurijudge.metrics.factors import factor_influence, manifestations
from plurijudge.text.factor_rules import RULES
from plurijudge.text.factors import Texts, measured

FACTORS = tuple(factor for factor in RULES if factor.name not in ("lead_overlap", "reference_recall"))
CHUNK = 200  # prompts whose texts are held at a time
VOCABULARY = 5000
SYLLABLES = ("ba", "de", "ti", "lor", "men", "sa", "qui", "ne", "po", "ral", "stu", "ve", "gan", "i", "co", "the")
HEADS = (*("",) * 40, *("- ", "1. ") * 8, *("Perhaps ",) * 6, "```\n", "I'm sorry, ")

Floats = NDArray[np.float64]


def vocabulary(rng: np.random.Generator) -> NDArray[np.str_]:
    """Made words, the common ones short."""
    parts = rng.choice(SYLLABLES, size=(VOCABULARY, 4))
    return np.array(["".join(word[: 1 + place % 3 + place // 2500]) for place, word in enumerate(parts)])


def text(length: int, words: NDArray[np.str_], rng: np.random.Generator) -> str:
    """Sentences of about 15 words, some with names, numerals, bullets and hedges, some lines of their own.

    The commonest word is one of 17, the next ones rarer by Zipf and Mandelbrot's law, as in English.
    """
    chances = np.cumsum(1 / (np.arange(VOCABULARY) + 2.7))
    chosen, made = words[np.searchsorted(chances, rng.random(length) * chances[-1])].tolist(), []
    for start in range(0, length, 15):
        sentence = chosen[start : start + 15]
        if start % 2:  # every other sentence
            sentence.insert(7, sentence[-1].capitalize())
            sentence.append(str(start))
        made.append(HEADS[int(rng.integers(len(HEADS)))] + " ".join(sentence).capitalize() + ".")
    return "\n".join(" ".join(made[start : start + 4]) for start in range(0, len(made), 4))


def chunks(prompts: int, each: int, length: int, seed: int) -> Iterator[list[Texts]]:
    """The responses of some prompts at a time, two for each of their pairs."""
    rng = np.random.default_rng(seed)
    words = vocabulary(rng)
    for start in range(0, prompts, CHUNK):
        made = []
        for _ in range(min(CHUNK, prompts - start)):
            prompt, source = text(30, words, rng), text(2 * length, words, rng)
            lengths = np.maximum(3, rng.lognormal(np.log(length) - 0.125, 0.5, size=2 * each)).astype(int)
            made += [Texts(text(int(many), words, rng), prompt, source) for many in lengths]
        yield made


def main(arguments: list[str] | None = None) -> int:
    """Measure once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=100_000, metavar="N")
    parser.add_argument("--words", type=int, default=150, metavar="N")
    parser.add_argument("--prompts", type=int, default=10_000, metavar="N")
    parser.add_argument("--resamples", type=int, default=2000, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    prompts = min(options.prompts, options.pairs)
    each = options.pairs // prompts
    pin(0)
    columns: dict[str, list[Floats]] = {factor.name: [] for factor in FACTORS}
    extraction = {"cpu": 0.0, "wall": 0.0}
    for made in chunks(prompts, each, options.words, options.seed):
        with Stretch() as cost:
            found = measured(made, FACTORS)
        for name, column in found.items():
            columns[name].append(np.asarray(column))
        extraction["cpu"] += cost.cpu
        extraction["wall"] += cost.wall
    rng = np.random.default_rng(options.seed)
    pairs = prompts * each
    human = rng.choice([-1.0, 0.0, 1.0], size=pairs)
    judge = np.where(rng.random(pairs) < 0.7, human, -human)
    with Stretch() as cost:
        values = np.stack([np.concatenate(columns[factor.name]) for factor in FACTORS], axis=1)
        signs = manifestations(values[0::2], values[1::2], tolerance=[factor.tolerance for factor in FACTORS])
        place = np.repeat(np.arange(prompts), each)
        for rater in (human, judge):
            factor_influence(rater, signs, place, resamples=options.resamples)
        paired_differences(human, judge, signs, place)
    line = {
        "benchmark": "factors",
        "pairs": pairs,
        "texts": 2 * pairs,
        "prompts": prompts,
        "mean_words": round(float(np.nanmean(values[:, 0])), 1),
        "factors": len(FACTORS),
        "resamples": options.resamples,
        "extraction_cpu_s": round(extraction["cpu"], 2),
        "influence_cpu_s": round(cost.cpu, 2),
        "cpu_s": round(extraction["cpu"] + cost.cpu, 2),
        "wall_s": round(extraction["wall"] + cost.wall, 2),
        "peak_mib": round(peak_mib()),
    }
    print(json.dumps(line), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
