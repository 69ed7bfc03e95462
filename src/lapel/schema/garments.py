"""Garments in a picture, each for itself: the label of ``garments`` tasks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from lapel.schema.run_lengths import RunLengths, run_lengths

#: How far a box or point may reach over the edge, in pixels: layouts that count from 1 name the
#: pixel after the last.
SLACK = 1.0

#: What COCO's files, and DeepFashion2's, say of each point beside its place.
UNLABELLED, HIDDEN, VISIBLE = 0, 1, 2

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

    @property
    def is_crowd(self) -> bool:
        """Whether it is a group in which nobody told one from another, as its facts say."""
        return bool(self.facts.get("iscrowd"))

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

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The garment from plain values, the inverse of :meth:`to_json`.

        Raises:
            ValueError: values of another shape, or numbers that are not finite.
            KeyError: something is missing.
            TypeError: something else than an object.
        """
        box = value["box"]
        return cls(
            part=str(value["part"]),
            box=None if box is None else (box[0], box[1], box[2], box[3]),
            points=tuple(None if point is None else _point(point) for point in value["points"]),
            hidden=tuple(int(number) for number in value.get("hidden", ())),
            outlines=tuple(tuple(_point(point) for point in line) for line in value["outlines"]),
            mask=run_lengths(value["mask"]) if "mask" in value else None,
            attributes=tuple(map(str, value.get("attributes", ()))),
            facts=dict(value.get("facts", ())),
        )

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


def _point(value: Sequence[float]) -> Point:
    x, y = value
    if not (math.isfinite(x) and math.isfinite(y)):
        raise ValueError(f"a point at {x}, {y}")
    return x, y


def _inside(point: Point, width: int, height: int) -> bool:
    x, y = point
    return -SLACK <= x <= width + SLACK and -SLACK <= y <= height + SLACK


@dataclass(frozen=True, slots=True)
class Garments:
    """All garments of a picture; there may be none.

    Attributes:
        each: their categories are labels of the task; those whose ``facts`` say ``iscrowd: 1``
            are groups in which nobody told one from another: neither learned nor counted wrong.
    """

    each: tuple[Garment, ...] = ()

    def __hash__(self) -> int:
        # Garments hold mappings, which have no hash; labels are counted by value.
        return hash(tuple((one.part, one.box) for one in self.each))

    @property
    def held(self) -> tuple[str, ...]:
        """The categories that occur, each once, in the order of the garments."""
        return tuple(dict.fromkeys(one.part for one in self.each))
