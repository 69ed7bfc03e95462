"""The page about metrics names every number there is."""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Protocol

import numpy as np
from tag_examples import drawn

from lapel import metrics
from lapel.metrics.classification import count_classification
from lapel.metrics.detection import DetectionCounts, Matches
from lapel.metrics.grouped import GroupAnswers, GroupedImages
from lapel.metrics.landmarks import LocatedImages
from lapel.metrics.matching import MEASURES
from lapel.metrics.retrieval import Places, RetrievalCounts
from lapel.metrics.segmentation import segment

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


class Counted(Protocol):
    def numbers(self) -> Mapping[str, float]: ...


def located() -> Counted:
    known = np.ones((6, 2), np.bool_)
    near, sure = np.full((6, 2), 0.1, np.float64), np.ones((6, 2), np.float64)
    return LocatedImages(distance=near, visible=known, told=known, said=sure).counts()


def grouped() -> Counted:
    target = np.arange(6)
    group = GroupAnswers(labels=6, target=target, predicted=target, known=target >= 0)
    return GroupedImages(groups={"one": group})


def segmented() -> Counted:
    mask = np.eye(4, dtype=np.uint8)
    return segment(mask, mask, 2).counts()


def detected() -> Counted:
    one = np.zeros(1, np.int64)
    matches = Matches(
        image=one,
        label=one,
        score=np.ones(1),
        match=np.zeros((1, 10), np.int32),
        ignored=np.zeros(1, np.bool_),
    )
    measured = dict.fromkeys(MEASURES, matches)
    return DetectionCounts(labels=1, images=1, image=one, label=one, measured=measured)


def searched() -> Counted:
    return RetrievalCounts.of(Places(places=np.array([1]), starts=np.array([0, 1])))


def every_count() -> list[Counted]:
    return [
        count_classification(np.eye(6), np.arange(6)),
        drawn().counts(),
        grouped(),
        located(),
        segmented(),
        detected(),
        searched(),
    ]


def test_every_kind_of_count_is_looked_at() -> None:
    modules = [
        import_module(f"{metrics.__name__}.{found.name}")
        for found in pkgutil.iter_modules(metrics.__path__)
    ]
    kinds = {
        each
        for module in modules
        for each in vars(module).values()
        if isinstance(each, type)
        and each.__module__ == module.__name__
        and hasattr(each, "numbers")
    }
    assert {type(counts) for counts in every_count()} == kinds


def test_every_number_is_named_on_the_page() -> None:
    numbers = {
        # Those of a search are many: the page says k for the number in their names.
        re.sub(r"_at_\d+$", "_at_k", name) if isinstance(counts, RetrievalCounts) else name
        for counts in every_count()
        for name in counts.numbers()
    }
    named = set(re.findall(r"`(\w+)`", PAGE.read_text(encoding="utf-8")))
    assert sorted(numbers - named) == []
