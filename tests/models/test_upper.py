"""A network cut in two answers as the whole one."""

from __future__ import annotations

import pytest
import torch

from lapel.models.multitask import Architecture, Network
from lapel.models.upper import cut
from lapel.schema.labels import Schema, TaskSpec

SCHEMA = Schema((TaskSpec(name="kind", kind="single_label", labels=("a", "b", "c")),))


def network_of(backbone: str) -> Network:
    torch.manual_seed(0)
    architecture = Architecture(backbone=backbone, mean=(0.5,) * 3, std=(0.5,) * 3)
    return Network(SCHEMA, architecture)


def pixels(count: int = 4, size: int = 64) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize("backbone", ["resnet10t", "tf_efficientnet_lite0", "mobilenetv2_050"])
def test_the_upper_part_goes_on_where_the_lower_one_ended(backbone: str) -> None:
    network = network_of(backbone).eval()
    network.freeze(len(network.stages()) - 2)
    parts = cut(network, pixels(2))
    assert parts is not None
    with torch.no_grad():
        pooled, kept = parts.lower(pixels())
        whole = network(pixels())["kind"]
        torch.testing.assert_close(parts.upper(kept)["kind"], whole, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(network.answers(pooled)["kind"], whole, rtol=1e-4, atol=1e-4)
    assert kept.shape[1:] != pixels().shape[1:]


def test_a_step_of_the_upper_part_is_a_step_of_the_network() -> None:
    network = network_of("resnet10t")
    network.freeze(len(network.stages()) - 1)
    parts = cut(network, pixels(2))
    assert parts is not None
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with torch.no_grad():
        _, kept = parts.lower.eval()(pixels())
    network.train()
    learned = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimiser = torch.optim.SGD(learned, lr=0.1)
    parts.upper(kept)["kind"].square().sum().backward()
    optimiser.step()
    moved = {name for name, value in network.state_dict().items() if (value != before[name]).any()}
    top = {name for name in before if name.startswith(("backbone.network.layer4.", "heads."))}
    assert moved
    assert moved <= top


@pytest.mark.parametrize("frozen", ["none", "all"])
def test_where_nothing_or_everything_rests_there_is_no_cut(frozen: str) -> None:
    network = network_of("resnet10t")
    network.freeze(0 if frozen == "none" else len(network.stages()))
    assert cut(network, pixels(2)) is None


def test_a_network_that_cannot_be_parted_runs_whole() -> None:
    network = network_of("vit_tiny_patch16_224")
    network.freeze(6)
    assert cut(network, pixels(2, 224)) is None


def test_a_full_accelerator_is_no_network_that_cannot_be_parted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(_: torch.Tensor) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    network = network_of("resnet10t")
    network.freeze(len(network.stages()) - 1)
    monkeypatch.setattr(network, "features", full)
    with pytest.raises(torch.OutOfMemoryError):
        cut(network, pixels(2))
