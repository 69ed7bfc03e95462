"""An evaluation as files for other programs: JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from lapel.evaluation.result import Evaluation
from lapel.evaluation.single_label import per_class_rows
from lapel.schema.formulas import escape_formula
from lapel.storage.local import write_atomically


def safe_cell(value: object) -> str:
    """A value as a cell: texts that a spreadsheet would run are escaped, numbers stay numbers."""
    if isinstance(value, float):
        return f"{value:.6g}"
    return escape_formula(value) if isinstance(value, str) else str(value)


def csv_bytes(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A table as CSV: UTF-8, one line a row, every cell safe."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([safe_cell(cell) for cell in row] for row in rows)
    return encoded(buffer.getvalue())


def encoded(text: str) -> bytes:
    """A text as UTF-8; bytes of file names that are none become their escapes."""
    return text.encode("utf-8", "backslashreplace")


def write_tables(evaluation: Evaluation) -> None:
    """Write ``metrics.json``, ``per_class.csv``, ``confusion.csv`` and ``predictions.csv``.

    Every row of the CSV files names its task, so that a model with many needs no more files.

    Raises:
        StorageError: the folder cannot be written; each file is whole or as before.
    """
    out = evaluation.out
    metrics = json.dumps(evaluation.to_json(), indent=2, ensure_ascii=False, allow_nan=False)
    write_atomically(out / "metrics.json", encoded(f"{metrics}\n"))
    _write_per_class(out / "per_class.csv", evaluation)
    _write_confusion(out / "confusion.csv", evaluation)
    _write_predictions(out / "predictions.csv", evaluation)


def _write_per_class(path: Path, evaluation: Evaluation) -> None:
    columns = ("label", "support", "tp", "fp", "fn", "tn", "precision", "recall", "f1")
    rows = [
        [task, *(row[column] for column in columns)]
        for task, judged in evaluation.tasks.items()
        for row in per_class_rows(judged)
    ]
    write_atomically(path, csv_bytes(["task", *columns], rows))


def _write_confusion(path: Path, evaluation: Evaluation) -> None:
    """A row a pair of labels that occurs."""
    rows = []
    for task, judged in evaluation.tasks.items():
        labels, confusion = judged.spec.labels, judged.counts.confusion
        for true, predicted in np.argwhere(confusion):
            count = int(confusion[true, predicted])
            rows.append([task, labels[true], labels[predicted], count])
    write_atomically(path, csv_bytes(["task", "true", "predicted", "images"], rows))


def _write_predictions(path: Path, evaluation: Evaluation) -> None:
    rows = []
    for task, judged in evaluation.tasks.items():
        labels, answers = judged.spec.labels, judged.classified
        for place, row in enumerate(judged.rows):
            true, predicted = labels[answers.target[place]], labels[answers.predicted[place]]
            probability = float(answers.confidence[place])
            rows.append([evaluation.images[row], task, true, predicted, probability])
    header = ["image", "task", "true", "predicted", "probability"]
    write_atomically(path, csv_bytes(header, rows))
