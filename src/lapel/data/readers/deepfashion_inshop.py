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
from functools import partial
from pathlib import Path

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
from lapel.data.deepfashion.text import FIRST_ROW, list_rows, read_rows
from lapel.data.progress import Track, silent
from lapel.data.reading.base import Reading
from lapel.schema.annotation import Label
from lapel.schema.counting import counted
from lapel.schema.errors import Fault

POSES = ("front", "side", "back", "zoom-out", "zoom-in", "stand-alone")

#: Status of a picture to its split and role.
STATUS = {"train": ("train", None), "query": ("test", "query"), "gallery": ("test", "gallery")}

#: Parts of a picture's path: img, gender, category, item, file.
PATH_PARTS = 5

#: The tasks of one label with their labels; empty ones have those that occur.
SINGLE: dict[str, tuple[str, ...]] = {
    "category": (),
    "gender": (),
    "clothes_type": CLOTHES_TYPES,
    "pose": POSES,
    "variation": VARIATIONS,
    "colour": (),
}
ATTRIBUTES_TASK = "attributes"

BOX_ROW = "type of clothes (1 to 3), pose (1 to 6), left, top, right, bottom"
NAMED_ROW = "img/GENDER/CATEGORY/ITEM/FILE, its ITEM, and train, query or gallery"


def read_deepfashion_inshop(source: str | Path, *, track: Track = silent) -> Reading:
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


def _read_partition(found: ItemImages) -> None:
    rows = read_rows(found.partition, list, NAMED_ROW, found.faults)
    for line, (name, row) in enumerate(zip(rows.names, rows.values, strict=True), FIRST_ROW):
        words = row or []
        parts = name.split("/")
        item, status = words if len(words) == 2 else ("", "")
        split, role = STATUS.get(status, ("", None))
        if not split or len(parts) != PATH_PARTS or parts[3] != item:
            what, expected = repr(" ".join([name, *words])), NAMED_ROW
        elif name in found.images:
            what, expected = f"{name!r} again", "each image once"
        elif found.splits.setdefault(item, split) != split:
            what = f"{item!r} in {status}"
            expected = f"only {found.splits[item]}, where it was before"
        else:
            labels: dict[str, Label] = {"category": parts[2], "gender": parts[1]}
            found.images[name] = ItemImage(item, role, labels)
            continue
        found.faults.append(Fault(file=rows.file, line=line, found=what, expected=expected))
    if not found.images:
        found.faults.append(Fault(file=rows.file, found="no image", expected="one a row"))


def _read_boxes(found: ItemImages, path: Path) -> None:
    for image, row in found.column(path, partial(kinded_box, kinds=POSES), BOX_ROW):
        found.add_box(image, row.box, {"clothes_type": row.clothes_type, "pose": row.kind})


def _read_colours(found: ItemImages, path: Path) -> None:
    def parse(words: Sequence[str]) -> str | None:
        return " ".join(words) or None

    for image, colour in found.column(path, parse, "a colour"):
        image.labels["colour"] = colour


def _read_attributes(found: ItemImages, path: Path) -> None:
    names = tuple(line.strip() for line in list_rows(path, "attribute_name", found.faults))
    for line, name in enumerate(names, start=FIRST_ROW):
        if not name or name in names[: line - FIRST_ROW]:
            what = f"{name!r} again" if name else "no name"
            fault = Fault(file=str(path), line=line, found=what, expected="each attribute once")
            found.faults.append(fault)
    (values_path,) = needed_files(path.parent, "list_attr_items.txt")
    values = item_attributes(values_path, len(names), found.faults, found.oddities)
    if found.faults:
        return
    found.tags[ATTRIBUTES_TASK] = names
    tags = {item: item_tags(names, row) for item, row in values.items()}
    for image in found.images.values():
        image.labels[ATTRIBUTES_TASK] = tags.get(image.item)


#: What may be missing, where it is looked for, and how it is read.
OPTIONAL: OptionalFiles = {
    "boxes": (("Anno/list_bbox_inshop.txt",), _read_boxes),
    "landmarks": (("Anno/list_landmarks_inshop.txt",), ItemImages.add_landmarks),
    "the list of items": (("Anno/list_item_inshop.txt",), ItemImages.check_items),
    "colours": (
        ("Anno/list_color_cloth.txt", "Anno/attributes/list_color_cloth.txt"),
        _read_colours,
    ),
    "attributes": (
        ("Anno/list_attr_cloth.txt", "Anno/attributes/list_attr_cloth.txt"),
        _read_attributes,
    ),
}


def _notes(found: ItemImages) -> Iterator[str]:
    roles = Counter(image.role or "train" for image in found.images.values())
    items = len({image.item for image in found.images.values()})
    counts = ", ".join(f"{roles[role]:,} {role}" for role in STATUS)
    yield f"{counts}; {counted(items, 'item')}"
    offered = {i.item for i in found.images.values() if i.role == "gallery"}
    alone = sum(i.role == "query" and i.item not in offered for i in found.images.values())
    if alone:
        yield f"queries whose item is not in the gallery, which nobody can answer: {alone:,}"


LAYOUT = ItemLayout(
    name="deepfashion-in-shop",
    called="In-shop Clothes Retrieval Benchmark",
    read_partition=_read_partition,
    optional=OPTIONAL,
    single=SINGLE,
    notes=_notes,
)
