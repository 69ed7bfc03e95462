"""How each kind of label stands in the table of a dataset: a column a task."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import islice
from typing import Any, Protocol

import polars as pl

from lapel.schema.annotation import Label, Tags
from lapel.schema.errors import SchemaError
from lapel.schema.geometry import Landmark, Landmarks
from lapel.schema.labels import TaskSpec


class LabelColumn(Protocol):
    """The column of one kind of task.

    Attributes:
        dtype: of its cells; null is an unknown label.
    """

    dtype: pl.DataType

    def series(self, name: str, labels: Sequence[Label], words: Sequence[str]) -> pl.Series:
        """Labels as a column; ``words`` are the task's labels, whose order cells keep."""
        ...

    def labels(self, column: pl.Series) -> list[Label]:
        """A column as labels."""
        ...

    def fits(self, label: Label) -> bool:
        """Whether a label is of this kind."""
        ...


class SingleLabelColumn:
    """One label name a cell."""

    dtype: pl.DataType = pl.String()

    def series(self, name: str, labels: Sequence[Label], words: Sequence[str]) -> pl.Series:
        """Names as they are."""
        del words
        return pl.Series(name, labels, dtype=self.dtype)

    def labels(self, column: pl.Series) -> list[Label]:
        """Names as they are."""
        found: list[Label] = column.to_list()
        return found

    def fits(self, label: Label) -> bool:
        """A name or nothing."""
        return label is None or isinstance(label, str)


class MultiLabelColumn:
    """Two lists of names a cell: those that hold, and those of which nobody knows."""

    dtype: pl.DataType = pl.Struct({"yes": pl.List(pl.String), "unknown": pl.List(pl.String)})

    def series(self, name: str, labels: Sequence[Label], words: Sequence[str]) -> pl.Series:
        """Names in the schema's order."""
        place = {word: number for number, word in enumerate(words)}

        def sort(names: Sequence[str]) -> list[str]:
            return sorted(names, key=lambda name: (place.get(name, len(place)), name))

        # Each different answer is made once: a table of 300,000 rows repeats most of them.
        different = {label: number for number, label in enumerate(dict.fromkeys(labels))}
        cells = [
            {"yes": sort(tags.yes), "unknown": sort(tags.unknown)}
            if isinstance(tags, Tags)
            else None
            for tags in different
        ]
        made = pl.Series(name, cells, dtype=self.dtype)
        return made.gather([different[label] for label in labels])

    def labels(self, column: pl.Series) -> list[Label]:
        """Cells as tags, equal ones one object; a missing list is an empty one."""
        made: dict[tuple[tuple[str, ...], tuple[str, ...]], Tags] = {}
        found: list[Label] = []
        for cell in column.to_list():
            if cell is None or (cell["yes"] is None and cell["unknown"] is None):
                found.append(None)
                continue
            key = (tuple(cell["yes"] or ()), tuple(cell["unknown"] or ()))
            if key not in made:
                made[key] = Tags(*key)
            found.append(made[key])
        return found

    def fits(self, label: Label) -> bool:
        """Tags or nothing."""
        return label is None or isinstance(label, Tags)


#: How the state of a landmark is written in a cell; one that is not listed is absent.
VISIBLE, HIDDEN, CUT, UNKNOWN = "visible", "hidden", "cut", "unknown"


#: A landmark in a cell.
_LANDMARK = {"name": pl.String, "x": pl.Float64, "y": pl.Float64, "state": pl.String}

#: A row's number, then a landmark of it.
_Placed = tuple[int, str, float | None, float | None, str]


