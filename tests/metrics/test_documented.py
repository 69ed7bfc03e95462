"""The page about metrics names every number there is."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from tag_examples import drawn

from lapel.metrics.classification import count_classification
from lapel.metrics.grouped import GroupAnswers, GroupedImages
from lapel.metrics.landmarks import LocatedImages
from lapel.metrics.segmentation import segment

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_every_number_is_defined_on_the_page() -> None:
    target = np.arange(6)
    known = np.ones((6, 2), np.bool_)
    near, sure = np.full((6, 2), 0.1, np.float64), np.ones((6, 2), np.float64)
    mask = np.eye(4, dtype=np.uint8)
    segmented = segment(mask, mask, 2)
    located = LocatedImages(distance=near, visible=known, told=known, said=sure)
    group = GroupAnswers(labels=6, target=target, predicted=target, known=target >= 0)
    numbers = {
        *count_classification(np.eye(6), target).numbers(),
        *drawn().counts().numbers(),
        *GroupedImages(groups={"one": group}).numbers(),
        *located.counts().numbers(),
        *segmented.counts().numbers(),
    }
    defined = set(re.findall(r"`(\w+)`", PAGE.read_text(encoding="utf-8")))
    assert sorted(numbers - defined) == []
