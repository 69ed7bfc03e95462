"""A network's outputs for all images of a dataset, without torch and without stopping.

Two ways lead to the same pixels: a set packed in one array of the model's own size goes in as
it stands; anything else is read, turned upright and resized image by image, a batch ahead of
the network.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from lapel.data.dataset import Dataset
from lapel.data.progress import Track, silent
from lapel.evaluation.gathering import Gatherer
from lapel.imaging.preprocess import Frame, Preprocess
from lapel.inference.engines.base import Engine
from lapel.inference.network_outputs import DENSE_PIXELS
from lapel.schema.errors import ImageError, StorageError

#: Small pictures go in larger batches: the network, not the memory, is the limit.
BATCH_PIXELS = 512 * 28 * 28
LARGEST_BATCH = 512
SMALLEST_BATCH = 16

#: Threads that read and decode; Pillow works outside Python's lock.
READERS = 4

#: Task name to raw outputs, float32 (N, ...).
_Outputs = dict[str, NDArray[np.float32]]


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
        frames: how the network's canvas showed each of them, with the dataset's box, (N,).
        views: one for the pictures, a second for their mirror images where asked for; each
            is task name to raw outputs, float32 (N, ...).
        unreadable: the images that could not.
        seconds: time for reading, preprocessing and the network.
    """

    rows: NDArray[np.int64]
    frames: tuple[Frame, ...]
    views: tuple[dict[str, NDArray[np.float32]], ...]
    unreadable: tuple[Unreadable, ...]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Shown:
    """One picture as the network reads it."""

    pixels: NDArray[np.uint8]
    frame: Frame


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Batch:
    rows: list[int]
    frames: list[Frame]
    pixels: NDArray[np.uint8]
    unreadable: list[Unreadable]


class Showing:
    """How a dataset's pictures are shown to a network.

    Attributes:
        dataset: whose pictures.
        preprocess: the bundle's.
        names: of the pictures, in row order.
        boxes: where the garment is in each, in row order; None where nobody says.
        whole: the boxes are kept from the network, as it is with a user who has only the picture.
            Distances are measured by them all the same.
    """

    def __init__(self, dataset: Dataset, preprocess: Preprocess, *, whole: bool = False) -> None:
        self.dataset = dataset
        self.preprocess = preprocess
        self.names = dataset.names()
        self.boxes = dataset.boxes()
        self.whole = whole

    @property
    def crops(self) -> bool:
        """Whether boxes decide what the network sees."""
        return self.preprocess.crop_to_box and not self.whole and any(self.boxes)

    def picture(self, row: int) -> tuple[NDArray[np.uint8], Frame]:
        """A picture as the network reads it, uint8 (C, h, w), and how that shows the original.

        Raises:
            ImageError: bytes that are no picture we accept.
            StorageError: there is no such file, or it cannot be read.
        """
        box = None if self.whole else self.boxes[row]
        prepared = self.dataset.prepared(self.names[row], self.preprocess, box)
        return prepared.pixels, self._measured(prepared.frame, row)

    def frames(self) -> list[Frame]:
        """How the canvas shows each picture, told by their sizes alone."""
        sizes = self.dataset.table.select("width", "height").rows()
        return [
            self._measured(self.preprocess.frame(width, height, None if self.whole else box), row)
            for row, ((width, height), box) in enumerate(zip(sizes, self.boxes, strict=True))
        ]

    def _measured(self, frame: Frame, row: int) -> Frame:
        """A frame by whose box distances are measured, whatever the network saw."""
        box = self.boxes[row]
        return replace(frame, box=box) if self.whole and box is not None else frame


