"""`plurijudge audit review`: which texts that a model wrote for audits does a person let stand?"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from ..text.errors import BadInput
from .options import DEFAULT_DB, Db, Json, examples
from .plain import answer, answer_json, say

if TYPE_CHECKING:
    from ..store.engine import Store
    from ..store.reviews import Proposal

EXAMPLES = examples(
    "plurijudge audit review",
    "plurijudge audit review --accept q1~written_verbosity@a --reject q2~written_verbosity@b",
    "plurijudge audit review --bias written_verbosity --yes --json",
)
_STATUSES = ("proposed", "accepted", "rejected")


def audit_review(
    accept: Annotated[list[str] | None, typer.Option("--accept", help="Accept this one; may be given again.")] = None,
    reject: Annotated[list[str] | None, typer.Option("--reject", help="Reject this one; may be given again.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Accept all that are shown.")] = False,
    no: Annotated[bool, typer.Option("--no", help="Reject all that are shown.")] = False,
    status: Annotated[
        str, typer.Option("--status", help="Show those that are proposed, accepted, rejected, or all.")
    ] = "proposed",
    bias: Annotated[str, typer.Option("--bias", help="Show those of one bias alone.")] = "",
    reviewer: Annotated[str, typer.Option("--reviewer", envvar="PLURIJUDGE_ANNOTATOR", help="Who reviews.")] = "",
    db: Db = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """Show each text that a model wrote for audits beside the original, and accept or reject it.

    On a terminal each is asked about in turn; elsewhere, and with --json, flags decide. What is rejected is left out of
    every audit from then on; what nobody has reviewed is used, and counted as such.

    Exit codes: 0 shown or reviewed, 2 bad usage.
    """
    from ..store.engine import Store
    from ..store.reviews import proposal_named, proposals, review

    named = [("accepted", [*(accept or [])]), ("rejected", [*(reject or [])])]
    _check(status, named, yes=yes, no=no)
    with Store.open(db) as store:
        whole = proposals(store)
        shown = [one for one in whole if status in (one.status, "all") and bias in ("", one.bias)]
        changed = 0
        if accept or reject:
            found = [(said, [proposal_named(whole, name) for name in names]) for said, names in named]
            if both := {one.id for one in found[0][1]} & {one.id for one in found[1][1]}:
                raise BadInput(f"`{min(both)}` is accepted and rejected at once.", way_out="name it once")
            changed = sum(review(store, some, said, reviewer=reviewer) for said, some in found)
        elif yes or no:
            changed = review(store, shown, "accepted" if yes else "rejected", reviewer=reviewer)
        elif not as_json and sys.stdin.isatty():
            changed = _ask(store, shown, reviewer)
        elif not as_json:
            for one in shown:
                _show(one)
        counts = Counter(one.status for one in proposals(store))
    told = {name: counts.get(name, 0) for name in _STATUSES}
    if as_json:
        answer_json({"changed": changed, **told, "rewritings": [one.to_dict() for one in shown]})
        return
    say(f"reviewed {changed}; now {', '.join(f'{n} {name}' for name, n in told.items())}")


def _check(status: str, named: Sequence[tuple[str, list[str]]], *, yes: bool, no: bool) -> None:
    """See that what was typed means one thing.

    Raises:
        BadInput: if it does not.
    """
    if status not in (*_STATUSES, "all"):
        raise BadInput(f"There is no status `{status}`.", way_out=f"one of {', '.join(_STATUSES)}, all")
    if yes and no:
        raise BadInput("`--yes` and `--no` contradict each other.", way_out="one of them")
    if (yes or no) and any(names for _, names in named):
        raise BadInput("`--yes` and `--no` are for all that are shown; names are given too.", way_out="leave out one")


def _ask(store: Store, shown: Sequence[Proposal], reviewer: str) -> int:
    """Ask about one after the other; what is said is kept at once."""
    from ..store.reviews import review

    done = 0
    for one in shown:
        _show(one)
        print("let it stand: y, n, s to skip, q to end [s]: ", end="", file=sys.stderr, flush=True)
        said = sys.stdin.readline()
        if said.strip() == "q" or not said:  # or Ctrl-D
            return done
        if said.strip() in ("y", "n"):
            done += review(store, [one], "accepted" if said.strip() == "y" else "rejected", reviewer=reviewer)
    say("nothing is left to review")
    return done


def _show(one: Proposal) -> None:
    answer(f"{one.id}  {one.bias}, by {one.writer}: {one.status}{f' by {one.reviewer}' if one.reviewer else ''}")
    for line in differences(one.before, one.after):
        answer(f"  {line}")
    answer("")


def differences(before: str, after: str) -> list[str]:
    """Two texts sentence by sentence: what is gone behind `-`, what is new behind `+`, the rest behind a blank.

    >>> differences("It is four. Bye.", "It is surely four. Bye.")
    ['- It is four.', '+ It is surely four.', '  Bye.']
    """
    from difflib import SequenceMatcher

    old, new = _sentences(before), _sentences(after)
    found = []
    for kind, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            found += [f"  {line}" for line in old[i:j]]
        else:
            found += [*(f"- {line}" for line in old[i:j]), *(f"+ {line}" for line in new[k:m])]
    return found


def _sentences(text: str) -> list[str]:
    import re

    return [part.strip() for part in re.split(r"(?<=[.!?])\s+|(?<=[。！？])|\n+", text) if part.strip()]
