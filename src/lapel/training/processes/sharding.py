"""A large network whose parameters each process holds a part of (FSDP2, torch's ``fully_shard``).

A layer's parameters are put together where it is needed, and parted again after it: so weights,
gradients and the optimiser's state take one process's share of the memory, and more messages.
Files know nothing of it: a checkpoint and a bundle hold whole tensors, as of one process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.optimizer import Optimizer

from lapel.models.multitask import Network
from lapel.schema.errors import UsageError


def shard(network: Network) -> None:
    """Part a network's parameters among all processes, stage by stage.

    Optimisers are to be built after this. Gradients are then summed over processes while they
    are found.

    Raises:
        UsageError: torch is too old for it.
    """
    from torch.distributed.fsdp import (  # noqa: PLC0415 - seconds, for few runs
        FSDPModule,
        fully_shard,
        register_fsdp_forward_method,
    )

    if not hasattr(FSDPModule, "set_force_sum_reduction_for_comms"):
        raise UsageError(
            f"--shard needs torch's FSDP2 as it is since 2.9, found torch {torch.__version__}: "
            "update torch, or leave --shard out"
        )
    network.to(memory_format=torch.contiguous_format)  # of others it takes none
    for stage in network.stages():
        for module in _outermost(stage.modules):
            fully_shard(module)
    fully_shard(network)
    register_fsdp_forward_method(network, "raw")
    for module in network.modules():
        if isinstance(module, FSDPModule):
            module.set_gradient_divide_factor(1.0)
            module.set_force_sum_reduction_for_comms(enable=True)  # gloo knows no other


def _outermost(modules: Sequence[nn.Module]) -> list[nn.Module]:
    """Those of a stage's modules that learn, are called, and lie in no other of them."""
    inner = {id(part) for module in modules for part in module.modules() if part is not module}
    return [
        module
        for module in modules
        if id(module) not in inner
        and not isinstance(module, nn.ModuleList | nn.ModuleDict)
        and any(parameter.requires_grad for parameter in module.parameters())
    ]


def is_sharded(module: nn.Module) -> bool:
    """Whether processes hold parts of a module's parameters."""
    return any(is_parted(parameter) for parameter in module.parameters())


def is_parted(value: Tensor) -> bool:
    """Whether it is torch's ``DTensor``, without loading what only parted networks need."""
    return hasattr(value, "device_mesh")


def whole(value: Tensor) -> Tensor:
    """A tensor of which each process may hold a part, as a whole; all processes ask together."""
    if not is_parted(value):
        return value
    full: Tensor = value.full_tensor()  # type: ignore[attr-defined] # as DTensors have it
    return full


def put_together(tensors: Mapping[str, Tensor], *, kept: bool) -> dict[str, Tensor]:
    """Tensors of which each process may hold a part, as wholes on the CPU; all ask together.

    Each goes there before the next is put together: an accelerator that holds a part of a network
    may have no room for all of it, and less for an optimiser's moments.

    Args:
        tensors: parts, wholes, or both.
        kept: whether this process wants them; one that does not gives its parts and has nothing.
    """
    found = {}
    for name, value in tensors.items():
        full = whole(value.detach())
        if kept:
            found[name] = full.to("cpu")
    return found


def like(parted: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Whole tensors, parted as others of the same names are."""
    return {
        name: _like(parted[name], value) if name in parted else value
        for name, value in tensors.items()
    }


def moments_like(optimiser: Optimizer, state: Mapping[int, dict[str, Any]]) -> None:
    """Part what an optimiser keeps of each parameter as the parameter is parted."""
    parameters = [one for group in optimiser.param_groups for one in group["params"]]
    for number, values in state.items():
        for name, value in values.items():
            if isinstance(value, Tensor) and value.shape == parameters[number].shape:
                values[name] = _like(parameters[number], value)


@torch.no_grad()
def _like(parted: Tensor, value: Tensor) -> Tensor:
    if not is_parted(parted):
        return value
    from torch.distributed.tensor import DTensor, distribute_tensor  # noqa: PLC0415 - as above

    if not isinstance(parted, DTensor) or isinstance(value, DTensor):
        return value
    return distribute_tensor(value.to(parted.device), parted.device_mesh, parted.placements)
