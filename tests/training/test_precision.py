"""bfloat16 is taken where it is quicker here, and by name without a measurement."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lapel.training import precision
from lapel.training.precision import choose_precision


def seconds(bfloat16_is_quicker_by: float) -> Any:
    """A machine on which a pass in float32 takes a second."""

    def measured(_answer: object, _inputs: Tensor, *, bfloat16: bool) -> float:
        return 1 / bfloat16_is_quicker_by if bfloat16 else 1.0

    return measured


class Untrained(nn.Module):
    """Stands for a network whose passes are not looked at."""

    def trial(self, pixels: Tensor) -> dict[str, Tensor]:
        raise AssertionError(pixels.shape)


@pytest.mark.parametrize(
    ("factor", "chosen"),
    [(2.0, torch.bfloat16), (1.2, torch.bfloat16), (1.05, torch.float32), (0.5, torch.float32)],
)
def test_the_quicker_one_is_taken_where_it_is_worth_it(
    factor: float, chosen: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "_seconds", seconds(factor))
    found = choose_precision(Untrained(), torch.zeros(2, 1, 28, 28, dtype=torch.uint8), "auto")  # type: ignore[arg-type] # only asked for what it has
    assert found == chosen


@pytest.mark.parametrize(
    ("wanted", "chosen"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)]
)
def test_by_name_nothing_is_measured(
    wanted: str, chosen: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "_seconds", None)
    pixels = torch.zeros(2, 1, 28, 28, dtype=torch.uint8)
    assert choose_precision(Untrained(), pixels, wanted) == chosen  # type: ignore[arg-type] # as above


class Normalising(nn.Module):
    """A network whose statistics change with every pass."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4))

    def trial(self, pixels: Tensor) -> dict[str, Tensor]:
        return {"pattern": self.layers(pixels.float())}


def test_measuring_leaves_the_network_as_it_was() -> None:
    network = Normalising()
    before = copy.deepcopy(network.state_dict())
    pixels = torch.randint(0, 255, (4, 1, 28, 28), dtype=torch.uint8)
    choose_precision(network, pixels, "auto")  # type: ignore[arg-type] # as above
    after = network.state_dict()
    assert all(torch.equal(after[name], values) for name, values in before.items())
    assert all(parameter.grad is None for parameter in network.parameters())
