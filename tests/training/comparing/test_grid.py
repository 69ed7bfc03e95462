"""What is compared: combinations, their names and their changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lapel.schema.errors import UsageError
from lapel.storage.names import checked_stored_name
from lapel.training.comparing.grid import Grid, grid_of, parse_varied
from lapel.training.recipe import split_at_commas


def test_every_combination_once_and_the_last_key_changes_fastest() -> None:
    grid = grid_of(["model.heads=separate,joint", "batch=16,32"])
    assert grid.keys == ("model.heads", "batch")
    assert [choice.values for choice in grid.choices] == [
        ("separate", "16"),
        ("separate", "32"),
        ("joint", "16"),
        ("joint", "32"),
    ]
    assert grid.choices[2].name == "heads-joint_batch-16"
    assert grid.choices[2].changes == {"model.heads": "joint", "batch": "16"}


def test_commas_inside_brackets_part_nothing() -> None:
    assert split_at_commas("[8,16],[32],{a: 1, b: 2}") == ["[8,16]", "[32]", "{a: 1, b: 2}"]
    grid = grid_of(["model.options.widths=[8],[8,16]"])
    assert [choice.name for choice in grid.choices] == ["widths-8", "widths-8-16"]


def test_a_value_may_bring_others_along() -> None:
    varied = parse_varied("optim=sgd,adamw+optimiser.learning_rate=1e+3+batch=8")
    assert varied.values[0].changes == {"optim": "sgd"}
    assert varied.values[1].changes == {
        "optim": "adamw",
        "optimiser.learning_rate": "1e+3",
        "batch": "8",
    }


def test_keys_that_share_their_last_word_are_named_whole() -> None:
    grid = grid_of(["model.options.depth=1,2", "other.depth=1,2"])
    assert grid.choices[0].name == "model.options.depth-1_other.depth-1"


def test_a_seed_more_leaves_the_names_of_the_runs_that_are_there() -> None:
    grid = grid_of(["batch=16,32"])
    one, three = grid.runs({}, [5]), grid.runs({}, [5, 6, 7])
    assert [run.name for run in three] == [
        "batch-16",
        "batch-32",
        "batch-16_seed-6",
        "batch-32_seed-6",
        "batch-16_seed-7",
        "batch-32_seed-7",
    ]
    assert three[:2] == one
    assert three[2].changes == {"seed": "6", "batch": "16"}


def test_what_all_share_gives_way_to_what_is_brought_along() -> None:
    grid = grid_of(["optim=sgd,adamw+batch=8"])
    runs = grid.runs({"batch": "64"}, [0])
    assert [run.changes["batch"] for run in runs] == ["64", "8"]


values = st.lists(
    st.text(st.characters(exclude_characters=",[]{}()=+", exclude_categories=["Cs"]), min_size=1)
    .map(str.strip)
    .filter(bool),
    min_size=2,
    max_size=5,
    unique=True,
)


def whole(grid: Grid) -> None:
    names = [choice.name for choice in grid.choices]
    assert len(set(names)) == len(names)
    for name in names:
        assert checked_stored_name(name) == name
        assert "/" not in name
        assert name.strip(". ") != ""
        assert len(name.encode()) <= 255


@given(values, values)
def test_names_are_safe_and_no_two_are_the_same(first: list[str], second: list[str]) -> None:
    whole(grid_of([f"select={','.join(first)}", f"model.backbone={','.join(second)}"]))


def test_names_stay_short_and_keep_korean_letters() -> None:
    long = grid_of([f"model.backbone={'a' * 300},{'a' * 299}b", "select=스타일.accuracy,색상.map"])
    whole(long)
    short = grid_of(["select=스타일.accuracy,색상.map"])
    assert short.choices[0].name == "select-스타일.accuracy"


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["model.heads"], "KEY=A,B,C"),
        (["=a,b"], "KEY=A,B,C"),
        (["model.heads="], "KEY=A,B,C"),
        (["model.heads=joint"], "needs two values or more"),
        (["model.heads=joint,,separate"], "needs two values or more"),
        (["batch=8,16,8"], "names the value '8' twice"),
        (["optim=sgd,adamw", "optimiser.name=muon,sgd"], "optimiser.name stands twice"),
    ],
)
def test_what_is_no_grid_is_refused(texts: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        grid_of(texts)
