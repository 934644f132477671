"""Which factors do the preferences of a run go with? The library's door to `analyses.profile`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..agents.factors import factors_of
from ..text.factor_rules import RULES
from ..text.factors import Factor

if TYPE_CHECKING:
    from ..analyses.profile_found import Profile
    from .extraction import Extracted
    from .outcome import Outcome
    from .study import Study


def profile(
    study: Study,
    run: Outcome | str,
    *,
    factors: Sequence[str | Factor] = (),
    extracted: Extracted | None = None,
    **options: Any,
) -> Profile:
    """Measure a run, and keep the result.

    Args:
        study: the study whose store holds the run.
        run: a closed run, or its id.
        factors: names, as `agents.factors.factor_of` knows them, or factors; all rules where none is given.
        extracted: what a model read off the responses, for factors that need one (`graphs.extraction.extract`).
        options: as `analyses.profile.Options` has them.

    Raises:
        NotFound: if there is no such run.
        BadInput: if there is nothing to measure, a name means no factor, or a factor needs a model and nothing was
            extracted.
    """
    from ..analyses.profile import profile as measured, save
    from ..analyses.profile_found import Options

    named = [name for name in factors if isinstance(name, str)]
    known = {name: made for name, made in zip(named, factors_of(named), strict=True)}
    chosen = [known[one] if isinstance(one, str) else one for one in factors] or [*RULES]
    found = measured(
        study.store,
        run if isinstance(run, str) else run.run,
        factors=chosen,
        extracted=None if extracted is None else extracted.column,
        options=Options(**options),
        named=named,
    )
    save(study.store, found)
    return found
