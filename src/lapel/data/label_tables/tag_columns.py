"""Tables whose columns of tags are texts, for files that know no lists."""

from __future__ import annotations

import polars as pl

from lapel.data.columns import column_of
from lapel.data.label_tables.tag_cells import UNKNOWN_SUFFIX, separator_for, write_tags
from lapel.schema.annotation import mentioned
from lapel.schema.errors import UsageError
from lapel.schema.labels import Schema


def with_tag_cells(table: pl.DataFrame, schema: Schema) -> tuple[pl.DataFrame, dict[str, str]]:
    """A table with texts for tags, and the mark between the words of each such column.

    A column ``NAME.unknown`` follows one in which something is unknown.

    Raises:
        UsageError: labels that hold every mark that could stand between them, or a task that
            is named like such a column.
    """
    columns: list[pl.Series] = []
    separators: dict[str, str] = {}
    tags = [task.name for task in schema if task.kind == "multi_label"]
    for column in table:
        if column.name not in tags:
            columns.append(column)
            continue
        labels = column_of(schema[column.name]).labels(column)
        words = dict.fromkeys(word for label in dict.fromkeys(labels) for word in mentioned(label))
        separators[column.name] = mark = separator_for(words)
        cells = [write_tags(label, mark) for label in labels]
        columns.append(pl.Series(column.name, [yes for yes, _ in cells], dtype=pl.String))
        unknown = [unsure for _, unsure in cells]
        if any(unknown):
            if column.name + UNKNOWN_SUFFIX in table.columns:
                raise UsageError(
                    f"found a task named '{column.name}{UNKNOWN_SUFFIX}', which the table needs "
                    f"for the unknown labels of '{column.name}'; rename it"
                )
            columns.append(pl.Series(column.name + UNKNOWN_SUFFIX, unknown, dtype=pl.String))
    return pl.DataFrame(columns), separators
