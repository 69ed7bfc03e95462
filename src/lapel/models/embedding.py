"""The vector of a picture: what a network sees in it, before it puts names to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from lapel.models.heads.labels import pooling


class EmbeddingHead(nn.Module):
    """Features (N, width, h, w) to a vector a picture (N, numbers).

    Args:
        width: channels of the features.
        options: ``pool`` (``average``, ``max``), and ``embedding``: numbers of a vector that is
            learned from the pooled features; 0 or nothing: those as they are.

    Attributes:
        learned: whether the vectors are learned.
    """

    def __init__(self, width: int, options: Mapping[str, Any]) -> None:
        super().__init__()
        numbers = int(options.get("embedding", 0))
        self.pool = pooling(options)
        self.learned = numbers > 0
        self.linear = nn.Linear(width, numbers) if self.learned else nn.Identity()

    def forward(self, features: Tensor) -> Tensor:
        """Features (N, width, h, w), pooled or not, to vectors (N, numbers)."""
        vectors: Tensor = self.linear(self.pool(features).flatten(1))
        return vectors
