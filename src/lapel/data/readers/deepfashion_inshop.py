"""DeepFashion, In-shop Clothes Retrieval: 52,712 pictures of 7,982 items, as text files.

    Anno/list_bbox_inshop.txt         image, type of clothes, pose, box
    Anno/list_landmarks_inshop.txt    image, type of clothes, variation, triples
    Anno/list_item_inshop.txt         the items; no names of columns
    Anno/list_attr_cloth.txt          names of 463 attributes, blanks within them
    Anno/list_attr_items.txt          item, 463 times 1, -1 or 0
    Anno/list_color_cloth.txt         image, colour
    Eval/list_eval_partition.txt      image, item, train or query or gallery
    Img/img/WOMEN/Dresses/id_00000002/02_1_front.jpg

Later releases have the three before the last in ``Anno/attributes``. A picture's path has the
gender, the category and the item. Queries are answered from the gallery; items of neither are in
train. Source: Liu et al., DeepFashion, CVPR 2016, and the benchmark's ``README.txt``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from lapel.data.deepfashion_lists import (
    PARTITION_FILE,
    UNKNOWN,
    VARIED_LANDMARKS_ROW,
    YES,
    box_with_area,
    check_items,
    found_file,
    image_root,
    item_attributes,
    kinded_box,
    labels_with,
    needed_files,
    varied_landmarks,
)
from lapel.data.deepfashion_places import CLOTHES_TYPES, LANDMARKS, VARIATIONS
from lapel.data.deepfashion_text import FIRST_ROW, ImageOrder, frame_faults, read_rows
from lapel.data.listing import ImageList, text_lines
from lapel.data.progress import Track, silent
from lapel.data.reading import Reading, existing_folder, oddity_notes, refuse, sorted_labels
from lapel.schema.annotation import Annotation, Label, Tags
from lapel.schema.counting import counted
from lapel.schema.errors import Fault
from lapel.schema.geometry import Box
from lapel.schema.labels import Schema, TaskSpec

POSES = ("front", "side", "back", "zoom-out", "zoom-in", "stand-alone")

#: Status of a picture to its split and role.
STATUS = {"train": ("train", None), "query": ("test", "query"), "gallery": ("test", "gallery")}

#: Parts of a picture's path: img, gender, category, item, file.
PATH_PARTS = 5

#: What may be missing, and where it is looked for.
OPTIONAL = {
    "boxes": ("Anno/list_bbox_inshop.txt",),
    "landmarks": ("Anno/list_landmarks_inshop.txt",),
    "the list of items": ("Anno/list_item_inshop.txt",),
    "colours": ("Anno/list_color_cloth.txt", "Anno/attributes/list_color_cloth.txt"),
    "attributes": ("Anno/list_attr_cloth.txt", "Anno/attributes/list_attr_cloth.txt"),
}

BOX_ROW = "type of clothes (1 to 3), pose (1 to 6), left, top, right, bottom"
NAMED_ROW = "img/GENDER/CATEGORY/ITEM/FILE, its ITEM, and train, query or gallery"


@dataclass(slots=True)
class _Image:
    """What is gathered about one picture."""

    item: str
    status: str
    labels: dict[str, Label]
    box: Box | None = None


@dataclass(slots=True)
class _Found:
    """What is gathered file by file."""

    partition: Path
    images: dict[str, _Image] = field(default_factory=dict)
    attributes: tuple[str, ...] = ()
    faults: list[Fault] = field(default_factory=list)
    oddities: Counter[str] = field(default_factory=Counter)

    @property
    def order(self) -> ImageOrder:
        """The images, as other lists must have them."""
        return ImageOrder(file=str(self.partition), names=list(self.images))


def read_deepfashion_inshop(source: str | Path, *, track: Track = silent) -> Reading:
    """The benchmark's folder.

    Args:
        source: the folder that holds ``Anno``, ``Eval`` and ``Img``.
        track: is told how far the work is.

    Raises:
        UsageError: no such folder.
        FormatError: files that do not keep the layout, or images that are missing; all faults
            together.
        StorageError: a file cannot be read.
    """
    root = existing_folder(source)
    (partition,) = needed_files(root, PARTITION_FILE)
    found = _Found(partition)
    _read_partition(found)
    paths = {what: found_file(root, *names) for what, names in OPTIONAL.items()}
    readers = (_read_boxes, _read_landmarks, _read_items, _read_colours, _read_attributes)
    for path, reader in zip(paths.values(), readers, strict=True):
        if path is not None:
            reader(found, path)
    listed = ImageList(image_root(root))
    for name in track(found.images, len(found.images), "Looking for images"):
        listed.add(name, file=str(found.partition), line=None)
    refuse([*found.faults, *listed.faults])
    missing = [what for what, path in paths.items() if path is None]
    return Reading(
        name=root.resolve().name,
        schema=_schema(found),
        annotations=tuple(_annotations(found)),
        images=image_root(root),
        origin="DeepFashion, In-shop Clothes Retrieval Benchmark (Liu et al., CVPR 2016)",
        licence="non-commercial research and education only; no copyright in the images",
        notes=(*_notes(found), *oddity_notes(found.oddities, missing)),
        benchmark="deepfashion-in-shop",
    )


def _read_partition(found: _Found) -> None:
    splits: dict[str, str] = {}
    rows = read_rows(found.partition, list, NAMED_ROW, found.faults)
    for line, (name, row) in enumerate(zip(rows.names, rows.values, strict=True), FIRST_ROW):
        words = row or []
        parts = name.split("/")
        item, status = words if len(words) == 2 else ("", "")
        if status not in STATUS or len(parts) != PATH_PARTS or parts[3] != item:
            what, expected = repr(" ".join([name, *words])), NAMED_ROW
        elif name in found.images:
            what, expected = f"{name!r} again", "each image once"
        elif splits.setdefault(item, STATUS[status][0]) != STATUS[status][0]:
            what, expected = f"{item!r} in {status}", f"only {splits[item]}, where it was before"
        else:
            labels: dict[str, Label] = {"category": parts[2], "gender": parts[1]}
            found.images[name] = _Image(item, status, labels)
            continue
        found.faults.append(Fault(file=rows.file, line=line, found=what, expected=expected))
    if not found.images:
        found.faults.append(Fault(file=rows.file, found="no image", expected="one a row"))


def _read_boxes(found: _Found, path: Path) -> None:
    rows = read_rows(path, partial(kinded_box, kinds=POSES), BOX_ROW, found.faults)
    values = found.order.column(rows, found.faults)
    for image, value in zip(found.images.values(), values, strict=True):
        if value is not None:
            image.labels |= {"clothes_type": value.clothes_type, "pose": value.kind}
            image.box = box_with_area(value.box, found.oddities)


def _read_landmarks(found: _Found, path: Path) -> None:
    rows = read_rows(path, varied_landmarks, VARIED_LANDMARKS_ROW, found.faults)
    values = found.order.column(rows, found.faults)
    for image, value in zip(found.images.values(), values, strict=True):
        if value is not None:
            image.labels = value._asdict() | image.labels


def _read_items(found: _Found, path: Path) -> None:
    items = dict.fromkeys(image.item for image in found.images.values())
    check_items(path, list(items), found.faults)


def _read_colours(found: _Found, path: Path) -> None:
    def parse(words: Sequence[str]) -> str | None:
        return " ".join(words) or None

    rows = read_rows(path, parse, "a colour", found.faults)
    values = found.order.column(rows, found.faults)
    for image, value in zip(found.images.values(), values, strict=True):
        image.labels["colour"] = value


def _read_attributes(found: _Found, path: Path) -> None:
    lines = text_lines(path)
    found.faults += frame_faults(str(path), lines[:2], len(lines) - 2, "attribute_name")
    names = tuple(line.strip() for line in lines[2:])
    for line, name in enumerate(names, start=FIRST_ROW):
        if not name or name in names[: line - FIRST_ROW]:
            what = f"{name!r} again" if name else "no name"
            fault = Fault(file=str(path), line=line, found=what, expected="each attribute once")
            found.faults.append(fault)
    (values_path,) = needed_files(path.parent, "list_attr_items.txt")
    values = item_attributes(values_path, len(names), found.faults, found.oddities)
    if found.faults:
        return
    found.attributes = names
    tags = {
        item: Tags(labels_with(names, row, YES), labels_with(names, row, UNKNOWN))
        for item, row in values.items()
    }
    for image in found.images.values():
        image.labels["attributes"] = tags.get(image.item)


def _schema(found: _Found) -> Schema:
    """Tasks of which something is known; labels in the layout's order, or sorted."""
    rows = [image.labels for image in found.images.values()]
    given: dict[str, tuple[str, ...]] = {
        "category": (),
        "gender": (),
        "clothes_type": CLOTHES_TYPES,
        "pose": POSES,
        "variation": VARIATIONS,
        "colour": (),
    }
    tasks = []
    for name, labels in given.items():
        used = sorted_labels(word for row in rows if isinstance(word := row.get(name), str))
        if used:
            tasks.append(TaskSpec(name=name, kind="single_label", labels=labels or used))
    if found.attributes:
        tasks.append(TaskSpec(name="attributes", kind="multi_label", labels=found.attributes))
    if any("landmarks" in row for row in rows):
        tasks.append(TaskSpec(name="landmarks", kind="landmarks", labels=LANDMARKS))
    return Schema(tuple(tasks))


def _annotations(found: _Found) -> Iterator[Annotation]:
    for name, image in found.images.items():
        split, role = STATUS[image.status]
        yield Annotation(
            image=name,
            labels={task: label for task, label in image.labels.items() if label is not None},
            split=split,
            group=image.item,
            box=image.box,
            role=role,
        )


def _notes(found: _Found) -> Iterator[str]:
    statuses = Counter(image.status for image in found.images.values())
    items = len({image.item for image in found.images.values()})
    counts = ", ".join(f"{statuses[status]:,} {status}" for status in STATUS)
    yield f"{counts}; {counted(items, 'item')}"
    offered = {i.item for i in found.images.values() if i.status == "gallery"}
    alone = sum(i.status == "query" and i.item not in offered for i in found.images.values())
    if alone:
        yield f"queries whose item is not in the gallery, which nobody can answer: {alone:,}"
