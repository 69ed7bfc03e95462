"""Training examples: pictures, and what is known of them, ready for a network.

A set that fits is one uint8 tensor on the device (``Resident``), from which batches are cut. A
larger one is packed on the disk (``Packed``), or streams from its files (``Streamed``).
"""

from __future__ import annotations

import hashlib
import shutil
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lapel.data.dataset import Dataset
from lapel.data.progress import Track, silent
from lapel.imaging.preprocess import Frame, Preprocess
from lapel.models.heads.table import spatial_tasks
from lapel.schema.errors import StorageError
from lapel.schema.geometry import Box
from lapel.schema.labels import Schema
from lapel.storage.cache import cache_root
from lapel.storage.machine import available_memory, usable_cores
from lapel.training.input.embedding import items_of
from lapel.training.input.pictures import Chosen, Packed, Pictures, Resident, Streamed
from lapel.training.input.row_cache import RowCache, make_missing
from lapel.training.input.shard_order import shards_of
from lapel.training.input.targets import Encoding, bytes_of, some
from lapel.training.processes.torchrun import processes_here
from lapel.training.recipe_parts import DataPart

#: Share of the free memory that resident pictures of both splits may take, targets among them.
RESIDENT_SHARE = 0.4

#: Pictures that are read before they are asked for.
READ_AHEAD = 64

#: With so many cores the network learns faster when it reads its pictures itself.
FEW_CORES = 2

