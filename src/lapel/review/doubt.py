"""How much a model doubts its own answer, and in which order people should look at photos.

Every answer is brought to one form: probabilities (..., options) that sum to 1 along the last
axis. One of several labels is one such row, each tag and each landmark one of two options, each
pixel one of as many as there are classes. All doubts run from 0, sure, to 1, anybody's guess.

Sources: uncertainty sampling, Lewis and Gale, "A Sequential Algorithm for Training Text
Classifiers", SIGIR 1994 (least confident); Scheffer, Decomain and Wrobel, "Active Hidden Markov
Models for Information Extraction", IDA 2001 (margin); Settles, "Active Learning Literature
Survey", University of Wisconsin-Madison, TR 1648, 2009, section 3.1 (all three, with entropy).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from lapel.schema.errors import UsageError

#: Photos among which the next one is chosen: the most doubtful of those that are left.
POOL = 1000

#: Photos shown last that the first ones of the next pool should not resemble.
REMEMBERED = 200

#: Photos are alike that are nearer to each other than all but so many of a pool's pairs. Of 0.01,
#: 0.05 and 0.2, tried with linear heads on clothing-dataset-small (five draws, 200 to 1,000 labels)
#: and on Fashion-MNIST (two), the least gave the best models: up to 1.3 points ahead of the doubt
#: alone on the one, up to 0.7 behind on the other; in the end they were alike.
ALIKE_SHARE = 0.01

#: Distances (1 less the cosine) below which photos are alike whatever the others are.
ALIKE = 0.01

Probabilities = NDArray[np.float64]


def entropy(probabilities: Probabilities) -> NDArray[np.float64]:
    """Shannon's entropy, as a share of the most that so many options can have.

    Args:
        probabilities: (..., options).

    Returns:
        float64 (...), 0 to 1.
    """
    options = probabilities.shape[-1]
    if options < 2:
        return np.zeros(probabilities.shape[:-1])
    return np.asarray(_bits(probabilities).sum(axis=-1) / np.log2(options))


def margin(probabilities: Probabilities) -> NDArray[np.float64]:
    """1 less the lead of the best option over the second best.

    Args:
        probabilities: (..., options).

    Returns:
        float64 (...), 0 to 1.
    """
    if probabilities.shape[-1] < 2:
        return np.zeros(probabilities.shape[:-1])
    best = np.partition(probabilities, -2, axis=-1)
    return np.asarray(1.0 - (best[..., -1] - best[..., -2]))


def least_confident(probabilities: Probabilities) -> NDArray[np.float64]:
    """What the best option lacks of certainty, as a share of the most that it can lack.

    Args:
        probabilities: (..., options).

    Returns:
        float64 (...), 0 to 1.
    """
    options = probabilities.shape[-1]
    if options < 2:
        return np.zeros(probabilities.shape[:-1])
    return np.asarray((1.0 - probabilities.max(axis=-1)) * options / (options - 1))


Measure = Callable[[Probabilities], NDArray[np.float64]]

#: What measures a model's own doubt, by the name that a user types.
MEASURES: Mapping[str, Measure] = {
    "entropy": entropy,
    "margin": margin,
    "least-confident": least_confident,
}


def measure_of(name: str) -> Measure:
    """The measure of a name.

    Raises:
        UsageError: there is none; the message lists those there are.
    """
    if name not in MEASURES:
        raise UsageError(
            f"doubt is not measured by {name!r}; choose one of: {', '.join(MEASURES)}, disagreement"
        )
    return MEASURES[name]


def disagreement(first: Probabilities, second: Probabilities) -> NDArray[np.float64]:
    """How far two answers are apart: of two models, or of a model and the label that stands.

    The Jensen-Shannon divergence in bits (Lin, "Divergence Measures Based on the Shannon Entropy",
    IEEE Transactions on Information Theory 37, 1991, equation 4.1, of equal weights). A label that
    somebody gave is an answer of which one option has probability 1; the less the model thinks of
    that option, the further they are apart.

    Args:
        first: (..., options).
        second: of the same shape.

    Returns:
        float64 (...): 0 where they are equal, 1 where they share nothing.
    """
    together = _bits((first + second) / 2).sum(axis=-1)
    apart = (_bits(first).sum(axis=-1) + _bits(second).sum(axis=-1)) / 2
    return np.asarray(np.clip(together - apart, 0.0, 1.0))


def _bits(probabilities: Probabilities) -> NDArray[np.float64]:
    """``-p log2 p``, which is 0 where p is."""
    logarithms = np.zeros_like(probabilities)
    np.log2(probabilities, out=logarithms, where=probabilities > 0)
    return -probabilities * logarithms


def yes_or_no(probabilities: NDArray[np.float64]) -> Probabilities:
    """Probabilities of a yes (...) as two options each (..., 2): no, yes."""
    return np.stack([1.0 - probabilities, probabilities], axis=-1)


def told_or_not(scores: NDArray[np.float64], threshold: float) -> Probabilities:
    """Scores of found garments (...) as two options each (..., 2): left out, told.

    Nothing is more doubtful than a score that is the threshold, wherever that lies.

    Args:
        scores: 0 to 1.
        threshold: the score from which a garment is told, 0 to 1.
    """
    below = scores / max(2 * threshold, 1e-9)
    above = 1.0 - (1.0 - scores) / max(2 * (1.0 - threshold), 1e-9)
    return yes_or_no(np.clip(np.where(scores < threshold, below, above), 0.0, 1.0))


def one_hot(positions: NDArray[np.int64], options: int) -> Probabilities:
    """Labels that somebody gave, as positions (...), in the form of answers (..., options)."""
    return np.asarray(np.eye(options)[positions])


def mean_where(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of each row of (N, units) by weights of the same shape; NaN where all are 0."""
    total = weights.sum(axis=1)
    mean = np.full(len(values), np.nan)
    np.divide((values * weights).sum(axis=1), total, out=mean, where=total > 0)
    return mean


