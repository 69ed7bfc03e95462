"""A step is the same, to rounding, whether one process takes it or two."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import drawn_outfits
import drawn_shapes
import drawn_shirts
import pytest
from learning_pair import together
from shared_steps import (
    CASES,
    EXACT,
    IN_PARTS,
    SPLITS,
    all_compared,
    all_judged,
    judged,
    weights_after,
)

#: Of weights after some steps, as a share of the largest: sums in another order.
ROUNDING = 2e-4

DRAWN = {
    "landmarks": drawn_shirts.shirt_dataset,
    "segmentation": drawn_shapes.shapes_dataset,
    "garments": drawn_outfits.outfit_dataset,
}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """A dataset for each kind of places. Not to be changed."""
    folder = tmp_path_factory.mktemp("drawn")
    made = {name: draw(folder / name, SPLITS).folder for name, draw in DRAWN.items()}
    return {**dict.fromkeys(CASES, folder), **made}


def same_numbers(found: Mapping[str, float], expected: Mapping[str, float]) -> None:
    aside = {"seconds", "images_per_second"}
    for name, value in expected.items():
        if name in aside or (math.isnan(value) and math.isnan(found[name])):
            continue
        assert found[name] == pytest.approx(value, rel=2e-3, abs=2e-4), name


@pytest.fixture(scope="module")
def learned(drawn: Mapping[str, Path]) -> list[Any]:
    """What each of two processes found, by case."""
    return together(all_compared, drawn)


@pytest.mark.parametrize("case", [*CASES, *EXACT, *IN_PARTS])
def test_two_processes_learn_what_one_learns(case: str, learned: list[Any]) -> None:
    for found in learned:
        assert isinstance(found, dict), found
        difference, shared, alone = found[case]
        assert difference < ROUNDING
        for row, expected in zip(shared, alone, strict=True):
            same_numbers(row, expected)


def test_what_is_judged_by_two_is_counted_once(drawn: Mapping[str, Path]) -> None:
    for found in together(all_judged, drawn):
        assert isinstance(found, dict), found
        for by_two, by_one in found.values():
            assert by_two.keys() == by_one.keys()
            for name, value in by_one.items():
                assert by_two[name] == value or math.isnan(value), name


def test_three_processes_judge_three_batches(drawn: Mapping[str, Path]) -> None:
    """Of the 29 pictures in batches of 12 each process has one, the last of five."""
    for found in together(judged, "average, clipped", drawn["average, clipped"], count=3):
        assert isinstance(found, tuple), found
        assert found[0] == found[1]


def test_a_detector_learns_alike_in_both_processes(drawn: Mapping[str, Path]) -> None:
    """What it says stays with each process; what it learns does not."""
    first, second = together(weights_after, "garments", drawn["garments"])
    assert isinstance(first, dict), first
    assert first == second
