"""Datasets of K-Fashion written as JSON files again; see its reader.

What the layout holds beyond labels and places (names of the original files, dates) is not kept by
a dataset, so the files are not those of AI Hub byte for byte; read again they give the same.
"""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Any

from lapel.data.dataset import Dataset
from lapel.data.exporting import Exported, copy_images
from lapel.data.garments import GarmentsLabels
from lapel.data.kfashion.record import (
    BOX_KEYS,
    BOXES,
    DATA,
    DETAILS,
    HEIGHT,
    IDENTIFIER,
    IMAGE,
    LABELS,
    OUTLINES,
    WIDTH,
)
from lapel.data.kfashion.words import PARTS, STYLE, Question, questions
from lapel.data.progress import Track, silent
from lapel.schema.annotation import Label, Tags
from lapel.schema.errors import UsageError
from lapel.schema.garments import Garment, Garments
from lapel.storage.folders import atomic_folder

#: The layout's folders of the splits. It has no test set.
FOLDERS = {"train": "Training", "validation": "Validation", "test": "Test"}


def export_kfashion(dataset: Dataset, out: Path, *, track: Track = silent) -> Exported:
    """A JSON file and a picture an image, below ``Training``, ``Validation`` and ``Test``.

    Pictures whose name is no number are numbered from 1.

    Args:
        dataset: what to write; of its tasks, those of K-Fashion.
        out: the folder to make, new or empty.
        track: is told how far the work is.

    Raises:
        UsageError: none of its tasks is K-Fashion's.
        StorageError: ``out`` is not empty or cannot be written, or an image cannot be read.
    """
    there = {spec.name for spec in dataset.schema}
    asked = [question for question in questions() if question.task in there]
    if not asked:
        raise UsageError(
            "layout 'k-fashion' holds K-Fashion's tasks, such as 상의_카테고리; found: "
            + ", ".join(there)
        )
    numbers = _numbers(dataset.names())
    splits = dict(zip(dataset.names(), dataset.table["split"], strict=True))
    places = {name: f"{FOLDERS[splits[name]]}/{number}.jpg" for name, number in numbers.items()}
    known = GarmentsLabels(dataset.folder, dataset.names(), [True] * len(dataset))
    columns = [dataset.labels(question.task) for question in asked]
    sizes = list(zip(dataset.table["width"], dataset.table["height"], strict=True))
    with atomic_folder(out) as building:
        copy_images(dataset, building, places, track)
        for row, name in enumerate(dataset.names()):
            labels = [(q, column[row]) for q, column in zip(asked, columns, strict=True)]
            found = known[row]
            garments = found.each if isinstance(found, Garments) else ()
            record = _record(numbers[name], sizes[row], labels, garments)
            path = (building / places[name]).with_suffix(".json")
            path.write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8")
    return Exported(path=out, images=len(places))


def _numbers(names: list[str]) -> dict[str, int]:
    stems = [PurePosixPath(name).stem for name in names]
    if all(stem.isascii() and stem.isdecimal() for stem in stems):
        numbers = [int(stem) for stem in stems]
        if len(set(numbers)) == len(numbers):
            return dict(zip(names, numbers, strict=True))
    return {name: number for number, name in enumerate(names, start=1)}


def _record(
    number: int,
    size: tuple[int, int],
    labels: list[tuple[Question, Label]],
    garments: tuple[Garment, ...],
) -> dict[str, Any]:
    fields: dict[str, dict[str, Any]] = {part: {} for part in (STYLE, *PARTS)}
    for question, label in labels:
        if label is not None:
            value = list(label.yes) if isinstance(label, Tags) else label
            fields[question.part or STYLE][question.field] = value
    details = {
        BOXES: {part: _boxes(part, garments) or [{}] for part in PARTS},
        OUTLINES: {part: _outlines(part, garments) or [{}] for part in PARTS},
        LABELS: {part: [found] for part, found in fields.items()},
    }
    image = {IDENTIFIER: number, HEIGHT: size[1], WIDTH: size[0]}
    return {IMAGE: image, DATA: {DETAILS: details}}


def _boxes(part: str, garments: tuple[Garment, ...]) -> list[dict[str, float]]:
    return [
        dict(zip(BOX_KEYS, one.box, strict=True)) if one.box else {}
        for one in garments
        if one.part == part
    ]


def _outlines(part: str, garments: tuple[Garment, ...]) -> list[dict[str, float]]:
    return [
        {
            f"{axis}좌표{number}": value
            for number, corner in enumerate(one.outlines[0] if one.outlines else (), start=1)
            for axis, value in zip("XY", corner, strict=True)
        }
        for one in garments
        if one.part == part
    ]
