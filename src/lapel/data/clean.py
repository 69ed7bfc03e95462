"""Changing labels by rules, and keeping what they were.

Pictures are never left out, of no split: an image whose label is dropped becomes one without an
answer. What the labels were stands in ``former_labels.parquet``, and what became of each name in
``label_mapping.csv``; a second cleaning adds ``former_labels-2.parquet``, and so on.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import polars as pl

from lapel.data.cleaning import TaskCleaning, clean_labels
from lapel.data.columns import column_of
from lapel.data.dataset import Dataset
from lapel.data.description import DESCRIPTION_FILE, recorded_root
from lapel.data.images import PackedImages
from lapel.data.rules import read_rules
from lapel.data.table import TABLE_FILE, write_table
from lapel.schema.annotation import Label
from lapel.schema.formulas import escape_formula
from lapel.schema.labels import Schema
from lapel.storage.folders import atomic_folder
from lapel.storage.local import PARTIAL_SUFFIX, atomic_path

FORMER_FILE = "former_labels.parquet"
MAPPING_FILE = "label_mapping.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaning:
    """What was done to a dataset.

    Attributes:
        dataset: the dataset as it is now.
        tasks: those with rules.
        former: the file of what their labels were.
    """

    dataset: Dataset
    tasks: tuple[TaskCleaning, ...]
    former: Path


def clean_dataset(
    folder: str | Path, rules: str | Path, *, out: str | Path | None = None
) -> Cleaning:
    """Change the labels of a dataset by the rules of a file (see :mod:`lapel.data.rules`).

    Args:
        folder: the dataset.
        rules: the file.
        out: a new folder for the dataset as it is then; images stay where they are. Without it
            ``folder`` itself is changed. Its table is written before its description: killed
            exactly between the two, the same command finishes the work.

    Raises:
        UsageError: no such file.
        FormatError: rules that do not fit the dataset; all faults together, with their lines.
        DatasetError: the folder is no dataset, or no label would be left.
        StorageError: something cannot be written; what stood there before still does.
    """
    dataset = Dataset.open(folder)
    done: list[TaskCleaning] = []
    after: dict[str, list[Label]] = {}
    splits = dataset.table["split"].to_list()
    for name, task_rules in read_rules(rules, dataset.schema).items():
        labels = dataset.labels(name)
        plan, after[name] = clean_labels(dataset.schema[name], task_rules, labels, splits)
        done.append(plan)
    specs = {one.after.name: one.after for one in done}
    schema = Schema(tuple(specs.get(task.name, task) for task in dataset.schema))
    columns = [
        column_of(spec).series(name, after[name], spec.labels) for name, spec in specs.items()
    ]
    table = dataset.table.with_columns(columns)
    target = Path(out) if out is not None else dataset.folder
    if out is None:
        former = _write(dataset, dataset.folder, table, schema, done, dataset.description.root)
    else:
        root = _root_from(dataset, target)
        with atomic_folder(target) as building:
            _copy_beside(dataset, building)
            former = _write(dataset, building, table, schema, done, root)
    return Cleaning(dataset=Dataset.open(target), tasks=tuple(done), former=target / former.name)


def _root_from(dataset: Dataset, folder: Path) -> str:
    """The image root as another folder records it. Packed pictures go with the dataset."""
    root = dataset.description.root
    if "://" in root or isinstance(dataset.images, PackedImages):
        return root
    return recorded_root(dataset.folder / root, folder)


def _copy_beside(dataset: Dataset, folder: Path) -> None:
    """Copy what a dataset's folder holds beside its table, but for pictures, which stay."""
    stay = {DESCRIPTION_FILE, TABLE_FILE}
    if not isinstance(dataset.images, PackedImages):
        root = (dataset.folder / dataset.description.root).resolve()
        if root == dataset.folder.resolve():
            stay |= {name.split("/", maxsplit=1)[0] for name in dataset.names()}
        elif root.is_relative_to(dataset.folder.resolve()):
            stay.add(root.relative_to(dataset.folder.resolve()).parts[0])
    for path in sorted(dataset.folder.iterdir()):
        if path.name in stay or path.name.endswith(PARTIAL_SUFFIX):
            continue
        if path.is_dir():
            shutil.copytree(path, folder / path.name)
        else:
            shutil.copy2(path, folder / path.name)


def _write(
    dataset: Dataset,
    folder: Path,
    table: pl.DataFrame,
    schema: Schema,
    done: Sequence[TaskCleaning],
    root: str,
) -> Path:
    """Write what the labels were and what they are; the path of the former."""
    former, mapping = _free_names(folder)
    with atomic_path(former) as partial:
        dataset.table.select("image", *(one.before.name for one in done)).write_parquet(partial)
    with atomic_path(mapping) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(_mapping_rows(done))
    write_table(folder, table)
    # Last: as long as it is not written, the rules still fit, and can be applied once more.
    replace(dataset.description, schema=schema, root=root).write(folder)
    return former


def _free_names(folder: Path) -> tuple[Path, Path]:
    for number in count(1):
        ending = f"-{number}" if number > 1 else ""
        former, mapping = (
            folder / f"{Path(name).stem}{ending}{Path(name).suffix}"
            for name in (FORMER_FILE, MAPPING_FILE)
        )
        if not former.exists():
            break
    return former, mapping


def _mapping_rows(done: Sequence[TaskCleaning]) -> Iterator[tuple[str, ...]]:
    yield "task", "label", "becomes", "images"
    for one in done:
        for label in one.before.labels:
            now = one.mapping[label]
            cells = (one.before.name, label, now or "")
            yield (*map(escape_formula, cells), str(one.images.get(label, 0)))
