"""Shorts, trousers and skirts: everything that hangs from the waist."""

from __future__ import annotations

import numpy as np

from lapel.data.sketch.curves import Point, Points, between, mirrored, outline
from lapel.data.sketch.cut import Cut, leg_radius
from lapel.data.sketch.dice import Dice
from lapel.data.sketch.garment import Garment
from lapel.data.sketch.landmarks import LANDMARKS
from lapel.data.sketch.lower_details import legs_details, skirt_details, waistband
from lapel.data.sketch.pose import RIGHT, SIDES, Pose
from lapel.data.sketch.shape import Part, Shape


def draw_lower(garment: Garment, cut: Cut, pose: Pose, dice: Dice) -> Shape:
    """The shape of shorts, trousers or a skirt."""
    build = _skirt if garment.kind.form == "skirt" else _legs
    return build(garment, cut, pose, dice)


def _waist(cut: Cut, pose: Pose) -> tuple[Point, Point]:
    """The right end of the waist and its middle, which dips a little."""
    half = pose.half_width(cut.waist) * 1.04
    return (half, cut.waist), (0.0, cut.waist + 0.07)


def _named(points: dict[str, Point], right: dict[str, Point]) -> dict[str, Point]:
    """Points of the right side and their mirror images, with those of the middle."""
    points = {**points, **{f"{name} right": at for name, at in right.items()}}
    return points | {f"{name} left": (-x, y) for name, (x, y) in right.items()}


def _skirt(garment: Garment, cut: Cut, pose: Pose, dice: Dice) -> Shape:
    end, middle = _waist(cut, pose)
    corner_y = cut.hem - max(cut.arc, 0.1 * cut.flare)
    hips = pose.half_width(2.95) * 1.03
    corner = (hips + cut.flare * (corner_y - 2.0) / 2.6, corner_y)
    hip = _on_side(end, (hips + 0.25 * max(cut.flare, 0.0), 2.9), corner)
    hem = (0.0, cut.hem)
    quarter = (corner[0] * 0.55, corner_y + 0.75 * (cut.hem - corner_y))
    seam = (end, hip, corner)

    def half(y: float) -> float:
        return float(np.interp(y, [at[1] for at in seam], [at[0] for at in seam]))

    side = [end, hip, corner]
    edges = [[*mirrored([end]), middle, end], side]
    edges += [[corner, quarter, hem, *mirrored([quarter, corner])], mirrored(side[::-1])]
    details = skirt_details(garment, cut, half, dice)
    part = Part(
        name="skirt",
        outline=outline(*edges),
        spine=((0.0, cut.waist - 0.2), (0.0, cut.hem)),
        half=max(hips, 0.8 * corner[0]),
        strokes=details.strokes,
    )
    points = {"waist": middle, "hem": hem}
    points = _named(points, {"waist": end, "hip": hip, "hem": corner})
    return Shape(
        parts=(part, *details.on, waistband(garment, end, middle)),
        landmarks={name: points[name] for name in LANDMARKS[garment.kind.name]},
        details=details.anchors,
    )


def _on_side(top: Point, hip: Point, bottom: Point) -> Point:
    """The hip, or for what ends above it a point half way down."""
    return hip if bottom[1] > hip[1] + 0.3 else between(top, bottom, 0.5)


def _leg_points(garment: Garment, cut: Cut, pose: Pose, side: int) -> dict[str, Point]:
    """The landmarks of one leg, below the waist."""

    def at(along: float, sign: int) -> Point:
        return pose.leg_point(side, along, sign * leg_radius(garment.fit, along))

    hip_x = max(pose.half_width(2.75) * 1.02, leg_radius(garment.fit, 0.0) + 0.4)
    points = {"hip": (side * hip_x, 2.75)}
    if garment.kind.form == "trousers":
        points |= {"knee outer": at(1.0, 1), "knee inner": at(1.0, -1)}
    return points | {"cuff outer": at(cut.cuff, 1), "cuff inner": at(cut.cuff, -1)}


def _legs(garment: Garment, cut: Cut, pose: Pose, dice: Dice) -> Shape:
    end, middle = _waist(cut, pose)
    crotch = (0.0, 3.42 + (0.16 if garment.fit == "loose" else 0.0))
    details = legs_details(garment, cut, pose, dice)
    points = {"waist": middle, "waist right": end, "waist left": (-end[0], end[1])}
    points["crotch"] = crotch
    parts = []
    for side in SIDES:
        name = "right" if side == RIGHT else "left"
        leg = _leg_points(garment, cut, pose, side)
        points |= {f"{key} {name}": at for key, at in leg.items()}
        ends = (0.0, cut.cuff) if cut.cuff <= 1 else (0.0, 1.0, cut.cuff)
        part = Part(
            name=f"leg {name}",
            outline=_leg_outline(leg, end, middle, crotch, side),
            spine=tuple(pose.leg_point(side, along, 0.0) for along in ends),
            half=leg_radius(garment.fit, 0.4),
            strokes=details.strokes,
        )
        parts.append(part)
    return Shape(
        parts=(*parts, *details.on, waistband(garment, end, middle)),
        landmarks={name: points[name] for name in LANDMARKS[garment.kind.name]},
        details=details.anchors,
    )


def _leg_outline(
    leg: dict[str, Point], end: Point, middle: Point, crotch: Point, side: int
) -> Points:
    """A leg with its half of the seat."""
    top = (side * end[0], end[1])
    outer = [top, *(leg[key] for key in ("hip", "knee outer", "cuff outer") if key in leg)]
    inner = [leg[key] for key in ("cuff inner", "knee inner") if key in leg]
    inner = _kept_apart([*inner, crotch], side)
    # The halves overlap by a hair, so that no gap shows between them.
    hair = -0.02 * side
    seat = [(hair, crotch[1]), (hair, middle[1]), middle]
    return outline(outer, [outer[-1], inner[0]], inner, seat, [middle, top])


def _kept_apart(inner: list[Point], side: int) -> list[Point]:
    """The inner seam; legs that stand close touch in the middle, and do not cross it."""
    return [(side * max(side * x, 0.0), y) for x, y in inner]
