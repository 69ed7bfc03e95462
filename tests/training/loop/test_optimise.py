"""Optimisers, schedules and averages."""

from __future__ import annotations

from typing import Literal

import pytest
import torch
from torch import nn

from lapel.models.multitask import Architecture, Network
from lapel.schema.labels import Schema, TaskSpec
from lapel.training.loop.optimise import AveragedWeights, build_optimisers, orthogonal, rate_at
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


def four_stages() -> Network:
    schema = Schema((TaskSpec(name="kind", kind="single_label", labels=("a", "b")),))
    options = {"widths": [8, 8, 8]}
    return Network(
        schema, Architecture(backbone="lapel-small", options=options, mean=[0.5], std=[0.5])
    )


@pytest.mark.parametrize("name", ["muon", "sgd", "adamw"])
def test_each_stage_learns_slower_than_the_one_above(name: Literal["muon", "sgd", "adamw"]) -> None:
    network = four_stages()
    options = OptimiserPart(
        name=name,
        learning_rate=0.1,
        filter_learning_rate=0.2,
        backbone_share=0.5,
        layer_decay=0.1,
    )
    rates = {
        id(parameter): group["lr"]
        for optimiser in build_optimisers(network, options)
        for group in optimiser.param_groups
        for parameter in group["params"]
    }
    for height, share in enumerate((0.005, 0.05, 0.5)):
        for parameter in network.stages()[height].parameters:
            full = 0.2 if name == "muon" and parameter.ndim == 4 else 0.1
            assert rates[id(parameter)] == pytest.approx(full * share)
    assert {rates[id(parameter)] for parameter in network.heads.parameters()} == {0.1}


def test_the_first_group_has_the_full_rate_which_is_what_the_log_says() -> None:
    options = OptimiserPart(learning_rate=0.1, backbone_share=0.1, layer_decay=0.5)
    (optimiser,) = build_optimisers(four_stages(), options)
    assert optimiser.param_groups[0]["lr"] == 0.1


def test_frozen_stages_are_in_no_optimiser() -> None:
    network = four_stages()
    network.freeze(2)
    for name in ("muon", "sgd", "adamw"):
        options = OptimiserPart(name=name, learning_rate=0.1)
        moved = {
            id(parameter)
            for optimiser in build_optimisers(network, options)
            for group in optimiser.param_groups
            for parameter in group["params"]
        }
        assert moved == {id(value) for value in network.parameters() if value.requires_grad}


def test_parameters_beside_the_network_learn_too_and_do_not_decay() -> None:
    beside = nn.Parameter(torch.zeros(2))
    for name in ("muon", "sgd", "adamw"):
        options = OptimiserPart(name=name, learning_rate=0.1, weight_decay=0.5)
        optimiser = build_optimisers(four_stages(), options, others=[beside])[-1]
        (group,) = [g for g in optimiser.param_groups if any(p is beside for p in g["params"])]
        assert group["weight_decay"] == 0
        assert group["lr"] == 0.1


def test_parts_and_wholes_in_one_group_are_moved_one_after_another() -> None:
    """On an accelerator torch moves many at once, and refuses to where they are mixed."""
    network, beside = four_stages(), nn.Parameter(torch.zeros(2, 2))
    names: tuple[Literal["sgd", "adamw"], ...] = ("sgd", "adamw")
    for name in names:
        options = OptimiserPart(name=name, learning_rate=0.1)
        (optimiser,) = build_optimisers(network, options, others=[beside])
        assert {group["foreach"] for group in optimiser.param_groups} == {None}
    for parameter in network.parameters():
        setattr(parameter, "device_mesh", "of two processes")  # noqa: B010 - as a part of one has it
    for name in names:
        options = OptimiserPart(name=name, learning_rate=0.1)
        (optimiser,) = build_optimisers(network, options, others=[beside])
        for group in optimiser.param_groups:
            mixed = any(parameter is beside for parameter in group["params"])
            assert group["foreach"] is (False if mixed else None)
        assert len(optimiser.param_groups) > 1


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
