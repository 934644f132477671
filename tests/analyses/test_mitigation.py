"""Is a cure held against the judge without it, item by item, and is one that harms not recommended?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from plurijudge import Judge, Plan, Study
from plurijudge.agents.perturbers.known import perturbers_of
from plurijudge.analyses.mitigation import Mitigation, mitigation, save
from plurijudge.graphs.audit import perturbed
from plurijudge.graphs.planting import CONTROLS
from plurijudge.store.files import read_items
from plurijudge.store.records import Item
from plurijudge.text.errors import BadInput

EXAMPLES = Path(__file__).parents[2] / "examples" / "items.jsonl"
BIASED = "builtin/planted?position=1.5&bandwagon=1.5&quality=2"
FAIR = "builtin/planted?quality=2"


@pytest.fixture(scope="module")
def items() -> list[Item]:
    return [line.record for line in islice(read_items(EXAMPLES), 30) if line.record is not None]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    with Study(tmp_path_factory.mktemp("cures") / "s.db") as made:
        yield made


def audited(study: Study, items: list[Item], model: str, *biases: str) -> str:
    """The run of an audit."""
    whole = [*perturbed(items, perturbers_of(biases or ("bandwagon",)))]
    return study.judge_sync(whole, Judge(model), plan=Plan(controls=CONTROLS), name="audit").run


@pytest.fixture(scope="module")
def cured(study: Study, items: list[Item]) -> Mitigation:
    """A cure that takes away all of what was planted."""
    return mitigation(study.store, "fair", audited(study, items, BIASED), audited(study, items, FAIR))


def test_what_a_cure_takes_away_is_measured_and_recommended(cured: Mitigation) -> None:
    gains = {one.bias: one.gain for one in cured.cures}
    for bias in ("position", "bandwagon"):
        low = gains[bias].low
        assert low is not None and low > 0
    assert cured.use is True and cured.said.startswith("`fair` helps with")
    assert cured.calls == pytest.approx(1.0)


def test_a_cure_that_harms_is_not_to_be_used(study: Study, items: list[Item], cured: Mitigation) -> None:
    found = mitigation(study.store, "worse", cured.after, cured.before)
    assert found.use is False
    assert found.said.startswith("Do not use `worse`") and "position" in found.said


def test_a_cure_that_changes_nothing_is_not_known_to_help(study: Study, cured: Mitigation) -> None:
    found = mitigation(study.store, "none", cured.before, cured.before)
    assert found.use is None and all(one.gain.estimate == 0 for one in found.cures)


def test_other_items_are_refused(study: Study, items: list[Item], cured: Mitigation) -> None:
    other = audited(study, items[:5], FAIR)
    with pytest.raises(BadInput, match="same items"):
        mitigation(study.store, "x", cured.before, other)


def test_what_was_measured_is_kept(study: Study, cured: Mitigation) -> None:
    number = save(study.store, cured, command="plurijudge audit --run A --against B")
    with study.store.engine.connect() as connection:
        kept = connection.exec_driver_sql(
            f"SELECT bias, mitigation, measure FROM bias_effect WHERE analysis = {number} ORDER BY id"  # noqa: S608
        ).all()
    assert [tuple(row) for row in kept] == [(one.bias, "fair", "mitigation_gain") for one in cured.cures]
