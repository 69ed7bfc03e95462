"""Answers as files: CSV and Parquet with a row a picture or garment, JSONL with everything."""

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
from lapel.schema.read_garments import GARMENT, GARMENT_WORDS, ReadScene
from lapel.storage.local import atomic_path

#: What is written: what one model says of a picture, or what two say of its garments.
Answered = Prediction | ReadScene

#: Takes what is said of one picture at a time.
Add = Callable[[Answered], None]

#: A row of a table.
Row = dict[str, str | float | None]


@contextmanager
def csv_writer(path: Path) -> Iterator[Add]:
    """A row a picture, or a garment; a text that a spreadsheet would run gets an apostrophe in
    front.
    """
    with atomic_path(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        table: csv.DictWriter[str] | None = None
        # Rows that wait for one that shows all columns: of pictures without garments.
        waiting: list[Row] = []

        def begin(columns: list[str]) -> csv.DictWriter[str]:
            made = csv.DictWriter(file, columns, restval="", lineterminator="\n")
            made.writerow({key: _harmless(key) for key in columns})
            made.writerows(waiting)
            waiting.clear()
            return made

        def add(answered: Answered) -> None:
            nonlocal table
            rows = _rows(answered)
            widest = max(map(len, rows))
            for cells in rows:
                row = {key: _harmless(value) for key, value in cells.items()}
                if table is None and _shows_all(answered) and len(row) == widest:
                    table = begin(list(row))
                if table is None:
                    waiting.append(row)
                else:
                    table.writerow(row)

        yield add
        if table is None and waiting:
            begin(list(dict.fromkeys(name for row in waiting for name in row)))


@contextmanager
def jsonl_writer(path: Path) -> Iterator[Add]:
    """A line a picture, each with all that is said as JSON."""
    with atomic_path(path) as partial, partial.open("w", encoding="utf-8") as file:

        def add(answered: Answered) -> None:
            line = json.dumps(answered.to_json(), ensure_ascii=False)
            file.write(_encodable(line) + "\n")

        yield add


@contextmanager
def parquet_writer(path: Path) -> Iterator[Add]:
    """The columns of the CSV, with their types."""
    import polars as pl

    rows: list[Row] = []

    def add(answered: Answered) -> None:
        rows.extend(
            {k: _encodable(v) if isinstance(v, str) else v for k, v in cells.items()}
            for cells in _rows(answered)
        )

    yield add
    # A picture without garments has fewer columns than others.
    columns = dict.fromkeys(name for row in rows for name in row)
    whole = [{name: row.get(name) for name in columns} for row in rows]
    with atomic_path(path) as partial:
        pl.DataFrame(whole, infer_schema_length=None).write_parquet(partial)


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


def _rows(answered: Answered) -> list[Row]:
    """Rows in which no column hides another's."""
    if isinstance(answered, Prediction):
        own = [("image",), *(answer.cells(task) for task, answer in answered.answers.items())]
        _refuse_shared([name for part in own for name in part])
        return [answered.cells()]
    for one in answered.garments:
        parts = (answer.cells(task) for task, answer in one.answers.items())
        names = ["image", GARMENT, *(f"{GARMENT}.{word}" for word in GARMENT_WORDS)]
        _refuse_shared([*names, *(name for part in parts for name in part)])
    return answered.rows()


def _shows_all(answered: Answered) -> bool:
    """Whether the rows of a picture have all columns that any has."""
    return isinstance(answered, Prediction) or any(one.answers for one in answered.garments)


def _refuse_shared(names: list[str]) -> None:
    if len(set(names)) != len(names):
        twice = ", ".join(dict.fromkeys(name for name in names if names.count(name) > 1))
        raise UsageError(
            f"two tasks of this model would share a column of the table: {twice}; "
            "write the answers to a file that ends in .jsonl"
        )


def _harmless(value: str | float | None) -> str | float | None:
    if not isinstance(value, str):
        return value
    return escape_formula(_encodable(value))


def _encodable(text: str) -> str:
    """File names need not be UTF-8; a byte that is not becomes its escape."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
