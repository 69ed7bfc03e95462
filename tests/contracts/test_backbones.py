"""What every backbone and every head must do: one suite, run for each entry of the tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor

from lapel.models.backbones import BACKBONES, Backbone, build_backbone
from lapel.models.heads.table import HEADS
from lapel.schema.labels import TaskSpec
from lapel.tasks.kinds import KINDS, task_of

#: Options with which each backbone is small enough to be tested; an entry without a rig fails.
RIGS: Mapping[str, Mapping[str, Any]] = {
    "lapel-small": {"widths": [8, 16]},
    "resnet18": {"small_images": True},  # stands for all of timm's
}

SPECS = {
    "single_label": TaskSpec(name="category", kind="single_label", labels=("coat", "hat", "shoe"))
}

#: For each kind, labels as annotated: two known and one unknown.
LABELS = {"single_label": ("coat", "shoe", None)}


def build(name: str, channels: int) -> Backbone:
    torch.manual_seed(0)
    return build_backbone(name, RIGS[name], channels=channels)


def images(channels: int, count: int = 4, size: int = 32) -> Tensor:
    return torch.randn(count, channels, size, size, generator=torch.Generator().manual_seed(1))


def test_every_entry_has_a_rig() -> None:
    assert set(BACKBONES) <= set(RIGS)
    assert set(HEADS) == set(KINDS) == set(SPECS) == set(LABELS)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", RIGS)
def test_features_have_the_width_that_the_backbone_says(name: str, channels: int) -> None:
    backbone = build(name, channels)
    features = backbone(images(channels))
    assert features.ndim == 4
    assert features.shape[:2] == (4, backbone.width)
    assert min(features.shape[2:]) >= 1


@pytest.mark.parametrize("name", RIGS)
def test_the_seed_decides_the_weights(name: str) -> None:
    first, again = build(name, 1), build(name, 1)
    for one, other in zip(first.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("name", RIGS)
def test_weights_survive_a_file(name: str) -> None:
    backbone = build(name, 1).eval()
    contents = {key: value.contiguous() for key, value in backbone.state_dict().items()}
    torch.manual_seed(5)
    other = build_backbone(name, RIGS[name], channels=1).eval()
    other.load_state_dict(load(save(contents)))
    with torch.no_grad():
        assert torch.equal(backbone(images(1)), other(images(1)))


@pytest.mark.parametrize("name", RIGS)
def test_an_answer_does_not_depend_on_its_neighbours(name: str) -> None:
    backbone = build(name, 1).eval()
    batch = images(1)
    with torch.no_grad():
        together, alone = backbone(batch), backbone(batch[2:3])
    assert torch.allclose(together[2:3], alone, atol=1e-5)


@pytest.mark.parametrize("name", RIGS)
def test_every_learned_weight_has_a_gradient(name: str) -> None:
    backbone = build(name, 1).train()
    backbone(images(1)).square().mean().backward()
    learned = {key: value for key, value in backbone.named_parameters() if value.requires_grad}
    assert [key for key, value in learned.items() if value.grad is None] == []


@pytest.mark.parametrize("kind", HEADS)
def test_a_head_gives_what_the_task_expects_and_its_loss_falls_when_it_learns(kind: str) -> None:
    spec = SPECS[kind]
    torch.manual_seed(0)
    head = HEADS[kind].head(spec, 16, {})
    features = torch.randn(3, 16, 4, 4)
    target, weight = (torch.from_numpy(array) for array in task_of(spec).encode(LABELS[kind]))
    assert head(features).shape == (3, *task_of(spec).output_shape)
    optimiser = torch.optim.SGD(head.parameters(), lr=0.5)
    losses = []
    for _ in range(20):
        loss = HEADS[kind].loss(head(features), target, weight, {})
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("kind", HEADS)
def test_what_is_unknown_gives_neither_loss_nor_gradient(kind: str) -> None:
    spec = SPECS[kind]
    target, weight = (torch.from_numpy(array) for array in task_of(spec).encode(LABELS[kind]))
    output = torch.randn(3, *task_of(spec).output_shape, requires_grad=True)
    HEADS[kind].loss(output, target, weight, {}).backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
    assert output.grad is not None
    assert output.grad[2].abs().max() == 0
    assert output.grad[:2].abs().min() > 0
    assert HEADS[kind].loss(output, target, torch.zeros_like(weight), {}) == 0
