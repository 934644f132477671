"""When a few answers take ten times as long as most, how near does a run come to a perfect scheduler?

    python benchmarks/scheduling.py [--verdicts 1000] [--concurrency 50] [--median 2] [--scale 0.2] [--seed 1]
                                    [--most K] [--share S] [--told] [--transport auto|direct|litellm]

The server's latencies are lognormal with the median that is given and a 99th percentile of ten times that, each a
function of the verdict that is asked for; `--scale` shrinks them all. The perfect scheduler gets the same verdicts in
the order in which ours first asked for them, with the same draws and lanes: as soon as a lane is free it starts the
next, and nothing else takes it any time. It knows the server's limits beforehand and never meets a 429:

    --most K       the server answers 429 above K in flight, fewer than the client may have
    --share S      the server limits the tokens a minute to S times what the lanes alone would get through
    --told         the client is told of that limit too, where `Limits` has a field for it

One JSON line on standard output:

    answered, decided     seconds from the call of `Study.judge` until 95, 99 and 100 % of the verdicts were answered
                          by the server, and of the items were decided (which takes both verdicts, in the store)
    perfect_*             the same for the perfect scheduler, from when it begins
    over_*                the first over the second
    limit_used            tokens let in over all that the limit would have let in until the last of them

Exit codes: 0 done, 2 it could not be carried out.
"""

from __future__ import annotations

import argparse
import heapq
import json
import math
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plurijudge.benchmarks.cases import Law
from plurijudge.benchmarks.peers.trial import Failed, Setting, trial
from plurijudge.benchmarks.server import Bucket, Server
from plurijudge.benchmarks.throughput import ready_folder

SHARES = (95, 99, 100)
_TOKENS = 575  # of one request and its answer, near enough to set a limit by; what is reported is counted


@dataclass(frozen=True, slots=True)
class Draw:
    """One verdict as the server met it: the item's number, its latency in seconds, its tokens."""

    number: int
    seconds: float
    tokens: int


def perfect(draws: Sequence[Draw], lanes: int, bucket: Bucket | None = None) -> list[float]:
    """When each verdict is answered under greedy list scheduling, in seconds, in the order of the draws.

    Args:
        draws: what is to be done, in the order in which it is started.
        lanes: how many may be in flight.
        bucket: the limit of tokens, filled at time 0.
    """
    free = [0.0] * min(lanes, max(1, len(draws)))
    ends: list[float] = []
    now = 0.0
    for draw in draws:
        now = max(now, heapq.heappop(free))
        if bucket is not None:
            while (wait := bucket.take(draw.tokens, now)) > 0:
                now += wait + 1e-9
        ends.append(now + draw.seconds)
        heapq.heappush(free, ends[-1])
    return ends


def when(times: Iterable[float]) -> dict[str, float]:
    """The times by which 95, 99 and 100 % were there."""
    ordered = sorted(times)
    return {str(share): ordered[math.ceil(len(ordered) * share / 100) - 1] for share in SHARES}


def by_item(draws: Sequence[Draw], ends: Sequence[float]) -> list[float]:
    """When each item's last verdict is answered."""
    last: dict[int, float] = defaultdict(float)
    for draw, end in zip(draws, ends, strict=True):
        last[draw.number] = max(last[draw.number], end)
    return list(last.values())


def ratios(ours: dict[str, float], best: dict[str, float]) -> dict[str, float]:
    """Ours over the best, share by share."""
    return {share: round(ours[share] / best[share], 3) for share in ours}


def rounded(times: dict[str, float]) -> dict[str, float]:
    """Times as they are printed."""
    return {share: round(seconds, 3) for share, seconds in times.items()}


def run(setting: Setting, law: Law, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Judge once, and compare."""
    lanes = min(setting.concurrency, options.most or setting.concurrency)
    limit = None if options.share is None else 60 * options.share * lanes * _TOKENS / law.mean
    limits: dict[str, Any] = {"transport": options.transport} if options.transport else {}
    if options.told and limit is not None:
        limits["tokens_per_minute"] = round(limit)
    server = Server(law, most=options.most, tokens_per_minute=limit, burst=options.burst)
    with server:
        line = trial("plurijudge", setting, folder, options={"limits": limits, "stamps": True}, server=server)
    seen, began = line["server"], line["started"]
    draws = [Draw(number, seconds, tokens) for number, _, _, seconds, tokens in seen["draws"]]
    bucket = None if limit is None else Bucket(limit / 60, options.burst)
    ends = perfect(draws, lanes, bucket)
    answered, decided = (when(at - began for at in times) for times in (seen["timeline"], line["decided"]))
    best_answered, best_decided = when(ends), when(by_item(draws, ends))
    used = None
    if limit is not None:
        used = round(seen["tokens"] / (limit / 60 * (seen["let_in"] - seen["first"] + options.burst)), 3)
    return {
        "answered": rounded(answered),
        "decided": rounded(decided),
        "perfect_answered": rounded(best_answered),
        "perfect_decided": rounded(best_decided),
        "over_answered": ratios(answered, best_answered),
        "over_decided": ratios(decided, best_decided),
        "cpu_ms": round(1000 * line["cpu_s"] / setting.verdicts, 3),
        "tokens_per_minute": None if limit is None else round(limit),
        "limit_used": used,
        "greatest_in_flight": seen["greatest"],
        "received": seen["received"],
        "refused": seen["refused"],
    }


def main(arguments: list[str] | None = None) -> int:
    """Carry it out; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--verdicts", type=int, default=1000, metavar="N")
    parser.add_argument("--concurrency", type=int, default=50, metavar="C")
    parser.add_argument("--median", type=float, default=2.0, metavar="S")
    parser.add_argument("--scale", type=float, default=0.2, metavar="X")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--most", type=int, metavar="K")
    parser.add_argument("--share", type=float, metavar="S", help="tokens allowed, over what the lanes would use")
    parser.add_argument("--burst", type=float, default=1.0, metavar="S", help="seconds of the limit at once")
    parser.add_argument("--told", action="store_true")
    parser.add_argument("--transport", choices=("auto", "direct", "litellm"), default="")
    options = parser.parse_args(arguments)
    setting = Setting(options.verdicts + options.verdicts % 2, options.concurrency, options.median, patience=7200.0)
    law = Law("lognormal", options.median, options.scale, options.seed)
    told = {
        name: getattr(options, name) for name in ("concurrency", "median", "scale", "seed", "most", "share", "told")
    }
    try:
        with ready_folder() as folder:
            line = run(setting, law, folder, options)
    except (Failed, RuntimeError) as why:
        print(f"It could not be carried out: {why}", file=sys.stderr)
        return 2
    print(json.dumps({"benchmark": "scheduling", "verdicts": setting.verdicts, **told, **line}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
