"""What did the judges of LLMBar say, and what is right? The importer of its recorded judgements.

LLMBar (Zeng et al. 2023, arXiv:2310.07641; github.com/princeton-nlp/LLMBar, MIT) is 419 expert-labelled pairs, 781
more from other sets, and the raw completions of six judges under up to fifteen prompting strategies, in both orders.
This reads a lossless re-packing of the repository: `items.jsonl.gz` and `judgments.jsonl.gz`. No data come with this
program.

The texts are read with our parser, not with the authors' patterns: theirs take the first phrase that fits, ours the
last verdict that plainly stands, so that a judge who corrects itself is taken at its final word.
"""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from ..text.errors import BadInput
from .faults import closest
from .files import write_items, write_verdicts
from .records import TIE, Gold, Item, Response, Verdict

_ITEMS, _JUDGMENTS = "items.jsonl.gz", "judgments.jsonl.gz"
_WHERE = "unpack LLMBar's items.jsonl.gz and judgments.jsonl.gz there, or name their folder"
_LABELS = ("a", "b")  # as the prompts named the outputs: "Output (a)" is the one shown first
_SCALE = (0.0, 10.0)  # what the rating prompts asked for


@dataclass(frozen=True, slots=True)
class _Choice:
    """Which judgements are wanted; None is all."""

    judges: frozenset[str] | None
    strategies: frozenset[str] | None
    subsets: frozenset[str] | None

    @property
    def by_judge(self) -> bool:
        return self.judges is not None or self.strategies is not None

    def takes(self, row: dict[str, Any]) -> bool:
        return (
            (self.judges is None or row["j"] in self.judges)
            and (self.strategies is None or row["t"] in self.strategies)
            and self.takes_subset(row["s"])
        )

    def takes_subset(self, subset: str) -> bool:
        return self.subsets is None or subset in self.subsets


def read_llmbar(
    folder: str | os.PathLike[str],
    *,
    judges: Iterable[str] | None = None,
    strategies: Iterable[str] | None = None,
    subsets: Iterable[str] | None = None,
) -> tuple[Iterator[Item], Iterator[Verdict]]:
    """Read LLMBar's items with their gold, and what the judges said of them.

    A pairwise strategy gives two verdicts an item, one per presentation; a rating gives one per response, on the scale
    0 to 10, under the protocol score. The judge of a verdict is called `GPT-4/CoT`: the model and the strategy. Of
    strategies in several stages only the last stage's text was recorded; `rule` says by which form the parser read it.

    Args:
        folder: where the re-packed files lie.
        judges: of these models only, such as `GPT-4`.
        strategies: of these strategies only, such as `Vanilla`, `CoT`, `Rating`.
        subsets: of these sets only, such as `LLMBar/Natural`; a folder such as `LLMBar/Adversarial` means all in it.

    Returns:
        The items and the verdicts, each to be gone through once. Where judges or strategies are named, only the items
        that one of them judged.

    Raises:
        BadInput: if the folder or a file is missing, or a name is in none of them.
    """
    place = _checked(Path(folder))
    choice, judged = _choice(place, judges, strategies, subsets)
    return _items(place, choice, judged), _verdicts(place, choice)


def write_llmbar(
    folder: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    judges: Iterable[str] | None = None,
    strategies: Iterable[str] | None = None,
    subsets: Iterable[str] | None = None,
) -> tuple[int, int]:
    """Write `items.jsonl` and `verdicts.jsonl`, ready for `judge`, `import` and `replay/FILE?judge=GPT-4/CoT`.

    Args:
        folder: where the re-packed files lie.
        out: the folder to write to; it is made where there is none.
        judges: as in `read_llmbar`.
        strategies: as in `read_llmbar`.
        subsets: as in `read_llmbar`.

    Returns:
        How many items and how many verdicts were written.

    Raises:
        BadInput: as `read_llmbar`, or if the files cannot be written.
    """
    items, verdicts = read_llmbar(folder, judges=judges, strategies=strategies, subsets=subsets)
    target = Path(out)
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{target} cannot be made: {error.strerror or error}.", way_out="name another folder") from error
    return write_items(target / "items.jsonl", items), write_verdicts(target / "verdicts.jsonl", verdicts)


def _checked(folder: Path) -> Path:
    if not folder.is_dir():
        raise BadInput(f"There is no folder {folder}.", way_out=_WHERE)
    for name in (_ITEMS, _JUDGMENTS):
        if not (folder / name).is_file():
            raise BadInput(f"{folder} has no {name}, so it does not hold LLMBar.", way_out=_WHERE)
    return folder


def _rows(file: Path, needed: Collection[str]) -> Iterator[dict[str, Any]]:
    try:
        with gzip.open(file, "rb") as lines:
            for number, line in enumerate(lines, 1):
                row = orjson.loads(line)
                if not isinstance(row, dict) or not row.keys() >= set(needed):
                    raise BadInput(f"{file}:{number}: needed are {', '.join(sorted(needed))}.", way_out=_WHERE)
                yield row
    except orjson.JSONDecodeError as error:
        raise BadInput(f"{file} holds a line that is not JSON: {error.msg[:80]}.", way_out=_WHERE) from error
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput(f"{file} is damaged or cannot be read: {error}.", way_out=_WHERE) from error


