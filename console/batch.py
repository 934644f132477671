"""How does the terminal drive a run? Progress on stderr, Ctrl-C that drains, standard input that is kept."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shlex
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from ..text.errors import NothingToJudge, PlurijudgeError
from .options import DEFAULT_DB
from .plain import INTERRUPTED, leave_stopped, say
from .self_judge import tell_kin

if TYPE_CHECKING:
    from ..agents.judge import Judge
    from ..agents.panel import Panel
    from ..agents.perturbers.base import Perturber
    from ..agents.perturbers.written import Written
    from ..analyses.attack import Attacked
    from ..analyses.self_preference import Options
    from ..graphs.contest import Contest
    from ..graphs.legs import Leg
    from ..graphs.outcome import Outcome
    from ..graphs.plan import Plan
    from ..graphs.planting import Tried
    from ..graphs.rewriting import Rewritten
    from ..graphs.runner import Pace, Progress
    from ..graphs.self_preference import Trial
    from ..graphs.study import Study
    from ..store.engine import Store
    from ..store.faults import Fault
    from ..store.records import Item

T = TypeVar("T")
_EVERY = 30.0


@dataclass(slots=True)
class Batch:
    """One command's work on a run.

    Attributes:
        db: the store.
        pace: how its runs are driven.
        quiet: whether no progress is shown.
        question: whether somebody at a terminal is asked before a judge judges its own, or its family's, answers.
    """

    db: str
    pace: Pace
    quiet: bool = False
    question: bool = False
    _study: Study | None = None

    @property
    def study(self) -> Study:
        """The study, opened on first use."""
        if self._study is None:
            from ..graphs.study import Study

            self._study = Study(self.db)
        return self._study

    @property
    def store(self) -> Store:
        """The open store."""
        return self.study.store

    @property
    def db_flag(self) -> str:
        """What must be typed to name the same store again."""
        if self.db == os.environ.get("PLURIJUDGE_DB", DEFAULT_DB):
            return ""
        from ..store.engine import shown, store_url

        return f" --db {shlex.quote(shown(store_url(self.db)) if '://' in self.db else self.db)}"

    def judge(self, items: str, judge: Judge, plan: Plan, *, panel: Panel | None = None, strict: bool) -> Outcome:
        """Judge the items of a file, or of standard input.

        What is wrong with the file or the judge is said before there is a store, so that nothing is left half made.
        """
        from ..agents.tools.known import AUTO

        path = _file(items)
        if not path.stat().st_size:
            said = "Standard input" if items == "-" else str(path)
            raise NothingToJudge(f"{said} is empty.", way_out="one JSON object a line, as docs/files.md shows")
        _check(judge)
        if AUTO in judge.tools:
            judge = self.study.fixed(judge)
            names = ", ".join(judge.tools) or "none earned its place; plurijudge tools-gain tries them"
            say(f"tools: {names}")
        heed = partial(tell_kin, question=self.question)
        return self._run(
            lambda o: self.study.judge(
                path, judge, panel=panel, plan=plan, pace=self.pace, strict=strict, heed=partial(heed, **o), **o
            )
        )

    def audit(
        self, items: str, judge: Judge, perturbers: list[Perturber], *, limit: int | None, **options: Any
    ) -> Outcome:
        """Judge the items of a file, untouched ones twice, and what is derived from them."""
        from ..graphs.audit import check, planted

        check(judge)
        whole, plan = planted(self.given(items, judge, limit=limit), perturbers, **options)
        name = f"audit of {Path(items).name}"
        return self._run(lambda o: self.study.judge(whole, judge, plan=plan, name=name, **self._heeding(o)))

    def given(self, items: str, judge: Judge, *, limit: int | None) -> list[Item]:
        """The items of a file, or of standard input, that the judge can judge; what is left out is said."""
        from ..graphs.given import usable

        path = _file(items)
        _check(judge)
        found = list(islice(usable(path, judge, aside=_set_aside), limit))
        if not found:
            raise NothingToJudge(f"{path} holds no item that can be judged.", way_out="items as docs/files.md shows")
        return found

    def attack(self, items: Sequence[Item], judge: Judge, plan: Plan, *, name: str) -> Tried[Attacked]:
        """Judge items as they are and attacked, and count what the attacks won."""
        from ..graphs.attack import kept
        from ..graphs.planting import tried

        return self._run(lambda o: tried(self.study, items, judge, plan, kept, name=name, **self._heeding(o)))

    def _heeding(self, options: dict[str, Any]) -> dict[str, Any]:
        """How a run is driven that says beforehand where a judge meets its kin."""
        return {"pace": self.pace, "heed": partial(tell_kin, **options), **options}

    def rewrite(
        self, items: str, judge: Judge, writer: Judge, perturbers: list[Written], *, limit: int | None, fresh: bool
    ) -> Rewritten:
        """Have a model write what is planted in the items of a file that the judge can judge."""
        from ..graphs.given import usable
        from ..graphs.rewriting import Rewriting

        given = list(islice(usable(Path(items), judge), limit))
        return self._run(lambda o: Rewriting(self.store, writer, self.pace, fresh=fresh, **o).work(given, perturbers))

    def candidates(self, items: str, contest: Contest, *, plan: Plan, options: Options, strict: bool) -> Trial:
        """Have candidates answer the prompts of a file, and everybody judge the pairs."""
        from ..graphs.self_preference import try_candidates

        path = spool() if items == "-" else Path(items)
        for judge in contest.judges:
            _note_if_no_llm(judge)
        return self.work(
            lambda o: try_candidates(
                self.study, path, contest, plan=plan, pace=self.pace, options=options, strict=strict, told=say, **o
            )
        )

    def work(self, made: Callable[[dict[str, Any]], Coroutine[Any, Any, T]]) -> T:
        """Do work that goes on where it was stopped once the same command is typed again.

        Args:
            made: from `stop` and `watch`, by those names, the work.
        """
        try:
            return self._run(made)
        except PlurijudgeError as error:  # there is no one run to go on with
            error.way_out = re.sub(r"plurijudge judge --run last\S*( --db \S+)?", "the same command", error.way_out)
            raise

    def legs(self, items: str, legs: Sequence[Leg], *, strict: bool) -> tuple[dict[str, str], Outcome | None]:
        """Make runs that are held against each other, one after another.

        Gives those that are closed by the legs' names, and the one that was stopped.
        """
        from ..graphs.outcome import summary_line

        runs: dict[str, str] = {}
        path = str(spool()) if items == "-" else items
        for leg in legs:
            begun = time.monotonic()
            outcome = self.judge(path, leg.judge, leg.plan, panel=leg.panel, strict=strict)
            say(f"{outcome.run}, {leg.name}: {summary_line(outcome.sums, set_aside=outcome.set_aside)}")
            if outcome.status == "open":
                return runs, outcome
            runs[leg.name] = outcome.run
            self.spend(outcome, begun)
        return runs, None

    def spend(self, outcome: Outcome | Rewritten, begun: float) -> None:
        """Take what one of several runs took from the budget of those behind it.

        Args:
            outcome: what the run came to.
            begun: when it began, by the monotonic clock.
        """
        from ..graphs.legs import left_of

        self.pace = left_of(self.pace, outcome, seconds=time.monotonic() - begun)

    def legs_or_leave(self, items: str, legs: Sequence[Leg], *, strict: bool = False) -> dict[str, str]:
        """Make all of the runs, by their names; where one is stopped, the command ends."""
        runs, stopped = self.legs(items, legs, strict=strict)
        if stopped is not None:
            self.leave_stopped(stopped)
        return runs

    def leave_stopped(self, outcome: Outcome) -> NoReturn:
        """End the command where one of several runs was stopped."""
        say(f"stopped: {outcome.stopped}; start it again: what was answered is not paid again{self.db_flag}")
        leave_stopped(outcome.stopped)

    def resume(self, run: str) -> Outcome:
        """Go on with a run."""
        return self._run(lambda o: self.study.resume(run, pace=self.pace, **o), run=run)

    def retry(self, run: str) -> Outcome:
        """Ask again what failed in a run."""
        return self._run(lambda o: self.study.retry(run, pace=self.pace, **o))

    def close(self) -> None:
        """Release the store."""
        if self._study is not None:
            self._study.close()

    def _run(self, work: Callable[[dict[str, Any]], Coroutine[Any, Any, T]], *, run: str = "last") -> T:
        async def main() -> T:
            stop = asyncio.Event()
            _stop_on_signals(stop)
            ticker = Ticker(quiet=self.quiet)
            try:
                return await work({"stop": stop, "watch": ticker})
            finally:
                ticker.end()

        _ = self.store  # what is wrong with the store is said before anything else is loaded
        try:
            return asyncio.run(main())
        except PlurijudgeError as error:  # the way out names this run, in this store
            error.way_out = error.way_out.replace("--run last", f"--run {run}{self.db_flag}")
            raise


def _file(items: str) -> Path:
    """The file of items, or that in which standard input is kept.

    Raises:
        BadInput: if there is none, or it is of no known form.
    """
    from ..store.files import file_format

    path = spool() if items == "-" else Path(items)
    file_format(path)
    return path


def _check(judge: Judge) -> None:
    """See that a judge holds, and say so where it is no LLM."""
    judge.check()
    _note_if_no_llm(judge)


def _note_if_no_llm(judge: Judge) -> None:
    if not judge.is_llm:
        say(f"note: {judge.title} is no LLM")


def _set_aside(fault: Fault) -> None:
    say(f"set aside: {fault}")


def _stop_on_signals(stop: asyncio.Event) -> None:
    """The first Ctrl-C takes nothing new up and lets what is in flight end; the second leaves at once."""

    def stop_or_leave() -> None:
        if stop.is_set():
            say("left at once; what was in flight is asked again when the run goes on")
            os._exit(INTERRUPTED)
        say("stopping: what is in flight gets a moment; Ctrl-C again leaves at once")
        stop.set()

    loop = asyncio.get_running_loop()
    for name in ("SIGINT", "SIGTERM"):
        number = getattr(signal, name)
        try:
            loop.add_signal_handler(number, stop_or_leave)
        except (NotImplementedError, RuntimeError):  # no such thing on Windows, nor outside the main thread
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop_or_leave))


class Ticker:
    """Progress for people: a live line on a terminal, else a line each half minute."""

    def __init__(self, *, quiet: bool) -> None:
        """Show nothing yet."""
        self._quiet = quiet
        self._live = not quiet and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._last = time.monotonic()
        self._width = 0

    def __call__(self, progress: Progress) -> None:
        """Show how far the run is, at most ten times a second."""
        now = time.monotonic()
        if self._quiet or now - self._last < (0.1 if self._live else _EVERY):
            return
        self._last = now
        line = describe(progress)
        if self._live:
            sys.stderr.write("\r" + line.ljust(self._width))
            sys.stderr.flush()
            self._width = len(line)
        else:
            say(line)

    def end(self) -> None:
        """Leave the live line empty."""
        if self._live and self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
            sys.stderr.flush()


def describe(progress: Progress) -> str:
    """How far a run is, in one line."""
    looked_at = progress.done + progress.failed
    if progress.read and not progress.total:
        return f"reading: {progress.read:,} items stored"
    rate = progress.rate
    total = max(progress.total, progress.expected or 0)
    left = max(0, total - looked_at - progress.set_aside)
    parts = [f"{looked_at} of {total} items{'' if progress.expected else ' read so far'}"]
    if progress.failed:
        parts.append(f"{progress.failed} failed")
    if progress.set_aside:
        parts.append(f"{progress.set_aside} set aside")
    if rate:
        parts.append(f"{rate:.1f}/s")
        parts.append(f"{left / rate:.0f} s left")
    return ", ".join(parts)


def spool() -> Path:
    """Keep standard input in a file, so that the run can be gone on with; gives the file."""
    from .settings import state_folder

    folder = state_folder() / "spool"
    folder.mkdir(parents=True, exist_ok=True)
    held = folder / f"stdin-{os.getpid()}.part"
    with held.open("wb") as file:
        while block := sys.stdin.buffer.read(1 << 20):
            file.write(block)
    with held.open("rb") as file:
        name = hashlib.file_digest(file, "sha256").hexdigest()
    kept = folder / f"stdin-{name[:16]}.jsonl"
    held.replace(kept)
    return kept
