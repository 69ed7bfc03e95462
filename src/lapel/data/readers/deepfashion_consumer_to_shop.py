"""DeepFashion, Consumer-to-shop Clothes Retrieval: 239,557 pictures of 33,881 items.

    Anno/list_bbox_consumer2shop.txt       image, type of clothes, source (1 shop, 2 consumer), box
    Anno/list_landmarks_consumer2shop.txt  image, type of clothes, variation, triples
    Anno/list_item_consumer2shop.txt       the items; no names of columns
    Anno/list_attr_cloth.txt               303 attributes: Chinese, English, type
    Anno/list_attr_type.txt                their types: Chinese, English
    Anno/list_attr_items.txt               item, 303 times 1, -1 or 0
    Eval/list_eval_partition.txt           a consumer's image, a shop's image, item, split
    Img/img/CLOTHING/Blouse_Shirt/id_00000001/comsumer_01.jpg
    Img/img/CLOTHING/Blouse_Shirt/id_00000001/shop_01.jpg

"comsumer" is the layout's own spelling. A row of the partition is a pair, so most images stand in
several. Consumers' photos are searched with (role ``query``), shops' are searched among (role
``gallery``). Source: Liu et al., DeepFashion, CVPR 2016, and the benchmark's ``README.txt``.
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
from lapel.data.deepfashion_text import FIRST_ROW, ImageOrder, read_rows
from lapel.data.deepfashion_words import NAMES_FILE, TYPES_FILE, AttributeTask, attribute_tasks
from lapel.data.listing import ImageList
from lapel.data.progress import Track, silent
from lapel.data.reading import Reading, existing_folder, oddity_notes, refuse, sorted_labels
from lapel.schema.annotation import Annotation, Label, Tags
from lapel.schema.counting import counted
from lapel.schema.errors import Fault
from lapel.schema.geometry import Box
from lapel.schema.labels import Schema, TaskSpec

SPLITS = {"train": "train", "val": "validation", "test": "test"}

#: How files of each role are named: as they are, and as they were meant.
NAMES = {"query": ("comsumer_", "consumer_"), "gallery": ("shop_",)}

#: Sources 1 and 2 in the list of boxes, as roles.
SOURCES = ("gallery", "query")

#: Parts of a picture's path: img, department, category, item, file.
PATH_PARTS = 5

#: What may be missing, and where it is looked for.
OPTIONAL = {
    "boxes": "Anno/list_bbox_consumer2shop.txt",
    "landmarks": "Anno/list_landmarks_consumer2shop.txt",
    "the list of items": "Anno/list_item_consumer2shop.txt",
    "attributes": f"Anno/{NAMES_FILE}",
}

#: Tasks that are no attributes: those of one label with their labels, empty for those in paths.
SINGLE: dict[str, tuple[str, ...]] = {
    "category": (),
    "department": (),
    "clothes_type": CLOTHES_TYPES,
    "variation": VARIATIONS,
}
TAKEN = frozenset({*SINGLE, "landmarks"})

PAIR_ROW = "img/DEPARTMENT/CATEGORY/ITEM/ twice, comsumer_NN.jpg, shop_NN.jpg; ITEM, a split"
BOX_ROW = "type of clothes (1 to 3), source (1 or 2), left, top, right, bottom"

NO_PAIR = "images in no pair, taken into the split of their item"
NO_SPLIT = "images in no pair, of items in no pair, left out"
OTHER_SOURCE = "images whose source is not what their name says"


@dataclass(slots=True)
class _Image:
    """What is gathered about one picture."""

    role: str
    item: str
    labels: dict[str, Label]
    box: Box | None = None


@dataclass(slots=True)
class _Found:
    """What is gathered file by file."""

    partition: Path
    images: dict[str, _Image] = field(default_factory=dict)
    splits: dict[str, str] = field(default_factory=dict)
    pairs: int = 0
    attributes: tuple[AttributeTask, ...] = ()
    tags: dict[str, dict[str, Label]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    oddities: Counter[str] = field(default_factory=Counter)

    @property
    def order(self) -> ImageOrder:
        """The images, as other lists must have them."""
        return ImageOrder(file=str(self.partition), names=list(self.images))


def read_deepfashion_consumer_to_shop(source: str | Path, *, track: Track = silent) -> Reading:
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
    _read_pairs(found)
    paths = {what: found_file(root, name) for what, name in OPTIONAL.items()}
    readers = (_read_boxes, _read_landmarks, _read_items, _read_attributes)
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
        origin="DeepFashion, Consumer-to-shop Clothes Retrieval Benchmark (Liu et al., CVPR 2016)",
        licence="non-commercial research and education only; no copyright in the images",
        notes=(_summary(found), *oddity_notes(found.oddities, missing)),
        benchmark="deepfashion-consumer-to-shop",
    )


def _read_pairs(found: _Found) -> None:
    rows = read_rows(found.partition, list, PAIR_ROW, found.faults, header="image_pair_name_1")
    for line, (consumer, row) in enumerate(zip(rows.names, rows.values, strict=True), FIRST_ROW):
        words = row or []
        shop, item, status = words if len(words) == 3 else ("", "", "")
        pair = {consumer: _image(consumer, item), shop: _image(shop, item)}
        images = {name: image for name, image in pair.items() if image is not None}
        if status not in SPLITS or [one.role for one in images.values()] != ["query", "gallery"]:
            what, expected = repr(" ".join([consumer, *words])), PAIR_ROW
        elif found.splits.setdefault(item, status) != status:
            what, expected = f"{item!r} in {status}", f"only {found.splits[item]}, as before"
        else:
            found.pairs += 1
            for name, image in images.items():
                found.images.setdefault(name, image)
            continue
        found.faults.append(Fault(file=rows.file, line=line, found=what, expected=expected))
    if not found.images:
        found.faults.append(Fault(file=rows.file, found="no pair", expected="one a row"))


def _image(name: str, item: str | None = None) -> _Image | None:
    """What the path of an image says; None where it is none of the layout's, or of this item."""
    parts = name.split("/")
    role = next((r for r, begins in NAMES.items() if parts[-1].startswith(begins)), None)
    if len(parts) != PATH_PARTS or role is None or item not in {None, parts[3]}:
        return None
    return _Image(role, parts[3], {"category": parts[2], "department": parts[1]})


