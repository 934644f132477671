"""plurijudge: a court of LLM judges that measures its own judges."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .agents.judge import Judge, judge_of
    from .agents.model import Limits
    from .graphs.budget import Budget
    from .graphs.contest import Contest
    from .graphs.one_item import judge_item, judge_item_sync, judge_pair, judge_pair_sync
    from .graphs.outcome import Outcome
    from .graphs.plan import Plan
    from .graphs.runner import Pace
    from .graphs.study import Study
    from .metrics.estimate import Estimate
    from .store.records import Decision, Gold, Item, Message, Part, Response, Verdict
    from .text.errors import PlurijudgeError
    from .text.verdict import ParsedVerdict, parse_verdict

_HOME = {
    "Budget": ".graphs.budget",
    "Contest": ".graphs.contest",
    "Decision": ".store.records",
    "Estimate": ".metrics.estimate",
    "Gold": ".store.records",
    "Item": ".store.records",
    "Judge": ".agents.judge",
    "Limits": ".agents.model",
    "Message": ".store.records",
    "Outcome": ".graphs.outcome",
    "Pace": ".graphs.runner",
    "ParsedVerdict": ".text.verdict",
    "Part": ".store.records",
    "Plan": ".graphs.plan",
    "PlurijudgeError": ".text.errors",
    "Response": ".store.records",
    "Study": ".graphs.study",
    "Verdict": ".store.records",
    "judge_item": ".graphs.one_item",
    "judge_item_sync": ".graphs.one_item",
    "judge_of": ".agents.judge",
    "judge_pair": ".graphs.one_item",
    "judge_pair_sync": ".graphs.one_item",
    "parse_verdict": ".text.verdict",
}

__all__ = [
    "Budget",
    "Contest",
    "Decision",
    "Estimate",
    "Gold",
    "Item",
    "Judge",
    "Limits",
    "Message",
    "Outcome",
    "Pace",
    "ParsedVerdict",
    "Part",
    "Plan",
    "PlurijudgeError",
    "Response",
    "Study",
    "Verdict",
    "judge_item",
    "judge_item_sync",
    "judge_of",
    "judge_pair",
    "judge_pair_sync",
    "parse_verdict",
]


def __getattr__(name: str) -> Any:
    """Import a public name's home on first use, so that `import plurijudge` costs nothing."""
    if name in _HOME:
        return getattr(import_module(_HOME[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
