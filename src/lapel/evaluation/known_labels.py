"""Labels as a model's task can be judged by: what one side does not know is unknown."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from lapel.schema.annotation import Label, Tags
from lapel.schema.geometry import Landmarks
from lapel.schema.labels import TaskSpec
from lapel.schema.masks import ClassMap, lookup


def unknown_as_no(labels: Sequence[Label]) -> list[Label]:
    """Labels by the rule of published code, to which a tag of unknown answer is a no.

    An image of which nothing at all was said stays without a label.
    """
    return [Tags(label.yes) if isinstance(label, Tags) else label for label in labels]


def asked_of(labels: Sequence[Label], there: TaskSpec, spec: TaskSpec) -> Sequence[Label]:
    """A dataset's labels as answers to a model's task.

    A tag that only the model has was never asked of these images: it is unknown, not a no. A
    landmark that only the model has is absent, which is as unknown; a class that only the model has
    is the class of no pixel.

    Args:
        labels: as the dataset has them.
        there: the dataset's task.
        spec: the model's task.
    """
    unasked = tuple(label for label in spec.labels if label not in there.labels)
    if not unasked or spec.kind != "multi_label":
        return labels  # which may be read one at a time, as masks are
    return [
        Tags(label.yes, (*label.unknown, *unasked)) if isinstance(label, Tags) else label
        for label in labels
    ]


def known_to(labels: Sequence[Label], spec: TaskSpec) -> list[Label]:
    """Labels without what a model's task does not know; what is then left unsaid is None."""
    known = frozenset(spec.labels)

    def kept(label: Label) -> Label:
        if isinstance(label, Tags):
            return Tags(
                tuple(word for word in label.yes if word in known),
                tuple(word for word in label.unknown if word in known),
            )
        if isinstance(label, Landmarks):
            return Landmarks(
                {name: point for name, point in label.points.items() if name in known},
                tuple(name for name in label.cut if name in known),
                tuple(name for name in label.unknown if name in known),
            )
        if isinstance(label, ClassMap):
            return _with_known_classes(label, known)
        return label if label in known else None

    return [kept(label) for label in labels]


def _with_known_classes(label: ClassMap, known: Collection[str]) -> ClassMap:
    """A label map whose other classes are unknown."""
    if all(name in known for name in label.labels):
        return label
    kept = [place for place, name in enumerate(label.labels) if name in known]
    return ClassMap(lookup(kept, kept)[label.pixels], label.labels)


def tells(label: Label, spec: TaskSpec) -> bool:
    """Whether a label lets anything be judged: not when every tag is of unknown answer, nor when
    no landmark is anywhere.
    """
    if isinstance(label, Landmarks):
        return bool(label.points or label.cut)
    if isinstance(label, Tags):
        return len(label.unknown) < len(spec.labels)
    return label is not None
