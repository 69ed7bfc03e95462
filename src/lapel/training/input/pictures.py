"""Pictures that batches are cut from: in memory, packed on the disk, or in their files.

All give the same batches in the same order.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from lapel.data.dataset import Dataset
from lapel.data.shards_ahead import ShardsAhead
from lapel.imaging.preprocess import Preprocess
from lapel.schema.errors import LapelError, TrainingError
from lapel.schema.geometry import Box
from lapel.training.input.row_cache import RowCache

#: A worker that gives nothing for so long hangs. A run that it holds up ends within a minute.
WORKER_SECONDS = 50

#: ... or waits for a shard from elsewhere, which takes as long as its way is slow.
FETCH_SECONDS = 900


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


class _Batches(TorchDataset[Tensor | LapelError]):
    """One item is one batch, so that a worker hands over few large tensors.

    What is wrong with a picture is handed over, too: raised in a worker, it would come here as
    another error with a page of where it was.
    """

    def __init__(self, pictures: Streamed, rows: Sequence[Tensor]) -> None:
        self._pictures = pictures
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> Tensor | LapelError:
        try:
            pixels = [self._pictures.picture(int(row)) for row in self._rows[index]]
        except LapelError as error:
            return error
        return torch.from_numpy(np.stack(pixels))


class Streamed:
    """Pictures decoded as they are needed, by workers beside the network; of some, a box alone."""

    def __init__(
        self,
        dataset: Dataset,
        preprocess: Preprocess,
        *,
        boxes: Sequence[Box | None],
        workers: int,
        device: torch.device,
    ) -> None:
        self._dataset = dataset
        self._boxes = boxes
        self._names = dataset.names()
        self._preprocess = preprocess
        self._workers = workers
        self._device = device
        self._shards = dataset.shards

    def __len__(self) -> int:
        return len(self._names)

    def picture(self, row: int) -> NDArray[np.uint8]:
        """One picture as the network takes it, (C, H, W)."""
        name, box = self._names[row], self._boxes[row]
        return self._dataset.prepared(name, self._preprocess, box).pixels

    def batches(self, rows: Sequence[Tensor]) -> Iterator[Tensor]:
        """For each tensor of row numbers, its pictures.

        Raises:
            ImageError: a picture cannot be read.
            TrainingError: a worker died, or gave nothing for ``WORKER_SECONDS``.
            torch.OutOfMemoryError: the accelerator has no room for a batch.
        """
        elsewhere = self._shards is not None and self._shards.fetches
        loader = DataLoader(
            _Batches(self, rows),
            batch_size=None,
            num_workers=self._workers,
            timeout=(FETCH_SECONDS if elsewhere else WORKER_SECONDS) if self._workers else 0,
            worker_init_fn=_one_thread,
            pin_memory=self._device.type == "cuda",
            # Nothing that workers do is random; the draw that seeds them is kept off the run's.
            generator=torch.Generator(),
        )
        others = set(multiprocessing.active_children())
        batches = iter(loader)  # workers begin here, before there is a thread that fetches
        workers = set(multiprocessing.active_children()) - others
        try:
            with self._ahead(rows) as ahead:
                for place, pixels in enumerate(batches, start=1):
                    if isinstance(pixels, LapelError):
                        raise pixels
                    yield pixels.to(self._device, non_blocking=True)
                    if ahead is not None:
                        ahead.reached(place)
        except (LapelError, torch.OutOfMemoryError):
            raise
        except RuntimeError as error:
            for worker in workers:
                worker.kill()  # one that hangs heeds no SIGTERM, and this process waits for it
            raise TrainingError(
                f"a worker that reads pictures was lost ({error}); go on with --resume, or read "
                "without workers: --set data.workers=0"
            ) from error

    def _ahead(self, rows: Sequence[Tensor]) -> AbstractContextManager[ShardsAhead | None]:
        """Fetch what batches need before they need it, where it lies elsewhere."""
        if self._shards is None or not self._shards.fetches:
            return nullcontext()
        numbers = self._shards.shards_of(self._names)
        return self._shards.ahead([set(numbers[batch.numpy()].tolist()) for batch in rows])


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


class Packed:
    """Pictures that were resized before, in a cache on the disk.

    Batches are read by the process that learns: from a map of uint8 pixels that is thousands a
    second, and workers beside the network would only take its cores.
    """

    def __init__(self, cache: RowCache, digests: Sequence[str], device: torch.device) -> None:
        self._cache = cache
        self._digests = digests
        self._device = device

    def __len__(self) -> int:
        return len(self._digests)

    def batches(self, rows: Sequence[Tensor]) -> Iterator[Tensor]:
        """For each tensor of row numbers, its pictures."""
        for batch in rows:
            pixels = np.stack([self._cache.row(self._digests[int(row)]) for row in batch])
            yield torch.from_numpy(pixels).to(self._device)


def _one_thread(_worker: int) -> None:
    torch.set_num_threads(1)
