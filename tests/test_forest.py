"""Does a forest plot say of each line what it is, where it lies, and whether it was found?"""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from plurijudge.metrics.estimate import Estimate
from plurijudge.reports.forest import Line, forest

SVG = "{http://www.w3.org/2000/svg}"
UNKNOWN = Estimate.unknown("no item has a value")


def estimate(value: float, low: float | None = None, high: float | None = None) -> Estimate:
    return Estimate(value, None, low, high, 0.95, "by hand", 10, 0)


def drawn(*rows: Line, **options: Any) -> ElementTree.Element:
    given: dict[str, Any] = {"title": "Effects", "unit": "points", **options}
    return ElementTree.fromstring(forest(rows, **given))


def texts(picture: ElementTree.Element) -> list[str]:
    return [one.text or "" for one in picture.iter(f"{SVG}text")]


def dots(picture: ElementTree.Element) -> list[float]:
    return [float(one.attrib["cx"]) for one in picture.iter(f"{SVG}circle")]


def bars(picture: ElementTree.Element) -> list[tuple[float, float]]:
    """The intervals, without the dashed line at nothing."""
    lines = [one.attrib for one in picture.iter(f"{SVG}line") if "stroke-dasharray" not in one.attrib]
    return [(float(one["x1"]), float(one["x2"])) for one in lines]


def nothing(picture: ElementTree.Element) -> float:
    (dashed,) = [one.attrib for one in picture.iter(f"{SVG}line") if "stroke-dasharray" in one.attrib]
    return float(dashed["x1"])


ROWS: list[Line] = [
    ("position", estimate(0.156, 0.103, 0.209), True),
    ("bandwagon", estimate(0.0, -0.05, 0.05), False),
    ("authority", estimate(-0.104, -0.2, 0.01), None),
    ("markdown", UNKNOWN, None),
]


def test_each_line_has_its_name_its_numbers_and_in_words_whether_it_was_found() -> None:
    said = texts(drawn(*ROWS))
    assert all(name in said for name, _, _ in ROWS)
    assert "+15.6 [+10.3, +20.9] found" in said
    assert "-10.4 [-20.0, +1.0]" in said and "unknown: no item has a value" in said
    assert sum("found" in one for one in said) == 1
    assert said[0] == "Effects" and said[-1] == "points"


def test_what_is_found_is_filled_and_what_is_not_is_hollow() -> None:
    fills = [one.attrib["fill"] for one in drawn(*ROWS).iter(f"{SVG}circle")]
    assert len(fills) == 3 and fills[0] != "white" and fills[1:] == ["white", "white"]


def test_points_stand_on_their_side_of_nothing_within_their_interval_and_the_picture() -> None:
    picture = drawn(*ROWS)
    middle, (position, bandwagon, authority) = nothing(picture), dots(picture)
    assert authority < middle == bandwagon < position
    for at, (low, high) in zip(dots(picture), bars(picture), strict=True):
        assert 0 < low < at < high < float(picture.attrib["width"])
    # distances are in proportion
    assert (position - middle) / (middle - authority) == pytest.approx(0.156 / 0.104, abs=0.01)


def test_the_axis_reaches_as_far_as_the_longest_interval_and_is_labelled_by_what_it_shows() -> None:
    picture = drawn(("one", estimate(0.3, 0.1, 0.5), True))
    ends = {one.text: float(one.attrib["x"]) for one in picture.iter(f"{SVG}text") if one.text in ("-50", "0", "+50")}
    assert ends.keys() == {"-50", "0", "+50"}
    assert bars(picture)[0][1] == pytest.approx(ends["+50"], abs=0.1)
    assert ends["0"] == pytest.approx(nothing(picture), abs=0.1)


def test_small_effects_are_not_blown_up_to_the_whole_width() -> None:
    tiny = drawn(("one", estimate(0.001, -0.001, 0.003), False))
    assert {"-5", "+5"} <= set(texts(tiny))
    low, high = bars(tiny)[0]
    assert high - low < 20


def test_an_estimate_without_an_interval_is_a_point_alone() -> None:
    picture = drawn(("one", estimate(0.2), False))
    assert len(dots(picture)) == 1 and not bars(picture)
    assert "+20.0" in texts(picture)


@pytest.mark.parametrize("rows", [[], [("markdown", UNKNOWN, None)]], ids=["no line", "nothing known"])
def test_without_a_number_there_is_a_picture_all_the_same(rows: list[Line]) -> None:
    picture = drawn(*rows)
    assert not dots(picture) and "points" in texts(picture)


def test_signs_of_xml_in_names_titles_and_reasons_stay_what_they_are() -> None:
    odd = "identity <b> & \"Ünïcode\" '中文' ]]>"
    picture = drawn((odd, estimate(0.1, 0.0, 0.2), True), ("u", Estimate.unknown("a < b"), None), title=odd, unit="<&>")
    assert texts(picture).count(odd) == 2 and "unknown: a < b" in texts(picture) and "<&>" in texts(picture)
    assert picture.findtext(f"{SVG}title") == odd


def test_lines_stand_below_each_other_and_the_picture_holds_them_all() -> None:
    rows: list[Line] = [(f"bias {n}", estimate(n / 100, 0, n / 50), n % 2 == 0) for n in range(30)]
    picture = drawn(*rows)
    heights = [float(one.attrib["cy"]) for one in picture.iter(f"{SVG}circle")]
    assert heights == sorted(set(heights)) and len(heights) == 30
    assert heights[-1] < float(picture.attrib["height"])


def test_another_scale_is_another_unit() -> None:
    assert "+0.2 [+0.1, +0.3]" in texts(drawn(("one", estimate(0.2, 0.1, 0.3), False), scale=1.0, unit="log-odds"))
