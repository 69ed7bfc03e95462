"""``garments.jsonl``: boxes, points and outlines that a layout knows, kept beside the table.

No kind of task answers with these yet. They are read, checked and kept, so that nothing of a
layout is lost: it can be written again as it was, and later kinds of task find their labels.
A line an image that has any:

    {"image": "img/00000.jpg", "garments": [{"part": "", "box": [62, 62, 103, 238],
     "points": [[76, 82], null], "outlines": []}]}

Coordinates are pixels of the upright picture from its upper left corner, as the layout counts
them (DeepFashion's begin at 1); a box is left, top, width, height; a point that is not in the
picture is null.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lapel.schema.errors import DatasetError, Fault
from lapel.storage.local import write_atomically

GARMENTS_FILE = "garments.jsonl"

#: How far a box or point may reach over the edge, in pixels: layouts that count from 1 name the
#: pixel after the last.
SLACK = 1.0

Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Garment:
    """Where one garment is in a picture.

    Attributes:
        part: which one, in the layout's word; empty where it does not say.
        box: left, top, width, height in pixels; None where unknown.
        points: landmarks in the layout's order; None for one that is not visible.
        outlines: closed polygons, each of its corners in order.
    """

    part: str = ""
    box: tuple[float, float, float, float] | None = None
    points: tuple[Point | None, ...] = ()
    outlines: tuple[tuple[Point, ...], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The garment as plain values."""
        return {
            "part": self.part,
            "box": self.box,
            "points": self.points,
            "outlines": self.outlines,
        }

    def outside(self, width: int, height: int) -> str:
        """What of it lies outside a picture of this size, in words; empty if nothing does."""
        if self.box is not None:
            left, top, across, down = self.box
            corners = ((left, top), (left + across, top + down))
            if not all(_inside(corner, width, height) for corner in corners):
                return f"a box from {left:g}, {top:g} to {left + across:g}, {top + down:g}"
        for place, point in enumerate(self.points, start=1):
            if point is not None and not _inside(point, width, height):
                return f"landmark {place} at {point[0]:g}, {point[1]:g}"
        return ""


def _inside(point: Point, width: int, height: int) -> bool:
    x, y = point
    return -SLACK <= x <= width + SLACK and -SLACK <= y <= height + SLACK


def outside_faults(
    garments: Mapping[str, Sequence[Garment]], sizes: Iterable[tuple[str, int, int]]
) -> Iterator[Fault]:
    """What lies outside its picture.

    Args:
        garments: image name to what is in it.
        sizes: image name, width and height of the upright picture, in pixels.
    """
    for image, width, height in sizes:
        for garment in garments.get(image, ()):
            found = garment.outside(width, height)
            if found:
                expected = f"it inside the picture of {width} × {height} pixels"  # noqa: RUF001 - the sign for sizes
                yield Fault(file=image, found=found, expected=expected)


def write_garments(folder: Path, garments: Mapping[str, Sequence[Garment]]) -> None:
    """Write ``garments.jsonl``, whole or not at all.

    Raises:
        StorageError: it could not be written.
    """
    lines = (
        json.dumps({"image": image, "garments": [one.to_json() for one in found]}, **_PLAIN)
        for image, found in garments.items()
    )
    write_atomically(folder / GARMENTS_FILE, "".join(f"{line}\n" for line in lines).encode())


_PLAIN: dict[str, Any] = {"ensure_ascii": False, "allow_nan": False}


def read_garments(folder: Path) -> dict[str, tuple[Garment, ...]]:
    """What a dataset keeps of places in its pictures; empty where it keeps none.

    Raises:
        DatasetError: the file is torn or was changed into something else.
    """
    path = folder / GARMENTS_FILE
    if not path.is_file():
        return {}
    garments: dict[str, tuple[Garment, ...]] = {}
    try:
        # Not splitlines(): names may hold the rarer marks that it parts lines at.
        for line in filter(None, path.read_text("utf-8").split("\n")):
            row = json.loads(line)
            garments[row["image"]] = tuple(_garment(one) for one in row["garments"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DatasetError(
            f"{path}, line {len(garments) + 1}, could not be read "
            f"({type(error).__name__}: {error}); import the dataset again"
        ) from error
    return garments


def _garment(value: dict[str, Any]) -> Garment:
    box = value["box"]
    return Garment(
        part=str(value["part"]),
        box=None if box is None else (box[0], box[1], box[2], box[3]),
        points=tuple(None if point is None else _point(point) for point in value["points"]),
        outlines=tuple(tuple(_point(point) for point in line) for line in value["outlines"]),
    )


def _point(value: Sequence[float]) -> Point:
    x, y = value
    if not (math.isfinite(x) and math.isfinite(y)):
        raise ValueError(f"a point at {x}, {y}")
    return x, y
