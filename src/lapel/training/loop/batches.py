"""What a step learns from: pictures as they are seen this time, and what is known of them then."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from lapel.models.heads.table import HEADS, spatial_tasks
from lapel.training.input.augment import augment
from lapel.training.input.draws import BatchGenerator
from lapel.training.input.examples import Examples
from lapel.training.input.mixing import Mixture, mix
from lapel.training.input.moving import unmoved
from lapel.training.loop.judging import Known, known_of
from lapel.training.loop.learner import Learner
from lapel.training.loop.plan import seed_of


class Batch(NamedTuple):
    """What a step learns from.

    Where several processes take it together, each has its share of the pictures, and knows what is
    known of all.

    Attributes:
        mixture: the pictures at hand, or what was made of them.
        known: of each picture of the batch.
        partners_known: of the picture that is mixed into each, where one is.
        items: that each shows, int64 (n,), below 0 where unknown; None where nobody asks.
    """

    mixture: Mixture
    known: Known
    partners_known: Known | None
    items: Tensor | None = None


def changed(learner: Learner, train: Examples, rows: Tensor, pixels: Tensor) -> Batch:
    """A batch as it is learned from: augmented, where it is pictures, and mixed.

    Args:
        learner: whose step it is.
        train: that it is cut from.
        rows: of the whole batch, by number.
        pixels: of those that this process looks at, see ``Group.own``.
    """
    options, group = learner.recipe.augment, learner.group
    generator = _generator(learner, len(rows))
    generator.manual_seed(seed_of(learner.recipe.seed, "augment", learner.progress.step))
    pictures = pixels.dtype == torch.uint8
    pixels, moves = augment(pixels, options, generator) if pictures else unmoved(pixels)
    if spatial_tasks(learner.schema):  # nobody else asks how pictures moved
        moves = group.gathered(moves)
    known = moved(learner, known_of(train, rows.to(learner.device)), moves)
    mixture = mix(pixels, options, generator, group.gathered)
    others = None if mixture.partners is None else of_partners(learner, known, mixture.partners)
    items = None if train.items is None else train.items[rows.to(train.items.device)]
    return Batch(mixture, known, others, items)


def _generator(learner: Learner, count: int) -> torch.Generator:
    """What a step of so many pictures draws from."""
    if learner.group.alone:
        return torch.Generator(learner.device)
    return BatchGenerator(learner.device, count, learner.group.own(count))


def own_part(batch: Batch, own: slice) -> Batch:
    """What is known of the pictures alone that this process looks at."""
    partners = batch.partners_known
    return Batch(
        mixture=batch.mixture,
        known=_some(batch.known, own),
        partners_known=None if partners is None else _some(partners, own),
        items=None if batch.items is None else batch.items[own],
    )


def _some(known: Known, own: slice) -> Known:
    rows = torch.arange(len(known))[own]
    return Known(
        {
            task: target[rows.to(target.device)].to(target.device)
            for task, target in known.targets.items()
        },
        {task: weight[own] for task, weight in known.weights.items()},
    )


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
