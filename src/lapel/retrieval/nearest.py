"""What finds the nearest of many vectors: exactly, or in a graph (an extra) that is far quicker.

Vectors have length 1, so that the inner product is the cosine of the angle between two.
Adding a way is adding its class and a line to ``WAYS``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lapel.retrieval.neighbours import Nearest, Neighbours
from lapel.schema.errors import MissingExtraError, UsageError

#: Up to so many pictures every one is compared: that takes milliseconds, and misses nothing.
EXACT_UP_TO = 100_000

#: Vectors, and queries, that are compared at a time.
BLOCK, QUERIES = 1 << 15, 256


class Exact:
    """Compares with every vector.

    Args:
        vectors: of length 1, float32 (N, width); a memory map will do.
    """

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        self._vectors = vectors

    def search(self, queries: NDArray[np.float32], count: int) -> Neighbours:
        """The nearest of each query among all vectors."""
        count = min(count, len(self._vectors))
        parts = [
            self._search(queries[start : start + QUERIES], count)
            for start in range(0, max(1, len(queries)), QUERIES)
        ]
        return Neighbours(
            rows=np.concatenate([rows for rows, _ in parts]),
            similarities=np.concatenate([similarities for _, similarities in parts]),
        )

    def _search(self, queries: NDArray[np.float32], count: int) -> Best:
        rows = np.zeros((len(queries), 0), np.int64)
        similarities = np.zeros((len(queries), 0), np.float32)
        for start in range(0, len(self._vectors), BLOCK):
            block = queries @ self._vectors[start : start + BLOCK].T
            kept, best = _best(block, count)
            # The best so far, and the best of this block: the best of both.
            rows = np.concatenate([rows, kept + start], axis=1)
            similarities = np.concatenate([similarities, best], axis=1)
            order, similarities = _best(similarities, count)
            rows = np.take_along_axis(rows, order, axis=1)
        return rows, similarities


#: Columns int64 (lines, count) and the values there, float32 (lines, count), falling.
Best = tuple[NDArray[np.int64], NDArray[np.float32]]


def _best(similarities: NDArray[np.float32], count: int) -> Best:
    """The ``count`` highest of each line, or all there are, the highest first."""
    width = similarities.shape[1]
    if width > count:
        kept = np.argpartition(similarities, width - count, axis=1)[:, width - count :]
    else:
        kept = np.broadcast_to(np.arange(width), similarities.shape)
    values = np.take_along_axis(similarities, kept, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    return np.take_along_axis(kept, order, axis=1), np.take_along_axis(values, order, axis=1)


def recall_of(
    nearest: Nearest, vectors: NDArray[np.float32], *, count: int = 10, sample: int = 200
) -> float:
    """The share of the truly nearest vectors that a way finds, on a sample of its own vectors.

    Args:
        nearest: what is tried.
        vectors: all that it was built on, float32 (N, width).
        count: how many are looked for.
        sample: how many vectors are looked for with, drawn by a fixed seed.
    """
    drawn = np.random.default_rng(0).permutation(len(vectors))[:sample]
    queries = np.ascontiguousarray(vectors[np.sort(drawn)])
    found = nearest.search(queries, count).rows
    truth = Exact(vectors).search(queries, count).rows
    shared = [len(np.intersect1d(*pair)) for pair in zip(found, truth, strict=True)]
    return float(np.sum(shared) / truth.size)


def build_graph(vectors: NDArray[np.float32], path: Path) -> Nearest:
    """A graph over vectors, kept in a file.

    Raises:
        MissingExtraError: the library is not installed.
    """
    need_library()
    from lapel.retrieval.graph import Graph  # noqa: PLC0415 - an extra, loaded where it is used

    return Graph.build(vectors, path)


def open_graph(path: Path) -> Nearest:
    """The graph in a file that :func:`build_graph` wrote.

    Raises:
        MissingExtraError: the library is not installed.
    """
    need_library()
    from lapel.retrieval.graph import Graph  # noqa: PLC0415 - as above

    return Graph.open(path)


def need_library() -> None:
    """See that a graph can be made.

    Raises:
        MissingExtraError: its library is not installed.
    """
    try:
        import faiss  # noqa: F401, PLC0415 - only whether it is there
    except ModuleNotFoundError as error:
        raise MissingExtraError(extra="search", need="an index of kind 'hnsw'") from error


#: Kind of index to what opens the file of one; ``exact`` opens the vectors themselves.
WAYS: dict[str, Callable[[Path], Nearest]] = {
    "exact": lambda path: Exact(np.load(path, mmap_mode="r", allow_pickle=False)),
    "hnsw": open_graph,
}


def chosen_kind(kind: str, pictures: int) -> str:
    """The kind of a name; ``auto`` is exact where that is quick enough.

    Raises:
        UsageError: no such kind.
    """
    if kind == "auto":
        return "exact" if pictures <= EXACT_UP_TO else "hnsw"
    if kind not in WAYS:
        raise UsageError(f"no kind of index {kind!r}; there are: auto, {', '.join(WAYS)}")
    return kind
