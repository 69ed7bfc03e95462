"""A dataset as DeepFashion's benchmark would list it: what its layouts are written from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lapel.data.dataset import Dataset
from lapel.data.deepfashion.names import ATTRIBUTE_TASKS, Named, official_categories
from lapel.data.deepfashion.schema import CATEGORY, FINE_TASKS, LANDMARKS_TASK, STATUS
from lapel.data.deepfashion.text import clothes_landmarks, clothes_of
from lapel.data.exporting import places_in
from lapel.schema.annotation import Label, Tags
from lapel.schema.counting import counted
from lapel.schema.errors import UsageError
from lapel.schema.geometry import Box, Landmarks

#: Our splits, as the layouts call them.
STATUS_OF = {ours: theirs for theirs, ours in STATUS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetRow:
    """One picture.

    Attributes:
        image: its name in the dataset.
        place: its file in the layout, ``img/...``.
        split: ours.
        category: one of DeepFashion's.
        box: where the garment is.
        clothes: the number of its type of clothes, 1 upper, 2 lower, 3 full.
        landmarks: those of that type.
        labels: task to the label that its attributes make.
    """

    image: str
    place: str
    split: str
    category: str
    box: Box
    clothes: int
    landmarks: Landmarks
    labels: Mapping[str, Label]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """All pictures, and the names that their labels come from.

    Attributes:
        categories: in the order of their numbers.
        attributes: in the order of their columns.
        rows: the pictures.
        left_out: how many have no category, and so no place in the layout.
        notes: how the dataset was put into it.
    """

    categories: tuple[Named, ...]
    attributes: tuple[Named, ...]
    rows: tuple[SheetRow, ...]
    left_out: int = 0
    notes: tuple[str, ...] = ()

    @property
    def places(self) -> dict[str, str]:
        """Image name to its file in the layout."""
        return {row.image: row.place for row in self.rows}


def coarse_sheet(dataset: Dataset) -> Sheet:
    """The sheet of a dataset with the coarse benchmark's tasks.

    Raises:
        UsageError: it has others, or names that the layout has not.
    """
    tasks = [task for task in ATTRIBUTE_TASKS if _has(dataset, task, "multi_label")]
    named = [
        Named(label, ATTRIBUTE_TASKS.index(task) + 1)
        for task in tasks
        for label in dataset.schema[task].labels
    ]
    # The layout lists attributes of all types together, by name.
    return _sheet(dataset, "deepfashion-coarse", tasks, tuple(sorted(named)))


def fine_sheet(dataset: Dataset) -> Sheet:
    """The sheet of a dataset with the fine annotations' tasks.

    Raises:
        UsageError: it has others, or names that the layout has not.
    """
    tasks = [task for task in FINE_TASKS if _has(dataset, task, "single_label")]
    if len(tasks) != len(FINE_TASKS):
        raise UsageError(_refusal(dataset, "deepfashion-fine", FINE_TASKS))
    named = [
        Named(label, number)
        for number, task in enumerate(FINE_TASKS, start=1)
        for label in dataset.schema[task].labels
    ]
    return _sheet(dataset, "deepfashion-fine", tasks, tuple(named))


def _has(dataset: Dataset, task: str, kind: str) -> bool:
    return any(spec.name == task and spec.kind == kind for spec in dataset.schema)


def _refusal(dataset: Dataset, layout: str, tasks: Sequence[str]) -> str:
    there = ", ".join(f"{spec.name} ({spec.kind})" for spec in dataset.schema)
    return (
        f"layout '{layout}' holds the tasks category, {', '.join(tasks)} and landmarks, or drawn "
        f"garments; found {there}"
    )


def _sheet(
    dataset: Dataset, layout: str, tasks: Sequence[str], attributes: tuple[Named, ...]
) -> Sheet:
    kinds = {CATEGORY: "single_label", LANDMARKS_TASK: "landmarks"}
    if not tasks or not all(_has(dataset, task, kind) for task, kind in kinds.items()):
        raise UsageError(_refusal(dataset, layout, ATTRIBUTE_TASKS))
    _refuse_names(dataset, layout, attributes)
    place = {name: row for row, name in enumerate(dataset.names())}
    categories = dataset.labels(CATEGORY)
    kept = [name for name in dataset.names() if categories[place[name]] is not None]
    places = places_in(dataset, kept, "img")
    columns = {task: dataset.labels(task) for task in (CATEGORY, LANDMARKS_TASK, *tasks)}
    boxes, table = dataset.boxes(), dataset.table
    rows, bare = [], 0
    for name in kept:
        row = place[name]
        bare += boxes[row] is None
        whole = Box(1, 1, table["width"][row] - 1, table["height"][row] - 1)
        labels = {task: _known(dataset, task, its[row]) for task, its in columns.items()}
        rows.append(_row(name, places[name], table["split"][row], boxes[row] or whole, labels))
    notes = (f"without a box, which is now the whole picture: {counted(bare, 'image')}",)
    return Sheet(
        categories=official_categories(),
        attributes=attributes,
        rows=tuple(rows),
        left_out=len(dataset) - len(kept),
        notes=notes if bare else (),
    )


def _known(dataset: Dataset, task: str, label: Label) -> Label:
    """A label; where nobody knows a tag, all of them are unknown one by one."""
    spec = dataset.schema[task]
    return Tags(unknown=spec.labels) if label is None and spec.kind == "multi_label" else label


def _refuse_names(dataset: Dataset, layout: str, attributes: Sequence[Named]) -> None:
    names = [name for name, _ in attributes]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"layout '{layout}' has each attribute once; found {twice[0]!r} twice")
    known = {name for name, _ in official_categories()}
    strange = [label for label in dataset.schema[CATEGORY].labels if label not in known]
    if strange:
        raise UsageError(
            f"layout '{layout}' holds DeepFashion's 50 categories; found {strange[0]!r}; rename "
            "it with `lapel data clean`"
        )


def _row(image: str, place: str, split: str, box: Box, labels: Mapping[str, Label]) -> SheetRow:
    category, found = labels[CATEGORY], labels[LANDMARKS_TASK]
    types = dict(official_categories())
    own = types[category] if isinstance(category, str) else 1
    if not isinstance(found, Landmarks):
        found = Landmarks(unknown=clothes_landmarks(own))
    return SheetRow(
        image=image,
        place=place,
        split=split,
        category=str(category),
        box=box,
        clothes=_clothes(found, own),
        landmarks=found,
        labels=labels,
    )


def _clothes(landmarks: Landmarks, own: int) -> int:
    """The type of clothes whose landmarks a row must have room for."""
    if set(landmarks.names) <= set(clothes_landmarks(own)):
        # Rather what the landmarks say: a list may call the same garment another type.
        return clothes_of(landmarks) or own
    return clothes_of(landmarks) or 3
