"""Changing labels by rules, and keeping what they were.

No picture is ever left out of validation and test, so that numbers stay comparable: an image
whose label is dropped becomes one without an answer. Training pictures with hardly a tag may be
left out where one asks for it.

What the labels were, of pictures left out too, stands in ``former_labels.parquet``; what became
of each name in ``label_mapping.csv``, and for programs in ``label_mapping.json`` (see
:mod:`lapel.data.cleaning.mapping`). A second cleaning adds ``former_labels-2.parquet``, and so on.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import polars as pl

from lapel.data.cleaning.applying import TaskCleaning, clean_tasks, touched_by
from lapel.data.cleaning.mapping import MAPPING_JSON, mapping_of
from lapel.data.cleaning.rules import TaskRules
from lapel.data.cleaning.shipped import choose_rules
from lapel.data.columns import column_of
from lapel.data.copying import copy_beside, root_from
from lapel.data.dataset import Dataset
from lapel.data.description import Description, cleaned_benchmark
from lapel.data.table import write_table
from lapel.schema.annotation import Label, Tags
from lapel.schema.errors import UsageError
from lapel.schema.formulas import escape_formula
from lapel.schema.labels import Schema
from lapel.storage.folders import atomic_folder
from lapel.storage.local import atomic_path, write_atomically

FORMER_FILE = "former_labels.parquet"
MAPPING_FILE = "label_mapping.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaning:
    """What was done to a dataset.

    Attributes:
        dataset: the dataset as it is now.
        tasks: those with rules, and those that others' rules add labels to.
        former: the file of what their labels were.
        mapping: the file of what became of each name, for programs.
        called: the rules, in words.
        skipped: shipped rules about labels that the dataset does not have.
        left_out: training pictures that were left out.
    """

    dataset: Dataset
    tasks: tuple[TaskCleaning, ...]
    former: Path
    mapping: Path
    called: str
    skipped: int = 0
    left_out: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    """A dataset with other labels, not yet written.

    Attributes:
        before: the dataset as it was.
        table: its rows as they will be.
        description: what is true of it then.
        tasks: what was done to each.
        called: the rules, in words.
    """

    before: Dataset
    table: pl.DataFrame
    description: Description
    tasks: tuple[TaskCleaning, ...]
    called: str


def clean_dataset(
    folder: str | Path,
    rules: str | Path | None = None,
    *,
    out: str | Path | None = None,
    tier: str | None = None,
    implications: bool = False,
    at_least: int = 0,
    min_tags: int = 0,
) -> Cleaning:
    """Change the labels of a dataset by rules: shipped ones, or those of a file.

    Args:
        folder: the dataset.
        rules: a name of ``lapel.data.cleaning.shipped.SHIPPED``, or a file (see
            :mod:`lapel.data.cleaning.rules`).
        out: a new folder for the dataset as it is then; images stay where they are. Without it
            ``folder`` itself is changed. Its table is written before its description: killed
            exactly between the two, the same command finishes the work.
        tier: of shipped rules: ``A`` (the default) or ``AB``.
        implications: whether to add what shipped rules say holds wherever another label does.
        at_least: tags with fewer training pictures are forgotten, in every task of tags.
        min_tags: training pictures with fewer tags, all tasks together, are left out; those of
            the other splits never are.

    Raises:
        UsageError: no such file, rules or tier, or nothing to be done.
        FormatError: rules that do not fit the dataset; all faults together, with their lines.
        DatasetError: the folder is no dataset, or no label would be left.
        StorageError: something cannot be written; what stood there before still does.
    """
    if rules is None and not (at_least or min_tags):
        raise UsageError("there is nothing to do: name rules, or a number of pictures or tags")
    dataset = Dataset.open(folder)
    chosen = choose_rules(rules, dataset.schema, tier=tier, implications=implications)
    task_rules = _with_least(chosen.rules, dataset.schema, at_least)
    result = _cleaned(dataset, task_rules, chosen.called, min_tags)
    target = Path(out) if out is not None else dataset.own_folder()
    if out is None:
        former, mapping = _write(result, target)
    else:
        description = replace(result.description, root=root_from(dataset, target))
        with atomic_folder(target) as building:
            copy_beside(dataset, building)
            former, mapping = _write(replace(result, description=description), building)
    return Cleaning(
        dataset=Dataset.open(target),
        tasks=result.tasks,
        former=target / former,
        mapping=target / mapping,
        called=chosen.called,
        skipped=chosen.skipped,
        left_out=len(dataset) - result.table.height,
    )


def _with_least(
    rules: Mapping[str, TaskRules], schema: Schema, at_least: int
) -> dict[str, TaskRules]:
    """Rules with the least number of pictures that is asked of every tag."""
    tags = [task.name for task in schema if task.kind == "multi_label"] if at_least else []
    if at_least and not tags:
        raise UsageError("a least number of pictures is asked of tags, and this dataset has none")
    return dict(rules) | {
        name: replace(one, at_least=max(at_least, one.at_least))
        for name, one in ((name, rules.get(name, TaskRules())) for name in tags)
    }


def _cleaned(
    dataset: Dataset, rules: Mapping[str, TaskRules], called: str, min_tags: int
) -> _Result:
    labels = {task.name: dataset.labels(task.name) for task in touched_by(rules, dataset.schema)}
    splits = dataset.table["split"].to_list()
    done, after = clean_tasks(dataset.schema, rules, labels, splits)
    specs = {one.after.name: one.after for one in done}
    schema = Schema(tuple(specs.get(task.name, task) for task in dataset.schema))
    table = dataset.table.with_columns(
        [column_of(spec).series(name, after[name], spec.labels) for name, spec in specs.items()]
    )
    if min_tags:
        tags = [
            after[task.name] if task.name in after else dataset.labels(task.name)
            for task in schema
            if task.kind == "multi_label"
        ]
        table = table.filter(pl.Series(_kept(tags, splits, min_tags)))
    description = replace(dataset.description, schema=schema)
    if schema != dataset.schema or not table.equals(dataset.table):
        description = replace(
            description,
            benchmark=cleaned_benchmark(description.benchmark),
            origin=f"{description.origin}; labels cleaned by {called}".removeprefix("; "),
        )
    return _Result(
        before=dataset, table=table, description=description, tasks=tuple(done), called=called
    )


def _kept(tags: Sequence[Sequence[Label]], splits: Sequence[str], least: int) -> list[bool]:
    """Whether each row stays: all but training pictures with fewer tags.

    Raises:
        UsageError: no training picture would be left.
    """
    counts = [0] * len(splits)
    for column in tags:
        for row, label in enumerate(column):
            counts[row] += len(label.yes) if isinstance(label, Tags) else 0
    kept = [split != "train" or n >= least for n, split in zip(counts, splits, strict=True)]
    train = [stays for stays, split in zip(kept, splits, strict=True) if split == "train"]
    if train and not any(train):
        raise UsageError(f"no training picture has {least:,} tags; ask for fewer")
    return kept


def _write(result: _Result, folder: Path) -> tuple[str, str]:
    """Write what the labels were and what they are; the names of the files of the former, and of
    the mapping.
    """
    names = _free_names(folder)
    former, table, mapping = (folder / name for name in names)
    done = result.tasks
    with atomic_path(former) as partial:
        columns = ["image", *(one.before.name for one in done)]
        result.before.table.select(columns).write_parquet(partial)
    with atomic_path(table) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(_mapping_rows(done))
    write_atomically(mapping, mapping_of(done, rules=result.called).to_bytes())
    write_table(folder, result.table)
    # Last: as long as it is not written, the rules still fit, and can be applied once more.
    result.description.write(folder)
    return names[0], names[2]


def _free_names(folder: Path) -> tuple[str, str, str]:
    """Names for the former labels and the two mappings that no file has yet."""
    for number in count(1):
        ending = f"-{number}" if number > 1 else ""
        former, table, mapping = (
            f"{Path(name).stem}{ending}{Path(name).suffix}"
            for name in (FORMER_FILE, MAPPING_FILE, MAPPING_JSON)
        )
        if not (folder / former).exists():
            break
    return former, table, mapping


def _mapping_rows(done: Sequence[TaskCleaning]) -> Iterator[tuple[str, ...]]:
    yield "task", "label", "becomes", "images"
    for one in done:
        for label in one.before.labels:
            now = one.mapping[label]
            cells = (one.before.name, label, now or "")
            yield (*map(escape_formula, cells), str(one.images.get(label, 0)))
