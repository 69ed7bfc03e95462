"""Who or what wears a garment: a person, a mannequin, a hanger."""

from __future__ import annotations

from lapel.data.sketch.canvas import NOBODY, WEARER, Canvas, Frame
from lapel.data.sketch.cloth import Cloth, paint_part, paint_plain, plain_cloth
from lapel.data.sketch.curves import Point, band, disc, mirrored, outline
from lapel.data.sketch.cut import Cut
from lapel.data.sketch.dice import Dice
from lapel.data.sketch.garment import Garment
from lapel.data.sketch.pose import SIDES, Pose
from lapel.data.sketch.shades import Colour, toned
from lapel.data.sketch.shape import Part

#: Of people, from dark to light.
SKINS: tuple[Colour, ...] = (
    (82, 52, 40), (112, 74, 54), (146, 98, 70), (178, 126, 94), (206, 156, 122), (226, 180, 148),
    (238, 200, 174),
)  # fmt: skip

#: Of mannequins.
FIGURES: tuple[Colour, ...] = ((236, 232, 226), (206, 200, 192), (70, 70, 74), (196, 168, 136))

HAIRS: tuple[Colour, ...] = (
    (28, 22, 20),
    (62, 40, 26),
    (104, 70, 40),
    (178, 138, 84),
    (150, 148, 146),
)

#: Of what a wearer has on beside the garment; never patterned, never bright.
NEUTRALS: tuple[Colour, ...] = ((226, 226, 224), (70, 72, 78), (150, 150, 152), (44, 46, 58))


def paint_body(
    canvas: Canvas, frame: Frame, pose: Pose, garment: Garment, dice: Dice, light: float
) -> None:
    """A person or a mannequin, bare but for plain things where the garment leaves off."""
    person = dice.chance(0.65)
    skin = dice.pick(SKINS if person else FIGURES)
    plain = dice.pick(NEUTRALS) if person else skin
    hair = plain_cloth(dice, dice.pick(HAIRS), light, "fur")
    if person and dice.chance(0.45):
        paint_part(canvas, _long_hair(), frame, hair, WEARER)
    upper = garment.kind.upper
    legs = plain if upper and garment.kind.form != "dress" else skin
    for side in SIDES:
        paint_plain(canvas, _leg(pose, side), frame, legs, WEARER)
        paint_plain(canvas, _shoe(pose, side), frame, plain, WEARER)
        paint_plain(canvas, _arm(pose, side), frame, skin, WEARER)
    covered = garment.kind.form == "outwear" or not upper
    paint_plain(canvas, _neck(), frame, skin, WEARER)
    paint_plain(canvas, _torso(pose), frame, plain if covered else skin, WEARER)
    paint_plain(canvas, _head(), frame, skin, WEARER)
    if person:
        paint_part(canvas, _fringe(), frame, hair, WEARER)


def _leg(pose: Pose, side: int) -> Part:
    def at(along: float, radius: float) -> Point:
        return pose.leg_point(side, along, radius * pose.build)

    outer = [at(-0.1, 0.44), at(0.5, 0.36), at(1.0, 0.24), at(1.4, 0.24), at(2.0, 0.13)]
    inner = [at(2.0, -0.13), at(1.4, -0.2), at(1.0, -0.22), at(0.5, -0.34), at(0.0, -0.42)]
    return Part(name="leg", outline=outline(outer, inner), half=0.4,
                spine=(at(0.0, 0.0), at(1.0, 0.0), at(2.0, 0.0)))  # fmt: skip


def _shoe(pose: Pose, side: int) -> Part:
    x, y = pose.leg_point(side, 2.1, 0.03)
    return Part(name="shoe", outline=disc((x, y), 0.24, flat=0.75), half=0.3,
                spine=((x, y - 0.2), (x, y + 0.2)))  # fmt: skip


def _arm(pose: Pose, side: int) -> Part:
    def at(along: float, radius: float) -> Point:
        return pose.arm_point(side, along, radius * pose.build)

    outer = [at(-0.08, 0.1), at(0.15, 0.21), at(0.55, 0.2), at(1.0, 0.16), at(1.4, 0.15)]
    outer += [at(2.0, 0.1), at(2.2, 0.13), at(2.42, 0.02)]
    inner = [at(2.42, 0.0), at(2.2, -0.13), at(2.0, -0.1), at(1.4, -0.14), at(1.0, -0.16)]
    inner += [at(0.55, -0.19), at(0.1, -0.2)]
    return Part(name="arm", outline=outline(outer, inner), half=0.22,
                spine=(at(0.0, 0.0), at(1.0, 0.0), at(2.0, 0.0)))  # fmt: skip


