"""How many steps, which pictures at which, and where randomness comes from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lapel.training.input.balance import balanced_order
from lapel.training.input.embedding import grouped_order
from lapel.training.input.shard_order import order_by_shards
from lapel.training.recipe import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How many steps, and which pictures at which.

    Attributes:
        count: training pictures.
        batch: pictures a step.
        epochs: passes over them; the last may be a part of one.
        seed: of the order of the pictures.
        views: copies of each picture that a row may be taken from; those of the second lie
            behind all of the first.
        drawn: how often each picture is drawn against the others, float64 (count,); None: each
            comes once an epoch.
        items: of each picture, int64 (count,), where pictures of an item are to come together.
        per_item: how many of them.
        shards: of each picture, int64 (count,), where the order is drawn shard by shard.
        window: of how many shards pictures are mixed then.
    """

    count: int
    batch: int
    epochs: float
    seed: int
    views: int = 1
    drawn: Tensor | None = None
    items: Tensor | None = None
    per_item: int = 1
    shards: Tensor | None = None
    window: int = 0

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches in a pass; what is left over takes its turn in another epoch."""
        return max(1, self.count // self.batch)

    @property
    def steps(self) -> int:
        """Steps in all."""
        if not self.epochs:
            return 0
        return max(1, round(self.epochs * self.steps_per_epoch))

    def rest_of_epoch(self, epoch: int, step: int) -> list[Tensor]:
        """Row numbers of the batches of an epoch (counted from 0) from a step of the run on."""
        generator = torch.Generator().manual_seed(seed_of(self.seed, "order", epoch))
        if self.items is not None:
            order = grouped_order(self.items, self.per_item, generator)
        elif self.drawn is not None:
            order = balanced_order(self.drawn, generator)
        elif self.shards is not None and self.window:
            order = order_by_shards(self.shards, self.window, generator)
        else:
            order = torch.randperm(self.count, generator=generator)
        if self.views > 1:
            view = torch.randint(self.views, (self.count,), generator=generator)
            order = order + self.count * view
        first = epoch * self.steps_per_epoch
        last = min(self.steps, first + self.steps_per_epoch)
        places = [place - first for place in range(step, last)]
        return [order[place * self.batch : (place + 1) * self.batch] for place in places]


def plan_of(
    recipe: Recipe,
    count: int,
    views: int = 1,
    drawn: Tensor | None = None,
    items: Tensor | None = None,
    shards: Tensor | None = None,
) -> Plan:
    """The plan of a recipe for so many training pictures, each in so many views."""
    window = recipe.data.shard_window
    together = recipe.embedding.loss != "none" and items is not None
    return Plan(
        count=count,
        batch=min(recipe.batch, count),
        epochs=recipe.schedule.epochs,
        seed=recipe.seed,
        views=views,
        drawn=drawn,
        items=items[:count].cpu() if together and items is not None else None,
        per_item=recipe.embedding.per_item,
        shards=None if shards is None else shards[:count],
        window=window if isinstance(window, int) else 0,
    )


def seed_of(seed: int, purpose: str, number: int) -> int:
    """A seed for one purpose at one step or epoch; purposes do not share their draws."""
    purposes = {"order": 1, "augment": 2, "network": 3, "start": 4, "view": 5, "judging": 6}
    sequence = np.random.SeedSequence([seed, purposes[purpose], number])
    return int(sequence.generate_state(1, np.uint32)[0])
