"""`plurijudge label`: which response do people prefer?"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..text.errors import BadInput
from .options import DEFAULT_DB, Db, Json, RunName, examples
from .plain import answer_json, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..analyses.routed import Routed
    from ..store.engine import Store
    from ..store.records import Gold, Item

_ONE = "plurijudge label last q17 --preferred a --annotator me"
EXAMPLES = examples(
    _ONE,
    "plurijudge label last q17 --scores a=4,b=2 --annotator me --group nurses",
    "plurijudge label last --annotator me",
    "plurijudge label last --routed --annotator me",
)


def label(
    run: RunName = "last",
    item: Annotated[
        str, typer.Argument(help="An item's id; without one, every item you have not labelled is shown.")
    ] = "",
    preferred: Annotated[str, typer.Option("--preferred", help="A response's id, `tie`, or several: a,tie.")] = "",
    scores: Annotated[str, typer.Option("--scores", help="Scores of responses: a=4,b=2.")] = "",
    annotator: Annotated[str, typer.Option("--annotator", envvar="PLURIJUDGE_ANNOTATOR", help="Who labels.")] = "",
    group: Annotated[str, typer.Option("--group", help="The group that the annotator belongs to.")] = "",
    routed: Annotated[
        bool, typer.Option("--routed", help="Only items that the run hands to people, the least sure ones first.")
    ] = False,
    db: Db = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """Label items by hand: one ITEM by flags, or one after the other, answers shown in random order without names.

    With --routed and --json nothing is asked: the items are listed.

    Exit codes: 0 labelled, 2 bad usage.
    """
    from ..store.engine import Store
    from ..store.runs import find_run

    if item and routed:
        raise BadInput("`--routed` shows several items; one is named too.", way_out="leave out one of them")
    with Store.open(db) as store:
        dataset = find_run(store, run).dataset
        handed = _routed(store, run) if routed else None
        if handed is not None and as_json:
            answer_json({"dataset": dataset, "routed": [one.to_dict() for one in handed]})
            return
        if item:
            from ..store.datasets import read_item

            record = read_item(store, dataset, item)
            gold = _gold(record, preferred, scores, annotator, group)
            _write(store, dataset, record, gold)
            done = 1
        elif as_json:
            raise BadInput("`--json` labels one item by flags: it asks nothing.", way_out=_ONE)
        elif not sys.stdin.isatty():
            raise BadInput("`label` asks one item after the other on a terminal only.", way_out=_ONE)
        else:
            names = None if handed is None else [one.item for one in handed]
            done = _ask_all(store, dataset, annotator, group, names)
    if as_json:
        answer_json({"dataset": dataset, "labelled": done, **_columns(gold, record.id)})
    else:
        say(f"labelled {done}")


def _columns(gold: Gold, item: str) -> dict[str, Any]:
    told = {"item": item, "annotator": gold.annotator, "annotator_group": gold.group}
    return {**told, "preferred": gold.preferred, "scores": gold.scores}


def _gold(item: Item, preferred: str, scores: str, annotator: str, group: str) -> Gold:
    from pydantic import ValidationError

    from ..store.records import TIE, Gold

    names = [name.strip() for name in preferred.split(",") if name.strip()]
    try:
        given = {k.strip(): float(v) for k, _, v in (pair.partition("=") for pair in scores.split(",") if pair.strip())}
    except ValueError:
        raise BadInput(f"`--scores {scores}` is not understood.", way_out="--scores a=4,b=2") from None
    if not names and not given:
        raise BadInput("`label` needs `--preferred` or `--scores`.", way_out="--preferred a")
    known = [response.id for response in item.responses]
    for flag, named, allowed in (("--preferred", names, [*known, TIE]), ("--scores", [*given], known)):
        if odd := [name for name in named if name not in allowed]:
            raise BadInput(
                f"`{flag}` names `{odd[0]}`, which is no response of the item `{item.id}`.",
                way_out="one of " + ", ".join(allowed),
            )
    try:
        return Gold(
            annotator=annotator,
            group=group,
            preferred=names[0] if len(names) == 1 else names or None,
            scores=given or None,
        )
    except ValidationError as error:
        said = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise BadInput(f"The label does not hold: {said}.", way_out="--preferred a, or --scores a=4,b=2") from error


def _write(store: Store, dataset: str, item: Item, gold: Gold) -> None:
    from ..store.engine import plain_errors, writing
    from ..store.rows import label_row
    from ..store.tables import metadata
    from ..store.writer import upsert

    keys = ("dataset", "item", "annotator", "annotator_group", "sample")
    with plain_errors(store.url), writing(store.engine).begin() as connection:
        statement = upsert(metadata.tables["label"], connection.dialect.name, keys)
        connection.execute(statement, label_row(gold, dataset=dataset, item=item.id, source="label"))


def _routed(store: Store, run: str) -> list[Routed]:
    from ..analyses.routed import routed

    found = routed(store, run)
    say(f"{len(found)} items are handed to people")
    return found


def _items(store: Store, dataset: str, names: list[str] | None) -> Iterator[Item]:
    """The items of these names in this order, or all of the data set."""
    from ..store.datasets import item_pages, read_item

    if names is not None:
        yield from (read_item(store, dataset, name) for name in names)
        return
    for page in item_pages(store, dataset, with_gold=True):
        yield from (item for _, item in page)


def _ask_all(store: Store, dataset: str, annotator: str, group: str, names: list[str] | None) -> int:
    import random

    from ..reports.terminal import heading, line

    done = 0
    order = random.Random()
    for item in _items(store, dataset, names):
        if len(item.responses) != 2 or any(g.annotator == annotator and g.group == group for g in item.gold):
            continue
        shown = list(item.responses)
        order.shuffle(shown)
        heading(f"item {item.id}")
        line(str(item.prompt if isinstance(item.prompt, str) else [m.content for m in item.prompt]))
        for number, response in enumerate(shown, 1):
            heading(f"answer {number}")
            line(str(response.text if response.text is not None else response.parts))
        print("better: 1, 2, t for a tie, s to skip, q to end [s]: ", end="", file=sys.stderr, flush=True)
        answer = sys.stdin.readline()
        if answer.strip() == "q" or not answer:  # or Ctrl-D
            return done
        chosen: dict[str, Any] = {"1": shown[0].id, "2": shown[1].id, "t": "tie"}
        if answer.strip() in chosen:
            _write(store, dataset, item, _gold(item, chosen[answer.strip()], "", annotator, group))
            done += 1
    say("no item is left")
    return done
