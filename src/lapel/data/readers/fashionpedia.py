"""Fashionpedia: photos with garments, their parts and 294 fine attributes, as COCO's JSON.

    instances_attributes_train2020.json    train/*.jpg
    instances_attributes_val2020.json      test/*.jpg
    info_test2020.json                     test/*.jpg
    attributes_train2020.json, attributes_val2020.json     attributes of whole photos

The JSON files may lie in ``annotations``, the photos where the archives put them. A row is a
photo, asked which of the 46 categories are in it, where each of them is (``garments``: boxes,
outlines or masks, attributes), and which attributes it has as a whole where those files are there.
The files are described in :mod:`lapel.data.fashionpedia.file`. Source: Jia et al.,
Fashionpedia, ECCV 2020, and fashionpedia.github.io.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from lapel.data.coco.parts import compact
from lapel.data.fashionpedia.file import Content, attribute_faults, checked_content
from lapel.data.fashionpedia.words import attribute_names, category_names
from lapel.data.label_maps.painting import painted_masks, parsing_task
from lapel.data.progress import Track, silent
from lapel.data.reading.base import Reading, existing_folder, oddity_notes, read_bytes, refuse
from lapel.data.reading.image_names import NAMES_TRIED, holds_file
from lapel.data.reading.json_records import (
    RecordError,
    is_whole,
    loaded_object,
    loaded_value,
    shown_value,
)
from lapel.data.reading.listing import ImageList
from lapel.data.reading.on_demand import OnDemand
from lapel.schema.annotation import Annotation, Label, Tags
from lapel.schema.counting import counted
from lapel.schema.errors import Fault
from lapel.schema.garments import Garment
from lapel.schema.labels import Schema, TaskSpec
from lapel.schema.masks import ClassMap

CATEGORIES, ATTRIBUTES, GARMENTS = "categories", "attributes", "garments"

#: Split to the file of what is marked in its photos; the test's has photos alone.
MARKED = {
    "train": "instances_attributes_train2020.json",
    "validation": "instances_attributes_val2020.json",
    "test": "info_test2020.json",
}

#: Split to the file of attributes of whole photos.
WHOLE = {"train": "attributes_train2020.json", "validation": "attributes_val2020.json"}

JSON_FOLDERS = ("", "annotations")

#: Split to the folders that its photos may be in: as the archives have them, and as people do.
#: The archive of validation and test has both in ``test``.
IMAGE_FOLDERS = {
    "train": ("train", "train2020", "train2020/train"),
    "validation": ("test", "val", "val2020", "val_test2020/test", "val2020/test"),
    "test": ("test", "test2020", "val_test2020/test", "test2020/test"),
}


@dataclass(slots=True)
class _Found:
    """What is gathered file by file."""

    images: ImageList
    annotations: list[Annotation] = field(default_factory=list)
    marked: dict[str, tuple[Content, int]] = field(default_factory=dict)
    garments: int = 0
    filled: int = 0
    whole: bool = False
    faults: list[Fault] = field(default_factory=list)
    oddities: Counter[str] = field(default_factory=Counter)

    def make(self, image: str) -> tuple[Garment, ...]:
        """What is marked in an image."""
        content, identifier = self.marked[image]
        return content.garments(identifier)


def read_fashionpedia(
    source: str | Path, *, parsing: bool = False, track: Track = silent
) -> Reading:
    """The folder that holds the JSON files and the photos.

    The largest file, of the training photos, is read as a whole: about 2 GB of memory.

    Args:
        source: the folder.
        parsing: paint a label map of each photo from what is marked in it, too: larger behind
            smaller.
        track: is told how far the work is.

    Raises:
        UsageError: no such folder.
        FormatError: files that do not keep the layout, or images that are missing; all faults
            together.
        StorageError: a file cannot be read.
    """
    root = existing_folder(source)
    paths = {split: _json(root, name) for split, name in MARKED.items()}
    if not any(paths.values()):
        expected = f"some of {', '.join(MARKED.values())}"
        refuse([Fault(file=str(root), found="no file of images", expected=expected)])
    found = _Found(ImageList(root))
    for split, path in paths.items():
        if path is not None:
            _read_split(root, split, path, found, track)
    refuse([*found.faults, *found.images.faults])
    tasks = [_task(CATEGORIES, category_names())]
    if found.whole:
        tasks.append(_task(ATTRIBUTES, attribute_names()))
    tasks.append(_task(GARMENTS, category_names(), kind="garments"))
    masks: dict[str, Mapping[str, ClassMap]] = {}
    if parsing:
        tasks.append(parsing_task(tuple(category_names().values())))
        masks[tasks[-1].name] = painted_masks(root, found.marked, found.make, tasks[-1])
    return Reading(
        name=root.resolve().name,
        schema=Schema(tuple(tasks)),
        annotations=tuple(found.annotations),
        images=root,
        origin="Fashionpedia (Jia et al., ECCV 2020)",
        licence="annotations CC BY 4.0; each photo under the licence of its source",
        notes=tuple(_notes(found, [MARKED[split] for split, path in paths.items() if not path])),
        garments=OnDemand(found.marked, found.make),
        masks=masks,
        keep_outside=True,
        benchmark="fashionpedia",
    )


def _json(root: Path, name: str) -> Path | None:
    paths = (root / folder / name for folder in JSON_FOLDERS)
    return next((path for path in paths if path.is_file()), None)


def _task(name: str, names: dict[int, str], kind: str = "multi_label") -> TaskSpec:
    return TaskSpec(name=name, kind=kind, labels=tuple(names.values()))


def _read_split(root: Path, split: str, path: Path, found: _Found, track: Track) -> None:
    labelled = split in WHOLE
    try:
        value = loaded_object(read_bytes(path), hook=compact)
    except RecordError as error:
        found.faults.append(error.fault(path))
        return
    content = checked_content(value, labelled=labelled)
    found.faults += [Fault(file=str(path), found=f, expected=e) for f, e in content.faults]
    found.oddities += content.oddities
    whole = _whole_attributes(root, split, content, found) if labelled else {}
    folder = _image_folder(root, split, content)
    rows = content.pictures.items()
    for identifier, picture in track(rows, len(rows), f"Reading {split}"):
        image = f"{folder}/{picture.file}"
        if not found.images.add(image, file=str(path), line=None):
            continue
        labels: dict[str, Label] = {}
        if labelled:
            there = {one["category_id"] for one in content.marked.get(identifier, ())}
            labels[CATEGORIES] = _tags(there, category_names())
        if identifier in whole:
            labels[ATTRIBUTES] = _tags(whole[identifier], attribute_names())
        found.annotations.append(Annotation(image=image, labels=labels, split=split))
        if labelled:
            found.marked[image] = (content, identifier)
            found.garments += len(content.marked.get(identifier, ()))
            found.filled += identifier in content.marked
    if not rows:
        found.faults.append(Fault(file=str(path), found="no image", expected="some"))


def _tags(numbers: set[int], names: dict[int, str]) -> Tags:
    return Tags(tuple(name for number, name in names.items() if number in numbers))


def _image_folder(root: Path, split: str, content: Content) -> str:
    """Where the photos of a split are: the first folder that has one of the first of them."""
    places = [f"{top}{name}" for top in ("", "images/") for name in IMAGE_FOLDERS[split]]
    names = [picture.file for picture in islice(content.pictures.values(), NAMES_TRIED)]
    has = (place for name in names for place in places if holds_file(root / place, name))
    return next(has, places[0])


def _whole_attributes(
    root: Path, split: str, content: Content, found: _Found
) -> dict[int, set[int]]:
    """Id of an image to its attributes as a whole; empty where the file is not there."""
    path = _json(root, WHOLE[split])
    if path is None:
        return {}
    found.whole = True
    try:
        value: Any = loaded_value(read_bytes(path))
    except RecordError as error:
        found.faults.append(error.fault(path))
        return {}
    rows = value.get("annotations") if isinstance(value, dict) else value
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        fault = Fault(file=str(path), found=shown_value(rows), expected="a list of objects")
        found.faults.append(fault)
        return {}
    attributes: dict[int, set[int]] = {}
    for row in rows:
        image = row.get("image_id")
        of = f"of image {shown_value(image)}"
        faults = list(attribute_faults(row.get("attribute_ids"), of))
        if not is_whole(image) or image not in content.pictures:
            faults.append((f"image_id {shown_value(image)}", "the id of an image"))
        elif image in attributes:
            faults.append((f"image_id {image} again", "each image once"))
        found.faults += [Fault(file=str(path), found=f, expected=e) for f, e in faults]
        if not faults:
            attributes[image] = set(row["attribute_ids"])
    return attributes


def _notes(found: _Found, missing: list[str]) -> Iterator[str]:
    marked = counted(found.filled, "image")
    both = counted(found.garments, "garment or part", "garments and parts")
    yield f"kept in garments.jsonl: {both} of {marked}"
    yield from oddity_notes(found.oddities, missing)
