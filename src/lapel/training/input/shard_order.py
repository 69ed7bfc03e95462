"""The order of pictures that lie in shards elsewhere, more than the cache holds.

Drawn freely, an epoch would ask every shard for its next picture at every step, and fetch each of
them many times over. So the order is drawn shard by shard: shards in a drawn order, some of them at
a time, whose pictures are mixed. That is a function of the recipe and the epoch's number alone, as
every order is, and a run that was cut goes on exactly. How many shards at a time is written into
the run's recipe when it begins: another machine, with another cache, goes on in the same order.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from lapel.data.dataset import Dataset
from lapel.data.shard_store import ShardStore
from lapel.schema.counting import counted, size
from lapel.schema.errors import RecipeError
from lapel.storage.limited_cache import VARIABLE
from lapel.training.recipe import Recipe, recipe_from

#: Fewer shards at a time mix pictures badly, as few as two as badly as one.
FEW = 4


def with_shard_window(recipe: Recipe, dataset: Dataset, say: Callable[[str], None]) -> Recipe:
    """A recipe that says of how many shards pictures are mixed at a time.

    Args:
        recipe: where ``data.shard_window`` is ``auto``, it is chosen by the cache of this machine.
        dataset: the whole of it.
        say: told of what is chosen.

    Raises:
        RecipeError: shards that do not fit the cache, and an order that needs all of them.
    """
    if recipe.data.shard_window != "auto" or dataset.shards is None:
        return recipe
    window = dataset.shards.at_once(dataset.split("train").names())
    values = recipe.model_dump(mode="json")
    values["data"]["shard_window"] = window
    if window:
        _check_order(recipe, window)
        say(_in_words(dataset.shards, window))
    return recipe_from(values, origin=recipe.name)


def _check_order(recipe: Recipe, window: int) -> None:
    needs = None
    if recipe.data.balance is not None:
        needs = f"data.balance={recipe.data.balance} draws from all pictures"
    elif recipe.embedding.loss != "none":
        needs = "embedding.loss wants pictures of the same item together"
    if needs:
        raise RecipeError(
            f"{needs}, and the cache holds but {counted(2 * window, 'shard')}; give it more room "
            f"({VARIABLE}=200GB), or leave that out"
        )


def _in_words(store: ShardStore, window: int) -> str:
    shards = store.index.shards
    total = size(sum(shard.bytes for shard in shards))
    told = f"The cache holds fewer than all {counted(len(shards), 'shard')} ({total}): pictures "
    told += f"of {window} at a time are mixed (data.shard_window)"
    if window < FEW:
        told += f"; that is few, more room for the cache ({VARIABLE}) or smaller shards mix better"
    return told


def shards_of(dataset: Dataset) -> Tensor | None:
    """The number of the shard of each row, int64 (N,); None where pictures lie otherwise."""
    if dataset.shards is None:
        return None
    return torch.from_numpy(dataset.shards.shards_of(dataset.names()))


def order_by_shards(shards: Tensor, window: int, generator: torch.Generator) -> Tensor:
    """Row numbers in an order drawn shard by shard.

    Args:
        shards: number of the shard of each row, int64 (N,).
        window: of how many shards pictures are mixed at a time.
        generator: draws.

    Returns:
        All row numbers, int64 (N,).
    """
    numbers = torch.unique(shards)
    drawn = numbers[torch.randperm(len(numbers), generator=generator)]
    parts = []
    for start in range(0, len(drawn), window):
        rows = torch.isin(shards, drawn[start : start + window]).nonzero().flatten()
        parts.append(rows[torch.randperm(len(rows), generator=generator)])
    return torch.cat(parts)
