"""Fashionpedia's ontology: 46 categories and 294 attributes, by their ids.

The table is ``ontology.tsv``, which names its source. Category 0 is a real one
(``shirt, blouse``); ids of attributes run from 0 to 340 with gaps.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

ONTOLOGY_FILE = "ontology.tsv"


@cache
def category_names() -> dict[int, str]:
    """Id to name of the categories, in the order of the ontology."""
    return _names("category")


@cache
def attribute_names() -> dict[int, str]:
    """Id to name of the attributes, in the order of the ontology."""
    return _names("attribute")


def _names(kind: str) -> dict[int, str]:
    text = resources.files(__package__).joinpath(ONTOLOGY_FILE).read_text("utf-8")
    rows = (line.split("\t") for line in text.splitlines() if not line.startswith("#"))
    return {int(row[1]): row[2] for row in rows if row[0] == kind}
