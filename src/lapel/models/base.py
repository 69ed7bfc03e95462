"""What a backbone is: pictures to features, in stages from the pixels up."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One part of a backbone, which may learn at a rate of its own or not at all.

    Attributes:
        parameters: that may learn; what is fitted once and kept, such as whitening, is none.
        modules: every module of the part, inner ones included.
    """

    parameters: tuple[nn.Parameter, ...]
    modules: tuple[nn.Module, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A map on the way through a backbone.

    Attributes:
        module: whose output it is.
        stride: pixels of the picture that a step on the map is wide.
        width: channels.
    """

    module: nn.Module
    stride: int
    width: int


class Backbone(nn.Module, ABC):
    """The face of every backbone; one that lacks a part of it cannot be made.

    Attributes:
        width: channels of its features.
        stride: pixels of a picture that a step on its features is wide.
    """

    #: Whether some of its layers are fitted rather than learned.
    has_fitted: ClassVar[bool] = False

    width: int
    stride: int

    @abstractmethod
    def forward(self, images: Tensor) -> Tensor:
        """Normalised images (N, C, H, W) to features (N, width, h, w)."""

    @abstractmethod
    def stages(self) -> list[Stage]:
        """Its parts, from the pixels up; together they hold every parameter that learns."""

    def fit_to(self, images: Tensor) -> None:
        """Fit what is fitted rather than learned, on normalised images (N, C, H, W)."""

    def levels(self, images: Tensor) -> list[Level]:  # noqa: ARG002 - as backbones that have some
        """Maps on its way from which the rest may go on, from the pixels up; here none.

        Args:
            images: normalised, to try it on, (N, C, H, W).
        """
        return []


def stage_of(*parts: nn.Module, fitted: Sequence[nn.Module] = ()) -> Stage:
    """A stage made of whole modules; those that are fitted have no parameters that may learn."""
    return Stage(
        parameters=tuple(parameter for part in parts for parameter in part.parameters()),
        modules=tuple(module for part in (*fitted, *parts) for module in part.modules()),
    )


def stages_of(network: nn.Module, groups: Sequence[Sequence[nn.Parameter]]) -> list[Stage]:
    """Stages made of groups of a network's parameters, the lowest first.

    A module belongs to the group that all its parameters are of, and so does what it holds.
    """
    group_of = {id(parameter): n for n, group in enumerate(groups) for parameter in group}
    modules: list[dict[nn.Module, None]] = [{} for _ in groups]
    for module in network.modules():
        found = {group_of[id(parameter)] for parameter in module.parameters()}
        if len(found) == 1:
            modules[found.pop()].update(dict.fromkeys(module.modules()))
    return [
        Stage(parameters=tuple(group), modules=tuple(held))
        for group, held in zip(groups, modules, strict=True)
    ]


def set_learning(stages: Sequence[Stage], frozen: int) -> None:
    """Let the lowest `frozen` stages rest and the others learn."""
    for number, stage in enumerate(stages):
        for parameter in stage.parameters:
            parameter.requires_grad = number >= frozen


def keep_judging(modules: Iterable[nn.Module]) -> None:
    """Put modules into the mode in which networks are judged, each for itself.

    A frozen stage has to stay in it: batch normalisation would go on gathering statistics, and
    dropout would go on dropping, though no weight moves. ``Module.eval`` would reach into
    children, which may belong to another stage.
    """
    for module in modules:
        module.training = False
