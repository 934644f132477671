"""A store with runs of one judge, with tools and without, whose rows tests put there by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert

from plurijudge.analyses.tool_records import Claim
from plurijudge.analyses.tools_gain import ARMS, ToolsGain, tools_gain
from plurijudge.store.canonical import canonical
from plurijudge.store.engine import Store, writing
from plurijudge.store.records import Decision, Gold, Item, Response, ToolCall, Verdict, VerdictKey
from plurijudge.store.rows import (
    decision_row,
    item_row,
    label_row,
    response_rows,
    tool_call_row,
    unit_columns,
    verdict_row,
)
from plurijudge.store.tables import metadata
from plurijudge.text.findings import implied_by

T = metadata.tables
AB, BA = ("a", "b"), ("b", "a")
JUDGE = {"model": "m", "protocol": "pairwise", "prompt": "", "tools": ["calculator"]}


def speaking_for(side: str, tool: str = "calculator") -> list[dict[str, Any]]:
    """Findings of which the answer of one side is right, and the other's wrong."""
    return [
        {"response": name, "claim": "", "holds": name == side, "found": "", "tool": tool, "final": True, "call": ""}
        for name in AB
    ]


def accusing(*names: str, tool: str = "calculator") -> list[dict[str, Any]]:
    """Findings of a wrong step in each of these responses."""
    return [one | {"final": False} for one in speaking_for("", tool) if one["response"] in names]


class Bench:
    """A store with runs of one judge, with tools and without, whose rows are put there by hand."""

    def __init__(self, store: Store) -> None:
        self.store, self.items = store, 0
        self.waiting: dict[str, list[dict[str, Any]]] = {}
        self._put("dataset", {"id": "d", "name": "by hand"})
        for name, probe in (("with", ""), ("without", ""), ("flipped", "flipped"), ("dead", "dead")):
            self.run(name, tools=["calculator"] if name != "without" else [], probe=probe)

    def run(
        self, name: str, *, tools: Sequence[str] = (), probe: str = "", status: str = "closed", **judge: Any
    ) -> None:
        """Add a run."""
        plan = {"judge": {**JUDGE, "tools": [*tools], **judge}, "plan": {"tool_probe": probe}}
        self._put("run", {"id": name, "dataset": "d", "judge": "j", "status": status, "plan": canonical(plan)})

    def item(self, gold: str | list[str] | None = "a", *, tool: str = "") -> str:
        """Add an item, with what gold prefers, and the tool that its `meta` names."""
        name, self.items = f"q{self.items}", self.items + 1
        labels = [] if gold is None else [Gold(preferred=gold)]
        sides = [Response(id=side, text=side) for side in AB]
        item = Item(id=name, prompt="?", responses=sides, gold=labels, meta={"tool": tool} if tool else {})
        self._put("item", item_row(item, dataset="d", position=self.items))
        self._put("response", *response_rows(item, dataset="d"))
        self._put("label", *(label_row(one, dataset="d", item=name, source="") for one in labels))
        return name

    def heard(
        self,
        item: str,
        own: str | None,
        *,
        run: str = "with",
        shown: tuple[str, ...] = AB,
        hands: Sequence[str] = ("calculator",),
        found: Sequence[dict[str, Any]] = (),
        asked: Sequence[dict[str, Any]] = (),
        flipped: bool = False,
        **more: Any,
    ) -> None:
        """Add one verdict: the model's own word, what tools found, what it asked; settled as a hearing settles it."""
        unit = VerdictKey(item=item, judge="j", arm=ARMS.get(run, ""), presentation=shown, sample=more.pop("sample", 0))
        told = {"status": "ok"} if own is not None else {"status": "unparseable", "reason": "no_verdict", **more}
        word = Verdict(**unit.model_dump(), preferred=own, **told)
        side = implied_by([claim_of(one) for one in found], AB)
        final = word if side in (None, own) else Verdict(**unit.model_dump(), preferred=side, rule="settled")
        verdicts = [word] if final is word else [final, word.model_copy(update={"step": "decide"})]
        self._put("verdict", *(verdict_row(one, run=run, dataset="d") for one in verdicts))
        rules = {"rules": {"calculator": "calculator" in hands}, "model": [h for h in hands if h != "calculator"]}
        calls: list[dict[str, Any]] = [{"tool": "gate", "call": "gate", "result": canonical(rules)}]
        calls += [
            {"tool": tool, "call": "check", "found": [one for one in found if one["tool"] == tool]} for tool in hands
        ]
        calls += [{"tool": "calculator", "call": f"c{n}", "round": 1, **one} for n, one in enumerate(asked)]
        for call in calls:
            claims: list[dict[str, Any]] = call.pop("found", [])
            told_of = {"response": implied_by([claim_of(one) for one in claims], AB), "findings": claims}
            whole = {"key": "", "arguments": "{}", "reason": "flipped" if flipped and claims else "", **call}
            row = ToolCall(unit=unit, implied=canonical(told_of) if claims else None, **whole)
            self._put("tool_call", tool_call_row(row, run=run, dataset="d"))

    def pair(self, item: str, first: str | None, second: str | None, **more: Any) -> None:
        """Add the verdicts of both presentations."""
        self.heard(item, first, shown=AB, **more)
        self.heard(item, second, shown=BA, **more)

    def decide(self, item: str, outcome: Any, preferred: str | None = None, *, run: str = "with") -> None:
        """Add a decision."""
        made = Decision(item=item, judge="j", outcome=outcome, preferred=preferred, rule="by hand", verdicts=2)
        self._put("decision", decision_row(made, run=run, dataset="d"))

    def call(self, item: str, run: str, **columns: Any) -> int:
        """Add a model call, and give its row's number."""
        self.write()
        unit = VerdictKey(item=item, judge="j", presentation=AB)
        with writing(self.store.engine).begin() as connection:
            row = {"key": "k", "run": run, "dataset": "d", **unit_columns(unit), "status": "ok", **columns}
            made = connection.execute(insert(T["call"]).values(row)).inserted_primary_key
        assert made is not None
        return int(made[0])

    def write(self) -> None:
        """Put down what waits."""
        with writing(self.store.engine).begin() as connection:
            for table, rows in self.waiting.items():
                if rows:
                    connection.execute(insert(T[table]), rows)
        self.waiting = {table: [] for table in self.waiting}

    def measured(self, *, with_run: str = "with", probes: bool = False) -> ToolsGain:
        """What the runs say."""
        self.write()
        more = {"flipped_run": "flipped", "dead_run": "dead"} if probes else {}
        return tools_gain(self.store, with_run, "without", **more)

    def share(self, measure: str, tool: str = "") -> float | None:
        """One of the estimates."""
        return self.measured().one(measure, tool=tool).estimate.estimate

    def _put(self, table: str, *rows: dict[str, Any]) -> None:
        self.waiting.setdefault(table, []).extend(rows)


def claim_of(finding: dict[str, Any]) -> Claim:
    """A finding as the records of a run have it."""
    return Claim(finding["response"], finding["holds"], finding["final"], finding["tool"])
