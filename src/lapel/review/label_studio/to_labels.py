"""Label Studio's results as labels of a dataset: what a person said of one photo."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lapel.imaging.decode import DEFAULT_LIMITS
from lapel.imaging.outlines import garment_mask
from lapel.review.label_studio.binding import HIDDEN_CHOICE, Binding, Bound
from lapel.review.label_studio.groups import garments_of
from lapel.review.label_studio.regions import Item, ours_of, point_of, shape_of, word_of
from lapel.schema.annotation import Label, Tags
from lapel.schema.garments import Garment
from lapel.schema.geometry import Landmark, Landmarks
from lapel.schema.labels import TaskSpec
from lapel.schema.masks import BACKGROUND, ClassMap

#: Width and height of a picture, in pixels.
Size = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one annotation says.

    Attributes:
        labels: of each task of labels or landmarks that is asked.
        garments: those of the photo; None where no control asks for them.
        painted: of each segmentation that is asked: class and area, in the order of painting.
        size: width and height of the upright picture, where some result tells.
    """

    labels: Mapping[str, Label]
    garments: tuple[Garment, ...] | None
    painted: Mapping[str, Sequence[tuple[str, Garment]]]
    size: Size | None


def said_by(results: Sequence[Item], binding: Binding) -> Said:
    """Read the results of one annotation.

    Of a task of single labels that nobody answered nothing is known; of tags that nobody ticked
    none holds; landmarks that nobody placed are absent, as are garments that nobody marked.

    Args:
        results: as :func:`checked_items` returned them.
        binding: which control asks what.

    Raises:
        ValueError: labels or places that cannot be; the message says which.
    """
    size = size_of(results)
    hidden = _hidden(results)
    labels: dict[str, Label] = {}
    painted: dict[str, list[tuple[str, Garment]]] = {}
    garments: tuple[Garment, ...] | None = None
    for task in dict.fromkeys(one.task for one in binding.bound if not one.control.per_region):
        mine = {one.control.name: one for one in binding.bound if one.task == task}
        items = [(mine[item["from_name"]], item) for item in results if item["from_name"] in mine]
        if task.kind == "single_label":
            words = [word for bound, item in items for word in _words(bound, item)]
            labels[task.name] = words[0] if words else None
        elif task.kind == "multi_label":
            words = [word for bound, item in items for word in _words(bound, item)]
            labels[task.name] = Tags(tuple(dict.fromkeys(words))).ordered(task.labels)
        elif task.kind == "landmarks":
            labels[task.name] = _landmarks(items, hidden)
        elif task.kind == "segmentation":
            painted[task.name] = [
                (word_of(bound, item), shape_of(word_of(bound, item), item))
                for bound, item in items
            ]
        else:
            garments = tuple(garments_of(task, items, hidden))
    return Said(labels=labels, garments=garments, painted=painted, size=size)


def checked_items(results: object) -> list[Item]:
    """Results that have what every result must.

    Raises:
        ValueError: something else, or a picture that was turned while it was annotated.
    """
    if not isinstance(results, list):
        raise ValueError("results that are no list")  # noqa: TRY004 - callers gather what was found
    for item in results:
        if not (isinstance(item, Mapping) and isinstance(item.get("value"), Mapping)):
            if isinstance(item, Mapping) and item.get("type") == "relation":
                continue
            raise ValueError("a result without a value")
        if not isinstance(item.get("from_name"), str):
            raise ValueError("a result of no control")  # noqa: TRY004 - likewise
        if item.get("image_rotation"):
            raise ValueError(
                f"places on a picture that was turned by {item['image_rotation']} degrees"
            )
    return [item for item in results if item.get("type") != "relation"]


def size_of(results: Sequence[Item]) -> Size | None:
    """Width and height of the picture that was annotated.

    Raises:
        ValueError: results of pictures of different sizes, or sizes that are none or above the
            ceiling of pictures.
    """
    found = {
        (item["original_width"], item["original_height"])
        for item in results
        if {"original_width", "original_height"} <= item.keys()
    }
    if not found:
        return None
    size = next(iter(found))
    if len(found) > 1 or not all(isinstance(side, int) and side > 0 for side in size):
        told = sorted(f"{width} x {height}" for width, height in found)
        raise ValueError(f"a picture of {' and of '.join(told)}")
    if size[0] * size[1] > DEFAULT_LIMITS.pixels:
        raise ValueError(
            f"a picture of {size[0]} x {size[1]}, more than {DEFAULT_LIMITS.pixels:,} pixels"
        )
    return size


def class_map(
    task: TaskSpec, painted: Sequence[tuple[str, Garment]], width: int, height: int
) -> ClassMap:
    """What was painted as a label map: later over earlier, the rest is background.

    Raises:
        ValueError: something painted on a picture of another size.
    """
    pixels = np.full((height, width), task.index(BACKGROUND), np.uint8)
    for label, shape in painted:
        mask = garment_mask(shape, width, height)
        if mask is not None:
            pixels[mask] = task.index(label)
    return ClassMap(pixels, task.labels)


def _hidden(results: Sequence[Item]) -> set[str]:
    """The regions of which a mark says that something hides them."""
    return {
        str(item.get("id"))
        for item in results
        if item.get("type") == "choices" and item["value"].get("choices") == [HIDDEN_CHOICE]
    }


def _words(bound: Bound, item: Item) -> Iterator[str]:
    """The task's words that an item of choices, a taxonomy or a rating gives."""
    control, value = bound.control, item["value"]
    if control.type == "rating":
        given = [str(value.get("rating"))]
    elif control.type == "taxonomy":
        ends = dict(zip(control.paths, control.labels, strict=True))
        paths = value.get("taxonomy")
        paths = paths if isinstance(paths, list) else []
        # Where a branch is ticked with its leaves, the leaves say all.
        given = [
            ends[tuple(path)] if tuple(path) in ends else " / ".join(map(str, path))
            for path in paths
            if isinstance(path, list)
            and not any(p[: len(path)] == path and p != path for p in paths if isinstance(p, list))
        ]
    else:
        choices = value.get("choices", [])
        given = choices if isinstance(choices, list) else [choices]
    for word in given:
        yield ours_of(bound, word)


def _landmarks(items: Sequence[tuple[Bound, Item]], hidden: set[str]) -> Landmarks:
    points: dict[str, Landmark] = {}
    for bound, item in items:
        name = word_of(bound, item)
        if name in points:
            raise ValueError(f"{name!r} in two places")
        x, y = point_of(item)
        points[name] = Landmark(x, y, visible=str(item.get("id")) not in hidden)
    return Landmarks(points)
