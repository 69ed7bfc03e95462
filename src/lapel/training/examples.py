"""Training examples: pictures, and what is known of them, ready for a network.

A set that fits is one uint8 tensor on the device (``Resident``), from which batches are cut;
a larger one streams from its files through workers (``Streamed``). Both give the same batches
in the same order.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from lapel.data.dataset import Dataset
from lapel.data.progress import Track, silent
from lapel.imaging.preprocess import Preprocess
from lapel.inference.engines import usable_cores
from lapel.schema.errors import LapelError, TrainingError
from lapel.schema.labels import Schema
from lapel.tasks.kinds import task_of

#: Share of the free memory that resident pictures may take.
RESIDENT_SHARE = 0.4

#: A worker that gives nothing for so long hangs.
WORKER_SECONDS = 60


class Pictures(Protocol):
    """Pictures that batches are cut from."""

    def __len__(self) -> int:
        """How many there are."""
        ...

    def batches(self, rows: Sequence[Tensor]) -> Iterator[Tensor]:
        """For each tensor of row numbers, uint8 pixels (n, C, H, W) on the device."""
        ...


class Resident:
    """All pictures as one uint8 tensor (N, C, H, W) on the device."""

    def __init__(self, pixels: Tensor) -> None:
        self.pixels = pixels

    def __len__(self) -> int:
        return len(self.pixels)

    def batches(self, rows: Sequence[Tensor]) -> Iterator[Tensor]:
        """For each tensor of row numbers, its pictures."""
        for batch in rows:
            yield self.pixels[batch.to(self.pixels.device)]


class _Batches(TorchDataset[Tensor]):
    """One item is one batch, so that a worker hands over few large tensors."""

    def __init__(self, pictures: Streamed, rows: Sequence[Tensor]) -> None:
        self._pictures = pictures
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> Tensor:
        pixels = [self._pictures.picture(int(row)) for row in self._rows[index]]
        return torch.from_numpy(np.stack(pixels))


class Streamed:
    """Pictures decoded as they are needed, by workers beside the network."""

    def __init__(
        self, dataset: Dataset, preprocess: Preprocess, *, workers: int, device: torch.device
    ) -> None:
        self._dataset = dataset
        self._names = dataset.names()
        self._preprocess = preprocess
        self._workers = workers
        self._device = device

    def __len__(self) -> int:
        return len(self._names)

    def picture(self, row: int) -> NDArray[np.uint8]:
        """One picture as the network takes it, (C, H, W)."""
        return self._preprocess.apply(self._dataset.pixels(self._names[row])).pixels

    def batches(self, rows: Sequence[Tensor]) -> Iterator[Tensor]:
        """For each tensor of row numbers, its pictures.

        Raises:
            TrainingError: a worker died, or gave nothing for a minute.
        """
        loader = DataLoader(
            _Batches(self, rows),
            batch_size=None,
            num_workers=self._workers,
            timeout=WORKER_SECONDS if self._workers else 0,
            worker_init_fn=_one_thread,
            pin_memory=self._device.type == "cuda",
            # Nothing that workers do is random; the draw that seeds them is kept off the run's.
            generator=torch.Generator(),
        )
        try:
            for pixels in loader:
                yield pixels.to(self._device, non_blocking=True)
        except LapelError:
            raise
        except RuntimeError as error:
            raise TrainingError(
                f"a worker that reads pictures was lost ({error}); go on with --resume, or read "
                "without workers: --set data.workers=0"
            ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """Pictures and their targets.

    Attributes:
        pictures: N pictures.
        targets: task name to targets (N, ...), on the device.
        weights: task name to weights (N, ...); 0 where the label is unknown.
    """

    pictures: Pictures
    targets: dict[str, Tensor]
    weights: dict[str, Tensor]

    def __len__(self) -> int:
        return len(self.pictures)

    def batches(self, rows: Sequence[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        """For each tensor of row numbers, it and its pictures."""
        return zip(rows, self.pictures.batches(rows), strict=True)


class Chosen:
    """Some of other pictures, in an order of their own."""

    def __init__(self, pictures: Pictures, rows: Tensor) -> None:
        self._pictures = pictures
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def batches(self, rows: Sequence[Tensor]) -> Iterator[Tensor]:
        """For each tensor of row numbers, its pictures."""
        return self._pictures.batches([self._rows[batch] for batch in rows])


def in_batches(count: int, batch: int) -> list[Tensor]:
    """All row numbers in their order, cut into batches."""
    rows = torch.arange(count)
    return [rows[start : start + batch] for start in range(0, count, batch)]


def subset(examples: Examples, rows: Tensor) -> Examples:
    """Some of the examples, by row number; the pictures are not copied."""
    there = {task: rows.to(target.device) for task, target in examples.targets.items()}
    return Examples(
        pictures=Chosen(examples.pictures, rows),
        targets={task: target[there[task]] for task, target in examples.targets.items()},
        weights={task: weight[there[task]] for task, weight in examples.weights.items()},
    )


def load_examples(
    dataset: Dataset,
    schema: Schema,
    preprocess: Preprocess,
    *,
    device: torch.device,
    resident: str = "auto",
    workers: int | str = "auto",
    track: Track = silent,
) -> Examples:
    """The examples of a dataset (one split of it) for a network.

    Args:
        dataset: the split to learn from or to judge on.
        schema: the tasks learned.
        preprocess: from a photo to the network's pixels.
        device: where batches go.
        resident: ``always``, ``never``, or ``auto``: when all pictures fit into memory.
        workers: that decode beside the network; ``auto`` takes a core less than there are.
        track: shows how far reading the pictures is.

    Raises:
        ImageError: a picture that cannot be read; ``lapel data check`` finds them all.
    """
    targets, weights = {}, {}
    for spec in schema:
        target, weight = task_of(spec).encode(dataset.labels(spec.name))
        targets[spec.name] = torch.from_numpy(target).to(device)
        weights[spec.name] = torch.from_numpy(weight).to(device)
    size = len(dataset) * preprocess.channels * preprocess.height * preprocess.width
    pictures: Pictures
    if resident == "always" or (
        resident == "auto" and size <= RESIDENT_SHARE * free_memory(device)
    ):
        pictures = Resident(torch.from_numpy(_all_pixels(dataset, preprocess, track)).to(device))
    else:
        count = max(1, usable_cores() - 1) if workers == "auto" else int(workers)
        pictures = Streamed(dataset, preprocess, workers=count, device=device)
    return Examples(pictures=pictures, targets=targets, weights=weights)


def free_memory(device: torch.device) -> int:
    """Free bytes on a device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _all_pixels(dataset: Dataset, preprocess: Preprocess, track: Track) -> NDArray[np.uint8]:
    packed = dataset.packed()
    wanted = (preprocess.height, preprocess.width)
    if packed is not None and packed.shape[1:] == wanted and preprocess.channels == 1:
        return np.array(packed[:, None])  # a copy: the file's own pages cannot be written to
    names = dataset.names()
    pixels = np.empty((len(names), preprocess.channels, *wanted), np.uint8)

    def fill(row: int) -> None:
        pixels[row] = preprocess.apply(dataset.pixels(names[row])).pixels

    with ThreadPoolExecutor(usable_cores()) as pool:
        for _ in track(pool.map(fill, range(len(names))), len(names), "Reading pictures"):
            pass
    return pixels


def _one_thread(_worker: int) -> None:
    torch.set_num_threads(1)
