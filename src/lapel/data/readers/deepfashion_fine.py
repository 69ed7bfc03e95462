"""DeepFashion's fine annotations: 20,000 pictures of the coarse benchmark, 26 attributes anew.

    Anno_fine/list_attr_cloth.txt       26 attributes and their group, 1 to 6
    Anno_fine/list_category_cloth.txt   50 categories and their type: 1 upper, 2 lower, 3 full
    Anno_fine/train.txt                 img/Sheer_Pleated-Front_Blouse/img_00000001.jpg
    Anno_fine/train_attr.txt            26 times 0 or 1, one 1 in each group
    Anno_fine/train_cate.txt            a category, from 1
    Anno_fine/train_bbox.txt            x1 y1 x2 y2
    Anno_fine/train_landmarks.txt       eight points: those of the type of clothes, then 0 0
    Anno_fine/val*.txt, test*.txt       as for train
    Img/img/...

Rows have no header and belong together by their line. A landmark that is not visible is 0 0, too;
which landmarks a row has is told by its category's type of clothes. Source: the benchmark of Liu
et al., CVPR 2016, as extended for MMFashion (Liu et al., 2020).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from lapel.data.deepfashion.lists import box_with_area, image_root, needed_files
from lapel.data.deepfashion.names import Named
from lapel.data.deepfashion.places import LANDMARKS
from lapel.data.deepfashion.schema import (
    CATEGORY,
    FINE,
    FINE_TASKS,
    LANDMARKS_TASK,
    LICENCE,
    ORIGIN,
    STATUS,
    fine_schema,
    of_type,
    unofficial_categories,
)
from lapel.data.deepfashion.text import (
    BOX_ROW,
    box_of,
    choice,
    clothes_landmarks,
    numbers,
    read_named,
    shown,
)
from lapel.data.reading.base import Reading, refuse
from lapel.data.reading.benchmark_folder import benchmark_folder
from lapel.data.reading.listing import ImageList, text_lines
from lapel.schema.annotation import Annotation, Label
from lapel.schema.errors import Fault
from lapel.schema.geometry import Box, Landmark, Landmarks

FOLDER = "Anno_fine"
ATTRIBUTES_FILE, CATEGORIES_FILE = "list_attr_cloth.txt", "list_category_cloth.txt"

#: What each split's files are called beside its list of images.
KINDS_OF_FILE = ("attr", "cate", "bbox", "landmarks")

#: All files that the benchmark is known by.
FILES = tuple(
    f"{FOLDER}/{name}"
    for name in (
        ATTRIBUTES_FILE,
        CATEGORIES_FILE,
        *(f"{part}.txt" for part in STATUS),
        *(f"{part}_{kind}.txt" for part in STATUS for kind in KINDS_OF_FILE),
    )
)

NO_ANSWER = "groups of attributes without an answer, taken as unknown"
NO_PLACE = "landmarks without a place, taken as unknown"
OTHER_TYPE = "images whose landmarks are not those of their category, left out"

Value = TypeVar("Value")
Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Names:
    """What the lists of names say."""

    categories: tuple[Named, ...]
    attributes: tuple[Named, ...]


def read_deepfashion_fine(source: str | Path) -> Reading:
    """The benchmark's folder, which holds ``Anno_fine`` and ``Img``.

    Tasks are the six groups, ``category`` and ``landmarks``; the box of each picture is kept
    beside.

    Raises:
        UsageError: no such folder, or one above or below the benchmark's.
        FormatError: files that are missing, of unequal length, or hold something else than the
            layout says; all faults together.
        StorageError: a file cannot be read.
    """
    root = benchmark_folder(source, FILES)
    needed_files(root, *FILES, holding="Anno_fine and Img")
    lists = root / FOLDER
    faults: list[Fault] = []
    names = _Names(
        categories=read_named(lists / CATEGORIES_FILE, 3, faults, header="category_name"),
        attributes=read_named(lists / ATTRIBUTES_FILE, len(FINE_TASKS), faults),
    )
    for number in range(1, len(FINE_TASKS) + 1):
        if not of_type(names.attributes, number):
            found = f"no attribute of type {number}"
            expected = "one or more of each, 1 to 6"
            faults.append(Fault(file=str(lists / ATTRIBUTES_FILE), found=found, expected=expected))
    refuse(faults)
    images = ImageList(image_root(root))
    oddities: Counter[str] = Counter()
    annotations: list[Annotation] = []
    for part in STATUS:
        annotations += _read_part(lists, part, names, images, oddities)
    refuse(images.faults)
    return Reading(
        name=root.resolve().name,
        schema=fine_schema(names.categories, names.attributes),
        annotations=tuple(annotations),
        images=image_root(root),
        origin=f"{ORIGIN}, fine annotations",
        licence=LICENCE,
        notes=(
            *unofficial_categories(names.categories),
            *(f"{what}: {count:,}" for what, count in sorted(oddities.items()) if count),
        ),
        benchmark=FINE,
    )


def _read_part(
    lists: Path, part: str, names: _Names, images: ImageList, oddities: Counter[str]
) -> list[Annotation]:
    """One split; what is wrong with it goes to ``images``."""
    listed = lists / f"{part}.txt"
    pictures = [name.strip() for name in text_lines(listed)]
    for line, name in enumerate(pictures, start=1):
        images.add(name, file=str(listed), line=line)

    def column(
        kind: str, parse: Callable[[Sequence[str]], Value | None], expected: str
    ) -> list[Value | None]:
        path = lists / f"{part}_{kind}.txt"
        return _column(path, len(pictures), parse, expected, images.faults)

    answers = column(
        "attr",
        lambda words: _answers(words, names.attributes),
        f"{len(names.attributes)} times 0 or 1, at most one 1 in each of {len(FINE_TASKS)} groups",
    )
    types = column(
        "cate",
        lambda words: choice(words, names.categories),
        f"a category from 1 to {len(names.categories)}",
    )
    boxes = column("bbox", box_of, BOX_ROW)
    points = column("landmarks", _points, f"{len(LANDMARKS)} points, x and y of each")
    rows = zip(pictures, answers, types, boxes, points, strict=True)
    return [_annotation(STATUS[part], *row, oddities) for row in rows]


def _column(
    path: Path,
    count: int,
    parse: Callable[[Sequence[str]], Value | None],
    expected: str,
    faults: list[Fault],
) -> list[Value | None]:
    """A value for each of ``count`` images; None where it is missing or at fault."""
    lines = text_lines(path)
    if len(lines) != count:
        wanted = f"{count}, as in {path.name.partition('_')[0]}.txt"
        faults.append(Fault(file=str(path), found=f"{len(lines)} rows", expected=wanted))
    found: list[Value | None] = []
    for line, text in enumerate(lines, start=1):
        value = parse(text.split())
        if value is None:
            faults.append(Fault(file=str(path), line=line, found=shown(text), expected=expected))
        found.append(value)
    return [*found, *[None] * count][:count]


def _answers(words: Sequence[str], attributes: Sequence[Named]) -> dict[str, str | None] | None:
    """The answer of each group, None where it has none; None where the row is at fault."""
    if len(words) != len(attributes) or not {"0", "1"}.issuperset(words):
        return None
    held = [named for named, word in zip(attributes, words, strict=True) if word == "1"]
    answers: dict[str, str | None] = dict.fromkeys(FINE_TASKS)
    for name, number in held:
        answers[FINE_TASKS[number - 1]] = name
    # As many answers as there are ones: none of them shares its group.
    answered = sum(answer is not None for answer in answers.values())
    return answers if answered == len(held) else None


def _points(words: Sequence[str]) -> list[Point] | None:
    values = numbers(words)
    if values is None or len(values) != 2 * len(LANDMARKS):
        return None
    return list(zip(values[::2], values[1::2], strict=True))


def _annotation(
    split: str,
    image: str,
    answers: Mapping[str, str | None] | None,
    category: Named | None,
    box: Box | None,
    points: Sequence[Point] | None,
    oddities: Counter[str],
) -> Annotation:
    labels: dict[str, Label] = dict(answers or {})
    oddities[NO_ANSWER] += sum(answer is None for answer in labels.values())
    if category is not None:
        labels[CATEGORY] = category.name
        labels[LANDMARKS_TASK] = _landmarks(category.type, points or (), oddities)
    kept = None if box is None else box_with_area(box, oddities)
    return Annotation(image=image, labels=labels, split=split, box=kept)


def _landmarks(clothes: int, points: Sequence[Point], oddities: Counter[str]) -> Landmarks | None:
    """Points of a type of clothes; None where there are more than it has."""
    names = clothes_landmarks(clothes)
    if any(x or y for x, y in points[len(names) :]):
        oddities[OTHER_TYPE] += 1
        return None
    placed = {name: Landmark(x, y) for name, (x, y) in zip(names, points, strict=False) if x or y}
    unknown = tuple(name for name in names if name not in placed)
    oddities[NO_PLACE] += len(unknown)
    return Landmarks(placed, unknown=unknown)
