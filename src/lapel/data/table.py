"""``annotations.parquet``: a row an image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from lapel.data.columns import column_of
from lapel.data.images import packed_row
from lapel.data.measuring import Measured
from lapel.schema.annotation import ROLES, SPLITS, Annotation, mentioned
from lapel.schema.errors import DatasetError, Fault, FormatError
from lapel.schema.geometry import Box
from lapel.schema.labels import Schema
from lapel.storage.local import atomic_path

TABLE_FILE = "annotations.parquet"

#: A box as it stands in the table; edges in pixels of the upright picture.
BOX = pl.Struct(dict.fromkeys(Box._fields, pl.Float64))

#: Columns of the table that are no tasks, with their types.
COLUMNS: dict[str, pl.DataType] = {
    "image": pl.String(),
    "split": pl.String(),
    "width": pl.Int32(),
    "height": pl.Int32(),
    "sha256": pl.String(),
    "group": pl.String(),
    "box": BOX,
    "role": pl.String(),
}

#: Those that are there only where a layout knows them.
OPTIONAL = ("group", "box", "role")


def read_table(path: Path, schema: Schema) -> pl.DataFrame:
    """The table of a dataset.

    Raises:
        DatasetError: it is missing or torn, or its columns are not those of the schema.
    """
    try:
        table = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DatasetError(f"{path} could not be read ({error}); import again") from error
    expected = {
        name: kind
        for name, kind in COLUMNS.items()
        if name not in OPTIONAL or name in table.columns
    }
    expected |= {task.name: column_of(task).dtype for task in schema}
    for name, kind in expected.items():
        found = table.schema.get(name)
        if found != kind:
            raise DatasetError(
                f"{path}: found {found or 'no column'} for '{name}', expected {kind}; "
                "import again, or write the column as it was"
            )
    if table["image"].null_count() or table["image"].n_unique() != table.height:
        raise DatasetError(f"{path}: found images without a name or twice; each has one row")
    return table


def write_table(folder: Path, table: pl.DataFrame) -> None:
    """Put a table in the place of a dataset's own, whole or not at all.

    Raises:
        StorageError: it could not be written; the table is as before.
    """
    with atomic_path(folder / TABLE_FILE) as partial:
        table.write_parquet(partial)


def check_rows(rows: Sequence[Annotation], schema: Schema) -> None:
    """Refuse rows that no table can hold.

    Raises:
        DatasetError: no rows, or a task named like one of the table's own columns.
        FormatError: images twice, splits or labels that do not exist; all faults together.
    """
    if not rows:
        raise DatasetError("found no images, expected at least one; look at the source's layout")
    reserved = [task.name for task in schema if task.name in COLUMNS]
    if reserved:
        raise DatasetError(
            f"found a task named {reserved[0]!r}, which the table needs for itself; rename it"
        )
    packed = {packed_row(row.image) is not None for row in rows}
    if len(packed) > 1:
        raise DatasetError("found packed pictures beside files; a dataset holds one kind")
    faults = list(_row_faults(rows, schema))
    if faults:
        raise FormatError(faults)


def _row_faults(rows: Sequence[Annotation], schema: Schema) -> Iterator[Fault]:
    counts = Counter(row.image for row in rows)
    for image, count in counts.items():
        if count > 1:
            yield Fault(file=image, found=f"{count} rows", expected="one row an image")
    known = {task.name: frozenset(task.labels) for task in schema}
    columns = {task.name: column_of(task) for task in schema}
    for row in rows:
        if row.split is not None and row.split not in SPLITS:
            yield Fault(file=row.image, found=f"split {row.split!r}", expected=", ".join(SPLITS))
        if row.role is not None and row.role not in ROLES:
            yield Fault(file=row.image, found=f"role {row.role!r}", expected=", ".join(ROLES))
        if row.box is not None and not row.box.is_real:
            yield Fault(
                file=row.image, found=f"box {tuple(row.box)}", expected="a width and height above 0"
            )
        for task, label in row.labels.items():
            if task not in known:
                yield Fault(file=row.image, found=f"task {task!r}", expected=", ".join(known))
            elif not columns[task].fits(label):
                kind = schema[task].kind
                yield Fault(file=row.image, found=f"{task} {label!r}", expected=f"a {kind} answer")
            else:
                yield from (
                    Fault(
                        file=row.image, found=f"{task} {word!r}", expected="a label of the schema"
                    )
                    for word in mentioned(label)
                    if word not in known[task]
                )


def build_table(measured: Sequence[tuple[Annotation, Measured]], schema: Schema) -> pl.DataFrame:
    """The table of annotated and measured images; a split of None becomes ``train``."""
    rows = [row for row, _ in measured]
    found = [measure for _, measure in measured]
    columns: dict[str, Sequence[object]] = {
        "image": [row.image for row in rows],
        "split": [row.split or "train" for row in rows],
        "width": [one.width for one in found],
        "height": [one.height for one in found],
        "sha256": [one.sha256 for one in found],
    }
    for name in OPTIONAL:
        values = [getattr(row, name) for row in rows]
        if any(value is not None for value in values):
            columns[name] = values
    if "box" in columns:
        columns["box"] = [None if row.box is None else row.box._asdict() for row in rows]
    own = [pl.Series(name, values, dtype=COLUMNS[name]) for name, values in columns.items()]
    return pl.DataFrame([*own, *label_columns(rows, schema)])


def label_columns(rows: Sequence[Annotation], schema: Schema) -> list[pl.Series]:
    """The column of each task, in the schema's order."""
    return [
        column_of(task).series(task.name, [row.labels.get(task.name) for row in rows], task.labels)
        for task in schema
    ]
