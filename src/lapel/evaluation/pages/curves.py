"""The learning curves of a run, from its ``log.csv``."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from lapel.evaluation.pages.figures import curves_figure
from lapel.evaluation.pages.numbers import is_share
from lapel.schema.errors import StorageError

#: Title of a figure, the columns that it shows with their names, and whether they are shares.
FIGURES = (
    ("Loss", {"train_loss": "training", "validation_loss": "validation"}, False),
    ("Score", {"train_accuracy": "training", "validation_accuracy": "validation"}, True),
    ("Learning rate", {"learning_rate": "rate"}, False),
)


def learning_curves(log: Path, *, score: str = "Accuracy") -> list[str]:
    """A figure each for loss, score and learning rate; those without numbers are left out.

    A run that was cut off may have left an unfinished row, and some rows have no validation:
    cells that are no number are passed over.

    Args:
        log: the file.
        score: what the score by which epochs are compared is called.

    Raises:
        StorageError: the file cannot be read.
    """
    rows = _rows(log)
    figures = []
    for title, columns, shares in FIGURES:
        lines = {name: _points(rows, column) for column, name in columns.items()}
        called = score if title == "Score" else title
        figures.append(curves_figure(lines, title=called, shares=shares))
    return [figure for figure in figures if figure]


def task_curves(log: Path, task: str, numbers: Mapping[str, str]) -> list[str]:
    """A figure each for numbers of one task on validation; those without points are left out.

    Args:
        log: the file.
        task: its name.
        numbers: names of numbers to what the figures call them.

    Raises:
        StorageError: the file cannot be read.
    """
    rows = _rows(log)
    figures = [
        curves_figure(
            {"validation": _points(rows, f"validation.{task}.{number}")},
            title=called,
            shares=is_share(number),
        )
        for number, called in numbers.items()
    ]
    return [figure for figure in figures if figure]


def _rows(log: Path) -> list[dict[str, str]]:
    try:
        with log.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise StorageError(f"{log} could not be read: {error}") from error


def _points(rows: list[dict[str, str]], column: str) -> list[tuple[float, float]]:
    points = []
    for row in rows:
        epoch, value = _number(row.get("epoch")), _number(row.get(column))
        if epoch is not None and value is not None:
            points.append((epoch, value))
    return points


def _number(cell: str | None) -> float | None:
    try:
        value = float(cell or "")
    except ValueError:
        return None
    return value if abs(value) < float("inf") else None
