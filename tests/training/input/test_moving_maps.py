"""Label maps stay on what they name, whatever happens to the picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Generator, Tensor
from torch.nn import functional

from lapel.models.heads.segmentation import LearnedSegmentation
from lapel.schema.labels import TaskSpec
from lapel.schema.masks import UNKNOWN_CLASS
from lapel.training.input.augment import augment
from lapel.training.recipe_parts import AugmentPart

HEIGHT, WIDTH, COUNT = 48, 80, 32
SPEC = TaskSpec(name="parts", kind="segmentation", labels=("ground", "left cuff", "right cuff"))

#: Of each class, so far apart that no mixture of two is near a third.
LIGHT = (20, 120, 220)

CHANGES: Mapping[str, Mapping[str, Any]] = {
    "nothing": {},
    "flip": {"flip": 0.5},
    "shift": {"shift": 9},
    "zoom": {"zoom": 0.3},
    "zoom and shift": {"zoom": 0.3, "shift": 5},
    "crop": {"crop": 0.4},
    "rotate": {"rotate": 40},
    "everything": {"flip": 0.5, "shift": 3, "zoom": 0.2, "crop": 0.2, "rotate": 25},
}


def seeded() -> Generator:
    return torch.Generator().manual_seed(0)


def dots(*, mirrored: bool) -> tuple[Tensor, Tensor]:
    """Pictures (COUNT, 1, HEIGHT, WIDTH) of a few squares, and their label maps.

    Squares are as light as their class. Of the pictures that are mirrored later, left and right
    are exchanged beforehand: so that light tells the class of what is seen then.
    """
    random = np.random.default_rng(3)
    maps = np.zeros((COUNT, HEIGHT, WIDTH), np.uint8)
    for one in maps:
        for kind in (1, 2, 1, 2):
            # In steps of six, so that no sliver is left of one that another lies over.
            top, left = 6 * random.integers(0, ((HEIGHT - 12) // 6, (WIDTH - 12) // 6))
            one[top : top + 12, left : left + 12] = kind
    classes = torch.from_numpy(maps)
    shown = torch.tensor([0, 2, 1])[classes.long()] if mirrored else classes.long()
    return torch.tensor(LIGHT, dtype=torch.uint8)[shown][:, None], classes


@pytest.mark.parametrize("case", CHANGES)
def test_classes_stay_on_what_they_name(case: str) -> None:
    options = AugmentPart(**CHANGES[case])
    pixels, classes = dots(mirrored=False)
    other_way, _ = dots(mirrored=True)
    changed, moves = augment(pixels, options, seeded())
    mirrored, _ = augment(other_way, options, seeded())
    weight = torch.ones(COUNT)
    moved, weights = LearnedSegmentation.moved(SPEC, classes, weight, moves)
    assert moved.shape == classes.shape
    assert moved.dtype == torch.uint8
    assert torch.equal(weights, weight)
    turned = torch.linalg.det(moves[:, :, :2]) < 0
    seen = torch.where(turned[:, None, None, None], mirrored, changed)[:, 0].int()
    known = moved != UNKNOWN_CLASS
    expected = torch.tensor([*LIGHT, *[0] * (UNKNOWN_CLASS - 2)], dtype=torch.int32)[moved.long()]
    # Where a class goes on all around: at its edge pictures are mixtures.
    inner = known & _agree_with_neighbours(moved)
    assert inner.float().mean() > 0.4
    assert ((seen - expected).abs() <= 1)[inner].all()
    if case in {"nothing", "flip", "shift"}:
        assert torch.equal(seen[known], expected[known])
    if case in {"nothing", "flip", "crop"}:
        assert known.all()
    else:
        assert not known.all()


def _agree_with_neighbours(maps: Tensor) -> Tensor:
    """Pixels all of whose neighbours, two pixels around, are there and of the same class."""
    values = maps[:, None].float()
    most, least = functional.max_pool2d(values, 5, 1), -functional.max_pool2d(-values, 5, 1)
    return functional.pad((most == least)[:, 0], (2, 2, 2, 2))


def test_what_comes_in_from_outside_is_unknown() -> None:
    """Pictures repeat their border there, which is no reason to believe in it."""
    classes = torch.ones(1, 4, 6, dtype=torch.uint8)
    halves = torch.tensor([[[1.0, 0, 0.5], [0, 1, 0]]])  # to the right by half the width
    moved, _ = LearnedSegmentation.moved(SPEC, classes, torch.ones(1), halves)
    assert moved[0].tolist() == [[UNKNOWN_CLASS] * 3 + [1] * 3] * 4


def test_unknown_pixels_stay_unknown_where_they_are() -> None:
    classes = torch.zeros(2, 4, 6, dtype=torch.uint8)
    classes[:, 1, 2] = UNKNOWN_CLASS
    mirror = torch.tensor([[[-1.0, 0, 1], [0, 1, 0]], [[1, 0, 0], [0, 1, 0]]])
    moved, _ = LearnedSegmentation.moved(SPEC, classes, torch.ones(2), mirror)
    assert (moved == UNKNOWN_CLASS).nonzero().tolist() == [[0, 1, 3], [1, 1, 2]]
