"""What shorts, trousers and skirts have beside their cut: the details that tags name."""

from __future__ import annotations

from collections.abc import Callable

from lapel.data.sketch.curves import Point, band, outline
from lapel.data.sketch.cut import Cut, leg_radius
from lapel.data.sketch.dice import Dice
from lapel.data.sketch.garment import Garment
from lapel.data.sketch.marks import (
    along,
    buttons,
    cords,
    emblem,
    patch_pocket,
    pleats,
    scallops,
    slant_pocket,
)
from lapel.data.sketch.pose import SIDES, Pose
from lapel.data.sketch.shape import Part, Stroke
from lapel.data.sketch.upper_details import Details


def waistband(garment: Garment, end: Point, middle: Point) -> Part:
    """The band of the waist; a belt with its buckle, where there is one."""
    belted = "belt" in garment.details
    line = [(-end[0], end[1] + 0.09), (0.0, middle[1] + 0.09), (end[0], end[1] + 0.09)]
    y = middle[1] + 0.09
    strokes = [Stroke(outline=band([(x, y_ + 0.09) for x, y_ in line], 0.03), tone="seam")]
    if belted:
        frame = [(-0.13, y - 0.13), (0.13, y - 0.13), (0.13, y + 0.13), (-0.13, y + 0.13)]
        hole = [(x * 0.6, y + (y_ - y) * 0.6) for x, y_ in frame]
        strokes += [Stroke(outline=outline(frame[:2], frame[2:]), tone="metal"),
                    Stroke(outline=outline(hole[:2], hole[2:]), tone="hole")]  # fmt: skip
    else:
        for share in (-0.55, 0.55):
            loop = [(share * end[0], y - 0.1), (share * end[0], y + 0.1)]
            strokes.append(Stroke(outline=band(loop, 0.06), tone="seam"))
    return Part(
        name="waistband",
        outline=band(line, 0.19),
        spine=((0.0, y - 0.4), (0.0, y + 0.4)),
        half=end[0],
        tone="second" if belted else "cloth",
        strokes=tuple(strokes),
    )


def skirt_details(
    garment: Garment, cut: Cut, half: Callable[[float], float], dice: Dice
) -> Details:
    """The details of a skirt, in the order of painting."""
    found = Details()
    top, tags = cut.waist + 0.18, garment.details
    if garment.texture == "graphic":
        y = (cut.waist + cut.hem) / 2
        found.strokes += tuple(emblem(dice, (0.0, y), min(0.5, 0.5 * half(y))))
    if "pleats" in tags:
        anchors = tuple((share * half(top + 0.4), top + 0.4) for share in (-0.5, 0.0, 0.5))
        found.add("pleats", anchors, *pleats(top, cut.hem + 0.05, half, 6 + dice.whole(4)))
    trim = "trim" in tags
    y = cut.hem - cut.arc - (0.2 if trim else 0.14)
    wide = half(y) * 1.08
    line = [(-wide, y - 0.08), (0.0, y + 0.06), (wide, y - 0.08)]
    hem = Stroke(outline=band(line, 0.16 if trim else 0.02), tone="second" if trim else "seam")
    if trim:
        found.add("trim", ((-0.5 * wide, y + 0.02), (0.5 * wide, y + 0.02)), hem)
    else:
        found.strokes += (hem,)
    if "slit" in tags:
        _slit(cut, half, dice, found)
    if "pockets" in tags:
        _pockets(half, top, dice, found)
    if "buttons" in tags:
        places = along((0.0, top + 0.12), (0.0, cut.hem - 0.3), 4 + dice.whole(3))
        found.add("buttons", tuple(places), *buttons(places))
    if "ruffle" in tags:
        _ruffle(cut, half, found)
    if "belt" in tags:
        found.anchors["belt"] = _belt_anchors(cut, half(cut.waist))
    return found


def _belt_anchors(cut: Cut, half: float) -> tuple[Point, ...]:
    return tuple((share * half, cut.waist + 0.12) for share in (-0.4, 0.0, 0.4))


def _slit(cut: Cut, half: Callable[[float], float], dice: Dice, found: Details) -> None:
    bottom = half(cut.hem - 0.2)
    x, wide = dice.pick((-1, 1)) * 0.45 * bottom, 0.13 * bottom
    top = cut.hem - 0.4 * (cut.hem - cut.waist)
    gap = outline([(x - wide, cut.hem + 0.1), (x, top), (x + wide, cut.hem + 0.1)])
    middle = (x, (top + cut.hem) / 2)
    found.add("slit", (middle, (x, cut.hem - 0.35)), Stroke(outline=gap, tone="hole"))


