"""Learning from shards: in which order, and to the same weights wherever they lie."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from cloud_account import ObjectStore
from training_runs import SMALL

from lapel.data.dataset import Dataset
from lapel.data.shards import write_shards
from lapel.schema.errors import RecipeError
from lapel.storage.limited_cache import VARIABLE
from lapel.training.input.shard_order import order_by_shards, with_shard_window
from lapel.training.loop.plan import Plan
from lapel.training.recipe import load_recipe
from lapel.training.recorder import Quiet
from lapel.training.train import train

#: Pictures are read as they are needed, and nothing of them is kept.
STREAMED: Mapping[str, Any] = {
    **SMALL,
    "schedule.epochs": 2,
    "data.resident": "never",
    "data.cache": False,
}


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def weights_of(run: Path) -> bytes:
    return (run / "bundle" / "weights.safetensors").read_bytes()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Another machine: a cache by name, with nothing in it."""

    def machine(name: str) -> Path:
        monkeypatch.setenv("LAPEL_CACHE", str(tmp_path / name))
        return tmp_path / name

    return machine


def test_every_picture_comes_once_and_those_of_few_shards_at_a_time() -> None:
    shards = torch.arange(1000) // 100
    for window in (1, 3, 10, 50):
        order = order_by_shards(shards, window, generator(7))
        assert sorted(order.tolist()) == list(range(1000))
        for start in range(0, 1000, window * 100):
            group = shards[order[start : start + window * 100]]
            assert len(torch.unique(group)) <= window


def test_pictures_within_a_window_are_mixed() -> None:
    order = order_by_shards(torch.arange(1000) // 100, 5, generator(7))
    first = (order[:500] // 100).tolist()
    changes = sum(one != other for one, other in pairwise(first))
    assert changes > 300, "shards are not gone through one after another"


def test_the_order_is_that_of_the_seed_and_the_epoch() -> None:
    plan = Plan(count=200, batch=10, epochs=3, seed=5, shards=torch.arange(200) // 20, window=2)
    first = torch.cat(plan.rest_of_epoch(0, 0))
    assert torch.equal(first, torch.cat(plan.rest_of_epoch(0, 0)))
    assert torch.equal(first[50:], torch.cat(plan.rest_of_epoch(0, 5)))
    assert not torch.equal(first, torch.cat(plan.rest_of_epoch(1, 20)))


def test_how_many_at_a_time_is_chosen_by_the_cache_and_kept(
    patterns: Path,
    aws: ObjectStore,
    cache: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cache("one")
    place = f"s3://{aws.bucket()}/patterns"
    done = write_shards(patterns, place, size="100KB")
    recipe = load_recipe("fashion-mnist-fast", dict(SMALL))
    said: list[str] = []
    assert recipe.data.shard_window == "auto"
    assert with_shard_window(recipe, Dataset.open(patterns), said.append) is recipe
    everything = with_shard_window(recipe, Dataset.open(place), said.append)
    assert everything.data.shard_window == 0
    assert said == []
    monkeypatch.setenv(VARIABLE, str(4 * max(shard.bytes for shard in done.shards)))
    few = with_shard_window(recipe, Dataset.open(place), said.append)
    assert few.data.shard_window == 2
    assert "pictures of 2 at a time are mixed" in said[0]
    assert "that is few" in said[0]
    assert with_shard_window(everything, Dataset.open(place), said.append) is everything
    balanced = load_recipe("fashion-mnist-fast", {**SMALL, "data.balance": "pattern"})
    with pytest.raises(RecipeError, match=r"data\.balance=pattern draws from all pictures"):
        with_shard_window(balanced, Dataset.open(place), said.append)


def test_streamed_from_s3_a_run_ends_in_the_weights_of_shards_here(
    patterns: Path,
    aws: ObjectStore,
    tmp_path: Path,
    cache: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_shards(patterns, tmp_path / "shards", size="100KB")
    place = f"s3://{aws.bucket()}/patterns"
    done = write_shards(patterns, place, size="100KB")
    largest = max(shard.bytes for shard in done.shards)
    here = train(
        "fashion-mnist-fast",
        data=tmp_path / "shards",
        out=tmp_path / "here",
        changes={**STREAMED, "data.shard_window": 2},
    )
    folder = cache("one")
    monkeypatch.setenv(VARIABLE, str(4 * largest))
    there = train("fashion-mnist-fast", data=place, out=tmp_path / "there", changes=STREAMED)
    assert weights_of(there.run) == weights_of(here.run)
    kept = [path.stat().st_size for path in folder.rglob("shards/*/*.tar")]
    assert 0 < sum(kept) <= 4 * largest < sum(shard.bytes for shard in done.shards)


def test_a_run_from_shards_in_s3_goes_on_on_a_machine_with_more_room(
    patterns: Path,
    aws: ObjectStore,
    tmp_path: Path,
    cache: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What fits there is in memory: the order is that of the run all the same."""

    class Cut(Quiet):
        def epoch(self, row: dict[str, float]) -> None:
            if row["epoch"] == 2:
                raise KeyboardInterrupt

    place = f"s3://{aws.bucket()}/patterns"
    done = write_shards(patterns, place, size="100KB")
    cache("one")
    monkeypatch.setenv(VARIABLE, str(4 * max(shard.bytes for shard in done.shards)))
    arguments: dict[str, Any] = {"data": place, "changes": {**SMALL, "checkpoint.every_steps": 5}}
    whole = train("fashion-mnist-fast", out=tmp_path / "whole", **arguments)
    with pytest.raises(KeyboardInterrupt):
        train("fashion-mnist-fast", out=tmp_path / "cut", reporter=Cut(), **arguments)
    cache("two")
    monkeypatch.setenv(VARIABLE, "10GB")
    ended = train(resume=tmp_path / "cut")
    assert weights_of(ended.run) == weights_of(whole.run)
