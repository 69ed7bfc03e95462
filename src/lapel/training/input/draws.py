"""What is drawn for the pictures of a batch, where a process may have only some of them at hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import torch
from torch import Generator, Tensor


class BatchGenerator(Generator):
    """A generator of a step that several processes take together, each with its own pictures.

    All of them draw for the whole batch, in the same order, and each takes what is its own: so
    that a picture is changed in the same way, whoever looks at it.

    Args:
        device: where it draws.
        batch: pictures of all processes.
        own: those of this one.
    """

    batch: int
    own: slice

    def __new__(cls, device: torch.device, batch: int, own: slice) -> Self:  # noqa: ARG004 - as __init__ takes them
        """A generator of torch's, on the device."""
        return super().__new__(cls, device)  # type: ignore[call-arg] # torch types it as an object's

    def __init__(self, device: torch.device, batch: int, own: slice) -> None:  # noqa: ARG002 - torch's takes it when it is made
        self.batch = batch
        self.own = own


def drawn(pixels: Tensor, generator: Generator, draw: Callable[[int], Tensor]) -> Tensor:
    """What is drawn for each picture at hand.

    Args:
        pixels: the pictures, (n, ...).
        generator: that `draw` draws from.
        draw: from a number of pictures to what is drawn for them, (number, ...).
    """
    if isinstance(generator, BatchGenerator):
        return draw(generator.batch)[generator.own]
    return draw(len(pixels))


def uniform(pixels: Tensor, generator: Generator) -> Tensor:
    """A number from 0 to 1 for each picture, float32 (N,)."""
    return drawn(
        pixels,
        generator,
        lambda count: torch.rand(count, generator=generator, device=pixels.device),
    )
