"""Is a factor found by its name, and a user's own in a file?"""

from __future__ import annotations

from pathlib import Path

import pytest

from plurijudge.agents.factors import factor_of, factors_of
from plurijudge.text.errors import BadInput
from plurijudge.text.factors import Texts, measured

OWN = '''
from plurijudge.text.factors import Factor

def questions(judged):
    """Question marks."""
    return judged.response.text.count("?")

asks = Factor("asks", "question marks", questions, direction=-1)
length = Factor("length", "another", questions)
number = 3
'''


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "my.py"
    path.write_text(OWN, encoding="utf-8")
    return path


def test_names_and_files_are_found(own: Path) -> None:
    found = factors_of(["length", f"{own}:questions", f"{own}:asks"])
    assert [factor.name for factor in found] == ["length", "questions", "asks"]
    assert [column.tolist() for column in measured([Texts("So? What?")], found).values()] == [[2.0], [2.0], [2.0]]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("lenght", "There is no factor `lenght`"),
        ("{own}:absent", "has no `absent`"),
        ("{own}:number", "`number` in .* is no factor"),
        ("{own}:length", "is called `length`, as one of ours is"),
        ("nowhere.py:x", "There is no file"),
    ],
)
def test_what_is_not_there_is_refused_with_the_reason(own: Path, name: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        factor_of(name.format(own=own))


def test_one_name_stands_once(own: Path) -> None:
    with pytest.raises(BadInput, match="Two factors are called `asks`"):
        factors_of([f"{own}:asks", f"{own}:asks"])
