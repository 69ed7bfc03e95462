"""What a step learns from: pictures as they are seen this time, and what is known of them then."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from lapel.models.heads.table import HEADS, spatial_tasks
from lapel.training.augment import augment
from lapel.training.examples import Examples
from lapel.training.judging import Known, known_of
from lapel.training.learner import Learner
from lapel.training.mixing import Mixture, mix
from lapel.training.moving import unmoved
from lapel.training.plan import seed_of


class Batch(NamedTuple):
    """What a step learns from.

    Attributes:
        mixture: the pictures, or what was made of them.
        known: of each.
        partners_known: of the picture that is mixed into each, where one is.
        items: that each shows, int64 (n,), below 0 where unknown; None where nobody asks.
    """

    mixture: Mixture
    known: Known
    partners_known: Known | None
    items: Tensor | None = None


def changed(learner: Learner, train: Examples, rows: Tensor, pixels: Tensor) -> Batch:
    """A batch as it is learned from: augmented, where it is pictures, and mixed."""
    options, generator = learner.recipe.augment, torch.Generator(learner.device)
    generator.manual_seed(seed_of(learner.recipe.seed, "augment", learner.progress.step))
    pictures = pixels.dtype == torch.uint8
    pixels, moves = augment(pixels, options, generator) if pictures else unmoved(pixels)
    known = moved(learner, known_of(train, rows.to(learner.device)), moves)
    mixture = mix(pixels, options, generator)
    others = None if mixture.partners is None else of_partners(learner, known, mixture.partners)
    items = None if train.items is None else train.items[rows.to(train.items.device)]
    return Batch(mixture, known, others, items)


def moved(learner: Learner, known: Known, moves: Tensor) -> Known:
    """What is known of pictures whose contents were moved."""
    pairs = {
        spec.name: HEADS[spec.kind].moved(
            spec, known.targets[spec.name], known.weights[spec.name], moves
        )
        for spec in learner.schema
    }
    return Known(
        {name: target for name, (target, _) in pairs.items()},
        {name: weight for name, (_, weight) in pairs.items()},
    )


def of_partners(learner: Learner, known: Known, partners: Tensor) -> Known:
    """What is known of the pictures that are mixed into others.

    Nothing of their places: two pictures in one have each landmark twice, and an answer has room
    for one. It is learned from the picture's own share alone.
    """
    spatial = spatial_tasks(learner.schema)
    return Known(
        {name: target[partners] for name, target in known.targets.items()},
        {
            name: torch.zeros_like(weight) if name in spatial else weight[partners]
            for name, weight in known.weights.items()
        },
    )
