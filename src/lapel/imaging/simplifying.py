"""Outlines with fewer corners: what a person can mend."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

#: Fewer corners than these enclose nothing.
_FEWEST = 3


def simplified(
    ring: Sequence[tuple[float, float]], tolerance: float
) -> tuple[tuple[float, float], ...]:
    """A closed polygon with the corners left out that say little.

    By the rule of Douglas and Peucker (1973): a corner stays if it lies farther than ``tolerance``
    from the straight line that would take its place. The two corners that lie farthest apart, seen
    from the first, stay in any case.

    Args:
        ring: the corners in order; the first is not repeated.
        tolerance: in pixels.

    Returns:
        Corners of ``ring``, in its order; at least three.
    """
    points = np.asarray(ring, np.float64)
    if len(points) <= _FEWEST:
        return tuple((float(x), float(y)) for x, y in ring)
    far = int(np.argmax(((points - points[0]) ** 2).sum(axis=1)))
    closed = np.concatenate([points, points[:1]])
    kept = {0, far}
    waiting = [(0, far), (far, len(points))]
    while waiting:
        first, last = waiting.pop()
        if last - first < 2:
            continue
        away = _distances(closed[first + 1 : last], closed[first], closed[last])
        place = int(np.argmax(away))
        if away[place] > tolerance:
            middle = first + 1 + place
            kept.add(middle)
            waiting += [(first, middle), (middle, last)]
    if len(kept) < _FEWEST:
        # All lies along one line, as near as asked: its farthest corner makes it an area again.
        kept.add(int(np.argmax(_distances(points, points[0], points[far]))))
    return tuple((float(points[place, 0]), float(points[place, 1])) for place in sorted(kept))


def _distances(
    points: NDArray[np.float64],
    start: NDArray[np.float64],
    end: NDArray[np.float64],
) -> NDArray[np.float64]:
    """From points (N, 2) to the line through two others; to ``start`` where these are the same."""
    way = end - start
    length = float(np.hypot(*way))
    rest = points - start
    if length == 0:
        return np.asarray(np.hypot(rest[:, 0], rest[:, 1]))
    return np.asarray(np.abs(rest[:, 0] * way[1] - rest[:, 1] * way[0]) / length)
