"""Datasets written as GarmentIQ's data; see its reader."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from lapel.data.dataset import Dataset
from lapel.data.exporting import Exported, copy_images, flat_places, word, write_plain_csv
from lapel.data.progress import Track, silent
from lapel.data.readers.garmentiq import FILE_COLUMN, IMAGES_FOLDER, METADATA_FILE
from lapel.schema.errors import UsageError
from lapel.storage.folders import atomic_folder


def export_garmentiq(
    dataset: Dataset, out: Path, *, task: Sequence[str] | None = None, track: Track = silent
) -> Exported:
    """``images`` and ``metadata.csv``, below ``train``, ``validation`` and ``test`` where the
    dataset has more than one split.

    Args:
        dataset: what to write.
        out: the folder to make, new or empty.
        task: tasks of kind ``single_label`` that become columns; by default all there are.
        track: is told how far the work is.

    Raises:
        UsageError: no such tasks.
        SchemaError: no task of a name.
        StorageError: ``out`` is not empty or cannot be written, or an image cannot be read.
    """
    tasks = _tasks(dataset, task)
    splits = list(dataset.splits())
    with atomic_folder(out) as building:
        for split in splits:
            folder = building / split if len(splits) > 1 else building
            folder.mkdir(exist_ok=True)
            _write_part(dataset.split(split), folder, tasks, track)
    return Exported(path=out, images=len(dataset))


def _tasks(dataset: Dataset, task: Sequence[str] | None) -> list[str]:
    single = [spec.name for spec in dataset.schema if spec.kind == "single_label"]
    chosen = single if task is None else [dataset.schema[name].name for name in task]
    wrong = [name for name in chosen if name not in single]
    if wrong or not chosen:
        raise UsageError(
            f"layout 'garmentiq' holds single_label tasks; found "
            f"{wrong[0] if wrong else 'none'}; the dataset has: {', '.join(single) or 'none'}"
        )
    return chosen


def _write_part(part: Dataset, folder: Path, tasks: Sequence[str], track: Track) -> None:
    places = flat_places(part, part.names(), IMAGES_FOLDER)
    copy_images(part, folder, places, track)
    columns = [part.labels(name) for name in tasks]
    rows = [
        (PurePosixPath(places[name]).name, *(word(column[row]) for column in columns))
        for row, name in enumerate(part.names())
    ]
    write_plain_csv(folder / METADATA_FILE, [(FILE_COLUMN, *tasks), *rows])
