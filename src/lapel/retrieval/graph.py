"""Approximate neighbours: a navigable small world graph, as usearch builds it.

The method is HNSW (Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search
using Hierarchical Navigable Small World graphs", arXiv 1603.09320).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from usearch.index import Index

from lapel.inference.engines import usable_cores
from lapel.retrieval.nearest import Neighbours

#: Neighbours that each vector keeps (M of the paper), and how wide the graph is walked while it
#: grows (efConstruction) and while it is searched (ef). Chosen by ``benchmarks/search.py``.
CONNECTIVITY = 16
EXPANSION_ADD = 128
EXPANSION_SEARCH = 128

#: Of each number in the graph: half the memory, and no neighbour is lost by it.
PRECISION = "f16"


class Graph:
    """Finds most of the nearest vectors, in a small part of the time that all would take."""

    def __init__(self, index: Any) -> None:  # noqa: ANN401 - usearch's class carries no types
        self._index = index

    @classmethod
    def build(cls, vectors: NDArray[np.float32], path: Path) -> Self:
        """A graph over vectors of length 1, float32 (N, width), written to a file."""
        index = Index(
            ndim=vectors.shape[1],
            metric="ip",
            dtype=PRECISION,
            connectivity=CONNECTIVITY,
            expansion_add=EXPANSION_ADD,
            expansion_search=EXPANSION_SEARCH,
        )
        index.add(np.arange(len(vectors)), vectors, threads=usable_cores())
        index.save(str(path))
        return cls(index)

    @classmethod
    def open(cls, path: Path) -> Self:
        """The graph of a file, read as it is needed."""
        return cls(Index.restore(str(path), view=True))

    def search(self, queries: NDArray[np.float32], count: int) -> Neighbours:
        """The nearest of each query, as far as the graph leads to them."""
        count = min(count, len(self._index))
        matches = self._index.search(np.atleast_2d(queries), count, threads=usable_cores())
        rows = np.asarray(matches.keys, np.int64).reshape(len(queries), -1)
        distances = np.asarray(matches.distances, np.float32).reshape(len(queries), -1)
        return Neighbours(rows=rows, similarities=1 - distances)
