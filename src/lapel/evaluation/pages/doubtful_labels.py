"""Doubtful training labels, which a run wrote, as tiles of its report.

``out_of_sample.csv`` has a row an image, the most doubtful of a task first: ``task`` (left out
where there is one), ``image``, ``label`` (as annotated), ``self_confidence`` (its probability),
``suggested`` and ``suggested_probability``. The probabilities come from networks that did not
learn from that image.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

from lapel.evaluation.pages.mosaic import Tile
from lapel.schema.errors import Fault, FormatError, StorageError
from lapel.schema.formulas import unescape_formula

COLUMNS = ("image", "label", "self_confidence", "suggested", "suggested_probability")


def read_doubtful(path: Path, *, name_tasks: bool = False) -> list[Tile]:
    """The doubtful labels of a run, as tiles of a mosaic.

    Args:
        path: the file.
        name_tasks: whether tiles say which task they are about.

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
    return [_parsed(row, path, reader.line_num, name_tasks=name_tasks) for row in reader]


def _parsed(row: dict[str, str], path: Path, line: int, *, name_tasks: bool) -> Tile:
    try:
        return Tile(
            image=unescape_formula(row["image"]),
            label=unescape_formula(row["label"]),
            answer=unescape_formula(row["suggested"]),
            answer_probability=float(row["suggested_probability"]),
            label_probability=float(row["self_confidence"]),
            task=unescape_formula(row.get("task", "")) if name_tasks else "",
        )
    except (TypeError, ValueError, AttributeError) as error:
        fault = Fault(file=str(path), found=str(row)[:80], expected="five cells a row", line=line)
        raise FormatError([fault]) from error
