"""Gradients travel to the other processes in pieces, the first of them before the last is found."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from lapel.training.processes import gradients
from lapel.training.processes.gradients import Gradients
from lapel.training.processes.group import Group


class Twin(Group):
    """One of two processes that find the same; notes how many gradients there were when a piece
    left.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__(0, 2)
        self._network = network
        self.found: list[int] = []

    def begin_adding_up(self, values: Tensor) -> Callable[[], None]:
        found = [one for one in self._network.parameters() if one.grad is not None]
        self.found.append(len(found))

        def arrive() -> None:
            values.mul_(2)

        return arrive

    def add_up(self, values: Tensor) -> Tensor:
        return values.mul_(2)


@pytest.fixture(autouse=True)
def piece_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradients, "PIECE_BYTES", 1)


@pytest.fixture
def network() -> nn.Sequential:
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 2))
    return layers.to(memory_format=torch.channels_last)


PICTURES = torch.rand(5, 3, 4, 4, generator=torch.Generator().manual_seed(1))


def found(network: nn.Module) -> list[Tensor | None]:
    return [None if one.grad is None else one.grad.clone() for one in network.parameters()]


def alone(network: nn.Module) -> list[Tensor | None]:
    """What a process finds by itself."""
    network.zero_grad()
    network(PICTURES).square().sum().backward()
    expected = found(network)
    network.zero_grad()
    return expected


def test_the_last_layers_travel_while_the_first_are_looked_for(network: nn.Sequential) -> None:
    expected = alone(network)
    twin = Twin(network)
    summing = Gradients(twin, network.parameters())
    for _ in range(2):  # the memory of a step is the next one's
        network.zero_grad()
        with summing.added_up():
            network(PICTURES).square().sum().backward()
        for one, own in zip(found(network), expected, strict=True):
            assert one is not None
            assert own is not None
            torch.testing.assert_close(one, 2 * own)
    for step in (twin.found[:4], twin.found[4:]):
        assert step[:2] == [1, 2]  # of the last layer, before the first had any
        assert len(step) == 4
    filters = next(network.parameters())
    assert filters.grad is not None
    assert filters.grad.stride() == filters.stride()


def test_who_has_no_gradient_keeps_none_and_keeps_nobody_waiting(network: nn.Sequential) -> None:
    summing = Gradients(Twin(network), network.parameters())
    for rested in (network[0], network[3]):  # the second time something lies in its place
        network.zero_grad()
        with summing.added_up():
            values = network[0](PICTURES).detach() if rested is network[0] else PICTURES
            told = network[1:](values) if rested is network[0] else network[:3](values)
            told.square().sum().backward()
        resting = {id(one) for one in rested.parameters()}
        for one in network.parameters():
            assert (one.grad is None) == (id(one) in resting)


def test_where_processes_find_different_things_all_learn_what_any_found(
    network: nn.Sequential,
) -> None:
    class Other(Twin):
        """The other process found something for each parameter."""

        def add_up(self, values: Tensor) -> Tensor:
            return values.fill_(1.0)

    other = Other(network)
    with Gradients(other, network.parameters()).added_up(uneven=True):
        network[:3](PICTURES).square().sum().backward()
    assert all(one is not None for one in found(network))
    assert other.found == [4, 4, 4, 4]  # none left before it was known who has what
