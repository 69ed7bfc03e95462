"""The attribute challenge of NTU's CE7454 (2021) and AI6126 (2023), cut from DeepFashion.

    FashionDataset/
      img/00000.jpg ...
      split/list_attr_cloth.txt
      split/{train,val,test}.txt        an image a line: img/00000.jpg
      split/{train,val}_attr.txt        six class indices, from 0 inside each group: 5 0 2 0 2 2
      split/{train,val,test}_bbox.txt   left, top, right, bottom: 062 062 165 300
      split/{train,val,test}_landmards.txt   eight points; one not visible is 0 0

"landmards" is the layout's own spelling. The meaning of a landmark depends on the kind of clothes
(upper, lower, full body), which the challenge leaves out; the points are kept in their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lapel.data.deepfashion.schema import FINE_TASKS
from lapel.data.reading.base import Reading, existing_folder, refuse
from lapel.data.reading.listing import ImageList, text_lines, whole_numbers
from lapel.schema.annotation import Annotation
from lapel.schema.counting import counted
from lapel.schema.errors import Fault, UsageError
from lapel.schema.garments import Garment, Point
from lapel.schema.labels import Schema, TaskSpec

#: The layout's names of the splits, and ours.
PARTS = {"train": "train", "val": "validation", "test": "test"}

ATTRIBUTES_FILE = "list_attr_cloth.txt"
ATTRIBUTES_HEADER = ("attribute_name", "attribute_type")

#: What the six groups ask, in the order of their numbers, 1 to 6.
GROUPS = FINE_TASKS

#: How many attributes each of them has in the challenge's own list, 26 together.
GROUP_SIZES = (7, 3, 3, 4, 6, 3)

#: Points in a row of landmarks: DeepFashion's eight, fewer for upper and lower clothes.
LANDMARKS = 8

_ATTRIBUTES_ROW = "a name and a type from 1 to 6"
_LANDMARKS_ROW = f"{LANDMARKS} points, 0 0 for one not visible"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A line of a file, as numbers."""

    file: str
    line: int
    numbers: list[int]


def read_ce7454(source: str | Path, *, tasks: Sequence[str] | None = None) -> Reading:
    """The challenge's folder, ``FashionDataset``.

    Args:
        source: the folder that holds ``img`` and ``split``.
        tasks: what to call the six groups; by default ``GROUPS``.

    Raises:
        UsageError: no such folder, or another number of names.
        FormatError: files that are missing, of unequal length, or hold something else than the
            layout says; all faults together.
        StorageError: a file cannot be read.
    """
    root = existing_folder(source)
    names = tuple(GROUPS if tasks is None else tasks)
    if len(names) != len(GROUPS):
        raise UsageError(f"found {len(names)} names of tasks, expected one for each of 6 groups")
    _refuse_missing(root)
    faults: list[Fault] = []
    groups = _read_groups(root / "split" / ATTRIBUTES_FILE, faults)
    schema = _schema(names, groups, faults, str(root / "split" / ATTRIBUTES_FILE))
    images = ImageList(root)
    annotations: list[Annotation] = []
    garments: dict[str, tuple[Garment, ...]] = {}
    for part, split in PARTS.items():
        _read_part(root, part, split, schema, images, annotations, garments)
    refuse([*faults, *images.faults])
    return Reading(
        name=root.resolve().name,
        schema=schema,
        annotations=tuple(annotations),
        images=root,
        origin="the attribute challenge of CE7454 and AI6126, cut from DeepFashion",
        benchmark="ce7454",
        notes=(f"boxes or landmarks of {counted(len(garments), 'image')} go to garments.jsonl",)
        if garments
        else ("there are no boxes and landmarks",),
        garments=garments,
    )


def _refuse_missing(root: Path) -> None:
    """Files without which nothing else can be looked at; all of them together."""
    needed = [f"split/{ATTRIBUTES_FILE}", "split/train.txt"]
    for part in PARTS:
        own = [f"split/{part}.txt"] + ([] if part == "test" else [f"split/{part}_attr.txt"])
        if any((root / "split").glob(f"{part}*.txt")):
            needed += own
    missing = [name for name in dict.fromkeys(needed) if not (root / name).is_file()]
    refuse(
        [Fault(file=str(root / name), found="nothing", expected="a file") for name in missing],
        remedy="Name the folder that holds img and split, with all files that the layout has.",
    )


