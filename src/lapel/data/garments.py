"""``garments.jsonl``: boxes, points and outlines that a layout knows, kept beside the table.

No kind of task answers with these yet. They are read, checked and kept, so that nothing of a
layout is lost: it can be written again as it was, and later kinds of task find their labels.
A line an image that has any:

    {"image": "img/00000.jpg", "garments": [{"part": "", "box": [62, 62, 103, 238],
     "points": [[76, 82], null], "outlines": []}]}

Coordinates are pixels of the upright picture from its upper left corner, as the layout counts
them (DeepFashion's begin at 1); a box is left, top, width, height; a point that is not in the
picture is null. What a layout knows beyond follows where there is any: ``hidden`` (numbers of the
points, from 0, that something hides), ``mask`` (run lengths), ``attributes`` (those that hold) and
``facts`` (the layout's own names and values).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lapel.data.run_lengths import RunLengths, run_lengths
from lapel.schema.errors import DatasetError, Fault
from lapel.storage.local import atomic_path

GARMENTS_FILE = "garments.jsonl"

#: How far a box or point may reach over the edge, in pixels: layouts that count from 1 name the
#: pixel after the last.
SLACK = 1.0

Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Garment:
    """Where one garment is in a picture, and what is known of it alone.

    Attributes:
        part: which one, in the layout's word: its category, or a part of the wearer; empty where
            the layout does not say.
        box: left, top, width, height in pixels; None where unknown.
        points: landmarks in the layout's order; None for one that is not visible, or whose place
            nobody knows.
        hidden: which of ``points``, by number from 0, something hides; their places are known.
        outlines: closed polygons, each of its corners in order. A garment that something parts
            has several; layouts have some of fewer than three corners.
        mask: its pixels, where the layout has them so.
        attributes: those that hold.
        facts: what else the layout says of it, by the layout's own names.
    """

    part: str = ""
    box: tuple[float, float, float, float] | None = None
    points: tuple[Point | None, ...] = ()
    hidden: tuple[int, ...] = ()
    outlines: tuple[tuple[Point, ...], ...] = ()
    mask: RunLengths | None = None
    attributes: tuple[str, ...] = ()
    facts: Mapping[str, str | int | float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The garment as plain values."""
        value: dict[str, Any] = {
            "part": self.part,
            "box": self.box,
            "points": self.points,
            "outlines": self.outlines,
        }
        if self.mask is not None:
            value["mask"] = self.mask.to_json()
        more = {"hidden": self.hidden, "attributes": self.attributes, "facts": dict(self.facts)}
        return value | {name: found for name, found in more.items() if found}

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


class GarmentsOnDemand(Mapping[str, Sequence[Garment]]):
    """Garments of a great many images, made anew each time that they are asked for.

    Polygons of hundreds of thousands of garments would take gigabytes as values.
    """

    def __init__(self, images: Iterable[str], make: Callable[[str], Sequence[Garment]]) -> None:
        """Take down who has any.

        Args:
            images: the images with garments, in order.
            make: from an image to its garments.
        """
        self._images = dict.fromkeys(images)
        self._make = make

    def __getitem__(self, image: str) -> Sequence[Garment]:
        if image not in self._images:
            raise KeyError(image)
        return self._make(image)

    def __contains__(self, image: object) -> bool:
        return image in self._images

    def __iter__(self) -> Iterator[str]:
        return iter(self._images)

    def __len__(self) -> int:
        return len(self._images)


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
    with (
        atomic_path(folder / GARMENTS_FILE) as partial,
        partial.open("w", encoding="utf-8", newline="\n") as file,
    ):
        for image, found in garments.items():
            value = {"image": image, "garments": [one.to_json() for one in found]}
            file.write(json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n")


def iterate_garments(folder: Path) -> Iterator[tuple[str, tuple[Garment, ...]]]:
    """What a dataset keeps of places in its pictures, image by image; nothing where it keeps none.

    Raises:
        DatasetError: the file is torn or was changed into something else.
    """
    path = folder / GARMENTS_FILE
    if not path.is_file():
        return
    number = 0
    try:
        # Lines end in LF alone: names may hold the rarer marks that others part lines at.
        with path.open(encoding="utf-8", newline="\n") as file:
            for line in file:
                number += 1
                if line.strip("\n"):
                    row = json.loads(line)
                    found = tuple(_garment(one) for one in row["garments"])
                    yield row["image"], found
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DatasetError(
            f"{path}, line {max(number, 1)}, could not be read "
            f"({type(error).__name__}: {error}); import the dataset again"
        ) from error


def read_garments(folder: Path) -> dict[str, tuple[Garment, ...]]:
    """What a dataset keeps of places in its pictures; empty where it keeps none.

    Raises:
        DatasetError: the file is torn or was changed into something else.
    """
    return dict(iterate_garments(folder))


def _garment(value: dict[str, Any]) -> Garment:
    box = value["box"]
    return Garment(
        part=str(value["part"]),
        box=None if box is None else (box[0], box[1], box[2], box[3]),
        points=tuple(None if point is None else _point(point) for point in value["points"]),
        hidden=tuple(int(number) for number in value.get("hidden", ())),
        outlines=tuple(tuple(_point(point) for point in line) for line in value["outlines"]),
        mask=run_lengths(value["mask"]) if "mask" in value else None,
        attributes=tuple(map(str, value.get("attributes", ()))),
        facts=dict(value.get("facts", ())),
    )


def _point(value: Sequence[float]) -> Point:
    x, y = value
    if not (math.isfinite(x) and math.isfinite(y)):
        raise ValueError(f"a point at {x}, {y}")
    return x, y
