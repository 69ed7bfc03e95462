"""One JSON file of DeepFashion2, checked: a photo's source, its pair, and its garments.

    {"source": "shop", "pair_id": 1811,
     "item1": {"category_id": 9, "category_name": "skirt", "style": 1,
               "bounding_box": [227, 86, 543, 455], "landmarks": [237, 160, 1, 378, 153, 2, ...],
               "segmentation": [[237, 160, 378, 153, 461, 92, ...]],
               "scale": 2, "occlusion": 2, "zoom_in": 1, "viewpoint": 2}}

Keys are in no order. A box is left, top, right, bottom; a landmark x, y and 2 visible, 1 hidden or
0 not labelled; an outline is a list of its corners. Source: the README of
github.com/switchablenorms/DeepFashion2.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from lapel.data.deepfashion2.words import Category, categories
from lapel.data.reading.json_records import is_number, is_whole, loaded_object, shown_value
from lapel.schema.garments import HIDDEN, UNLABELLED, VISIBLE, Garment, Point

SOURCES = ("shop", "user")

#: Three levels each: small to large, slight to heavy, none to large; not worn, frontal, side.
LEVELS = ("scale", "occlusion", "zoom_in", "viewpoint")

SHORT_OUTLINE = "outlines of fewer than three corners, kept as they are"
NO_AREA = "boxes without an area, kept as they are"

_ITEM = re.compile(r"item[0-9]+")


@dataclass(slots=True)
class Record:
    """What one file says.

    Attributes:
        source: ``shop`` or ``user``.
        pair: photos of one garment by shop and customers share it.
        garments: those of the photo, in the order of the file. Their facts are the file's own
            ``category_id``, ``style`` and levels, and ``item``, ``source`` and ``pair_id``.
        faults: what is wrong, each as what was found and what was expected.
        oddities: what is strange and kept, and how often.
    """

    source: str = ""
    pair: int = -1
    garments: list[Garment] = field(default_factory=list)
    faults: list[tuple[str, str]] = field(default_factory=list)
    oddities: Counter[str] = field(default_factory=Counter)

    def fault(self, found: str, expected: str) -> None:
        """Take down what is wrong."""
        self.faults.append((found, expected))


def parse_record(data: bytes) -> Record:
    """A file's bytes as a record.

    Raises:
        RecordError: no JSON, or no object.
    """
    value = loaded_object(data)
    record = Record()
    source, pair = value.pop("source", None), value.pop("pair_id", None)
    if source in SOURCES:
        record.source = source
    else:
        record.fault(f"source {shown_value(source)}", " or ".join(SOURCES))
    if is_whole(pair) and pair >= 0:
        record.pair = pair
    else:
        record.fault(f"pair_id {shown_value(pair)}", "a whole number from 0")
    for key, item in value.items():
        if _ITEM.fullmatch(key) and isinstance(item, dict):
            garment = _garment(key, item, record)
            if garment is not None:
                record.garments.append(garment)
        else:
            record.fault(f"{key!r}: {shown_value(item)}", "source, pair_id, and items as objects")
    return record


def _garment(key: str, item: dict[str, Any], record: Record) -> Garment | None:
    """An item; None where it is at fault."""
    number: Any = item.get("category_id")
    there = categories()
    if not (is_whole(number) and 1 <= number <= len(there)):
        record.fault(f"category_id {shown_value(number)} of {key}", f"1 to {len(there)}")
        return None
    category = there[number - 1]
    if item.get("category_name") != category.name:
        found = f"category_name {shown_value(item.get('category_name'))} of {key}"
        record.fault(found, f"{category.name!r}, as {number} is called")
    before = len(record.faults)
    facts = _facts(key, item, record)
    box = _box(key, item.get("bounding_box"), record)
    points, hidden = _points(key, item.get("landmarks"), category, record)
    outlines = _outlines(key, item.get("segmentation"), record)
    if len(record.faults) > before:
        return None
    return Garment(
        part=category.name,
        box=box,
        points=points,
        hidden=hidden,
        outlines=outlines,
        facts={"item": key, "category_id": category.number, **facts},
    )


def _facts(key: str, item: dict[str, Any], record: Record) -> dict[str, str | int | float]:
    """Style and levels, with the photo's own facts."""
    style: Any = item.get("style")
    if not is_whole(style) or style < 0:
        record.fault(f"style {shown_value(style)} of {key}", "a whole number from 0")
    for name in LEVELS:
        if item.get(name) not in (1, 2, 3) or not is_whole(item[name]):
            record.fault(f"{name} {shown_value(item.get(name))} of {key}", "1, 2 or 3")
    facts = {name: item.get(name, 0) for name in ("style", *LEVELS)}
    return {**facts, "source": record.source, "pair_id": record.pair}


def _box(key: str, value: Any, record: Record) -> tuple[float, float, float, float] | None:  # noqa: ANN401 - what JSON holds
    if not isinstance(value, list) or len(value) != 4 or not all(map(is_number, value)):
        record.fault(f"bounding_box {shown_value(value)} of {key}", "left, top, right, bottom")
        return None
    left, top, right, bottom = value
    if right < left or bottom < top:
        expected = "right and bottom beyond left and top"
        record.fault(f"bounding_box {shown_value(value)} of {key}", expected)
        return None
    record.oddities[NO_AREA] += right == left or bottom == top
    return left, top, right - left, bottom - top


def _points(
    key: str,
    value: Any,  # noqa: ANN401 - what JSON holds
    category: Category,
    record: Record,
) -> tuple[tuple[Point | None, ...], tuple[int, ...]]:
    """Landmarks, and the numbers of those that something hides."""
    expected = f"{category.count} times x, y and 0, 1 or 2, as a {category.name} has"
    if not isinstance(value, list) or len(value) != 3 * category.count:
        count = f"{len(value)} numbers" if isinstance(value, list) else shown_value(value)
        record.fault(f"{count} as landmarks of {key}", expected)
        return (), ()
    wrong = [one for one in value if not is_number(one)]
    wrong += [state for state in value[2::3] if state not in (UNLABELLED, HIDDEN, VISIBLE)]
    if wrong:
        record.fault(f"{shown_value(wrong[0])} among the landmarks of {key}", expected)
        return (), ()
    triples = list(zip(value[::3], value[1::3], value[2::3], strict=True))
    points = tuple(None if state == UNLABELLED else (x, y) for x, y, state in triples)
    hidden = tuple(place for place, (_, _, state) in enumerate(triples) if state == HIDDEN)
    return points, hidden


def _outlines(key: str, value: Any, record: Record) -> tuple[tuple[Point, ...], ...]:  # noqa: ANN401 - what JSON holds
    if not isinstance(value, list):
        record.fault(f"segmentation {shown_value(value)} of {key}", "a list of outlines")
        return ()
    outlines = []
    for outline in value:
        if not isinstance(outline, list) or len(outline) % 2 or not all(map(is_number, outline)):
            expected = "x and y of each corner"
            record.fault(f"{shown_value(outline)} as an outline of {key}", expected)
            continue
        record.oddities[SHORT_OUTLINE] += len(outline) < 6
        outlines.append(tuple(zip(outline[::2], outline[1::2], strict=True)))
    return tuple(outlines)
