"""Large photos looked at piece by piece, so that small things stay large enough to be told.

A photo of 4000 x 3000 pixels shown on a canvas of 512 loses seven pixels of eight either way. Cut
into overlapping tiles, each shown on the whole canvas, it loses less or nothing. What is said of
the tiles is blended before the highest class is taken, so that no seam is seen: near its edge,
where it sees less of what is around, a tile has less to say.

Tiles begin at whole outputs: a photo is a grid of cells of ``stride`` x ``stride`` pixels, an
output each, and the outputs of a tile fall into cells as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Self

import numpy as np
from numpy.typing import NDArray

from lapel.imaging.preprocess import Frame, Placement
from lapel.schema.geometry import Box

#: Neighbouring tiles share this part of their side.
OVERLAP = 0.25

#: Some tiles, each uint8 of one shape, to task and outputs float32 (n, L, h, w).
Look = Callable[[Sequence[NDArray[np.uint8]]], Mapping[str, NDArray[np.float32]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiling:
    """How photos are cut.

    Attributes:
        stride: side of the square of pixels that an output stands for.
        rows: outputs of a tile, down.
        columns: likewise across.
    """

    stride: int
    rows: int
    columns: int

    @classmethod
    def of(cls, size: int, outputs: tuple[int, int]) -> Self:
        """Tiles whose longer side is nearly ``size`` pixels, a whole number of them an output.

        Args:
            size: in pixels of the photo.
            outputs: rows and columns that the network gives for its canvas.
        """
        stride = max(1, round(size / max(outputs)))
        return cls(stride=stride, rows=outputs[0], columns=outputs[1])

    @property
    def width(self) -> int:
        """Of a tile, in pixels of the photo."""
        return self.columns * self.stride

    @property
    def height(self) -> int:
        """Likewise."""
        return self.rows * self.stride

    def holds(self, width: int, height: int) -> bool:
        """Whether one tile holds all of a photo."""
        return width <= self.width and height <= self.height

    def grid(self, width: int, height: int) -> tuple[int, int]:
        """Rows and columns of the cells that cover a photo; a tile's at least."""
        down, across = -(-height // self.stride), -(-width // self.stride)
        return max(down, self.rows), max(across, self.columns)

    def places(self, grid: tuple[int, int]) -> list[tuple[int, int]]:
        """The first row and column of each tile, in cells, spread evenly from edge to edge."""
        down, across = _starts(grid[0], self.rows), _starts(grid[1], self.columns)
        return list(product(down, across))

    def cut(
        self, pixels: NDArray[np.uint8], place: tuple[int, int], fill: int
    ) -> NDArray[np.uint8]:
        """The pixels of a tile, (height, width[, 3]); gray of a level where the photo ends."""
        top, left = place[0] * self.stride, place[1] * self.stride
        part = pixels[top : top + self.height, left : left + self.width]
        if part.shape[:2] == (self.height, self.width):
            return part
        tile = np.full((self.height, self.width, *pixels.shape[2:]), fill, np.uint8)
        tile[: part.shape[0], : part.shape[1]] = part
        return tile

    def window(self) -> NDArray[np.float32]:
        """How much each output of a tile counts, float32 (rows, columns)."""
        return np.outer(_ramp(self.rows), _ramp(self.columns)).astype(np.float32)

    def frame(self, width: int, height: int) -> Frame:
        """A canvas that shows a photo as it is, under its grid of cells."""
        rows, columns = self.grid(width, height)
        return Frame(
            placement=Placement(scale_x=1.0, scale_y=1.0, offset_x=0.0, offset_y=0.0),
            width=columns * self.stride,
            height=rows * self.stride,
            box=Box(0.0, 0.0, float(width), float(height)),
            size=(width, height),
        )


def _starts(cells: int, tile: int) -> list[int]:
    """Where tiles begin along a side of so many cells."""
    step = max(1, tile - max(1, round(tile * OVERLAP)))
    count = 1 + -(-(cells - tile) // step)
    return [round(start) for start in np.linspace(0, cells - tile, count)]


def _ramp(cells: int) -> NDArray[np.float64]:
    """Rises from either end over the part that tiles share, to 1."""
    shared = max(1, round(cells * OVERLAP))
    inward = np.arange(cells) + 0.5
    ramp: NDArray[np.float64] = np.minimum(1.0, np.minimum(inward, inward[::-1]) / shared)
    return ramp


def look_in_tiles(
    pixels: NDArray[np.uint8], tiling: Tiling, look: Look, *, batch: int, fill: int
) -> dict[str, NDArray[np.float32]]:
    """What is said of a photo, tile by tile.

    Beside the photo it takes the blended outputs, 4 bytes a class and cell, whatever the number of
    tiles.

    Args:
        pixels: of the upright photo, uint8 (H, W, 3) or (H, W).
        tiling: how it is cut.
        look: runs the network.
        batch: tiles at a time.
        fill: gray level of what lies beyond the photo.

    Returns:
        Task to float32 (1, L, h, w), an output a cell of the grid.
    """
    grid = tiling.grid(pixels.shape[1], pixels.shape[0])
    window, weight = tiling.window(), np.zeros(grid, np.float32)
    total: dict[str, NDArray[np.float32]] = {}
    tiles = tiling.places(grid)
    for first in range(0, len(tiles), batch):
        places = tiles[first : first + batch]
        said = look([tiling.cut(pixels, place, fill) for place in places])
        for number, (row, column) in enumerate(places):
            part = np.s_[row : row + tiling.rows, column : column + tiling.columns]
            weight[part] += window
            for task, outputs in said.items():
                if task not in total:
                    total[task] = np.zeros((outputs.shape[1], *grid), np.float32)
                total[task][:, *part] += window * outputs[number]
    return {task: np.divide(blended, weight, out=blended)[None] for task, blended in total.items()}
