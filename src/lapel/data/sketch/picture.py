"""One drawn picture with all its labels: a function of the seed, the number and the options."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from lapel.data.sketch import noise
from lapel.data.sketch.backdrop import draw_backdrop
from lapel.data.sketch.canvas import OBSTACLE, Canvas, Frame
from lapel.data.sketch.cloth import draw_cloth, paint_part
from lapel.data.sketch.curves import Points
from lapel.data.sketch.cut import draw_cut
from lapel.data.sketch.dice import Dice
from lapel.data.sketch.garment import draw_garment
from lapel.data.sketch.labelling import SketchGarment
from lapel.data.sketch.lower import draw_lower
from lapel.data.sketch.obstacles import draw_obstacle
from lapel.data.sketch.placed import Placed, counts, labelled, pixel_classes
from lapel.data.sketch.pose import draw_pose
from lapel.data.sketch.shape import Shape
from lapel.data.sketch.upper import draw_upper
from lapel.data.sketch.wearer import paint_body, paint_hanger


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What kind of pictures are drawn.

    Attributes:
        seed: another seed, other pictures.
        size: width and height in pixels.
        several: the most garments that one picture holds.
        attributes: the set of attribute groups, a name in ``vocabulary.ATTRIBUTES``.
        uneven: whether some labels are far rarer than others.
        views: pictures that show the same garment, one after another: held, lit and placed
            otherwise.
        tasks: of ``places.PLACE_TASKS``: places that are labels of tasks, beside the words.
        points: whether the garments of the task ``garments`` have their landmarks.
    """

    seed: int = 0
    size: int = 256
    several: int = 1
    attributes: str = "plain"
    uneven: bool = False
    views: int = 1
    tasks: tuple[str, ...] = ()
    points: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SketchPicture:
    """A picture and all that is known of it.

    Attributes:
        pixels: uint8 (size, size, 3) RGB.
        mask: uint8 (size, size): 0 is no garment, k is the k-th of ``garments``.
        classes: uint8 (size, size), of each pixel: a position in ``vocabulary.CLASSES``.
        garments: the main one (the largest to be seen) first.
    """

    pixels: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    classes: NDArray[np.uint8]
    garments: tuple[SketchGarment, ...]


#: Owners are bytes: room for so many garments of at most 20 parts.
SEVERAL_LIMIT = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Throws:
    """Who decides what about a garment.

    Attributes:
        picture: how it is held and where it stands.
        garment: what it is, how it is cut and where its details are.
        cloth: what it is of.
    """

    picture: Dice
    garment: Dice
    cloth: Dice


