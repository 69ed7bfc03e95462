"""A body that stands, sits in a chair of the mind, or waves: where its limbs are.

Units and axes are those of :mod:`lapel.data.sketch.shape`. Sides are -1 (left in the picture)
and +1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from lapel.data.sketch.curves import Point
from lapel.data.sketch.dice import Dice

LEFT, RIGHT = -1, 1
SIDES = (LEFT, RIGHT)

UPPER_ARM, FOREARM = 1.45, 1.35
THIGH, SHIN = 1.95, 1.9
SHOULDER: Point = (0.90, 0.24)
HIP: Point = (0.44, 2.95)

#: Half the width of a body at heights from the shoulders to the crotch.
_HEIGHTS = (0.1, 0.9, 2.0, 2.95, 3.4)
_HALVES = (0.92, 0.80, 0.67, 0.90, 0.92)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limb:
    """How an arm or a leg is held, in radians: away from straight down, and bent in its middle."""

    angle: float
    bend: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """How a body, or a garment laid out, is held.

    Attributes:
        arms: the left one in the picture, the right one.
        legs: likewise.
        build: how broad the body is; 1 is usual.
    """

    arms: tuple[Limb, Limb]
    legs: tuple[Limb, Limb]
    build: float = 1.0

    def half_width(self, y: float) -> float:
        """Half the width of the body at a height."""
        return float(np.interp(y, _HEIGHTS, _HALVES)) * self.build

    def arm_point(self, side: int, along: float, offset: float) -> Point:
        """A point beside an arm: ``along`` is 0 at the shoulder, 1 at the elbow, 2 at the wrist;
        ``offset`` is away from it, positive to the outer side.
        """
        joint = (SHOULDER[0] * self.build, SHOULDER[1])
        x, y = _beside(self.arms[side > 0], joint, (UPPER_ARM, FOREARM), along, offset)
        return side * x, y

    def leg_point(self, side: int, along: float, offset: float) -> Point:
        """A point beside a leg: ``along`` is 0 at the hip, 1 at the knee, 2 at the ankle."""
        joint = (HIP[0] * self.build, HIP[1])
        x, y = _beside(self.legs[side > 0], joint, (THIGH, SHIN), along, offset)
        return side * x, y


def _beside(
    limb: Limb, joint: Point, lengths: tuple[float, float], along: float, offset: float
) -> Point:
    """A point beside a limb on the right."""
    first, second = limb.angle, limb.angle + limb.bend
    upper, lower = min(along, 1.0) * lengths[0], max(along - 1.0, 0.0) * lengths[1]
    x = joint[0] + upper * math.sin(first) + lower * math.sin(second)
    y = joint[1] + upper * math.cos(first) + lower * math.cos(second)
    # Around the middle joint the direction turns gradually, as cloth does.
    turned = min(max((along - 0.75) / 0.5, 0.0), 1.0)
    way = first + (second - first) * turned
    return x + offset * math.cos(way), y - offset * math.sin(way)


def draw_pose(dice: Dice, presentation: str) -> Pose:
    """A pose that suits how the garment is shown: ``worn``, ``hanger`` or ``flat``."""
    build = dice.between(0.94, 1.08)
    if presentation == "worn":
        arms = (_worn_arm(dice), _worn_arm(dice))
        legs = (_leg(dice, 0.02, 0.22), _leg(dice, 0.02, 0.22))
        return Pose(arms=arms, legs=legs, build=build)
    spread = dice.between(0.08, 0.3) if presentation == "hanger" else dice.between(0.25, 1.1)
    bend = dice.between(-0.1, 0.15)
    arms = (
        Limb(angle=dice.about(spread, 0.06), bend=dice.about(bend, 0.1)),
        Limb(angle=dice.about(spread, 0.06), bend=dice.about(bend, 0.1)),
    )
    opened = dice.between(0.03, 0.22)
    legs = (
        Limb(angle=dice.about(opened, 0.03), bend=dice.between(-0.05, 0.03)),
        Limb(angle=dice.about(opened, 0.03), bend=dice.between(-0.05, 0.03)),
    )
    return Pose(arms=arms, legs=legs, build=build)


def _worn_arm(dice: Dice) -> Limb:
    """Hanging, hand on the hip, or held away."""
    way = dice.whole(8)
    if way < 5:
        return Limb(angle=dice.between(0.12, 0.35), bend=dice.between(-0.3, 0.15))
    if way < 7:
        return Limb(angle=dice.between(0.6, 0.8), bend=dice.between(-1.7, -1.3))
    return Limb(angle=dice.between(0.7, 1.3), bend=dice.between(-0.2, 0.7))


def _leg(dice: Dice, low: float, high: float) -> Limb:
    angle = dice.between(low, high)
    return Limb(angle=angle, bend=dice.between(-angle - 0.04, 0.02))
