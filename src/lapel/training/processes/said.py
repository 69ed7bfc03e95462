"""What the heads of all processes say of a batch, so that each has the loss of the whole of it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from lapel.models.heads.base import Detected, LandmarkMaps, Raw
from lapel.training.processes.group import Group


def is_apart(said: Mapping[str, Raw]) -> bool:
    """Whether a loss can only be asked of a process's own pictures.

    What a detector says is boxes and maps in a form of its own; its loss is taken a process at a
    time, and the mean of those is what is learned from.
    """
    return any(isinstance(raw, Detected) for raw in said.values())


def around(group: Group, said: Mapping[str, Raw]) -> dict[str, Raw]:
    """What all processes say of the whole batch, each picture in its place.

    Any loss of it is the loss that one process would have: a mean over what is known, pairs of
    pictures, two in one. Only what this process says has a gradient; the sum of what all
    processes find is the gradient of the whole.

    Args:
        group: the processes.
        said: task name to what the head says of this process's share, (n, ...).
    """
    tensors = {name: _tensors(raw) for name, raw in said.items()}
    own = [part for parts in tensors.values() for part in parts]
    # One message for all of them.
    flat = torch.cat([part.detach().float().flatten(1) for part in own], 1)
    columns = torch.split(group.gathered(flat), [part[0].numel() for part in own], 1)
    whole = iter(
        _with_own(column.reshape(-1, *part.shape[1:]).to(part.dtype), part, group)
        for column, part in zip(columns, own, strict=True)
    )
    return {
        name: _rebuilt(said[name], [next(whole) for _ in parts]) for name, parts in tensors.items()
    }


def _with_own(everything: Tensor, own: Tensor, group: Group) -> Tensor:
    """The rows of all processes, in which this one's own have their gradient."""
    place = group.own(len(everything))
    return torch.cat([everything[: place.start], own, everything[place.stop :]])


def _tensors(raw: Raw) -> list[Tensor]:
    if isinstance(raw, LandmarkMaps):
        return [raw.heatmaps, raw.visible]
    if isinstance(raw, Tensor):
        return [raw]
    raise TypeError(f"what a {type(raw).__name__} says stays with its own process")


def _rebuilt(raw: Raw, tensors: list[Tensor]) -> Raw:
    if isinstance(raw, LandmarkMaps):
        return LandmarkMaps(tensors[0], tensors[1], raw.by_mean)
    return tensors[0]
