"""What a garment is before it is painted: outlines, lines and points in units of the body.

The unit is half the width of the shoulders; x is 0 on the body's axis and grows to the right of
the picture, y is 0 at the neck and grows downwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lapel.data.sketch.curves import Point, Points


@dataclass(frozen=True, slots=True, kw_only=True)
class Stroke:
    """A flat shape on the cloth: a seam, a button, a stripe of trim.

    Attributes:
        outline: corners (N, 2).
        tone: what it is of, ``seam``, ``stitch``, ``second``, ``third``, ``metal``,
            ``hole``, ``light`` or ``cloth``.
    """

    outline: Points
    tone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A piece of cloth.

    Attributes:
        name: such as ``torso`` or ``sleeve left``.
        outline: corners (N, 2), closed.
        spine: two or three points along which the cloth runs; texture and folds follow it.
        half: half its width, for its roundness.
        strokes: what is on it.
        tone: likewise, of the cloth itself: ``cloth``, ``inside`` (darker) or ``second``.
        behind: whether the wearer's body is in front of it.
    """

    name: str
    outline: Points
    spine: tuple[Point, ...]
    half: float
    strokes: tuple[Stroke, ...] = ()
    tone: str = "cloth"
    behind: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A garment: parts in the order of painting, landmarks, and where its details are.

    Attributes:
        parts: those ``behind`` first.
        landmarks: name to point, in the kind's order.
        details: tag to points that lie on that detail; what hides them hides the detail.
    """

    parts: tuple[Part, ...]
    landmarks: Mapping[str, Point]
    details: Mapping[str, tuple[Point, ...]] = field(default_factory=dict)
