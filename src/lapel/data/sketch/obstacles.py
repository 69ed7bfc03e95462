"""What stands in front of a garment: a bag, leaves, a sheet of paper. Never most of it."""

from __future__ import annotations

import math

import numpy as np

from lapel.data.sketch.backdrop import THINGS
from lapel.data.sketch.cloth import Cloth, plain_cloth
from lapel.data.sketch.curves import Point, outline
from lapel.data.sketch.dice import Dice
from lapel.data.sketch.pose import Pose
from lapel.data.sketch.shades import toned
from lapel.data.sketch.shape import Part, Shape
from lapel.data.sketch.wearer import bag_parts, leather


def draw_obstacle(
    dice: Dice, pose: Pose, presentation: str, shape: Shape, light: float
) -> tuple[tuple[Part, ...], Cloth]:
    """Something in front of a shape, in its units, and what it is of."""
    if presentation == "worn" and dice.chance(0.45):
        return bag_parts(pose, dice.pick((-1, 1))), leather(dice, light)
    if dice.chance(0.6):
        green = toned((64, 122, 66), dice.about(1.0, 0.3))
        return _leaves(dice, shape), plain_cloth(dice, green, light)
    return (_card(dice, shape),), plain_cloth(dice, dice.pick(THINGS), light)


def _box(shape: Shape) -> tuple[float, float, float, float]:
    corners = np.concatenate([part.outline for part in shape.parts])
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    return float(left), float(top), float(right), float(bottom)


def _leaves(dice: Dice, shape: Shape) -> tuple[Part, ...]:
    """A twig that reaches in from a side."""
    left, top, right, bottom = _box(shape)
    side = dice.pick((-1, 1))
    inwards = dice.between(-0.05, 0.12) * (right - left)
    x = right - inwards if side > 0 else left + inwards
    y = dice.between(top + 0.2 * (bottom - top), bottom)
    size = 0.24 * max(right - left, bottom - top)
    parts = []
    for _ in range(5 + dice.whole(4)):
        way = dice.about(math.pi if side > 0 else 0.0, 1.0)
        parts.append(_leaf((x, y + dice.about(0, 0.6 * size)), way, size * dice.between(0.8, 1.5)))
    return tuple(parts)


def _leaf(start: Point, way: float, length: float) -> Part:
    (x, y), cos, sin = start, length * math.cos(way), length * math.sin(way)
    end = (x + cos, y + sin)
    middle_x, middle_y = x + 0.5 * cos, y + 0.5 * sin
    upper = (middle_x - 0.17 * sin, middle_y + 0.17 * cos)
    lower = (middle_x + 0.17 * sin, middle_y - 0.17 * cos)
    return Part(
        name="leaf",
        outline=outline([start, upper, end], [end, lower, start]),
        spine=(start, end),
        half=length * 0.2,
    )


def _card(dice: Dice, shape: Shape) -> Part:
    """A card, a phone or a book over an edge."""
    left, top, right, bottom = _box(shape)
    reach = max(right - left, bottom - top)
    inwards = dice.between(0.0, 0.3) * (right - left)
    x, y = dice.pick((left + inwards, right - inwards)), dice.between(top, bottom)
    wide, high = reach * dice.between(0.08, 0.15), reach * dice.between(0.1, 0.18)
    turn = dice.about(0, 0.6)
    cos, sin = math.cos(turn), math.sin(turn)
    corners = [
        (x + a * wide * cos - b * high * sin, y + a * wide * sin + b * high * cos)
        for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    ]
    return Part(
        name="card",
        outline=outline(corners[:2], corners[2:]),
        spine=(corners[0], corners[3]),
        half=reach,
    )
