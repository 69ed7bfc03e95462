"""Garments of any dataset as one JSON file in COCO's form; see the reader of ``coco``.

Ids of annotations and categories run from 1; images have those by which `lapel evaluate` knows
them: the numbers in their names where every one has its own, else their places from 1. Outlines
stay outlines; masks, and outlines with holes, become packed run lengths. ``area`` is in pixels of
the shape, as ``pycocotools`` counts them, or of the box where there is no shape.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from lapel.data.dataset import Dataset
from lapel.data.exporting import Exported, chosen_tasks
from lapel.data.images import packed_row
from lapel.data.progress import Track, silent
from lapel.imaging.outlines import (
    EVEN_ODD,
    FILL,
    encloses,
    garment_mask,
    mask_box,
    run_lengths_of,
)
from lapel.schema.counting import counted
from lapel.schema.errors import DatasetError, UsageError
from lapel.schema.garments import HIDDEN, UNLABELLED, VISIBLE, Garment, Garments
from lapel.schema.labels import TaskSpec
from lapel.storage.local import atomic_path


def export_coco(
    dataset: Dataset,
    out: Path,
    *,
    task: Sequence[str] | None = None,
    split: str | None = None,
    track: Track = silent,
) -> Exported:
    """Images, annotations and categories, in one file.

    Args:
        dataset: what to write.
        out: the file to write.
        task: whose garments; may be left out where there is only one of kind ``garments``.
        split: of which images; none: of all.
        track: is told how far the work is.

    Raises:
        UsageError: no or several tasks of the kind and none named, or pictures without files.
        DatasetError: no such split, or garments that do not fit their picture.
        StorageError: the file cannot be written.
    """
    (name,) = chosen_tasks(dataset, task, kind="garments", count=1, layout="coco")
    part = dataset if split is None else dataset.split(split)
    if any(packed_row(image) is not None for image in part.names()[:1]):
        raise UsageError("layout 'coco' names files, and these pictures have none")
    spec, labels = dataset.schema[name], part.labels(name)
    rows = part.table.select("image", "width", "height").rows()
    known = part.table[name].is_not_null().to_list()
    images = [
        {"id": number, "file_name": image, "width": width, "height": height}
        for number, (image, width, height), there in zip(
            part.image_numbers(), rows, known, strict=True
        )
        if there
    ]
    places = [place for place, there in enumerate(known) if there]
    written = 0
    with atomic_path(out) as partial, partial.open("w", encoding="utf-8", newline="\n") as file:
        file.write('{"info": {}, "licenses": [], "categories": ')
        file.write(json.dumps(list(_categories(spec)), ensure_ascii=False))
        file.write(f', "images": {json.dumps(images, ensure_ascii=False)}, "annotations": [')
        both = zip(places, images, strict=True)
        for place, image in track(both, len(images), "Writing garments"):
            label = labels[place]
            for garment in label.each if isinstance(label, Garments) else ():
                written += 1
                value = _annotation(written, image, garment, spec)
                file.write(f"{', ' if written > 1 else ''}{json.dumps(value, allow_nan=False)}")
        file.write("]}\n")
    notes = [counted(written, "garment")]
    if split is None and len(part.splits()) > 1:
        notes.append("all splits together: --split writes one")
    return Exported(
        path=out,
        images=len(images),
        left_out=len(rows) - len(images),
        image_root=dataset.image_root,
        notes=tuple(notes),
    )


def _categories(spec: TaskSpec) -> Iterator[dict[str, Any]]:
    for number, label in enumerate(spec.labels, start=1):
        category: dict[str, Any] = {"id": number, "name": label, "supercategory": "garment"}
        if label in spec.points:
            category |= {"keypoints": list(spec.points[label]), "skeleton": []}
        yield category


def _annotation(
    number: int, image: Mapping[str, Any], garment: Garment, spec: TaskSpec
) -> dict[str, Any]:
    try:
        shape, area, box = _shape(garment, image["width"], image["height"])
    except ValueError as error:
        raise DatasetError(f"{image['file_name']}: {error}; see `lapel data check`") from error
    value: dict[str, Any] = {
        "id": number,
        "image_id": image["id"],
        "category_id": spec.index(garment.part) + 1,
        "segmentation": shape,
        "area": area,
        "bbox": box,
        "iscrowd": int(garment.is_crowd),
    }
    if garment.part in spec.points:
        points = garment.points or (None,) * len(spec.points[garment.part])
        states = [UNLABELLED if point is None else VISIBLE for point in points]
        for place in garment.hidden:
            states[place] = HIDDEN
        triples = zip(points, states, strict=True)
        value["keypoints"] = [
            number for point, state in triples for number in (*(point or (0, 0)), state)
        ]
        value["num_keypoints"] = sum(map(bool, states))
    return value


def _shape(
    garment: Garment, width: int, height: int
) -> tuple[list[list[float]] | dict[str, Any], float, list[float]]:
    """Segmentation, area and box.

    Raises:
        ValueError: a mask of another size than the picture.
    """
    mask = garment_mask(garment, width, height)
    if mask is None:
        box = garment.box or (0.0, 0.0, 0.0, 0.0)
        return [], box[2] * box[3], list(box)
    around = mask_box(mask)
    found = garment.box if garment.box is not None else around or (0.0, 0.0, 0.0, 0.0)
    if garment.mask is not None or garment.facts.get(FILL) == EVEN_ODD:
        return run_lengths_of(mask).to_json(), float(mask.sum()), list(found)
    outlines = [outline for outline in garment.outlines if encloses(outline)]
    return (
        [list(chain.from_iterable(outline)) for outline in outlines],
        float(mask.sum()),
        list(found),
    )
