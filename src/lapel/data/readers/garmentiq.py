"""GarmentIQ's data: ``images/`` beside ``metadata.csv`` with a column ``filename`` and labels.

    images/0001.jpg
    metadata.csv         filename,garment
                         0001.jpg,trousers

The same below ``train/`` and ``test/``, as its own splitting leaves it; or as a ZIP archive, as it
is handed over, which is unpacked first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from lapel.data.label_tables.cells import Cells, read_cells
from lapel.data.reading.base import Reading, refuse, sorted_labels
from lapel.data.reading.listing import ImageList
from lapel.data.reading.unpacking import unpacked_source
from lapel.data.reading.walking import subfolders
from lapel.schema.annotation import SPLIT_NAMES, Annotation
from lapel.schema.counting import counted
from lapel.schema.errors import Fault, UsageError
from lapel.schema.labels import Schema, TaskSpec

METADATA_FILE = "metadata.csv"
IMAGES_FOLDER = "images"
FILE_COLUMN = "filename"

#: The label column of the project's own data.
LABEL_COLUMN = "garment"


def read_garmentiq(
    source: str | Path, *, label: Sequence[str] | None = None, unpack: str | Path | None = None
) -> Reading:
    """A folder or ZIP archive of GarmentIQ's layout.

    Args:
        source: the folder that holds ``metadata.csv`` and ``images``, or ``train`` and ``test``
            with these; or an archive of it.
        label: columns that hold a label each; by default ``garment``, else the only one there is.
        unpack: where an archive is unpacked to, a new or empty folder; its pictures stay there.

    Raises:
        UsageError: no such source or column, or an archive and no folder to unpack it to.
        FormatError: files that are missing, rows without a label column, images that are missing
            or named twice, an archive that leads out of its folder; all faults together.
        StorageError: a file cannot be read, or the archive not unpacked.
    """
    root = unpacked_source(source, unpack)
    tables = {split: read_cells(root / file) for file, split in _metadata_files(root).items()}
    columns = _label_columns(list(tables.values()), label)
    images = ImageList(root)
    rows = [row for split, cells in tables.items() for row in _rows(root, cells, split, images)]
    labels = {c: sorted_labels(row[2][c] for row in rows) for c in columns}
    faults = images.faults
    for column, found in labels.items():
        if not found:
            place = str(next(iter(tables.values())).file)
            sentence = f"no label in column '{column}'"
            faults.append(Fault(file=place, found=sentence, expected="one or more"))
    refuse(faults)
    return Reading(
        name=root.resolve().name,
        schema=Schema(
            tuple(
                TaskSpec(name=column, kind="single_label", labels=found)
                for column, found in labels.items()
            )
        ),
        annotations=tuple(
            Annotation(image=name, labels={c: cells[c] for c in columns}, split=split)
            for name, split, cells in rows
        ),
        images=root,
        origin=f"GarmentIQ's layout in '{root.resolve().name}'",
        notes=tuple(_notes(root, rows, columns, list(tables.values()))),
    )


_Row = tuple[str, str | None, dict[str, str | None]]


def _metadata_files(root: Path) -> dict[str, str | None]:
    """Files of metadata, relative to the root, and the split of each."""
    if (root / METADATA_FILE).is_file():
        return {METADATA_FILE: None}
    found = {
        f"{name}/{METADATA_FILE}": SPLIT_NAMES[name.lower()]
        for name in subfolders(root)
        if name.lower() in SPLIT_NAMES and (root / name / METADATA_FILE).is_file()
    }
    if not found:
        expected = f"the file, beside {IMAGES_FOLDER} or in train and test"
        refuse([Fault(file=str(root / METADATA_FILE), found="nothing", expected=expected)])
    # In the order of the splits, not of the folders' names.
    order = list(dict.fromkeys(SPLIT_NAMES.values()))
    return dict(sorted(found.items(), key=lambda entry: order.index(str(entry[1]))))


def _label_columns(tables: Sequence[Cells], label: Sequence[str] | None) -> list[str]:
    faults = [
        Fault(
            file=str(cells.file),
            line=1,
            found=f"the columns {', '.join(cells.columns)}",
            expected=f"'{FILE_COLUMN}' and a column of labels",
        )
        for cells in tables
        if FILE_COLUMN not in cells.columns or len(cells.columns) < 2
    ]
    refuse(faults)
    if label is not None:
        return list(label)
    others = [name for name in tables[0].columns if name != FILE_COLUMN]
    if LABEL_COLUMN in others:
        return [LABEL_COLUMN]
    if len(others) > 1:
        raise UsageError(
            f"{tables[0].file}: found several columns ({', '.join(others)}) and no "
            f"'{LABEL_COLUMN}'; name those of labels with --label"
        )
    return others


def _rows(root: Path, cells: Cells, split: str | None, images: ImageList) -> Iterator[_Row]:
    folder = cells.file.parent.relative_to(root)
    columns = {name: cells.column(name) for name in cells.columns if name != FILE_COLUMN}
    for row, (file, line) in enumerate(zip(cells.column(FILE_COLUMN), cells.lines, strict=True)):
        name = (folder / IMAGES_FOLDER).as_posix() + f"/{file}"
        if images.add(name, file=str(cells.file), line=line):
            yield name, split, {column: found[row] or None for column, found in columns.items()}


def _notes(
    root: Path, rows: Sequence[_Row], columns: Sequence[str], tables: Sequence[Cells]
) -> Iterator[str]:
    for column in columns:
        unknown = sum(cells[column] is None for _, _, cells in rows)
        if unknown:
            yield f"without a '{column}', kept as unknown: {counted(unknown, 'row')}"
    unread = [c for c in tables[0].columns if c != FILE_COLUMN and c not in columns]
    if unread:
        yield f"columns that were not read, --label names those to read: {', '.join(unread)}"
    listed = {name for name, _, _ in rows}
    folders = [cells.file.parent / IMAGES_FOLDER for cells in tables]
    there = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    unlisted = sum(path.relative_to(root).as_posix() not in listed for path in there)
    if unlisted:
        yield f"in {IMAGES_FOLDER} but not in {METADATA_FILE}: {counted(unlisted, 'file')}"
