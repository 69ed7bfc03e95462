"""A backbone cut where its frozen stages end: what lies below needs to be computed only once.

What the frozen stages make of a picture never changes while the others learn. So it is kept, and
only the upper part runs at every step, forwards and backwards: a small part of the whole work,
since the lowest layers, on the largest maps, take most of it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from lapel.models.heads.base import Raw
from lapel.models.multitask import Network

#: What the upper part makes of what was kept may differ by so much of the largest feature.
TOLERANCE = 1e-3


class Lower(nn.Module):
    """Pixels to pooled features and, on the way, to what the first learning part is given.

    Args:
        network: some of whose stages are frozen.
        first: the part of its backbone that learns and runs first; None keeps nothing on the way.
    """

    def __init__(self, network: Network, first: nn.Module | None) -> None:
        super().__init__()
        self.network = network
        self.first = first

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """uint8 (N, C, H, W) to features (N, width, 1, 1), and the kept maps (N, c, h, w)."""
        if self.first is None:
            return (self.network.pooled(pixels),)
        given: list[Tensor] = []
        hook = self.first.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0]))
        try:
            pooled = self.network.pooled(pixels)
        finally:
            hook.remove()
        return pooled, given[0]


class Upper(nn.Module):
    """What the frozen part made of pictures, to answers; shares all its layers with a network.

    Args:
        network: whose heads answer.
        backbone: its backbone without the frozen part.
    """

    def __init__(self, network: Network, backbone: nn.Module) -> None:
        super().__init__()
        # In a list, so that no layer is counted twice among the parameters.
        self._shared = [network]
        self.backbone = backbone

    def forward(self, kept: Tensor) -> dict[str, Raw]:
        """Kept maps (N, c, h, w) to task name -> what its head says."""
        maps = kept.float().contiguous(memory_format=torch.channels_last)
        return self._shared[0].answers(self.backbone(maps))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A network in two parts."""

    lower: Lower
    upper: Upper


@torch.no_grad()
def cut(network: Network, pixels: Tensor) -> Cut | None:
    """Cut a network where its frozen stages end.

    The cut is found by watching which parts run in which order, and tried: where the upper part
    alone does not give the same features, there is none.

    Args:
        network: some of whose stages are frozen (``Network.freeze``).
        pixels: a few pictures to try it on, uint8 (n, C, H, W).

    Raises:
        torch.OutOfMemoryError: the accelerator has no room to try it.
    """
    was_training = network.training
    network.eval()
    try:
        order = _order(network, pixels)
        learning = [part for part in order if _learns(part)]
        if not learning or not order or learning[0] is order[0]:
            return None
        below = order[: order.index(learning[0])]
        backbone = _without(network.backbone, {id(part) for part in below})
        lower = Lower(network, learning[0])
        upper = Upper(network, backbone)
        pooled, kept = lower(pixels)
        again = network.pool(backbone(kept))
        close = (again - pooled).abs().max() <= TOLERANCE * pooled.abs().max()
        return Cut(lower=lower, upper=upper) if bool(close) else None
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, IndexError, TypeError, ValueError):
        # Networks are others' and of every shape; one that cannot be cut so runs whole.
        return None
    finally:
        network.train(was_training)


def _learns(part: nn.Module) -> bool:
    return any(parameter.requires_grad for parameter in part.parameters())


def _parts(module: nn.Module) -> Iterator[nn.Module]:
    """The largest parts that rest as a whole or learn as a whole."""
    flags = {parameter.requires_grad for parameter in module.parameters()}
    children = list(module.children())
    if len(flags) < 2 or not children:
        yield module
        return
    for child in children:
        yield from _parts(child)


def _order(network: Network, pixels: Tensor) -> list[nn.Module]:
    """The parts of a backbone in the order in which they run."""
    order: list[nn.Module] = []
    hooks = [
        part.register_forward_pre_hook(lambda module, _: order.append(module))
        for part in _parts(network.backbone)
    ]
    try:
        network.features(pixels)
    finally:
        for hook in hooks:
            hook.remove()
    return list(dict.fromkeys(order))


def _without(module: Any, gone: set[int]) -> Any:  # noqa: ANN401 - a module of any class, and its like
    """A copy of a module in which some parts do nothing; all other layers are shared."""
    if module is None or not any(id(part) in gone for part in module.modules()):
        return module
    copied = copy.copy(module)
    copied._modules = {  # noqa: SLF001 - the one place where torch keeps a module's parts
        name: nn.Identity() if id(child) in gone else _without(child, gone)
        for name, child in module._modules.items()  # noqa: SLF001 - likewise
    }
    return copied
