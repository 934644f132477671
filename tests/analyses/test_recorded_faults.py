"""Do the faults that were found in published evaluations stay out of ours? Each is shown on its own recorded data."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from plurijudge.analyses.agreement import agreement
from plurijudge.analyses.audit import Audit, audit
from plurijudge.metrics.agreement import cohen_kappa
from plurijudge.store.datasets import Reading, dataset_of_file, store_all
from plurijudge.store.engine import Store
from plurijudge.store.imports import import_verdicts
from plurijudge.text.verdict import parse_verdict

OTHER = {"1": "2", "2": "1"}


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with Store.open(tmp_path / "room.db", create=True) as store:
        yield store


@cache
def rows(path: Path) -> tuple[dict[str, Any], ...]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return tuple(json.loads(line) for line in file)


def line_of(item: str, shown: Sequence[str], raw: str, labels: tuple[str, str]) -> dict[str, Any]:
    """A line of verdicts.jsonl: what our parser reads in a judge's text."""
    said = parse_verdict(raw, labels=labels)
    key = {"item": item, "judge": "j", "presentation": [*shown], "raw": raw, "status": said.status}
    if said.status != "ok":
        return {**key, "reason": said.reason}
    return {**key, "preferred": {"tie": "tie", **dict(zip(labels, shown, strict=True))}[said.preferred or ""]}


def imported(store: Store, folder: Path, lines: Iterable[dict[str, Any]], items: Iterable[dict[str, Any]] = ()) -> str:
    """The run that holds these verdicts, of these items."""
    told, paths = {"verdicts": list(lines), "items": list(items)}, {}
    for name, given in told.items():
        paths[name] = folder / f"{name}.jsonl"
        paths[name].write_text("".join(json.dumps(line) + "\n" for line in given), encoding="utf-8")
    dataset = None
    if told["items"]:
        reading = Reading.of_file(dataset_of_file(store, paths["items"]))
        store_all(store, reading)
        dataset = reading.dataset.id
    made = import_verdicts(store, paths["verdicts"], items=dataset)
    assert (made.kept, made.set_aside) == (len(told["verdicts"]), 0)
    return made.run


# Rate-limit pages are no verdicts.


@pytest.mark.parametrize(
    ("name", "pages", "answers", "recorded", "right"),
    [("pilot_v2_responses", 238, 62, 0.55, 55 / 62), ("pilot_responses", 430, 70, 0.54, 64 / 70)],
)
def test_a_rate_limit_page_is_no_verdict_and_accuracy_is_that_of_the_answers(
    room: Store, tmp_path: Path, shared_data: Path, name: str, pages: int, answers: int, recorded: float, right: float
) -> None:
    """Of the recorded labels of these batches most were read in pages that say 429, as if they were a choice."""
    given = [
        row
        for row in rows(shared_data / "judges" / "amel_llmbar" / f"{name}.jsonl.gz")
        if (row["judge"], row["regime"]) == ("claude-haiku-4-5", "batched")
    ]
    as_recorded = np.mean([row["parsed_label"] == row["truth_label_after_swap"] for row in given])
    assert as_recorded == pytest.approx(recorded)
    lines, items = [], []
    for number, row in enumerate(given):
        shown = ("2", "1") if row["swap"] else ("1", "2")
        better = dict(zip(("1", "2"), shown, strict=True))[row["truth_label_after_swap"]]
        texts = [{"id": side, "text": f"answer {side} of {row['item_id']}"} for side in ("1", "2")]
        items.append({"id": str(number), "prompt": row["item_id"], "responses": texts, "gold": [{"preferred": better}]})
        lines.append(line_of(str(number), shown, row["raw_response"], ("1", "2")))
    found = agreement(room, imported(room, tmp_path, lines, items)).one("accuracy")
    assert found.by_status == {"error": pages, "ok": answers}
    assert found.estimate.estimate == pytest.approx(right)
    assert (found.estimate.n, found.estimate.left_out) == (answers, pages)
    # with so few answers the truth may be almost anything, and it is said
    assert found.worst == pytest.approx(right * answers / len(given))
    assert found.best == pytest.approx((right * answers + pages) / len(given))


# A parser can make a position bias.


class Pair(NamedTuple):
    """Two judgements of one pair of answers: the text with either in front."""

    name: str
    texts: tuple[str, str]


def pairs(shared_data: Path) -> list[Pair]:
    """Real GPT-4 judgements in both orders, each ending in a bracketed verdict."""
    told = {}
    for row in rows(shared_data / "judges" / "position_bias" / "swap_MTBench_gpt-4-0613.jsonl.gz"):
        question, first, second = row["k"].split(";")
        told[question, first, second] = row["raw"] or ""
    return [
        Pair(f"{question}/{first}/{second}", (text, told[question, second, first]))
        for (question, first, second), text in told.items()
        if first < second
    ]


def bracketed(text: str) -> str | None:
    found = re.search(r"\[\[([ABC])\]\]", text)
    return found[1] if found else None


def first_letter(text: str) -> str | None:
    """The first A or B that stands alone, whatever its case: the English article is one."""
    found = re.search(r"\b([AB])\b", text, re.IGNORECASE)
    return found[1].upper() if found else None


def position_of(store: Store, folder: Path, given: Iterable[Pair], letter: Any) -> Audit:
    """An audit of the order, of verdicts that `letter` reads."""
    lines = []
    for pair in given:
        for shown, text in zip((("1", "2"), ("2", "1")), pair.texts, strict=True):
            said = letter(text)
            key = {"item": pair.name, "judge": "j", "presentation": [*shown]}
            read = {"preferred": {"A": shown[0], "B": shown[1], "C": "tie"}[said]} if said else {}
            lines.append({**key, **(read or {"status": "unparseable", "reason": "no_verdict"})})
    folder.mkdir()
    return audit(store, imported(store, folder, lines))


