"""The vectors of a dataset's pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lapel.data.dataset import Dataset
from lapel.data.progress import Track, silent
from lapel.inference.embedding import Embedder
from lapel.inference.pictures import Failure
from lapel.schema.errors import DatasetError, ImageError, StorageError
from lapel.schema.geometry import Box
from lapel.storage.machine import usable_cores

#: Pictures that go through the network at a time.
BATCH = 32


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Vectors:
    """The vectors of those pictures of a dataset that can be read.

    Attributes:
        rows: of the dataset's table, int64 (N,), rising.
        vectors: of length 1, float32 (N, width).
        unreadable: the other pictures, and what is wrong with them.
    """

    rows: NDArray[np.int64]
    vectors: NDArray[np.float32]
    unreadable: tuple[Failure, ...]


def embed_dataset(
    embedder: Embedder, dataset: Dataset, *, whole: bool = False, track: Track = silent
) -> Vectors:
    """Look at every picture of a dataset.

    Args:
        embedder: makes the vectors.
        dataset: the pictures.
        whole: look at whole pictures, also with a model that looks at garments' boxes.
        track: is told how far the work is.

    Raises:
        DatasetError: none of the pictures can be read.
    """
    vectors = np.empty((len(dataset), embedder.width), np.float32)
    rows: list[int] = []
    unreadable: list[Failure] = []
    waiting: list[NDArray[np.uint8]] = []
    found = _read(embedder, dataset, whole=whole)
    for row, picture in enumerate(track(found, len(dataset), "Looking at pictures")):
        if isinstance(picture, Failure):
            unreadable.append(picture)
        else:
            rows.append(row)
            waiting.append(picture)
        if len(waiting) == BATCH or (waiting and row == len(dataset) - 1):
            vectors[len(rows) - len(waiting) : len(rows)] = embedder.vectors(np.stack(waiting))
            waiting.clear()
    if not rows:
        first = unreadable[0].fault if unreadable else "there are none"
        raise DatasetError(f"no picture of {dataset.name} can be read ({first})")
    return Vectors(
        rows=np.array(rows, np.int64),
        vectors=vectors[: len(rows)],
        unreadable=tuple(unreadable),
    )


def _read(
    embedder: Embedder, dataset: Dataset, *, whole: bool
) -> Iterator[NDArray[np.uint8] | Failure]:
    """Prepared pictures in their order, read by threads a batch ahead of the network."""
    preprocess = embedder.bundle.preprocess
    boxes: Sequence[Box | None] = [None] * len(dataset)
    if preprocess.crop_to_box and not whole:
        boxes = dataset.boxes()

    def read(name: str, box: Box | None) -> NDArray[np.uint8] | Failure:
        try:
            return dataset.prepared(name, preprocess, box).pixels
        except ImageError as error:
            return Failure(image=name, fault=error.fault)
        except StorageError as error:
            return Failure(image=name, fault=str(error))

    names = dataset.names()
    with ThreadPoolExecutor(usable_cores()) as pool:
        ahead = list(pool.map(read, names[:BATCH], boxes[:BATCH]))
        for start in range(BATCH, len(names) + BATCH, BATCH):
            part = slice(start, start + BATCH)
            following = pool.map(read, names[part], boxes[part])
            yield from ahead
            ahead = list(following)