def _read_boxes(found: _Found, path: Path) -> None:
    rows = read_rows(path, partial(kinded_box, kinds=SOURCES), BOX_ROW, found.faults)
    _add_unpaired(found, rows.names)
    values = found.order.column(rows, found.faults)
    for image, value in zip(found.images.values(), values, strict=True):
        if value is not None:
            image.labels["clothes_type"] = value.clothes_type
            image.box = box_with_area(value.box, found.oddities)
            found.oddities[OTHER_SOURCE] += value.kind != image.role


def _add_unpaired(found: _Found, names: Sequence[str]) -> None:
    """Take images down that have a box and are in no pair."""
    for name in names:
        image = None if name in found.images else _image(name)
        if image is not None:
            found.images[name] = image
            found.oddities[NO_PAIR if image.item in found.splits else NO_SPLIT] += 1


def _read_landmarks(found: _Found, path: Path) -> None:
    rows = read_rows(path, varied_landmarks, VARIED_LANDMARKS_ROW, found.faults)
    values = found.order.column(rows, found.faults)
    for image, value in zip(found.images.values(), values, strict=True):
        if value is not None:
            image.labels = value._asdict() | image.labels


def _read_items(found: _Found, path: Path) -> None:
    check_items(path, list(found.splits), found.faults)


def _read_attributes(found: _Found, path: Path) -> None:
    _, values_path = needed_files(path.parent, TYPES_FILE, "list_attr_items.txt")
    found.attributes = attribute_tasks(path.parent, TAKEN, found.faults)
    count = sum(len(task.places) for task in found.attributes)
    values = item_attributes(values_path, count, found.faults, found.oddities)
    if found.faults:
        return
    for item, row in values.items():
        found.tags[item] = {task.name: _tags(task, row) for task in found.attributes}


def _tags(task: AttributeTask, row: tuple[str, ...]) -> Tags:
    values = [row[place] for place in task.places]
    return Tags(labels_with(task.labels, values, YES), labels_with(task.labels, values, UNKNOWN))


def _schema(found: _Found) -> Schema:
    """Tasks of which something is known; labels in the layout's order, or sorted."""
    rows = [image.labels for image in found.images.values()]
    tasks = []
    for name, labels in SINGLE.items():
        used = sorted_labels(word for row in rows if isinstance(word := row.get(name), str))
        if used:
            tasks.append(TaskSpec(name=name, kind="single_label", labels=labels or used))
    tasks += [
        TaskSpec(name=task.name, kind="multi_label", labels=task.labels)
        for task in found.attributes
    ]
    if any("landmarks" in row for row in rows):
        tasks.append(TaskSpec(name="landmarks", kind="landmarks", labels=LANDMARKS))
    return Schema(tuple(tasks))


def _annotations(found: _Found) -> Iterator[Annotation]:
    for name, image in found.images.items():
        if image.item in found.splits:
            yield Annotation(
                image=name,
                labels=image.labels | found.tags.get(image.item, {}),
                split=SPLITS[found.splits[image.item]],
                group=image.item,
                box=image.box,
                role=image.role,
            )


def _summary(found: _Found) -> str:
    roles = Counter(image.role for image in found.images.values())
    return (
        f"{counted(roles['query'], 'photo')} of consumers (queries), {roles['gallery']:,} of shops "
        f"(gallery); {counted(found.pairs, 'pair')} of {counted(len(found.splits), 'item')}"
    )