def _torso(pose: Pose) -> Part:
    heights = (0.12, 0.5, 0.9, 1.45, 2.0, 2.5, 2.95, 3.35)
    inset = {0.12: 0.06, 3.35: 0.5}
    right = [(pose.half_width(y) - inset.get(y, 0.0), y) for y in heights]
    shoulders = [(-right[0][0], 0.12), (-0.3, -0.06), (0.3, -0.06), right[0]]
    crotch = [right[-1], (0.0, 3.45), (-right[-1][0], right[-1][1])]
    return Part(
        name="body",
        outline=outline(shoulders, right, crotch, mirrored(right[::-1])),
        spine=((0.0, 0.0), (0.0, 3.0)),
        half=pose.half_width(0.9) * 1.1,
    )


def _neck() -> Part:
    right = [(0.25, -0.7), (0.26, -0.2), (0.42, 0.05), (0.3, 0.5)]
    return Part(name="neck", outline=outline(right, mirrored(right[::-1])), half=0.34,
                spine=((0.0, -0.7), (0.0, 0.4)))  # fmt: skip


def _head() -> Part:
    right = [(0.0, -1.95), (0.38, -1.8), (0.47, -1.35), (0.36, -0.85), (0.0, -0.6)]
    return Part(name="head", outline=outline([*right, *mirrored(right[-2:0:-1]), right[0]]),
                half=0.5, spine=((0.0, -1.9), (0.0, -0.6)))  # fmt: skip


def _fringe() -> Part:
    over = [(-0.52, -1.2), (-0.46, -1.75), (0.0, -2.08), (0.46, -1.75), (0.52, -1.2)]
    under = [(0.52, -1.2), (0.36, -1.55), (0.0, -1.66), (-0.3, -1.6), (-0.52, -1.2)]
    return Part(name="hair", outline=outline(over, under), half=0.6,
                spine=((0.0, -2.0), (0.0, -1.0)))  # fmt: skip


def _long_hair() -> Part:
    right = [(0.0, -2.05), (0.5, -1.8), (0.62, -1.1), (0.66, -0.3), (0.5, 0.25)]
    return Part(name="long hair", outline=outline([*mirrored(right[::-1]), *right[1:]]),
                half=0.7, spine=((0.0, -2.0), (0.0, 0.3)))  # fmt: skip


def paint_hanger(canvas: Canvas, frame: Frame, cut: Cut, garment: Garment, dice: Dice) -> None:
    """A hanger for what has shoulders, a bar with two clips for what has a waist."""
    colour: Colour = dice.pick(((196, 160, 116), (60, 58, 60), (222, 220, 214)))
    upper = garment.kind.upper
    top = -0.12 if upper else cut.waist - 0.28
    hook = [(0.0, top), (0.0, top - 0.4), (0.16, top - 0.55), (0.0, top - 0.72), (-0.16, top - 0.6)]
    parts = [_line("hook", hook, 0.06)]
    if upper:
        parts.append(_line("hanger", [(-0.86, 0.22), (0.0, top), (0.86, 0.22)], 0.13))
    else:
        parts.append(_line("bar", [(-0.62, top), (0.62, top)], 0.1))
        parts += [_line("clip", [(x, top), (x, cut.waist + 0.16)], 0.14) for x in (-0.45, 0.45)]
    for part in parts:
        paint_plain(canvas, part, frame, colour, NOBODY)


def _line(name: str, line: list[Point], width: float) -> Part:
    return Part(name=name, outline=band(line, width), spine=(line[0], line[-1]), half=width)


def bag_parts(pose: Pose, side: int) -> tuple[Part, ...]:
    """A bag that hangs at a hip, its strap across the chest."""
    x = side * (pose.half_width(2.9) + 0.12)
    strap = [(-side * 0.5, -0.02), (0.0, 1.35), (x - side * 0.15, 2.75)]
    body = outline([(x - 0.34, 2.65), (x + 0.34, 2.65), (x + 0.38, 3.3), (x - 0.38, 3.3)][:2],
                   [(x + 0.38, 3.28), (x - 0.38, 3.28)])  # fmt: skip
    flap = [(x - 0.36, 2.66), (x, 3.02), (x + 0.36, 2.66)]
    return (
        _line("strap", strap, 0.11),
        Part(name="bag", outline=body, spine=((x, 2.6), (x, 3.3)), half=0.4),
        Part(name="flap", outline=outline(flap, [flap[-1], flap[0]]),
             spine=((x, 2.6), (x, 3.0)), half=0.4),
    )  # fmt: skip


def leather(dice: Dice, light: float) -> Cloth:
    """What bags are of."""
    colour = dice.pick(((52, 36, 28), (24, 24, 26), (150, 96, 54), (190, 60, 60), (210, 190, 160)))
    return plain_cloth(dice, toned(colour, dice.about(1.0, 0.1)), light)
