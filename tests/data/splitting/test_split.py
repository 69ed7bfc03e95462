from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl
import pytest

from lapel.data.dataset import Dataset
from lapel.data.splitting.split import split_dataset
from lapel.data.table import write_table
from lapel.schema.annotation import held
from lapel.schema.errors import DatasetError, UsageError


def with_column(folder: Path, name: str, values: Sequence[str | None]) -> None:
    table = Dataset.open(folder).table
    write_table(folder, table.with_columns(pl.Series(name, values, dtype=pl.String)))


def test_it_draws_each_class_in_proportion_and_keeps_everything_else(own_dataset: Path) -> None:
    before = Dataset.open(own_dataset).table
    dataset = split_dataset(own_dataset, validation=1 / 3, test=1 / 6, redraw=True)
    assert dataset.splits() == {"train": 9, "validation": 6, "test": 3}
    for split, count in {"train": 3, "validation": 2, "test": 1}.items():
        labels = dataset.split(split).labels("category")
        assert {label: labels.count(label) for label in labels} == dict.fromkeys(
            ("dress", "hat", "shoes"), count
        )
    assert dataset.table.drop("split").equals(before.drop("split"))


def test_a_test_split_that_exists_is_kept_unless_told_otherwise(own_dataset: Path) -> None:
    first = split_dataset(own_dataset, validation=0.2, test=0.4, redraw=True).split("test").names()
    again = split_dataset(own_dataset, validation=0.5, seed=9, redraw=True)
    assert again.split("test").names() == first
    with pytest.raises(UsageError, match="test split of 7 already, which is kept"):
        split_dataset(own_dataset, validation=0.2, test=0.2, redraw=True)
    redrawn = split_dataset(own_dataset, validation=0.2, test=0.2, seed=9, redraw_test=True)
    assert redrawn.split("test").names() != first


def test_items_never_stand_on_both_sides(own_dataset: Path) -> None:
    items = [f"item {number // 2}" for number in range(18)]
    with_column(own_dataset, "group", items)
    dataset = split_dataset(own_dataset, validation=0.3, test=0.3, redraw=True)
    sides = dataset.table.group_by("group").agg(pl.col("split").n_unique())
    assert sides["split"].to_list() == [1] * 9


def test_items_of_the_kept_test_split_that_stand_elsewhere_are_refused(own_dataset: Path) -> None:
    with_column(own_dataset, "group", ["same"] * 2 + [None] * 16)
    with_column(own_dataset, "split", ["test"] + ["train"] * 17)
    with pytest.raises(DatasetError, match="1 items stand in test and in other splits"):
        split_dataset(own_dataset, validation=0.2, redraw=True)


@pytest.mark.parametrize(("validation", "test"), [(0.0, 0.0), (0.6, 0.4), (-0.1, 0.2), (0.1, 1.5)])
def test_fractions_that_leave_nothing_are_refused(
    own_dataset: Path, validation: float, test: float
) -> None:
    with pytest.raises(UsageError, match="fractions that leave something to train on"):
        split_dataset(own_dataset, validation=validation, test=test, redraw=True)


def test_a_column_that_is_not_there_is_refused_with_those_that_are(own_dataset: Path) -> None:
    with pytest.raises(UsageError, match="no column 'item'; it has: image, split") as caught:
        split_dataset(own_dataset, validation=0.1, by="item", redraw=True)
    assert "lapel data import table ... --group-column item" in str(caught.value)
    with_column(own_dataset, "group", ["one"] * 18)
    with pytest.raises(UsageError, match="Items stand in 'group', which is split by without --by"):
        split_dataset(own_dataset, validation=0.1, by="item", redraw=True)


@pytest.mark.parametrize("by", ["group", "shoot"])
def test_what_a_named_column_holds_together_stays_together(own_dataset: Path, by: str) -> None:
    with_column(own_dataset, by, [f"day {number // 2}" for number in range(18)])
    dataset = split_dataset(own_dataset, validation=0.3, test=0.3, by=by, redraw=True)
    sides = dataset.table.group_by(by).agg(pl.col("split").n_unique())
    assert sides["split"].to_list() == [1] * 9
    assert dataset.splits().keys() == {"train", "validation", "test"}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("grouped", [False, True])
def test_copies_stay_together_and_so_do_the_items_that_they_link(
    own_dataset: Path, seed: int, grouped: bool
) -> None:
    with_column(own_dataset, "sha256", [f"{number // 3:064}" for number in range(18)])
    if grouped:  # each item has pictures of two sets of copies, or none
        items = [None if number % 3 else f"item {number // 6}" for number in range(18)]
        with_column(own_dataset, "group", items)
    dataset = split_dataset(own_dataset, validation=0.4, seed=seed, redraw=True)
    copies = dataset.table.group_by("sha256").agg(pl.col("split").n_unique())
    assert copies["split"].to_list() == [1] * 6
    if grouped:
        by_item = dataset.table["split"].to_list()
        assert all(len(set(by_item[first : first + 6])) == 1 for first in (0, 6, 12))


