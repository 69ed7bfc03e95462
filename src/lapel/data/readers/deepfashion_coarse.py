"""DeepFashion's Category and Attribute Prediction Benchmark, coarse: 289,222 pictures.

    Anno_coarse/list_category_cloth.txt   50 categories and their type: 1 upper, 2 lower, 3 full
    Anno_coarse/list_category_img.txt     image, category from 1
    Anno_coarse/list_attr_cloth.txt       1000 attributes and their type; lines end in blanks
    Anno_coarse/list_attr_img.txt         image, 1000 times -1 no, 0 unknown, 1 yes: some 900 MB
    Anno_coarse/list_bbox.txt             image, x1 y1 x2 y2
    Anno_coarse/list_landmarks.txt        image, type of clothes, triples of visibility, x, y
    Eval/list_eval_partition.txt          image, train or val or test
    Img/img/Sheer_Pleated-Front_Blouse/img_00000001.jpg

Older releases say ``Anno``. Each list begins with its number of rows and a header. Source: Liu et
al., DeepFashion, CVPR 2016, and the benchmark's ``README.txt``. The README names a variation in
rows of landmarks; the files of this benchmark have none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from lapel.data.deepfashion.answer_rows import read_answer_list, tags_of
from lapel.data.deepfashion.lists import NO_AREA, PARTITION_FILE, image_root, needed_files
from lapel.data.deepfashion.names import ATTRIBUTE_TASKS, Named
from lapel.data.deepfashion.schema import (
    CATEGORY,
    COARSE,
    LANDMARKS_TASK,
    LICENCE,
    ORIGIN,
    STATUS,
    coarse_schema,
    unofficial,
)
from lapel.data.deepfashion.text import (
    BOX_ROW,
    FIRST_ROW,
    LANDMARKS_ROW,
    ImageOrder,
    box_of,
    choice,
    clothes_of,
    read_named,
    read_rows,
    typed_landmarks,
)
from lapel.data.reading.base import Reading, refuse
from lapel.data.reading.benchmark_folder import benchmark_folder
from lapel.data.reading.listing import ImageList
from lapel.schema.annotation import Annotation, Label
from lapel.schema.counting import counted
from lapel.schema.errors import Fault
from lapel.schema.geometry import Box, Landmarks

#: Where the lists are: today's folder, and that of older releases.
FOLDERS = ("Anno_coarse", "Anno")

CATEGORIES_FILE, ATTRIBUTES_FILE = "list_category_cloth.txt", "list_attr_cloth.txt"
CATEGORY_FILE, ANSWERS_FILE = "list_category_img.txt", "list_attr_img.txt"
BOXES_FILE, LANDMARKS_FILE = "list_bbox.txt", "list_landmarks.txt"
LISTS = (
    CATEGORIES_FILE,
    ATTRIBUTES_FILE,
    CATEGORY_FILE,
    ANSWERS_FILE,
    BOXES_FILE,
    LANDMARKS_FILE,
)

#: All files that the benchmark is known by.
FILES = tuple(f"{folder}/{name}" for folder in FOLDERS for name in LISTS)


def read_deepfashion_coarse(source: str | Path) -> Reading:
    """The benchmark's folder, which holds ``Anno_coarse``, ``Eval`` and ``Img``.

    Tasks are ``category``, the five types of attributes as tags, and ``landmarks``; the box of
    each picture is kept beside.

    Raises:
        UsageError: no such folder, or one above or below the benchmark's.
        FormatError: lists that are missing, disagree, or hold something else than the layout
            says; images that are missing. All faults together.
        StorageError: a file cannot be read.
    """
    root = benchmark_folder(source, FILES)
    lists = _lists(root)
    faults: list[Fault] = []
    categories = read_named(lists / CATEGORIES_FILE, 3, faults, header="category_name")
    attributes = read_named(lists / ATTRIBUTES_FILE, len(ATTRIBUTE_TASKS), faults)
    _refuse_empty(lists, categories, attributes, faults)
    partition = read_rows(root / PARTITION_FILE, _split, "train, val or test", faults)
    order = ImageOrder(file=partition.file, names=partition.names)
    images = ImageList(image_root(root))
    for line, name in enumerate(order.names, start=FIRST_ROW):
        images.add(name, file=order.file, line=line)
    boxes = order.column(read_rows(lists / BOXES_FILE, box_of, BOX_ROW, faults), faults)
    labels = _labels(lists, order, categories, attributes, faults)
    refuse([*images.faults, *faults])
    return Reading(
        name=root.resolve().name,
        schema=coarse_schema(categories, attributes),
        annotations=_annotations(order.names, partition.values, boxes, labels),
        images=image_root(root),
        origin=f"{ORIGIN}, coarse annotations",
        licence=LICENCE,
        notes=(*unofficial(categories, attributes), *_oddities(boxes, labels, categories)),
        benchmark=COARSE,
    )


def _lists(root: Path) -> Path:
    """The folder of lists; files without which nothing can be read are refused together."""
    there = [root / folder for folder in FOLDERS if (root / folder).is_dir()]
    lists = there[0] if there else root / FOLDERS[0]
    names = [*(f"{lists.name}/{name}" for name in LISTS), PARTITION_FILE]
    needed_files(root, *names, holding="Anno_coarse, Eval and Img")
    return lists


def _refuse_empty(
    lists: Path, categories: Sequence[Named], attributes: Sequence[Named], faults: list[Fault]
) -> None:
    """Without names nothing else can be understood."""
    named = {CATEGORIES_FILE: categories, ATTRIBUTES_FILE: attributes}
    faults += [
        Fault(file=str(lists / name), found="no names", expected="at least one")
        for name, found in named.items()
        if not found
    ]
    refuse(faults)


def _split(words: Sequence[str]) -> str | None:
    return STATUS.get(words[0]) if len(words) == 1 else None


def _labels(
    lists: Path,
    order: ImageOrder,
    categories: Sequence[Named],
    attributes: Sequence[Named],
    faults: list[Fault],
) -> dict[str, Sequence[Label]]:
    """Task to a label an image."""
    called = [category.name for category in categories]

    def category(words: Sequence[str]) -> str | None:
        return choice(words, called)

    expected = f"a category from 1 to {len(categories)}"
    rows = read_rows(lists / CATEGORY_FILE, category, expected, faults)
    names = order.column(rows, faults)
    labels: dict[str, Sequence[Label]] = {CATEGORY: names}
    labels |= _tags(lists / ANSWERS_FILE, order, attributes, faults)
    found = read_rows(lists / LANDMARKS_FILE, typed_landmarks, LANDMARKS_ROW, faults)
    landmarks = order.column(found, faults)
    labels[LANDMARKS_TASK] = landmarks
    return labels


def _tags(
    path: Path, order: ImageOrder, attributes: Sequence[Named], faults: list[Fault]
) -> dict[str, Sequence[Label]]:
    """Task to tags an image, of the tasks that have attributes."""
    answers = read_answer_list(path, len(attributes), faults)
    names = [name for name, _ in attributes]
    types = np.array([number for _, number in attributes])
    # Which row is whose is asked once, for all five tasks.
    rows = order.arranged(str(path), answers.heads, range(len(answers.heads)), faults)
    found: dict[str, Sequence[Label]] = {}
    for number, task in enumerate(ATTRIBUTE_TASKS, start=1):
        if (types == number).any():
            tags = tags_of(answers, names, types == number)
            found[task] = [None if row is None else tags[row] for row in rows]
    return found


def _annotations(
    names: Sequence[str],
    splits: Sequence[str | None],
    boxes: Sequence[Box | None],
    labels: Mapping[str, Sequence[Label]],
) -> tuple[Annotation, ...]:
    tasks = tuple(labels)
    columns = zip(*labels.values(), strict=True)
    return tuple(
        Annotation(
            image=name,
            split=split,
            box=box if box is not None and box.is_real else None,
            labels=dict(zip(tasks, row, strict=True)),
        )
        for name, split, box, row in zip(names, splits, boxes, columns, strict=True)
    )


def _oddities(
    boxes: Sequence[Box | None],
    labels: Mapping[str, Sequence[Label]],
    categories: Sequence[Named],
) -> tuple[str, ...]:
    """What the files say that can be kept in part only, or looks odd; empty as a rule."""
    flat = sum(box is not None and not box.is_real for box in boxes)
    unknown = other = 0
    types = dict(categories)
    for category, found in zip(labels[CATEGORY], labels[LANDMARKS_TASK], strict=True):
        if isinstance(found, Landmarks) and isinstance(category, str):
            unknown += len(found.unknown)
            other += clothes_of(found) != types[category]
    notes = {
        f"{NO_AREA}: {flat:,}": flat,
        f"landmarks at 0, 0, taken as unknown: {unknown:,}": unknown,
        f"landmarks of another type of clothes than the category's: {counted(other, 'image')}": (
            other
        ),
    }
    return tuple(note for note, count in notes.items() if count)
