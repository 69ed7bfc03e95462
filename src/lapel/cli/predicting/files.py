"""Answers as files: CSV and Parquet with a row a picture or garment, JSONL with everything."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from signal import Signals
from typing import TYPE_CHECKING, NoReturn

import typer

from lapel.cli.console import complain
from lapel.inference.answer_rows import Answered, Row, csv_cell, encodable, needs_parquet, rows_of
from lapel.schema.errors import UsageError
from lapel.schema.prediction import Prediction
from lapel.storage.local import atomic_path

if TYPE_CHECKING:
    from lapel.training.stopping import StopSignals

#: Takes what is said of one picture at a time.
Add = Callable[[Answered], None]

#: Tells at the end where a file is to be.
Place = Callable[[], Path]


@contextmanager
def csv_writer(path: Path, place: Place) -> Iterator[Add]:
    """A row a picture, or a garment; a text that a spreadsheet would run gets an apostrophe in
    front.
    """
    with (
        atomic_path(path, instead=place) as partial,
        partial.open("w", newline="", encoding="utf-8") as file,
    ):
        table: csv.DictWriter[str] | None = None
        # Rows that wait for one that shows all columns: of pictures without garments.
        waiting: list[Row] = []

        def begin(columns: list[str]) -> csv.DictWriter[str]:
            made = csv.DictWriter(file, columns, restval="", lineterminator="\n")
            made.writerow({key: csv_cell(key) for key in columns})
            made.writerows(waiting)
            waiting.clear()
            return made

        def add(answered: Answered) -> None:
            nonlocal table
            rows = rows_of(answered)
            widest = max(map(len, rows))
            for cells in rows:
                row = {key: csv_cell(value) for key, value in cells.items()}
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
def jsonl_writer(path: Path, place: Place) -> Iterator[Add]:
    """A line a picture, each with all that is said as JSON."""
    with atomic_path(path, instead=place) as partial, partial.open("w", encoding="utf-8") as file:

        def add(answered: Answered) -> None:
            line = json.dumps(answered.to_json(), ensure_ascii=False)
            file.write(encodable(line) + "\n")

        yield add


@contextmanager
def parquet_writer(path: Path, place: Place) -> Iterator[Add]:
    """The columns of the CSV, with their types."""
    import polars as pl

    rows: list[Row] = []

    def add(answered: Answered) -> None:
        rows.extend(
            {k: encodable(v) if isinstance(v, str) else v for k, v in cells.items()}
            for cells in rows_of(answered)
        )

    # Opened before the first answer, so that a place that cannot be written costs no waiting.
    with atomic_path(path, instead=place) as partial, partial.open("wb") as file:
        yield add
        # A picture without garments has fewer columns than others.
        columns = dict.fromkeys(name for row in rows for name in row)
        whole = [{name: row.get(name) for name in columns} for row in rows]
        pl.DataFrame(whole, infer_schema_length=None).write_parquet(file)


WRITERS: dict[str, Callable[[Path, Place], AbstractContextManager[Add]]] = {
    ".csv": csv_writer,
    ".jsonl": jsonl_writer,
    ".parquet": parquet_writer,
}


@contextmanager
def open_writer(path: Path) -> Iterator[tuple[Add, StopSignals]]:
    """What writes predictions to a file, by its ending; the file appears when all is written.

    Whoever is asked to stop on the way (Ctrl+C, SIGTERM) ends the block, and finds what was written
    so far in :func:`stopped_file`; a former file of the name stays as it was.

    Raises:
        UsageError: an ending without a writer, or a folder.
        MissingExtraError: Parquet without polars.
    """
    from lapel.training.stopping import watching_signals

    ending = path.suffix.lower()
    if ending not in WRITERS or path.is_dir():
        raise UsageError(
            f"cannot write predictions to {path}: expected a file that ends in "
            f"{', '.join(WRITERS)}, or a folder for answers in parts: a name without a full stop"
        )
    if ending == ".parquet":
        needs_parquet()
    with watching_signals() as stop:

        def place() -> Path:
            return path if stop.received is None else stopped_file(path)

        with WRITERS[ending](path, place) as add:
            yield add, stop


def stopped_file(path: Path) -> Path:
    """Where the answers of somebody who was stopped are."""
    return path.with_name(f"{path.stem}.stopped{path.suffix}")


def end_stopped(out: Path, number: int, *, answered: int, total: int) -> NoReturn:
    """Say what was kept of work that was stopped, and end the process.

    Args:
        out: the file that was asked for.
        number: of the signal.
        answered: pictures in the file that was kept.
        total: pictures.

    Raises:
        typer.Exit: with 128 and the signal's number.
    """
    complain(
        f"stopped by {Signals(number).name}: {answered} of {total} pictures answered in "
        f"{stopped_file(out)}. With a folder for --out, the same command goes on where it was"
    )
    raise typer.Exit(128 + number)


def _shows_all(answered: Answered) -> bool:
    """Whether the rows of a picture have all columns that any has."""
    return isinstance(answered, Prediction) or any(one.answers for one in answered.garments)
