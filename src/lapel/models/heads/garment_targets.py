"""Targets of ``garments`` tasks in training: ragged, and drawn on the canvas when asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Self

import numpy as np
import torch
from torch import Tensor

from lapel.models.heads.garment_truth import truth_of
from lapel.schema.garments import Garments
from lapel.schema.labels import TaskSpec
from lapel.tasks.encoded_garments import EncodedGarments


class PictureTruth(NamedTuple):
    """:class:`~lapel.models.heads.garment_truth.Truth` as tensors on a device."""

    boxes: Tensor
    labels: Tensor
    masks: Tensor
    masked: Tensor
    points: Tensor
    placed: Tensor
    visible: Tensor
    crowds: Tensor


class GarmentTargets:
    """The garments of some pictures, and how the contents of each were moved.

    It behaves like a tensor (N, ...) as far as training asks: a length, rows by number, a device.

    Args:
        encoded: as the task encodes them.
        device: where what is drawn goes.
        moves: float32 (N, 2, 3) on the CPU, as of ``Learned.moved``; None: as they were.
    """

    def __init__(
        self, encoded: EncodedGarments, device: torch.device, moves: Tensor | None = None
    ) -> None:
        self._encoded = encoded
        self.device = device
        self._moves = torch.eye(2, 3).expand(len(encoded), 2, 3) if moves is None else moves

    def __len__(self) -> int:
        return len(self._encoded)

    def __getitem__(self, rows: Tensor) -> GarmentTargets:
        chosen = rows.cpu()
        encoded = self._encoded.chosen(chosen.tolist())
        return GarmentTargets(encoded, self.device, self._moves[chosen])

    def to(self, device: torch.device) -> GarmentTargets:
        """The same, drawn on another device."""
        return GarmentTargets(self._encoded, device, self._moves)

    def detach(self) -> Self:
        """As it is: nothing here has a gradient."""
        return self

    def cpu(self) -> GarmentTargets:
        """The same, drawn on the CPU."""
        return self.to(torch.device("cpu"))

    def numpy(self) -> EncodedGarments:
        """As the task encoded them, to be scored; they have to lie where they lay.

        Raises:
            ValueError: they were moved.
        """
        if not torch.equal(self._moves, torch.eye(2, 3).expand_as(self._moves)):
            raise ValueError("garments that were moved are learned from, not scored")
        return self._encoded

    def moved(self, moves: Tensor) -> GarmentTargets:
        """After further moves, float32 (N, 2, 3), as of ``Learned.moved``."""
        before, then = self._moves, moves.float().cpu()
        linear = then[:, :, :2] @ before[:, :, :2]
        offset = then[:, :, :2] @ before[:, :, 2:] + then[:, :, 2:]
        return GarmentTargets(self._encoded, self.device, torch.cat([linear, offset], 2))

    def truths(self, spec: TaskSpec) -> Iterator[PictureTruth]:
        """What is to be found in each picture; nothing where nobody knows."""
        for row, (garments, frame) in enumerate(self._encoded):
            move = self._moves[row].numpy().astype(np.float64)
            truth = truth_of(spec, garments or Garments(), frame, move)
            yield PictureTruth(*(torch.from_numpy(part).to(self.device) for part in truth))
