"""Which lines of a file of recorded verdicts have nothing to be held against, and why?"""

from __future__ import annotations

import os
from collections.abc import Iterator

from ..store.faults import Fault
from ..store.files import read_verdicts
from .audit import Audit


def lines_set_aside(file: str | os.PathLike[str], found: Audit) -> Iterator[Fault]:
    """The lines of verdicts that an audit has set aside.

    Args:
        file: that the audited run was imported from.
        found: the audit.

    Yields:
        Each with its line and the reason, in the order of the file. Of lines with the same key the first was imported.

    Raises:
        BadInput: if the file cannot be read.
    """
    why = {(one.item, one.arm, one.shown, one.sample): one.reason for one in found.set_aside}
    for line in read_verdicts(file) if why else ():
        one = line.record
        if one is not None and (one.judge, one.persona, one.step) == (found.judge, "", ""):
            reason = why.pop((one.item, one.arm, one.presentation, one.sample), None)
            if reason is not None:
                yield Fault(str(file), line.number, "", reason)
