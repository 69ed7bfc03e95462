"""Learning on from a backbone that has learned elsewhere, in the order that pays.

First the heads, on features that are computed once. Then the upper stages, on what the resting
ones below make of each picture, computed once too; or all stages, on pictures.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lapel.models.heads.base import Raw
from lapel.models.heads.table import spatial_tasks
from lapel.models.multitask import Network
from lapel.models.upper import Lower, Upper, cut
from lapel.training.input.examples import RESIDENT_SHARE, Examples, free_memory
from lapel.training.input.pictures import Resident
from lapel.training.input.targets import tensor_of
from lapel.training.loop.judging import Pausing
from lapel.training.loop.learner import Learner
from lapel.training.loop.optimise import AveragedWeights
from lapel.training.material import Material
from lapel.training.recipe import Recipe
from lapel.training.recipe_parts import TransferPart
from lapel.training.recorder import Reporter
from lapel.training.transfer.features import Extractor, Features, extract, extractor_of
from lapel.training.transfer.heads_first import Fitted, fit_heads

#: Pictures on which a cut of the network is tried.
TRIED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What a schedule learns from.

    Attributes:
        train: pictures, or what the resting part of the network makes of them in each view.
        validation: likewise, in one view.
        views: of each training picture.
        answer: from those to what the heads say; None: the whole network.
        pooled: features of both, where heads are fitted first.
        seconds: spent on computing.
    """

    train: Examples
    validation: Examples
    views: int = 1
    answer: Callable[[Tensor], dict[str, Raw]] | None = None
    pooled: tuple[Examples, Examples] | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Memory for what is computed once, in bytes.

    Attributes:
        needed: for all of it.
        free: here, where it is made, or on the device where it is used, whichever is less.
    """

    needed: int
    free: int

    @property
    def allowed(self) -> int:
        """Bytes that may be taken, as resident pictures may."""
        return int(RESIDENT_SHARE * self.free)

    @property
    def is_enough(self) -> bool:
        """Whether it can be kept."""
        return self.needed <= self.allowed


def rest(network: Network, transfer: TransferPart) -> None:
    """Freeze what a recipe does not train."""
    stages = len(network.stages())
    resting = {"all": 0, "upper": max(0, stages - transfer.upper), "heads": stages}
    network.freeze(resting[transfer.train], keep_statistics=transfer.keep_statistics)


def lay_out(
    network: Network,
    material: Material,
    recipe: Recipe,
    *,
    fit_heads_first: bool,
    keeps: Callable[[Room], bool],
    reporter: Reporter,
    watcher: Pausing,
) -> Course:
    """Compute what has to be computed once, and say what the schedule learns from.

    With a task that is answered with places, that is the pictures themselves.

    Args:
        network: as it begins, its resting stages frozen.
        material: the pictures.
        recipe: as resolved.
        fit_heads_first: whether heads are still to be fitted.
        keeps: says whether the schedule learns from what is computed once, where it may; otherwise
            from the pictures.
        reporter: shown how far the work is.
        watcher: may end it between two batches.
    """
    plain = Course(train=material.train, validation=material.validation)
    if spatial_tasks(material.schema):
        return plain  # pooled features have forgotten places, and views of pictures move them
    pixels = next(iter(material.train.pictures.batches([torch.arange(TRIED)])))
    upper = _cut_once(network, recipe, pixels)
    once = upper is not None or _rests_as_a_whole(recipe)
    if not (fit_heads_first or once):
        return plain
    started = time.perf_counter()
    lower = Lower(network, None) if upper is None else upper[0]
    extractor = extractor_of(network, lower, recipe, pixels)
    if once and not keeps(_room(extractor, material, recipe)):
        if not fit_heads_first:
            return plain
        once, upper = False, None
        extractor = extractor_of(network, Lower(network, None), recipe, pixels)
    work = _Work(extractor=extractor, reporter=reporter, watcher=watcher)
    train = work.features(material.train, recipe.transfer.views)
    validation = work.features(material.validation, 1)
    course = replace(
        plain,
        pooled=(_with(material.train, train.pooled), _with(material.validation, validation.pooled)),
        seconds=time.perf_counter() - started,
    )
    if once and upper is None and course.pooled is not None:
        kept, answer = course.pooled, network.answers
    elif upper is not None and train.maps is not None and validation.maps is not None:
        kept = _with(material.train, train.maps), _with(material.validation, validation.maps)
        answer = upper[1]
    else:
        return course
    return replace(
        course,
        train=kept[0],
        validation=kept[1],
        views=recipe.transfer.views,
        answer=answer,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """Who makes features, who is told, and who may end it."""

    extractor: Extractor
    reporter: Reporter
    watcher: Pausing

    def features(self, examples: Examples, views: int) -> Features:
        return extract(
            self.extractor, examples, views=views, reporter=self.reporter, watcher=self.watcher
        )


def _cut_once(network: Network, recipe: Recipe, pixels: Tensor) -> tuple[Lower, Upper] | None:
    """The two parts of a network of which the lower one rests; None where it is not cut."""
    transfer = recipe.transfer
    if transfer.train != "upper" or not transfer.frozen_once or not recipe.schedule.epochs:
        return None
    found = cut(network, pixels)
    return None if found is None else (found.lower, found.upper)


def _rests_as_a_whole(recipe: Recipe) -> bool:
    """Whether a schedule trains heads alone, on features that are computed once."""
    transfer = recipe.transfer
    return transfer.train == "heads" and transfer.frozen_once and recipe.schedule.epochs > 0


def _room(extractor: Extractor, material: Material, recipe: Recipe) -> Room:
    """The memory that there is for what is kept, which are numbers of two bytes."""
    count = len(material.train) * recipe.transfer.views + len(material.validation)
    devices = {torch.device("cpu"), material.device}
    return Room(
        needed=count * extractor.row_length * 2,
        free=min(free_memory(device) for device in devices),
    )


def _with(examples: Examples, kept: Tensor) -> Examples:
    """The same examples with what was made of their pictures; targets repeat with the views."""
    device = next(iter(examples.targets.values())).device
    views = len(kept) // len(examples)
    return Examples(
        pictures=Resident(kept.to(device)),
        targets={
            task: torch.cat([tensor_of(part)] * views) for task, part in examples.targets.items()
        },
        weights={task: torch.cat([part] * views) for task, part in examples.weights.items()},
        items=None if examples.items is None else torch.cat([examples.items] * views),
    )


def begin_with_heads(learner: Learner, course: Course, watcher: Pausing) -> Fitted:
    """Fit the heads; the network with them is epoch 0, judged, and may be the best."""
    if course.pooled is None:
        raise ValueError("heads are fitted on features, and none were computed")
    started = time.perf_counter()
    limit = learner.recipe.schedule.seconds
    left = None if limit is None else limit - course.seconds
    fitted = fit_heads(learner, *course.pooled, watcher, seconds=left)
    progress = learner.progress
    progress.seconds += course.seconds + time.perf_counter() - started
    row = {"epoch": 0.0, "step": 0.0, "seconds": progress.seconds, **fitted.row}
    if learner.average is not None:
        learner.average = AveragedWeights(learner.network, learner.recipe.average)
    learner.keep_best(0, row["validation_accuracy"])
    progress.history.append(row)
    progress.finished = not learner.recipe.schedule.epochs
    return fitted
