"""The gradients of all processes as one: what each found for its own pictures, added up."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from lapel.training.processes.group import Group


@torch.no_grad()
def add_up(group: Group, parameters: Iterable[nn.Parameter], *, uneven: bool = False) -> None:
    """Add up the gradients of parameters over all processes, in one message.

    Args:
        group: the processes.
        parameters: the same in each, in the same order.
        uneven: which of them have a gradient may differ between processes, as where a detector
            found nothing to learn from. One that has none anywhere keeps none, so that no
            optimiser moves it.
    """
    if group.alone:
        return
    learned = [parameter for parameter in parameters if parameter.requires_grad]
    if uneven:
        _fill_gaps(group, learned)
    gradients = [parameter.grad for parameter in learned if parameter.grad is not None]
    if not gradients:
        return
    flat = group.add_up(torch.cat([gradient.flatten() for gradient in gradients]))
    parts = torch.split(flat, [gradient.numel() for gradient in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))


def _fill_gaps(group: Group, parameters: list[nn.Parameter]) -> None:
    """A gradient of 0 where another process has one."""
    has = torch.tensor([float(parameter.grad is not None) for parameter in parameters])
    for parameter, anywhere in zip(parameters, group.add_up(has).tolist(), strict=True):
        if anywhere and parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)


@torch.no_grad()
def take_mean(group: Group, parameters: Iterable[nn.Parameter]) -> None:
    """The mean of gradients that every process has of the whole batch, as those of a loss's own
    parameters: equal but for rounding, and then equal to the bit.
    """
    parameters = list(parameters)
    add_up(group, parameters)
    for parameter in parameters:
        if parameter.grad is not None and not group.alone:
            parameter.grad.div_(group.count)


def mean_of(group: Group, value: Tensor) -> Tensor:
    """The mean of a number that each process has, without gradient."""
    if group.alone:
        return value.detach()
    return group.add_up(value.detach().clone()) / group.count
