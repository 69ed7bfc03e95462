"""How cloth looks: its texture along the part, folds, roundness, the manner of its fabric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from lapel.data.sketch import noise, tiles
from lapel.data.sketch.canvas import Canvas, Cover, Frame, draw_cover
from lapel.data.sketch.curves import Points
from lapel.data.sketch.dice import Dice
from lapel.data.sketch.garment import Garment
from lapel.data.sketch.shades import SHADES, Colour, blended, brightness, toned
from lapel.data.sketch.shape import Part, Stroke

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fabric:
    """The manner of a fabric.

    Attributes:
        folds: how deep its folds are; 1 is cotton.
        grain: deviation of its fine noise of light.
        sheen: how strongly its folds shine.
        ribs: how deep the ribs of a knit are.
        opacity: how little shows through.
        ragged: how far fur stands out from the outline, in units of the body.
    """

    folds: float = 1.0
    grain: float = 0.01
    sheen: float = 0.0
    ribs: float = 0.0
    opacity: float = 1.0
    ragged: float = 0.0


MANNERS = {
    "cotton": Fabric(),
    "knit": Fabric(folds=0.6, grain=0.022, ribs=0.1),
    "denim": Fabric(folds=0.8, grain=0.045),
    "chiffon": Fabric(folds=1.5, grain=0.008, opacity=0.74),
    "leather": Fabric(folds=1.5, grain=0.012, sheen=0.55),
    "fur": Fabric(folds=0.6, grain=0.11, ragged=0.045),
    "skin": Fabric(folds=0.0, grain=0.004),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloth:
    """A fabric with its colours, its texture and the way it falls.

    Attributes:
        tones: name of a tone to its colour; ``cloth`` is the fabric's own.
        tile: its texture, or None for plain cloth.
        repeat: width of a tile in units of the body.
        manner: of its fabric.
        waves: of the folds, a row each: depth, and radians a unit across and along, and phase.
        light: where light comes from: -1 is from the left, 1 from the right.
        place: where in the noise its grain is taken from.
    """

    tones: dict[str, Colour]
    tile: tiles.Tile | None
    repeat: float
    manner: Fabric
    waves: tuple[tuple[float, float, float, float], ...]
    light: float
    place: tuple[int, int]


def draw_cloth(dice: Dice, garment: Garment, light: float, scale: float) -> Cloth:
    """The cloth of a garment that is drawn at ``scale`` pixels a unit."""
    jitter = dice.about(1.0, 0.06)
    own = toned(SHADES[garment.shade][1], jitter)
    second, third = SHADES[garment.second][1], SHADES[garment.third][1]
    manner = MANNERS[garment.fabric]
    waves = tuple(
        (
            manner.folds * dice.between(0.02, 0.075),
            dice.between(1.5, 7.0),
            dice.between(-2.2, 2.2),
            dice.between(0, 6.28),
        )
        for _ in range(3 if manner.folds > 0 else 0)
    )
    tile, repeat = tiles.draw_tile(dice, garment.texture, (own, second, third)), dice.about(1, 0.3)
    return Cloth(
        tones=_tones(own, second, third, garment.fabric),
        tile=None if tile is None else tiles.as_fine_as(tile, repeat * scale),
        repeat=repeat,
        manner=manner,
        waves=waves,
        light=light,
        place=(dice.whole(noise.SIDE), dice.whole(noise.SIDE)),
    )


def plain_cloth(dice: Dice, colour: Colour, light: float, fabric: str = "skin") -> Cloth:
    """One colour without texture: skin, a bag, a leaf."""
    return Cloth(
        tones=_tones(colour, toned(colour, 0.7), toned(colour, 1.2), fabric),
        tile=None,
        repeat=1.0,
        manner=MANNERS[fabric],
        waves=(),
        light=light,
        place=(dice.whole(noise.SIDE), dice.whole(noise.SIDE)),
    )


def _tones(own: Colour, second: Colour, third: Colour, fabric: str) -> dict[str, Colour]:
    """The colours of what is on a cloth; seams are brighter than black cloth, else darker."""
    dark = brightness(own) < 55
    return {
        "cloth": own,
        "inside": blended(toned(own, 0.55), (20, 18, 22), 0.15),
        "second": second,
        "third": third,
        "seam": blended(own, (120, 120, 126), 0.35) if dark else toned(own, 0.66),
        "light": blended(own, (255, 255, 255), 0.3),
        "stitch": (214, 158, 84) if fabric == "denim" else blended(own, (255, 255, 255), 0.35),
        "metal": (206, 202, 192) if brightness(own) < 130 else (72, 66, 60),
        "hole": blended(toned(own, 0.35), (16, 14, 18), 0.4),
    }


def paint_part(canvas: Canvas, part: Part, frame: Frame, cloth: Cloth, owner: int) -> None:
    """Paint a piece of cloth, with the shadow that it throws on what lies below."""
    scale = frame.scale
    outline = frame.pixels(part.outline)
    if cloth.manner.ragged:
        outline = _ragged(outline, cloth.manner.ragged * scale, cloth.place)
    cover = canvas.cover(outline, margin=round(0.08 * scale) + 1)
    if cover is None:
        return
    soft = cover.alpha.filter(ImageFilter.BoxBlur(max(0.07 * scale, 1.0)))
    if part.tone != "inside":
        aside = -round(0.035 * scale * cloth.light)
        canvas.cast_shadow(cover, soft, strength=0.42, dx=aside, dy=round(0.04 * scale))
    along, across = _cloth_coordinates(cover, frame, part)
    colours = _albedo(cloth, part, along, across, cover)
    colours = _with_strokes(colours, part.strokes, frame, cloth, cover)
    lit = _lit(colours, _light(cloth, part, along, across, soft), cloth, part)
    see_through = cloth.manner.opacity if part.tone == "cloth" else 1.0
    canvas.put(cover, lit, owner, see_through)


def paint_plain(canvas: Canvas, part: Part, frame: Frame, colour: Colour, owner: int) -> None:
    """Paint a part of one colour that nobody looks at closely: skin, a hanger. No folds, quick."""
    scale = frame.scale
    cover = canvas.cover(frame.pixels(part.outline), margin=round(0.08 * scale) + 1)
    if cover is None:
        return
    soft = cover.alpha.filter(ImageFilter.BoxBlur(max(0.08 * scale, 1.0)))
    canvas.cast_shadow(cover, soft, strength=0.3, dx=0, dy=round(0.04 * scale))
    edge = Image.new("RGB", soft.size, _ink(toned(colour, 0.62)))
    edge.paste(_ink(toned(colour, 1.03)), mask=soft)
    canvas.put(cover, edge, owner)


def _ragged(outline: Points, reach: float, place: tuple[int, int]) -> Points:
    """An outline with tufts of fur: points between its corners, moved at random."""
    step = np.hypot(*np.diff(outline, axis=0, append=outline[:1]).T)
    counts = np.maximum((step / max(reach * 0.8, 1.0)).astype(int), 1)
    ends = np.roll(outline, -1, axis=0)
    shares = np.concatenate([np.arange(count) / count for count in counts])
    starts, stops = np.repeat(outline, counts, axis=0), np.repeat(ends, counts, axis=0)
    points = starts + shares[:, None] * (stops - starts)
    random = np.random.default_rng(place)
    moved: Points = points + random.uniform(-reach, reach, points.shape)
    return moved


def _cloth_coordinates(cover: Cover, frame: Frame, part: Part) -> tuple[Floats, Floats]:
    """How far each pixel of a cover is along the part's spine and beside it, in units.

    Beyond the joint of a bent sleeve or leg, the coordinates go on along the second bone.
    """
    left, top, right, bottom = cover.box
    spine = frame.pixels(part.spine)
    x = np.arange(left, right, dtype=np.float32)[None, :] + np.float32(0.5)
    y = np.arange(top, bottom, dtype=np.float32)[:, None] + np.float32(0.5)
    along = across = np.zeros((1, 1), np.float32)
    passed = 0.0
    for number, (start, end) in enumerate(pairwise(spine)):
        length = max(float(np.hypot(*(end - start))), 1e-6)
        (down_x, down_y) = (end - start) / length / frame.scale
        from_x, from_y = x - np.float32(start[0]), y - np.float32(start[1])
        here = from_x * np.float32(down_x) + from_y * np.float32(down_y)
        beside = from_x * np.float32(down_y) - from_y * np.float32(down_x)
        if number == 0:
            along, across = here, beside
        else:
            beyond = here > 0
            along = np.where(beyond, here + np.float32(passed), along)
            across = np.where(beyond, beside, across)
        passed += length / frame.scale
    return along, across


def _albedo(cloth: Cloth, part: Part, along: Floats, across: Floats, cover: Cover) -> Image.Image:
    """The cloth's own colours over a cover, mode RGB, before any light falls on them."""
    if cloth.tile is None or part.tone != "cloth":
        return Image.new("RGB", cover.alpha.size, _ink(cloth.tones[part.tone]))
    side = len(cloth.tile)
    per_unit = np.float32(side / cloth.repeat)
    # Cloth is never quite straight: a slow sway keeps patterns from looking ruled.
    sway = np.float32(0.035) * np.sin(along * np.float32(1.7) + np.float32(cloth.waves[0][3]))
    down = (along * per_unit).astype(np.int32) & (side - 1)
    right = ((across + sway) * per_unit).astype(np.int32) & (side - 1)
    return Image.fromarray(cloth.tile.reshape(-1, 3)[down * side + right])


