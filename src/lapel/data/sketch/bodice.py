"""The torso of what hangs from the shoulders, and the sleeves' edges, as points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lapel.data.sketch.curves import Point, between, mirrored
from lapel.data.sketch.cut import Cut
from lapel.data.sketch.garment import Garment
from lapel.data.sketch.landmarks import side_count
from lapel.data.sketch.neck import NeckEdge, neck_edge
from lapel.data.sketch.pose import Pose

#: How closely each fit follows the body's waist: 1 clings, 0 hangs straight.
_CLINGS = {"tight": 1.0, "regular": 0.5, "loose": 0.0}

#: Height of the waist, where dresses are narrowest and belts are worn.
WAIST = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bodice:
    """The right half of a torso; the left is its mirror image.

    Attributes:
        neck: the edge of the neckline, of both sides.
        shoulder: the shoulder's outer end.
        armhole: points between shoulder and armpit.
        armpit: where sleeve and side meet.
        sides: the side seam's landmarks, downwards.
        corner: of the hem.
        hem: the middle of the hem.
    """

    neck: NeckEdge
    shoulder: Point
    armhole: tuple[Point, ...]
    armpit: Point
    sides: tuple[Point, ...]
    corner: Point
    hem: Point

    @property
    def quarter(self) -> Point:
        """Half way between the corner and the middle of the hem, on its curve."""
        x, y = between(self.hem, self.corner, 0.5)
        return x, y + 0.25 * (self.hem[1] - self.corner[1])

    def half(self, y: float) -> float:
        """Half the width at a height below the armpit."""
        seam = (self.armpit, *self.sides, self.corner)
        return float(np.interp(y, [at[1] for at in seam], [at[0] for at in seam]))

    def right_of_neck(self) -> list[list[Point]]:
        """Edges from the right end of the neckline down to the hem's right corner."""
        return [
            [self.neck.right, self.shoulder],
            [self.shoulder, *self.armhole, self.armpit],
            [self.armpit, *self.sides, self.corner],
        ]

    def hem_edge(self) -> list[Point]:
        """The hem from right to left."""
        right = [self.corner, self.quarter]
        return [*right, self.hem, *mirrored(right[::-1])]


def draw_bodice(garment: Garment, cut: Cut, pose: Pose) -> Bodice:
    """The torso of a garment."""
    loose = cut.ease - 1
    armpit = (pose.half_width(0.9) * cut.ease, 0.84 + 0.3 * max(loose, 0.0))
    shoulder, armhole = _shoulder(garment, cut, pose)
    corner_y = cut.hem - cut.arc
    heights = _side_heights(armpit[1], corner_y, side_count(garment.kind), garment.kind.form)
    return Bodice(
        neck=neck_edge(garment, cut),
        shoulder=shoulder,
        armhole=armhole,
        armpit=armpit,
        sides=tuple((_half_at(y, garment, cut, pose), y) for y in heights),
        corner=(_half_at(corner_y, garment, cut, pose), corner_y),
        hem=(0.0, cut.hem),
    )


def _shoulder(garment: Garment, cut: Cut, pose: Pose) -> tuple[Point, tuple[Point, ...]]:
    """The shoulder's end on the right, and the points of the armhole below it."""
    loose, build = cut.ease - 1, pose.build
    if garment.kind.arms == "vest":
        return (0.7 * build, 0.02), ((0.62 * build, 0.36), (0.68 * build, 0.66))
    if garment.kind.arms == "sling":
        return (cut.neck + 0.16, 0.6), ()
    shoulder = (0.96 * build + 0.24 * loose, 0.08 + 0.14 * loose)
    return shoulder, ((0.86 * build + 0.2 * loose, 0.46 + 0.2 * loose),)


def _side_heights(top: float, bottom: float, count: int, form: str) -> list[float]:
    """Where a side's landmarks are: evenly spread, on a dress one at the waist, one below."""
    if form == "dress":
        return [(top + WAIST) / 2, WAIST, 2.95][3 - count :]
    return [top + (bottom - top) * number / (count + 1) for number in range(1, count + 1)]


def _half_at(y: float, garment: Garment, cut: Cut, pose: Pose) -> float:
    """Half the width at a height."""
    chest = pose.half_width(0.9) * cut.ease
    body = pose.half_width(min(y, 2.95)) * max(cut.ease, 1.0)
    dress = garment.kind.form == "dress"
    cling = max(_CLINGS[garment.fit], 0.75 if dress else 0.0)
    straight = chest + 0.04 * (y - 0.9)
    half = straight + (body - straight) * cling
    if dress and y > WAIST:
        half += cut.flare * (y - WAIST) / 3.0
    return half


def torso_landmarks(bodice: Bodice) -> dict[str, Point]:
    """The landmarks of neck, sides and hem."""
    points = dict(bodice.neck.points)
    points["hem"] = bodice.hem
    right = {"hem corner": bodice.corner, "hem quarter": bodice.quarter}
    right |= {f"side {number}": at for number, at in enumerate(bodice.sides, start=1)}
    for name, (x, y) in right.items():
        points[f"{name} right"] = (x, y)
        points[f"{name} left"] = (-x, y)
    return points


def sleeve_radius(cut: Cut, along: float) -> float:
    """Half the width of a sleeve; loose ones widen towards the cuff."""
    return (0.275 - 0.05 * along) * cut.ease + 0.06 * along * max(cut.ease - 1.1, 0.0)


def arm_landmarks(
    garment: Garment, cut: Cut, pose: Pose, bodice: Bodice, side: int
) -> list[tuple[str, Point]]:
    """An arm's landmarks from the shoulder round the cuff to the armpit, in order."""
    first = ("shoulder", (side * bodice.shoulder[0], bodice.shoulder[1]))
    last = ("armpit", (side * bodice.armpit[0], bodice.armpit[1]))
    if garment.kind.arms in {"vest", "sling"}:
        return [first, last]

    def at(along: float, sign: int) -> Point:
        return pose.arm_point(side, along, sign * sleeve_radius(cut, along))

    end = cut.cuff
    if garment.kind.arms == "short":
        outer = [("sleeve outer", at(end / 2, 1)), ("cuff outer", at(end, 1))]
        inner = [("cuff inner", at(end, -1)), ("sleeve inner", at(end * 0.8, -1))]
        return [first, *outer, *inner, last]
    along = (("upper sleeve", 0.5), ("elbow", 1.0), ("lower sleeve", (1 + end) / 2), ("cuff", end))
    outer = [(f"{name} outer", at(share, 1)) for name, share in along]
    inner = [(f"{name} inner", at(max(share, 0.66), -1)) for name, share in reversed(along)]
    return [first, *outer, *inner, last]
