"""Marks on cloth: buttons, zips, pockets, cords, pleats, and the pictures of graphic garments."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np

from lapel.data.sketch.curves import Point, Points, band, between, disc
from lapel.data.sketch.dice import Dice
from lapel.data.sketch.shape import Stroke


def along(start: Point, end: Point, count: int) -> list[Point]:
    """Points from one to another, both included."""
    return [between(start, end, number / max(count - 1, 1)) for number in range(count)]


def buttons(places: Sequence[Point], radius: float = 0.06) -> list[Stroke]:
    """Round buttons with a rim."""
    strokes = []
    for x, y in places:
        strokes.append(Stroke(outline=disc((x + 0.012, y + 0.014), radius * 1.15), tone="seam"))
        strokes.append(Stroke(outline=disc((x, y), radius), tone="metal"))
    return strokes


def zip_line(line: Sequence[Point]) -> list[Stroke]:
    """A zip: its tape, its teeth and its slider."""
    slider = between(line[0], line[1], 0.15)
    return [
        Stroke(outline=band(line, 0.13), tone="seam"),
        Stroke(outline=band(line, 0.05), tone="metal"),
        Stroke(outline=disc(slider, 0.07, flat=1.5), tone="metal"),
    ]


def patch_pocket(left: float, top: float, width: float, height: float) -> list[Stroke]:
    """A pocket sewn on: its seams, its pointed lower edge and its darker mouth."""
    right, bottom, middle = left + width, top + height, left + width / 2
    corners = [(left, top), (left, bottom), (middle, bottom + 0.06), (right, bottom), (right, top)]
    strokes = [
        Stroke(outline=band(pair, 0.03), tone="seam") for pair in itertools.pairwise(corners)
    ]
    strokes.append(Stroke(outline=band([(left, top), (right, top)], 0.08), tone="hole"))
    return strokes


def slant_pocket(start: Point, end: Point) -> list[Stroke]:
    """The mouth of a pocket in a seam."""
    return [
        Stroke(outline=band([start, end], 0.075), tone="hole"),
        Stroke(outline=band([(start[0], start[1] - 0.05), (end[0], end[1] - 0.05)], 0.02),
               tone="stitch"),
    ]  # fmt: skip


def cords(middle: Point, spread: float, length: float) -> list[Stroke]:
    """The two ends of a drawstring."""
    x, y = middle
    strokes = []
    for side in (-1, 1):
        line = [
            (x + side * spread * 0.4, y),
            (x + side * spread, y + length * 0.6),
            (x + side * spread * 0.8, y + length),
        ]
        strokes.append(Stroke(outline=band(line, 0.055), tone="second"))
        strokes.append(Stroke(outline=band([line[2], (line[2][0], line[2][1] + 0.1)], 0.085),
                              tone="metal"))  # fmt: skip
    return strokes


def pleats(top: float, bottom: float, half: Callable[[float], float], count: int) -> list[Stroke]:
    """Pressed folds that fan out downwards: a dark edge and a light one each."""
    strokes = []
    for number in range(count):
        share = (number + 0.5) / count * 2 - 1
        start, end = (share * half(top), top), (share * half(bottom), bottom)
        width = 0.42 * 2 * half(bottom) / count
        fan = np.array([start, (end[0] + width, end[1]), end])
        strokes.append(Stroke(outline=fan, tone="seam"))
        strokes.append(Stroke(outline=band([start, end], 0.025), tone="light"))
    return strokes


def scallops(line: Sequence[Point], deep: float, count: int) -> Points:
    """A wavy edge along a straight line from the first point to the last, (N, 2)."""
    at = np.linspace(0, 1, 4 * count + 1)
    start, end = np.asarray(line[0]), np.asarray(line[-1])
    points: Points = start + at[:, None] * (end - start)
    points[:, 1] += deep * np.abs(np.sin(at * np.pi * count))
    return points


def emblem(dice: Dice, centre: Point, size: float) -> list[Stroke]:
    """The picture on a graphic garment: one of several, in its second and third colour."""
    return dice.pick(_EMBLEMS)(np.asarray(centre), size, dice)


def _at(centre: Points, size: float, points: Sequence[Point], tone: str) -> Stroke:
    return Stroke(outline=centre + size * np.asarray(points), tone=tone)


def _star(centre: Points, size: float, dice: Dice) -> list[Stroke]:
    turns = np.arange(10) * np.pi / 5 - np.pi / 2
    reach = np.where(np.arange(10) % 2, dice.between(0.4, 0.55), 1.0)[:, None]
    points = centre + size * reach * np.stack([np.cos(turns), np.sin(turns)], axis=1)
    round_it = disc((centre[0], centre[1]), size * 1.12, corners=24)
    return [Stroke(outline=round_it, tone="third"), Stroke(outline=points, tone="second")]


def _mountains(centre: Points, size: float, dice: Dice) -> list[Stroke]:
    peak = dice.between(-0.3, 0.3)
    sun = disc((centre[0] + size * 0.35, centre[1] - size * 0.5), size * 0.32, corners=16)
    return [
        Stroke(outline=sun, tone="third"),
        _at(centre, size, [(-1, 0.5), (peak - 0.3, -0.7), (0.55, 0.5)], "second"),
        _at(centre, size, [(-0.2, 0.5), (0.4, -0.2), (1, 0.5)], "third"),
        _at(centre, size, [(-1, 0.6), (1, 0.6), (1, 0.78), (-1, 0.78)], "second"),
    ]


def _letters(centre: Points, size: float, dice: Dice) -> list[Stroke]:
    """Two lines of blocks that look like words."""
    strokes = []
    for row, tone in ((-0.5, "second"), (0.28, "third")):
        x = -1.0
        while x < 0.85:
            wide = dice.between(0.18, 0.34)
            if not dice.chance(0.12):
                block = [(x, row), (x + wide * 0.75, row), (x + wide * 0.75, row + 0.56),
                         (x, row + 0.56)]  # fmt: skip
                strokes.append(_at(centre, size, block, tone))
                if dice.chance(0.6):
                    notch = dice.between(0.12, 0.3)
                    inner = [(x + wide * 0.25, row + notch), (x + wide * 0.75, row + notch),
                             (x + wide * 0.75, row + notch + 0.13),
                             (x + wide * 0.25, row + notch + 0.13)]  # fmt: skip
                    strokes.append(_at(centre, size, inner, "cloth"))
            x += wide
    return strokes


def _heart(centre: Points, size: float, dice: Dice) -> list[Stroke]:
    turns = np.linspace(0, 2 * np.pi, 28)[:-1]
    x = np.sin(turns) ** 3
    y = -(13 * np.cos(turns) - 5 * np.cos(2 * turns) - 2 * np.cos(3 * turns) - np.cos(4 * turns))
    points = np.stack([x, y / 16], axis=1)
    inner = dice.between(0.5, 0.7)
    return [
        Stroke(outline=centre + size * points, tone="second"),
        Stroke(outline=centre + size * inner * points, tone="third"),
    ]


def _bolt(centre: Points, size: float, dice: Dice) -> list[Stroke]:
    turn = dice.between(-0.15, 0.15)
    bolt = [(0.15 + turn, -1), (-0.55, 0.15), (-0.05, 0.15), (-0.25 - turn, 1), (0.55, -0.2),
            (0.05, -0.2)]  # fmt: skip
    box = [(-0.95, -1.05), (0.95, -1.05), (0.95, 1.05), (-0.95, 1.05)]
    return [_at(centre, size, box, "third"), _at(centre, size, bolt, "second")]


def _face(centre: Points, size: float, dice: Dice) -> list[Stroke]:
    x, y = float(centre[0]), float(centre[1])
    smile = band(
        [(x - 0.45 * size, y + 0.25 * size), (x, y + 0.55 * size * dice.between(0.8, 1.1)),
         (x + 0.45 * size, y + 0.25 * size)], 0.16 * size,
    )  # fmt: skip
    eyes = [disc((x + side * 0.36 * size, y - 0.25 * size), 0.14 * size) for side in (-1, 1)]
    ears = [
        _at(centre, size, [(side * 0.9, -1.1), (side * 0.95, -0.2), (side * 0.3, -0.8)], "second")
        for side in (-1, 1)
    ]
    head = Stroke(outline=disc((x, y), size, flat=0.92, corners=24), tone="second")
    return [*ears, head, *(Stroke(outline=part, tone="third") for part in (*eyes, smile))]


_EMBLEMS = (_star, _mountains, _letters, _heart, _bolt, _face)
