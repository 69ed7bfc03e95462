"""What was found when a set was judged, by one process or by several that each judged a part."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load, save
from torch import Tensor

from lapel.tasks.base import Counts

#: In the names of what is sent: what kind of thing, then which.
LOSSES, OUTPUT, VECTORS, COUNTS = "losses", "output.", "vectors", "counts."


@dataclass(slots=True, kw_only=True)
class Judged:
    """What was found for some batches of a set, in their order.

    Attributes:
        losses: pictures times mean loss of each batch.
        outputs: task name to outputs (n, ...), of the tasks whose outputs may be kept.
        counts: task name to counts, of those whose outputs are dense.
        vectors: float32 (n, width), where vectors are learned.
    """

    losses: list[float] = field(default_factory=list)
    outputs: dict[str, Tensor] = field(default_factory=dict)
    counts: dict[str, Counts] = field(default_factory=dict)
    vectors: Tensor | None = None

    def to_bytes(self) -> bytes:
        """As another process can read it."""
        tensors = {LOSSES: torch.tensor(self.losses, dtype=torch.float64)}
        tensors |= {f"{OUTPUT}{task}": value for task, value in self.outputs.items()}
        if self.vectors is not None:
            tensors[VECTORS] = self.vectors
        for task, counts in self.counts.items():
            for number, leaf in enumerate(_leaves(counts)):
                tensors[f"{COUNTS}{number:04d}.{task}"] = torch.from_numpy(np.array(leaf))
        return save({name: value.detach().cpu().contiguous() for name, value in tensors.items()})

    def of_another(self, data: bytes) -> Self:
        """What another process found, of the same kind as this; of nothing, nothing.

        Raises:
            ValueError: counts of tasks that this process has none of.
        """
        tensors = load(data)
        found = type(self)(losses=tensors[LOSSES].tolist(), vectors=tensors.get(VECTORS))
        for name in sorted(tensors):
            if name.startswith(OUTPUT):
                found.outputs[name.removeprefix(OUTPUT)] = tensors[name]
        sent: dict[str, list[NDArray[Any]]] = {}
        for name in sorted(name for name in tensors if name.startswith(COUNTS)):
            _, _, task = name.removeprefix(COUNTS).partition(".")
            sent.setdefault(task, []).append(tensors[name].numpy())
        for task, leaves in sent.items():
            if task not in self.counts:
                raise ValueError(f"the first process has no counts of {task}, and others have")
            found.counts[task] = _rebuilt(self.counts[task], iter(leaves))
        return found


def joined(parts: Sequence[Judged]) -> Judged:
    """What was found for the batches of all parts, one after another; those of nothing add none."""
    some = [part for part in parts if part.losses]
    if len(some) < 2:
        return some[0] if some else Judged()
    first = some[0]
    vectors = [part.vectors for part in some if part.vectors is not None]
    return Judged(
        losses=[loss for part in some for loss in part.losses],
        outputs={
            task: torch.cat([part.outputs[task].to(value.device) for part in some])
            for task, value in first.outputs.items()
        },
        counts={task: reduce(add, [part.counts[task] for part in some]) for task in first.counts},
        vectors=torch.cat([part.to(vectors[0].device) for part in vectors]) if vectors else None,
    )


def _leaves(value: Any) -> Iterator[NDArray[Any]]:  # noqa: ANN401 - counts are of each kind's own form
    """The arrays and numbers that counts are made of, in an order that is always the same."""
    if dataclasses.is_dataclass(value):
        for part in dataclasses.fields(value):
            yield from _leaves(getattr(value, part.name))
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _leaves(part)
    else:
        yield np.asarray(value)


def _rebuilt(like: Any, leaves: Iterator[NDArray[Any]]) -> Any:  # noqa: ANN401 - likewise
    """Counts of the same form as others, made of other arrays and numbers."""
    if dataclasses.is_dataclass(like) and not isinstance(like, type):
        parts = {part.name: getattr(like, part.name) for part in dataclasses.fields(like)}
        return type(like)(**{name: _rebuilt(part, leaves) for name, part in parts.items()})
    if isinstance(like, Mapping):
        return {name: _rebuilt(part, leaves) for name, part in like.items()}
    leaf = next(leaves)
    return leaf if isinstance(like, np.ndarray) else type(like)(leaf.item())
