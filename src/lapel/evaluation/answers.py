"""A network's outputs for all images of a dataset, without torch and without stopping.

Two ways lead to the same pixels: a set packed in one array of the model's own size goes in as
it stands; anything else is read, turned upright and resized image by image, a batch ahead of
the network.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from lapel.data.dataset import Dataset
from lapel.data.progress import Track, silent
from lapel.imaging.preprocess import Preprocess
from lapel.inference.engines import Engine
from lapel.schema.errors import ImageError, StorageError

#: Small pictures go in larger batches: the network, not the memory, is the limit.
BATCH_PIXELS = 512 * 28 * 28
LARGEST_BATCH = 512
SMALLEST_BATCH = 16

#: Threads that read and decode; Pillow works outside Python's lock.
READERS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """An image that could not be judged.

    Attributes:
        image: its name in the dataset.
        fault: what is wrong with it.
    """

    image: str
    fault: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answers:
    """What a network said about a dataset.

    Attributes:
        rows: positions of the images that could be read, int64 (N,), rising.
        views: one for the pictures, a second for their mirror images where asked for; each
            is task name to raw outputs, float32 (N, ...).
        unreadable: the images that could not.
        seconds: time for reading, preprocessing and the network.
    """

    rows: NDArray[np.int64]
    views: tuple[dict[str, NDArray[np.float32]], ...]
    unreadable: tuple[Unreadable, ...]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Batch:
    rows: list[int]
    pixels: NDArray[np.uint8]
    unreadable: list[Unreadable]


def answer_dataset(
    engine: Engine,
    preprocess: Preprocess,
    dataset: Dataset,
    *,
    flip: bool = False,
    track: Track = silent,
) -> Answers:
    """Run a network over every image of a dataset, in its order.

    Args:
        engine: the network; takes uint8 pixels (N, C, h, w).
        preprocess: the bundle's.
        dataset: the images.
        flip: also look at every picture mirrored left to right.
        track: is told how far the work is, image by image.
    """
    started = time.perf_counter()
    rows: list[int] = []
    unreadable: list[Unreadable] = []
    views: list[list[dict[str, NDArray[np.float32]]]] = [[], []] if flip else [[]]
    ticks = track(range(len(dataset)), total=len(dataset), description="Judging images")
    for batch in _batches(preprocess, dataset):
        rows += batch.rows
        unreadable += batch.unreadable
        if batch.rows:
            views[0].append(engine.run(batch.pixels))
        if batch.rows and flip:
            views[1].append(engine.run(np.ascontiguousarray(batch.pixels[..., ::-1])))
        deque(islice(ticks, len(batch.rows) + len(batch.unreadable)), maxlen=0)
    deque(ticks, maxlen=0)  # lets the listener close what it opened
    return Answers(
        rows=np.array(rows, np.int64),
        views=tuple(_joined(parts) for parts in views),
        unreadable=tuple(unreadable),
        seconds=time.perf_counter() - started,
    )


def mean_view(views: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """The mean of the probabilities of each view, all of one shape."""
    return np.asarray(np.mean(views, axis=0), np.float64) if len(views) > 1 else views[0]


def _joined(parts: Sequence[dict[str, NDArray[np.float32]]]) -> dict[str, NDArray[np.float32]]:
    tasks = parts[0] if parts else {}
    return {task: np.concatenate([part[task] for part in parts]) for task in tasks}


def _batches(preprocess: Preprocess, dataset: Dataset) -> Iterator[_Batch]:
    size = BATCH_PIXELS // (preprocess.height * preprocess.width)
    size = min(max(size, SMALLEST_BATCH), LARGEST_BATCH)
    packed = dataset.packed()
    ready = None if packed is None else _ready(packed, preprocess)
    if ready is None:
        return _read_batches(preprocess, dataset, size)
    return _packed_batches(ready, size)


def _ready(packed: NDArray[np.uint8], preprocess: Preprocess) -> NDArray[np.uint8] | None:
    """Packed pixels (N, H, W[, C]) as the network's (N, C, h, w), if nothing has to be resized
    nor turned from colour into gray; a view, not a copy.
    """
    if packed.shape[1:3] != (preprocess.height, preprocess.width):
        return None
    planes = packed[:, None] if packed.ndim == 3 else packed.transpose(0, 3, 1, 2)
    if planes.shape[1] == preprocess.channels:
        return planes
    if planes.shape[1] == 1:
        return np.broadcast_to(planes, (len(planes), preprocess.channels, *planes.shape[2:]))
    return None


def _packed_batches(pixels: NDArray[np.uint8], size: int) -> Iterator[_Batch]:
    for start in range(0, len(pixels), size):
        part = np.ascontiguousarray(pixels[start : start + size])
        yield _Batch(rows=list(range(start, start + len(part))), pixels=part, unreadable=[])


def _read_batches(preprocess: Preprocess, dataset: Dataset, size: int) -> Iterator[_Batch]:
    """Batches of images read by threads, one batch ahead of the network."""
    names = dataset.names()

    def read(name: str) -> NDArray[np.uint8] | Unreadable:
        try:
            return dataset.prepared(name, preprocess).pixels
        except ImageError as error:
            return Unreadable(image=name, fault=error.fault)
        except StorageError as error:
            return Unreadable(image=name, fault=str(error))

    with ThreadPoolExecutor(READERS) as pool:
        ahead = pool.map(read, names[:size])
        for start in range(0, len(names), size):
            found = list(ahead)
            ahead = pool.map(read, names[start + size : start + 2 * size])
            yield _assembled(found, start)


def _assembled(found: Sequence[NDArray[np.uint8] | Unreadable], start: int) -> _Batch:
    pixels = [image for image in found if not isinstance(image, Unreadable)]
    return _Batch(
        rows=[
            start + place for place, image in enumerate(found) if not isinstance(image, Unreadable)
        ],
        pixels=np.stack(pixels) if pixels else np.empty(0, np.uint8),
        unreadable=[image for image in found if isinstance(image, Unreadable)],
    )
