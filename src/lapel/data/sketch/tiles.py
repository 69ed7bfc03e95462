"""Textures as small pictures that repeat without a seam."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from lapel.data.sketch import noise
from lapel.data.sketch.dice import Dice
from lapel.data.sketch.shades import Colour, blended

#: Width and height of a tile in its own pixels.
SIDE = 128

Tile = NDArray[np.uint8]

#: Of the cloth, of the pattern, and another one of the pattern.
Colours = tuple[Colour, Colour, Colour]


def draw_tile(dice: Dice, texture: str, colours: Colours) -> Tile | None:
    """The tile of a texture, uint8 (128, 128, 3); None for those without one.

    The cloth's own colour covers more of it than any other.
    """
    draw = _TILES.get(texture)
    return None if draw is None else draw(dice, colours)


def as_fine_as(tile: Tile, pixels: float) -> Tile:
    """A tile reduced by halves until it is about as fine as the pixels it will cover.

    A tile much finer would be looked up with gaps, and flicker where it should blur.
    """
    while len(tile) > _COARSEST and len(tile) > 2.5 * pixels:
        tile = np.asarray(Image.fromarray(tile).reduce(2))
    return tile


_COARSEST = 8


def _mixed(weight: NDArray[np.float64], below: Tile | Colour, above: Colour) -> Tile:
    """Two colours; ``weight`` (128, 128) or what broadcasts to it, 0 to 1, is the second's."""
    share = np.broadcast_to(weight, (SIDE, SIDE))[..., None]
    mixed = np.asarray(below, float) * (1 - share) + np.asarray(above, float) * share
    return mixed.astype(np.uint8)


def _profile(count: int, share: float, soft: float = 1.5) -> NDArray[np.float64]:
    """``count`` bars along a tile, (128,): 1 inside a bar, 0 outside, soft at their edges."""
    period = SIDE / count
    away = np.abs((np.arange(SIDE) + 0.5) % period - period / 2)
    inside: NDArray[np.float64] = (share * period / 2 - away) / soft + 0.5
    return inside.clip(0.0, 1.0)


