"""What a network draws and counts in a step, as if one process looked at the whole batch.

Each process looks at its share of a batch. Two kinds of layers look beyond one picture: batch
normalisation takes means over the batch, and dropout draws for all of it. Both are caught where
torch calls them, whatever module they belong to, and done for the batch that all processes have
together: then a step is the same, to rounding, with any number of processes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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

#: Numbers of a channel that are summed one after another; each sum of more rounds worse, where the
#: channels of a picture lie last.
SUMMED = 1024


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
    mean, variance = _of_whole(group.gathered(_statistics(values.float())[None]))
    return mean, variance


def _statistics(values: Tensor) -> Tensor:
    """Mean and variance of each channel, (2, C)."""
    # GPUs sum pairs of sums, however many there are, and take few large steps rather than many.
    together = len(values) if values.is_cuda else max(1, SUMMED // values[0, 0].numel())
    parts = torch.split(values, together)
    # Without running values: what torch's own layer counts in one go through the numbers.
    found = [torch.stack(torch.batch_norm_update_stats(one, None, None, 0.0)) for one in parts]
    return _of_whole(torch.stack(found), [len(one) for one in parts])


def _of_whole(parts: Tensor, sizes: Sequence[int] | None = None) -> Tensor:
    """Mean and variance of what lies in parts (Chan, Golub and LeVeque 1983, "Algorithms for
    Computing the Sample Variance", equation 1.5).

    Args:
        parts: mean and variance of each, (parts, 2, C).
        sizes: of each; None: they are of one size.

    Returns:
        Of shape (2, C).
    """
    if len(parts) == 1:
        return parts[0]
    shares: Tensor | float = 1 / len(parts)
    if sizes is not None:
        shares = parts.new_tensor(sizes)[:, None] / sum(sizes)
    means, variances = parts.unbind(1)
    mean = (shares * means).sum(0)
    return torch.stack([mean, (shares * (variances + (means - mean).square())).sum(0)])


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
        context.save_for_backward(values, weight, mean, variance)
        context.eps, context.group = eps, group
        return functional.batch_norm(values, mean, variance, weight, bias, False, 0.0, eps)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401 - torch's own
        values, weight, mean, variance = context.saved_tensors
        wanted, read = gradient.float(), values.float()
        factor = None if weight is None else weight.float()
        inverse = (variance + context.eps).rsqrt()
        # As if mean and variance were given: the gradient but for what moves these two. CPUs read
        # them as the running ones, GPUs as those of a step.
        moved, along, total = torch.ops.aten.native_batch_norm_backward(
            wanted, read, factor, mean, variance, mean, inverse, False, context.eps, [True] * 3
        )
        # Half as many messages as a sum over the processes would be.
        sums = context.group.gathered(torch.stack([along, total])[None]).sum(0)
        number = values.numel() // values.shape[1] * context.group.count
        scale = (inverse if factor is None else inverse * factor) / number
        slope = -scale * inverse * sums[0]
        shift = -scale * sums[1] - slope * mean
        shape = (1, -1, *(1 for _ in range(values.ndim - 2)))
        moved.add_(shift.view(shape)).addcmul_(read, slope.view(shape))
        to_weight = None if weight is None else along.to(weight.dtype)
        to_bias = None if weight is None else total.to(weight.dtype)
        return moved.to(values.dtype), to_weight, to_bias, None, None, None, None
