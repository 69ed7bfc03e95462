"""Tables with a row an image: CSV, TSV or Parquet with an image column and label columns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from lapel.data.cells import Cells, read_cells
from lapel.data.reading import Reading, existing_file, existing_folder, refuse, sorted_labels
from lapel.schema.annotation import SPLIT_NAMES, Annotation
from lapel.schema.counting import counted
from lapel.schema.errors import Fault, StorageError, UsageError
from lapel.schema.labels import Schema, TaskSpec
from lapel.storage.local import LocalStore

#: What an image column is taken to be called, whatever the case and the marks between words.
IMAGE_COLUMNS = frozenset(
    {"image", "imagename", "imagefile", "imagefilename", "imagepath", "file", "filename"}
    | {"filepath", "path", "photo", "picture"}
)


def read_table(
    source: str | Path,
    *,
    images: str | Path,
    single: Sequence[str],
    image_column: str | None = None,
    split_column: str | None = None,
    group_column: str | None = None,
    encoding: str | None = None,
) -> Reading:
    """A table file and the folder of its images.

    Args:
        source: the table; see :func:`lapel.data.cells.read_cells`.
        images: the folder that the image column's names are relative to.
        single: columns that hold one label each; each becomes a task of its name. An empty
            cell is an unknown label.
        image_column: the column of the images' names; by default one of a usual name.
        split_column: the column that says train, validation or test (or val, dev, ...).
        group_column: the column of what is shown, where several images show one item.
        encoding: of a text file, where it is not found out.

    Raises:
        UsageError: no such file, folder or column.
        FormatError: faults of the table; images that are missing, named twice or outside the
            folder; splits that are none. All together, each with its line.
    """
    table = read_cells(existing_file(source), encoding=encoding)
    root = existing_folder(images)
    if not single:
        raise UsageError("found no label column, expected at least one: --single COLUMN")
    image_column = image_column or _guess_image_column(table)
    names = table.column(image_column)
    labels = {column: table.column(column) for column in single}
    splits = table.column(split_column) if split_column else None
    groups = table.column(group_column) if group_column else None
    faults = [*_image_faults(table, names, labels, root), *_split_faults(table, splits)]
    refuse(faults)
    return Reading(
        name=table.file.stem,
        schema=Schema(tuple(_task(column, cells) for column, cells in labels.items())),
        annotations=tuple(
            Annotation(
                image=name,
                labels={column: cells[row] or None for column, cells in labels.items()},
                split=SPLIT_NAMES[splits[row].lower()] if splits and splits[row] else None,
                group=(groups[row] or None) if groups else None,
            )
            for row, name in enumerate(names)
        ),
        images=root,
        origin=f"table '{table.file.name}'",
        notes=tuple(_notes(table, image_column, labels)),
    )


def _guess_image_column(table: Cells) -> str:
    usual = [c for c in table.columns if re.sub(r"[^a-z]", "", c.lower()) in IMAGE_COLUMNS]
    if len(usual) != 1:
        found = f"several columns ({', '.join(usual)})" if usual else "no column"
        raise UsageError(
            f"{table.file}: {found} named like images; name it with --image-column. "
            f"Columns: {', '.join(table.columns)}"
        )
    return usual[0]


def _task(column: str, cells: Sequence[str]) -> TaskSpec:
    labels = sorted_labels(cell for cell in cells if cell)
    if not labels:
        raise UsageError(f"column {column!r} is empty; a task needs at least one label")
    return TaskSpec(name=column, kind="single_label", labels=labels)


def _image_faults(
    table: Cells, names: Sequence[str], labels: dict[str, list[str]], root: Path
) -> Iterator[Fault]:
    store = LocalStore(root)
    first: dict[str, int] = {}
    for row, (line, name) in enumerate(zip(table.lines, names, strict=True)):
        if name in first:
            conflict = _conflict(labels, first[name], row)
            found = f"{name!r} again (line {table.lines[first[name]]}){conflict}"
            expected = "each image once"
        else:
            first[name] = row
            try:
                if store.exists(name):
                    continue
                found, expected = repr(name), f"a file in {root}"
            except StorageError as error:
                found, expected = str(error), ""
        yield Fault(file=str(table.file), line=line, found=found, expected=expected)


def _conflict(labels: dict[str, list[str]], first: int, again: int) -> str:
    """What two rows of one image say differently; empty if nothing."""
    for column, cells in labels.items():
        if cells[first] != cells[again]:
            was, now = cells[first], cells[again]
            return f" with another label ({column} {was!r}, here {now!r}): the labels conflict"
    return ""


def _split_faults(table: Cells, splits: Sequence[str] | None) -> Iterator[Fault]:
    for line, split in zip(table.lines, splits or [], strict=splits is not None):
        if split and split.lower() not in SPLIT_NAMES:
            yield Fault(
                file=str(table.file),
                line=line,
                found=f"split {split!r}",
                expected=f"one of {', '.join(SPLIT_NAMES)}",
            )


def _notes(table: Cells, image_column: str, labels: dict[str, list[str]]) -> Iterator[str]:
    yield f"{counted(len(table.rows), 'row')}; images are named by column '{image_column}'"
    if table.encoding == "cp1252":
        yield "the text is no UTF-8 and was read as CP1252; name another with --encoding"
    for column, cells in labels.items():
        unknown = sum(not cell for cell in cells)
        if unknown:
            yield f"without a '{column}', kept as unknown: {counted(unknown, 'row')}"
