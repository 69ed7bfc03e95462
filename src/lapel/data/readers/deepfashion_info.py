"""``info.csv``: DeepFashion's coarse benchmark as one table, made by the code of Liu & Lu (2018).

    image_name, x_1, y_1, x_2, y_2, evaluation_status, category_label, category_name,
    category_type, lm_lc_x, lm_lc_y, ... lm_rh_y, lm_lc_vis, ... lm_lc_in_pic, ..., attr_0, ...

A row an image, 0 or 1 for each of 1000 attributes; see :mod:`lapel.data.deepfashion.info` for
its traps. Attributes have numbers and no names: those are DeepFashion's own, or stand in a
``list_attr_cloth.txt`` beside. Source: fdjingyuan/Deep-Fashion-Analysis-ECCV2018.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from lapel.data.deepfashion.answer_rows import Answers, first_cells, read_answers, tags_of
from lapel.data.deepfashion.info import ATTRIBUTE_COLUMN, COLUMNS, InfoRow, head_cells, info_row
from lapel.data.deepfashion.lists import image_root
from lapel.data.deepfashion.names import (
    ATTRIBUTE_TASKS,
    Named,
    official_attributes,
    official_categories,
)
from lapel.data.deepfashion.schema import (
    CATEGORY,
    COARSE,
    LANDMARKS_TASK,
    LICENCE,
    ORIGIN,
    coarse_schema,
    unofficial,
)
from lapel.data.deepfashion.text import read_named, shown
from lapel.data.reading.base import Reading, existing_file, existing_folder, refuse
from lapel.data.reading.listing import ImageList
from lapel.schema.annotation import Annotation, Label, Tags
from lapel.schema.errors import Fault, StorageError, UsageError

#: What the table is called.
TABLE_FILE = "info.csv"

#: Names of attributes, looked for beside the table.
ATTRIBUTES_FILE = "list_attr_cloth.txt"

#: The line of the first row, after the names of columns.
FIRST_ROW = 2

NO_UNKNOWN = "an attribute that DeepFashion calls unknown is a no here: the table has no such word"


def read_deepfashion_info(
    source: str | Path,
    *,
    images: str | Path | None = None,
    attributes: str | Path | None = None,
) -> Reading:
    """The table, and the pictures that it names.

    Args:
        source: ``info.csv``, or a table of its columns that was made from it.
        images: the folder that holds ``img`` (or ``Img``); by default that of the table.
        attributes: a ``list_attr_cloth.txt`` with the names of the attributes; by default the one
            beside the table, or DeepFashion's own 1000.

    Raises:
        UsageError: no such file or folder, or no names for the table's number of attributes.
        FormatError: columns that are missing, rows that do not keep the layout, images that are
            missing; all faults together.
        StorageError: a file cannot be read.
    """
    path = _table(source)
    root = image_root(existing_folder(images or path.parent))
    columns, width = _header(path)
    named = _attributes(path, attributes, width)
    faults: list[Fault] = []
    oddities: Counter[str] = Counter()
    answers = _read(path, len(columns), width, faults)
    rows = _rows(path, columns, answers, faults, oddities)
    listed = ImageList(root)
    for line, row in enumerate(rows, start=FIRST_ROW):
        if row is not None:
            listed.add(row.image, file=str(path), line=line)
    refuse([*faults, *listed.faults])
    return Reading(
        name=path.stem,
        schema=coarse_schema(official_categories(), named),
        annotations=_annotations(rows, _tags(answers, named)),
        images=root,
        origin=f"{ORIGIN}, as the table info.csv of Liu & Lu's code (2018)",
        licence=LICENCE,
        notes=(
            NO_UNKNOWN,
            *unofficial(official_categories(), named),
            *(f"{what}: {count:,}" for what, count in sorted(oddities.items()) if count),
        ),
        benchmark=COARSE,
    )


def _table(source: str | Path) -> Path:
    """The table that the user named.

    Raises:
        UsageError: there is none; of a folder that holds it, the whole path is told.
    """
    inner = Path(source) / TABLE_FILE
    if inner.is_file():
        raise UsageError(f"{source}: found a folder, expected the table in it: name {inner}")
    return existing_file(source)


def _header(path: Path) -> tuple[tuple[str, ...], int]:
    """The columns before the attributes, and how many attributes there are.

    Raises:
        FormatError: columns are missing, or attributes stand in another order.
    """
    try:
        with path.open("rb") as file:
            line = file.readline().decode("utf-8-sig", "replace")
    except OSError as error:
        raise StorageError(f"{path} could not be read: {error.strerror or error}") from error
    cells = [cell.strip() for cell in next(csv.reader([line]), [])]
    first = cells.index(f"{ATTRIBUTE_COLUMN}0") if f"{ATTRIBUTE_COLUMN}0" in cells else len(cells)
    columns, names = cells[:first], cells[first:]
    faults = []
    missing = [name for name in COLUMNS if name not in columns]
    if missing or len(set(columns)) != len(columns):
        found = f"no column {missing[0]!r}" if missing else "a column twice"
        expected = f"{', '.join(COLUMNS[:3])}, ... {COLUMNS[-1]}, each once, then the attributes"
        faults.append(Fault(file=str(path), line=1, found=found, expected=expected))
    if not names or names != [f"{ATTRIBUTE_COLUMN}{place}" for place in range(len(names))]:
        found = f"{len(names)} columns from {names[0]} on" if names else "no column 'attr_0'"
        expected = "attr_0, attr_1, ... as the last columns, in order"
        faults.append(Fault(file=str(path), line=1, found=found, expected=expected))
    refuse(faults)
    return tuple(columns), len(names)


def _attributes(path: Path, given: str | Path | None, width: int) -> tuple[Named, ...]:
    """The names of the attributes.

    Raises:
        UsageError: there are none for so many.
        FormatError: a list of names that does not keep its layout.
    """
    beside = path.parent / ATTRIBUTES_FILE
    if given is None and not beside.is_file():
        named, origin = official_attributes(), "DeepFashion's own list"
    else:
        file = beside if given is None else existing_file(given)
        faults: list[Fault] = []
        named, origin = read_named(file, len(ATTRIBUTE_TASKS), faults), str(file)
        refuse(faults)
    if len(named) != width:
        raise UsageError(
            f"{path} has {width:,} attributes and {origin} {len(named):,} names; name a "
            "list_attr_cloth.txt of as many with --attributes"
        )
    return named


def _read(path: Path, columns: int, width: int, faults: list[Fault]) -> Answers:
    try:
        with path.open("rb") as file:
            file.readline()
            return read_answers(
                file,
                str(path),
                width,
                faults,
                first=FIRST_ROW,
                head=first_cells(columns),
                mark=",",
                signed=False,
            )
    except OSError as error:
        raise StorageError(f"{path} could not be read: {error.strerror or error}") from error


def _rows(
    path: Path,
    columns: Sequence[str],
    answers: Answers,
    faults: list[Fault],
    oddities: Counter[str],
) -> list[InfoRow | None]:
    """What stands before the attributes of each row; None where it is at fault."""
    rows: list[InfoRow | None] = []
    for line, head in enumerate(answers.heads, start=FIRST_ROW):
        cells = head_cells(head, len(columns))
        if cells is None:
            row: InfoRow | tuple[str, str] = (shown(head), f"{len(columns)} cells before attr_0")
        else:
            row = info_row(dict(zip(columns, cells, strict=True)), oddities)
        if isinstance(row, tuple):
            found, expected = row
            faults.append(Fault(file=str(path), line=line, found=found, expected=expected))
        rows.append(None if isinstance(row, tuple) else row)
    return rows


def _tags(answers: Answers, named: Sequence[Named]) -> dict[str, list[Tags]]:
    names = [name for name, _ in named]
    types = np.array([number for _, number in named])
    return {
        task: tags_of(answers, names, types == number, zero_is_unknown=False)
        for number, task in enumerate(ATTRIBUTE_TASKS, start=1)
        if (types == number).any()
    }


def _annotations(
    rows: Sequence[InfoRow | None], tags: Mapping[str, Sequence[Tags]]
) -> tuple[Annotation, ...]:
    annotations = []
    for place, row in enumerate(rows):
        if row is not None:
            labels: dict[str, Label] = {CATEGORY: row.category}
            labels |= {task: its[place] for task, its in tags.items()}
            labels[LANDMARKS_TASK] = row.landmarks
            annotations.append(
                Annotation(image=row.image, labels=labels, split=row.split, box=row.box)
            )
    return tuple(annotations)
