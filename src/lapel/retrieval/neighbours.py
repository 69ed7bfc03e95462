"""The nearest vectors of queries, and the face of what finds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Neighbours:
    """The nearest vectors of each query, the nearest first.

    Attributes:
        rows: of the vectors, int64 (queries, count); -1 where nothing more was found.
        similarities: cosines, float32 (queries, count), falling.
    """

    rows: NDArray[np.int64]
    similarities: NDArray[np.float32]


class Nearest(Protocol):
    """What was built on some vectors and finds the nearest of them."""

    def search(self, queries: NDArray[np.float32], count: int) -> Neighbours:
        """The ``count`` nearest of each query, or all there are; queries float32 (Q, width)."""
        ...
