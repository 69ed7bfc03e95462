"""Answers as files: CSV and Parquet with a row a picture, JSONL with everything."""

from __future__ import annotations

import csv
import importlib.util
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from lapel.schema.errors import MissingExtraError, UsageError
from lapel.schema.formulas import escape_formula
from lapel.schema.prediction import Prediction
from lapel.storage.local import atomic_path

#: Takes one prediction at a time.
Add = Callable[[Prediction], None]


@contextmanager
def csv_writer(path: Path) -> Iterator[Add]:
    """A row a picture; a text that a spreadsheet would run gets an apostrophe in front."""
    with atomic_path(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        table: csv.DictWriter[str] | None = None

        def add(prediction: Prediction) -> None:
            nonlocal table
            cells = {key: _harmless(value) for key, value in _cells(prediction).items()}
            if table is None:
                table = csv.DictWriter(file, list(cells), lineterminator="\n")
                table.writerow({key: _harmless(key) for key in cells})
            table.writerow(cells)

        yield add


@contextmanager
def jsonl_writer(path: Path) -> Iterator[Add]:
    """A line a picture, each a whole prediction as JSON."""
    with atomic_path(path) as partial, partial.open("w", encoding="utf-8") as file:

        def add(prediction: Prediction) -> None:
            line = json.dumps(prediction.to_json(), ensure_ascii=False)
            file.write(_encodable(line) + "\n")

        yield add


@contextmanager
def parquet_writer(path: Path) -> Iterator[Add]:
    """The columns of the CSV, with their types."""
    import polars as pl

    rows: list[dict[str, str | float | None]] = []

    def add(prediction: Prediction) -> None:
        cells = _cells(prediction)
        rows.append({k: _encodable(v) if isinstance(v, str) else v for k, v in cells.items()})

    yield add
    with atomic_path(path) as partial:
        pl.DataFrame(rows, infer_schema_length=None).write_parquet(partial)


WRITERS: dict[str, Callable[[Path], AbstractContextManager[Add]]] = {
    ".csv": csv_writer,
    ".jsonl": jsonl_writer,
    ".parquet": parquet_writer,
}


def open_writer(path: Path) -> AbstractContextManager[Add]:
    """What writes predictions to a file, by its ending; the file appears when all is written.

    Raises:
        UsageError: an ending without a writer, or a folder.
        MissingExtraError: Parquet without polars.
    """
    ending = path.suffix.lower()
    if ending not in WRITERS or path.is_dir():
        raise UsageError(
            f"cannot write predictions to {path}: expected a file that ends in {', '.join(WRITERS)}"
        )
    if ending == ".parquet" and importlib.util.find_spec("polars") is None:
        raise MissingExtraError(extra="data", need="writing Parquet")
    return WRITERS[ending](path)


def _cells(prediction: Prediction) -> dict[str, str | float | None]:
    """A prediction's row, in which no task's column hides another's."""
    cells = prediction.cells()
    names = ["image"]
    for task, answer in prediction.answers.items():
        names += answer.cells(task)
    if len(names) != len(cells):
        twice = ", ".join(name for name in cells if names.count(name) > 1)
        raise UsageError(
            f"two tasks of this model would share a column of the table: {twice}; "
            "write the answers to a file that ends in .jsonl"
        )
    return cells


def _harmless(value: str | float | None) -> str | float | None:
    if not isinstance(value, str):
        return value
    return escape_formula(_encodable(value))


def _encodable(text: str) -> str:
    """File names need not be UTF-8; a byte that is not becomes its escape."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
