"""A look at some pictures of every class and split: what they look like, in numbers and small."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lapel.data.dataset import Dataset
from lapel.data.measuring import in_parallel
from lapel.data.progress import Track
from lapel.schema.annotation import held
from lapel.schema.errors import ImageError, StorageError

#: Pictures that are opened in all, and at least of each class in each split.
PICTURES = 6000
PICTURES_LEAST = 12
#: Pictures that are opened at most, however many labels there are.
PICTURES_MOST = 12_000

#: Sides of the squares that pictures are drawn in, in pixels: small pictures stay as they are.
SMALL_SIDE = 28
SIDE = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one picture looks like.

    Attributes:
        row: of the dataset's table.
        square: uint8 (S, S, 3), stretched to a square: classes are averaged over these.
        tile: uint8 (S, S, 4), the whole picture within a square, transparent around it.
        numbers: name of a number to its value for this picture.
    """

    row: int
    square: NDArray[np.uint8]
    tile: NDArray[np.uint8]
    numbers: Mapping[str, float]


def take_looks(dataset: Dataset, *, track: Track) -> list[Look]:
    """Look at some pictures of each label of each task and each split.

    Which ones depends on their names alone. Pictures that cannot be opened are passed over;
    ``lapel data check`` reports them.
    """
    side = side_of(dataset)

    def look(row: int) -> Look | None:
        try:
            return _look(row, dataset.pixels(dataset.table["image"][row]), side)
        except (ImageError, StorageError):
            return None

    rows = _chosen_rows(dataset)
    looks = track(in_parallel(look, rows), len(rows), "Looking at images")
    return [one for one in looks if one is not None]


def side_of(dataset: Dataset) -> int:
    """The side of the squares that this dataset's pictures are drawn in."""
    largest = dataset.table.select("width", "height").max().row(0)
    return SMALL_SIDE if max(largest) <= SMALL_SIDE + 4 else SIDE


def _chosen_rows(dataset: Dataset) -> list[int]:
    """Rows that show every label of every task in every split, as evenly as they come."""
    cells = _cells(dataset)
    each = max(PICTURES_LEAST, PICTURES // len(dict.fromkeys(c for row in cells for c in row)))
    keys = [
        hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest() for name in dataset.names()
    ]
    taken: Counter[tuple[str, str, str | None]] = Counter()
    chosen: list[int] = []
    for row in sorted(range(len(keys)), key=keys.__getitem__):
        if any(taken[cell] < each for cell in cells[row]):
            taken.update(cells[row])
            chosen.append(row)
        if len(chosen) >= PICTURES_MOST:
            break
    return sorted(chosen)


def _cells(dataset: Dataset) -> list[list[tuple[str, str, str | None]]]:
    """The split, task and label of each image's answers; None for no answer."""
    splits = dataset.table["split"].to_list()
    cells: list[list[tuple[str, str, str | None]]] = [[] for _ in splits]
    for task in dataset.schema:
        for row, label in enumerate(dataset.labels_in_words(task.name)):
            cells[row] += [(splits[row], task.name, word) for word in held(label) or (None,)]
    return cells


def _look(row: int, pixels: NDArray[np.uint8], side: int) -> Look:
    picture = Image.fromarray(pixels)
    square = np.asarray(picture.resize((side, side), Image.Resampling.BOX))
    within = picture.copy()
    within.thumbnail((side, side), Image.Resampling.BOX)
    tile = Image.new("RGBA", (side, side))
    tile.paste(within, ((side - within.width) // 2, (side - within.height) // 2))
    gray = square.astype(np.float32).mean(axis=2)
    colour = square.astype(np.float32)
    numbers = {
        "brightness": float(gray.mean()),
        "contrast": float(gray.std()),
        "colourfulness": float((colour.max(axis=2) - colour.min(axis=2)).mean()),
        "width": float(pixels.shape[1]),
        "height": float(pixels.shape[0]),
    }
    return Look(row=row, square=square, tile=np.asarray(tile), numbers=numbers)


def distribution_distance(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """The largest gap between two cumulative distributions (Kolmogorov and Smirnov), 0 to 1."""
    values = np.concatenate([one, other])
    below_one = np.searchsorted(np.sort(one), values, side="right") / len(one)
    below_other = np.searchsorted(np.sort(other), values, side="right") / len(other)
    return float(np.abs(below_one - below_other).max())


def chance_distance(one: int, other: int) -> float:
    """The distance that two samples of one distribution exceed in 1 of 20 draws (for large
    samples; Smirnov 1948, c = 1.36).
    """
    return float(1.36 * np.sqrt((one + other) / (one * other)))
