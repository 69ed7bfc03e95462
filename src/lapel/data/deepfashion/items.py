"""What DeepFashion's two benchmarks of retrieval share: pictures of items, file by file.

One list names the pictures with their items and splits; boxes, landmarks, the list of items and
attributes may be missing, and each that is there has a row for every picture, or item.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lapel.data.deepfashion.lists import (
    LICENCE,
    PARTITION_FILE,
    VARIED_LANDMARKS_ROW,
    box_with_area,
    check_items,
    found_file,
    image_root,
    needed_files,
    varied_landmarks,
)
from lapel.data.deepfashion.places import LANDMARKS
from lapel.data.deepfashion.text import ImageOrder, Rows, Value, read_rows
from lapel.data.progress import Track
from lapel.data.reading.base import Reading, oddity_notes, refuse, sorted_labels
from lapel.data.reading.benchmark_folder import benchmark_folder
from lapel.data.reading.listing import ImageList
from lapel.schema.annotation import Annotation, Label
from lapel.schema.errors import Fault
from lapel.schema.geometry import Box
from lapel.schema.labels import Schema, TaskSpec


@dataclass(slots=True)
class ItemImage:
    """What is gathered about one picture.

    Attributes:
        item: what it shows.
        role: ``query`` or ``gallery``; None in train, where there are no roles.
        labels: task to label.
        box: where the garment is.
    """

    item: str
    role: str | None
    labels: dict[str, Label]
    box: Box | None = None


@dataclass(slots=True)
class ItemImages:
    """What is gathered file by file.

    Attributes:
        partition: the list that names the pictures.
        images: name to what is known of it.
        splits: item to split.
        pairs: rows of the partition, where each is a pair of pictures.
        tags: tasks of attributes with their labels.
        faults: what is wrong.
        oddities: what was mended or is strange, and how often.
    """

    partition: Path
    images: dict[str, ItemImage] = field(default_factory=dict)
    splits: dict[str, str] = field(default_factory=dict)
    pairs: int = 0
    tags: dict[str, tuple[str, ...]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    oddities: Counter[str] = field(default_factory=Counter)

    def column(
        self, path: Path, parse: Callable[[Sequence[str]], Value | None], expected: str
    ) -> Iterator[tuple[ItemImage, Value]]:
        """Each picture with what a list says of it; see :func:`read_rows` for the arguments."""
        return self.matched(read_rows(path, parse, expected, self.faults))

    def matched(self, rows: Rows[Value]) -> Iterator[tuple[ItemImage, Value]]:
        """Each picture with its row; those without one, or whose row is at fault, are left out."""
        order = ImageOrder(file=str(self.partition), names=list(self.images))
        values = order.column(rows, self.faults)
        for image, value in zip(self.images.values(), values, strict=True):
            if value is not None:
                yield image, value

    def add_box(self, image: ItemImage, box: Box, labels: Mapping[str, Label]) -> None:
        """Take down a box, and what else its row says."""
        image.labels |= labels
        image.box = box_with_area(box, self.oddities)

    def add_landmarks(self, path: Path) -> None:
        """Take down landmarks, the type of clothes and the variation."""
        for image, value in self.column(path, varied_landmarks, VARIED_LANDMARKS_ROW):
            image.labels = value._asdict() | image.labels

    def check_items(self, path: Path) -> None:
        """Refuse items that a list of all items lacks."""
        check_items(path, list(self.splits), self.faults)

    def look_for_images(self, root: Path, track: Track) -> None:
        """Look for the pictures, and refuse all faults together.

        Raises:
            FormatError: there are any.
        """
        listed = ImageList(image_root(root))
        for name in track(self.images, len(self.images), "Looking for images"):
            listed.add(name, file=str(self.partition), line=None)
        refuse([*self.faults, *listed.faults])

    def annotations(self) -> Iterator[Annotation]:
        """A row a picture whose item is in a split."""
        for name, image in self.images.items():
            if image.item in self.splits:
                labels = {task: label for task, label in image.labels.items() if label is not None}
                yield Annotation(
                    image=name,
                    labels=labels,
                    split=self.splits[image.item],
                    group=image.item,
                    box=image.box,
                    role=image.role,
                )

    def schema(self, single: Mapping[str, tuple[str, ...]]) -> Schema:
        """The tasks of which something is known.

        Args:
            single: tasks of one label with their labels in the layout's order; empty ones have
                those that occur, sorted.
        """
        rows = [image.labels for image in self.images.values()]
        tasks = []
        for name, labels in single.items():
            used = sorted_labels(word for row in rows if isinstance(word := row.get(name), str))
            if used:
                tasks.append(TaskSpec(name=name, kind="single_label", labels=labels or used))
        tasks += [
            TaskSpec(name=name, kind="multi_label", labels=labels)
            for name, labels in self.tags.items()
        ]
        if any("landmarks" in row for row in rows):
            tasks.append(TaskSpec(name="landmarks", kind="landmarks", labels=LANDMARKS))
        return Schema(tuple(tasks))


#: What may be missing: what it is called, where it is looked for, and who reads it.
OptionalFiles = Mapping[str, tuple[Sequence[str], Callable[[ItemImages, Path], None]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemLayout:
    """What one of the two benchmarks has of its own.

    Attributes:
        name: of the benchmark.
        called: in full.
        read_partition: takes down pictures, items and splits.
        optional: files that may be missing.
        single: the tasks of one label; see :meth:`ItemImages.schema`.
        notes: what is in it, in sentences.
    """

    name: str
    called: str
    read_partition: Callable[[ItemImages], None]
    optional: OptionalFiles
    single: Mapping[str, tuple[str, ...]]
    notes: Callable[[ItemImages], Iterator[str]]


def read_items(source: str | Path, layout: ItemLayout, track: Track) -> Reading:
    """The folder of a benchmark of retrieval; for arguments and errors see its reader."""
    files = (name for names, _ in layout.optional.values() for name in names)
    root = benchmark_folder(source, (PARTITION_FILE, *files))
    (partition,) = needed_files(root, PARTITION_FILE)
    found = ItemImages(partition)
    layout.read_partition(found)
    missing = []
    for called, (names, read) in layout.optional.items():
        path = found_file(root, *names)
        if path is None:
            missing.append(called)
        else:
            read(found, path)
    found.look_for_images(root, track)
    return Reading(
        name=root.resolve().name,
        schema=found.schema(layout.single),
        annotations=tuple(found.annotations()),
        images=image_root(root),
        origin=f"DeepFashion, {layout.called} (Liu et al., CVPR 2016)",
        licence=LICENCE,
        notes=(*layout.notes(found), *oddity_notes(found.oddities, missing)),
        benchmark=layout.name,
    )
