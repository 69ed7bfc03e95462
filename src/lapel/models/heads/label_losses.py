"""Losses of answers that are a number a label, and what protects rare labels in them.

Two forms: over a softmax, where exactly one label holds, and over a sigmoid a label. Both are
means over the images of which something is known; over sigmoids the labels of an image are
summed, so that either loss is the negative logarithm of the probability of the whole answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from lapel.models.heads.base import LabelCounts

#: Beta of the effective number of images, (1 - beta^n) / (1 - beta): how far a label's images
#: add to each other (Cui et al. 2019, arXiv 1901.05555, equation 2; they try 0.9 to 0.9999).
BETA = 0.999

#: Least share that is still missing to certainty where its power is taken: the power's own
#: gradient has no end at zero.
LEAST_MISS = 1e-7

#: Asymmetric loss (Ridnik et al. 2021, arXiv 2009.14119, equations 4 to 7): focus on labels that
#: hold and that do not, and the probability below which the latter count as solved; values of
#: its authors' training script.
ASYMMETRIC_YES, ASYMMETRIC_NO, ASYMMETRIC_MARGIN = 0.0, 4.0, 0.05


class SoftmaxLoss(nn.Module):
    """Cross-entropy where exactly one label holds, focal if asked.

    Args:
        shift: float32 (labels,), added to the logits while learning, see :func:`log_frequencies`.
        weights: float32 (labels,), by which images of a label count.
        focus: gamma of Lin et al. 2017 (arXiv 1708.02002, equation 4); 0 is cross-entropy.
        smoothing: share of the target that is spread over all labels (Szegedy et al. 2016, arXiv
            1512.00567, section 7).
    """

    shift: Tensor
    weights: Tensor

    def __init__(self, *, shift: Tensor, weights: Tensor, focus: float, smoothing: float) -> None:
        super().__init__()
        # Not persistent: they are counted anew from the training pictures.
        self.register_buffer("shift", shift, persistent=False)
        self.register_buffer("weights", weights, persistent=False)
        self.focus = focus
        self.smoothing = smoothing

    def forward(self, output: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        """Logits (N, labels), int64 targets (N,) and weights (N,) to the mean over the known."""
        logits = output.float() + self.shift
        losses = functional.cross_entropy(
            logits, target, label_smoothing=self.smoothing, reduction="none"
        )
        if self.focus:
            chance = functional.log_softmax(logits, 1).gather(1, target[:, None])[:, 0].exp()
            losses = losses * (1 - chance).clamp(min=LEAST_MISS) ** self.focus
        losses = losses * self.weights[target]
        return (losses * weight).sum() / weight.sum().clamp(min=1)


class SigmoidLoss(nn.Module):
    """Binary cross-entropy of each label, focal or asymmetric if asked.

    Args:
        shift: float32 (labels,), added to the logits while learning, see :func:`log_odds`.
        weights: float32 (2, labels), by which an image counts where a label holds, and where not.
        focus: gamma where a label holds, and where not.
        margin: probability below which a label that does not hold is taken for solved.
        smoothing: share of the target that is spread.
        spread: what each label gets of it; half each, if it is not said.
    """

    shift: Tensor
    weights: Tensor

    def __init__(
        self,
        *,
        shift: Tensor,
        weights: Tensor,
        focus: tuple[float, float] = (0.0, 0.0),
        margin: float = 0.0,
        smoothing: float = 0.0,
        spread: float = 0.5,
    ) -> None:
        super().__init__()
        self.register_buffer("shift", shift, persistent=False)
        self.register_buffer("weights", weights, persistent=False)
        self.focus = focus
        self.margin = margin
        self.smoothing = smoothing
        self.spread = spread

    def forward(self, output: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        """Logits, targets of 0 and 1, and weights, all (N, labels), to a scalar."""
        logits = output.float() + self.shift
        truth = target.float() * (1 - self.smoothing) + self.smoothing * self.spread
        holds, not_ = self._where_it_holds(logits), self._where_not(logits)
        losses = truth * self.weights[0] * holds + (1 - truth) * self.weights[1] * not_
        known = (weight > 0).any(1).sum()
        return (losses * weight).sum() / known.clamp(min=1)

    def _where_it_holds(self, logits: Tensor) -> Tensor:
        losses = -functional.logsigmoid(logits)
        if not self.focus[0]:
            return losses
        return losses * torch.sigmoid(-logits).clamp(min=LEAST_MISS) ** self.focus[0]

    def _where_not(self, logits: Tensor) -> Tensor:
        chance = torch.sigmoid(logits)
        if self.margin:
            chance = (chance - self.margin).clamp(min=0)
            losses = -torch.log1p(-chance)
        else:
            losses = -functional.logsigmoid(-logits)
        if not self.focus[1]:
            return losses
        return losses * chance.clamp(min=LEAST_MISS) ** self.focus[1]


def label_weights(counts: LabelCounts, rule: str) -> Tensor:
    """How much images of each label count where one label holds: float32 (labels,).

    They are scaled so that the training images count 1 on average, which leaves the meaning of
    the learning rate as it is.

    Args:
        counts: of the labels.
        rule: ``none``, ``balanced`` (one over the label's images) or ``effective`` (one over
            their effective number, see ``BETA``).
    """
    raw = _rarity(counts.yes, rule)
    return raw / ((raw * counts.yes).sum() / counts.yes.sum().clamp(min=1)).clamp(min=1e-12)


def yes_no_weights(counts: LabelCounts, rule: str) -> Tensor:
    """The same for each label by itself, for where it holds and where not: float32 (2, labels)."""
    images = torch.stack([counts.yes, counts.known - counts.yes])
    raw = _rarity(images, rule)
    mean = (raw * images).sum(0) / counts.known.clamp(min=1)
    return raw / torch.where(mean > 0, mean, 1)


def _rarity(images: Tensor, rule: str) -> Tensor:
    some = images.clamp(min=1)  # labels that never occur weigh as if they did once
    if rule == "balanced":
        return 1 / some
    if rule == "effective":
        return (1 - BETA) / (1 - BETA**some)
    return torch.ones_like(some)


def log_frequencies(counts: LabelCounts, share: float) -> Tensor:
    """Logit adjustment: a share of the log of each label's frequency, float32 (labels,).

    Added to the logits in the loss alone, it lets the network learn what speaks for a label
    beside how common it is (Menon et al. 2021, arXiv 2007.07314, equation 10; share is their
    tau). An image more is counted of each label, so that none is impossible.
    """
    return share * ((counts.yes + 1) / (counts.known + len(counts.yes))).log()


def log_odds(counts: LabelCounts, share: float) -> Tensor:
    """The same for labels that are each a yes or a no: a share of the log of the odds."""
    return share * ((counts.yes + 1) / (counts.known - counts.yes + 1)).log()


def sigmoid_loss(
    name: str,
    counts: LabelCounts,
    options: Mapping[str, Any],
    *,
    spread: float = 0.5,
    no_weight: float = 1.0,
) -> SigmoidLoss:
    """A loss of sigmoids by name: ``binary``, ``focal`` or ``asymmetric``; options of a recipe.

    Args:
        name: of the loss.
        counts: of the labels.
        options: those of a recipe's ``loss``.
        spread: what each label gets of a smoothed target.
        no_weight: how much an image counts where a label does not hold, against where it does.
    """
    focus, margin = (0.0, 0.0), 0.0
    if name == "focal":
        gamma = options.get("focal_gamma", 2.0)
        focus = (gamma, gamma)
    elif name == "asymmetric":
        focus, margin = (ASYMMETRIC_YES, ASYMMETRIC_NO), ASYMMETRIC_MARGIN
    weights = yes_no_weights(counts, options.get("class_weights", "none"))
    return SigmoidLoss(
        shift=log_odds(counts, options.get("logit_adjustment", 0.0)),
        # Where the counts lie, which may be an accelerator.
        weights=weights * weights.new_tensor([[1.0], [no_weight]]),
        focus=focus,
        margin=margin,
        smoothing=options.get("label_smoothing", 0.0),
        spread=spread,
    )
