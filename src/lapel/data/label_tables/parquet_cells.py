"""Parquet tables as texts: plain values, lists of labels, and a dataset's own tags."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from lapel.data.columns import LABEL_COLUMNS
from lapel.data.label_tables.tag_cells import UNKNOWN_SUFFIX, separator_for, write_words
from lapel.schema.errors import Fault, FormatError

PARQUET_MAGIC = b"PAR1"

_TAGS = LABEL_COLUMNS["multi_label"].dtype


def read_parquet_columns(
    path: Path, data: bytes
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Names and cells of all columns; null is an empty text.

    A list of texts becomes one text with a separator between them, and the tags of a dataset's
    own table become two columns, as :mod:`lapel.data.label_tables.tag_cells` has it.

    Raises:
        FormatError: bytes that are no Parquet, or values that no text stands for.
    """
    try:
        table = pl.read_parquet(io.BytesIO(data))
        columns = [column for series in table for column in _plain(series)]
        texts = [column.cast(pl.String).fill_null("").str.strip_chars(" ") for column in columns]
    except (OSError, pl.exceptions.PolarsError) as error:
        found = f"bytes that are no table ({error})"
        expected = "a Parquet table of plain values and lists of texts"
        raise FormatError([Fault(file=str(path), found=found, expected=expected)]) from error
    return tuple(column.name for column in texts), tuple(tuple(column) for column in texts)


def _plain(column: pl.Series) -> Iterator[pl.Series]:
    if column.dtype == pl.List(pl.String):
        yield _words(column)
    elif column.dtype == _TAGS:
        yes, unknown = column.struct.field("yes"), column.struct.field("unknown")
        separator = separator_for([*yes.explode().drop_nulls(), *unknown.explode().drop_nulls()])
        yield _words(yes.rename(column.name), separator)
        if unknown.list.len().sum():
            yield _words(unknown.rename(column.name + UNKNOWN_SUFFIX), separator, none="")
    else:
        yield column


def _words(column: pl.Series, separator: str | None = None, none: str | None = None) -> pl.Series:
    # Other programs write null among the texts of a list: there it is no label.
    separator = separator or separator_for(column.explode().drop_nulls().to_list())
    cells = [
        None
        if words is None
        else write_words([word for word in words if word is not None], separator, none=none)
        for words in column.to_list()
    ]
    return pl.Series(column.name, cells, dtype=pl.String)