#: Share of the free disk that packed pictures may take.
PACKED_SHARE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """Pictures and their targets.

    Attributes:
        pictures: N pictures, or what was made of them.
        targets: task name to targets (N, ...), tensors or other ``Targets``; on the device, or
            where they fit.
        weights: task name to weights (N, ...); 0 where the label is unknown.
        digests: SHA-256 of each picture, and of its box where that alone is seen, in hexadecimal.
        items: number of the item that each picture shows, int64 (N,), below 0 where unknown.
        shards: number of the shard that each picture lies in, int64 (N,), where they lie in some.
    """

    pictures: Pictures
    targets: dict[str, Any]
    weights: dict[str, Tensor]
    digests: Sequence[str] = ()
    items: Tensor | None = None
    shards: Tensor | None = None

    def __len__(self) -> int:
        return len(self.pictures)

    @property
    def resident_bytes(self) -> int:
        """Bytes of the pictures and targets that lie in memory."""
        pixels = self.pictures.pixels.nbytes if isinstance(self.pictures, Resident) else 0
        return pixels + bytes_of(self.targets)

    def batches(self, rows: Sequence[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        """For each tensor of row numbers, it and its pictures."""
        return zip(rows, self.pictures.batches(rows), strict=True)


def in_batches(count: int, batch: int) -> list[Tensor]:
    """All row numbers in their order, cut into batches."""
    rows = torch.arange(count)
    return [rows[start : start + batch] for start in range(0, count, batch)]


def subset(examples: Examples, rows: Tensor) -> Examples:
    """Some of the examples, by row number; the pictures are not copied."""
    return Examples(
        pictures=Chosen(examples.pictures, rows),
        targets={task: some(part, rows) for task, part in examples.targets.items()},
        weights={task: part[rows.to(part.device)] for task, part in examples.weights.items()},
        digests=[examples.digests[int(row)] for row in rows] if examples.digests else (),
        items=None if examples.items is None else examples.items[rows.to(examples.items.device)],
        shards=None if examples.shards is None else examples.shards[rows.cpu()],
    )


def load_examples(
    dataset: Dataset,
    schema: Schema,
    preprocess: Preprocess,
    *,
    device: torch.device,
    options: DataPart,
    beside: Examples | None = None,
    track: Track = silent,
    say: Callable[[str], None] = lambda _: None,
) -> Examples:
    """The examples of a dataset (one split of it) for a network.

    Args:
        dataset: the split to learn from or to judge on.
        schema: the tasks learned.
        preprocess: from a photo to the network's pixels.
        device: where batches go.
        options: whether pictures are resident, kept on the disk, or read by workers.
        beside: another split that was loaded before; both have one share of the memory.
        track: shows how far reading the pictures is.
        say: told of what is worth a line.

    Raises:
        ImageError: a picture that cannot be read; ``lapel data check`` finds them all.
    """
    targets, weights = {}, {}
    frames = frames_of(dataset, preprocess) if spatial_tasks(schema) else []
    encoding = Encoding(
        frames=frames,
        device=device,
        memory=free_memory(device),
        cached=options.cache,
        track=track,
        say=say,
    )
    for spec in schema:
        targets[spec.name], weights[spec.name] = encoding.encoded(dataset, spec)
    boxes = seen_boxes(dataset, preprocess)
    reading = _Reading(
        dataset=dataset,
        boxes=boxes,
        digests=_digests(dataset, boxes),
        preprocess=preprocess,
        track=track,
        say=say,
    )
    taken = bytes_of(targets) + (0 if beside is None else beside.resident_bytes)
    return Examples(
        pictures=_pictures(reading, device, options, taken),
        targets=targets,
        weights=weights,
        digests=reading.digests,
        items=items_of(dataset).to(device),
        shards=shards_of(dataset),
    )


def frames_of(dataset: Dataset, preprocess: Preprocess) -> list[Frame]:
    """How the network's canvas shows each picture of a dataset, from sizes and boxes alone."""
    sizes = zip(dataset.table["width"], dataset.table["height"], dataset.boxes(), strict=True)
    return [preprocess.frame(width, height, box) for width, height, box in sizes]


def seen_boxes(dataset: Dataset, preprocess: Preprocess) -> list[Box | None]:
    """The boxes that alone are seen of a dataset's pictures; None where all of one is."""
    return dataset.boxes() if preprocess.crop_to_box else [None] * len(dataset)


def _digests(dataset: Dataset, boxes: Sequence[Box | None]) -> list[str]:
    """A SHA-256 for each picture as it is seen: its own, as recorded, or that of it and its box."""
    recorded = zip(dataset.table["sha256"].to_list(), boxes, strict=True)
    return [
        digest if box is None else hashlib.sha256(f"{digest} {tuple(box)}".encode()).hexdigest()
        for digest, box in recorded
    ]


def free_memory(device: torch.device) -> int:
    """Bytes that may still be taken on a device; of the machine's memory, this process's share."""
    if device.type == "cuda":
        # What torch keeps of tensors that are gone: new ones take it first, though to the device
        # it is not free.
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + kept
    return available_memory() // processes_here()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """All that reading the pictures of a dataset needs."""

    dataset: Dataset
    boxes: Sequence[Box | None]
    digests: Sequence[str]
    preprocess: Preprocess
    track: Track
    say: Callable[[str], None]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of a picture as the network takes it."""
        return self.preprocess.channels, self.preprocess.height, self.preprocess.width

    def packed(self) -> NDArray[np.uint8] | None:
        """The dataset's own packed pictures, where they are what the network takes."""
        packed = self.dataset.packed()
        as_they_are = self.shape[0] == 1 and not any(self.boxes)
        if packed is None or packed.shape[1:] != self.shape[1:] or not as_they_are:
            return None
        return packed

    def make(self, rows: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
        """Read pictures by number, a few threads ahead."""
        names = self.dataset.names()

        def prepared(row: int) -> NDArray[np.uint8]:
            return self.dataset.prepared(names[row], self.preprocess, self.boxes[row]).pixels

        with ThreadPoolExecutor(usable_cores()) as pool:
            made = _ahead(pool, prepared, rows)
            yield from self.track(made, len(rows), "Reading pictures")

    def cache(self) -> RowCache:
        """Where pictures prepared like this are kept."""
        # Mean and deviation belong to the network: they change no pixel.
        facts = {**self.preprocess.to_json(), "mean": None, "std": None}
        return RowCache.of("pictures", facts, self.shape, np.uint8)


def _ahead(
    pool: ThreadPoolExecutor, make: Callable[[int], NDArray[np.uint8]], rows: Sequence[int]
) -> Iterator[NDArray[np.uint8]]:
    """What is made of rows, in their order, with few of them waiting to be taken.

    ``pool.map`` would make all of them at once, and hold in memory what the disk is slow to take.
    """
    waiting: deque[Future[NDArray[np.uint8]]] = deque()
    for row in rows:
        waiting.append(pool.submit(make, row))
        if len(waiting) > READ_AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _pictures(reading: _Reading, device: torch.device, options: DataPart, taken: int) -> Pictures:
    """The pictures, where they fit; `taken`: bytes of the share of memory that others have."""
    count = len(reading.dataset)
    size = count * int(np.prod(reading.shape))
    fits = taken + size <= RESIDENT_SHARE * (taken + free_memory(device))
    packed = reading.packed()
    cache = reading.cache() if options.cache and packed is None else None
    if options.resident == "always" or (options.resident == "auto" and fits):
        if packed is not None:
            # A copy: the file's own pages cannot be written to.
            return Resident(torch.from_numpy(np.array(packed[:, None])).to(device))
        pixels = np.empty((count, *reading.shape), np.uint8)
        for row, picture in make_missing(cache, reading.digests, reading.make, say=reading.say):
            pixels[row] = picture
        return Resident(torch.from_numpy(pixels).to(device))
    if cache is not None and size <= PACKED_SHARE * _free_disk():
        for _ in make_missing(cache, reading.digests, reading.make, say=reading.say):
            pass
        if cache.known(reading.digests).all():
            return Packed(cache, reading.digests, device)
    workers = _workers() if options.workers == "auto" else int(options.workers)
    return Streamed(
        reading.dataset, reading.preprocess, boxes=reading.boxes, workers=workers, device=device
    )


def _workers() -> int:
    """Processes that read pictures beside the network; on two cores each would take the network's
    own time (measured: ``benchmarks/loading.py``).
    """
    cores = usable_cores() // processes_here()
    return cores - 1 if cores > FEW_CORES else 0


def _free_disk() -> int:
    """Free bytes where the cache lies.

    Raises:
        StorageError: the cache's folder cannot be made.
    """
    root = cache_root()
    try:
        root.mkdir(parents=True, exist_ok=True)
        return shutil.disk_usage(root).free
    except OSError as error:
        raise StorageError(
            f"the cache {root} cannot be used: {error.strerror or error}; name another folder with "
            "the variable LAPEL_CACHE, or keep nothing: --set data.cache=false"
        ) from error
