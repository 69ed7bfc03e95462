"""Parts of a network are put together one tensor at a time, by all and for the first alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from lapel.training.processes.sharding import put_together


class Part:
    """A part of a tensor, as torch's ``DTensor``; notes what is asked of it."""

    device_mesh = "of two processes"

    def __init__(self, name: str, asked: list[str]) -> None:
        self._name = name
        self._asked = asked

    def detach(self) -> Part:
        return self

    def full_tensor(self) -> Part:
        self._asked.append(f"{self._name} whole")
        return self

    def to(self, device: str) -> Part:
        self._asked.append(f"{self._name} to the {device}")
        return self


@pytest.mark.parametrize("kept", [True, False])
def test_a_tensor_leaves_the_accelerator_before_the_next_is_put_together(kept: bool) -> None:
    asked: list[str] = []
    parts: dict[str, Any] = {name: Part(name, asked) for name in ("first", "second")}
    found = put_together(parts, kept=kept)
    if kept:
        assert found == parts
        assert asked == ["first whole", "first to the cpu", "second whole", "second to the cpu"]
    else:
        assert found == {}
        assert asked == ["first whole", "second whole"]  # all processes have to ask


def test_what_is_whole_stays_what_it_is() -> None:
    value = torch.ones(3)
    assert torch.equal(put_together({"value": value}, kept=True)["value"], value)
