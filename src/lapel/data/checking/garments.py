"""What is wrong with the garments that a dataset knows: places, shapes, landmarks, counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from lapel.data.checking.findings import Finding, finding
from lapel.data.dataset import Dataset
from lapel.data.garments import iterate_garments
from lapel.imaging.outlines import encloses
from lapel.schema.garments import Garment
from lapel.schema.labels import TaskSpec

#: What may be wrong with a garment: how grave it is, and the words about it.
_KINDS = {
    "garment_over_edge": (
        "warning",
        "garments of garments.jsonl reach over the edge of their picture",
    ),
    "garment_mask_size": (
        "fault",
        "masks of garments are of another size than their picture; import the dataset again",
    ),
    "garment_points": (
        "fault",
        "garments have more or fewer landmarks than the task names; import the dataset again",
    ),
    "garment_empty": (
        "warning",
        "outlines, masks or boxes of garments enclose nothing; nothing is learned of them",
    ),
    "garment_without_shape": (
        "warning",
        "garments have neither outline nor mask; of them the box alone is learned and judged",
    ),
    "garment_count": (
        "fault",
        "the table counts other garments than garments.jsonl holds; import the dataset again",
    ),
}


class _Picture(NamedTuple):
    """A picture's size in pixels, and how many garments the table counts; None: it says nothing."""

    width: int
    height: int
    garments: int | None


def garment_findings(dataset: Dataset) -> Iterator[Finding]:
    """Garments outside their pictures, shapes that enclose nothing, landmarks and counts that do
    not fit the task.
    """
    tasks = [task for task in dataset.schema if task.kind == "garments"]
    task = tasks[0] if tasks else None
    pictures = _pictures(dataset, task)
    found: dict[str, list[str]] = defaultdict(list)
    counted: dict[str, int] = {}
    for name, garments in iterate_garments(dataset.folder):
        if name not in pictures:
            continue
        picture = pictures[name]
        counted[name] = len(garments)
        for garment in garments:
            for kind, words in _wrong(garment, picture, task):
                found[kind].append(f"{name} ({picture.width} x {picture.height}): {words}")
    if task is not None:
        found["garment_count"] = [
            f"{name}: {picture.garments:,} in the table, {counted.get(name, 0):,} in the file"
            for name, picture in pictures.items()
            if picture.garments is not None and picture.garments != counted.get(name, 0)
        ]
    for kind, (severity, message) in _KINDS.items():
        yield from finding(
            kind, "fault" if severity == "fault" else "warning", message, found[kind]
        )


def _pictures(dataset: Dataset, task: TaskSpec | None) -> dict[str, _Picture]:
    sizes = dataset.table.select("image", "width", "height").rows()
    counts = [None] * len(sizes) if task is None else dataset.table[task.name].to_list()
    return {
        name: _Picture(width, height, count)
        for (name, width, height), count in zip(sizes, counts, strict=True)
    }


def _wrong(garment: Garment, picture: _Picture, task: TaskSpec | None) -> Iterator[tuple[str, str]]:
    """What is wrong with a garment, as a kind and words; of shapes where a task asks for them."""
    outside = garment.outside(picture.width, picture.height)
    if outside:
        yield "garment_over_edge", outside
    if task is None:
        return
    called = garment.part or "a garment"
    mask = garment.mask
    if mask is not None and (mask.width, mask.height) != (picture.width, picture.height):
        yield "garment_mask_size", f"{called} with a mask of {mask.width} x {mask.height}"
    expected = len(task.points.get(garment.part, ()))
    if expected and garment.points and len(garment.points) != expected:
        yield "garment_points", f"{called} with {len(garment.points)} landmarks, not {expected}"
    if mask is None and not garment.outlines:
        yield "garment_without_shape", called
    for what in _empty(garment):
        yield "garment_empty", f"{called} with {what}"


def _empty(garment: Garment) -> Iterator[str]:
    if garment.box is None:
        yield "no box"
    elif min(garment.box[2:]) <= 0:
        yield f"a box of {garment.box[2]:g} x {garment.box[3]:g}"
    if garment.mask is not None and not any(garment.mask.lengths()[1::2]):
        yield "a mask without a pixel"
    for outline in garment.outlines:
        if not encloses(outline):
            yield f"an outline of {len(outline)} corners that encloses nothing"
