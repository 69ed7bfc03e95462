"""What is behind: a studio, a room, a floor, a street out of focus; and clutter."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from lapel.data.sketch import noise
from lapel.data.sketch.dice import Dice
from lapel.data.sketch.shades import Colour, blended, toned

#: Of walls and floors.
WALLS: tuple[Colour, ...] = (
    (242, 240, 236), (226, 222, 214), (206, 212, 216), (214, 200, 184), (186, 196, 186),
    (232, 214, 206), (160, 168, 178), (126, 120, 116), (196, 186, 206), (92, 104, 112),
)  # fmt: skip
FLOORS: tuple[Colour, ...] = (
    (168, 130, 92), (120, 88, 62), (196, 170, 138), (140, 138, 136), (214, 208, 200), (94, 84, 78),
)  # fmt: skip

#: Of things that lie and stand around.
THINGS: tuple[Colour, ...] = (
    (186, 74, 62), (64, 96, 132), (70, 112, 74), (214, 170, 74), (236, 232, 224), (60, 56, 58),
    (150, 104, 74), (132, 90, 130), (216, 130, 110), (120, 160, 168),
)  # fmt: skip


#: Backgrounds are drawn in this size and scaled: a scene does not depend on the picture's size.
SIDE = 256


def draw_backdrop(dice: Dice, size: int, *, worn: bool) -> Image.Image:
    """A background, mode RGB, ``size`` pixels square."""
    scenes = _STANDING if worn else _LYING
    image = dice.pick(scenes)(dice, SIDE)
    return image if size == SIDE else image.resize((size, size), Image.Resampling.BICUBIC)


def _ink(colour: Colour) -> tuple[int, int, int]:
    red, green, blue = colour
    return int(red), int(green), int(blue)


def _graded(top: Colour, bottom: Colour, size: int, glow: float) -> Image.Image:
    """From one colour above to another below, brighter in the middle by ``glow``."""
    down = np.linspace(0, 1, size, dtype=np.float32)[:, None, None]
    pixels = np.asarray(top, np.float32) * (1 - down) + np.asarray(bottom, np.float32) * down
    across = np.linspace(-1, 1, size, dtype=np.float32) ** 2
    light = 1 + glow * (0.5 - np.add.outer(across, across))[..., None]
    return Image.fromarray(np.clip(pixels * light, 0, 255).astype(np.uint8))


def _studio(dice: Dice, size: int) -> Image.Image:
    colour = blended((246, 246, 246), dice.pick(WALLS), dice.between(0.0, 0.8))
    small = _graded(colour, toned(colour, dice.between(0.8, 0.98)), 64, dice.between(0.03, 0.12))
    return small.resize((size, size), Image.Resampling.BILINEAR)


def _room(dice: Dice, size: int) -> Image.Image:
    """A wall and a floor, with things along it that are a little out of focus."""
    half = size // 2
    wall, floor = dice.pick(WALLS), dice.pick(FLOORS)
    image = _graded(toned(wall, 1.03), toned(wall, 0.9), half, dice.between(0.03, 0.15))
    draw = ImageDraw.Draw(image)
    line = int(half * dice.between(0.72, 0.92))
    _furniture(draw, dice, half, line)
    draw.rectangle((0, line, half, half), fill=_ink(floor))
    for number in range(1, 6):
        y = line + (half - line) * (number / 6) ** 1.6
        draw.line((0, y, half, y), fill=_ink(toned(floor, 0.88)))
    draw.rectangle((0, line - 3, half, line), fill=_ink(toned(wall, 1.1)))
    image = image.filter(ImageFilter.GaussianBlur(dice.between(0.4, 2.2)))
    return image.resize((size, size), Image.Resampling.BILINEAR)


def _furniture(draw: ImageDraw.ImageDraw, dice: Dice, size: int, floor: int) -> None:
    """Pictures on the wall; shelves, a plant, a rail of clothes before it."""
    for _ in range(dice.whole(3)):
        x, y = dice.between(0, size * 0.8), dice.between(0, size * 0.4)
        width, height = dice.between(0.12, 0.25) * size, dice.between(0.12, 0.3) * size
        draw.rectangle((x, y, x + width, y + height), fill=_ink(dice.pick(THINGS)))
        draw.rectangle((x + 3, y + 3, x + width - 3, y + height - 3), fill=_ink(dice.pick(THINGS)))
    thing = dice.whole(5)
    x = dice.between(0, size * 0.75)
    if thing == 0:
        _shelf(draw, dice, x, size, floor)
    elif thing == 1:
        _plant(draw, dice, x + size * 0.1, size, floor)
    elif thing == 2:
        _rail(draw, dice, x, size, floor)
    elif thing == 3:
        top = floor - dice.between(0.15, 0.3) * size
        wide = dice.between(0.2, 0.4) * size
        draw.rectangle((x, top, x + wide, floor), fill=_ink(dice.pick(THINGS)))


def _shelf(draw: ImageDraw.ImageDraw, dice: Dice, x: float, size: int, floor: int) -> None:
    wide, top = 0.3 * size, 0.1 * size
    draw.rectangle((x, top, x + wide, floor), fill=_ink(dice.pick(FLOORS)))
    for row in range(3):
        bottom = top + (row + 0.9) * (floor - top) / 3
        at = x + 3
        while at < x + wide - 4:
            width, height = dice.between(2, 6), dice.between(0.4, 0.7) * (floor - top) / 3
            box = (at, bottom - height, min(at + width, x + wide - 2), bottom)
            draw.rectangle(box, fill=_ink(dice.pick(THINGS)))
            at += width + 1


def _plant(draw: ImageDraw.ImageDraw, dice: Dice, x: float, size: int, floor: int) -> None:
    top = floor - 0.16 * size
    pot = (x - 0.06 * size, top, x + 0.06 * size, floor)
    for _ in range(9):
        way, reach = dice.between(-2.9, -0.3), dice.between(0.1, 0.32) * size
        end = (x + reach * np.cos(way), top + reach * np.sin(way))
        draw.line((x, top, *end), fill=_ink(toned((60, 120, 70), dice.about(1, 0.3))), width=4)
    draw.rectangle(pot, fill=_ink(dice.pick(THINGS)))


def _rail(draw: ImageDraw.ImageDraw, dice: Dice, x: float, size: int, floor: int) -> None:
    """Other clothes on a rail, seen from their sides: strips of colour."""
    top = 0.15 * size
    draw.line((x - 4, top, x + 0.4 * size, top), fill=(120, 120, 124), width=2)
    at = x
    while at < x + 0.36 * size:
        width = dice.between(3, 8)
        bottom = min(top + dice.between(0.3, 0.55) * size, floor)
        draw.rectangle((at, top + 3, at + width, bottom), fill=_ink(dice.pick(THINGS)))
        at += width + 1


def _street(dice: Dice, size: int) -> Image.Image:
    """Far out of focus: blocks of buildings, spots of light, ground."""
    small = 48
    image = _graded(dice.pick(WALLS), dice.pick(FLOORS), small, 0.1)
    draw = ImageDraw.Draw(image)
    for _ in range(7):
        x, y = dice.between(-8, small), dice.between(-4, small * 0.5)
        box = (x, y, x + dice.between(5, 18), y + dice.between(10, 34))
        draw.rectangle(box, fill=_ink(blended(dice.pick(THINGS), dice.pick(WALLS), 0.5)))
    draw.rectangle(
        (0, small * dice.between(0.75, 0.95), small, small), fill=_ink(dice.pick(FLOORS))
    )
    for _ in range(dice.whole(7)):
        x, y, r = dice.between(0, small), dice.between(0, small * 0.7), dice.between(1, 2.5)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=(252, 240, 210))
    image = image.filter(ImageFilter.GaussianBlur(dice.between(1.2, 2.4)))
    return image.resize((size, size), Image.Resampling.BICUBIC)


def _planks(dice: Dice, size: int) -> Image.Image:
    """Boards, seen from above or as a wall."""
    colour = dice.pick(FLOORS + WALLS[:5])
    image = Image.new("RGB", (size, size), _ink(colour))
    draw = ImageDraw.Draw(image)
    count, upright = 4 + dice.whole(5), dice.chance(0.5)
    for number in range(count):
        start, end = number * size / count, (number + 1) * size / count - 1
        ink = _ink(toned(colour, dice.about(1.0, 0.09)))
        draw.rectangle((start, 0, end, size) if upright else (0, start, size, end), fill=ink)
    return _grainy(image, dice, 6.0, 0.05)


def _tiled(dice: Dice, size: int) -> Image.Image:
    """Square tiles with joints."""
    colour = dice.pick(WALLS)
    image = Image.new("RGB", (size, size), _ink(colour))
    draw = ImageDraw.Draw(image)
    step, joint = size / (3 + dice.whole(5)), _ink(toned(colour, dice.pick((0.82, 1.15))))
    at = dice.between(-step, 0)
    while at < size:
        draw.line((at, 0, at, size), fill=joint, width=max(size // 128, 1))
        draw.line((0, at, size, at), fill=joint, width=max(size // 128, 1))
        at += step
    return _grainy(image, dice, 12.0, 0.03)


def _sheet(dice: Dice, size: int) -> Image.Image:
    """A crumpled sheet or a carpet."""
    image = Image.new("RGB", (size, size), _ink(dice.pick(WALLS + FLOORS)))
    return _grainy(image, dice, dice.pick((1.0, 8.0, 20.0)), dice.between(0.04, 0.09))


def _grainy(image: Image.Image, dice: Dice, smoothness: float, depth: float) -> Image.Image:
    at = (dice.whole(noise.SIDE), dice.whole(noise.SIDE))
    light = 128 * (1 + np.float32(depth) * noise.patch(smoothness, image.height, image.width, at))
    level = np.minimum(np.maximum(light, 0), 255).astype(np.uint16)
    pixels = np.asarray(image) * level[..., None] >> 7
    return Image.fromarray(np.minimum(pixels, 255).astype(np.uint8))


def _things_around(dice: Dice, size: int) -> Image.Image:
    """A surface with things on it, as when clothes are laid out for a picture."""
    image = dice.pick((_planks, _sheet, _tiled))(dice, size)
    draw = ImageDraw.Draw(image)
    for _ in range(1 + dice.whole(4)):
        corner = dice.pick(((0.08, 0.1), (0.92, 0.1), (0.08, 0.92), (0.92, 0.92), (0.5, 0.97)))
        x, y = ((at + dice.about(0, 0.08)) * size for at in corner)
        _thing(draw, dice, x, y, dice.between(0.04, 0.11) * size)
    return image


def _thing(draw: ImageDraw.ImageDraw, dice: Dice, x: float, y: float, reach: float) -> None:
    """A cup or a box, seen from above, with its shadow."""
    shape = draw.ellipse if dice.chance(0.5) else draw.rectangle
    high, colour, shift = reach * dice.between(0.6, 1), dice.pick(THINGS), reach * 0.15
    shape((x - reach + shift, y - high + shift, x + reach + shift, y + high + shift), fill=_SHADE)
    shape((x - reach, y - high, x + reach, y + high), fill=_ink(colour))
    inner = (x - 0.75 * reach, y - 0.75 * high, x + 0.75 * reach, y + 0.75 * high)
    shape(inner, fill=_ink(toned(colour, 1.18)))


#: Of hard shadows.
_SHADE = (48, 44, 46)

_STANDING: tuple[Callable[[Dice, int], Image.Image], ...] = (
    _studio, _studio, _room, _room, _room, _street, _street, _planks, _tiled,
)  # fmt: skip
_LYING: tuple[Callable[[Dice, int], Image.Image], ...] = (
    _studio, _room, _planks, _tiled, _sheet, _things_around, _things_around,
)  # fmt: skip
