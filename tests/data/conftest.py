"""A dataset with three tasks, one of them of tags."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lapel.data.creating import create_dataset
from lapel.data.images import packed_name
from lapel.schema.annotation import Annotation, Label, Tags
from lapel.schema.labels import Schema, TaskSpec

COLOURS = ("blue", "red", "green")
TAGS = ("hat", "\ubc14\uc9c0", "bag", "skin")


@pytest.fixture
def tagged_dataset(tmp_path: Path) -> Path:
    """Sixty packed pictures with a colour, a style and tags; some answers are unknown."""
    schema = Schema(
        (
            TaskSpec(name="colour", kind="single_label", labels=COLOURS),
            TaskSpec(name="tags", kind="multi_label", labels=TAGS),
            TaskSpec(name="style", kind="single_label", labels=("casual", "formal")),
        )
    )
    rows = [
        Annotation(image=packed_name(row), labels=labels_of(row), split=split_of(row))
        for row in range(60)
    ]
    pictures = np.random.default_rng(0).integers(0, 255, (60, 12, 12, 3), dtype=np.uint8)
    return create_dataset(
        tmp_path / "tagged", name="tagged", schema=schema, annotations=rows, images=pictures
    ).folder


def split_of(row: int) -> str:
    return "validation" if row % 5 == 4 else "train"


def labels_of(row: int) -> dict[str, Label]:
    tags = [tag for tag, every in (("hat", 2), (TAGS[1], 3), ("bag", 4)) if row % every == 0]
    unknown = ("bag",) if row % 4 == 1 else ()
    return {
        "colour": COLOURS[row % 3],
        "style": None if row % 10 == 0 else ("casual", "formal")[row % 2],
        "tags": None if row == 7 else Tags((*tags, "skin"), unknown),
    }
