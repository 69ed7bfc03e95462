"""Datasets written as public layouts: class folders and tables, and the table of all others."""

from __future__ import annotations

import csv
import json
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from lapel.data.dataset import Dataset
from lapel.data.exporters.attribute_folders import export_attribute_folders
from lapel.data.exporters.ce7454 import export_ce7454
from lapel.data.exporters.coco import export_coco
from lapel.data.exporters.deepfashion2 import export_deepfashion2
from lapel.data.exporters.deepfashion2_coco import export_deepfashion2_coco
from lapel.data.exporters.deepfashion_coarse import export_deepfashion_coarse
from lapel.data.exporters.deepfashion_fine import export_deepfashion_fine
from lapel.data.exporters.deepfashion_info import export_deepfashion_info
from lapel.data.exporters.garmentiq import export_garmentiq
from lapel.data.exporters.kfashion import export_kfashion
from lapel.data.exporters.label_studio import export_label_studio
from lapel.data.exporters.masks import export_masks
from lapel.data.exporters.nsysu import export_nsysu
from lapel.data.exporters.prography import export_prography
from lapel.data.exporting import Exported, FreeNames, file_name, refuse_unknown_splits
from lapel.data.images import packed_row
from lapel.data.label_tables.tag_columns import with_tag_cells
from lapel.data.progress import Track, silent
from lapel.data.readers.folder import CLASSES_FILE, CLASSES_HEADER
from lapel.schema.errors import SchemaError, UsageError
from lapel.schema.formulas import escape_formula
from lapel.storage.folders import atomic_folder
from lapel.storage.local import atomic_path
from lapel.storage.places import puts

#: Characters that some file system does not take in a name.
_FORBIDDEN = re.compile(r'[\x00-\x1f<>:"/\\|?*]')


def export_folder(
    dataset: Dataset, out: Path, *, task: str | None = None, track: Track = silent
) -> Exported:
    """Class folders below folders of splits, with the labels' order in ``classes.csv``.

    Files are copied byte for byte; packed pictures become PNG files, named by their row.

    Args:
        dataset: what to write.
        out: the folder to make, new or empty.
        task: whose labels become folders; may be left out where there is only one.
        track: is told how far the work is.

    Raises:
        UsageError: several tasks and none named.
        StorageError: ``out`` is not empty or cannot be written, or an image cannot be read.
    """
    spec = dataset.schema[_only_task(dataset, task)]
    if spec.kind != "single_label":
        raise SchemaError(
            f"task '{spec.name}' is {spec.kind}, and a picture has one place in class folders; "
            "write a table with `lapel data export table`"
        )
    folders = _class_folders(spec.labels)
    written = FreeNames()
    rows = list(
        zip(dataset.names(), dataset.table["split"], dataset.labels(spec.name), strict=True)
    )
    with atomic_folder(out) as building:
        _write_csv(building / CLASSES_FILE, [CLASSES_HEADER, *([f, n] for n, f in folders.items())])
        for split in dataset.splits():
            for folder in folders.values():
                (building / split / folder).mkdir(parents=True)
        for name, split, label in track(rows, len(rows), "Writing images"):
            if isinstance(label, str):
                data = dataset.read(name)
                place = written.take(f"{split}/{folders[label]}", file_name(name, data))
                (building / place).write_bytes(data)
    return Exported(path=out, images=len(written), left_out=len(rows) - len(written))


def export_table(
    dataset: Dataset, out: Path, *, images: Path | None = None, track: Track = silent
) -> Exported:
    """A CSV, TSV or Parquet table, a row an image.

    Tags become texts with a mark between them; see :mod:`lapel.data.label_tables.tag_cells`. In CSV
    and TSV landmarks and boxes are JSON.

    In CSV and TSV, cells that a spreadsheet would run get a leading ``'`` (see
    :mod:`lapel.schema.formulas`); ``lapel data import table`` takes it off again.

    Args:
        dataset: what to write.
        out: the file to write; its ending decides the format.
        images: a folder to make with the images in it. Pictures that are packed or in shards,
            which have no files, are written in any case: to ``NAME-images`` beside ``out``.
        track: is told how far the work is.

    Raises:
        UsageError: another ending, or tags with every mark in them that could part them.
        StorageError: something cannot be read or written.
    """
    suffix = out.suffix.lower()
    if suffix not in {".csv", ".tsv", ".parquet"}:
        raise UsageError(f"{out}: found ending {suffix!r}, expected .csv, .tsv or .parquet")
    packed = any(packed_row(name) is not None for name in dataset.names())
    if (packed or dataset.in_shards) and images is None:
        images = out.with_name(f"{out.stem}-images")
    table, separators = with_tag_cells(dataset.table, dataset.schema)
    root = dataset.image_root
    if images is not None:
        table = table.with_columns(_copy_images(dataset, images, track))
        root = str(images)
    with atomic_path(out) as partial:
        if suffix == ".parquet":
            table.write_parquet(partial)
        else:
            rows = ([_cell(value) for value in row] for row in table.iter_rows())
            _write_csv(partial, [table.columns, *rows], "\t" if suffix == ".tsv" else ",")
    notes = (*_notes_on_tags(dataset, separators), *_notes_beside(dataset))
    if suffix != ".parquet":
        notes += tuple(_notes_on_json(table))
    return Exported(path=out, images=table.height, image_root=root, notes=notes)


