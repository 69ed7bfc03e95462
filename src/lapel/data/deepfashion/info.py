"""Rows of ``info.csv``: the table that the code of Liu & Lu (2018) makes of DeepFashion's lists.

The columns are those that ``create_info.py`` of fdjingyuan/Deep-Fashion-Analysis-ECCV2018 writes;
their traps:

- category and type of clothes count from 0 here;
- of a landmark, ``vis`` is 1 only where it is seen, ``in_pic`` is 0 only where it is cut off;
- a landmark that a garment does not have stands as seen at 0, 0: the lists of that code begin with
  ones, and nobody clears them. Here it is absent;
- an attribute that is unknown became 0, as a no.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lapel.data.deepfashion.lists import box_with_area
from lapel.data.deepfashion.names import Named, official_categories
from lapel.data.deepfashion.places import CLOTHES_TYPES, LANDMARKS
from lapel.data.deepfashion.schema import STATUS
from lapel.data.deepfashion.text import box_of, clothes_landmarks, number
from lapel.data.reading.listing import whole_numbers
from lapel.schema.geometry import Box, Landmark, Landmarks

#: Short for the eight landmarks, in their order.
SHORT = ("lc", "rc", "ls", "rs", "lw", "rw", "lh", "rh")

BOX_COLUMNS = ("x_1", "y_1", "x_2", "y_2")
PLACE_COLUMNS = tuple(f"lm_{name}_{axis}" for name in SHORT for axis in "xy")
VISIBLE_COLUMNS = tuple(f"lm_{name}_vis" for name in SHORT)
INSIDE_COLUMNS = tuple(f"lm_{name}_in_pic" for name in SHORT)

#: All columns before the attributes, in the order that the code writes them in.
COLUMNS = (
    "image_name",
    *BOX_COLUMNS,
    "evaluation_status",
    "category_label",
    "category_name",
    "category_type",
    *PLACE_COLUMNS,
    *VISIBLE_COLUMNS,
    *INSIDE_COLUMNS,
)

#: How the columns of attributes are called: ``attr_0``, ``attr_1``, ...
ATTRIBUTE_COLUMN = "attr_"

NO_PLACE = "landmarks at 0, 0 that the garment must have, taken as unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class InfoRow:
    """What stands before the attributes in one row."""

    image: str
    split: str
    category: str
    box: Box | None
    landmarks: Landmarks


def head_cells(head: str, count: int) -> list[str] | None:
    """The cells before the attributes, of a text that ends in a comma; None if not so many."""
    cells = next(csv.reader([head]), []) if '"' in head else head.split(",")
    return cells[:count] if len(cells) == count + 1 and not cells[-1] else None


def info_row(cells: Mapping[str, str], oddities: Counter[str]) -> InfoRow | tuple[str, str]:
    """A row, understood; or what was found and what was expected.

    Args:
        cells: column to cell, of ``COLUMNS``.
        oddities: counts what can be kept in part only.
    """
    box = box_of([cells[name] for name in BOX_COLUMNS])
    if box is None:
        found = " ".join(cells[name] for name in BOX_COLUMNS)
        return f"a box {found!r}", "x_1 y_1 x_2 y_2, x_2 and y_2 not before x_1 and y_1"
    split = STATUS.get(cells["evaluation_status"])
    if split is None:
        return f"evaluation_status {cells['evaluation_status']!r}", "train, val or test"
    category = _category(cells)
    if isinstance(category, str):
        return category, "a category of DeepFashion, its number and type from 0"
    landmarks = _landmarks(cells, clothes_landmarks(category.type), oddities)
    if isinstance(landmarks, str):
        return landmarks, "whole numbers, 0 or 1 for vis and in_pic"
    return InfoRow(
        image=cells["image_name"],
        split=split,
        category=category.name,
        box=box_with_area(box, oddities),
        landmarks=landmarks,
    )


def _category(cells: Mapping[str, str]) -> Named | str:
    """The category, if number, name and type agree; else what was found."""
    written = (cells["category_label"], cells["category_name"], cells["category_type"])
    found = f"category {', '.join(written)}"
    values = whole_numbers((written[0], written[2]))
    categories = official_categories()
    if values is None or values[0] >= len(categories):
        return found
    category = categories[values[0]]
    # Types count from 0 here, and from 1 in DeepFashion's own lists.
    fits = category == Named(written[1], values[1] + 1) and values[1] < len(CLOTHES_TYPES)
    return category if fits else found


def _landmarks(
    cells: Mapping[str, str], own: Sequence[str], oddities: Counter[str]
) -> Landmarks | str:
    """The landmarks of a row; what was found where they are none.

    Args:
        cells: column to cell.
        own: the landmarks that clothes of this type have.
        oddities: counts those without a place.
    """
    points: dict[str, Landmark] = {}
    cut, unknown = [], []
    for place, name in enumerate(LANDMARKS):
        columns = (
            *PLACE_COLUMNS[2 * place : 2 * place + 2],
            VISIBLE_COLUMNS[place],
            INSIDE_COLUMNS[place],
        )
        x, y, visible, inside = (number(cells[column]) for column in columns)
        if x is None or y is None or visible not in {0, 1} or inside not in {0, 1}:
            return f"{name} {' '.join(cells[column] for column in columns)!r}"
        if not inside:
            cut.append(name)
        elif x or y:
            points[name] = Landmark(x, y, visible == 1)
        elif name in own:
            unknown.append(name)
            oddities[NO_PLACE] += 1
    return Landmarks(points, tuple(cut), tuple(unknown))