def _pockets(half: Callable[[float], float], top: float, dice: Dice, found: Details) -> None:
    y = top + 0.25
    wide = half(y)
    strokes: list[Stroke] = []
    if dice.chance(0.5):
        for left in (-0.75 * wide, 0.25 * wide):
            strokes += patch_pocket(left, y, 0.5 * wide, 0.45)
        anchors = ((-0.5 * wide, y + 0.02), (0.5 * wide, y + 0.02))
    else:
        for side in SIDES:
            strokes += slant_pocket((side * 0.5 * wide, top + 0.02), (side * 0.86 * wide, y + 0.22))
        anchors = ((-0.68 * wide, y), (0.68 * wide, y))
    found.add("pockets", anchors, *strokes)


def _ruffle(cut: Cut, half: Callable[[float], float], found: Details) -> None:
    top = cut.hem - 0.42 * (cut.hem - cut.waist)
    deep = 0.26 * (cut.hem - cut.waist)
    wide, low = half(top) * 0.99, half(top + deep) * 1.05
    edge = scallops([(low, top + deep), (-low, top + deep)], 0.1, 7)
    seam = band([(-wide, top + 0.03), (wide, top + 0.03)], 0.04)
    part = Part(
        name="ruffle",
        outline=outline([(-wide, top), (wide, top)], [(x, y) for x, y in edge]),
        spine=((0.0, top - 1.0), (0.0, top + deep)),
        half=wide,
        strokes=(Stroke(outline=seam, tone="seam"),),
    )
    found.on += (part,)
    y = top + 0.6 * deep
    found.anchors["ruffle"] = tuple((share * wide, y) for share in (-0.55, 0.0, 0.55))


def legs_details(garment: Garment, cut: Cut, pose: Pose, dice: Dice) -> Details:
    """The details of shorts and trousers, in the order of painting; for both legs."""
    found = Details()
    tags, half = garment.details, pose.half_width(cut.waist) * 1.04
    fly = cut.waist + 0.2
    if garment.texture == "graphic":
        for side in SIDES:
            centre = pose.leg_point(side, min(0.5, cut.cuff * 0.55), 0.05)
            found.strokes += tuple(emblem(dice, centre, 0.24))
    found.strokes += _creases(garment, cut, pose, found)
    curve_ = [(0.0, fly + 0.75), (0.1, fly + 0.6), (0.13, fly)]
    found.strokes += (Stroke(outline=band(curve_, 0.022), tone="seam"),)
    if "pockets" in tags:
        strokes: list[Stroke] = []
        for side in SIDES:
            start, end = (side * 0.5 * half, fly), (side * (half + 0.1), fly + 0.4)
            strokes += slant_pocket(start, end)
        x = 0.75 * half + 0.02
        found.add("pockets", ((-x, fly + 0.2), (x, fly + 0.2)), *strokes)
    if "drawstring" in tags:
        found.add("drawstring", ((-0.12, fly + 0.32), (0.12, fly + 0.32)),
                  *cords((0.0, fly - 0.02), 0.16, 0.6))  # fmt: skip
    if "belt" in tags:
        found.anchors["belt"] = _belt_anchors(cut, half)
    return found


def _creases(garment: Garment, cut: Cut, pose: Pose, found: Details) -> tuple[Stroke, ...]:
    """Pressed folds along the legs, stripes of trim along their outer seams, cuffs."""
    strokes: list[Stroke] = []
    ends = [0.15 * cut.cuff, 0.55 * cut.cuff, cut.cuff]
    if "pleats" in garment.details:
        anchors = []
        for side in SIDES:
            for offset in (-0.09, 0.09):
                line = [pose.leg_point(side, at, offset) for at in (-0.2, *ends)]
                strokes += [Stroke(outline=band(line, 0.05), tone="seam"),
                            Stroke(outline=band([(x + 0.035, y) for x, y in line], 0.02),
                                   tone="light")]  # fmt: skip
                anchors.append(line[2])
        found.anchors["pleats"] = tuple(anchors)
    if "trim" in garment.details:
        lines = [
            [pose.leg_point(side, at, leg_radius(garment.fit, at) - 0.08) for at in ends]
            for side in SIDES
        ]
        strokes += [Stroke(outline=band(line, 0.14), tone="second") for line in lines]
        found.anchors["trim"] = tuple(line[1] for line in lines)
    for side in SIDES:
        across = [pose.leg_point(side, cut.cuff - 0.05, offset) for offset in (0.8, -0.8)]
        strokes.append(Stroke(outline=band(across, 0.02), tone="seam"))
    return tuple(strokes)
