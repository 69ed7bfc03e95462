"""DeepFashion2 in COCO's form: one JSON file a split, whose keypoints are 294 a garment.

It agrees with what DeepFashion2's own ``evaluation/deepfashion2_to_coco.py`` makes, key by key:
the id of an image is the number that its file is called by, garments are numbered from 1, ``area``
is width times height of the box, and the keypoints of other categories are 0, 0, 0.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any

from lapel.data.dataset import Dataset
from lapel.data.deepfashion2.words import KEYPOINTS, Category, categories
from lapel.data.exporting import Exported
from lapel.data.garments import iterate_garments
from lapel.data.progress import Track, silent
from lapel.schema.counting import counted
from lapel.schema.errors import UsageError
from lapel.schema.garments import HIDDEN, VISIBLE, Garment
from lapel.storage.local import atomic_path


def export_deepfashion2_coco(
    dataset: Dataset,
    out: Path,
    *,
    split: str = "validation",
    visible_only: bool = False,
    track: Track = silent,
) -> Exported:
    """One split as COCO's JSON: images, annotations, categories.

    A landmark that is not labelled is 0, 0, 0.

    Args:
        dataset: one that was DeepFashion2.
        out: the file to write.
        split: of which images; each split counts its images from 1.
        visible_only: write hidden landmarks as not labelled, as ``keypoints_val_vis.json`` has
            them.
        track: is told how far the work is.

    Raises:
        UsageError: garments of other categories, or images whose names are no numbers.
        DatasetError: no such split, or ``garments.jsonl`` cannot be read.
        StorageError: the file cannot be written.
    """
    part = dataset.split(split)
    numbers = {name: _number(name) for name in part.names()}
    if len(set(numbers.values())) != len(numbers):
        raise UsageError(f"two images of '{split}' have the same number; each split must have one")
    columns = (part.table[column] for column in ("image", "width", "height"))
    images = (_image(numbers[name], name, *size) for name, *size in zip(*columns, strict=True))
    written = 0
    with atomic_path(out) as partial, partial.open("w", encoding="utf-8", newline="\n") as file:
        file.write('{"info": {}, "licenses": [], "images": [')
        file.writelines(_parted(images))
        file.write('], "annotations": [')
        found = _annotations(dataset.folder, numbers, visible_only=visible_only)
        for text in track(_parted(found), None, "Writing garments"):
            file.write(text)
            written += 1
        file.write(f'], "categories": {json.dumps([_category(one) for one in categories()])}}}')
    return Exported(
        path=out, images=len(numbers), notes=(f"{counted(written, 'garment')} of '{split}'",)
    )


def _parted(values: Iterator[dict[str, Any]]) -> Iterator[str]:
    """Values as JSON, each but the first with a comma before it."""
    for place, value in enumerate(values):
        yield f"{', ' if place else ''}{json.dumps(value, allow_nan=False)}"


def _number(name: str) -> int:
    stem = PurePosixPath(name).stem
    if not (stem.isascii() and stem.isdecimal()):
        raise UsageError(
            f"image {name!r} has no number, which its id would be; expected 000001.jpg"
        )
    return int(stem)


def _image(number: int, name: str, width: int, height: int) -> dict[str, Any]:
    return {
        "coco_url": "",
        "date_captured": "",
        "file_name": PurePosixPath(name).name,
        "flickr_url": "",
        "id": number,
        "license": 0,
        "width": width,
        "height": height,
    }


def _annotations(
    folder: Path, numbers: dict[str, int], *, visible_only: bool
) -> Iterator[dict[str, Any]]:
    there = {category.name: category for category in categories()}
    count = 0
    for image, garments in iterate_garments(folder):
        for garment in garments if image in numbers else ():
            if garment.part not in there or len(garment.points) != there[garment.part].count:
                raise UsageError(
                    f"{image}: found a {garment.part!r} with {len(garment.points)} landmarks, "
                    "expected a garment as DeepFashion2 has it; export a dataset that was imported "
                    "from there"
                )
            count += 1
            yield _annotation(count, numbers[image], garment, there[garment.part], visible_only)


def _annotation(
    number: int, image: int, garment: Garment, category: Category, visible_only: bool
) -> dict[str, Any]:
    left, top, width, height = garment.box or (0, 0, 0, 0)
    states = [VISIBLE if point is not None else 0 for point in garment.points]
    for place in garment.hidden:
        states[place] = 0 if visible_only else HIDDEN
    keypoints = [0.0] * (3 * KEYPOINTS)
    for place, (point, state) in enumerate(zip(garment.points, states, strict=True)):
        if point is not None and state:
            at = 3 * (category.first + place)
            keypoints[at : at + 3] = [float(point[0]), float(point[1]), float(state)]
    return {
        "area": width * height,
        "bbox": [left, top, width, height],
        "category_id": category.number,
        "id": number,
        "pair_id": garment.facts.get("pair_id", 0),
        "image_id": image,
        "iscrowd": 0,
        "style": garment.facts.get("style", 0),
        "num_keypoints": sum(map(bool, states)),
        "keypoints": keypoints,
        "segmentation": [list(chain.from_iterable(outline)) for outline in garment.outlines],
    }


def _category(category: Category) -> dict[str, Any]:
    return {
        "id": category.number,
        "name": category.coco_name,
        "supercategory": "clothes",
        "keypoints": [str(number) for number in range(1, KEYPOINTS + 1)],
        "skeleton": [],
    }
