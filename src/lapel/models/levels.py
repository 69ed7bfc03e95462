"""Maps on the way through a backbone: found by watching it, and changed in passing.

Whoever wants to look at a map half-way up, or to put another one in its place, names the module
that gives it. So any backbone serves, and none needs to be written anew for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

import torch
from torch import Tensor, nn

from lapel.models.base import Backbone, Level
from lapel.schema.errors import RecipeError

#: Height and width of the picture on which a backbone that takes any size is tried.
TRIAL_SIZE = (64, 64)


@contextmanager
def changing(module: nn.Module, change: Callable[[Tensor], Tensor | None]) -> Iterator[None]:
    """Let what a module gives pass through a function; where that gives None it stays as it is."""
    hook = module.register_forward_hook(lambda _module, _inputs, output: change(output))
    try:
        yield
    finally:
        hook.remove()


@torch.no_grad()
def watch(backbone: Backbone, modules: Sequence[nn.Module], images: Tensor) -> list[Level]:
    """The maps that some modules of a backbone give, in the order in which they run.

    Args:
        backbone: that runs.
        modules: of it; those that give no map (N, width, h, w), or never run, are left out.
        images: normalised, to try it on, (N, C, H, W).
    """
    given: dict[nn.Module, Tensor] = {}

    def keep(module: nn.Module, _inputs: object, output: object) -> None:
        if isinstance(output, Tensor) and output.ndim == 4:
            given[module] = output

    hooks = [module.register_forward_hook(keep) for module in modules]
    try:
        with _judging(backbone):
            backbone(images)
    finally:
        for hook in hooks:
            hook.remove()
    return [
        Level(module=module, stride=images.shape[-1] // output.shape[-1], width=output.shape[1])
        for module, output in given.items()
    ]


def level_at(backbone: Backbone, stride: int, images: Tensor) -> Level:
    """The highest map of a stride, from which alone the rest of the backbone goes on.

    Args:
        backbone: any.
        stride: pixels of a picture that a step on the map is wide.
        images: normalised, to try it on, (N, C, H, W).

    Raises:
        RecipeError: the backbone has no such map.
    """
    levels = backbone.levels(images)
    found = [level for level in levels if level.stride == stride]
    if found and _carries_all(backbone, found[-1], images):
        return found[-1]
    there = ", ".join(str(level.stride) for level in levels)
    what = f"it has maps of strides {there}" if there else "it has none on its way"
    raise RecipeError(
        f"the backbone has no map of stride {stride} that all above it goes on from ({what}); "
        "choose another model.attended_stride, or a backbone of filters such as resnet50 or vgg16"
    )


@torch.no_grad()
def _carries_all(backbone: Backbone, level: Level, images: Tensor) -> bool:
    """Whether the features no longer depend on the picture once the map does not."""
    with _judging(backbone), changing(level.module, torch.zeros_like):
        return torch.equal(backbone(images), backbone(images + 1))


@contextmanager
def _judging(backbone: Backbone) -> Iterator[None]:
    """A trial moves no statistic of batch normalisation."""
    was_training = backbone.training
    backbone.eval()
    try:
        yield
    finally:
        backbone.train(was_training)


def trial_of(backbone: Backbone, channels: int) -> Tensor:
    """Normalised pictures of nothing on which a backbone can be tried, float32 (1, C, H, W)."""
    size = getattr(backbone, "fixed_size", None) or TRIAL_SIZE
    return torch.zeros(1, channels, *size)


def pyramid_of(backbone: Backbone, images: Tensor) -> list[Level]:
    """The highest map of each stride, the finest first; of a backbone without any, its features.

    Args:
        backbone: any.
        images: normalised, to try it on, (N, C, H, W); see :func:`trial_of`.
    """
    levels = backbone.levels(images) or watch(backbone, [backbone], images)
    highest = {level.stride: level for level in levels}  # of one stride, the later lies above
    return [highest[stride] for stride in sorted(highest)]


def with_maps(
    backbone: Backbone, levels: Sequence[Level], images: Tensor
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """The features of a backbone, and the maps that it came by.

    Args:
        backbone: that runs, once.
        levels: of it, as :func:`pyramid_of` gives them.
        images: normalised, (N, C, H, W).

    Returns:
        Features (N, width, h, w), and a map (N, its width, h, w) a level.
    """
    given: list[Tensor | None] = [None] * len(levels)
    with ExitStack() as hooks:
        for number, level in enumerate(levels):
            hooks.enter_context(changing(level.module, partial(_put, given, number)))
        features: Tensor = backbone(images)
    return features, tuple(found for found in given if found is not None)


def _put(given: list[Tensor | None], number: int, output: Tensor) -> None:
    given[number] = output
