"""Doubtful training labels: written by a run, read by its report.

``out_of_sample.csv`` has a row an image, the most doubtful first: ``image``, ``label`` (as
annotated), ``self_confidence`` (its probability), ``suggested`` and ``suggested_probability``.
The probabilities come from networks that did not learn from that image.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lapel.evaluation.mosaic import Tile
from lapel.evaluation.tables import FORMULA_STARTS, csv_bytes
from lapel.metrics.label_errors import find_label_errors
from lapel.schema.errors import Fault, FormatError, StorageError
from lapel.schema.labels import TaskSpec
from lapel.storage.local import write_atomically

COLUMNS = ("image", "label", "self_confidence", "suggested", "suggested_probability")


def write_doubtful(
    path: Path,
    spec: TaskSpec,
    images: Sequence[str],
    label: NDArray[np.int64],
    probabilities: NDArray[np.float64],
) -> int:
    """Find the doubtful labels of a task and write them.

    Args:
        path: the CSV file.
        spec: the task.
        images: N names.
        label: positions of the labels as annotated, int64 (N,).
        probabilities: out of sample, (N, labels).

    Returns:
        How many labels are doubtful.

    Raises:
        StorageError: the file cannot be written.
        UsageError: shapes that do not fit.
    """
    found = find_label_errors(probabilities, label)
    rows = [
        (
            images[row],
            spec.labels[label[row]],
            float(found.self_confidence[place]),
            spec.labels[found.suggested[place]],
            float(found.suggested_probability[place]),
        )
        for place, row in enumerate(found.rows)
    ]
    write_atomically(path, csv_bytes(COLUMNS, rows))
    return len(rows)


def read_doubtful(path: Path) -> list[Tile]:
    """The doubtful labels of a run, as tiles of a mosaic.

    Raises:
        StorageError: the file cannot be read.
        FormatError: it is no such file.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"{path} could not be read: {error}") from error
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if not set(COLUMNS) <= set(reader.fieldnames or ()):
        expected = f"the columns {', '.join(COLUMNS)}"
        found = ", ".join(reader.fieldnames or ()) or "nothing"
        raise FormatError([Fault(file=str(path), found=found, expected=expected, line=1)])
    return [_parsed(row, path, reader.line_num) for row in reader]


def _parsed(row: dict[str, str], path: Path, line: int) -> Tile:
    try:
        return Tile(
            image=_plain(row["image"]),
            label=_plain(row["label"]),
            answer=_plain(row["suggested"]),
            answer_probability=float(row["suggested_probability"]),
            label_probability=float(row["self_confidence"]),
        )
    except (TypeError, ValueError, AttributeError) as error:
        fault = Fault(file=str(path), found=str(row)[:80], expected="five cells a row", line=line)
        raise FormatError([fault]) from error


def _plain(cell: str) -> str:
    """A cell without the apostrophe that kept spreadsheets from running it."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA_STARTS) else cell
