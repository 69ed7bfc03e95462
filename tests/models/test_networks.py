"""Networks: their shapes, what is fitted, and that the exported one is the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from lapel.inference.engines.onnxruntime_engine import OnnxRuntimeEngine
from lapel.models.export import export_onnx
from lapel.models.heads import labels
from lapel.models.heads.labels import pooling
from lapel.models.multitask import Architecture, JointHead, Network
from lapel.models.small import Whitening, patch_covariance
from lapel.schema.labels import Schema, TaskSpec

SCHEMA = Schema(
    (
        TaskSpec(name="category", kind="single_label", labels=("coat", "dress", "hat")),
        TaskSpec(name="색상.main", kind="single_label", labels=("빨강", "파랑")),
        TaskSpec(name="tags", kind="multi_label", labels=("lace", "print", "레이스")),
    )
)


def network(
    backbone: str,
    options: Mapping[str, Any],
    *,
    channels: int = 1,
    head: Mapping[str, Any] | None = None,
    size: int = 28,
) -> Network:
    torch.manual_seed(0)
    architecture = Architecture(
        backbone=backbone,
        options=options,
        head=head or {},
        mean=[0.4] * channels,
        std=[0.3] * channels,
    )
    made = Network(SCHEMA, architecture)
    batch = pixels(64 if size == 28 else 4, channels=channels, size=size)
    made.fit_to(batch)
    made.train()
    made(batch)  # so that batch normalisation has seen something
    return made.eval()


def pixels(count: int, *, channels: int = 1, size: int = 28) -> Tensor:
    generator = torch.Generator().manual_seed(2)
    return torch.randint(
        0, 256, (count, channels, size, size), dtype=torch.uint8, generator=generator
    )


#: Those that take no pictures of 28 px.
SIZES = {"class token": 160, "tokens": 160}

BACKBONES: dict[str, tuple[str, dict[str, Any], int]] = {
    "small": ("lapel-small", {"widths": [8, 16]}, 1),
    "small residual": ("lapel-small", {"widths": [8, 16], "depth": 3, "residual": True}, 3),
    "resnet": ("resnet18", {"small_images": True}, 1),
    "vgg": ("vgg11_bn", {"small_images": True}, 1),
    "mobile": ("test_efficientnet", {}, 3),
    "other order of dimensions": ("test_mambaout", {}, 3),
    "class token": ("test_vit", {}, 3),
    "tokens": ("test_vit2", {}, 3),
}


@pytest.mark.parametrize(
    ("case", "head"),
    [*((case, {}) for case in BACKBONES), ("small", {"heads": "joint", "hidden": 8})],
)
def test_the_exported_network_gives_the_same_outputs_for_any_batch(
    case: str, head: Mapping[str, Any]
) -> None:
    backbone, options, channels = BACKBONES[case]
    size = SIZES.get(case, 28)
    made = network(backbone, options, channels=channels, head=head, size=size)
    graph = export_onnx(made, channels=channels, height=size, width=size)
    assert not made.training
    engine = OnnxRuntimeEngine(graph)
    for count in (1, 5):
        batch = pixels(count, channels=channels, size=size)
        with torch.no_grad():
            expected = made(batch)
        outputs = engine.run(batch.numpy(), made.task_names)
        assert list(outputs) == ["category", "색상.main", "tags"]
        for task, output in outputs.items():
            reference = expected[task].numpy()
            assert output.shape == reference.shape
            assert np.abs(output - reference).max() < 1e-4 * max(1, np.abs(reference).max())


def test_whitened_patches_have_unit_variance_and_no_correlation() -> None:
    layer = Whitening(1)
    smooth = torch.nn.functional.avg_pool2d(torch.randn(400, 1, 32, 32), 3, 1)
    layer.fit(smooth)
    maps = layer(smooth)[:, :9, 1:-1, 1:-1].permute(1, 0, 2, 3).flatten(1)
    covariance = maps @ maps.T / maps.shape[1]
    assert torch.allclose(covariance, torch.eye(9), atol=0.1)
    assert not layer.weight.requires_grad


def test_patches_are_summed_up_over_some_pictures_at_a_time_as_over_all() -> None:
    images = torch.randn(70, 3, 20, 16, generator=torch.Generator().manual_seed(3))
    patches = functional.unfold(images, 3).transpose(1, 2).flatten(0, 1)
    whole = patches.T @ patches / len(patches)
    assert torch.equal(patch_covariance(images), whole)  # few: the very same sums
    of_one = 9 * 3 * 20 * 16
    for at_once in (1, of_one, 16 * of_one, 69 * of_one):
        torch.testing.assert_close(patch_covariance(images, at_once), whole)


def test_no_more_patches_are_held_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    unfold, held = functional.unfold, list[int]()

    def watched(images: Tensor, size: int) -> Tensor:
        patches = unfold(images, size)
        held.append(patches.numel())
        return patches

    monkeypatch.setattr(functional, "unfold", watched)
    most = 8 * 9 * 12 * 12
    patch_covariance(torch.randn(50, 1, 12, 12), at_once=most)
    assert len(held) == 7
    assert max(held) <= most


def test_adapted_networks_keep_a_small_picture_large_enough() -> None:
    for name, size in (("resnet18", 4), ("vgg11_bn", 1)):
        made = network(name, {"small_images": True})
        features = made.backbone(made.normalise(pixels(2)))
        assert features.shape[2:] == (size, size)


def test_the_network_answers_for_the_mean_as_for_zero() -> None:
    made = network("lapel-small", {"widths": [8]})
    mean = torch.full((1, 1, 28, 28), round(0.4 * 255), dtype=torch.uint8)
    assert made.normalise(mean).abs().max() < 0.01


def test_heads_answer_alike_for_features_and_for_what_is_pooled_of_them() -> None:
    """So that features can be computed once and kept."""
    for heads in ({}, {"heads": "joint", "hidden": 8}, {"pool": "max"}):
        made = network("lapel-small", {"widths": [8, 16]}, head=heads)
        with torch.no_grad():
            whole, features = made(pixels(5)), made.features(pixels(5))
            assert features.shape == (5, 16, 7, 7)
            assert made.pooled(pixels(5)).shape == (5, 16, 1, 1)
            for kept in (features, made.pooled(pixels(5))):
                for task, output in made.outputs(made.answers(kept)).items():
                    assert torch.allclose(output, whole[task], atol=1e-6)


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
def test_the_pooling_that_is_the_same_each_time_is_the_usual_one(
    order: torch.memory_format, monkeypatch: pytest.MonkeyPatch
) -> None:
    features = torch.randn(3, 4, 6, 5, generator=torch.Generator().manual_seed(1))
    usual = largest_of(features.contiguous(memory_format=order))
    monkeypatch.setattr(labels, "only_repeatable", lambda _: True)
    torch.testing.assert_close(largest_of(features.contiguous(memory_format=order)), usual)
    _, gradient = largest_of(torch.ones(3, 4, 6, 5).contiguous(memory_format=order))
    assert ((gradient != 0).flatten(2).sum(2) == 1).all()  # of equal ones, too


def largest_of(features: Tensor) -> tuple[Tensor, Tensor]:
    """What is pooled of features, and the gradient of its squares."""
    features = features.detach().requires_grad_()
    largest = pooling({"pool": "max"})(features)
    largest.square().sum().backward()
    assert features.grad is not None
    return largest.detach(), features.grad


def test_a_joint_head_is_one_vector_cut_where_the_schema_says() -> None:
    made = network("lapel-small", {"widths": [8, 16]}, head={"heads": "joint"})
    assert isinstance(made.heads, JointHead)
    with torch.no_grad():
        features = made.pooled(pixels(4))
        vector = made.heads.vector(features)
        outputs = made.outputs(made.answers(features))
    assert vector.shape == (4, sum(len(spec.labels) for spec in SCHEMA))
    assert torch.equal(torch.cat([outputs[spec.name] for spec in SCHEMA], 1), vector)


def test_frozen_stages_neither_learn_nor_gather_statistics() -> None:
    made = network("lapel-small", {"widths": [8, 16, 24]})
    made.freeze(2)
    made.train()
    before = {name: value.clone() for name, value in made.state_dict().items()}
    optimiser = torch.optim.SGD([p for p in made.parameters() if p.requires_grad], lr=0.1)
    sum(output.square().mean() for output in made(pixels(8)).values()).backward()
    optimiser.step()
    changed = {name for name, value in made.state_dict().items() if not value.equal(before[name])}
    assert {
        name for name in changed if name.startswith(("backbone.first", "backbone.blocks.0"))
    } == set()
    assert {name for name in changed if name.startswith("backbone.blocks.1")} == set()
    assert "backbone.blocks.2.enter_norm.running_mean" in changed
    assert "heads.0.linear.weight" in changed


def test_what_was_frozen_learns_again_and_what_is_fitted_does_not() -> None:
    made = network("lapel-small", {"widths": [8, 16]})
    made.freeze(2)
    assert not any(value.requires_grad for value in made.backbone.parameters())
    made.freeze(0)
    made.train()
    still = [name for name, value in made.backbone.named_parameters() if not value.requires_grad]
    assert still == ["first.weight"]
    assert all(module.training for module in made.modules())