class LandmarksColumn:
    """A list of landmarks a cell, each with its name, its place (null where there is none) and
    its state: ``visible``, ``hidden``, ``cut`` off by the picture's edge, or ``unknown``.

    Millions of landmarks pass through here: they are handled a column at a time, not as an object
    for each cell.
    """

    dtype: pl.DataType = pl.List(pl.Struct(_LANDMARK))

    def series(self, name: str, labels: Sequence[Label], words: Sequence[str]) -> pl.Series:
        """Landmarks in the schema's order."""
        place = {word: number for number, word in enumerate(words)}
        placed: list[_Placed] = []
        cells: list[int | None] = []
        filled = 0
        for row, label in enumerate(labels):
            found = _placed(row, label, place) if isinstance(label, Landmarks) else ()
            placed += found
            # Of a garment without any landmark: the last cell of all, which is empty.
            cells.append(filled if found else None if label is None else -1)
            filled += bool(found)
        lists = (
            pl.DataFrame(placed, schema={"row": pl.Int64, **_LANDMARK}, orient="row")
            .group_by("row", maintain_order=True)
            .agg(pl.struct(*_LANDMARK).alias(name))[name]
        )
        lists = lists.append(pl.Series(name, [[]], dtype=self.dtype))
        return lists.gather(
            pl.Series([filled if cell == -1 else cell for cell in cells], dtype=pl.UInt32)
        )

    def labels(self, column: pl.Series) -> list[Label]:
        """Cells as landmarks."""
        lengths = column.list.len()
        placed = column.filter(lengths > 0).explode()
        names = map(sys.intern, placed.struct.field("name").to_list())
        rest = (placed.struct.field(field).to_list() for field in ("x", "y", "state"))
        rows = zip(names, *rest, strict=True)
        return [
            None if length is None else _landmarks(list(islice(rows, length)))
            for length in lengths.to_list()
        ]

    def fits(self, label: Label) -> bool:
        """Landmarks or nothing."""
        return label is None or isinstance(label, Landmarks)


def _placed(row: int, label: Landmarks, place: dict[str, int]) -> list[_Placed]:
    found: list[_Placed] = [
        (row, name, point.x, point.y, VISIBLE if point.visible else HIDDEN)
        for name, point in label.points.items()
    ]
    for state, names in ((CUT, label.cut), (UNKNOWN, label.unknown)):
        found += [(row, name, None, None, state) for name in names]
    return sorted(found, key=lambda one: place.get(one[1], len(place)))


def _landmarks(cell: Sequence[tuple[str, Any, Any, str]]) -> Landmarks:
    return Landmarks(
        points={
            name: Landmark(x, y, state == VISIBLE)
            for name, x, y, state in cell
            if state in {VISIBLE, HIDDEN}
        },
        cut=tuple(name for name, _, _, state in cell if state == CUT),
        unknown=tuple(name for name, _, _, state in cell if state == UNKNOWN),
    )


class FileColumn:
    """The name of a file a cell, relative to the dataset's folder: what a label map is kept in.

    The labels themselves are read by :meth:`lapel.data.dataset.Dataset.labels`, one at a time.
    """

    dtype: pl.DataType = pl.String()

    def series(self, name: str, labels: Sequence[Label], words: Sequence[str]) -> pl.Series:
        """Names of files as they are."""
        del words
        return pl.Series(name, labels, dtype=self.dtype)

    def labels(self, column: pl.Series) -> list[Label]:
        """Names of files as they are."""
        found: list[Label] = column.to_list()
        return found

    def fits(self, label: Label) -> bool:
        """Nothing: these labels do not stand in annotations."""
        return label is None


class CountColumn:
    """How many garments are there; they themselves lie in ``garments.jsonl``.

    The labels are read by :meth:`lapel.data.dataset.Dataset.labels`, one at a time.
    """

    dtype: pl.DataType = pl.UInt32()

    def series(self, name: str, labels: Sequence[Any], words: Sequence[str]) -> pl.Series:
        """Counts as they are."""
        del words
        return pl.Series(name, labels, dtype=self.dtype)

    def labels(self, column: pl.Series) -> list[Label]:
        """None for each: counts are no labels."""
        return [None] * len(column)

    def fits(self, label: Label) -> bool:
        """Nothing: these labels do not stand in annotations."""
        return label is None


#: Kind of task to the column of its labels.
LABEL_COLUMNS: dict[str, LabelColumn] = {
    "single_label": SingleLabelColumn(),
    "multi_label": MultiLabelColumn(),
    "landmarks": LandmarksColumn(),
    "segmentation": FileColumn(),
    "garments": CountColumn(),
}


def column_of(spec: TaskSpec) -> LabelColumn:
    """The column of a task.

    Raises:
        SchemaError: its kind has no column.
    """
    if spec.kind not in LABEL_COLUMNS:
        raise SchemaError(
            f"task '{spec.name}' is of kind {spec.kind!r}, which no table of this version holds; "
            f"it holds: {', '.join(LABEL_COLUMNS)}"
        )
    return LABEL_COLUMNS[spec.kind]