def _throws(dice: Dice, number: int, options: Options) -> Throws:
    """One sequence of throws for all; of several views, the garment has throws of its own."""
    if options.views == 1:
        return Throws(picture=dice, garment=dice, cloth=dice)
    own = [
        Dice(options.seed, number // options.views, part, uneven=options.uneven) for part in (1, 2)
    ]
    return Throws(picture=dice, garment=own[0], cloth=own[1])


def draw_picture(number: int, options: Options) -> SketchPicture:
    """Draw a picture.

    Args:
        number: which one, from 0; it does not depend on how many are drawn.
        options: what kind.
    """
    dice = Dice(options.seed, number, uneven=options.uneven)
    count = 1 + dice.whole(options.several)
    presentation = dice.pick(("worn", "worn", "flat", "hanger"))
    if count > 1 and presentation == "worn":
        # People side by side would mostly show each other's backs; they are rare here.
        presentation = dice.pick(("worn", "flat", "hanger"))
    light = dice.pick((-1.0, 1.0)) * dice.between(0.4, 1.0)
    canvas = Canvas(draw_backdrop(dice, options.size, worn=presentation != "flat"))
    placed: list[Placed] = []
    painted: list[int] = []
    for cell in _cells(dice, count):
        first = 1 + sum(len(one.shape.parts) for one in placed)
        throws = _throws(dice, number, options)
        placed.append(_place(throws, options, cell, presentation, light, first))
        _paint(canvas, placed[-1], dice, light)
        painted.append(int(counts(canvas)[placed[-1].owners].sum()))
    if dice.chance(0.3):
        _obstruct(canvas, dice, dice.pick(placed), light)
    garments, mask = labelled(canvas, placed, painted, options.attributes)
    return SketchPicture(
        pixels=_exposed(canvas.image, dice),
        mask=mask,
        classes=pixel_classes(canvas, placed),
        garments=garments,
    )


#: Where a garment goes: middle x and y, width and height, as shares of the picture.
Cell = tuple[float, float, float, float]


def _cells(dice: Dice, count: int) -> list[Cell]:
    """The place of each garment: rows and columns, a little shifted, a little overlapping."""
    if count == 1:
        return [(0.5 + dice.about(0, 0.05), 0.5 + dice.about(0, 0.04), 1.0, 1.0)]
    columns = 2 if count <= 4 else 3
    rows = math.ceil(count / columns)
    places = [(column, row) for row in range(rows) for column in range(columns)][:count]
    return [
        (
            (column + 0.5) / columns + dice.about(0, 0.03),
            (row + 0.5) / rows + dice.about(0, 0.03),
            dice.between(0.9, 1.15) / columns,
            dice.between(0.9, 1.15) / rows,
        )
        for column, row in places
    ]


def _place(
    throws: Throws,
    options: Options,
    cell: Cell,
    presentation: str,
    light: float,
    first_owner: int,
) -> Placed:
    garment = draw_garment(throws.garment, options.attributes)
    cut = draw_cut(throws.garment, garment)
    pose = draw_pose(throws.picture, presentation)
    draw_shape = draw_upper if garment.kind.upper else draw_lower
    shape = draw_shape(garment, cut, pose, throws.garment)
    extent = _extent(shape, presentation, alone=cell[2] == 1.0)
    frame = _frame(throws.picture, extent, options.size, cell, presentation)
    return Placed(
        garment=garment,
        cut=cut,
        pose=pose,
        shape=shape,
        cloth=draw_cloth(throws.cloth, garment, light, frame.scale),
        frame=frame,
        presentation=presentation,
        first_owner=first_owner,
    )


#: Corners of the box around a whole body, in units.
_BODY = np.array([(-1.3, -2.1), (1.3, -2.1), (1.3, 7.3), (-1.3, 7.3)])


def _extent(shape: Shape, presentation: str, *, alone: bool) -> Points:
    """Corners (N, 2) of what must find room: the garment, and beside others its wearer too."""
    outlines = [part.outline for part in shape.parts]
    if presentation == "worn" and not alone:
        outlines.append(_BODY)
    return np.concatenate(outlines)


def _frame(dice: Dice, extent: Points, size: int, cell: Cell, presentation: str) -> Frame:
    """Where a shape lands: turned a little, as large as its place, in its middle."""
    x, y, across, down = cell
    turn = dice.about(0, {"worn": 0.05, "hanger": 0.07, "flat": 0.35}[presentation])
    shear = dice.about(0, 0.05)
    wide = dice.between(0.94, 1.06)
    cos, sin = math.cos(turn), math.sin(turn)
    matrix = np.array([[cos * wide, -sin + shear], [sin * wide, cos]])
    corners = extent @ matrix.T
    low, high = corners.min(axis=0), corners.max(axis=0)
    fill = dice.between(0.68, 0.97)
    scale = size * fill * min(across / float(high[0] - low[0]), down / float(high[1] - low[1]))
    middle = (low + high) / 2 * scale
    shift = np.array([x * size, y * size]) - middle
    return Frame(matrix=matrix * scale, shift=shift, scale=scale)


def _paint(canvas: Canvas, placed: Placed, dice: Dice, light: float) -> None:
    """Paint a garment: what is behind its wearer, the wearer, what is in front."""
    owners = range(placed.owners.start, placed.owners.stop)
    numbered = list(zip(placed.shape.parts, owners, strict=True))
    _ground_shadow(canvas, placed, light)
    for part, owner in numbered:
        if part.behind:
            paint_part(canvas, part, placed.frame, placed.cloth, owner)
    if placed.presentation == "worn":
        paint_body(canvas, placed.frame, placed.pose, placed.garment, dice, light)
    elif placed.presentation == "hanger":
        paint_hanger(canvas, placed.frame, placed.cut, placed.garment, dice)
    for part, owner in numbered:
        if not part.behind:
            paint_part(canvas, part, placed.frame, placed.cloth, owner)


def _ground_shadow(canvas: Canvas, placed: Placed, light: float) -> None:
    """The soft shadow on the wall or the floor behind: near if it lies, far if it hangs."""
    depth = {"flat": 0.1, "hanger": 0.22, "worn": 0.5}[placed.presentation] * placed.frame.scale
    body = max(placed.shape.parts, key=lambda part: float(np.ptp(part.outline, axis=0).prod()))
    canvas.cast_soft_shadow(
        placed.frame.pixels(body.outline),
        blur=depth * 0.7,
        strength=0.5 if placed.presentation == "flat" else 0.28,
        dx=-light * depth * 0.8,
        dy=depth * 0.6,
    )


def _obstruct(canvas: Canvas, dice: Dice, placed: Placed, light: float) -> None:
    """Put something in front of a garment."""
    parts, cloth = draw_obstacle(dice, placed.pose, placed.presentation, placed.shape, light)
    for part in parts:
        paint_part(canvas, part, placed.frame, cloth, OBSTACLE)


def _exposed(image: Image.Image, dice: Dice) -> NDArray[np.uint8]:
    """The picture as a camera takes it: brightness, warmth, noise."""
    exposure, warmth = dice.between(0.82, 1.12), dice.about(0, 0.05)
    gains = np.array([[1 + warmth], [1.0], [1 - warmth]]) * exposure
    image = image.point(np.minimum(np.arange(256) * gains, 255).astype(int).ravel().tolist())
    at = (dice.whole(noise.SIDE), dice.whole(noise.SIDE))
    grain = noise.patch(0.4, image.height, image.width, at) * np.float32(dice.between(0.3, 2.0))
    level = Image.fromarray((grain + np.float32(_GRAY)).astype(np.uint8))
    return np.asarray(ImageChops.add(image, Image.merge("RGB", (level,) * 3), 1.0, -_GRAY))


#: Noise is added as a picture around this level.
_GRAY = 128