def _choice(
    folder: Path, judges: Iterable[str] | None, strategies: Iterable[str] | None, subsets: Iterable[str] | None
) -> tuple[_Choice, set[tuple[str, int]]]:
    """What is wanted, its names checked, and which items the chosen judges have judged."""
    wanted = [None if names is None else frozenset(names) for names in (judges, strategies, subsets)]
    known: tuple[set[str], set[str], set[str]] = (set(), set(), set())
    for row in _rows(folder / _ITEMS, ("s", "i", "input", "output_1", "output_2", "label")):
        known[2].add(row["s"])
    if wanted[0] is None and wanted[1] is None:
        return _Choice(None, None, _subsets(wanted[2], known[2])), set()
    rows = [(r["j"], r["t"], r["s"], r["i"]) for r in _rows(folder / _JUDGMENTS, ("s", "j", "t", "i"))]
    for judge, strategy, _, _ in rows:
        known[0].add(judge)
        known[1].add(strategy)
    _check_names("judge", wanted[0], known[0])
    _check_names("strategy", wanted[1], known[1])
    choice = _Choice(wanted[0], wanted[1], _subsets(wanted[2], known[2]))
    judged = {(s, i) for j, t, s, i in rows if choice.takes({"j": j, "t": t, "s": s})}
    return choice, judged


def _subsets(wanted: frozenset[str] | None, known: set[str]) -> frozenset[str] | None:
    if wanted is None:
        return None
    found: set[str] = set()
    for name in wanted:
        within = {subset for subset in known if subset == name or subset.startswith(f"{name.rstrip('/')}/")}
        if not within:
            _check_names("subset", frozenset({name}), known)
        found |= within
    return frozenset(found)


def _check_names(what: str, wanted: frozenset[str] | None, known: set[str]) -> None:
    unknown = sorted((wanted or frozenset()) - known)
    if unknown:
        near = closest(unknown[0], known, cutoff=0.5)
        raise BadInput(
            f"LLMBar has no {what} `{unknown[0]}`; it has {', '.join(sorted(known))}.",
            way_out=near or min(known, default=""),
        )


def _items(folder: Path, choice: _Choice, judged: set[tuple[str, int]]) -> Iterator[Item]:
    for row in _rows(folder / _ITEMS, ("s", "i", "input", "output_1", "output_2", "label")):
        if not choice.takes_subset(row["s"]) or (choice.by_judge and (row["s"], row["i"]) not in judged):
            continue
        yield Item(
            id=f"{row['s']}/{row['i']}",
            prompt=row["input"],
            responses=[Response(id="1", text=row["output_1"]), Response(id="2", text=row["output_2"])],
            gold=[Gold(annotator="experts", preferred=str(row["label"]))],
            meta={"subset": row["s"]},
        )


def _verdicts(folder: Path, choice: _Choice) -> Iterator[Verdict]:
    for row in _rows(folder / _JUDGMENTS, ("s", "j", "t", "i")):
        if not choice.takes(row):
            continue
        item, judge = f"{row['s']}/{row['i']}", f"{row['j']}/{row['t']}"
        if "s1" in row:
            for response, raw in (("1", row["s1"]), ("2", row["s2"])):
                yield _score(item, judge, response, raw)
        else:
            # "F" is the original order; "T" was swapped, so that output_2 was shown first, as "Output (a)".
            for presentation, raw in ((("1", "2"), row["cF"]), (("2", "1"), row["cT"])):
                yield _preference(item, judge, presentation, raw)


def _preference(item: str, judge: str, presentation: tuple[str, str], raw: str | None) -> Verdict:
    from ..text.verdict import parse_verdict

    key = {"item": item, "judge": judge, "presentation": presentation}
    said = parse_verdict(raw or "", labels=_LABELS)
    if said.status != "ok":
        return Verdict(**key, status=said.status, reason=said.reason, raw=raw, rule=said.rule)
    shown = {TIE: TIE, **dict(zip(_LABELS, presentation, strict=True))}
    return Verdict(
        **key,
        preferred=None if said.preferred is None else shown[said.preferred],
        p_first=said.p_first,
        scores={shown[label]: score for label, score in said.scores.items()} or None,
        raw=raw,
        rationale=said.rationale or None,
        rule=said.rule,
    )


def _score(item: str, judge: str, response: str, raw: str | None) -> Verdict:
    from ..text.verdict import parse_verdict

    key = {"item": item, "judge": judge, "presentation": (response,)}
    said = parse_verdict(raw or "", protocol="score", labels=(response,), scale=_SCALE)
    if said.status != "ok":
        return Verdict(**key, status=said.status, reason=said.reason, raw=raw, rule=said.rule)
    scores = {response: said.scores[response]} if response in said.scores else None
    return Verdict(**key, scores=scores, raw=raw, rationale=said.rationale or None, rule=said.rule)
