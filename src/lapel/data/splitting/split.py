"""Drawing validation and test splits that look like the whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import polars as pl

from lapel.data.dataset import Dataset
from lapel.data.splitting.stratify import hold_out, hold_out_evenly
from lapel.data.table import write_table
from lapel.schema.annotation import held
from lapel.schema.counting import counted
from lapel.schema.errors import DatasetError, UsageError

#: Fraction for validation where nobody names one.
VALIDATION = 0.1

#: A split that is kept, to the option that gives it up.
_GIVE_UP = {"test": "--redraw-test", "validation": "--redraw"}


def split_dataset(
    folder: str | Path,
    *,
    validation: float | None = None,
    test: float | None = None,
    seed: int = 0,
    by: str | None = None,
    redraw_test: bool = False,
    redraw: bool = False,
    on_notes: Callable[[Sequence[str]], None] | None = None,
) -> Dataset:
    """Draw the splits of a dataset anew, and write them into its table.

    Every split gets each label, of every task, in the proportion of the whole. Pictures that are
    bit for bit the same are drawn into the same split. A test split that exists is kept as it is,
    since results measured on it would lose their meaning; the fractions are then of the other rows
    that may be drawn. A validation split that exists is given up only when asked for, since models
    that were trained before have learned from what is then drawn: where only a test split is asked
    for, and there is none yet, it is drawn out of the other rows. Copies of pictures in a split
    that is kept, and what shows one item with them, are left in ``train``.

    Args:
        folder: the dataset.
        validation: fraction for validation, above 0; by default ``VALIDATION``, or the validation
            split that exists where only ``test`` is given.
        test: fraction for test; 0 or None: none is drawn. Where a test split is given up it has to
            be said.
        seed: the same seed, names and labels give the same draw, everywhere.
        by: column of what must stay on one side; by default ``group`` where there is one.
        redraw_test: give up the test split that exists, and with it the validation split: both are
            drawn from all rows.
        redraw: give up the validation split that exists.
        on_notes: is told what was left in ``train``.

    Raises:
        UsageError: fractions that leave nothing to train on, no such column (imports keep one of
            items, as ``group``), splits that exist and are not given up, or a test split that is
            given up without a word on the next one.
        DatasetError: items of the kept split stand in other splits too, or there are too few rows.
        StorageError: the table cannot be written; it is as before.
    """
    dataset = Dataset.open(folder)
    there = dataset.splits()
    anew = redraw or redraw_test
    if redraw_test and test is None and "test" in there:
        raise UsageError(
            f"--redraw-test gives up the test split of {there['test']:,}; say how large the next "
            "one is to be: --test FRACTION, or --test 0 for none"
        )
    test = test or 0.0
    if validation is None and test and set(there) == {"train", "validation"} and not anew:
        kept: str | None = "validation"
        fractions = {"test": test}
        _check_fractions(fractions)
    else:
        kept = "test" if "test" in there and not redraw_test else None
        fractions = {"validation": VALIDATION if validation is None else validation, "test": test}
        _check_fractions(fractions)
        _refuse_lost(dataset, kept, test, anew=anew)
    drawn, notes = _drawn(dataset, kept, fractions, seed, by)
    write_table(dataset.own_folder(), dataset.table.with_columns(drawn))
    if on_notes:
        on_notes(notes)
    return Dataset.open(dataset.folder)


def _refuse_lost(dataset: Dataset, kept: str | None, test: float, *, anew: bool) -> None:
    """Refuse to draw splits anew that exist and that nobody gave up."""
    there = dataset.splits()
    # First, since whoever gives it up gives up both.
    if test and kept:
        raise UsageError(
            f"dataset '{dataset.name}' has a test split of {there['test']:,} already, which is "
            "kept; leave --test out, or add --redraw-test to give it up"
        )
    if "validation" in there and not anew:
        alone = "" if "test" in there else "; --test without --validation leaves it as it is"
        raise UsageError(
            f"dataset '{dataset.name}' has a validation split of {there['validation']:,} already, "
            "and is ready to train on. To draw anew all the same, add --redraw; models trained "
            f"before will then have learned from pictures that they are judged on{alone}"
        )


def _drawn(
    dataset: Dataset, kept: str | None, fractions: dict[str, float], seed: int, by: str | None
) -> tuple[pl.Series, list[str]]:
    """The column of splits as it is drawn, and what the user should know of it."""
    groups = _groups(dataset, by)
    free = [kept is None or split != kept for split in dataset.table["split"]]
    _check_groups(groups, free, kept)
    bound = _bound(dataset, groups, free)
    open_rows = [row for row, is_free in enumerate(free) if is_free and row not in bound]
    drawn = _draw(dataset, groups, open_rows, fractions, seed)
    for row in bound:
        drawn[row] = "train"
    if "train" not in drawn:
        raise DatasetError("the draw leaves no image to train on; ask for smaller fractions")
    notes = list(_notes(kept, len(bound)))
    for name, fraction in fractions.items():
        if fraction and name not in drawn:
            raise DatasetError(
                f"{len(open_rows)} images are too few for a {name} split of {fraction:g}; "
                f"{'; '.join(notes) or 'add images or ask for a larger fraction'}"
            )
    return pl.Series("split", drawn, dtype=pl.String), notes


def _notes(kept: str | None, bound: int) -> Iterator[str]:
    if kept and bound:
        yield (
            f"left in train, as {kept} is kept: {counted(bound, 'picture')} (copies, bit for bit, "
            f"of pictures in {kept}, and what shows one item with them); remove the copies, or "
            "draw all splits anew with --redraw-test --test FRACTION"
        )


def _check_fractions(fractions: dict[str, float]) -> None:
    first, *others = fractions.values()
    fit = 0 < first < 1 and all(0 <= one < 1 for one in others)
    if not fit or sum(fractions.values()) >= 1:
        found = " and ".join(f"--{name} {fraction:g}" for name, fraction in fractions.items())
        raise UsageError(
            f"found {found}; expected fractions that leave something to train on, such as 0.1 and "
            "0.1"
        )


def _groups(dataset: Dataset, by: str | None) -> list[str | None] | None:
    columns = dataset.table.columns
    if by is None:
        return dataset.table["group"].to_list() if "group" in columns else None
    if by not in columns:
        raise _no_column(dataset, by)
    if by in [task.name for task in dataset.schema]:
        raise UsageError(
            f"--by {by} would put every {by} on one side, so that none could be learned and "
            "judged; name a column that tells which pictures show the same item"
        )
    return dataset.table[by].cast(pl.String).to_list()


def _no_column(dataset: Dataset, by: str) -> UsageError:
    # Most likely a column of the table that was imported: of these only one of items is kept.
    columns = dataset.table.columns
    remedy = (
        "Items stand in 'group', which is split by without --by"
        if "group" in columns
        else f"To keep together what has one {by!r}, import its table again (`lapel data import "
        f"table ... --group-column {by} --replace`), and split without --by"
    )
    return UsageError(
        f"dataset '{dataset.name}' has no column {by!r}; it has: {', '.join(columns)}. {remedy}"
    )


def _check_groups(groups: list[str | None] | None, free: list[bool], kept: str | None) -> None:
    if groups is None or kept is None:
        return
    sides: dict[str, set[bool]] = {}
    for group, is_free in zip(groups, free, strict=True):
        if group is not None:
            sides.setdefault(group, set()).add(is_free)
    torn = sorted(group for group, found in sides.items() if len(found) > 1)
    if torn:
        raise DatasetError(
            f"{len(torn)} items stand in {kept} and in other splits, the first {torn[0]!r}; "
            f"add {_GIVE_UP[kept]} to draw all splits anew"
        )


def _bound(dataset: Dataset, groups: list[str | None] | None, free: list[bool]) -> set[int]:
    """The free rows that may not be drawn: copies of pictures in the split that is kept, bit for
    bit, and what stays together with these. Drawn, they would stand in two judged splits.
    """
    digests = dataset.table["sha256"].to_list()
    kept = {digest for digest, is_free in zip(digests, free, strict=True) if not is_free}
    rows = [row for row, is_free in enumerate(free) if is_free]
    copies = {row for row in rows if digests[row] in kept}
    if not copies:
        return copies
    units = dict(zip(rows, _units(dataset, groups, rows), strict=True))
    beside = {units[row] for row in copies} - {None}
    return copies | {row for row, unit in units.items() if unit in beside}


def _units(dataset: Dataset, groups: list[str | None] | None, rows: list[int]) -> list[str | None]:
    """What each of some rows stays together with: its item, and pictures like its own."""
    digests = dataset.table["sha256"].to_list()
    items = [groups[row] if groups else None for row in rows]
    return _with_copies(items, [digests[row] for row in rows])


def _draw(
    dataset: Dataset,
    groups: list[str | None] | None,
    rows: list[int],
    fractions: dict[str, float],
    seed: int,
) -> list[str]:
    names = dataset.names()
    chosen = [names[row] for row in rows]
    wanted = {name: fraction for name, fraction in fractions.items() if fraction}
    its_groups = _units(dataset, groups, rows)
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
    drawn: list[str] = dataset.table["split"].to_list()
    for row, part in zip(rows, parts, strict=True):
        drawn[row] = part or "train"
    return drawn


def _with_copies(groups: list[str | None], digests: list[str]) -> list[str | None]:
    """The same groups, in which pictures that are bit for bit the same are together as well."""
    counts = Counter(digests)
    if len(counts) == len(digests):
        return groups
    found = [f"sha256 {digest}" if counts[digest] > 1 else None for digest in digests]
    joined: dict[str, str] = {}  # what became part of another group, and of which

    def whole(group: str) -> str:
        while group in joined:
            # Each step halves the way: many items that share one file are a long chain.
            joined[group] = joined.get(joined[group], joined[group])
            group = joined[group]
        return group

    for group, copies in zip(groups, found, strict=True):
        if group is not None and copies is not None and whole(group) != whole(copies):
            joined[whole(copies)] = whole(group)
    both = zip(groups, found, strict=True)
    return [
        None if one is None else whole(one) for one in (group or copies for group, copies in both)
    ]


def _all_labels(dataset: Dataset) -> list[list[tuple[int, str]]]:
    """The labels that each image holds, of all tasks, told apart by the task's number."""
    found: list[list[tuple[int, str]]] = [[] for _ in range(len(dataset))]
    for number, task in enumerate(dataset.schema):
        for row, label in enumerate(dataset.labels_in_words(task.name)):
            found[row] += [(number, word) for word in held(label)]
    return found