def answer_dataset(
    engine: Engine,
    preprocess: Preprocess,
    dataset: Dataset,
    *,
    flip: bool = False,
    whole: bool = False,
    tasks: Sequence[str] | None = None,
    gather: Mapping[str, Gatherer] | None = None,
    track: Track = silent,
) -> Answers:
    """Run a network over every image of a dataset, in its order.

    Args:
        engine: the network; takes uint8 pixels (N, C, h, w).
        preprocess: the bundle's; where it crops to the box, the dataset's boxes are used.
        dataset: the images.
        flip: also look at every picture mirrored left to right.
        whole: keep the boxes from the network.
        tasks: names of the outputs that are wanted; None: all there are.
        gather: task to what judges its outputs batch by batch; they are not kept.
        track: is told how far the work is, image by image.
    """
    started = time.perf_counter()
    rows: list[int] = []
    frames: list[Frame] = []
    unreadable: list[Unreadable] = []
    kept: list[list[_Outputs]] = [[], []] if flip else [[]]
    gatherers = gather or {}
    asked = list(engine.names if tasks is None else tasks)
    asked += [task for task in gatherers if task not in asked]
    judging = 0.0
    ticks = track(range(len(dataset)), total=len(dataset), description="Judging images")
    for batch in _batches(Showing(dataset, preprocess, whole=whole), dense=bool(gatherers)):
        rows += batch.rows
        frames += batch.frames
        unreadable += batch.unreadable
        if batch.rows:
            looks = look_at(engine, batch.pixels, asked, flip=flip)
            judging += _gathered(gatherers, batch, looks)
            for parts, look in zip(kept, looks, strict=True):
                parts.append(look)
        deque(islice(ticks, len(batch.rows) + len(batch.unreadable)), maxlen=0)
    deque(ticks, maxlen=0)  # lets the listener close what it opened
    return Answers(
        rows=np.array(rows, np.int64),
        frames=tuple(frames),
        views=tuple(_joined(parts) for parts in kept),
        unreadable=tuple(unreadable),
        seconds=time.perf_counter() - started - judging,
    )


def look_at(
    engine: Engine, pixels: NDArray[np.uint8], asked: Sequence[str], *, flip: bool
) -> list[_Outputs]:
    """What a network says of pictures, and of their mirror images where asked for: a view each."""
    views = [pixels, np.ascontiguousarray(pixels[..., ::-1])] if flip else [pixels]
    return [engine.run(view, asked) for view in views]


def _gathered(gatherers: Mapping[str, Gatherer], batch: _Batch, looks: Sequence[_Outputs]) -> float:
    """Hand outputs on to what judges them, and forget them; returns the seconds that it took."""
    started = time.perf_counter()
    for task, gatherer in gatherers.items():
        gatherer.add(batch.rows, batch.frames, [look.pop(task) for look in looks])
    return time.perf_counter() - started


def mean_view(views: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """The mean of the probabilities of each view, all of one shape."""
    return np.asarray(np.mean(views, axis=0), np.float64) if len(views) > 1 else views[0]


def _joined(parts: Sequence[_Outputs]) -> _Outputs:
    tasks = parts[0] if parts else {}
    return {task: np.concatenate([part[task] for part in parts]) for task in tasks}


def _batches(showing: Showing, *, dense: bool) -> Iterator[_Batch]:
    preprocess = showing.preprocess
    canvas = preprocess.height * preprocess.width
    size = min(max(BATCH_PIXELS // canvas, SMALLEST_BATCH), LARGEST_BATCH)
    if dense:
        size = min(size, max(1, DENSE_PIXELS // canvas))
    packed = None if showing.crops else showing.dataset.packed()
    ready = None if packed is None else _ready(packed, preprocess)
    if ready is None:
        return _read_batches(showing, size)
    return _packed_batches(ready, showing.frames(), size)


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


def _packed_batches(
    pixels: NDArray[np.uint8], frames: Sequence[Frame], size: int
) -> Iterator[_Batch]:
    for start in range(0, len(pixels), size):
        part = np.ascontiguousarray(pixels[start : start + size])
        yield _Batch(
            rows=list(range(start, start + len(part))),
            frames=list(frames[start : start + len(part)]),
            pixels=part,
            unreadable=[],
        )


def _read_batches(showing: Showing, size: int) -> Iterator[_Batch]:
    """Batches of images read by threads, one batch ahead of the network."""
    names = showing.names

    def read(row: int) -> _Shown | Unreadable:
        try:
            pixels, frame = showing.picture(row)
        except ImageError as error:
            return Unreadable(image=names[row], fault=error.fault)
        except StorageError as error:
            return Unreadable(image=names[row], fault=str(error))
        return _Shown(pixels=pixels, frame=frame)

    with ThreadPoolExecutor(READERS) as pool:
        ahead = pool.map(read, range(min(size, len(names))))
        for start in range(0, len(names), size):
            found = list(ahead)
            ahead = pool.map(read, range(start + size, min(start + 2 * size, len(names))))
            yield _assembled(found, start)


def _assembled(found: Sequence[_Shown | Unreadable], start: int) -> _Batch:
    shown = {
        start + place: image
        for place, image in enumerate(found)
        if not isinstance(image, Unreadable)
    }
    pixels = [image.pixels for image in shown.values()]
    return _Batch(
        rows=list(shown),
        frames=[image.frame for image in shown.values()],
        pixels=np.stack(pixels) if pixels else np.empty(0, np.uint8),
        unreadable=[image for image in found if isinstance(image, Unreadable)],
    )
