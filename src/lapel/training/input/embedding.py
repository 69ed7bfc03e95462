"""Which pictures show the same item, and an order in which they come together: to learn vectors."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from lapel.data.dataset import Dataset
from lapel.metrics.retrieval import NO_ITEM
from lapel.schema.errors import DatasetError, RecipeError
from lapel.schema.outputs import EMBEDDING
from lapel.training.recipe import Recipe


def check_items(recipe: Recipe, dataset: Dataset, task_names: tuple[str, ...]) -> None:
    """See that a recipe can learn vectors from a dataset's train and validation splits.

    Raises:
        DatasetError: nothing says which pictures show the same item.
        RecipeError: pictures of two items are to be mixed, their order is to be that of labels,
            or a task bears the name that vectors are exported under.
    """
    if recipe.embedding.loss == "none":
        return
    if recipe.augment.mixup or recipe.augment.cutmix or recipe.data.balance is not None:
        raise RecipeError(
            "embedding.loss: two pictures in one are of no item, and pictures of an item come "
            "together: leave out augment.mixup, augment.cutmix and data.balance"
        )
    if EMBEDDING in task_names:
        raise RecipeError(
            f"embedding.loss: a task is named '{EMBEDDING}' too; rename it, or leave it out with "
            "--set tasks=[...]"
        )
    for split in ("train", "validation"):
        items = items_of(dataset.split(split))
        repeated = np.bincount(items[items >= 0].numpy()) > 1
        if not repeated.any():
            raise DatasetError(
                f"embedding.loss: no two {split} pictures of {dataset.name} show the same item; "
                "the column 'group' says which do (it keeps them in one split, too)"
            )


def items_of(dataset: Dataset) -> Tensor:
    """The number of each row's item, int64 (N,); ``NO_ITEM`` where nobody knows."""
    if "group" not in dataset.table.columns:
        return torch.full((len(dataset),), NO_ITEM)
    ranks = dataset.table["group"].rank("dense").fill_null(0).cast(int)
    return torch.from_numpy(ranks.to_numpy().astype(np.int64)) + NO_ITEM


def grouped_order(items: Tensor, per_item: int, generator: torch.Generator) -> Tensor:
    """All rows in an order in which up to ``per_item`` pictures of an item follow one another.

    A batch then holds some of each of its items, without which there would be nothing to bring
    together. Which ones, and in which order, is chance; each row comes once.

    Args:
        items: of each row, int64 (N,); rows of no item stand alone.
        per_item: pictures of an item that come together.
        generator: decides.
    """
    shuffled = torch.randperm(len(items), generator=generator)
    mine = items[shuffled]
    alone = mine < 0
    # Rows of no item get numbers of their own, behind all items.
    mine[alone] = int(items.max()) + 1 + torch.arange(int(alone.sum()))
    order = torch.argsort(mine, stable=True)
    mine = mine[order]
    first = torch.searchsorted(mine, mine)
    place = torch.arange(len(mine)) - first
    starts = place % per_item == 0
    chunk = torch.cumsum(starts, 0) - 1
    turn = torch.randperm(int(chunk[-1]) + 1, generator=generator)
    return shuffled[order[torch.argsort(turn[chunk], stable=True)]]
