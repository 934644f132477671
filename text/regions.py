"""Which parts of the world are there? The subregions of the UN's M49 standard, to see what a panel leaves out."""

from __future__ import annotations

SUBREGIONS: dict[str, str] = {
    "015": "Northern Africa",
    "014": "Eastern Africa",
    "017": "Middle Africa",
    "018": "Southern Africa",
    "011": "Western Africa",
    "029": "Caribbean",
    "013": "Central America",
    "005": "South America",
    "021": "Northern America",
    "143": "Central Asia",
    "030": "Eastern Asia",
    "035": "South-eastern Asia",
    "034": "Southern Asia",
    "145": "Western Asia",
    "151": "Eastern Europe",
    "154": "Northern Europe",
    "039": "Southern Europe",
    "155": "Western Europe",
    "053": "Australia and New Zealand",
    "054": "Melanesia",
    "057": "Micronesia",
    "061": "Polynesia",
}
"""Code and name of each, as the United Nations Statistics Division lists them."""


def unknown_codes(codes: list[str]) -> list[str]:
    """Those that are no subregion's.

    >>> unknown_codes(["015", "002", "053"])
    ['002']
    """
    return [code for code in codes if code not in SUBREGIONS]
