"""Answers as rows of tables: the same columns wherever they are written."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec

import numpy as np

from lapel.inference.pictures import Failure
from lapel.inference.predictor import Predictor
from lapel.inference.two_stage import TwoStagePredictor
from lapel.schema.errors import MissingExtraError, UsageError
from lapel.schema.formulas import escape_formula
from lapel.schema.prediction import Prediction
from lapel.schema.read_garments import GARMENT, GARMENT_WORDS, ReadScene

#: What is written: what one model says of a picture, or what two say of its garments.
Answered = Prediction | ReadScene

#: A row of a table.
Row = dict[str, str | float | None]

#: In tables that have a row for every picture: what is wrong with one that got no answer.
ERROR = "error"

#: What to ask for where a table cannot hold the answers.
_LINES = "lines of JSON (a file that ends in .jsonl; over HTTP Accept: application/jsonlines)"

#: Kinds of value in a column.
TEXT, NUMBER, WHOLE = "text", "number", "whole"


def rows_of(answered: Answered) -> list[Row]:
    """Rows in which no column hides another's: one a picture, or one a garment of it.

    Raises:
        UsageError: two tasks would share a column.
    """
    if isinstance(answered, Prediction):
        own = [("image",), *(answer.cells(task) for task, answer in answered.answers.items())]
        _refuse_shared([name for part in own for name in part])
        return [answered.cells()]
    for one in answered.garments:
        parts = (answer.cells(task) for task, answer in one.answers.items())
        _refuse_shared([*_GARMENT_COLUMNS, *(name for part in parts for name in part)])
    return answered.rows()


def rows_with_error(result: Answered | Failure) -> list[Row]:
    """The same, of pictures that got no answer too: they have a row that says why.

    Raises:
        UsageError: two tasks would share a column, or one has the column of faults.
    """
    if isinstance(result, Failure):
        return [{"image": encodable(result.image), ERROR: encodable(result.fault)}]
    rows = rows_of(result)
    if any(ERROR in row for row in rows):
        raise UsageError(
            f"a task of this model would share the column of faults, '{ERROR}'; take the answers "
            f"as {_LINES}"
        )
    return [
        {name: encodable(cell) if isinstance(cell, str) else cell for name, cell in row.items()}
        for row in rows
    ]


def columns_of(predictor: Predictor | TwoStagePredictor, *, top: int) -> dict[str, str]:
    """The columns of :func:`rows_with_error` and the kind of their values, whatever is on a
    picture: nothing is guessed from the first rows.

    Args:
        predictor: what answers.
        top: how many of the best labels it names.

    Raises:
        UsageError: two of its tasks would share a column.
    """
    if isinstance(predictor, TwoStagePredictor):
        read = _cells_of(predictor.tagger, top=top)
        found = {f"{GARMENT}.{word}": NUMBER for word in GARMENT_WORDS}
        found[f"{GARMENT}.{GARMENT_WORDS[0]}"] = TEXT
        _refuse_shared([*_GARMENT_COLUMNS, *read, ERROR])
        return {"image": TEXT, GARMENT: WHOLE, **found, **read, ERROR: TEXT}
    read = _cells_of(predictor, top=top)
    _refuse_shared(["image", *read, ERROR])
    return {"image": TEXT, **read, ERROR: TEXT}


def parquet_of(rows: Sequence[Row], columns: Mapping[str, str]) -> bytes:
    """A Parquet file of rows; what a row does not have is null.

    Raises:
        MissingExtraError: polars is not installed.
    """
    needs_parquet()
    import polars as pl  # noqa: PLC0415 - prediction does without, but for this

    kinds = {TEXT: pl.String, NUMBER: pl.Float64, WHOLE: pl.Int64}
    table = pl.DataFrame(
        {name: [row.get(name) for row in rows] for name in columns},
        schema={name: kinds[kind] for name, kind in columns.items()},
    )
    file = io.BytesIO()
    table.write_parquet(file)
    return file.getvalue()


def needs_parquet() -> None:
    """See that Parquet can be written.

    Raises:
        MissingExtraError: polars is not installed.
    """
    if find_spec("polars") is None:
        raise MissingExtraError(extra="data", need="writing Parquet")


def encodable(text: str) -> str:
    """File names need not be UTF-8; a byte that is not becomes its escape."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def csv_cell(cell: str | float | None) -> str | float | None:
    """A cell as it may be written into a CSV file: a text that a spreadsheet would run gets an
    apostrophe in front.
    """
    return escape_formula(encodable(cell)) if isinstance(cell, str) else cell


_GARMENT_COLUMNS = ("image", GARMENT, *(f"{GARMENT}.{word}" for word in GARMENT_WORDS))


def _cells_of(predictor: Predictor, *, top: int) -> dict[str, str]:
    """Columns of what a model answers, without the picture's name: asked about nothing at all."""
    preprocess = predictor.bundle.preprocess
    black = np.zeros((preprocess.height, preprocess.width, 3), np.uint8)
    (answered,) = predictor.predict(black, top=top)
    if isinstance(answered, Failure):  # no picture is easier than this one
        raise UsageError(f"the model cannot answer about a black picture: {answered.fault}")
    cells = rows_of(answered)[0]
    cells.pop("image")
    return {name: TEXT if isinstance(cell, str) else NUMBER for name, cell in cells.items()}


def _refuse_shared(names: Iterable[str]) -> None:
    found = list(names)
    if len(set(found)) != len(found):
        twice = ", ".join(dict.fromkeys(name for name in found if found.count(name) > 1))
        raise UsageError(
            f"two tasks of this model would share a column of the table: {twice}; take the answers "
            f"as {_LINES}"
        )