@cache
def ours(text: str) -> str | None:
    said = parse_verdict(text, labels=("A", "B"))
    return {"A": "A", "B": "B", "tie": "C"}[said.preferred or ""] if said.status == "ok" else None


def test_the_first_letter_reads_a_in_nine_texts_of_ten_and_our_parser_what_the_judge_said(shared_data: Path) -> None:
    texts = [text for pair in pairs(shared_data) for text in pair.texts]
    decided = [text for text in texts if bracketed(text) in ("A", "B")]
    truth, naive, read = ([letter(text) for text in decided] for letter in (bracketed, first_letter, ours))
    assert len(decided) == 4194
    assert np.mean([label == "A" for label in truth]) == pytest.approx(0.491, abs=5e-4)
    assert np.mean([label == "A" for label in naive]) == pytest.approx(0.915, abs=5e-4)
    assert np.mean([one == other for one, other in zip(naive, truth, strict=True)]) == pytest.approx(0.574, abs=5e-4)
    assert read == truth


def test_the_first_letter_makes_a_position_bias_that_the_judge_does_not_have(
    room: Store, tmp_path: Path, shared_data: Path
) -> None:
    given = [pair for pair in pairs(shared_data)[::8] if all(bracketed(text) in ("A", "B") for text in pair.texts)]
    assert len(given) > 150
    (true,) = position_of(room, tmp_path / "true", given, bracketed).biases
    (naive,) = position_of(room, tmp_path / "naive", given, first_letter).biases
    (read,) = position_of(room, tmp_path / "ours", given, ours).biases
    assert read.effect == true.effect
    assert abs(read.effect.effect.estimate or 1) < 0.06
    assert naive.found is True and (naive.effect.effect.estimate or 0) > 0.35


# A kappa whose labels are mapped wrongly.


def test_kappa_is_that_of_the_labels_and_not_of_labels_of_which_one_is_mapped_away(shared_data: Path) -> None:
    """The published script knows the labels 0 and 1, the data have 1 and 2: each 2 becomes a third rater's word."""
    folder = shared_data / "judges" / "llmbar"
    key = ("LLMBar/Natural", "GPT-4", "Vanilla_NoRules")
    published = json.loads((folder / "statistics_published.json").read_text(encoding="utf-8"))["|".join(key)]
    gold = {row["i"]: row["label"] for row in rows(folder / "items.jsonl.gz") if row["s"] == key[0]}
    judged = [row for row in rows(folder / "judgments.jsonl.gz") if (row["s"], row["j"], row["t"]) == key]
    said = [line_of("q", ("1", "2"), row["cF"], ("Output (a)", "Output (b)")).get("preferred", "nan") for row in judged]
    labels, verdicts = np.array([gold[row["i"]] for row in judged], float), np.array(said, float)
    mapped = np.where(np.isin(verdicts, (0, 1)), verdicts, 0)
    assert cohen_kappa(labels, mapped).estimate == pytest.approx(published["kappa_False"], abs=1e-9)
    assert published["kappa_False"] == pytest.approx(0.252, abs=5e-4)
    found = cohen_kappa(labels, verdicts)
    assert found.estimate == pytest.approx(0.837, abs=5e-4)
    assert (found.n, found.left_out) == (100, 0)


# A partner that cannot be read is neither alike nor a flip, and what cannot be read is no tie.


def test_a_pair_whose_partner_was_not_read_is_left_out_and_counted(
    room: Store, tmp_path: Path, shared_data: Path
) -> None:
    everything = pairs(shared_data)
    (unread,) = [pair for pair in everything if None in map(ours, pair.texts)]
    given = [unread, *everything[:120]]
    found = position_of(room, tmp_path / "pairs", given, ours)
    codes = [tuple(map(ours, pair.texts)) for pair in given]
    whole = [("ABC".index(one), {"A": 1, "B": 0, "C": 2}[other]) for one, other in codes if one and other]
    alike, n = sum(one == other for one, other in whole), len(whole)
    assert n == 120
    same, front, back = (found.line("position", name) for name in ("positional_agreement", "primacy", "recency"))
    assert same is not None and front is not None and back is not None
    assert same.estimate.estimate == pytest.approx(alike / n)
    assert (same.estimate.n, same.estimate.left_out) == (n, 1)
    assert (front.estimate.estimate or 0) + (back.estimate.estimate or 0) == n - alike
    rate = found.line("position", "conflict_rate")
    assert rate is not None and rate.bounds == pytest.approx(((n - alike) / (n + 1), (n - alike + 1) / (n + 1)))
    # counted by judgements, an unread partner taken for alike, the rate would be higher
    assert (2 * alike + 1) / (2 * n + 1) > alike / n
    assert found.biases[0].effect.calls_missing == 1


def test_what_an_evaluation_counted_as_ties_since_it_could_not_be_read_are_no_verdicts(shared_data: Path) -> None:
    lines = (shared_data / "judges" / "raw_completions.jsonl").read_text(encoding="utf-8").splitlines()
    garbage = [row for row in map(json.loads, lines) if (row["source"], row["hard"]) == ("pandalm", "garbage")]
    assert len(garbage) == 25
    read = [parse_verdict(row["raw"] or "", labels=("1", "2")) for row in garbage]
    assert {(one.status, one.preferred) for one in read} == {("unparseable", None)}
