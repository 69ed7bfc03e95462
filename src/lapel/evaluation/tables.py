"""An evaluation as files for other programs: JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Sequence
from itertools import product

import numpy as np

from lapel.evaluation.coco.files import write_coco_files
from lapel.evaluation.kinds.garments import GarmentsEvaluation
from lapel.evaluation.kinds.landmarks import LandmarksEvaluation
from lapel.evaluation.kinds.multi_label import MultiLabelEvaluation
from lapel.evaluation.kinds.segmentation import SegmentationEvaluation
from lapel.evaluation.result import Evaluation
from lapel.schema.formulas import escape_formula
from lapel.storage.local import write_atomically
from lapel.storage.names import task_file_names

#: Columns of ``per_class.csv`` after the task.
LABEL_COLUMNS = (
    "label",
    "support",
    "tp",
    "fp",
    "fn",
    "tn",
    "precision",
    "precision_low",
    "precision_high",
    "recall",
    "recall_low",
    "recall_high",
    "f1",
    "f1_low",
    "f1_high",
    "ap",
    "threshold",
    "points",
    "ne",
    "pck10",
    "pck20",
    "pdl",
    "mask_ap",
    "oks_ap",
    "iou",
    "boundary_f1",
)

#: The tables of a public benchmark.
BENCHMARK_FILE = "benchmark.csv"

#: Every number, for programs.
METRICS = "metrics.json"


def safe_cell(value: object) -> str:
    """A value as a cell: texts that a spreadsheet would run are escaped, numbers stay numbers,
    and what was not measured stays empty.
    """
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6g}"
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


def write_tables(evaluation: Evaluation) -> list[str]:
    """Write ``metrics.json``, ``per_class.csv``, ``confusion.csv`` and ``predictions.csv``, and
    where there are tags ``pairs.csv``, of landmarks ``landmarks.csv``, of classes of pixels
    ``pixels.csv``, of garments ``garments.csv`` and files of results in COCO's form, of a public
    benchmark ``benchmark.csv``.

    Every row of the CSV files names its task, so that a model with many needs no more files.

    Returns:
        The names of the files.

    Raises:
        StorageError: the folder cannot be written; each file is whole or as before.
    """
    metrics = json.dumps(evaluation.to_json(), indent=2, ensure_ascii=False, allow_nan=False)
    contents = {
        METRICS: encoded(f"{metrics}\n"),
        "per_class.csv": _per_class(evaluation),
        "confusion.csv": _confusion(evaluation),
        "predictions.csv": _predictions(evaluation),
    }
    pairs = _pairs(evaluation)
    if pairs is not None:
        contents["pairs.csv"] = pairs
    points = _points(evaluation)
    if points is not None:
        contents["landmarks.csv"] = points
    pixels = _pixels(evaluation)
    if pixels is not None:
        contents["pixels.csv"] = pixels
    garments = _garments(evaluation)
    if garments is not None:
        contents["garments.csv"] = garments
    if evaluation.tables:
        contents[BENCHMARK_FILE] = _benchmark(evaluation)
    for name, content in contents.items():
        write_atomically(evaluation.out / name, content)
    return [*contents, *_coco(evaluation)]


def _per_class(evaluation: Evaluation) -> bytes:
    """A row a label; what a kind does not know of it stays empty."""
    rows = [
        [task, *(row.get(column, "") for column in LABEL_COLUMNS)]
        for task, judged in evaluation.tasks.items()
        for row in judged.per_label()
    ]
    return csv_bytes(["task", *LABEL_COLUMNS], rows)


def _confusion(evaluation: Evaluation) -> bytes:
    """A row a pair of labels that occurs."""
    rows = [
        [task, *pair] for task, judged in evaluation.tasks.items() for pair in judged.confusions()
    ]
    return csv_bytes(["task", "true", "predicted", "images"], rows)


def _predictions(evaluation: Evaluation) -> bytes:
    """A row an image and task."""
    rows = [
        [
            evaluation.images[answer.row],
            task,
            answer.true,
            answer.predicted,
            answer.probability,
            answer.unknown,
        ]
        for task, judged in evaluation.tasks.items()
        for answer in judged.answers()
    ]
    header = ["image", "task", "true", "predicted", "probability", "unknown"]
    return csv_bytes(header, rows)


def _pairs(evaluation: Evaluation) -> bytes | None:
    """A row a pair of tags that occurs, in truth or in answers; None where there are no tags."""
    tagged = [
        (task, judged)
        for task, judged in evaluation.tasks.items()
        if isinstance(judged, MultiLabelEvaluation)
    ]
    if not tagged:
        return None
    rows = []
    for task, judged in tagged:
        labels, pairs = judged.spec.labels, judged.pairs
        for first, second in np.argwhere(np.triu(pairs.true + pairs.answered, 1)):
            counts = (int(pairs.true[first, second]), int(pairs.answered[first, second]))
            rows.append([task, labels[first], labels[second], *counts])
    return csv_bytes(["task", "label", "other", "images", "answered"], rows)


def _points(evaluation: Evaluation) -> bytes | None:
    """A row an image and landmark of which anything is known; None where there are no landmarks.

    Places are pixels of the upright original, distances are in boxes.
    """
    located = [
        (task, judged)
        for task, judged in evaluation.tasks.items()
        if isinstance(judged, LandmarksEvaluation)
    ]
    if not located:
        return None
    rows = [
        [evaluation.images[judged.rows[place]], task, name, state, *numbers]
        for task, judged in located
        for place, name, state, numbers in judged.points()
    ]
    header = ["image", "task", "landmark", "state", "x", "y"]
    return csv_bytes([*header, "answered_x", "answered_y", "visible", "distance"], rows)


def _pixels(evaluation: Evaluation) -> bytes | None:
    """A row an image and class that it has or is given; None where no task answers with classes of
    pixels. Pixels are those of the network's canvas.
    """
    segmented = [
        (task, judged)
        for task, judged in evaluation.tasks.items()
        if isinstance(judged, SegmentationEvaluation)
    ]
    if not segmented:
        return None
    rows = [
        [evaluation.images[judged.rows[place]], task, name, *numbers]
        for task, judged in segmented
        for place, name, numbers in judged.classes()
    ]
    header = ["image", "task", "class", "true", "answered", "right", "iou", "boundary_f1"]
    return csv_bytes(header, rows)


def _garments(evaluation: Evaluation) -> bytes | None:
    """A row a garment that people are told of; None where no task finds garments. Boxes are pixels
    of the upright original; where it overlaps a garment by half, that one's category and by how
    much.
    """
    found = _finding(evaluation)
    if not found:
        return None
    rows = []
    for task, judged in found.items():
        labels = judged.spec.labels
        for seen in judged.pictures:
            of = {answer: (labels[seen.true.labels[one]], iou) for answer, one, iou in seen.pairs}
            for place in range(seen.told):
                about = (labels[seen.found.labels[place]], float(seen.found.scores[place]))
                box = seen.found.boxes[place].tolist()
                is_of = of.get(place, ("", ""))
                rows.append([evaluation.images[seen.read], task, *about, *box, *is_of])
    header = ["image", "task", "label", "score", "left", "top", "width", "height"]
    return csv_bytes([*header, "true", "overlap"], rows)


def _coco(evaluation: Evaluation) -> list[str]:
    """Write files of results, a set of them for each task that finds garments."""
    found = _finding(evaluation)
    prefixes = {task: f"{name}." for task, name in task_file_names(found).items()}
    written = []
    for task, judged in found.items():
        names = [evaluation.images[seen.read] for seen in judged.pictures]
        prefix = prefixes[task] if len(found) > 1 else ""
        written += write_coco_files(judged, evaluation.out, names=names, prefix=prefix)
    return written


def _finding(evaluation: Evaluation) -> dict[str, GarmentsEvaluation]:
    return {
        task: judged
        for task, judged in evaluation.tasks.items()
        if isinstance(judged, GarmentsEvaluation)
    }


def _benchmark(evaluation: Evaluation) -> bytes:
    """A row a method and number, published or ours; shares and errors as 0 to 1."""
    rows = []
    for table in evaluation.tables:
        for row, measure in product(table.rows, table.measures):
            value = row.numbers.get(measure.name, math.nan)
            if not math.isnan(value):
                found = row.intervals.get(measure.name)
                ends = ("", "") if found is None else (found.low, found.high)
                about = (row.method, "yes" if row.ours else "no", measure.name, measure.called)
                rows.append([table.name, *about, value, *ends, row.source, row.beside])
    header = ["table", "method", "ours", "number", "called", "value", "low", "high"]
    return csv_bytes([*header, "source", "does_not_compare"], rows)
