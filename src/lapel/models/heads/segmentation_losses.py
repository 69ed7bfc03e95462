"""Losses of answers that are a class a pixel: cross-entropy, Dice, Lovász, or their sum."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from lapel.models.deterministic import only_repeatable
from lapel.schema.masks import UNKNOWN_CLASS

#: Joins the names of losses that are added.
PLUS = "+"

#: Logits (N, labels, H, W) and classes int64 (N, H, W), some of which are known, to a scalar.
Part = Callable[[Tensor, Tensor], Tensor]


class SegmentationLoss(nn.Module):
    """The sum of some losses, each compared on the canvas, to which the logits are magnified.

    So the loss compares what is judged; pixels whose class is unknown, and all those of pictures of
    weight 0, have neither loss nor gradient.

    Args:
        names: of ``cross_entropy``, ``dice`` and ``lovasz``.
        weights: float32 (labels,), by which pixels of a class count in the cross-entropy.
        smoothing: of the cross-entropy's targets.
    """

    weights: Tensor

    def __init__(self, names: Sequence[str], *, weights: Tensor, smoothing: float = 0.0) -> None:
        super().__init__()
        # Not persistent: they are counted anew from the training pictures.
        self.register_buffer("weights", weights, persistent=False)
        self.smoothing = smoothing
        parts: Mapping[str, Part] = {
            "cross_entropy": self.cross_entropy,
            "dice": dice,
            "lovasz": lovasz,
        }
        self.parts = tuple(parts[name] for name in names)

    def forward(self, raw: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        """Logits (N, labels, h, w), classes uint8 (N, H, W) and weights (N,) to a scalar."""
        classes = torch.where(weight[:, None, None] > 0, target.long(), UNKNOWN_CLASS)
        logits = magnified(raw.float(), tuple(classes.shape[1:]))
        if not bool((classes != UNKNOWN_CLASS).any()):
            return 0.0 * logits.sum()
        return torch.stack([part(logits, classes) for part in self.parts]).sum()

    def cross_entropy(self, logits: Tensor, classes: Tensor) -> Tensor:
        """The mean over the known pixels.

        On CUDA torch's own sum over pixels is not the same each time; that of a list of them is.
        """
        listed = only_repeatable(logits)
        losses = functional.cross_entropy(
            logits,
            classes,
            weight=self.weights,
            ignore_index=UNKNOWN_CLASS,
            label_smoothing=self.smoothing,
            reduction="none" if listed else "sum",
        )
        return (losses.sum() if listed else losses) / (classes != UNKNOWN_CLASS).sum()


def magnified(logits: Tensor, size: tuple[int, ...]) -> Tensor:
    """Logits (N, labels, h, w) of a whole canvas at each of its pixels, (N, labels, *size)."""
    return functional.interpolate(logits, size, mode="bilinear", align_corners=False)


def dice(logits: Tensor, classes: Tensor) -> Tensor:
    """1 - 2 |A n B| / (|A| + |B|) with probabilities for A, the mean over the classes that occur
    (Milletari et al. 2016, arXiv 1606.04797, section 3, with |A| for |A|^2, and a class each).

    segmentation-models-pytorch's has the mean over all classes, so that it counts less where few
    occur.
    """
    known = (classes != UNKNOWN_CLASS)[:, None]
    chance = logits.softmax(1) * known
    truth = torch.zeros_like(chance).scatter_(1, torch.where(known, classes[:, None], 0), 1.0)
    truth = truth * known
    everywhere = (0, 2, 3)
    size = truth.sum(everywhere)
    both, each = (chance * truth).sum(everywhere), chance.sum(everywhere) + size
    return (1 - 2 * both / each.clamp(min=1e-7))[size > 0].mean()


def lovasz(logits: Tensor, classes: Tensor) -> Tensor:
    """The Lovász extension of 1 - IoU, the mean over the classes that occur (Berman et al. 2018,
    arXiv 1705.08790, equations 8 and 9): segmentation-models-pytorch's.
    """
    # Loaded where it is asked for: it takes seconds.
    from segmentation_models_pytorch.losses import LovaszLoss  # noqa: PLC0415

    loss: Tensor = LovaszLoss("multiclass", ignore_index=UNKNOWN_CLASS)(logits, classes)
    return loss
