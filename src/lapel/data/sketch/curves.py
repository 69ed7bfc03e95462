"""Points, smooth curves through them, and outlines that are made of curves.

Points are (x, y): x to the right, y down.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]
Points = NDArray[np.float64]

#: Straight pieces that stand for a curve between two of its points.
PIECES = 5


@cache
def _weights(count: int) -> Points:
    """What each of ``count`` points weighs in each point of the curve, (5 (count - 1) + 1, count).

    Catmull and Rom (1974): the curve passes through its points, with tangents along the chords of
    their neighbours. At its ends it goes on straight.
    """
    at = np.arange(PIECES) / PIECES
    weights = 0.5 * np.stack(
        [
            -at + 2 * at**2 - at**3,
            2 - 5 * at**2 + 3 * at**3,
            at + 4 * at**2 - 3 * at**3,
            -(at**2) + at**3,
        ],
        axis=1,
    )
    own = np.eye(count)
    ends = 2 * own[[0, -1]] - own[[1, -2]]
    padded = np.concatenate([ends[:1], own, ends[1:]])
    neighbours = np.stack([padded[start : start + count - 1] for start in range(4)], axis=1)
    return np.concatenate([(weights @ neighbours).reshape(-1, count), own[-1:]])


def curve(points: Sequence[Point]) -> Points:
    """A smooth curve through points, (N, 2); two points give a straight line."""
    through = np.asarray(points, float)
    return through if len(through) < 3 else _weights(len(through)) @ through


def outline(*edges: Sequence[Point]) -> Points:
    """A closed outline of smooth edges that meet in corners, (N, 2)."""
    return np.concatenate([curve(edge) for edge in edges])


def mirrored(points: Sequence[Point]) -> list[Point]:
    """The same points on the other side of the axis x = 0."""
    return [(-x, y) for x, y in points]


def between(first: Point, second: Point, share: float) -> Point:
    """The point that lies ``share`` of the way from the first to the second."""
    return (
        first[0] + (second[0] - first[0]) * share,
        first[1] + (second[1] - first[1]) * share,
    )


def band(line: Sequence[Point], width: float) -> Points:
    """The outline of a strip of a width along a smooth line, (N, 2)."""
    spine = curve(line)
    along = np.empty_like(spine)
    along[1:-1] = spine[2:] - spine[:-2]
    along[0], along[-1] = spine[1] - spine[0], spine[-1] - spine[-2]
    lengths = np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)[:, None]
    across = along[:, ::-1] * ((-width / 2, width / 2) / lengths)
    return np.concatenate([spine + across, (spine - across)[::-1]])


def disc(centre: Point, radius: float, *, flat: float = 1.0, corners: int = 12) -> Points:
    """A circle, or an ellipse whose height is ``flat`` times its width; (corners, 2)."""
    turns = np.arange(corners) * (2 * np.pi / corners)
    return np.stack(
        [centre[0] + radius * np.cos(turns), centre[1] + radius * flat * np.sin(turns)], axis=1
    )
