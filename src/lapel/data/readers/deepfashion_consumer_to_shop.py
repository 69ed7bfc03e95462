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
from functools import partial
from pathlib import Path

from lapel.data.deepfashion.consumer_attributes import NAMES_FILE, TYPES_FILE, attribute_tasks
from lapel.data.deepfashion.items import (
    ItemImage,
    ItemImages,
    ItemLayout,
    OptionalFiles,
    read_items,
)
from lapel.data.deepfashion.lists import (
    item_attributes,
    item_tags,
    kinded_box,
    needed_files,
)
from lapel.data.deepfashion.places import CLOTHES_TYPES, VARIATIONS
from lapel.data.deepfashion.text import FIRST_ROW, read_rows
from lapel.data.progress import Track, silent
from lapel.data.reading.base import Reading
from lapel.schema.annotation import Label
from lapel.schema.counting import counted
from lapel.schema.errors import Fault

SPLITS = {"train": "train", "val": "validation", "test": "test"}

#: How files of each role are named: as they are, and as they were meant.
NAMES = {"query": ("comsumer_", "consumer_"), "gallery": ("shop_",)}

#: Sources 1 and 2 in the list of boxes, as roles.
SOURCES = ("gallery", "query")

#: Parts of a picture's path: img, department, category, item, file.
PATH_PARTS = 5

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


def read_deepfashion_consumer_to_shop(source: str | Path, *, track: Track = silent) -> Reading:
    """The benchmark's folder.

    Args:
        source: the folder that holds ``Anno``, ``Eval`` and ``Img``.
        track: is told how far the work is.

    Raises:
        UsageError: no such folder, or one above or below the benchmark's.
        FormatError: files that do not keep the layout, or images that are missing; all faults
            together.
        StorageError: a file cannot be read.
    """
    return read_items(source, LAYOUT, track)


def _read_pairs(found: ItemImages) -> None:
    rows = read_rows(found.partition, list, PAIR_ROW, found.faults, header="image_pair_name_1")
    for line, (consumer, row) in enumerate(zip(rows.names, rows.values, strict=True), FIRST_ROW):
        words = row or []
        shop, item, status = words if len(words) == 3 else ("", "", "")
        split = SPLITS.get(status, "")
        pair = {consumer: _image(consumer, item), shop: _image(shop, item)}
        images = {name: image for name, image in pair.items() if image is not None}
        if not split or [one.role for one in images.values()] != ["query", "gallery"]:
            what, expected = repr(" ".join([consumer, *words])), PAIR_ROW
        elif found.splits.setdefault(item, split) != split:
            before = next(word for word, name in SPLITS.items() if name == found.splits[item])
            what, expected = f"{item!r} in {status}", f"only {before}, as before"
        else:
            found.pairs += 1
            for name, image in images.items():
                found.images.setdefault(name, image)
            continue
        found.faults.append(Fault(file=rows.file, line=line, found=what, expected=expected))
    if not found.images:
        found.faults.append(Fault(file=rows.file, found="no pair", expected="one a row"))


def _image(name: str, item: str | None = None) -> ItemImage | None:
    """What the path of an image says; None where it is none of the layout's, or of this item."""
    parts = name.split("/")
    role = next((r for r, begins in NAMES.items() if parts[-1].startswith(begins)), None)
    if len(parts) != PATH_PARTS or role is None or item not in {None, parts[3]}:
        return None
    labels: dict[str, Label] = {"category": parts[2], "department": parts[1]}
    return ItemImage(parts[3], role, labels)


def _read_boxes(found: ItemImages, path: Path) -> None:
    rows = read_rows(path, partial(kinded_box, kinds=SOURCES), BOX_ROW, found.faults)
    _add_unpaired(found, rows.names)
    for image, row in found.matched(rows):
        found.add_box(image, row.box, {"clothes_type": row.clothes_type})
        found.oddities[OTHER_SOURCE] += row.kind != image.role


def _add_unpaired(found: ItemImages, names: Sequence[str]) -> None:
    """Take images down that have a box and are in no pair."""
    for name in names:
        image = None if name in found.images else _image(name)
        if image is not None:
            found.images[name] = image
            found.oddities[NO_PAIR if image.item in found.splits else NO_SPLIT] += 1


def _read_attributes(found: ItemImages, path: Path) -> None:
    _, values_path = needed_files(path.parent, TYPES_FILE, "list_attr_items.txt")
    tasks = attribute_tasks(path.parent, TAKEN, found.faults)
    count = sum(len(task.places) for task in tasks)
    values = item_attributes(values_path, count, found.faults, found.oddities)
    if found.faults:
        return
    found.tags |= {task.name: task.labels for task in tasks}
    tags: dict[str, dict[str, Label]] = {
        item: {task.name: item_tags(task.labels, [row[p] for p in task.places]) for task in tasks}
        for item, row in values.items()
    }
    for image in found.images.values():
        image.labels |= tags.get(image.item, {})


#: What may be missing, where it is looked for, and how it is read.
OPTIONAL: OptionalFiles = {
    "boxes": (("Anno/list_bbox_consumer2shop.txt",), _read_boxes),
    "landmarks": (("Anno/list_landmarks_consumer2shop.txt",), ItemImages.add_landmarks),
    "the list of items": (("Anno/list_item_consumer2shop.txt",), ItemImages.check_items),
    "attributes": ((f"Anno/{NAMES_FILE}",), _read_attributes),
}


def _notes(found: ItemImages) -> Iterator[str]:
    roles = Counter(image.role for image in found.images.values())
    yield (
        f"{counted(roles['query'], 'photo')} of consumers (queries), {roles['gallery']:,} of shops "
        f"(gallery); {counted(found.pairs, 'pair')} of {counted(len(found.splits), 'item')}"
    )


LAYOUT = ItemLayout(
    name="deepfashion-consumer-to-shop",
    called="Consumer-to-shop Clothes Retrieval Benchmark",
    read_partition=_read_pairs,
    optional=OPTIONAL,
    single=SINGLE,
    notes=_notes,
)