def test_copies_of_the_kept_test_split_do_not_stand_in_the_way(own_dataset: Path) -> None:
    with_column(own_dataset, "sha256", [f"{number // 2:064}" for number in range(18)])
    with_column(own_dataset, "split", ["test", "train"] * 3 + ["train"] * 12)
    dataset = split_dataset(own_dataset, validation=0.3)
    assert dataset.table["split"].to_list()[:6:2] == ["test"] * 3


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("kept", "drawn"), [("test", "validation"), ("validation", "test")])
def test_copies_of_a_split_that_is_kept_are_drawn_into_no_other(
    own_dataset: Path,
    run: Callable[..., tuple[int, str, str]],
    kept: str,
    drawn: str,
    seed: int,
) -> None:
    with_column(own_dataset, "sha256", [f"{number // 2:064}" for number in range(18)])
    with_column(own_dataset, "split", [kept, "train"] * 3 + ["train"] * 12)
    # The seventh picture shows the item of a copy, and has a copy itself.
    with_column(own_dataset, "group", ["one" if row in (1, 6) else None for row in range(18)])
    code, said, _ = run("data", "split", own_dataset, f"--{drawn}", "0.6", "--seed", str(seed))
    assert code == 0
    assert f"left in train, as {kept} is kept: 5 pictures (copies, bit for bit" in said
    assert "draw all splits anew with --redraw-test --test FRACTION" in said
    splits = Dataset.open(own_dataset).table["split"].to_list()
    assert splits[:8] == [kept, "train"] * 3 + ["train"] * 2
    assert set(splits[8:]) == {"train", drawn}
    code, said, _ = run("data", "split", own_dataset, "--redraw-test", "--test", "0.3")
    assert code == 0
    assert "left in train" not in said


def test_where_copies_leave_too_few_pictures_it_is_said(own_dataset: Path) -> None:
    with_column(own_dataset, "sha256", [f"{number // 2:064}" for number in range(18)])
    with_column(own_dataset, "split", ["test", "train"] * 9)
    with pytest.raises(DatasetError, match=r"0 images are too few.*left in train, as test is kept"):
        split_dataset(own_dataset, validation=0.3)


def test_items_that_share_one_file_are_drawn_as_one_however_many_they_are(
    own_dataset: Path,
) -> None:
    """Twenty thousand products with one "no picture": the square of that would take minutes."""
    items, rows = 20_000, range(24_000)
    table = Dataset.open(own_dataset).table
    many = table[[row % len(table) for row in rows]].with_columns(
        pl.Series("image", [f"{row}.jpg" for row in rows]),
        pl.Series("sha256", [f"{max(row, items - 1):064}" for row in rows]),
        pl.Series("group", [f"item {row}" if row < items else None for row in rows]),
    )
    write_table(own_dataset, many)
    dataset = split_dataset(own_dataset, validation=0.1, redraw=True)
    assert dataset.splits().keys() == {"train", "validation"}
    assert dataset.table["split"][:items].n_unique() == 1


def test_too_few_images_are_refused_and_the_table_stays(own_dataset: Path) -> None:
    before = Dataset.open(own_dataset).fingerprint
    with pytest.raises(
        DatasetError, match=r"18 images are too few for a validation split of 0\.01"
    ):
        split_dataset(own_dataset, validation=0.01, redraw=True)
    assert Dataset.open(own_dataset).fingerprint == before


def test_a_validation_split_that_exists_is_given_up_only_when_asked(own_dataset: Path) -> None:
    before = Dataset.open(own_dataset).fingerprint
    with pytest.raises(UsageError, match=r"validation split of 6 already.*--redraw"):
        split_dataset(own_dataset, validation=0.2, test=0.2)
    assert Dataset.open(own_dataset).fingerprint == before


def test_grouping_by_what_is_learned_is_refused(own_dataset: Path) -> None:
    with pytest.raises(UsageError, match="would put every category on one side"):
        split_dataset(own_dataset, validation=0.2, by="category", redraw=True)


def test_every_label_of_every_task_is_drawn_in_proportion(tagged_dataset: Path) -> None:
    before = Dataset.open(tagged_dataset)
    dataset = split_dataset(tagged_dataset, validation=0.2, test=0.2, redraw=True)
    assert dataset.splits() == {"train": 36, "validation": 12, "test": 12}
    for task in dataset.schema:
        assert dataset.labels(task.name) == before.labels(task.name)
        totals = Counter(word for label in before.labels(task.name) for word in held(label))
        for split in ("validation", "test"):
            labels = dataset.split(split).labels(task.name)
            counts = Counter(word for label in labels for word in held(label))
            assert all(abs(counts[word] - totals[word] / 5) <= 2 for word in task.labels)


def test_a_test_split_alone_is_drawn_out_of_train(own_dataset: Path) -> None:
    items = [f"item {number // 2}" for number in range(18)]
    with_column(own_dataset, "group", items)
    before = split_dataset(own_dataset, validation=1 / 3, redraw=True)
    dataset = split_dataset(own_dataset, test=1 / 3)
    assert dataset.splits() == {"train": 8, "validation": 6, "test": 4}
    assert dataset.split("validation").names() == before.split("validation").names()
    assert set(dataset.split("test").names()) < set(before.split("train").names())
    sides = dataset.table.group_by("group").agg(pl.col("split").n_unique())
    assert sides["split"].to_list() == [1] * 9
    with pytest.raises(UsageError, match=r"has a test split of 4 already.*--redraw-test"):
        split_dataset(own_dataset, test=1 / 3)


@pytest.mark.parametrize("test", [-0.1, 1.0])
def test_a_test_split_alone_leaves_something(own_dataset: Path, test: float) -> None:
    with pytest.raises(UsageError, match=f"found --test {test:g}; expected fractions"):
        split_dataset(own_dataset, test=test)


def test_items_of_the_kept_validation_split_that_stand_elsewhere_are_refused(
    own_dataset: Path,
) -> None:
    with_column(own_dataset, "group", ["same"] * 2 + [None] * 16)
    with_column(own_dataset, "split", ["validation"] + ["train"] * 17)
    with pytest.raises(DatasetError, match=r"1 items stand in validation .*add --redraw to draw"):
        split_dataset(own_dataset, test=0.2)
