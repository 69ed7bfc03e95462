"""Drawing validation and test splits that look like the whole."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import polars as pl

from lapel.data.dataset import Dataset
from lapel.data.splitting.stratify import hold_out, hold_out_evenly
from lapel.data.table import write_table
from lapel.schema.annotation import held
from lapel.schema.errors import DatasetError, UsageError


def split_dataset(
    folder: str | Path,
    *,
    validation: float,
    test: float = 0.0,
    seed: int = 0,
    by: str | None = None,
    redraw_test: bool = False,
    redraw: bool = False,
) -> Dataset:
    """Draw the splits of a dataset anew, and write them into its table.

    Every split gets each label, of every task, in the proportion of the whole. A test split
    that exists is kept as it is, since results measured on it would lose their meaning; the
    fractions are then of the other rows. A validation split that exists is given up only when
    asked for, since models that were trained before have learned from what is then drawn.

    Args:
        folder: the dataset.
        validation: fraction for validation, above 0.
        test: fraction for test.
        seed: the same seed, names and labels give the same draw, everywhere.
        by: column of what must stay on one side; by default ``group`` where there is one.
        redraw_test: give up the test split that exists and draw from all rows.
        redraw: give up the validation split that exists.

    Raises:
        UsageError: fractions that leave nothing to train on, no such column, or splits that
            exist and are not given up.
        DatasetError: items of the kept test split stand in other splits too, or there are too
            few rows.
        StorageError: the table cannot be written; it is as before.
    """
    dataset = Dataset.open(folder)
    _check_fractions(validation, test)
    there = dataset.splits().get("validation", 0)
    if there and not (redraw or redraw_test):
        raise UsageError(
            f"dataset '{dataset.name}' has a validation split of {there:,} already, and is ready "
            "to train on. To draw anew all the same, add --redraw; models trained before will "
            "then have learned from pictures that they are judged on"
        )
    kept_test = dataset.splits().get("test", 0) if not redraw_test else 0
    if test and kept_test:
        raise UsageError(
            f"dataset '{dataset.name}' has a test split of {kept_test:,} already, which is kept; "
            "leave --test out, or add --redraw-test to give it up"
        )
    table = dataset.table
    groups = _groups(dataset, by)
    free = [not (kept_test and split == "test") for split in table["split"]]
    _check_groups(groups, free)
    drawn = _draw(dataset, groups, free, {"validation": validation, "test": test}, seed)
    for name, fraction in {"validation": validation, "test": test}.items():
        if fraction and name not in drawn:
            raise DatasetError(
                f"{sum(free)} images are too few for a {name} split of {fraction:g}; "
                "add images or ask for a larger fraction"
            )
    column = pl.Series("split", drawn, dtype=pl.String)
    write_table(dataset.own_folder(), table.with_columns(column))
    return Dataset.open(folder)


def _check_fractions(validation: float, test: float) -> None:
    if not (0 < validation < 1 and 0 <= test < 1 and validation + test < 1):
        raise UsageError(
            f"found --validation {validation:g} and --test {test:g}; expected fractions that "
            "leave something to train on, such as 0.1 and 0.1"
        )


def _groups(dataset: Dataset, by: str | None) -> list[str | None] | None:
    columns = dataset.table.columns
    if by is None:
        return dataset.table["group"].to_list() if "group" in columns else None
    if by not in columns:
        raise UsageError(
            f"dataset '{dataset.name}' has no column {by!r}; it has: {', '.join(columns)}"
        )
    if by in [task.name for task in dataset.schema]:
        raise UsageError(
            f"--by {by} would put every {by} on one side, so that none could be learned and "
            "judged; name a column that tells which pictures show the same item"
        )
    return dataset.table[by].cast(pl.String).to_list()


def _check_groups(groups: list[str | None] | None, free: list[bool]) -> None:
    if groups is None:
        return
    sides: dict[str, set[bool]] = {}
    for group, is_free in zip(groups, free, strict=True):
        if group is not None:
            sides.setdefault(group, set()).add(is_free)
    torn = sorted(group for group, found in sides.items() if len(found) > 1)
    if torn:
        raise DatasetError(
            f"{len(torn)} items stand in test and in other splits, the first {torn[0]!r}; "
            "add --redraw-test to draw all splits anew"
        )


def _draw(
    dataset: Dataset,
    groups: list[str | None] | None,
    free: list[bool],
    fractions: dict[str, float],
    seed: int,
) -> list[str]:
    rows = [row for row, is_free in enumerate(free) if is_free]
    names = dataset.names()
    chosen = [names[row] for row in rows]
    wanted = {name: fraction for name, fraction in fractions.items() if fraction}
    its_groups = [groups[row] for row in rows] if groups else None
    kinds = [task.kind for task in dataset.schema]
    if kinds == ["single_label"]:
        strata = [(label,) for label in dataset.labels(next(iter(dataset.schema)).name)]
        parts = hold_out(
            chosen, [strata[row] for row in rows], wanted, seed=seed, groups=its_groups
        )
    else:
        labels = _all_labels(dataset)
        parts = hold_out_evenly(
            chosen, [labels[row] for row in rows], wanted, seed=seed, groups=its_groups
        )
    drawn = ["test"] * len(free)
    for row, part in zip(rows, parts, strict=True):
        drawn[row] = part or "train"
    if Counter(drawn)["train"] == 0:
        raise DatasetError("the draw leaves no image to train on; ask for smaller fractions")
    return drawn


def _all_labels(dataset: Dataset) -> list[list[tuple[int, str]]]:
    """The labels that each image holds, of all tasks, told apart by the task's number."""
    found: list[list[tuple[int, str]]] = [[] for _ in range(len(dataset))]
    for number, task in enumerate(dataset.schema):
        for row, label in enumerate(dataset.labels_in_words(task.name)):
            found[row] += [(number, word) for word in held(label)]
    return found
