"""Balanced sampling: pictures of rare labels come as often as those of common ones."""

from __future__ import annotations

import torch
from torch import Tensor


def row_weights(target: Tensor, weight: Tensor) -> Tensor:
    """How often each training picture is drawn, against the others.

    Each label is drawn equally often: a picture weighs one over the number of pictures of its
    label. Of several tags the rarest decides, as in the repeat factors of Gupta et al. 2019
    (arXiv 1908.03195, section 5.2); pictures without any tag are a label of their own. Pictures
    of which nothing is known are drawn as often as the average one.

    Args:
        target: encoded labels of one task, (N,) of a ``single_label``, (N, labels) of tags.
        weight: of the same shape, 0 where unknown.

    Returns:
        float64 (N,), positive.
    """
    known = weight > 0
    if not known.any():
        return torch.ones(len(target), dtype=torch.float64)
    if target.ndim == 1:
        counts = torch.bincount(target[known]).double()
        drawn = 1 / counts[target.clamp(max=len(counts) - 1)].clamp(min=1)
    else:
        holds = known & (target > 0)
        known = known.any(1)
        drawn = _rarest(torch.cat([holds, (known & ~holds.any(1))[:, None]], 1))
    drawn[~known] = drawn[known].mean()
    return drawn.cpu()


def _rarest(holds: Tensor) -> Tensor:
    """Labels that hold, bool (N, labels), to one over the count of each picture's rarest."""
    labels = holds.double()
    rarest: Tensor = (labels / labels.sum(0).clamp(min=1)).amax(1)
    return rarest


def balanced_order(weights: Tensor, generator: torch.Generator) -> Tensor:
    """As many row numbers as there are rows, drawn by weight, each as often as it comes."""
    return torch.multinomial(weights, len(weights), replacement=True, generator=generator)
