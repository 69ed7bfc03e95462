"""What is known of one image before any model has seen it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lapel.schema.errors import SchemaError
from lapel.schema.garments import Garments
from lapel.schema.geometry import Box, Landmarks
from lapel.schema.masks import ClassMap


@dataclass(frozen=True, slots=True)
class Tags:
    """What is known about "which of these?": every label that is in neither is a no.

    Attributes:
        yes: the labels that hold.
        unknown: the labels of which nobody knows; they take part in neither loss nor score.

    Raises:
        SchemaError: a label that is both, or twice in one.
    """

    yes: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        words = [*self.yes, *self.unknown]
        if len(set(words)) != len(words):
            twice = sorted({word for word in words if words.count(word) > 1})
            raise SchemaError(f"tags name these labels twice: {', '.join(twice)}")

    def ordered(self, labels: Sequence[str]) -> Tags:
        """The same in the order of a schema's labels; others come last, sorted."""
        place = {label: index for index, label in enumerate(labels)}

        def sort(words: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(sorted(words, key=lambda word: (place.get(word, len(place)), word)))

        return Tags(sort(self.yes), sort(self.unknown))


#: A label as annotated; ``None`` means unknown. Each kind of task says which values it takes:
#: ``single_label`` one of its label names, ``multi_label`` :class:`Tags`, ``landmarks``
#: :class:`~lapel.schema.geometry.Landmarks`, whose names are the task's labels, ``segmentation``
#: :class:`~lapel.schema.masks.ClassMap`, ``garments`` :class:`~lapel.schema.garments.Garments`.
Label = str | Tags | Landmarks | ClassMap | Garments | None


def held(label: Label) -> tuple[str, ...]:
    """The label names that hold: the one, the tags that are a yes, the landmarks whose place is
    known, the classes that some pixel has, the categories of the garments that are there; or none.
    """
    if isinstance(label, Tags):
        return label.yes
    if isinstance(label, Landmarks):
        return tuple(label.points)
    if isinstance(label, ClassMap | Garments):
        return label.held
    return () if label is None else (label,)


def mentioned(label: Label) -> tuple[str, ...]:
    """The label names that occur in a label, those of unknown answer included."""
    if isinstance(label, Landmarks):
        return label.names
    return (*label.yes, *label.unknown) if isinstance(label, Tags) else held(label)


#: The splits that every layout's own names are mapped to.
SPLITS = ("train", "validation", "test")

#: What a picture is for in a benchmark of retrieval: it is searched with, or searched among.
ROLES = ("query", "gallery")

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
        labels: task name to label; a task left out is unknown. Those of ``segmentation`` and
            ``garments`` tasks stand elsewhere, see ``lapel.data.reading.base.Reading``.
        split: one of ``SPLITS``, or None where the layout has no splits.
        group: what it is a picture of, where several images show one item.
        box: where the garment is in it, where the layout says; models may look at that alone.
        role: one of ``ROLES``, in benchmarks of retrieval.
    """

    image: str
    labels: Mapping[str, Label]
    split: str | None = None
    group: str | None = None
    box: Box | None = None
    role: str | None = None
