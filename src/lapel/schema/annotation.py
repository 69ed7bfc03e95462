"""What is known of one image before any model has seen it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: A label as annotated; ``None`` means unknown. Each kind of task says which values it takes
#: (``single_label``: one of its label names).
Label = str | None

#: The splits that every layout's own names are mapped to.
SPLITS = ("train", "validation", "test")

#: Other spellings of the splits, as found in public layouts.
SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "valid": "validation",
    "val": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """One image and its labels, as a reader yields it.

    Attributes:
        image: where its bytes are, relative to the dataset's image root, with ``/``.
        labels: task name to label; a task left out is unknown.
        split: one of ``SPLITS``, or None where the layout has no splits.
        group: what it is a picture of, where several images show one item.
    """

    image: str
    labels: Mapping[str, Label]
    split: str | None = None
    group: str | None = None