def _ink(colour: Colour) -> tuple[int, int, int]:
    red, green, blue = colour
    return int(red), int(green), int(blue)


def _with_strokes(
    colours: Image.Image, strokes: Sequence[Stroke], frame: Frame, cloth: Cloth, cover: Cover
) -> Image.Image:
    """Seams, buttons and the like, those of one tone that follow each other at once."""
    left, top, right, bottom = cover.box
    for tone, run in groupby(strokes, key=lambda stroke: stroke.tone):
        outlines = [frame.pixels(stroke.outline) for stroke in run]
        low = np.min([outline.min(axis=0) for outline in outlines], axis=0)
        high = np.max([outline.max(axis=0) for outline in outlines], axis=0)
        box = (max(left, int(low[0]) - 1), max(top, int(low[1]) - 1),
               min(right, int(high[0]) + 2), min(bottom, int(high[1]) + 2))  # fmt: skip
        if box[2] - box[0] < 1 or box[3] - box[1] < 1:
            continue
        mask = draw_cover(outlines, box)
        colours.paste(_ink(cloth.tones[tone]), (box[0] - left, box[1] - top), mask)
    return colours


def _light(cloth: Cloth, part: Part, along: Floats, across: Floats, soft: Image.Image) -> Floats:
    """How light each pixel of the cloth is; 1 is its own colour. ``soft`` is its blurred cover."""
    beside = np.clip(across / np.float32(part.half), -1.2, 1.2)
    light = beside * (np.float32(0.1 * cloth.light) - np.float32(0.15) * beside)
    light += np.float32(1.06)
    bend = np.sin(along * np.float32(1.6) + np.float32(cloth.light)) * np.float32(1.2)
    for depth, wide, long, phase in cloth.waves:
        turn = across * np.float32(wide) + along * np.float32(long) + bend
        light += np.float32(depth) * np.sin(turn + np.float32(phase))
    manner = cloth.manner
    if manner.ribs:
        light += np.float32(manner.ribs) * np.sin(across * np.float32(40.0))
    width, height = soft.size
    light += np.float32(manner.grain) * noise.patch(0.6, height, width, cloth.place)
    # Round edges turn away from the light.
    rim: Floats = np.asarray(soft, np.float32) * np.float32(0.36 / 255) + np.float32(0.66)
    lit: Floats = light * rim
    return lit


#: Light is kept as a byte, 128 for the cloth's own colour: products of two bytes are quick.
_ONE = 128


def _lit(colours: Image.Image, light: Floats, cloth: Cloth, part: Part) -> Image.Image:
    level = np.minimum(np.maximum(light * np.float32(_ONE), 0), 255).astype(np.uint16)
    pixels = np.asarray(colours) * level[..., None] >> 7
    if cloth.manner.sheen and part.tone == "cloth":
        shine = np.maximum(light - np.float32(1.04), 0) * np.float32(900 * cloth.manner.sheen)
        pixels += np.minimum(shine, 255).astype(np.uint16)[..., None]
    return Image.fromarray(np.minimum(pixels, 255).astype(np.uint8))
