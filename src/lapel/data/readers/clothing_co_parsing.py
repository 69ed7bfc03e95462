"""Clothing Co-Parsing: street photos, about half of them with a class for every pixel.

    photos/0001.jpg ... 2098.jpg
    annotations/pixel-level/0001.mat ... 1004.mat      groundtruth: a number a pixel
    annotations/image-level/1005.mat ... 2098.mat      tags: numbers of classes
    label_list.mat                                     59 names; numbers count from 0

Source: Yang, Luo and Lin, Clothing Co-Parsing by Joint Image Segmentation and Labeling, CVPR 2014;
github.com/bearpaw/clothing-co-parsing (files, names of variables, and how numbers count).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from lapel.data.label_maps.class_list import ListedClass
from lapel.data.label_maps.files import look_at_maps
from lapel.data.label_maps.pixel_classes import choose_groups, pixel_classes
from lapel.data.progress import Track, silent
from lapel.data.reading.base import Reading, existing_folder, is_hidden, refuse
from lapel.data.reading.json_records import RecordError
from lapel.data.reading.last_as_test import with_last_as_test
from lapel.data.reading.listing import ImageList
from lapel.data.reading.matlab_files import matlab_numbers, matlab_words
from lapel.schema.annotation import Annotation, Tags
from lapel.schema.counting import counted
from lapel.schema.errors import Fault, FormatError
from lapel.schema.labels import Schema, TaskSpec

PARSING, TAGS = "parsing", "tags"

PHOTOS, LABELS_FILE = "photos", "label_list.mat"
PIXEL_LEVEL, IMAGE_LEVEL = "annotations/pixel-level", "annotations/image-level"

ENDING = ".mat"


def read_clothing_co_parsing(
    source: str | Path,
    *,
    groups: str | Path | None = None,
    ignore: Sequence[str] = (),
    test_last: int = 0,
    tagged: bool = False,
    track: Track = silent,
) -> Reading:
    """The folder of photos and annotations.

    Args:
        source: the folder.
        groups: a table that takes classes to groups, such as the shipped ``clothing-co-parsing``.
        ignore: names of classes or groups whose pixels become unknown.
        test_last: the last photos with a label map, by name, that are the test split.
        tagged: keep the photos without a label map, too, and ask of all for ``tags``.
        track: is told how far the work is.

    Raises:
        UsageError: no such folder or table, or an ignored class that does not exist.
        FormatError: files that do not keep the layout, or photos that are missing; all faults
            together.
        MissingExtraError: scipy is not installed.
        StorageError: a file cannot be read.
    """
    root = existing_folder(source)
    names = _labels(root / LABELS_FILE)
    listed = [ListedClass(name, number) for number, name in enumerate(names)]
    table = None if groups is None else choose_groups(groups, names)
    classes = pixel_classes(listed, table, ignore)
    pictures = ImageList(root)
    parsed = _photos_of(root, PIXEL_LEVEL, pictures)
    if not parsed and not pictures.faults:
        refuse([Fault(file=str(root / PIXEL_LEVEL), found="no file", expected=f"some {ENDING}")])
    refuse(pictures.faults)
    looked = look_at_maps(parsed, _values, classes, track)
    faults = list(looked.faults)
    tags = {
        image: [names[code] for code in codes if code < len(names)]
        for image, codes in looked.values.items()
    }
    more = _tags(_photos_of(root, IMAGE_LEVEL, pictures), names, faults) if tagged else {}
    refuse([*faults, *pictures.faults])
    tasks = [TaskSpec(name=PARSING, kind="segmentation", labels=classes.labels)]
    if tagged:
        tasks.append(TaskSpec(name=TAGS, kind="multi_label", labels=names))
    rows = with_last_as_test(tuple(_rows(tags, tagged=tagged)), test_last)
    others = _rows(more, tagged=tagged, split="train" if test_last else None)
    return Reading(
        name=root.resolve().name,
        schema=Schema(tuple(tasks)),
        annotations=(*rows, *others),
        images=root,
        origin="Clothing Co-Parsing (Yang, Luo and Lin, CVPR 2014)",
        licence="Apache-2.0, as its repository says",
        notes=(f"with a class for every pixel: {counted(len(parsed), 'photo')}", *looked.notes),
        masks={PARSING: looked.masks},
    )


def _labels(path: Path) -> tuple[str, ...]:
    """The names of the classes.

    Raises:
        FormatError: no such file, or names twice.
    """
    if not path.is_file():
        refuse([Fault(file=str(path), found="nothing", expected="the names of the classes")])
    try:
        names = matlab_words(path, "label_list")
    except RecordError as error:
        raise FormatError([error.fault(path)]) from error
    twice = sorted({name for name in names if names.count(name) > 1})
    refuse([Fault(file=str(path), found=f"{name!r} twice", expected="each once") for name in twice])
    return names


def _photos_of(root: Path, folder: str, pictures: ImageList) -> dict[str, Path]:
    """Photo to its annotation, by name; a photo that is not there becomes a fault."""
    if not (root / folder).is_dir():
        return {}
    names = [name for name in os.listdir(root / folder) if not is_hidden(name)]  # noqa: PTH208 - names alone
    found = {}
    for name in sorted(name for name in names if name.endswith(ENDING)):
        image = f"{PHOTOS}/{PurePosixPath(name).stem}.jpg"
        if pictures.add(image, file=str(root / folder / name), line=None):
            found[image] = root / folder / name
    return found


def _values(path: Path) -> NDArray[np.integer]:
    """The numbers of a label map."""
    found = matlab_numbers(path, "groundtruth")
    if found.ndim != 2:
        raise RecordError(f"'groundtruth' of {found.shape}", "a number a pixel")
    return found


def _tags(
    files: Mapping[str, Path], names: Sequence[str], faults: list[Fault]
) -> dict[str, list[str]]:
    """Photo to the names of its classes."""
    found = {}
    for image, path in files.items():
        try:
            numbers = sorted(set(matlab_numbers(path, "tags").ravel().tolist()))
        except RecordError as error:
            faults.append(error.fault(path))
            continue
        if numbers[-1] >= len(names):
            expected = f"0 to {len(names) - 1}"
            faults.append(Fault(file=str(path), found=f"tag {numbers[-1]}", expected=expected))
            continue
        found[image] = [names[number] for number in numbers]
    return found


def _rows(
    tags: Mapping[str, Sequence[str]], *, tagged: bool, split: str | None = None
) -> Iterator[Annotation]:
    for image, words in tags.items():
        labels = {TAGS: Tags(tuple(words))} if tagged else {}
        yield Annotation(image=image, labels=labels, split=split)
