"""Places in a picture, as plain values.

Coordinates are pixels of the upright picture, from its upper left corner. They are continuous: the
pixel in column 3 reaches from 3.0 to 4.0. A layout that counts its pixels from 1 is kept as it
counts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from lapel.schema.errors import SchemaError


class Box(NamedTuple):
    """Where a garment is: an upright rectangle."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.top + self.height

    @property
    def is_real(self) -> bool:
        """Whether it is finite and has an area."""
        return all(map(math.isfinite, self)) and self.width > 0 and self.height > 0


class Landmark(NamedTuple):
    """A named point of a garment whose place is known.

    Attributes:
        x: along a row.
        y: down a column.
        visible: False where something hides it (an arm, another garment).
    """

    x: float
    y: float
    visible: bool = True


@dataclass(frozen=True, slots=True)
class Landmarks:
    """What is known of the landmarks of one garment.

    A landmark that is named nowhere here is absent: garments of this kind have none (a skirt has
    no collar). It takes part in neither loss nor score, and is never "visible at 0, 0".

    Attributes:
        points: name to place, of those whose place is known.
        cut: names of those that lie outside the picture.
        unknown: names of those of which nobody knows.

    Raises:
        SchemaError: a name in two of them, or a place that is no number.
    """

    points: Mapping[str, Landmark] = field(default_factory=dict)
    cut: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.cut or self.unknown:
            names = [*self.points, *self.cut, *self.unknown]
            if len(set(names)) != len(names):
                twice = sorted({name for name in names if names.count(name) > 1})
                raise SchemaError(f"landmarks name these twice: {', '.join(twice)}")
        for name, point in self.points.items():
            if not (math.isfinite(point.x) and math.isfinite(point.y)):
                raise SchemaError(f"landmark '{name}' lies at {point.x}, {point.y}")

    def __hash__(self) -> int:
        # Labels are counted by value, and a mapping has no hash of its own.
        return hash((frozenset(self.points.items()), self.cut, self.unknown))

    @property
    def names(self) -> tuple[str, ...]:
        """All names that occur."""
        return (*self.points, *self.cut, *self.unknown)


def mirrored(names: Sequence[str]) -> tuple[int, ...]:
    """For each name of a landmark, the position of the one that it becomes in a mirror.

    ``left`` and ``right`` are exchanged as words: in the mirror image of a shirt the left cuff
    lies where the right one is looked for. Names without either word stay themselves.
    """
    places = {name: place for place, name in enumerate(names)}
    other = {"left": "right", "right": "left"}
    swapped = (" ".join(other.get(word, word) for word in name.split(" ")) for name in names)
    return tuple(places.get(name, place) for place, name in enumerate(swapped))
