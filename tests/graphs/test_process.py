"""Does a run leave the process as it found it?"""

from __future__ import annotations

import gc
import sys

from plurijudge.graphs.process import tuned


def state() -> tuple[float, tuple[int, int, int], bool]:
    return sys.getswitchinterval(), gc.get_threshold(), gc.get_freeze_count() > 0


def test_the_process_is_tuned_until_the_last_run_is_over() -> None:
    before = state()
    with tuned():
        first = state()
        with tuned():
            assert state() == first
        assert state() == first
    assert first[0] < before[0] and first[1][0] > before[1][0]
    assert state() == before


def test_what_a_program_has_set_itself_is_kept() -> None:
    gc.freeze()
    gc.disable()
    thresholds = gc.get_threshold()
    gc.set_threshold(0)
    try:
        with tuned():
            assert gc.get_threshold()[0] == 0 and not gc.isenabled()
        assert gc.get_freeze_count() > 0
    finally:
        gc.set_threshold(*thresholds)
        gc.enable()
        gc.unfreeze()
