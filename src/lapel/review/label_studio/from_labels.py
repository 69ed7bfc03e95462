"""Labels of a dataset as Label Studio's results: what a person starts from, or has done before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from lapel.imaging.outlines import EVEN_ODD, FILL, encloses, garment_mask
from lapel.review.label_studio.binding import HIDDEN_CHOICE, HIDDEN_SUFFIX, Binding, Bound
from lapel.review.label_studio.items import Item, Items
from lapel.schema.annotation import Label, Tags
from lapel.schema.garments import Garment, Garments
from lapel.schema.geometry import Box, Landmarks
from lapel.schema.masks import ClassMap


def results_of_labels(
    labels: Mapping[str, Label], binding: Binding, *, width: int, height: int
) -> list[Item]:
    """The results that say what is known of one photo; unknown labels say nothing.

    Args:
        labels: task name to label.
        binding: of the configuration that :func:`lapel.review.label_studio.writing.config_xml`
            made of their schema.
        width: of the upright picture, in pixels.
        height: likewise.
    """
    items = Items(width, height)
    for task, label in labels.items():
        if isinstance(label, str | Tags):
            _choose(items, binding, task, label)
        elif isinstance(label, Landmarks):
            for bound in binding.of(task, "keypointlabels"):
                _landmarks(items, binding, bound, label)
        elif isinstance(label, ClassMap):
            for bound in binding.of(task, "brushlabels"):
                _classes(items, bound, label)
        elif isinstance(label, Garments):
            for garment in label.each:
                _garment(items, binding, task, garment)
    return items.each


def _choose(items: Items, binding: Binding, task: str, label: str | Tags) -> None:
    words = [label] if isinstance(label, str) else list(label.yes)
    for bound in binding.of(task, "choices", "taxonomy", "rating"):
        if words:
            items.choose(bound.control, [bound.labels[word] for word in words])


def _landmarks(items: Items, binding: Binding, bound: Bound, label: Landmarks) -> None:
    for name, point in label.points.items():
        region = items.point(bound.control, bound.labels[name], (point.x, point.y))
        if not point.visible:
            _hide(items, binding, bound, region)


def _hide(items: Items, binding: Binding, bound: Bound, region: str) -> None:
    for control in binding.config.controls:
        if control.name == bound.control.name + HIDDEN_SUFFIX:
            items.choose(control, [HIDDEN_CHOICE], region=region)


def _classes(items: Items, bound: Bound, label: ClassMap) -> None:
    for place, name in enumerate(label.labels):
        mask = label.pixels == place
        if name in bound.labels and mask.any():
            items.mask(bound.control, bound.labels[name], mask)


def _garment(items: Items, binding: Binding, task: str, garment: Garment) -> None:
    parent: str | None = None
    if garment.box is not None and Box(*garment.box).is_real:
        for bound in binding.of(task, "rectanglelabels"):
            parent = items.box(bound.control, bound.labels[garment.part], Box(*garment.box))
    for name in _shapes(items, binding, task, garment, parent):
        parent = parent or name
    for bound, place, word in _known_points(binding, task, garment):
        point = garment.points[place]
        if point is not None:
            region = items.point(bound.control, word, point, parent=parent)
            if place in garment.hidden:
                _hide(items, binding, bound, region)


def _shapes(
    items: Items, binding: Binding, task: str, garment: Garment, parent: str | None
) -> Iterator[str]:
    """The regions of a garment's pixels: painted, or as outlines."""
    if is_painted(garment):
        mask = garment_mask(garment, items.width, items.height)
        if mask is not None and np.any(mask):
            for bound in binding.of(task, "brushlabels"):
                yield items.mask(bound.control, bound.labels[garment.part], mask, parent=parent)
        return
    for bound in binding.of(task, "polygonlabels"):
        for corners in filter(encloses, garment.outlines):
            word = bound.labels[garment.part]
            name = items.outline(bound.control, word, corners, parent=parent)
            parent = parent or name
            yield name


def is_painted(garment: Garment) -> bool:
    """Whether its pixels are kept as a mask, or as outlines that polygons cannot say."""
    return garment.mask is not None or garment.facts.get(FILL) == EVEN_ODD


def _known_points(
    binding: Binding, task: str, garment: Garment
) -> Iterator[tuple[Bound, int, str]]:
    """Each point's control, place and word."""
    for bound in binding.of(task, "keypointlabels"):
        names = bound.task.points.get(garment.part, ())
        for place, name in enumerate(names[: len(garment.points)]):
            if name in bound.labels:
                yield bound, place, bound.labels[name]
