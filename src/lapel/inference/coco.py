"""Found garments as one JSON file in COCO's form, which tools of annotation read.

    {"images": [{"id", "file_name", "width", "height"}, ...],
     "categories": [{"id", "name", ...}, ...],
     "annotations": [{"id", "image_id", "category_id", "bbox", "area", "segmentation", "score",
                      "attributes"}, ...]}

Images are called by the numbers in their names where every one has one of its own, as
:func:`lapel.schema.image_numbers.image_numbers` says, else from 1 in their order; annotations are
numbered from 1, categories as the task's labels.
``attributes`` is what a second model read of a garment: task to label, or to a list of labels.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from lapel.metrics.matching import as_coco
from lapel.schema.image_numbers import image_numbers
from lapel.schema.labels import TaskSpec
from lapel.schema.prediction import (
    SEEN,
    Answer,
    FoundGarment,
    LandmarksAnswer,
    MultiLabelAnswer,
    SingleLabelAnswer,
)
from lapel.schema.read_garments import ReadGarment
from lapel.storage.local import atomic_path
from lapel.tasks.placed_garments import slots_of


def coco_categories(spec: TaskSpec) -> list[dict[str, Any]]:
    """A task's labels as COCO's categories; all have the points of all."""
    points = {"keypoints": list(spec.point_names), "skeleton": []} if spec.point_names else {}
    return [
        {"id": number, "name": label, "supercategory": "clothes", **points}
        for number, label in enumerate(spec.labels, start=1)
    ]


def coco_points(spec: TaskSpec, found: FoundGarment) -> list[float]:
    """x, y and the chance of being seen of all points of the task; 0, 0, 0 for those of others."""
    values: list[float] = [0] * (3 * len(spec.point_names))
    for slot, point in zip(slots_of(spec)[found.label], found.points, strict=False):
        values[3 * slot : 3 * slot + 3] = point.x, point.y, point.visible
    return values


def json_array(values: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Values as a JSON array, a line each, as parts of its text."""
    texts = (json.dumps(value, allow_nan=False, separators=(",", ":")) for value in values)
    yield "["
    yield from islice(texts, 1)
    for text in texts:
        yield f",\n{text}"
    yield "]"


class CocoFile:
    """Gathers what was found in pictures, and writes it when all is there."""

    def __init__(self, spec: TaskSpec, *, model: str) -> None:
        """Gather nothing yet.

        Args:
            spec: the task of kind ``garments``.
            model: what found them, in words.
        """
        self._spec = spec
        self._model = model
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []

    def add(self, image: str, width: int, height: int, garments: Sequence[ReadGarment]) -> None:
        """Take what was found in a picture.

        Args:
            image: its name.
            width: in pixels.
            height: likewise.
            garments: those of it.
        """
        place = len(self._images)
        # A name need not be UTF-8: a byte that is not becomes its escape.
        name = image.encode("utf-8", "backslashreplace").decode()
        self._images.append({"id": place, "file_name": name, "width": width, "height": height})
        for one in garments:
            number = len(self._annotations) + 1
            self._annotations.append({"id": number, "image_id": place, **self._annotation(one)})

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all.

        Raises:
            StorageError: it cannot be written.
        """
        # Only now are all names known, and with them the pictures' numbers.
        numbers = image_numbers([image["file_name"] for image in self._images])
        images = (
            image | {"id": number} for image, number in zip(self._images, numbers, strict=True)
        )
        annotations = (one | {"image_id": numbers[one["image_id"]]} for one in self._annotations)
        about = {"description": f"garments found by {self._model}"}
        with atomic_path(path) as partial, partial.open("w", encoding="utf-8") as file:
            file.write(f'{{"info": {json.dumps(about)}, "licenses": [], "categories": ')
            file.write(json.dumps(coco_categories(self._spec)))
            file.write(', "images": ')
            file.writelines(json_array(images))
            file.write(', "annotations": ')
            file.writelines(json_array(annotations))
            file.write("}\n")

    def _annotation(self, one: ReadGarment) -> dict[str, Any]:
        found = one.found
        value: dict[str, Any] = {
            "category_id": self._spec.index(found.label) + 1,
            "bbox": list(found.box),
            "area": found.box.width * found.box.height,
            "iscrowd": 0,
            "score": found.score,
        }
        if found.mask is not None:
            value["segmentation"] = as_coco(found.mask)
            value["area"] = sum(found.mask.lengths()[1::2])
        if self._spec.point_names:
            points = coco_points(self._spec, found)
            # COCO has no chances: 2 can be seen, 1 cannot, 0 0 0 is no point of this category.
            for slot in slots_of(self._spec)[found.label]:
                points[3 * slot + 2] = 2 if points[3 * slot + 2] >= SEEN else 1
            value |= {"keypoints": points, "num_keypoints": sum(map(bool, points[2::3]))}
        if one.answers:
            value["attributes"] = _attributes(one.answers)
        return value


def _attributes(answers: Mapping[str, Answer]) -> dict[str, str | list[str]]:
    found: dict[str, str | list[str]] = {}
    for task, answer in answers.items():
        if isinstance(answer, SingleLabelAnswer):
            found[task] = answer.label
        elif isinstance(answer, MultiLabelAnswer):
            found[task] = list(answer.labels)
        elif isinstance(answer, LandmarksAnswer):
            found[task] = [point.name for point in answer.points if point.visible >= SEEN]
    return found
