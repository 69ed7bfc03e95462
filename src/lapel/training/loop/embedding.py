"""Vectors that are learned beside the tasks: pictures of one item are to lie close together."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from lapel.metrics.retrieval import NO_ITEM, RetrievalCounts, places_of
from lapel.models.heads.base import Raw
from lapel.schema.outputs import EMBEDDING
from lapel.training.recipe_parts import EmbeddingPart

#: The number by which epochs are compared where vectors are learned.
METRIC = "map_at_r"


def metric_loss(options: EmbeddingPart, items: Tensor | None) -> nn.Module | None:
    """The loss of vectors, for the items of the training pictures; None where none is learned."""
    if options.loss == "none" or items is None:
        return None
    from lapel.models.metric_loss import MetricLoss  # noqa: PLC0415 - a library for few runs

    return MetricLoss(options.loss, int(items.max()) + 1, options.width)


def vectors_in(said: Mapping[str, Raw]) -> list[Tensor]:
    """The vectors among what a network said of a batch, float32 (n, width); none, or one tensor."""
    vectors = said.get(EMBEDDING)
    return [vectors.float()] if isinstance(vectors, Tensor) else []


def retrieval_counts(vectors: Tensor, numbers: Tensor) -> RetrievalCounts:
    """How well each picture finds the others of its item among all.

    Args:
        vectors: float (N, width).
        numbers: of items, int64 (N,).
    """
    items = numbers.cpu().numpy()
    unit = torch.nn.functional.normalize(vectors.float(), dim=1).cpu().numpy()
    known = np.flatnonzero(items != NO_ITEM)
    places = places_of(unit[known], unit, items[known], items, itself=known)
    return RetrievalCounts.of(places)


def embedding_loss(
    loss: nn.Module | None,
    said: Mapping[str, Raw],
    items: Tensor | None,
    options: EmbeddingPart,
) -> Tensor | float:
    """The weighted loss of the vectors among what a network said; 0 where none are learned."""
    if loss is None or items is None:
        return 0.0
    value: Tensor = options.weight * loss(said[EMBEDDING], items)
    return value
