"""Optimisers, schedules and averages."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lapel.training.optimise import AveragedWeights, build_optimisers, orthogonal, rate_at
from lapel.training.recipe_parts import OptimiserPart, SchedulePart


@pytest.mark.parametrize("shape", [(16, 90), (90, 16), (24, 24)])
def test_an_orthogonal_direction_has_singular_values_near_one(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonal(matrix))
    assert values.max() < 1.35
    assert values.median() > 0.6


def test_a_schedule_rises_and_falls_to_nothing() -> None:
    schedule = SchedulePart(epochs=1, kind="triangle", warmup=0.2)
    rates = [rate_at(step, 100, schedule) for step in range(100)]
    assert max(rates) == pytest.approx(rates[20]) == pytest.approx(1)
    assert rates[0] < 0.06
    assert rates[-1] < 0.02
    assert rates[:20] == sorted(rates[:20])
    assert rates[20:] == sorted(rates[20:], reverse=True)


def test_a_cosine_is_at_its_half_in_the_middle_and_a_constant_stays() -> None:
    assert rate_at(50, 100, SchedulePart(epochs=1, kind="cosine", warmup=0)) == pytest.approx(0.5)
    assert rate_at(99, 100, SchedulePart(epochs=1, kind="constant", warmup=0)) == 1


def test_every_learned_parameter_is_moved_by_one_optimiser() -> None:
    network = nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8, 2)
    )
    network[0].weight.requires_grad = False
    for name in ("muon", "sgd", "adamw"):
        options = OptimiserPart(name=name, learning_rate=0.1, weight_decay=0.1)
        moved = [
            id(parameter)
            for optimiser in build_optimisers(network, options)
            for group in optimiser.param_groups
            for parameter in group["params"]
        ]
        learned = [id(p) for p in network.parameters() if p.requires_grad]
        assert sorted(moved) == sorted(learned)


def test_biases_and_norms_do_not_decay() -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))
    (optimiser,) = build_optimisers(
        network, OptimiserPart(name="adamw", learning_rate=0.1, weight_decay=0.1)
    )
    for group in optimiser.param_groups:
        for parameter in group["params"]:
            assert (group["weight_decay"] > 0) == (parameter.ndim > 1)


def test_an_average_follows_and_counts_go_along() -> None:
    network = nn.BatchNorm1d(2)
    average = AveragedWeights(network, decay=0.5)
    with torch.no_grad():
        network.weight.fill_(3)
        network.get_buffer("num_batches_tracked").fill_(7)
    average.update(network, step=1000)
    assert average.values["weight"].tolist() == [2, 2]
    assert average.values["num_batches_tracked"] == 7