def _striped(dice: Dice, colours: Colours) -> Tile:
    cloth, second, third = colours
    count = dice.pick((2, 3, 4, 5, 7))
    bars = _profile(count, dice.between(0.25, 0.45))
    lines = np.roll(_profile(count, 0.1), SIDE // count // 2) * dice.pick((0.0, 0.0, 1.0))
    way = dice.whole(5)
    if way < 2:
        bars, lines = bars[:, None], lines[:, None]
    elif way < 4:
        bars, lines = bars[None, :], lines[None, :]
    else:
        diagonal = np.add.outer(np.arange(SIDE), np.arange(SIDE)) % SIDE
        bars, lines = bars[diagonal], lines[diagonal]
    return _mixed(lines, _mixed(bars, cloth, second), third)


def _checked(dice: Dice, colours: Colours) -> Tile:
    cloth, second, third = colours
    count = dice.pick((2, 3, 4, 6))
    bars = _profile(count, dice.between(0.35, 0.5))
    weight = (bars[:, None] + bars[None, :]) / 2
    tile = _mixed(weight * dice.between(0.75, 1.0), cloth, second)
    if count < 4 and dice.chance(0.6):
        line = np.roll(_profile(count, 0.07), SIDE // count // 2)
        tile = _mixed(np.maximum(line[:, None], line[None, :]), tile, third)
    return tile


def _lattice(dice: Dice, colours: Colours) -> Tile:
    """Thin lines that cross aslant, with a dot in every second diamond at times."""
    cloth, second, third = colours
    count = dice.pick((2, 3, 4))
    line = _profile(count, dice.between(0.08, 0.14) * count / 2, soft=2.0)
    rows, columns = np.arange(SIDE)[:, None], np.arange(SIDE)[None, :]
    cross = np.maximum(line[(rows + columns) % SIDE], line[(rows - columns) % SIDE])
    tile = _mixed(cross, cloth, second)
    if count == 2 and dice.chance(0.5):
        bars = _profile(count, 0.35, soft=2.0)
        dots = bars[(rows + columns + SIDE // 4) % SIDE] * bars[(rows - columns + SIDE // 4) % SIDE]
        tile = _mixed(dots, tile, third)
    return tile


def _dotted(dice: Dice, colours: Colours) -> Tile:
    cloth, second, _ = colours
    period = SIDE / dice.pick((2, 3, 4, 5))
    radius = period * dice.between(0.16, 0.26)
    across = np.arange(SIDE) + 0.5

    def dots(shift: float) -> NDArray[np.float64]:
        away = np.abs((across + shift) % period - period / 2)
        inside: NDArray[np.float64] = radius - np.hypot(away[:, None], away[None, :])
        return (inside / 1.5 + 0.5).clip(0.0, 1.0)

    weight = dots(0.0)
    if dice.chance(0.6):
        # Smaller ones between, so that rows are set off against each other.
        radius *= 0.75
        weight = np.maximum(weight, dots(period / 2))
    return _mixed(weight, cloth, second)


def _camouflage(dice: Dice, colours: Colours) -> Tile:
    cloth, second, third = colours
    step = noise.SIDE // SIDE
    fields = [
        np.roll(noise.field(14.0)[::step, ::step], (dice.whole(SIDE), dice.whole(SIDE)), (0, 1))
        for _ in range(2)
    ]
    tile = _mixed(np.clip((fields[0] - 0.45) * 8, 0, 1), cloth, second)
    return _mixed(np.clip((fields[1] - 0.75) * 8, 0, 1), tile, third)


def _wrapped(tile: Image.Image, draw_at: Callable[[ImageDraw.ImageDraw, float, float], None],
             x: float, y: float) -> None:  # fmt: skip
    """Draw something where it crosses the edges too, so that the tile repeats."""
    draw = ImageDraw.Draw(tile)
    for shift_x in (-tile.width, 0, tile.width):
        for shift_y in (-tile.height, 0, tile.height):
            if -60 < x + shift_x < tile.width + 60 and -60 < y + shift_y < tile.height + 60:
                draw_at(draw, x + shift_x, y + shift_y)


def _ink(colour: Colour) -> tuple[int, int, int]:
    red, green, blue = colour
    return int(red), int(green), int(blue)


#: Floral and embroidered tiles are drawn at twice their size and halved, for smooth edges.
_LARGE = 2 * SIDE


def _floral(dice: Dice, colours: Colours) -> Tile:
    cloth, second, third = colours
    tile = Image.new("RGB", (_LARGE, _LARGE), _ink(cloth))
    leaf = _ink(blended(third, (60, 120, 60), 0.5))
    size = dice.between(24, 36)
    spots = [(0.25, 0.25), (0.75, 0.3), (0.3, 0.78), (0.78, 0.8)][: dice.pick((3, 4, 4))]
    for x, y in spots:
        turn, petals = dice.between(0, 6.28), dice.pick((5, 5, 6))
        grown = size * dice.between(0.75, 1.1)
        place = ((x + dice.about(0, 0.06)) * _LARGE, (y + dice.about(0, 0.06)) * _LARGE)

        def flower(draw: ImageDraw.ImageDraw, at_x: float, at_y: float, turn: float = turn,
                   petals: int = petals, grown: float = grown) -> None:  # fmt: skip
            for side in (0.4, 2.6):
                _petal(draw, at_x, at_y, turn + side, grown * 1.5, grown * 0.5, leaf)
            for petal in range(petals):
                way = turn + petal * 2 * np.pi / petals
                _petal(draw, at_x, at_y, way, grown * 0.62, grown * 0.42, _ink(second))
            middle = grown * 0.27
            draw.ellipse(
                (at_x - middle, at_y - middle, at_x + middle, at_y + middle), fill=_ink(third)
            )

        _wrapped(tile, flower, *place)
    return np.asarray(tile.reduce(2))


def _petal(
    draw: ImageDraw.ImageDraw, x: float, y: float, way: float, reach: float, wide: float,
    ink: tuple[int, int, int],
) -> None:  # fmt: skip
    """A round petal, or a leaf where ``reach`` is far more than ``wide``."""
    along = np.array([np.cos(way), np.sin(way)])
    across = np.array([-along[1], along[0]])
    turns = np.arange(9) * (2 * np.pi / 9)
    centre = np.array([x, y]) + along * reach
    points = centre + reach * 0.62 * np.cos(turns)[:, None] * along
    points = points + wide * np.sin(turns)[:, None] * across
    draw.polygon(points.ravel().tolist(), fill=ink)


def _embroidered(dice: Dice, colours: Colours) -> Tile:
    """Vines in thread: a wavy stem, leaves on both sides, a berry at each turn."""
    cloth, second, third = colours
    tile = Image.new("RGB", (_LARGE, _LARGE), _ink(cloth))
    draw = ImageDraw.Draw(tile)
    waves, swing = dice.pick((1, 2)), dice.between(16, 26)
    for middle in (_LARGE * 0.25, _LARGE * 0.75):
        across = np.linspace(0, _LARGE, 49)
        down = middle + swing * np.sin(across / _LARGE * 2 * np.pi * waves)
        stem = np.stack([across, down], axis=1)
        draw.line(stem.ravel().tolist(), fill=_ink(second), width=6, joint="curve")
        for number in range(1, 48, 4):
            x, y = stem[number]
            side = 1 if number % 8 == 1 else -1
            _petal(draw, x, y, side * 1.1, 13, 5.5, _ink(second))
            if number % 12 == 5:
                y -= side * 18
                draw.ellipse((x - 7, y - 7, x + 7, y + 7), fill=_ink(third))
    return np.asarray(tile.reduce(2))


_TILES: dict[str, Callable[[Dice, Colours], Tile]] = {
    "striped": _striped,
    "checked": _checked,
    "lattice": _lattice,
    "dotted": _dotted,
    "camouflage": _camouflage,
    "floral": _floral,
    "embroidered": _embroidered,
}
