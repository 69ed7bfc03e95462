"""``lapel predict``: photos in, answers out."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lapel.cli.console import EXIT_FAILED, complain, shown

if TYPE_CHECKING:
    from lapel.inference.pictures import Failure
    from lapel.schema.prediction import Prediction

#: Shown below the help; `--help` joins lines that no blank line parts.
EXAMPLE = """Example, after the demo:

lapel predict demo/run demo/photos --out answers.csv"""

#: Rows of the table on a terminal; files and pipes get all.
ROWS_SHOWN = 40

#: Labels named in JSON where the user says nothing; tables name the best alone.
TOP_IN_JSON = 5


def predict(
    bundle: Annotated[Path, typer.Argument(help="The model: a bundle, or the run that made it.")],
    paths: Annotated[
        list[str], typer.Argument(help="Pictures, folders of them, or patterns ('shoes/**/*.jpg').")
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="File for the answers: .csv, .jsonl or .parquet."),
    ] = None,
    top: Annotated[
        int | None,
        typer.Option(min=1, help="How many of the best labels to name.  [1; in JSONL 5]"),
    ] = None,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="Exit 0 even if some pictures cannot be read.")
    ] = False,
    batch: Annotated[
        int, typer.Option(min=1, help="Pictures at a time: changes speed and memory, no answer.")
    ] = 32,
) -> None:
    """Say what is on photos.

    Pictures that cannot be read are named on stderr and passed over; the exit code is then 1,
    or 0 with --keep-going.
    """
    from lapel.inference.finding import find_pictures
    from lapel.inference.predictor import Predictor

    pictures = find_pictures(paths)
    predictor = Predictor.load(bundle, batch=batch)
    best = top or (TOP_IN_JSON if out and out.suffix.lower() == ".jsonl" else 1)
    results = _Results(predictor.predict(pictures, top=best))
    if out is not None:
        _write(results, out, total=len(pictures))
    elif sys.stdout.isatty():
        _print_table(results)
    else:
        _print_lines(results)
    if results.failed:
        complain(f"{results.failed} of {len(pictures)} pictures could not be read")
    if not results.answered or (results.failed and not keep_going):
        raise typer.Exit(EXIT_FAILED)


class _Results:
    """The predictions as they come; failures are said and counted on the way."""

    def __init__(self, results: Iterable[Prediction | Failure]) -> None:
        self._results = results
        self.answered = 0
        self.failed = 0

    def __iter__(self) -> Iterator[Prediction]:
        from lapel.inference.pictures import Failure

        for result in self._results:
            if isinstance(result, Failure):
                self.failed += 1
                complain(f"{result.image}: {result.fault}")
            else:
                self.answered += 1
                yield result


def _write(results: _Results, out: Path, *, total: int) -> None:
    from lapel.cli.answer_files import open_writer
    from lapel.cli.progress import track
    from lapel.schema.errors import ImageError

    with open_writer(out) as add:
        for prediction in track(results, total, "Predicting"):
            add(prediction)
        if not results.answered:
            raise ImageError(str(out), f"not written: none of {total} pictures could be read")
    print(f"{results.answered} pictures answered in {shown(str(out))}")


def _print_lines(results: _Results) -> None:
    """``IMAGE task label probability``, with tabs between, a line a picture."""
    for prediction in results:
        print("\t".join(shown(cell) for cell in _line(prediction)))


def _line(prediction: Prediction) -> Iterator[str]:
    yield prediction.image
    for task, answer in prediction.answers.items():
        yield task
        yield from map(_text, answer.cells(task).values())


def _print_table(results: _Results) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    table: Table | None = None
    for prediction in results:
        cells = prediction.cells()
        if table is None:
            table = Table(*(escape(shown(column)) for column in cells))
        if table.row_count < ROWS_SHOWN:
            table.add_row(*(Text(shown(_text(value))) for value in cells.values()))
    if table is not None:
        Console().print(table)
        if results.answered > ROWS_SHOWN:
            print(f"... and {results.answered - ROWS_SHOWN} more; --out FILE.csv keeps all")


def _text(value: str | float | None) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else f"{value:.4f}"
