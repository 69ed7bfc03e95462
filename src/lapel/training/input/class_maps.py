"""Targets that are a map a picture: in memory where they fit, else in the cache on the disk.

A map of bytes a picture is as large as a third of its pixels, so it is made like them: one at a
time, and kept for the next run by what it depends on, the file of the label map and the canvas.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass

import numpy as np
import torch
from torch import Tensor

from lapel.data.masks import MaskLabels
from lapel.data.progress import Track
from lapel.imaging.preprocess import Frame
from lapel.models.heads.base import Targets
from lapel.schema.labels import TaskSpec
from lapel.tasks.base import Task
from lapel.tasks.kinds import task_of
from lapel.training.input.row_cache import RowCache, Rows, make_missing

#: Share of the free memory that the maps of a task may take.
RESIDENT_SHARE = 0.2

#: Changed when the same label map becomes another target.
VERSION = 1


class CachedMaps:
    """Maps in a cache on the disk, each read when it is asked for."""

    def __init__(self, cache: RowCache, digests: Sequence[str]) -> None:
        self._cache = cache
        self._digests = digests

    def __len__(self) -> int:
        return len(self._digests)

    def __getitem__(self, rows: Tensor) -> Tensor:
        """Some of them, by number, uint8 (n, H, W)."""
        return torch.from_numpy(
            np.stack([self._cache.row(self._digests[int(row)]) for row in rows])
        )

    @property
    def device(self) -> torch.device:
        """The CPU, where the disk is."""
        return torch.device("cpu")

    def only(self, rows: Tensor) -> CachedMaps:
        """Some of them, by number, not yet read."""
        return CachedMaps(self._cache, [self._digests[int(row)] for row in rows])


@dataclass(frozen=True, slots=True, kw_only=True)
class MapMaking:
    """All that making the maps of a task needs.

    Attributes:
        task: whose they are.
        labels: of each picture.
        frames: how the canvas shows each picture.
        track: shows how far it is.
        say: told of what is worth a line.
    """

    task: Task
    labels: MaskLabels
    frames: Sequence[Frame]
    track: Track
    say: Callable[[str], None]

    @property
    def shape(self) -> tuple[int, int]:
        """Of a map: height and width of the canvas."""
        return self.frames[0].height, self.frames[0].width

    def digests(self) -> list[str]:
        """SHA-256 of all that each map depends on, in hexadecimal."""
        return [
            hashlib.sha256(f"{digest} {astuple(frame)}".encode()).hexdigest()
            for digest, frame in zip(self.labels.digests(), self.frames, strict=True)
        ]

    def make(self, rows: Sequence[int]) -> Iterator[Rows]:
        """Maps by number, uint8 (H, W)."""
        for row in self.track(rows, len(rows), f"Reading {self.task.spec.name}"):
            target, _ = self.task.encode([self.labels[row]], [self.frames[row]])
            yield target[0]

    def cache(self) -> RowCache:
        """Where maps made like this are kept."""
        facts = {"version": VERSION, "classes": len(self.task.spec.labels)}
        return RowCache.of("class-maps", facts, self.shape, np.uint8)


def class_map_targets(
    spec: TaskSpec,
    labels: MaskLabels,
    frames: Sequence[Frame],
    *,
    device: torch.device,
    memory: int,
    cached: bool,
    track: Track,
    say: Callable[[str], None],
) -> tuple[Targets, Tensor]:
    """Targets and weights of a task whose labels are maps.

    Args:
        spec: the task.
        labels: of each picture.
        frames: how the canvas shows each picture, at least one.
        device: where they go if they fit.
        memory: free bytes on it.
        cached: whether maps may be kept on the disk.
        track: shows how far it is.
        say: told of what is worth a line.

    Returns:
        uint8 (N, H, W), ``UNKNOWN_CLASS`` where nobody knows; and float32 (N,), 0 for pictures
        without a map.

    Raises:
        DatasetError: a map that cannot be read.
    """
    making = MapMaking(task=task_of(spec), labels=labels, frames=frames, track=track, say=say)
    digests = making.digests()
    cache = making.cache() if cached else None
    weight = torch.tensor([float(known) for known in labels.known()], device=device)
    size = len(labels) * making.shape[0] * making.shape[1]
    if cache is not None and size > RESIDENT_SHARE * memory:
        for _ in make_missing(cache, digests, making.make, say=say):
            pass
        if cache.known(digests).all():
            return CachedMaps(cache, digests), weight
    maps = np.empty((len(labels), *making.shape), np.uint8)
    for row, found in make_missing(cache, digests, making.make, say=say):
        maps[row] = found
    return torch.from_numpy(maps).to(device), weight