def _read_groups(path: Path, faults: list[Fault]) -> list[list[str]]:
    """The labels of the six groups, in the order of the file."""
    groups: list[list[str]] = [[] for _ in GROUPS]
    lines = text_lines(path)
    file = str(path)
    if tuple(lines[1].split() if len(lines) > 1 else ()) != ATTRIBUTES_HEADER:
        found = repr(lines[1]) if len(lines) > 1 else "nothing"
        faults.append(Fault(file=file, line=2, found=found, expected=" ".join(ATTRIBUTES_HEADER)))
    rows = lines[2:]
    if not lines or whole_numbers([lines[0].strip()]) != [len(rows)]:
        found = repr(lines[0]) if lines else "nothing"
        expected = f"the number of attributes below, {len(rows)}"
        faults.append(Fault(file=file, line=1, found=found, expected=expected))
    for line, row in enumerate(rows, start=3):
        # Names may hold blanks, and lines end in some: the type is the last word.
        name, _, kind = row.strip().rpartition(" ")
        name = name.strip()
        number = (whole_numbers([kind]) or [0])[0]
        if not name or not 1 <= number <= len(GROUPS):
            faults.append(Fault(file=file, line=line, found=repr(row), expected=_ATTRIBUTES_ROW))
        elif name in groups[number - 1]:
            expected = "each attribute once"
            faults.append(Fault(file=file, line=line, found=f"{name!r} again", expected=expected))
        else:
            groups[number - 1].append(name)
    return groups


def _schema(
    names: tuple[str, ...], groups: list[list[str]], faults: list[Fault], file: str
) -> Schema:
    for number, labels in enumerate(groups, start=1):
        if not labels:
            found = f"no attribute of type {number}"
            faults.append(Fault(file=file, found=found, expected="one or more of each, 1 to 6"))
    refuse(faults)
    return Schema(
        tuple(
            TaskSpec(name=name, kind="single_label", labels=tuple(labels))
            for name, labels in zip(names, groups, strict=True)
        )
    )


def _read_part(
    root: Path,
    part: str,
    split: str,
    schema: Schema,
    images: ImageList,
    annotations: list[Annotation],
    garments: dict[str, tuple[Garment, ...]],
) -> None:
    """One split: its images, their labels, boxes and landmarks; faults go to ``images``."""
    listed = root / "split" / f"{part}.txt"
    if not listed.is_file():
        return
    names = text_lines(listed)
    # All are looked at, so that all faults come together.
    new = [
        images.add(name, file=str(listed), line=line) for line, name in enumerate(names, start=1)
    ]
    faults = images.faults
    if not names:
        faults.append(Fault(file=str(listed), found="0 images", expected="one or more"))
    labels = _rows(root, f"{part}_attr", len(names), len(schema.tasks), "class indices", faults)
    boxes = _rows(root, f"{part}_bbox", len(names), 4, "left, top, right, bottom", faults)
    points = _rows(root, f"{part}_landmards", len(names), 2 * LANDMARKS, _LANDMARKS_ROW, faults)
    for place, name in enumerate(names):
        found = _labels(schema, labels.get(place), faults)
        garment = _garment(boxes.get(place), points.get(place), faults)
        if new[place]:
            annotations.append(Annotation(image=name, labels=found, split=split))
            if garment is not None:
                garments[name] = (garment,)


def _rows(
    root: Path, name: str, count: int, width: int, meaning: str, faults: list[Fault]
) -> dict[int, _Row]:
    """The rows of a file by their place from 0; those at fault are left out."""
    path = root / "split" / f"{name}.txt"
    if not path.is_file():
        return {}
    lines = text_lines(path)
    if len(lines) != count:
        expected = f"{count}, as in {name.partition('_')[0]}.txt"
        faults.append(Fault(file=str(path), found=f"{len(lines)} rows", expected=expected))
    rows = {}
    for line, text in enumerate(lines, start=1):
        numbers = whole_numbers(text.split())
        if numbers is None or len(numbers) != width:
            expected = f"{width} whole numbers ({meaning})"
            shown = repr(text if len(text) <= 60 else f"{text[:57]}...")
            faults.append(Fault(file=str(path), line=line, found=shown, expected=expected))
        else:
            rows[line - 1] = _Row(file=str(path), line=line, numbers=numbers)
    return rows


def _labels(schema: Schema, row: _Row | None, faults: list[Fault]) -> dict[str, str]:
    """Class indices as labels; empty where the row is missing or at fault."""
    if row is None:
        return {}
    labels = {}
    for task, number in zip(schema, row.numbers, strict=True):
        if number >= len(task.labels):
            found = f"class {number} of '{task.name}'"
            expected = f"0 to {len(task.labels) - 1}"
            faults.append(Fault(file=row.file, line=row.line, found=found, expected=expected))
        else:
            labels[task.name] = task.labels[number]
    return labels


def _garment(box: _Row | None, points: _Row | None, faults: list[Fault]) -> Garment | None:
    if box is None and points is None:
        return None
    size = None
    if box is not None:
        left, top, right, bottom = box.numbers
        if right <= left or bottom <= top:
            found = f"a box from {left}, {top} to {right}, {bottom}"
            expected = "right and bottom beyond left and top"
            faults.append(Fault(file=box.file, line=box.line, found=found, expected=expected))
        size = (left, top, right - left, bottom - top)
    return Garment(box=size, points=_points(points.numbers) if points is not None else ())


def _points(numbers: list[int]) -> tuple[Point | None, ...]:
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return tuple(None if pair == (0, 0) else pair for pair in pairs)