def _notes_on_tags(dataset: Dataset, separators: Mapping[str, str]) -> Iterator[str]:
    """How a table with tags is imported again: once one column of labels is named, all are."""
    single = [task.name for task in dataset.schema if task.kind == "single_label"]
    options = [f"--single {shlex.quote(name)}" for name in single]
    options += [f"--multi {shlex.quote(f'{task}:{mark}')}" for task, mark in separators.items()]
    if separators:
        yield f"tags have a mark between them: import the table with {' '.join(options)}"


def _notes_beside(dataset: Dataset) -> Iterator[str]:
    """What a table cannot hold of labels, and what writes it."""
    for task in dataset.schema:
        if task.kind == "segmentation":
            yield (
                f"'{task.name}' names files below {dataset.folder}: write photos and label maps "
                "with `lapel data export masks`"
            )
        elif task.kind == "garments":
            yield (
                f"'{task.name}' says how many there are: write them with `lapel data export coco`"
            )


def _notes_on_json(table: pl.DataFrame) -> Iterator[str]:
    """Which columns of a text are JSON."""
    nested = [name for name, kind in table.schema.items() if kind.is_nested()]
    if nested:
        yield (
            f"cells of {', '.join(nested)} are JSON, places in pixels of the upright picture: for "
            "other programs; `lapel data import table` does not read them back"
        )


#: Name of a layout to what writes it.
EXPORTERS: dict[str, Callable[..., Exported]] = {
    "folder": export_folder,
    "table": export_table,
    "attribute-folders": export_attribute_folders,
    "ce7454": export_ce7454,
    "nsysu": export_nsysu,
    "prography": export_prography,
    "k-fashion": export_kfashion,
    "garmentiq": export_garmentiq,
    "deepfashion-coarse": export_deepfashion_coarse,
    "deepfashion-fine": export_deepfashion_fine,
    "deepfashion-info": export_deepfashion_info,
    "deepfashion2": export_deepfashion2,
    "deepfashion2-coco": export_deepfashion2_coco,
    "masks": export_masks,
    "coco": export_coco,
    "label-studio": export_label_studio,
}


@puts("out")
def export_dataset(
    layout: str,
    folder: str | Path,
    out: str | Path,
    *,
    track: Track = silent,
    **options: Any,  # noqa: ANN401 - each exporter has its own, and checks them
) -> Exported:
    """Write a dataset as a public layout.

    Args:
        layout: a name in ``EXPORTERS``.
        folder: the dataset.
        out: what to write.
        track: is told how far the work is.
        **options: the layout's own; see :func:`export_folder` and :func:`export_table`.

    Raises:
        UsageError: no such layout.
        DatasetError: the folder is no dataset, or has rows of splits that do not exist.
        StorageError: something cannot be read or written; nothing half is left.
    """
    if layout not in EXPORTERS:
        raise UsageError(f"no layout is called {layout!r}; known: {', '.join(EXPORTERS)}")
    dataset = Dataset.open(folder)
    if layout != "table":  # which writes a split as it stands
        refuse_unknown_splits(dataset)
    return EXPORTERS[layout](dataset, Path(out), track=track, **options)


def _only_task(dataset: Dataset, task: str | None) -> str:
    names = [spec.name for spec in dataset.schema]
    if task is None and len(names) > 1:
        raise UsageError(f"found several tasks, name one with --task: {', '.join(names)}")
    return task or names[0]


def _class_folders(labels: tuple[str, ...]) -> dict[str, str]:
    """Label to a folder name that every file system takes, and that differs from the others
    in more than case.
    """
    taken: set[str] = set()
    folders = {}
    for label in labels:
        plain = _FORBIDDEN.sub("_", label).strip(" .") or "_"
        plain = f"_{plain}" if plain.startswith("__MACOSX") else plain
        name, number = plain, 1
        while name.lower() in taken:
            number += 1
            name = f"{plain}-{number}"
        taken.add(name.lower())
        folders[label] = name
    return folders


def _copy_images(dataset: Dataset, images: Path, track: Track) -> pl.Series:
    """Write all images to a new folder; their names in it."""
    names = dataset.names()
    copied: list[str] = []
    with atomic_folder(images) as building:
        for name in track(names, len(names), "Writing images"):
            data = dataset.read(name)
            place = name if packed_row(name) is None else file_name(name, data)
            (building / place).parent.mkdir(parents=True, exist_ok=True)
            (building / place).write_bytes(data)
            copied.append(place)
    return pl.Series("image", copied, dtype=pl.String)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, list | dict):  # landmarks, and boxes
        return json.dumps(value, ensure_ascii=False)
    return escape_formula(str(value))


def _write_csv(path: Path, rows: Iterable[Iterable[str]], delimiter: str = ",") -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter, lineterminator="\n").writerows(rows)
