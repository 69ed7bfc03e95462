"""Answers and truth of tags, drawn at random, for tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lapel.metrics.tags import TaggedImages


def drawn(
    images: int = 200, labels: int = 6, *, seed: int = 0, known: float = 0.8, rarest: float = 0.05
) -> TaggedImages:
    """Tags that the probabilities know something of, with many equal probabilities."""
    random = np.random.default_rng(seed)
    rates = np.linspace(rarest, 0.6, labels)
    target = (random.random((images, labels)) < rates).astype(np.uint8)
    noise = random.random((images, labels))
    return TaggedImages(
        probabilities=np.round(0.6 * noise + 0.4 * target, 2).astype(np.float64),
        target=target,
        weight=(random.random((images, labels)) < known).astype(np.uint8),
        thresholds=np.linspace(0.3, 0.7, labels),
    )


def tagged(
    probabilities: list[list[float]],
    target: list[list[int]],
    weight: list[list[int]] | None = None,
    *,
    threshold: float = 0.5,
) -> TaggedImages:
    """A few images by hand."""
    truth: NDArray[np.uint8] = np.array(target, np.uint8)
    return TaggedImages(
        probabilities=np.array(probabilities, np.float64),
        target=truth,
        weight=np.ones_like(truth) if weight is None else np.array(weight, np.uint8),
        thresholds=np.full(truth.shape[1], threshold),
    )
