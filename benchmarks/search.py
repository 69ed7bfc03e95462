"""A million vectors: how long an index takes to build, what it misses, how many queries a second.

    python -m benchmarks.search --out runs/search --vectors 1000000

The vectors are like those of a shop's photos: of items that lie around the items of their kind, in
a space of fewer directions than there are numbers. Queries are further views of items that are
there. The way that Lapel takes (faiss) stands beside exact search, and beside usearch's graph of
the same size where usearch is installed. With ``--widths`` other lengths of a vector are measured.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.measuring import (
    installed_version,
    markdown_table,
    median,
    surroundings,
    write_results,
)
from lapel.retrieval.graph import (
    CONNECTIVITY,
    EXPANSION_ADD,
    EXPANSION_SEARCH,
    Graph,
)
from lapel.retrieval.nearest import Exact
from lapel.retrieval.neighbours import Nearest, Neighbours
from lapel.storage.machine import usable_cores

#: Pictures of an item, kinds of items, and directions in which vectors truly differ.
VIEWS, KINDS, DIRECTIONS = 8, 400, 48

#: How far items lie around their kind, and pictures around their item.
ITEM_SPREAD, VIEW_SPREAD = 0.7, 0.6

#: Neighbours that are looked for.
COUNT = 10


def main() -> None:
    """Draw vectors, build, search, say what it took."""
    options = parse_options()
    rows, runs = [], []
    for width in options.widths:
        vectors, queries = draw(options.vectors, width, options.queries)
        exact, truth, seconds = timed_exact(vectors, queries)
        rows.append([f"exact, {width} numbers", "0", f"{exact:,.0f}", f"{1 / exact:.4f}", "100.0"])
        runs.append({"way": "exact", "width": width, "queries a second": exact, "s": seconds})
        for name, build in ways().items():
            with tempfile.TemporaryDirectory(dir=options.out) as folder:
                found = measured(build, vectors, queries, truth, Path(folder) / "graph", options)
            runs.append({"way": name, "width": width, **found})
            rows.append(
                [
                    f"{name}, {width} numbers",
                    f"{found['build, s']:.0f}",
                    f"{found['queries a second']:,.0f}",
                    f"{found['one query, s']:.4f}",
                    f"{100 * found['recall']:.1f}",
                ]
            )
            print(rows[-1], flush=True)
    header = [
        f"{options.vectors:,} vectors",
        "build, s",
        "queries a second",
        "one query, s",
        f"recall@{COUNT}, %",
    ]
    content = {
        "surroundings": surroundings(),
        "libraries": {name: installed_version(name) for name in ("usearch", "faiss-cpu")},
        "vectors": options.vectors,
        "graph": [CONNECTIVITY, EXPANSION_ADD, EXPANSION_SEARCH],
        "runs": runs,
    }
    write_results(options.out, name="search", content=content, table=markdown_table(header, rows))


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--vectors", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--widths", type=int, nargs="+", default=[128])
    parser.add_argument("--runs", type=int, default=3, help="searches of which the median is taken")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    return options


def draw(count: int, width: int, queries: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Vectors of length 1 of pictures of items of kinds, and of further pictures of them."""
    random = np.random.default_rng(0)
    items = -(-count // VIEWS)
    turn = random.normal(size=(DIRECTIONS, width)).astype(np.float32) / np.sqrt(DIRECTIONS)
    kinds = random.normal(size=(KINDS, DIRECTIONS)).astype(np.float32)
    centres = kinds[random.integers(0, KINDS, items)]
    centres += ITEM_SPREAD * random.normal(size=centres.shape).astype(np.float32)
    shown = np.repeat(np.arange(items), VIEWS)[:count]
    return (
        _views(centres, shown, turn, random),
        _views(centres, random.integers(0, items, queries), turn, random),
    )


def _views(
    centres: NDArray[np.float32],
    items: NDArray[np.int64],
    turn: NDArray[np.float32],
    random: np.random.Generator,
) -> NDArray[np.float32]:
    vectors = np.empty((len(items), turn.shape[1]), np.float32)
    for start in range(0, len(items), 1 << 16):
        part = centres[items[start : start + (1 << 16)]]
        part = part + VIEW_SPREAD * random.normal(size=part.shape).astype(np.float32)
        block = part @ turn + 0.02 * random.normal(size=(len(part), turn.shape[1]))
        block /= np.linalg.norm(block, axis=1, keepdims=True)
        vectors[start : start + len(part)] = block
    return vectors


def timed_exact(
    vectors: NDArray[np.float32], queries: NDArray[np.float32]
) -> tuple[float, Neighbours, float]:
    """Queries a second of exact search, and what it finds."""
    started = time.perf_counter()
    truth = Exact(vectors).search(queries, COUNT)
    seconds = time.perf_counter() - started
    return len(queries) / seconds, truth, seconds


def ways() -> dict[str, Callable[[NDArray[np.float32], Path], Nearest]]:
    """What builds a graph, by name."""
    found: dict[str, Callable[[NDArray[np.float32], Path], Nearest]] = {"faiss": Graph.build}
    if find_spec("usearch") is not None:
        found["usearch"] = UsearchGraph
    return found


class UsearchGraph:
    """usearch's graph of the same size, of numbers of 16 bits."""

    def __init__(self, vectors: NDArray[np.float32], path: Path) -> None:
        # Behind ONNX Runtime, or the process ends: see lapel.retrieval.graph.
        import_module("onnxruntime")
        self._index = import_module("usearch.index").Index(
            ndim=vectors.shape[1],
            metric="ip",
            dtype="f16",
            connectivity=CONNECTIVITY,
            expansion_add=EXPANSION_ADD,
            expansion_search=EXPANSION_SEARCH,
        )
        self._index.add(np.arange(len(vectors)), vectors, threads=usable_cores())
        self._index.save(str(path))

    def search(self, queries: NDArray[np.float32], count: int) -> Neighbours:
        """The nearest of each query, as far as the graph leads to them."""
        matches = self._index.search(queries, count, threads=usable_cores())
        shape = len(queries), -1
        rows = np.asarray(matches.keys, np.int64).reshape(shape)
        distances = np.asarray(matches.distances, np.float32).reshape(shape)
        return Neighbours(rows=rows, similarities=1 - distances)


def measured(
    build: Callable[[NDArray[np.float32], Path], Nearest],
    vectors: NDArray[np.float32],
    queries: NDArray[np.float32],
    truth: Neighbours,
    path: Path,
    options: argparse.Namespace,
) -> dict[str, Any]:
    """A graph built once and searched some times: all queries together, and one by one."""
    started = time.perf_counter()
    graph = build(vectors, path)
    built = time.perf_counter() - started
    together, single = [], []
    for _ in range(options.runs):
        started = time.perf_counter()
        found = graph.search(queries, COUNT)
        together.append(len(queries) / (time.perf_counter() - started))
        started = time.perf_counter()
        for row in range(100):
            graph.search(queries[row : row + 1], COUNT)
        single.append((time.perf_counter() - started) / 100)
    shared = [len(np.intersect1d(*pair)) for pair in zip(found.rows, truth.rows, strict=True)]
    return {
        "build, s": built,
        "queries a second": median(together),
        "one query, s": median(single),
        "recall": float(np.mean(shared)) / COUNT,
        "file, MiB": path.stat().st_size / (1 << 20),
        "peak memory, MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


if __name__ == "__main__":
    main()
