"""Can a reader find what is cited? The forms of DOIs and ISBNs."""

from __future__ import annotations

import re

_DOI = re.compile(r"10\.\d{4,9}/[^\s\"<>]+")


def is_doi(text: str) -> bool:
    """Whether a text has the form of a DOI, without the resolver's address before it.

    >>> is_doi("10.1037/pspp0000470"), is_doi("https://doi.org/10.1037/pspp0000470")
    (True, False)
    """
    return _DOI.fullmatch(text) is not None


def is_isbn(text: str) -> bool:
    """Whether a text is an ISBN of 10 or 13 digits whose check digit is right; hyphens and blanks do not count.

    >>> is_isbn("978-0-691-03779-0"), is_isbn("9780691037791"), is_isbn("0-691-03779-5")
    (True, False, True)
    """
    signs = re.sub(r"[- ]", "", text).upper()
    if re.fullmatch(r"97[89]\d{10}", signs):
        return sum(int(sign) * (3 if place % 2 else 1) for place, sign in enumerate(signs)) % 10 == 0
    if re.fullmatch(r"\d{9}[\dX]", signs):
        return sum((10 - place) * (10 if sign == "X" else int(sign)) for place, sign in enumerate(signs)) % 11 == 0
    return False
