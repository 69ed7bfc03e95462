"""The contest of NSYSU's course (DeepFashion, 10 categories and 15 attributes), as CSV files.

    file_path, category_label          the blank after the comma is the hand-out's
    deep_fashion/train/00001.jpg,1

    file_path,attribute_label
    deep_fashion/train/00001.jpg,3 10 11

Categories and attributes have numbers and no names. The question that a file answers is told by
its header, the split by the folder in the path. What was handed out to train on has the same
columns; its files were not found in public, so their names are free.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from lapel.data.label_tables.cells import Cells, read_cells
from lapel.data.reading.base import Reading, existing_file, existing_folder, refuse
from lapel.data.reading.listing import ImageList, whole_numbers
from lapel.schema.annotation import SPLIT_NAMES, Annotation, Label, Tags
from lapel.schema.counting import counted
from lapel.schema.errors import Fault
from lapel.schema.labels import Schema, TaskSpec

PATH_COLUMN = "file_path"
CATEGORY_COLUMN = "category_label"
ATTRIBUTE_COLUMN = "attribute_label"

CATEGORIES = tuple(str(number) for number in range(10))
ATTRIBUTES = tuple(str(number) for number in range(15))

CATEGORY = TaskSpec(name="category", kind="single_label", labels=CATEGORIES)
TAGS = TaskSpec(name="attributes", kind="multi_label", labels=ATTRIBUTES)

_HEADERS = f"{PATH_COLUMN} and {CATEGORY_COLUMN} or {ATTRIBUTE_COLUMN}"


@dataclass(slots=True)
class _Rows:
    """What the files say, in the order of first mention."""

    labels: dict[str, dict[str, Label]] = field(default_factory=dict)
    places: dict[str, tuple[str, int]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


def read_nsysu(
    source: str | Path,
    *,
    more: Sequence[str | Path] = (),
    test_list: str | Path | None = None,
    images: str | Path | None = None,
) -> Reading:
    """One or more of the contest's CSV files.

    Args:
        source: a file of categories or of attributes.
        more: further such files, such as the one that answers the other question.
        test_list: a CSV whose ``file_path`` column lists the test images in the contest's order,
            such as a sample submission; what else stands in it is no label and not read.
        images: the folder that paths are relative to; by default the folder of ``source``.

    Raises:
        UsageError: no such file or folder.
        FormatError: other headers, numbers outside the contest's, images that are missing or
            answered twice; all faults together.
        StorageError: a file cannot be read.
    """
    first = existing_file(source)
    root = existing_folder(images if images is not None else first.parent)
    rows = _Rows()
    for file in (first, *map(existing_file, more)):
        _read_answers(read_cells(file), rows)
    if test_list is not None:
        _read_list(read_cells(existing_file(test_list)), rows)
    listed = ImageList(root)
    for name, (place, line) in rows.places.items():
        listed.add(name, file=place, line=line)
    refuse([*rows.faults, *listed.faults])
    annotations = tuple(
        Annotation(image=name, labels=labels, split=_split(name))
        for name, labels in rows.labels.items()
    )
    return Reading(
        name="nsysu",
        schema=_schema(annotations),
        annotations=annotations,
        images=root,
        origin=f"the NSYSU contest's '{first.name}'"
        + "".join(f", '{Path(file).name}'" for file in more),
        notes=tuple(_notes(annotations)),
    )


def _read_answers(cells: Cells, rows: _Rows) -> None:
    column = next((c for c in (CATEGORY_COLUMN, ATTRIBUTE_COLUMN) if c in cells.columns), None)
    if column is None or set(cells.columns) != {PATH_COLUMN, column}:
        found = f"the columns {', '.join(cells.columns)}"
        rows.faults.append(Fault(file=str(cells.file), line=1, found=found, expected=_HEADERS))
        return
    if not cells.lines:
        found, expected = "no rows", "an image a row"
        rows.faults.append(Fault(file=str(cells.file), found=found, expected=expected))
    task = CATEGORY if column == CATEGORY_COLUMN else TAGS
    answers = zip(cells.column(PATH_COLUMN), cells.column(column), cells.lines, strict=True)
    for name, cell, line in answers:
        place = str(cells.file)
        known = rows.labels.setdefault(name, {})
        rows.places.setdefault(name, (place, line))
        if task.name in known:
            found = f"{name!r} again"
            expected = f"each image once in the files of '{task.name}'"
            rows.faults.append(Fault(file=place, line=line, found=found, expected=expected))
            continue
        known[task.name] = None  # a row at fault has been seen, too
        numbers = whole_numbers(cell.split())
        expected = _expected(task, numbers)
        if expected:
            fault = Fault(file=place, line=line, found=repr(cell), expected=expected)
            rows.faults.append(fault)
        else:
            known[task.name] = _label(task, numbers or [])


def _expected(task: TaskSpec, numbers: list[int] | None) -> str:
    """What should stand in a cell; empty if it does."""
    last = len(task.labels) - 1
    if task is CATEGORY:
        fits = numbers is not None and len(numbers) == 1 and numbers[0] <= last
        return "" if fits else f"one category, 0 to {last}"
    fits = (
        numbers is not None
        and all(number <= last for number in numbers)
        and len(set(numbers)) == len(numbers)
    )
    return "" if fits else f"different attributes, 0 to {last}, with blanks between"


def _label(task: TaskSpec, numbers: list[int]) -> Label:
    if task is CATEGORY:
        return task.labels[numbers[0]]
    return Tags(tuple(task.labels[number] for number in sorted(numbers)))


def _read_list(cells: Cells, rows: _Rows) -> None:
    if PATH_COLUMN not in cells.columns:
        found = f"the columns {', '.join(cells.columns)}"
        fault = Fault(file=str(cells.file), line=1, found=found, expected=f"one is {PATH_COLUMN}")
        rows.faults.append(fault)
        return
    for name, line in zip(cells.column(PATH_COLUMN), cells.lines, strict=True):
        if name in rows.labels:
            file, first = rows.places[name]
            found, expected = f"{name!r} again ({file}, line {first})", "each image once"
            rows.faults.append(
                Fault(file=str(cells.file), line=line, found=found, expected=expected)
            )
        else:
            rows.labels[name] = {}
            rows.places[name] = (str(cells.file), line)


def _split(name: str) -> str:
    """The split that a folder in the path names; ``train`` where none does."""
    folders = (part.lower() for part in PurePosixPath(name).parent.parts)
    return next((SPLIT_NAMES[part] for part in folders if part in SPLIT_NAMES), "train")


def _schema(rows: Sequence[Annotation]) -> Schema:
    tasks = tuple(task for task in (CATEGORY, TAGS) if any(task.name in r.labels for r in rows))
    return Schema(tasks or (CATEGORY, TAGS))


def _notes(rows: Sequence[Annotation]) -> list[str]:
    notes = [
        f"without a label of '{task.name}', kept as unknown: {counted(missing, 'image')}"
        for task in _schema(rows)
        if (missing := sum(row.labels.get(task.name) is None for row in rows))
    ]
    bare = sum(row.labels.get(TAGS.name) == Tags() for row in rows)
    if bare:
        notes.append(f"with an empty cell, kept as none of the 15: {counted(bare, 'image')}")
    return notes