def most_doubtful(doubt: NDArray[np.float64], count: int | None = None) -> NDArray[np.int64]:
    """Positions, the most doubtful first; equals keep their order, what is NaN comes last.

    Args:
        doubt: float64 (N,).
        count: how many; None: all.
    """
    known = np.where(np.isnan(doubt), -np.inf, doubt)
    return np.argsort(-known, kind="stable")[:count]


def diverse(
    doubt: NDArray[np.float64],
    vectors: NDArray[np.floating],
    *,
    count: int | None = None,
    pool: int = POOL,
) -> NDArray[np.int64]:
    """Positions, doubtful ones first, of which none is much like those before it.

    A model that doubts one photo doubts its near-twins as well, and to answer all of them teaches
    little more than to answer one. Of the ``pool`` most doubtful photos, the next is always the one
    of the largest product of its doubt and its distance to what was chosen already (1 less the
    largest cosine), where all distances count the same that are beyond those of photos alike: one
    that is like no other is no better for it. So near-twins wait, and nothing else. To choose
    within a pool of doubtful photos follows Citovsky et al., "Batch Active Learning at Scale",
    NeurIPS 2021; the farthest ones first (Sener and Savarese, "Active Learning for Convolutional
    Neural Networks: A Core-Set Approach", ICLR 2018, algorithm 1) brought up outliers, from which
    models learned less than without any of it.

    Args:
        doubt: float64 (N,), 0 to 1.
        vectors: (N, width), of any length: their directions are near where photos are alike.
        count: how many; None: all, pool by pool.
        pool: photos to choose among; time grows with its square, not with all photos'.

    Returns:
        int64 (count,).

    Raises:
        UsageError: not as many vectors as doubts, or a pool of none.
    """
    if len(doubt) != len(vectors) or pool < 1:
        raise UsageError(
            f"expected a vector for each of {len(doubt)} doubts, found {len(vectors)}, and a pool "
            f"of 1 or more, found {pool}"
        )
    order = most_doubtful(doubt)
    count = len(order) if count is None else min(count, len(order))
    chosen = np.empty(0, np.int64)
    for start in range(0, len(order), pool):
        if len(chosen) >= count:
            break
        among = order[start : start + pool]
        before, own = _of_length_1(vectors[chosen[-REMEMBERED:]]), _of_length_1(vectors[among])
        nearest = (own @ before.T).max(axis=1, initial=-1.0)
        picked = _far_apart(doubt[among], own, nearest, count - len(chosen))
        chosen = np.concatenate([chosen, among[picked]])
    return chosen


def _of_length_1(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    """Vectors (N, width) of length 1, in enough digits for the cosine of twins to be 1."""
    wide = vectors.astype(np.float32)
    return np.asarray(wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12))


def _far_apart(
    doubt: NDArray[np.float64],
    vectors: NDArray[np.float32],
    nearest: NDArray[np.float32],
    count: int,
) -> NDArray[np.int64]:
    """Positions in one pool, in the order in which they are chosen.

    Args:
        doubt: float64 (P,), falling.
        vectors: float32 (P, width).
        nearest: the largest cosine to what was chosen before, float32 (P,).
        count: how many at most.
    """
    alike = vectors @ vectors.T
    far = _far(alike)
    # What is NaN comes last; what is sure still comes in an order.
    worth = np.where(np.isnan(doubt), 0.0, doubt + 1e-9)
    left = np.ones(len(doubt), bool)
    picked = []
    for _ in range(min(count, len(doubt))):
        apart = np.clip((1.0 - nearest) / far, 1e-6, 1.0)
        best = int(np.where(left, worth * apart, -np.inf).argmax())
        picked.append(best)
        left[best] = False
        nearest = np.maximum(nearest, alike[best])
    return np.array(picked, np.int64)


def _far(alike: NDArray[np.float32]) -> float:
    """The distance from which on two photos of a pool are not alike, by all cosines (P, P)."""
    if len(alike) < 2:
        return ALIKE
    pairs = 1.0 - alike[np.triu_indices(len(alike), 1)]
    return max(ALIKE, float(np.quantile(pairs, ALIKE_SHARE)))
