"""Tops, outwear and dresses: everything that hangs from the shoulders."""

from __future__ import annotations

from lapel.data.sketch.bodice import (
    Bodice,
    arm_landmarks,
    draw_bodice,
    sleeve_radius,
    torso_landmarks,
)
from lapel.data.sketch.curves import Point, band, mirrored, outline
from lapel.data.sketch.cut import Cut
from lapel.data.sketch.dice import Dice
from lapel.data.sketch.fronts import front_landmarks, front_parts
from lapel.data.sketch.garment import Garment
from lapel.data.sketch.landmarks import LANDMARKS
from lapel.data.sketch.neck import back_part, neck_parts
from lapel.data.sketch.pose import LEFT, SIDES, Pose
from lapel.data.sketch.shape import Part, Shape, Stroke
from lapel.data.sketch.upper_details import upper_details


def draw_upper(garment: Garment, cut: Cut, pose: Pose, dice: Dice) -> Shape:
    """The shape of a top, an outwear or a dress."""
    bodice = draw_bodice(garment, cut, pose)
    points = torso_landmarks(bodice)
    arms = {side: arm_landmarks(garment, cut, pose, bodice, side) for side in SIDES}
    for side, name in zip(SIDES, ("left", "right"), strict=True):
        points |= {f"{key} {name}": at for key, at in arms[side]}
    details = upper_details(garment, cut, bodice, dice)
    bodies: tuple[Part, ...] = (_torso(bodice, cut, details.strokes),)
    if garment.kind.form == "outwear":
        bodies = front_parts(cut, bodice, details.strokes)
        points |= front_landmarks(cut, bodice)
    sleeves: tuple[Part, ...] = ()
    if cut.cuff > 0:
        sleeves = tuple(_sleeve(garment, cut, pose, bodice, arms[side], side) for side in SIDES)
    parts = (
        *details.behind,
        back_part(garment, bodice.neck, cut),
        *bodies,
        *details.on,
        *sleeves,
        *neck_parts(garment, bodice.neck, cut),
    )
    landmarks = {name: points[name] for name in LANDMARKS[garment.kind.name]}
    return Shape(parts=parts, landmarks=landmarks, details=details.anchors)


def _torso(bodice: Bodice, cut: Cut, strokes: tuple[Stroke, ...]) -> Part:
    right = bodice.right_of_neck()
    left = [mirrored(edge[::-1]) for edge in reversed(right)]
    return Part(
        name="torso",
        outline=outline(*bodice.neck.edges, *right, bodice.hem_edge(), *left),
        spine=((0.0, 0.0), (0.0, cut.hem)),
        half=max(bodice.armpit[0], 0.8 * bodice.corner[0]) * 1.08,
        strokes=strokes,
    )


def _sleeve(
    garment: Garment,
    cut: Cut,
    pose: Pose,
    bodice: Bodice,
    landmarks: list[tuple[str, Point]],
    side: int,
) -> Part:
    cuff = 1 + [name for name, _ in landmarks].index("cuff outer")
    outer = [at for _, at in landmarks[:cuff]]
    inner = [at for _, at in landmarks[cuff:]]
    cap = (side * (bodice.armhole[0][0] - 0.07), bodice.armhole[0][1])
    ends = (0.0, cut.cuff) if cut.cuff <= 1 else (0.0, 1.0, cut.cuff)
    seam = band((outer[0], cap, inner[-1]), 0.025)
    return Part(
        name="sleeve left" if side == LEFT else "sleeve right",
        outline=outline(outer, [outer[-1], inner[0]], inner, [inner[-1], cap, outer[0]]),
        spine=tuple(pose.arm_point(side, along, 0.0) for along in ends),
        half=0.27 * cut.ease,
        strokes=(Stroke(outline=seam, tone="seam"), _cuff_stroke(garment, cut, pose, side)),
    )


def _cuff_stroke(garment: Garment, cut: Cut, pose: Pose, side: int) -> Stroke:
    """A seam near the cuff, or a stripe of trim."""
    trim = "trim" in garment.details
    at, radius = cut.cuff - 0.08, sleeve_radius(cut, cut.cuff) + 0.05
    across = (pose.arm_point(side, at, radius), pose.arm_point(side, at, -radius))
    return Stroke(outline=band(across, 0.13 if trim else 0.022), tone="second" if trim else "seam")
