"""How well a gallery is searched: from the places at which each query finds its own item.

Published code disagrees on what "top-k" means, so both readings have a name here: the *hit rate*
at k is the share of queries with a picture of the same item among the k nearest (what the papers
of DeepFashion call top-k retrieval accuracy; Liu et al., "DeepFashion", CVPR 2016, section 5);
the *recall* at k is the mean share of a query's pictures that are among them. ``map_at_r`` is
MAP@R (Musgrave et al., "A Metric Learning Reality Check", ECCV 2020, arXiv 2003.08505, section
3.2), ``ndcg_at_k`` the normalised gain of Järvelin and Kekäläinen (2002) with gains of 0 and 1.

Equal similarities count against a query: what is wrong stands before what is right. A network
that gives the same vector to every picture then finds nothing, whatever the gallery's order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

#: The k of the numbers at k.
DEPTHS = (1, 5, 10, 20, 50)

#: Similarities that are held at a time while places are looked for.
BLOCK = 1 << 24

#: Stands for "belongs to no item": it is never right.
NO_ITEM = -1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Places:
    """At which places of its ranking each query finds its own item.

    Attributes:
        places: of the right pictures, counted from 1, rising within a query, int64 (right,).
        starts: where each query's places begin, and the end, int64 (queries + 1,).
    """

    places: NDArray[np.int64]
    starts: NDArray[np.int64]

    @property
    def sizes(self) -> NDArray[np.int64]:
        """How many pictures of its item the gallery holds for each query, int64 (queries,)."""
        return np.diff(self.starts)

    @property
    def first(self) -> NDArray[np.int64]:
        """The first right place of each query, int64 (queries,); 0 where there is none."""
        sizes = self.sizes
        first = np.zeros(len(sizes), np.int64)
        first[sizes > 0] = self.places[self.starts[:-1][sizes > 0]]
        return first


#: No query at all.
NOTHING_FOUND = Places(places=np.zeros(0, np.int64), starts=np.zeros(1, np.int64))


def places_of(
    queries: NDArray[np.float32],
    gallery: NDArray[np.float32],
    query_items: NDArray[np.int64],
    gallery_items: NDArray[np.int64],
    itself: NDArray[np.int64] | None = None,
) -> Places:
    """Rank the whole gallery for each query, exactly, and find its own item.

    Args:
        queries: vectors of length 1, float32 (Q, width).
        gallery: likewise, (G, width).
        query_items: number of each query's item, int64 (Q,); ``NO_ITEM``: of none.
        gallery_items: likewise, (G,).
        itself: the query's own row in the gallery, int64 (Q,), which is left out of its
            ranking; below 0: it is not there. None: no query is there.
    """
    order = np.argsort(gallery_items, kind="stable")
    ordered = gallery_items[order]
    low = np.searchsorted(ordered, query_items, "left")
    high = np.where(query_items == NO_ITEM, low, np.searchsorted(ordered, query_items, "right"))
    found: list[NDArray[np.int64]] = []
    for row, line in enumerate(_lines(queries, gallery)):
        right = order[low[row] : high[row]]
        own = NO_ITEM if itself is None else int(itself[row])
        if own >= 0:
            right = right[right != own]
            line[own] = -np.inf
        found.append(_places(line, right))
    sizes = [len(places) for places in found]
    return Places(
        places=np.concatenate(found) if found else np.zeros(0, np.int64),
        starts=np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int64),
    )


def _lines(
    queries: NDArray[np.float32], gallery: NDArray[np.float32]
) -> Iterator[NDArray[np.float32]]:
    """The similarities of each query to the gallery, (G,), a block of queries at a time."""
    step = max(1, BLOCK // max(1, len(gallery)))
    for start in range(0, len(queries), step):
        yield from queries[start : start + step] @ gallery.T


def _places(line: NDArray[np.float32], right: NDArray[np.int64]) -> NDArray[np.int64]:
    """Places of the right pictures in a ranking by falling similarity."""
    if not len(right):
        return np.zeros(0, np.int64)
    scores = np.sort(line[right])[::-1]
    as_near = len(line) - np.searchsorted(np.sort(line), scores, "left")
    right_as_near = np.searchsorted(-scores, -scores, "right")
    return np.asarray(as_near - right_as_near + np.arange(1, len(scores) + 1), np.int64)


def per_query(places: Places, depths: Sequence[int] = DEPTHS) -> dict[str, NDArray[np.float64]]:
    """Every number of each query that has something to find.

    Args:
        places: of all queries; those whose item the gallery does not hold are left out.
        depths: the k of the numbers at k.

    Returns:
        ``hit_rate_at_k``, ``recall_at_k`` and ``ndcg_at_k`` for each k, ``map_at_r`` and ``mrr``
        (one over the first right place); each float64 (queries with something to find,), 0 to 1.
    """
    sizes = places.sizes[places.sizes > 0]
    query = np.repeat(np.arange(len(sizes)), sizes)
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    number = np.arange(len(places.places)) - starts[query] + 1

    def added(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.bincount(query, weights=values, minlength=len(sizes)), np.float64)

    gain = 1 / np.log2(1.0 + places.places)
    ideal = np.cumsum(1 / np.log2(2.0 + np.arange(max(depths))))
    numbers: dict[str, NDArray[np.float64]] = {}
    for depth in depths:
        within = (places.places <= depth).astype(np.float64)
        found = added(within)
        numbers[f"hit_rate_at_{depth}"] = (found > 0).astype(np.float64)
        numbers[f"recall_at_{depth}"] = found / sizes
        numbers[f"ndcg_at_{depth}"] = added(within * gain) / ideal[np.minimum(sizes, depth) - 1]
    within_r = places.places <= sizes[query]
    numbers["map_at_r"] = added(within_r * number / places.places) / sizes
    numbers["mrr"] = 1 / places.places[starts[:-1]]
    return numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrievalCounts:
    """Sums over queries, which add up over batches of queries against one gallery.

    Attributes:
        queries: with something to find.
        without_match: queries whose item the gallery does not hold; they are in no number.
        sums: number's name to its sum over the queries.
    """

    queries: int
    without_match: int
    sums: Mapping[str, float]

    @classmethod
    def of(cls, places: Places, depths: Sequence[int] = DEPTHS) -> Self:
        """The counts of some queries."""
        searched = int((places.sizes > 0).sum())
        return cls(
            queries=searched,
            without_match=len(places.sizes) - searched,
            sums={name: float(each.sum()) for name, each in per_query(places, depths).items()},
        )

    def __add__(self, other: Self) -> Self:
        """The counts of both together."""
        return type(self)(
            queries=self.queries + other.queries,
            without_match=self.without_match + other.without_match,
            sums={name: value + other.sums[name] for name, value in self.sums.items()},
        )

    def numbers(self) -> dict[str, float]:
        """Means over the queries with something to find; NaN where there is none."""
        if not self.queries:
            return dict.fromkeys(self.sums, float("nan"))
        return {name: value / self.queries for name, value in self.sums.items()}
