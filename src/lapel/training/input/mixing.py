"""Batches in which each picture has a part of another one."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from lapel.training.input.draws import BatchGenerator
from lapel.training.recipe_parts import AugmentPart

#: Steps in which the distribution function of a Beta is summed.
BETA_GRID = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """A batch, perhaps with a part of another picture in each.

    Attributes:
        inputs: of the shape and type that came in.
        partners: for each of the batch, the place in it of the other, int64 (N,), also of pictures
            that other processes look at; None: not mixed.
        share: how much of each is still its own, 0 to 1.
    """

    inputs: Tensor
    partners: Tensor | None = None
    share: float = 1.0


def _as_it_is(inputs: Tensor) -> Tensor:
    return inputs


def mix(
    inputs: Tensor,
    options: AugmentPart,
    generator: Generator,
    gathered: Callable[[Tensor], Tensor] = _as_it_is,
) -> Mixture:
    """Mix the pictures of a batch, or what a network made of them, if the recipe asks for it.

    With both asked for, each batch has one of them, by the toss of a coin. As batches have one
    share for all their pictures, a batch is one draw.

    Args:
        inputs: uint8 or float (N, C, H, W).
        options: ``mixup`` (Zhang et al. 2018, arXiv 1710.09412) blends two pictures,
            ``cutmix`` (Yun et al. 2019, arXiv 1905.04899) puts a rectangle of one into the other;
            each is the alpha of a Beta(alpha, alpha) distribution.
        generator: of the step.
        gathered: from what this process has of the batch to all of it, where others look at the
            rest: a partner may be theirs.
    """
    if not options.mixup and not options.cutmix:
        return Mixture(inputs=inputs)
    draws = torch.rand(4, generator=generator, device=generator.device).tolist()
    cut = bool(options.cutmix) and (not options.mixup or draws[0] < 0.5)
    share = _beta(options.cutmix if cut else options.mixup, draws[1])
    everything = gathered(inputs)
    partners = torch.randperm(len(everything), generator=generator, device=generator.device)
    partners = partners.to(inputs.device)
    own = generator.own if isinstance(generator, BatchGenerator) else slice(None)
    others = everything[partners[own]]
    if cut:
        mixed, share = _with_rectangle(inputs, others, share, draws[2], draws[3])
    else:
        mixed = share * inputs.float() + (1 - share) * others.float()
        mixed = mixed.round().to(inputs.dtype) if inputs.dtype == torch.uint8 else mixed
    return Mixture(inputs=mixed.to(inputs.dtype), partners=partners, share=share)


def _with_rectangle(
    inputs: Tensor, others: Tensor, share: float, down: float, across: float
) -> tuple[Tensor, float]:
    height, width = inputs.shape[2:]
    tall, wide = round(height * math.sqrt(1 - share)), round(width * math.sqrt(1 - share))
    top, left = round(down * (height - tall)), round(across * (width - wide))
    mixed = inputs.clone()
    mixed[:, :, top : top + tall, left : left + wide] = others[
        :, :, top : top + tall, left : left + wide
    ]
    return mixed, 1 - tall * wide / (height * width)


def _beta(alpha: float, chance: float) -> float:
    """The value of Beta(alpha, alpha) below which it falls by a chance of 0 to 1.

    By bisection of its distribution function, summed on a grid: torch cannot draw from a Beta
    with a generator of one's own.
    """
    grid = (torch.arange(BETA_GRID, dtype=torch.float64) + 0.5) / BETA_GRID
    density = (grid * (1 - grid)).pow(alpha - 1)
    below = density.cumsum(0) / density.sum()
    place = int(torch.searchsorted(below, torch.tensor(chance, dtype=torch.float64)))
    return float(grid[min(place, BETA_GRID - 1)])
