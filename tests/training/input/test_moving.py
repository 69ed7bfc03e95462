"""Landmarks stay on what they mark, whatever happens to the picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from lapel.models.heads.landmarks import LearnedLandmarks
from lapel.schema.labels import TaskSpec
from lapel.training.input.augment import augment
from lapel.training.recipe_parts import AugmentPart

HEIGHT, WIDTH, COUNT = 60, 84, 64
SPEC = TaskSpec(name="dot", kind="landmarks", labels=("left cuff", "right cuff", "collar"))

CHANGES: Mapping[str, Mapping[str, Any]] = {
    "nothing": {},
    "flip": {"flip": 0.5},
    "shift": {"shift": 9},
    "zoom": {"zoom": 0.3},
    "zoom and shift": {"zoom": 0.3, "shift": 5},
    "crop": {"crop": 0.4},
    "rotate": {"rotate": 40},
    "light": {"brightness": 0.2, "contrast": 0.2},
    "everything": {"flip": 0.5, "shift": 3, "zoom": 0.2, "crop": 0.2, "rotate": 25},
}


def seeded(seed: int = 0) -> Generator:
    return torch.Generator().manual_seed(seed)


def dots() -> tuple[Tensor, Tensor, Tensor]:
    """Black pictures with one soft dot each, and the targets and weights of its landmark.

    The dot is the landmark "left cuff" of the first picture, "right cuff" of the second, and so
    on; the other two are unknown.
    """
    random = np.random.default_rng(3)
    places = random.uniform((12, 12), (WIDTH - 12, HEIGHT - 12), (COUNT, 2))
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    away = np.square(columns - places[:, :1, None]) + np.square(rows - places[:, 1:, None])
    pixels = torch.from_numpy((250 * np.exp(-away / (2 * 1.6**2))).astype(np.uint8))[:, None]
    target, weight = torch.zeros(COUNT, 3, 5), torch.zeros(COUNT, 3, 2)
    for number, (x, y) in enumerate(places):
        which = number % 3
        target[number, which] = torch.tensor([x / WIDTH, y / HEIGHT, 0.5, 0.25, 1.0])
        weight[number, which] = 1.0
    return pixels, target, weight


def seen_at(picture: Tensor) -> tuple[float, float]:
    """The centre of gravity of what is bright, in pixels."""
    light = (picture[0].double() - 10).clamp(min=0)
    rows, columns = torch.arange(HEIGHT) + 0.5, torch.arange(WIDTH) + 0.5
    total = light.sum()
    return float((light.sum(0) * columns).sum() / total), float((light.sum(1) * rows).sum() / total)


@pytest.mark.parametrize("case", CHANGES)
def test_a_drawn_dot_follows_its_landmark(case: str) -> None:
    pixels, target, weight = dots()
    changed, moves = augment(pixels, AugmentPart(**CHANGES[case]), seeded(4))
    moved, weighs = LearnedLandmarks.moved(SPEC, target, weight, moves)
    looked_at = 0
    for number in range(COUNT):
        known = weighs[number, :, 0].nonzero().flatten().tolist()
        if not known:
            continue
        (which,) = known
        x, y = float(moved[number, which, 0]) * WIDTH, float(moved[number, which, 1]) * HEIGHT
        if not (13 < x < WIDTH - 13 and 13 < y < HEIGHT - 13):
            continue  # a dot at the edge is not whole, so that its centre says little
        found = seen_at(changed[number])
        assert abs(found[0] - x) < 0.3
        assert abs(found[1] - y) < 0.3
        looked_at += 1
    assert looked_at > COUNT / 3


def test_in_a_mirror_left_and_right_change_places() -> None:
    pixels, target, weight = dots()
    _, moves = augment(pixels, AugmentPart(flip=1.0), seeded())
    moved, weighs = LearnedLandmarks.moved(SPEC, target, weight, moves)
    assert torch.equal(weighs[:, [1, 0, 2]], weight)
    there = weight[..., 0] > 0
    assert torch.allclose(moved[:, [1, 0, 2], 0][there], 1 - target[..., 0][there], atol=1e-6)
    assert torch.allclose(moved[:, [1, 0, 2], 1:][there], target[..., 1:][there], atol=1e-6)


def test_what_leaves_the_canvas_has_no_place_and_cannot_be_seen() -> None:
    pixels, target, weight = dots()
    _, moves = augment(pixels, AugmentPart(crop=0.9), seeded(1))
    moved, weighs = LearnedLandmarks.moved(SPEC, target, weight, moves)
    inside = ((moved[..., :2] >= 0) & (moved[..., :2] <= 1)).all(2)
    known = weight[..., 0] > 0
    assert torch.equal(weighs[..., 0] > 0, known & inside)
    assert (known & ~inside).sum() > 5
    assert (moved[..., 4][known & ~inside] == 0).all()
    assert (moved[..., 4][known & inside] == 1).all()
    # Whether it can be seen is still known: it cannot.
    assert torch.equal(weighs[..., 1], weight[..., 1])


def test_distances_are_measured_by_a_box_that_grows_with_its_picture() -> None:
    pixels, target, weight = dots()
    _, moves = augment(pixels, AugmentPart(crop=0.5), seeded(2))
    moved, _ = LearnedLandmarks.moved(SPEC, target, weight, moves)
    there = weight[..., 0] > 0
    grown = moves[:, None, [0, 1], [0, 1]].expand(-1, 3, -1)
    assert torch.allclose(moved[..., 2:4][there], (target[..., 2:4] * grown)[there])
    assert (moved[..., 2:4][there] > target[..., 2:4][there] - 1e-6).all()
    assert (moved[..., 2][there] > 1.2 * target[..., 2][there]).any()


def test_labels_that_lie_nowhere_do_not_move() -> None:
    from lapel.models.heads.single_label import LearnedSingleLabel

    target, weight = torch.tensor([1, 0]), torch.ones(2)
    spec = TaskSpec(name="kind", kind="single_label", labels=("a", "b"))
    moved = LearnedSingleLabel.moved(spec, target, weight, torch.rand(2, 2, 3))
    assert moved == (target, weight)
