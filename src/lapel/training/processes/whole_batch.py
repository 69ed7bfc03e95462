"""What a network draws and counts in a step, as if one process looked at the whole batch.

Each process looks at its share of a batch. Two kinds of layers look beyond one picture: batch
normalisation takes means over the batch, and dropout draws for all of it. Both are caught where
torch calls them, whatever module they belong to, and done for the batch that all processes have
together: then a step is the same, to rounding, with any number of processes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from lapel.training.processes.group import Group

#: Layers that draw what they drop: each multiplies by a mask that does not depend on the values.
DROPOUTS = (
    functional.dropout,
    functional.dropout1d,
    functional.dropout2d,
    functional.dropout3d,
    functional.feature_alpha_dropout,
)


class WholeBatch(TorchFunctionMode):
    """Inside the block, layers that look beyond one picture look at the whole batch.

    Args:
        group: the processes that have it together.
        batch: pictures of all of them.
    """

    def __init__(self, group: Group, batch: int) -> None:
        super().__init__()
        self._group = group
        self._batch = batch
        self._own = group.own(batch)
        self._handled: dict[Any, Callable[..., Tensor]] = {
            functional.batch_norm: self._batch_norm,
            torch.Tensor.bernoulli_: self._bernoulli,
        }

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,  # noqa: ANN401 - torch's own signature
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - likewise
        """Do what is handled here for the whole batch, and everything else as it is."""
        options = kwargs or {}
        if func in DROPOUTS and self._shared(args[0]):
            return self._dropout(func, *args, **options)
        handler = self._handled.get(func)
        if handler is not None and self._shared(args[0]):
            return handler(*args, **options)
        return func(*args, **options)

    def _shared(self, values: Tensor) -> bool:
        """Whether values are of this process's share of the batch, a row a picture."""
        return values.ndim > 0 and len(values) == self._own.stop - self._own.start

    def _batch_norm(
        self,
        values: Tensor,
        running_mean: Tensor | None,
        running_var: Tensor | None,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> Tensor:
        if not training:
            return functional.batch_norm(
                values, running_mean, running_var, weight, bias, training, momentum, eps
            )
        mean, variance = statistics(self._group, values)
        number = values.numel() // values.shape[1] * self._group.count
        if running_mean is not None and running_var is not None:
            with torch.no_grad():
                running_mean.lerp_(mean.to(running_mean.dtype), momentum)
                unbiased = variance * number / max(number - 1, 1)
                running_var.lerp_(unbiased.to(running_var.dtype), momentum)
        normalised: Tensor = _Normalised.apply(
            values, weight, bias, mean, variance, eps, self._group
        )
        return normalised

    def _dropout(
        self,
        func: Callable[..., Tensor],
        values: Tensor,
        p: float = 0.5,
        training: bool = True,
        inplace: bool = False,  # noqa: ARG002 - likewise
    ) -> Tensor:
        if not training or not p:
            return values
        kept = func(values.new_ones(self._batch, *values.shape[1:]), p, True)
        return values * kept[self._own]

    def _bernoulli(self, values: Tensor, *chance: Any, **options: Any) -> Tensor:  # noqa: ANN401 - torch's own signature
        """What layers that skip whole pictures draw by themselves (stochastic depth)."""
        drawn = values.new_empty(self._batch, *values.shape[1:]).bernoulli_(*chance, **options)
        return values.copy_(drawn[self._own])


@torch.no_grad()
def statistics(group: Group, values: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of each channel over the pictures of all processes, float32 (C,).

    Args:
        group: the processes, all of which have as many values.
        values: of this one, (n, C, ...).
    """
    variance, mean = torch.var_mean(values.float(), _all_but_channels(values), correction=0)
    parts = group.gathered(torch.stack([mean, variance])[None])
    means, variances = parts.unbind(1)
    mean = means.mean(0)
    return mean, variances.mean(0) + (means - mean).square().mean(0)


class _Normalised(torch.autograd.Function):
    """Batch normalisation with the statistics of all processes (Ioffe and Szegedy 2015, arXiv
    1502.03167, algorithm 1 and the gradients below it).

    A process's values move the statistics that all others are normalised by. So the two sums
    over the batch that the gradient has are taken over all processes.
    """

    @staticmethod
    def forward(
        context: Any,  # noqa: ANN401 - torch's own
        values: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        mean: Tensor,
        variance: Tensor,
        eps: float,
        group: Group,
    ) -> Tensor:
        context.save_for_backward(values, weight, mean, (variance + eps).rsqrt())
        context.group = group
        return functional.batch_norm(values, mean, variance, weight, bias, False, 0.0, eps)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401 - torch's own
        values, weight, mean, inverse = context.saved_tensors
        shape = (1, -1, *(1 for _ in range(values.ndim - 2)))
        over = _all_but_channels(values)
        wanted = gradient.float()
        centred = values.float() - mean.view(shape)
        own = torch.stack([wanted.sum(over), (wanted * centred).sum(over)])
        number = values.numel() // values.shape[1] * context.group.count
        total, along = context.group.add_up(own.clone()) / number
        scale = inverse if weight is None else inverse * weight.float()
        moved = wanted - total.view(shape) - centred * (inverse.square() * along).view(shape)
        to_values = (moved * scale.view(shape)).to(values.dtype)
        to_weight = None if weight is None else (own[1] * inverse).to(weight.dtype)
        to_bias = None if weight is None else own[0].to(weight.dtype)
        return to_values, to_weight, to_bias, None, None, None, None


def _all_but_channels(values: Tensor) -> list[int]:
    return [0, *range(2, values.ndim)]
