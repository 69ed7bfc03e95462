"""Found garments as files of results in COCO's form, and what is there beside them.

    truth.json       images, categories and annotations: what is there
    detections.json  boxes: [{"image_id", "category_id", "bbox", "score"}, ...]
    segments.json    masks: [{"image_id", "category_id", "segmentation", "score"}, ...]
    keypoints.json   landmarks, where the task has some: [{..., "keypoints", "score"}, ...]

With them ``COCO("truth.json").loadRes("detections.json")`` is all that pycocotools needs to find
the same numbers again. Categories are numbered as the task's labels, from 1; images as
:func:`lapel.schema.image_numbers.image_numbers` says. Every garment that the model found is there,
however unsure; numbers have the digits with which they were judged.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from lapel.evaluation.kinds.garments import GarmentsEvaluation
from lapel.evaluation.kinds.garments_seen import SeenPicture
from lapel.inference.coco import coco_categories, coco_points, json_array
from lapel.metrics.matching import as_coco
from lapel.schema.labels import TaskSpec
from lapel.schema.prediction import FoundGarment
from lapel.storage.local import atomic_path
from lapel.tasks.placed_garments import slots_of

TRUTH, DETECTIONS, SEGMENTS, KEYPOINTS = (
    "truth.json",
    "detections.json",
    "segments.json",
    "keypoints.json",
)

#: What a file says of a garment, beside its image, category and score.
_Part = Callable[[TaskSpec, FoundGarment], dict[str, Any]]


def write_coco_files(
    judged: GarmentsEvaluation, folder: Path, *, names: list[str], prefix: str = ""
) -> list[str]:
    """Write what was judged, so that it can be judged again.

    Args:
        judged: the task.
        folder: where.
        names: of the judged pictures, in their order.
        prefix: of the files' names, where there are several tasks of garments.

    Returns:
        The names of the files.

    Raises:
        StorageError: they cannot be written; each file is whole or as before.
    """
    files = {TRUTH: iter(_truth(judged, names))}
    for measure, (name, part) in _RESULTS.items():
        if measure in judged.counts.measured:
            files[name] = _listed(judged, part)
    for name, lines in files.items():
        path = folder / f"{prefix}{name}"
        with atomic_path(path) as partial, partial.open("w", encoding="utf-8") as file:
            file.writelines(lines)
    return [f"{prefix}{name}" for name in files]


def _truth(judged: GarmentsEvaluation, names: list[str]) -> Iterator[str]:
    pairs = zip(judged.pictures, names, strict=True)
    images = (
        {"id": one.number, "file_name": name, "width": one.size[0], "height": one.size[1]}
        for one, name in pairs
    )
    yield '{"images": '
    yield from json_array(images)
    yield f', "categories": {json.dumps(coco_categories(judged.spec), ensure_ascii=True)}'
    yield ', "annotations": '
    yield from json_array(_annotations(judged))
    yield "}\n"


def _annotations(judged: GarmentsEvaluation) -> Iterator[dict[str, Any]]:
    number = 0
    for picture in judged.pictures:
        for place in range(len(picture.true)):
            number += 1
            yield {"id": number, **_annotation(judged.spec, picture, place)}


def _annotation(spec: TaskSpec, picture: SeenPicture, place: int) -> dict[str, Any]:
    true = picture.true
    box = true.boxes[place].tolist()
    label = int(true.labels[place])
    value: dict[str, Any] = {
        "image_id": picture.number,
        "category_id": label + 1,
        "bbox": box,
        "area": box[2] * box[3],
        "iscrowd": int(true.crowd[place]),
    }
    if true.masked[place]:
        value["segmentation"] = as_coco(true.masks[place])
    if spec.point_names:
        points: list[float] = [0] * (3 * len(spec.point_names))
        slots = slots_of(spec)[spec.labels[label]]
        for slot, (x, y, state) in zip(slots, picture.points[place].tolist(), strict=True):
            points[3 * slot : 3 * slot + 3] = x, y, state
        value |= {"keypoints": points, "num_keypoints": sum(map(bool, points[2::3]))}
    return value


def _listed(judged: GarmentsEvaluation, part: _Part) -> Iterator[str]:
    """A list of results, each with what a part of it says."""
    numbers = {label: place for place, label in enumerate(judged.spec.labels, start=1)}
    values = (
        {
            "image_id": picture.number,
            "category_id": numbers[found.label],
            **part(judged.spec, found),
            "score": found.score,
        }
        for picture in judged.pictures
        for found in picture.found.garments(judged.spec)
    )
    yield from json_array(values)
    yield "\n"


def _box(spec: TaskSpec, found: FoundGarment) -> dict[str, Any]:  # noqa: ARG001 - as the others
    return {"bbox": list(found.box)}


def _mask(spec: TaskSpec, found: FoundGarment) -> dict[str, Any]:  # noqa: ARG001 - as the others
    return {} if found.mask is None else {"segmentation": as_coco(found.mask)}


def _points(spec: TaskSpec, found: FoundGarment) -> dict[str, Any]:
    return {"keypoints": coco_points(spec, found)}


#: Measure to the file of what it compares, and what that says of a garment.
_RESULTS: dict[str, tuple[str, _Part]] = {
    "box": (DETECTIONS, _box),
    "mask": (SEGMENTS, _mask),
    "oks": (KEYPOINTS, _points),
}
