"""One JSON file of K-Fashion, checked: the picture's size, its labels, and where its garments are.

    {"이미지 정보": {"이미지 식별자": 100026, "이미지 높이": 800, "이미지 너비": 800, ...},
     "데이터셋 정보": {"데이터셋 상세설명": {
       "렉트좌표":   {"상의": [{"X좌표": 260.144, "Y좌표": 59.4, "가로": 295, "세로": 335}], ...},
       "폴리곤좌표": {"상의": [{"X좌표1": 350.5, "Y좌표1": 63.9, "X좌표2": 260.6, ...}], ...},
       "라벨링": {"스타일": [{"스타일": "로맨틱"}], "상의": [{"카테고리": "블라우스", ...}], ...}}}}

A part that is not there is ``[{}]``. 가로 and 세로 are width and height.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from lapel.data.kfashion.words import PARTS
from lapel.data.reading.json_records import (
    RecordError,
    is_number,
    is_whole,
    loaded_object,
    shown_value,
)
from lapel.schema.garments import Garment, Point

IMAGE, DATA, DETAILS = "이미지 정보", "데이터셋 정보", "데이터셋 상세설명"
BOXES, OUTLINES, LABELS = "렉트좌표", "폴리곤좌표", "라벨링"
IDENTIFIER, WIDTH, HEIGHT = "이미지 식별자", "이미지 너비", "이미지 높이"
BOX_KEYS = ("X좌표", "Y좌표", "가로", "세로")

_CORNER = re.compile(r"([XY])좌표(\d+)")


@dataclass(slots=True)
class Record:
    """What one file says.

    Attributes:
        identifier: number of the image; its file is ``IDENTIFIER.jpg``.
        labels: part (or 스타일) to the fields and words of its first garment.
        garments: where garments are.
        faults: what is wrong, each as what was found and what was expected.
        oddities: what was passed over or mended, and how often.
    """

    identifier: int = -1
    labels: dict[str, dict[str, Any]] = field(default_factory=dict)
    garments: list[Garment] = field(default_factory=list)
    faults: list[tuple[str, str]] = field(default_factory=list)
    oddities: Counter[str] = field(default_factory=Counter)


def parse_record(data: bytes, *, places: bool = True) -> Record:
    """A file's bytes as a record.

    Args:
        data: JSON in UTF-8.
        places: whether boxes and outlines are looked at.

    Raises:
        RecordError: no JSON, or without the parts that everything else hangs on.
    """
    value = loaded_object(data, unique=False)
    image = _member(value, IMAGE)
    details = _member(_member(value, DATA), DETAILS)
    record = Record()
    identifier: Any = image.get(IDENTIFIER)
    if is_whole(identifier):
        record.identifier = identifier
    else:
        record.faults.append((f"{IDENTIFIER} {shown_value(identifier)}", "a whole number"))
    for part, entries in _parts(details, LABELS, record).items():
        filled = [entry for entry in entries if entry]
        if len(filled) > 1:
            record.oddities["garments of a part beyond the first, whose labels are left out"] += 1
        record.labels[part] = filled[0] if filled else {}
    if places:
        _read_places(image, details, record)
    return record


def _member(value: dict[str, Any], key: str) -> dict[str, Any]:
    found = value.get(key)
    if not isinstance(found, dict):
        raise RecordError(f"{shown_value(found)} as {key!r}", "an object")
    return found


def _parts(details: dict[str, Any], key: str, record: Record) -> dict[str, list[dict[str, Any]]]:
    """Part to its entries; an object that is none becomes a fault."""
    found = details.get(key)
    if not isinstance(found, dict):
        record.faults.append((f"{shown_value(found)} as {key!r}", "an object of lists"))
        return {}
    parts = {}
    for part, entries in found.items():
        if isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries):
            parts[part] = entries
        else:
            expected = "a list of objects, [{}] where there is none"
            record.faults.append((f"{shown_value(entries)} as {key} of {part!r}", expected))
    return parts


def _read_places(image: dict[str, Any], details: dict[str, Any], record: Record) -> None:
    size: tuple[Any, Any] = (image.get(WIDTH), image.get(HEIGHT))
    if not all(is_whole(side) and side > 0 for side in size):
        found = f"{WIDTH} {shown_value(size[0])}, {HEIGHT} {shown_value(size[1])}"
        record.faults.append((found, "pixels"))
        return
    boxes = _parts(details, BOXES, record)
    outlines = _parts(details, OUTLINES, record)
    for part in dict.fromkeys([*boxes, *outlines]):
        if part not in PARTS:
            record.faults.append((f"the part {part!r}", f"one of {', '.join(PARTS)}"))
    for part in PARTS:  # the keys of a file are in no order
        rows = max(len(boxes.get(part, ())), len(outlines.get(part, ())))
        for row in range(rows):
            box = _box(_entry(boxes, part, row), size, f"{BOXES} of {part!r}", record)
            outline = _outline(_entry(outlines, part, row), f"{OUTLINES} of {part!r}", record)
            if box is not None or outline:
                shapes = (outline,) if outline else ()
                record.garments.append(Garment(part=part, box=box, outlines=shapes))


def _entry(parts: dict[str, list[dict[str, Any]]], part: str, row: int) -> dict[str, Any]:
    entries = parts.get(part, [])
    return entries[row] if row < len(entries) else {}


def _box(
    entry: dict[str, Any], size: tuple[int, int], where: str, record: Record
) -> tuple[float, float, float, float] | None:
    """A box, cut where it reaches over the picture's edge; None where there is none."""
    if not entry:
        return None
    values: list[Any] = [entry.get(key) for key in BOX_KEYS]
    if set(entry) != set(BOX_KEYS) or not all(map(is_number, values)):
        record.faults.append(
            (f"{shown_value(entry)} as {where}", f"numbers: {', '.join(BOX_KEYS)}")
        )
        return None
    left, top, width, height = values
    if width < 0 or height < 0:
        record.faults.append((f"a box {_size(width, height)} as {where}", "sizes from 0"))
        return None
    if width * height == 0:
        record.oddities["boxes without an area, left out"] += 1
        return None
    return _cut((left, top, width, height), size, where, record)


