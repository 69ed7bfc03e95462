"""The targets of ``garments`` tasks: as many garments a picture as there are, so no array.

A task's ``encode`` gives them, training turns them into what a detector learns from
(``lapel.models.heads.garment_targets``), and a task's ``score`` takes them again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from lapel.imaging.preprocess import Frame
from lapel.schema.annotation import Label
from lapel.schema.errors import UsageError
from lapel.schema.garments import Garments

#: The garments of a picture, None where nobody knows them, and how the canvas shows the picture.
Encoded = tuple[Garments | None, Frame]


class EncodedGarments(Sequence[Encoded]):
    """The garments of pictures and how a network's canvas shows each, read when asked for.

    Polygons of hundreds of thousands of garments would take gigabytes as values: so the labels
    may be a lazy sequence, and pictures are chosen by number.

    Args:
        labels: of each picture, as annotated, in pixels of the upright originals.
        frames: how the canvas shows each of them.

    Raises:
        UsageError: not as many frames as labels.
    """

    def __init__(self, labels: Sequence[Label], frames: Sequence[Frame]) -> None:
        if len(labels) != len(frames):
            raise UsageError(
                f"garments lie in the picture: they need a frame for each of {len(labels)} "
                f"pictures, found {len(frames)}; see Preprocess.frame"
            )
        self._labels = labels
        self._frames = frames
        self._rows: Sequence[int] = range(len(labels))

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, row: int) -> Encoded: ...

    @overload
    def __getitem__(self, row: slice | NDArray[Any]) -> EncodedGarments: ...

    def __getitem__(self, row: int | slice | NDArray[Any]) -> Encoded | EncodedGarments:
        if isinstance(row, slice):
            return self.chosen(range(len(self))[row])
        if isinstance(row, np.ndarray):  # numbers, or a yes or no for each picture
            return self.chosen(np.arange(len(self))[row].tolist())
        place = self._rows[row]
        label = self._labels[place]
        return label if isinstance(label, Garments) else None, self._frames[place]

    def __iter__(self) -> Iterator[Encoded]:
        return (self[row] for row in range(len(self)))

    def chosen(self, rows: Iterable[int]) -> EncodedGarments:
        """Some of the pictures, by number, in this order; nothing is read."""
        part = EncodedGarments(self._labels, self._frames)
        part._rows = [self._rows[row] for row in rows]
        return part
