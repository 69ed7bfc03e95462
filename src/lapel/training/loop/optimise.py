"""How weights move: optimisers, the course of the learning rate, the average of the weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.optimizer import Optimizer

from lapel.models.base import Backbone
from lapel.training.processes.sharding import is_parted
from lapel.training.recipe_parts import OptimiserPart, SchedulePart, StagePart

#: Coefficients of the quintic that drives all singular values towards 1 (K. Jordan et al.,
#: "Muon: An optimizer for hidden layers in neural networks", 2024).
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
NEWTON_SCHULZ_STEPS = 3


class Muon(Optimizer):
    """Momentum, made orthogonal, for the filters of convolutions (Jordan et al. 2024).

    Each filter bank (out, in, kh, kw) is taken as a matrix (out, in * kh * kw). As batch
    normalisation follows every such layer, the scale of a bank has no effect on the output; it
    is kept at ``sqrt(out)`` so that the learning rate means the same throughout (as in K.
    Jordan's airbench, arXiv 2404.00498).
    """

    def __init__(self, groups: list[dict[str, Any]], *, momentum: float) -> None:
        super().__init__(groups, {"momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override] # ours returns no loss
        """Move every filter bank once."""
        if closure is not None:
            closure()
        for group in self.param_groups:
            for filters in group["params"]:
                if filters.grad is not None:
                    self._move(filters, filters.grad, group["lr"], group["momentum"])

    def _move(self, filters: Tensor, gradient: Tensor, rate: float, momentum: float) -> None:
        state = self.state[filters]
        if not state:
            state["momentum"] = torch.zeros_like(gradient)
        average = state["momentum"].mul_(momentum).add_(gradient)
        ahead = gradient.add(average, alpha=momentum)  # Nesterov's
        direction = orthogonal(ahead.reshape(len(ahead), -1)).view_as(filters)
        filters.mul_(math.sqrt(len(filters)) / filters.norm())
        filters.add_(direction, alpha=-rate)


def orthogonal(matrix: Tensor) -> Tensor:
    """The nearest matrix with singular values near 1, by Newton-Schulz iteration in bfloat16."""
    first, second, third = NEWTON_SCHULZ
    result = matrix.bfloat16()
    result = result / (result.norm() + 1e-7)
    tall = result.shape[0] > result.shape[1]
    if tall:
        result = result.T
    for _ in range(NEWTON_SCHULZ_STEPS):
        square = result @ result.T
        result = first * result + (second * square + third * square @ square) @ result
    nearest: Tensor = result.T if tall else result
    return nearest.to(matrix.dtype)


def build_optimisers(
    network: nn.Module, options: OptimiserPart, *, others: Sequence[nn.Parameter] = ()
) -> list[Optimizer]:
    """The optimisers of a network; with ``muon``, its filters have one and the rest another.

    Args:
        network: what has a ``backbone`` learns that one's stages at rates of their own, see
            :func:`rate_shares`.
        options: of the recipe.
        others: parameters beside the network's, which learn at the full rate.
    """
    shares = rate_shares(network, options)
    learned = [parameter for parameter in network.parameters() if parameter.requires_grad]
    if options.name != "muon":
        groups = _groups([*learned, *others], shares, options.learning_rate, options.weight_decay)
        return [torch.optim.AdamW(groups) if options.name == "adamw" else _sgd(groups, options)]
    filters = _filters(network)
    chosen = set(map(id, filters))
    rest = [*(parameter for parameter in learned if id(parameter) not in chosen), *others]
    beside = _sgd(_groups(rest, shares, options.learning_rate, options.weight_decay), options)
    if not filters:
        return [beside]
    groups = _groups(filters, shares, options.filter_learning_rate, 0.0)
    return [Muon(groups, momentum=MUON_MOMENTUM), beside]


def _filters(network: nn.Module) -> list[nn.Parameter]:
    """The filters that learn and whose scale has no effect: those of convolutions below a norm.

    Heads that draw maps end with convolutions that no norm follows; Muon would fix their scale,
    and with it the maps'.
    """
    backbone = getattr(network, "backbone", network)
    return [
        parameter
        for parameter in backbone.parameters()
        if parameter.requires_grad and parameter.ndim == 4
    ]


def rate_shares(network: nn.Module, options: OptimiserPart) -> dict[int, float]:
    """By the id of a parameter, the share of the learning rate that it has; 1 for all others.

    The backbone's highest stage has ``backbone_share`` of it, each stage below ``layer_decay``
    of the one above: what pictures of anything have in common is learned low in a network and
    needs the least change (as in Howard & Ruder 2018, arXiv 1801.06146, section 3.2).
    """
    backbone = getattr(network, "backbone", None)
    if not isinstance(backbone, Backbone):
        return {}
    stages = backbone.stages()
    return {
        id(parameter): options.backbone_share * options.layer_decay ** (len(stages) - 1 - height)
        for height, stage in enumerate(stages)
        for parameter in stage.parameters
    }


#: Of Muon; shorter than plain SGD's because a step is already of full length.
MUON_MOMENTUM = 0.6


def _sgd(groups: list[dict[str, Any]], options: OptimiserPart) -> Optimizer:
    return torch.optim.SGD(groups, momentum=options.momentum, nesterov=options.momentum > 0)


def _groups(
    parameters: Sequence[nn.Parameter], shares: Mapping[int, float], rate: float, decay: float
) -> list[dict[str, Any]]:
    """Groups of parameters by their learning rate, the highest first, and by whether they decay.

    Weight decay is for matrices and filters; biases and norms it only hurts.
    """
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for parameter in parameters:
        share = shares.get(id(parameter), 1.0)
        groups.setdefault((share, parameter.ndim >= 2), []).append(parameter)
    return [
        {
            "params": group,
            "lr": rate * share,
            "weight_decay": decay if decays else 0.0,
            **_one_by_one_if_mixed(group),
        }
        for (share, decays), group in sorted(groups.items(), key=lambda item: item[0], reverse=True)
    ]


def _one_by_one_if_mixed(parameters: Sequence[nn.Parameter]) -> dict[str, bool]:
    """That a group's parameters are moved one after another, where only some of them are in parts.

    On an accelerator torch moves all of a group at once, and refuses to where a network in parts
    has a loss with parameters of its own, which are whole. They stay in one group with the others:
    so what is saved of each has the number that it has where the network is whole, too.
    """
    mixed = len({is_parted(parameter) for parameter in parameters}) > 1
    return {"foreach": False} if mixed else {}


def rate_at(step: int, steps: int, schedule: SchedulePart) -> float:
    """Share of the full learning rate at a step of a run, 0 to 1."""
    done = step / max(steps, 1)
    if done < schedule.warmup:
        return (step + 1) / (schedule.warmup * steps + 1)
    if schedule.kind == "constant":
        return 1.0
    left = (1 - done) / (1 - schedule.warmup)
    return left if schedule.kind == "triangle" else 0.5 - 0.5 * math.cos(math.pi * left)


def stage_at(step: int, steps: int, schedule: SchedulePart) -> StagePart | None:
    """The stage that a step of a run is in; None without stages, and after the last.

    A stage begins at the step at which the ones before it have had their shares.
    """
    end = 0.0
    for stage in schedule.stages:
        end += stage.share
        if step < round(end * steps):
            return stage
    return None


class AveragedWeights:
    """A moving average of a network's weights, which scores better than the last ones.

    Early in a run the decay is shorter, ``(1 + step) / (10 + step)``, so that the random
    start is forgotten (as TensorFlow's ``ExponentialMovingAverage`` has it). Statistics of
    batch normalisation are averaged alike.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.values = {name: value.clone() for name, value in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Move the average towards the network's weights."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                self.values[name].lerp_(value, 1 - decay)
            else:
                self.values[name].copy_(value)
