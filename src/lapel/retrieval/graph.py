"""Approximate neighbours: a navigable small world graph, as faiss builds it.

The method is HNSW (Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search
using Hierarchical Navigable Small World graphs", arXiv 1603.09320). Of the two libraries that were
tried, usearch (2.26.6) ended the process where it was imported before ONNX Runtime (1.31.1).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import faiss
import numpy as np
from numpy.typing import NDArray

from lapel.retrieval.neighbours import Neighbours
from lapel.schema.errors import StorageError

#: Neighbours that each vector keeps (M of the paper), and how wide the graph is walked while it
#: grows (efConstruction) and while it is searched (efSearch). Chosen by ``benchmarks/search.py``.
CONNECTIVITY = 16
EXPANSION_ADD = 128
EXPANSION_SEARCH = 128

#: Each number of a vector takes 16 bits in the graph: half the memory, and hardly a neighbour less.
PRECISION = faiss.ScalarQuantizer.QT_fp16


class Graph:
    """Finds most of the nearest vectors, in a small part of the time that all would take."""

    def __init__(self, index: Any) -> None:  # noqa: ANN401 - of faiss: see build
        index.hnsw.efSearch = EXPANSION_SEARCH
        self._index = index

    @classmethod
    def build(cls, vectors: NDArray[np.float32], path: Path) -> Self:
        """A graph over vectors of length 1, float32 (N, width), written to a file."""
        # faiss has types, which leave out this way to call it.
        make: Any = faiss.IndexHNSWSQ
        index = make(vectors.shape[1], PRECISION, CONNECTIVITY, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = EXPANSION_ADD
        index.train(vectors[:1])  # 16-bit numbers learn nothing; it wants to be asked all the same
        index.add(np.ascontiguousarray(vectors))
        faiss.write_index(index, str(path))
        return cls(index)

    @classmethod
    def open(cls, path: Path) -> Self:
        """The graph of a file.

        Raises:
            StorageError: faiss cannot read it.
        """
        try:
            return cls(faiss.read_index(str(path)))
        except RuntimeError as error:
            raise StorageError(
                f"{path} could not be read ({error}); build the index again, or search it with "
                "the version of faiss that wrote it"
            ) from error

    def search(self, queries: NDArray[np.float32], count: int) -> Neighbours:
        """The nearest of each query, as far as the graph leads to them; -1 where it does not."""
        similarities, rows = self._index.search(
            np.ascontiguousarray(queries), min(count, self._index.ntotal)
        )
        return Neighbours(rows=rows, similarities=similarities)
