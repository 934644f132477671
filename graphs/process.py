"""How does a run tune the process that it is in? While any run is at work, and no longer."""

from __future__ import annotations

import contextlib
import gc
import sys
import threading
from collections.abc import Iterator

_SWITCH = 0.001
_THRESHOLDS = (20_000, 20, 20)

_at_work = 0
_counting = threading.Lock()
_before: tuple[float, tuple[int, int, int], bool] = (0.0, (0, 0, 0), False)


@contextlib.contextmanager
def tuned() -> Iterator[None]:
    """Let threads take turns more often, and collect garbage less often, until the last run of the process is over.

    SQLite's driver gives the interpreter away for each statement, and gets it back from a busy event loop only after a
    switch interval, 5 ms as a rule: a commit would wait longer than it works. With all libraries loaded a full
    collection looks at hundreds of thousands of objects that stay, which took a sixth of a run's CPU time.
    """
    global _at_work, _before
    with _counting:
        if _at_work == 0:
            freezes = gc.get_freeze_count() == 0
            _before = sys.getswitchinterval(), gc.get_threshold(), freezes
            sys.setswitchinterval(min(_before[0], _SWITCH))
            if _before[1][0]:  # 0 means that the user has switched collection off
                gc.set_threshold(*_THRESHOLDS)
            if freezes:
                gc.freeze()
        _at_work += 1
    try:
        yield
    finally:
        with _counting:
            _at_work -= 1
            if _at_work == 0:
                switch, thresholds, froze = _before
                sys.setswitchinterval(switch)
                gc.set_threshold(*thresholds)
                if froze:
                    gc.unfreeze()
