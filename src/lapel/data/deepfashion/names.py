"""DeepFashion's own names: 50 categories, 1000 attributes, and how they are numbered.

The lists are ``deepfashion/categories.tsv`` and ``deepfashion/attributes.tsv``, which name their
source. Readers take names from the files of the dataset; these are for layouts that leave them
out, and for datasets that are written in DeepFashion's layouts.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import NamedTuple


class Named(NamedTuple):
    """A name of a list, with the number of its type, from 1."""

    name: str
    type: int


#: What the five types of attributes are called, in the order of their numbers, 1 to 5.
ATTRIBUTE_TASKS = ("texture", "fabric", "shape", "part", "style")

#: Each of these files begins with comments and a line of column names.
_COMMENT = "#"


@cache
def official_categories() -> tuple[Named, ...]:
    """The 50 categories with their type of clothes, in the order of their numbers, from 1."""
    return tuple(Named(row[1], int(row[2])) for row in _rows("categories.tsv"))


@cache
def official_attributes() -> tuple[Named, ...]:
    """The 1000 attributes with their type, in the order of their columns."""
    return tuple(Named(row[1], int(row[2])) for row in _rows("attributes.tsv"))


def _rows(name: str) -> list[list[str]]:
    text = resources.files(__package__).joinpath(name).read_text("utf-8")
    lines = [line for line in text.splitlines() if not line.startswith(_COMMENT)]
    return [line.split("\t") for line in lines[1:]]
