"""Networks: their shapes, what is fitted, and that the exported one is the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor

from lapel.inference.engines import ENGINES
from lapel.models.export import export_onnx
from lapel.models.multitask import Architecture, Network
from lapel.models.small import Whitening
from lapel.schema.errors import RecipeError
from lapel.schema.labels import Schema, TaskSpec

SCHEMA = Schema(
    (
        TaskSpec(name="category", kind="single_label", labels=("coat", "dress", "hat")),
        TaskSpec(name="색상.main", kind="single_label", labels=("빨강", "파랑")),
    )
)


def network(backbone: str, options: Mapping[str, Any], *, channels: int = 1) -> Network:
    torch.manual_seed(0)
    architecture = Architecture(
        backbone=backbone, options=options, mean=[0.4] * channels, std=[0.3] * channels
    )
    made = Network(SCHEMA, architecture)
    made.fit_to(pixels(64, channels=channels))
    made.train()
    made(pixels(64, channels=channels))  # so that batch normalisation has seen something
    return made.eval()


def pixels(count: int, *, channels: int = 1, size: int = 28) -> Tensor:
    generator = torch.Generator().manual_seed(2)
    return torch.randint(
        0, 256, (count, channels, size, size), dtype=torch.uint8, generator=generator
    )


BACKBONES: dict[str, tuple[str, dict[str, Any], int]] = {
    "small": ("lapel-small", {"widths": [8, 16]}, 1),
    "small residual": ("lapel-small", {"widths": [8, 16], "depth": 3, "residual": True}, 3),
    "resnet": ("resnet18", {"small_images": True}, 1),
    "vgg": ("vgg11_bn", {"small_images": True}, 1),
}


@pytest.mark.parametrize("case", BACKBONES)
def test_the_exported_network_gives_the_same_outputs_for_any_batch(case: str) -> None:
    backbone, options, channels = BACKBONES[case]
    made = network(backbone, options, channels=channels)
    graph = export_onnx(made, channels=channels, height=28, width=28)
    assert not made.training
    engine = ENGINES["onnxruntime"](graph)
    for count in (1, 5):
        batch = pixels(count, channels=channels)
        with torch.no_grad():
            expected = made(batch)
        outputs = engine.run(batch.numpy())
        assert list(outputs) == ["category", "색상.main"]
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


def test_adapted_networks_keep_a_small_picture_large_enough() -> None:
    for name, size in (("resnet18", 4), ("vgg16_bn", 1)):
        made = network(name, {"small_images": True})
        features = made.backbone(made.normalise(pixels(2)))
        assert features.shape[2:] == (size, size)


def test_the_network_answers_for_the_mean_as_for_zero() -> None:
    made = network("lapel-small", {"widths": [8]})
    mean = torch.full((1, 1, 28, 28), round(0.4 * 255), dtype=torch.uint8)
    assert made.normalise(mean).abs().max() < 0.01


def test_weights_come_from_a_file_of_timms(tmp_path: Path) -> None:
    torch.manual_seed(3)
    source = timm.create_model("resnet18", pretrained=False)
    contents = {name: value.contiguous() for name, value in source.state_dict().items()}
    save_file(contents, tmp_path / "weights.safetensors")
    torch.manual_seed(4)
    made = network("resnet18", {"weights": str(tmp_path / "weights.safetensors")}, channels=3)
    deep = dict(made.backbone.named_parameters())
    assert torch.equal(deep["network.layer4.1.conv2.weight"], contents["layer4.1.conv2.weight"])


@pytest.mark.parametrize("content", [None, b"no weights"])
def test_a_file_that_holds_no_weights_is_refused(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RecipeError, match=r"weights\.safetensors"):
        network("resnet18", {"weights": str(path)}, channels=3)
