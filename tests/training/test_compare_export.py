"""The exported network is shown all validation pictures; torch's as many as are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from lapel.schema.labels import Schema, TaskSpec
from lapel.training.compare_export import CHECK_BATCH, compare
from lapel.training.input.examples import Examples
from lapel.training.input.pictures import Resident

COUNT = 700
SCHEMA = Schema((TaskSpec(name="kind", kind="single_label", labels=("a", "b", "c")),))
ROWS = torch.arange(COUNT)


class Torchs:
    """Stands for torch's network: answers by the number of the picture, which is its pixels."""

    task_names = ("kind",)

    def __init__(self) -> None:
        self.shown: list[int] = []

    def __call__(self, pixels: Tensor) -> dict[str, Tensor]:
        rows = pixels[:, 0, 0, 0].long() + 256 * pixels[:, 0, 0, 1].long()
        self.shown += rows.tolist()
        return {"kind": functional.one_hot(rows % 3, 3).float()}


class Exported:
    """Stands for the engine, which answers as that does, or wrongly from a picture on."""

    def __init__(self, wrong_from: int = COUNT) -> None:
        self.like = Torchs()
        self.wrong_from = wrong_from

    def run(
        self, pixels: NDArray[np.uint8], names: Sequence[str]
    ) -> dict[str, NDArray[np.float32]]:
        assert names == self.like.task_names
        answers = self.like(torch.from_numpy(pixels))["kind"]
        rows = torch.tensor(self.like.shown[-len(pixels) :])
        return {"kind": torch.where(rows[:, None] < self.wrong_from, answers, -answers).numpy()}


class Patient:
    """Ends nothing."""

    def pause(self) -> None:
        """Go on."""


def numbered() -> Examples:
    """Pictures whose pixels are their number."""
    pixels = torch.stack([ROWS % 256, ROWS // 256], 1).to(torch.uint8)[:, None, None, :]
    return Examples(
        pictures=Resident(pixels), targets={"kind": ROWS % 3}, weights={"kind": torch.ones(COUNT)}
    )


@pytest.mark.parametrize(
    ("most", "shown"), [(None, COUNT), (COUNT, COUNT), (2 * CHECK_BATCH, 2 * CHECK_BATCH)]
)
def test_torch_is_shown_no_more_than_asked_for_from_all_over_the_set(
    most: int | None, shown: int
) -> None:
    network: Any = Torchs()
    engine: Any = Exported()
    found = compare(network, engine, numbered(), SCHEMA, Patient(), most=most)
    assert len(network.shown) == found.parity.pictures == shown
    assert min(network.shown) < COUNT // 2 < max(network.shown)
    assert engine.like.shown == list(range(COUNT))
    assert found.outputs["kind"].argmax(1).tolist() == (ROWS % 3).tolist()
    assert found.parity.holds


def test_a_fault_in_a_part_of_the_set_is_found_among_some_of_it() -> None:
    network: Any = Torchs()
    engine: Any = Exported(wrong_from=COUNT // 3)
    found = compare(network, engine, numbered(), SCHEMA, Patient(), most=2 * CHECK_BATCH)
    assert not found.parity.holds
