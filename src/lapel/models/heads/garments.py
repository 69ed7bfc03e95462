"""How garments are learned: by a detector, which needs the targets while it looks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from lapel.models.heads.base import Detected, LabelCounts, Raw
from lapel.models.heads.garment_targets import GarmentTargets
from lapel.schema.errors import RecipeError
from lapel.schema.labels import TaskSpec


class GarmentsLoss(nn.Module):
    """The detector's own loss, on the pictures whose garments are known."""

    def __init__(self, spec: TaskSpec) -> None:
        super().__init__()
        self.spec = spec

    def forward(self, raw: Raw, target: GarmentTargets, weight: Tensor) -> Tensor:
        """What a detector says, targets and weights, both (N, ...), to a scalar."""
        if not isinstance(raw, Detected):
            raise TypeError(f"garments are found by a detector, found {type(raw).__name__}")
        known = torch.nonzero(weight > 0)[:, 0]
        truths = list(target[known].truths(self.spec))
        return raw.detector.loss(raw.said, known, truths)


class LearnedGarments:
    """The learning half of ``garments``."""

    spatial = True
    dense = True

    @staticmethod
    def targets(encoded: Any, device: torch.device) -> GarmentTargets:  # noqa: ANN401 - each kind has its own
        """Encoded garments, drawn batch by batch."""
        return GarmentTargets(encoded, device)

    @staticmethod
    def head(spec: TaskSpec, width: int, options: Mapping[str, Any]) -> nn.Module:  # noqa: ARG004 - as every kind's
        """The detector that a network brings along as option ``finds``.

        Raises:
            RecipeError: it brings none.
        """
        detector: Callable[[TaskSpec, Mapping[str, Any]], nn.Module] | None = options.get("finds")
        if detector is not None:
            return detector(spec, options)
        raise RecipeError(
            f"task '{spec.name}' asks for each garment of a photo, which this network does not "
            "find: --set model.network=mask-rcnn, or leave the task out with --set tasks=[...]"
        )

    @staticmethod
    def counts(spec: TaskSpec, target: Any, weight: Tensor) -> LabelCounts:  # noqa: ANN401, ARG004 - as every kind's
        """Of how many pictures it is known; labels are not counted, as no loss asks for them."""
        known = (weight > 0).sum().float().expand(len(spec.labels)).clone()
        return LabelCounts(yes=torch.zeros_like(known), known=known)

    @staticmethod
    def loss(spec: TaskSpec, counts: LabelCounts, options: Mapping[str, Any]) -> nn.Module:  # noqa: ARG004 - as every kind's
        """See :class:`GarmentsLoss`."""
        return GarmentsLoss(spec)

    @staticmethod
    def answer(raw: Raw) -> Tensor:
        """The garments found, as outputs of the task (N, D, ...); outputs stay what they are."""
        if isinstance(raw, Detected):
            return raw.detector.found(raw.said)
        if not isinstance(raw, Tensor):
            raise TypeError(f"garments are found by a detector, found {type(raw).__name__}")
        return raw

    @staticmethod
    def shown(raw: Raw) -> Tensor | None:  # noqa: ARG004 - as every kind's
        """Nothing."""
        return None

    @staticmethod
    def moved(
        spec: TaskSpec,  # noqa: ARG004 - as every kind's
        target: Any,  # noqa: ANN401 - as every kind's
        weight: Tensor,
        moves: Tensor,
    ) -> tuple[Any, Tensor]:
        """Masks, boxes and points follow their pictures when they are drawn."""
        return target.moved(moves), weight
