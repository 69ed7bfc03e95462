"""Datasets written as Prography's 5th-deepfashion; see its reader."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from lapel.data.dataset import Dataset
from lapel.data.exporting import Exported, copy_images, flat_places, word, write_plain_csv
from lapel.data.progress import Track, silent
from lapel.data.readers.prography import (
    COUNTS_FILE,
    IMAGE_COLUMN,
    IMAGES_FOLDER,
    LABELS_FILE,
    TASKS,
)
from lapel.schema.errors import UsageError
from lapel.storage.folders import atomic_folder


def export_prography(dataset: Dataset, out: Path, *, track: Track = silent) -> Exported:
    """``images``, ``labels/labels.csv`` and ``label_data.txt``. Splits have no place in it.

    Args:
        dataset: what to write; its tasks are ``color``, ``style``, ``part``, ``season`` and
            ``category``, each of kind ``single_label``.
        out: the folder to make, new or empty.
        track: is told how far the work is.

    Raises:
        UsageError: other tasks.
        StorageError: ``out`` is not empty or cannot be written, or an image cannot be read.
    """
    kinds = {spec.name: spec.kind for spec in dataset.schema}
    if any(kinds.get(task) != "single_label" for task in TASKS):
        raise UsageError(
            f"layout 'prography' holds the single_label tasks {', '.join(TASKS)}; found: "
            + ", ".join(f"{name} ({kind})" for name, kind in kinds.items())
        )
    places = flat_places(dataset, dataset.names(), IMAGES_FOLDER)
    counts = ",".join(str(len(dataset.schema[task].labels)) for task in TASKS)
    with atomic_folder(out) as building:
        copy_images(dataset, building, places, track)
        (building / LABELS_FILE).parent.mkdir()
        header = (IMAGE_COLUMN, *TASKS)
        write_plain_csv(building / LABELS_FILE, [header, *_rows(dataset, places)])
        # No LF at its end: the layout has none.
        (building / COUNTS_FILE).write_bytes(f"{','.join(TASKS)}\n{counts}".encode())
    notes = ("all splits together: the layout knows none",) if len(dataset.splits()) > 1 else ()
    return Exported(path=out, images=len(places), notes=notes)


def _rows(dataset: Dataset, places: dict[str, str]) -> Iterator[tuple[str, ...]]:
    columns = [dataset.labels(task) for task in TASKS]
    for row, name in enumerate(dataset.names()):
        yield PurePosixPath(places[name]).name, *(word(column[row]) for column in columns)