def _cut(
    box: tuple[float, float, float, float], size: tuple[int, int], where: str, record: Record
) -> tuple[float, float, float, float] | None:
    """A box without what reaches over the picture's edge."""
    left, top, width, height = box
    right, bottom = min(left + width, size[0]), min(top + height, size[1])
    inside_left, inside_top = max(left, 0), max(top, 0)
    if right <= inside_left or bottom <= inside_top:
        found = f"a box at {left:g}, {top:g} {_size(width, height)} as {where}"
        record.faults.append((found, f"it in the picture {_size(*size)} pixels"))
        return None
    if (inside_left, inside_top, right, bottom) == (left, top, left + width, top + height):
        return box
    record.oddities["boxes that reached over the picture's edge, cut there"] += 1
    return inside_left, inside_top, right - inside_left, bottom - inside_top


def _size(width: float, height: float) -> str:
    return f"of {width:g} × {height:g}"  # noqa: RUF001 - the sign for sizes


def _outline(entry: dict[str, Any], where: str, record: Record) -> tuple[Point, ...]:
    """Numbered corners in the order of their numbers; empty where there is no outline."""
    axes: dict[str, dict[int, float]] = {"X": {}, "Y": {}}
    for key, value in entry.items():
        match = _CORNER.fullmatch(key)
        if match is None or not is_number(value):
            found = f"{key!r}: {shown_value(value)} in {where}"
            record.faults.append((found, "numbers, each X좌표N or Y좌표N"))
            return ()
        axes[match[1]][int(match[2])] = value
    numbers = sorted(axes["X"])
    if numbers != sorted(axes["Y"]) or numbers != list(range(1, len(numbers) + 1)):
        lone = sorted(axes["X"].keys() ^ axes["Y"].keys()) or numbers
        found = f"corner {lone[0]} without its other half or out of order in {where}"
        record.faults.append((found, "X and Y of corners 1, 2, 3, ..."))
        return ()
    if 0 < len(numbers) < 3:
        record.oddities["outlines of fewer than three corners, left out"] += 1
        return ()
    return tuple((axes["X"][number], axes["Y"][number]) for number in numbers)
