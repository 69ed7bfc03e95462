"""Datasets written as class folders inside attribute folders; see their reader."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from lapel.data.dataset import Dataset
from lapel.data.exporting import Exported, flat_places
from lapel.data.progress import Track, silent
from lapel.schema.annotation import SPLIT_NAMES, held
from lapel.schema.errors import UsageError
from lapel.storage.folders import atomic_folder

#: What no file system, or none of the usual ones, takes in a folder's name.
_FORBIDDEN = re.compile(r'[\x00-\x1f<>:"/\\|?*]|^\.|[ .]$|^__MACOSX|^$')


def export_attribute_folders(
    dataset: Dataset, out: Path, *, task: Sequence[str] | None = None, track: Track = silent
) -> Exported:
    """``SPLIT/ATTRIBUTE/CLASS/photo.jpg``; a photo lies in a folder of each label that it has.

    Files of one name are one photo to the reader, so each photo gets a name of its own.

    Args:
        dataset: what to write.
        out: the folder to make, new or empty.
        task: tasks that become attribute folders; by default all.
        track: is told how far the work is.

    Raises:
        UsageError: names that cannot be folders.
        SchemaError: no task of a name.
        StorageError: ``out`` is not empty or cannot be written, or an image cannot be read.
    """
    specs = [dataset.schema[name] for name in task] if task else list(dataset.schema)
    names = [word for spec in specs for word in (spec.name, *spec.labels)]
    _refuse_names(names, [spec.name for spec in specs])
    columns = {spec.name: dataset.labels(spec.name) for spec in specs}
    rows = list(zip(dataset.names(), dataset.table["split"], strict=True))
    files = {
        split: flat_places(dataset, (name for name, its in rows if its == split), "")
        for split in dataset.splits()
    }
    left_out = 0
    with atomic_folder(out) as building:
        for row, (name, split) in enumerate(track(rows, len(rows), "Writing images")):
            file = PurePosixPath(files[split][name]).name
            folders = list(_folders({task: held(column[row]) for task, column in columns.items()}))
            data = dataset.read(name) if folders else b""
            for folder in folders:
                (building / split / folder).mkdir(parents=True, exist_ok=True)
                (building / split / folder / file).write_bytes(data)
            left_out += not folders
    tags = [spec.name for spec in specs if spec.kind == "multi_label"]
    # Folders do not say that a photo may lie in several classes of one.
    notes = (f"to be read again with --multi {','.join(tags)}",) if tags else ()
    return Exported(path=out, images=len(rows) - left_out, left_out=left_out, notes=notes)


def _folders(labels: dict[str, tuple[str, ...]]) -> Iterator[str]:
    for task, words in labels.items():
        for word in words:
            yield f"{task}/{word}"


def _refuse_names(names: Sequence[str], tasks: Sequence[str]) -> None:
    wrong = [name for name in names if _FORBIDDEN.search(name)]
    if wrong:
        raise UsageError(
            f"{wrong[0]!r} cannot be a folder's name; rename it (lapel data clean), or export a "
            "table"
        )
    splits = [name for name in tasks if name.lower() in SPLIT_NAMES]
    if splits:
        raise UsageError(f"task {splits[0]!r} is named like a split; export a table")
