"""Pictures on which engines are tried: a dataset's, or drawn ones where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from lapel.data.dataset import Dataset
from lapel.data.sketch.picture import Options, draw_picture
from lapel.evaluation.answers import Showing
from lapel.imaging.preprocess import Preprocess
from lapel.inference.network_outputs import batch_of
from lapel.schema.errors import DatasetError, ImageError, StorageError
from lapel.schema.labels import Schema
from lapel.tasks.kinds import task_of

#: Pictures a run, at most.
BATCH = 32

#: Sides of drawn pictures, in pixels: larger ones take long to draw, smaller ones show nothing.
SMALLEST_DRAWN, LARGEST_DRAWN = 96, 256

#: Of the draw that says which pictures are taken.
SEED = 0


def batch_size(schema: Schema, preprocess: Preprocess) -> int:
    """Pictures that a network looks at together."""
    return min(BATCH, batch_of([task_of(spec) for spec in schema], preprocess))


def dataset_pixels(
    part: Dataset, preprocess: Preprocess, *, count: int, size: int
) -> Iterator[NDArray[np.uint8]]:
    """Some pictures of a dataset as a network reads them, the same ones every time.

    Args:
        part: the rows to draw from.
        preprocess: the bundle's; where it crops to the box, the dataset's boxes are used.
        count: pictures, at most; those that cannot be read are passed over.
        size: of a batch.

    Yields:
        Batches of pixels, uint8 (N, C, h, w).

    Raises:
        DatasetError: not one of them can be read.
    """
    order = np.random.default_rng(SEED).permutation(len(part)).tolist()
    readable = islice(_readable(Showing(part, preprocess), order), count)
    first = list(islice(readable, size))
    if not first:
        raise DatasetError(f"not one picture of {part.name} could be read; see lapel data check")
    while first:
        yield np.stack(first)
        first = list(islice(readable, size))


def _readable(showing: Showing, rows: list[int]) -> Iterator[NDArray[np.uint8]]:
    for row in rows:
        try:
            pixels, _ = showing.picture(row)
        except (ImageError, StorageError):
            continue
        yield pixels


def drawn_pixels(preprocess: Preprocess, *, count: int, size: int) -> Iterator[NDArray[np.uint8]]:
    """Pictures of drawn garments as a network reads them, the same ones every time.

    Args:
        preprocess: the bundle's.
        count: pictures.
        size: of a batch.

    Yields:
        Batches of pixels, uint8 (N, C, h, w).
    """
    side = min(max(preprocess.height, preprocess.width, SMALLEST_DRAWN), LARGEST_DRAWN)
    options = Options(seed=SEED, size=side)
    for first in range(0, count, size):
        numbers = range(first, min(first + size, count))
        yield np.stack(
            [preprocess.apply(draw_picture(number, options).pixels).pixels for number in numbers]
        )
