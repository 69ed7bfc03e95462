"""When two networks give the same garments, and when they do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from lapel.evaluation.engines.parity import ALIKE, COMPARED, SAME, Apart, Parity, Two

VALUES = 6 + 28 * 28 + 3 * 2
SIZE = (64, 64)


def garment(score: float, label: int, left: float, point: float = 0.5) -> NDArray[np.float32]:
    row = np.full(VALUES, 0.25, np.float32)
    row[:6] = (left, 0.1, left + 0.4, 0.8, score, label)
    row[-6:] = (point, point, 0.9, 0.4, 0.4, 0.9)
    return row


def picture(*rows: NDArray[np.float32]) -> NDArray[np.float32]:
    blank = np.zeros((4 - len(rows), VALUES), np.float32)
    return np.concatenate([np.stack(rows), blank]) if rows else blank


def apart(mine: NDArray[np.float32], reference: NDArray[np.float32]) -> Apart:
    two = Two(mine[None], reference[None], np.ones(1, np.float32), SIZE)
    return COMPARED["garments"](two)


COAT, HAT = garment(0.9, 0, 0.1), garment(0.8, 1, 0.5)


def test_garments_in_another_order_are_the_same() -> None:
    assert apart(picture(HAT, COAT), picture(COAT, HAT)) == Apart(0.0, 0)


def test_what_is_hardly_surer_is_the_same() -> None:
    found = apart(picture(garment(0.9001, 0, 0.1), HAT), picture(COAT, HAT))
    assert found.changed == 0
    assert found.difference == pytest.approx(1e-4, abs=1e-6)


@pytest.mark.parametrize(
    "other",
    [
        picture(COAT),
        picture(COAT, HAT, garment(0.7, 0, 0.4)),
        picture(COAT, garment(0.8, 0, 0.5)),
        picture(COAT, garment(0.8, 1, 0.55)),
        picture(COAT, garment(0.8, 1, 0.5, point=0.6)),
    ],
    ids=["one is missing", "one is invented", "another category", "another place", "another point"],
)
def test_other_garments_are_a_changed_answer(other: NDArray[np.float32]) -> None:
    assert apart(other, picture(COAT, HAT)).changed == 1


def test_nobody_is_told_of_what_is_not_sure() -> None:
    assert apart(picture(COAT), picture(COAT, garment(0.3, 1, 0.5))) == Apart(0.0, 0)
    assert apart(picture(), picture()) == Apart(0.0, 0)


def test_classes_of_a_few_pixels_may_change() -> None:
    reference = np.zeros((1, 2, 40, 40), np.float32)
    reference[:, 0] = 1
    for pixels, changed in ((4, 0), (12, 1)):
        mine = reference.copy()
        mine[0, 1, 0, :pixels] = 2
        two = Two(mine, reference, np.ones((1, 40, 40)), SIZE)
        assert COMPARED["segmentation"](two).changed == changed


@pytest.mark.parametrize(
    ("landmarks", "pixels", "apart"),
    [
        (1, 1.0, (0.0, 0)),  # one took the next place of its map
        (1, 20.0, (0.0, 1)),  # one lies elsewhere
        (20, 1.0, (1 / 64, 0)),  # all of them lie a pixel off: these are other networks
    ],
)
def test_a_landmark_may_take_the_next_place_of_its_map(
    landmarks: int, pixels: float, apart: tuple[float, int]
) -> None:
    reference = np.full((2, 20, 3), 0.25, np.float32)
    mine = reference.copy()
    mine[0, :landmarks, 0] += pixels / SIZE[0]
    two = Two(mine, reference, np.ones((2, 20, 2)), SIZE)
    assert COMPARED["landmarks"](two) == pytest.approx(apart, abs=1e-6)


def test_engines_of_fewer_digits_are_asked_for_less() -> None:
    mine, reference = np.zeros((1, 100), np.float32), np.zeros((1, 100), np.float32)
    mine[0, :9], reference[:] = 1, -1
    for asked, changed in ((SAME, 1), (ALIKE, 0)):
        two = Two(mine, reference, np.ones((1, 100)), SIZE, asked)
        assert COMPARED["multi_label"](two).changed == changed
    parity = Parity(pictures=100, largest_difference=0.5, changed_answers=25, asked=ALIKE)
    assert parity.holds
    assert not replace(parity, asked=SAME).holds
    assert not replace(parity, changed_answers=26).holds
    assert "25 of 100 answers about 100 pictures differ (allowed 25)" in parity.words()
