"""Masks as outlines: closed polygons along the edges of pixels, exact."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

#: A corner of a pixel, x and y.
Corner = tuple[int, int]


def outlines_of(mask: NDArray[np.bool_]) -> tuple[tuple[Corner, ...], ...]:
    """A mask as polygons without holes; all that any of them holds is the mask.

    Their corners are corners of pixels, so that COCO's code makes the same mask of them again
    (:func:`lapel.imaging.outlines.polygon_mask`). What has a hole is parted through it: layouts
    with polygons alone have no other way to write one.

    Args:
        mask: bool (H, W).

    Returns:
        The corners of each, clockwise as one looks at the picture; the first is not repeated.
        Parts that touch at a corner alone are polygons of their own.
    """
    found: list[tuple[Corner, ...]] = []
    # Whether a part is done is seen once it has been traced: what has a hole goes back in halves.
    waiting = [(0, np.asarray(mask, np.bool_))]
    while waiting:
        left, part = waiting.pop()
        rings = list(_rings(part))
        hole = next((ring for ring in rings if _is_hole(ring)), None)
        if hole is None:
            found += [tuple((x + left, y) for x, y in ring) for ring in rings]
            continue
        # Right of the hole's first column: both halves have it at their edge, and open.
        cut = min(x for x, _ in hole) + 1
        waiting += [(left + cut, part[:, cut:]), (left, part[:, :cut])]
    return tuple(found)


def _rings(mask: NDArray[np.bool_]) -> Iterator[list[Corner]]:
    """All closed lines between the mask and what is not; the mask lies to their right."""
    leads = _edges(mask)
    while leads:
        start = next(iter(leads))
        ring = [start]
        at, way = start, (0, 0)
        while True:
            ways = leads[at]
            # Where two parts touch at a corner the line turns right, and stays with its own.
            taken = _to_the_right(way) if len(ways) > 1 and _to_the_right(way) in ways else ways[0]
            ways.remove(taken)
            if not ways:
                del leads[at]
            if taken == way:
                ring.pop()
            at, way = (at[0] + taken[0], at[1] + taken[1]), taken
            if at == start:
                break
            ring.append(at)
        yield _straightened(ring)


def _edges(mask: NDArray[np.bool_]) -> dict[Corner, list[Corner]]:
    """Each corner of a pixel on the mask's border to the ways that lead on from there."""
    wide = np.pad(mask, 1)
    here = wide[1:-1, 1:-1]
    # Of each side of a pixel: whether it is border, the corner that it starts at, and its way.
    sides = (
        (here & ~wide[:-2, 1:-1], (0, 0), (1, 0)),
        (here & ~wide[1:-1, 2:], (1, 0), (0, 1)),
        (here & ~wide[2:, 1:-1], (1, 1), (-1, 0)),
        (here & ~wide[1:-1, :-2], (0, 1), (0, -1)),
    )
    leads: dict[Corner, list[Corner]] = {}
    for border, (right, down), way in sides:
        rows, columns = np.nonzero(border)
        for x, y in zip((columns + right).tolist(), (rows + down).tolist(), strict=True):
            leads.setdefault((x, y), []).append(way)
    return leads


def _to_the_right(way: Corner) -> Corner:
    """A way turned clockwise, as one looks at the picture."""
    x, y = way
    return -y, x


def _straightened(ring: list[Corner]) -> list[Corner]:
    """A ring whose first corner is one: the walk may have begun in the middle of a side."""
    (x, y), (next_x, next_y), (last_x, last_y) = ring[0], ring[1], ring[-1]
    straight = last_x == x == next_x or last_y == y == next_y
    return ring[1:] if straight else ring


def _is_hole(ring: list[Corner]) -> bool:
    """Whether a ring goes round what is not the mask: such go counterclockwise."""
    x, y = np.asarray(ring, np.int64).T
    return bool((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() < 0)
