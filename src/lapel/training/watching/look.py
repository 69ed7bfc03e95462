"""What one look at a learning network finds: gradients beside weights, and units that say nothing.

Looking changes nothing: a run that is watched ends in the same weights as one that is not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

#: Layers after which a unit may fall silent, whatever comes in.
ACTIVATIONS = (
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.GELU, nn.SiLU, nn.Hardswish, nn.ELU, nn.Sigmoid, nn.Tanh,
)  # fmt: skip

#: Ends of a path of which nobody reads every part.
SHOWN_PARTS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was found after one step.

    Attributes:
        step: counted from 1.
        loss: of the step; None where nobody knows yet.
        gradient: norm of the gradient of all parameters together; not finite where one is not.
        relative: of each layer that has weights, the root mean square of its gradient divided by
            that of its weights.
        silent: of each activation, the share of its units that said the same about all pictures
            and places of the step.
    """

    step: int
    loss: float | None
    gradient: float
    relative: Mapping[str, float]
    silent: Mapping[str, float]


def gradients_of(network: nn.Module) -> tuple[float, dict[str, float]]:
    """Norm of the whole gradient, and gradients of layers relative to their weights."""
    squares, relative = [], {}
    for name, parameter in network.named_parameters():
        gradient = parameter.grad
        if gradient is None:
            continue
        square = gradient.detach().float().square()
        squares.append(square.sum())
        if parameter.ndim > 1:  # scales and offsets may well be 0
            weights = parameter.detach().float().square().mean().sqrt()
            relative[layer_of(name)] = float(square.mean().sqrt() / weights.clamp(min=1e-12))
    total = float(torch.stack(squares).sum().sqrt()) if squares else math.nan
    return total, relative


def layer_of(parameter: str) -> str:
    """A layer's name from that of its parameter, without what nobody reads."""
    parts = parameter.removesuffix(".weight").split(".")
    return ".".join(parts if len(parts) <= SHOWN_PARTS else ["…", *parts[-SHOWN_PARTS:]])


class SilentUnits:
    """Counts, while a network learns, the units of each activation that say nothing."""

    def __init__(self, network: nn.Module) -> None:
        self._layers = {
            name: module
            for name, module in network.named_modules()
            if isinstance(module, ACTIVATIONS)
        }
        self._found: dict[str, float] = {}

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Activations are listened to inside the block."""
        self.listen()
        try:
            yield
        finally:
            self.take()

    def listen(self) -> None:
        """Listen from now on."""
        self._found = {}
        self._hooks = [
            module.register_forward_hook(self._hook(name)) for name, module in self._layers.items()
        ]

    def take(self) -> dict[str, float]:
        """Stop listening, and give what was found since :meth:`listen`."""
        for hook in getattr(self, "_hooks", ()):
            hook.remove()
        self._hooks = []
        found, self._found = self._found, {}
        return found

    def _hook(self, name: str):  # type: ignore[no-untyped-def] # noqa: ANN202 - torch's own shape
        def hook(_module: nn.Module, _inputs: object, output: Tensor) -> None:
            self._found[layer_of(name)] = silent_share(output)

        return hook


@torch.no_grad()
def silent_share(output: Tensor) -> float:
    """Share of an activation's units (N, units, ...) that say one thing alone."""
    if output.ndim < 2 or len(output) < 2:
        return 0.0
    units = output.detach().transpose(0, 1).flatten(1).float()
    spread = units.amax(1) - units.amin(1)
    return float((spread <= 1e-6 * (1 + units.abs().amax(1))).float().mean())
