"""Are DOIs and ISBNs told from what only looks like them?"""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from plurijudge.text.identifiers import is_doi, is_isbn

DIGITS = "0123456789"
NINE = st.text(alphabet=DIGITS, min_size=9, max_size=9)


def isbn_10(nine: str) -> str:
    """The number with its check digit, counted as ISO 2108 has it: places weigh 1 to 9, the rest of 11 is the digit."""
    rest = sum(place * int(sign) for place, sign in enumerate(nine, 1)) % 11
    return nine + ("X" if rest == 10 else str(rest))


def isbn_13(nine: str, prefix: str) -> str:
    """The number with its check digit: what its digits, weighed 1 and 3 in turn, lack to a multiple of 10."""
    twelve = prefix + nine
    total = sum(map(int, twelve[::2])) + 3 * sum(map(int, twelve[1::2]))
    return twelve + str(-total % 10)


@pytest.mark.parametrize(
    "doi",
    [
        "10.1037/pspp0000470",
        "10.48550/arXiv.2404.10857",
        "10.1525/eth.1993.21.4.02a00040",
        "10.1163/9789004368811_003",
        "10.1002/(SICI)1097-4571(199806)49:8%3C693::AID-ASI4%3E3.0.CO;2-O",
        "10.123456789/x",
    ],
)
def test_a_doi_is_known_by_its_form(doi: str) -> None:
    assert is_doi(doi)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://doi.org/10.1037/pspp0000470",
        "doi:10.1037/pspp0000470",
        "10.1037",
        "10.1037/",
        "10.103/too-few-digits",
        "10.1234567890/too-many",
        "11.1037/pspp0000470",
        "10.1037/two words",
        "10.1037/pspp0000470\n",
        " 10.1037/pspp0000470",
        'see "10.1037/pspp0000470"',
        "arXiv:2404.10857",
    ],
)
def test_what_is_no_bare_doi_is_none(text: str) -> None:
    assert not is_doi(text)


@pytest.mark.parametrize(
    "isbn",
    [
        "9780520084278",
        "978-0-674-02776-3",
        "978 0 691 03779 0",
        "979-10-90636-07-1",
        "0-691-03779-5",
        "0 306 40615 2",
        "080442957X",
        "0-8044-2957-x",
    ],
)
def test_an_isbn_of_either_length_is_one_however_it_is_parted(isbn: str) -> None:
    assert is_isbn(isbn)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "978052008427",
        "97805200842780",
        "9770520084279",  # its check digit is right, but 977 is the prefix of periodicals
        "0804429571",
        "08044295X7",
        "X804429570",
        "978052008427X",
        "ISBN 9780520084278",
        "978.0.520.08427.8",
        "9780520084278\n",
    ],
)
def test_what_is_no_isbn_is_none(text: str) -> None:
    assert not is_isbn(text)


@given(NINE, st.sampled_from(["978", "979"]))
def test_the_check_digit_makes_an_isbn_and_no_other_does(nine: str, prefix: str) -> None:
    short, long = isbn_10(nine), isbn_13(nine, prefix)
    assert [sign for sign in DIGITS + "X" if is_isbn(nine + sign)] == [short[-1]]
    assert [sign for sign in DIGITS if is_isbn(prefix + nine + sign)] == [long[-1]]


@given(NINE, st.sampled_from(["", "978", "979"]), st.data())
def test_one_changed_digit_breaks_an_isbn(nine: str, prefix: str, data: st.DataObject) -> None:
    right = isbn_13(nine, prefix) if prefix else isbn_10(nine)
    place = data.draw(st.integers(len(prefix), len(right) - 1))
    other = data.draw(st.sampled_from([sign for sign in DIGITS if sign != right[place]]))
    assert is_isbn(right)
    assert not is_isbn(right[:place] + other + right[place + 1 :])


@given(NINE, st.integers(0, 7))
def test_two_neighbours_changed_about_break_an_isbn_of_ten_digits(nine: str, place: int) -> None:
    right = isbn_10(nine)
    swapped = right[:place] + right[place + 1] + right[place] + right[place + 2 :]
    assert is_isbn(swapped) == (swapped == right)


@given(NINE, st.lists(st.integers(0, 13), max_size=4), st.sampled_from(["-", " "]))
def test_hyphens_and_blanks_do_not_count(nine: str, places: list[int], mark: str) -> None:
    right = isbn_13(nine, "978")
    for place in places:
        right = right[:place] + mark + right[place:]
    assert is_isbn(right)
