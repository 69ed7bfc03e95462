"""Label maps, Clothing Co-Parsing and COCO's JSON, and twenty ways and more to spoil each."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pixel_writers import (
    HEIGHT,
    WIDTH,
    cells,
    known_map,
    png,
    write_ccp,
    write_coco,
    write_map,
    write_masks,
    write_matlab,
)
from reader_rig import (
    Damage,
    Rig,
    Spoil,
    append,
    both,
    link_folder,
    link_out,
    patch,
    remove,
    swap,
)

LIST = "pixels/labels.csv"
MAP = "pixels/masks/0001.png"


def _bytes(name: str, data: bytes) -> Spoil:
    return patch(name, lambda _: data)


def _claims(data: bytes, width: int, height: int) -> bytes:
    """A PNG whose header claims a size."""
    header = data[12:16] + struct.pack(">II", width, height) + data[24:29]
    return data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:]


def _jpeg() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(known_map(1)).save(buffer, "JPEG")
    return buffer.getvalue()


def _with(value: int) -> NDArray[np.uint8]:
    values = known_map(1)
    values[5, 5] = value
    return values


def _remove_pictures(root: Path) -> None:
    for path in [*root.glob("pixels/photos/*"), *root.glob("pixels/masks/*")]:
        path.unlink()


def _folders(*names: str) -> Spoil:
    def spoil(root: Path) -> None:
        for name in names:
            (root / name).mkdir(parents=True)

    return spoil


def _listed(line: str, says: str) -> Damage:
    return Damage(spoil=append(LIST, line), says=f"labels.csv, line 7: found {says}")


def _mapped(data: Callable[[], bytes], says: str) -> Damage:
    return Damage(spoil=lambda root: (root / MAP).write_bytes(data()), says=f"0001.png: {says}")


MASKS_DAMAGES = {
    "list without names": Damage(
        spoil=swap(LIST, "id,name", "id,words"),
        says="labels.csv, line 1: found the columns id, words, expected id and name",
    ),
    "list without classes": Damage(spoil=_bytes(LIST, b"id,name\n"), says="found no class, expect"),
    "list that is empty": Damage(spoil=_bytes(LIST, b""), says="labels.csv: found no text"),
    "list that is no text": Damage(
        spoil=patch(LIST, lambda data: data + b"\x81\x8d\n"), says="found bytes that are no text"
    ),
    "value twice": _listed("7,boots", "7 again, expected each number once"),
    "name twice": _listed("9,top", "'top' again, expected each name once"),
    "value that is a word": _listed("x,boots", '"x" as the value of a class, expected 0 to 65535'),
    "value too large": _listed("70000,boots", '"70000" as the value of a class'),
    "class without a name": _listed("9,", '"" as a class, expected a name'),
    "row too long": _listed("9,boots,more", "3 cells (9, boots, more), expected 2"),
    "colour that is none": Damage(
        spoil=_bytes(LIST, b"id,name,colour\n0,background,#00\n"),
        says='labels.csv, line 2: found "#00" as a colour, expected #rrggbb',
    ),
    "colour twice": Damage(
        spoil=_bytes(LIST, b"id,name,colour\n0,background,#000000\n1,top,000000\n"),
        says="labels.csv, line 3: found #000000 again, expected each colour once",
    ),
    "map torn": Damage(
        spoil=patch(MAP, lambda data: data[: len(data) // 2]), says="0001.png: torn or damaged ("
    ),
    "map with a flipped bit": Damage(
        spoil=patch(MAP, lambda data: data[:45] + bytes([data[45] ^ 4]) + data[46:]),
        says="0001.png: torn or damaged (",
    ),
    "map empty": _mapped(lambda: b"", "found bytes that begin with b'', expected PNG"),
    "map that is a JPEG": _mapped(_jpeg, "found JPEG, expected PNG: other formats change the"),
    "map that is a web page": _mapped(lambda: b"<!DOCTYPE html>404", "found bytes that begin with"),
    "map that claims to be huge": _mapped(
        lambda: _claims(png(known_map(1)), 65000, 65000), "far more pixels than are ever decoded"
    ),
    "map that claims to be large": _mapped(
        lambda: _claims(png(known_map(1)), 8000, 8000), "8000 x 8000 pixels, the limit is 40 mi"
    ),
    "map in colour": _mapped(
        lambda: png(np.zeros((HEIGHT, WIDTH, 3), np.uint8)),
        "found a label map in colour, expected numbers of classes, or a list of the classes with",
    ),
    "value of no class": _mapped(
        lambda: png(_with(3)), "found pixels of 3, expected values of the list of classes"
    ),
    "wide value of no class": _mapped(
        lambda: png(known_map(1).astype(np.uint16) * 300), "found pixels of 300, 600, 2100, 10964"
    ),
    "map missing": Damage(
        spoil=remove(MAP),
        says="photos/0001.jpg: found no label map, expected one called 0001.png",
    ),
    "photo missing": Damage(
        spoil=remove("pixels/photos/0001.jpg"), says="0001.png: found no photo, expected one in"
    ),
    "two photos of one map": Damage(
        spoil=lambda root: write_map(root / "pixels/photos/0001.png", known_map(1)),
        says="photos/0001.png: found photos/0001.jpg with the same label map, expected one map a",
    ),
    "no photo": Damage(spoil=_remove_pictures, says="photos: found no photo, expected some"),
    "photo that is a link outside": Damage(
        spoil=link_out("pixels/photos/0009.png"),
        says="0009.png: found a link that leads out of the folder",
    ),
    "map that is a link outside": Damage(
        spoil=both(remove(MAP), link_out(MAP)),
        says="0001.png: found a link that leads out of the folder",
    ),
    "folder of photos that is a link": Damage(
        spoil=link_folder("pixels/photos/more"), says="more: found a link to a folder"
    ),
    "folder of maps that is a link": Damage(
        spoil=link_folder("pixels/masks/more"), says="more: found a link to a folder"
    ),
    "splits beside others": Damage(
        spoil=_folders("pixels/photos/train", "pixels/photos/mine"),
        says="photos: found folders named like splits (train) beside others (mine)",
    ),
}

PIXEL = "ccp/annotations/pixel-level/0001.mat"
TAGS = "ccp/annotations/image-level/0004.mat"
NAMES = "ccp/label_list.mat"


def _matlab(name: str, says: str, **variables: object) -> Damage:
    short = name.rpartition("/")[2]
    return Damage(
        spoil=lambda root: write_matlab(root / name, **variables), says=f"{short}: found {says}"
    )


def _newer(data: bytes) -> bytes:
    """The head of a file of MATLAB 7.3, which is HDF5."""
    return data[:124] + b"\x00\x02IM" + data[128:]


def _remove_maps(root: Path) -> None:
    for path in root.glob("ccp/annotations/pixel-level/*"):
        path.unlink()


CCP_DAMAGES = {
    "no list": Damage(
        spoil=remove(NAMES), says="label_list.mat: found nothing, expected the names"
    ),
    "list that is none": Damage(
        spoil=_bytes(NAMES, b"null, blouse"), says="label_list.mat: found bytes that are no such"
    ),
    "list of another name": _matlab(
        NAMES, "no variable 'label_list', expected a file of MATLAB", names=cells(("a", "b"))
    ),
    "names twice": _matlab(
        NAMES, "'skirt' twice, expected each once", label_list=cells(("null", "skirt", "skirt"))
    ),
    "names that are empty": _matlab(
        NAMES, "'label_list' with 2 texts in 2 cells", label_list=cells(("null", " "))
    ),
    "list of 7.3": Damage(
        spoil=patch(NAMES, _newer), says="label_list.mat: found a file of MATLAB 7.3 (HDF5), expect"
    ),
    "no maps": Damage(spoil=_remove_maps, says="pixel-level: found no file, expected some .mat"),
    "map torn": Damage(
        spoil=patch(PIXEL, lambda data: data[: len(data) // 2]), says="0001.mat: found "
    ),
    "map cut in its head": Damage(
        spoil=patch(PIXEL, lambda data: data[:60]), says="0001.mat: found bytes that are no such"
    ),
    "map empty": Damage(spoil=_bytes(PIXEL, b""), says="0001.mat: found bytes that are no such"),
    "map that is a picture": Damage(
        spoil=_bytes(PIXEL, png(known_map(1))), says="0001.mat: found bytes that are no such file"
    ),
    "map of 7.3": Damage(
        spoil=patch(PIXEL, _newer), says="0001.mat: found a file of MATLAB 7.3 (HDF5)"
    ),
    "map of another name": _matlab(PIXEL, "no variable 'groundtruth'", truth=known_map(1)),
    "map of three dimensions": _matlab(
        PIXEL,
        "'groundtruth' of (10, 12, 3), expected a number a pixel",
        groundtruth=np.zeros((HEIGHT, WIDTH, 3), np.uint8),
    ),
    "map below 0": _matlab(
        PIXEL, "'groundtruth' of int16", groundtruth=np.full((HEIGHT, WIDTH), -1, np.int16)
    ),
    "map of fractions": _matlab(
        PIXEL, "'groundtruth' of float64", groundtruth=np.full((HEIGHT, WIDTH), 0.5)
    ),
    "map of NaN": _matlab(
        PIXEL, "'groundtruth' of float64", groundtruth=np.full((HEIGHT, WIDTH), np.nan)
    ),
    "map of texts": _matlab(PIXEL, "'groundtruth' of", groundtruth=cells(("null", "skirt"))),
    "map without a pixel": _matlab(
        PIXEL, "'groundtruth' of uint8 (0, 0)", groundtruth=np.zeros((0, 0), np.uint8)
    ),
    "value of no class": _matlab(
        PIXEL,
        "pixels of 4, expected values of the list of classes",
        groundtruth=np.full((HEIGHT, WIDTH), 4, np.uint8),
    ),
    "photo missing": Damage(
        spoil=remove("ccp/photos/0001.jpg"), says="0001.mat: found 'photos/0001.jpg', expected a"
    ),
    "tagged photo missing": Damage(
        spoil=remove("ccp/photos/0004.jpg"), says="0004.mat: found 'photos/0004.jpg', expected a"
    ),
    "photo that is a link outside": Damage(
        spoil=both(remove("ccp/photos/0001.jpg"), link_out("ccp/photos/0001.jpg")),
        says="'photos/0001.jpg' leads out of",
    ),
    "tags torn": Damage(
        spoil=patch(TAGS, lambda data: data[:100]), says="0004.mat: found bytes that are no such"
    ),
    "tag of no class": _matlab(TAGS, "tag 4, expected 0 to 3", tags=np.array([[1], [4]])),
    "tags of another name": _matlab(TAGS, "no variable 'tags'", labels=np.array([[1]])),
    "no tags": _matlab(TAGS, "'tags' of uint8 (0, 0)", tags=np.zeros((0, 0), np.uint8)),
}

TRAIN = "coco/annotations/instances_train.json"


def _train(old: str, new: str, says: str) -> Damage:
    return Damage(spoil=swap(TRAIN, old, new), says=f"instances_train.json: found {says}")


COCO_DAMAGES = {
    "no JSON": Damage(
        spoil=patch(TRAIN, lambda data: data[:-9]), says="train.json, line 1: found text that is no"
    ),
    "no UTF-8": Damage(
        spoil=patch(TRAIN, lambda data: data + b"\xff"), says="train.json: found bytes that are no"
    ),
    "empty": Damage(
        spoil=_bytes(TRAIN, b""), says="train.json, line 1: found text that is no JSON"
    ),
    "a list": Damage(
        spoil=_bytes(TRAIN, b"[1, 2]"), says="train.json: found [1, 2], expected an object"
    ),
    "nested without end": Damage(
        spoil=_bytes(TRAIN, b"[" * 200_000), says="train.json: found text nested without end"
    ),
    "no images": _train('"images"', '"photos"', "null as 'images', expected a list of objects"),
    "no categories": _train('"categories"', '"kinds"', "null as 'categories', expected a list"),
    "annotations that are no list": _train(
        '"annotations": [', '"annotations": 7, "others": [', "7 as 'annotations', expected a list"
    ),
    "image twice": _train(
        '"id": 9, "file_name"', '"id": 7, "file_name"', "image 7 again, expected"
    ),
    "image without a name": _train(
        '"file_name": "a.jpg"', '"file_name": 5', "image 7 with file_name 5, expected a number or"
    ),
    "image without an id": _train(
        '"id": 7, "file_name"', '"number": 7, "file_name"', 'image null with file_name "a.jpg"'
    ),
    "image of negative size": _train(
        '"width": 12', '"width": -12', "width -12, height 10 of image 7, expected pixels"
    ),
    "category twice": _train('"id": 5, "name"', '"id": 0, "name"', "category 0 again, expected"),
    "category of a name that is taken": _train(
        '"name": "hat"', '"name": "dress"', "category 'dress' again, as 5, expected each name once"
    ),
    "category without a name": _train('"name": "hat"', '"name": " "', 'category 5 of name " "'),
    "keypoints that are no list": _train(
        '"keypoints": ["left collar", "right collar", "hem"]',
        '"keypoints": "hem"',
        "keypoints \"hem\" of category 'dress', expected their names",
    ),
    "keypoint twice": _train(
        '"right collar", "hem"', '"hem", "hem"', "keypoints twice in category 'dress', expected"
    ),
    "annotation twice": _train(
        '"id": 12', '"id": 11', "annotation 11 again, expected each id once"
    ),
    "annotation of a strange id": _train('"id": 12', '"id": [12]', "annotation [12], expected a n"),
    "annotation of no image": _train(
        '"id": 11, "image_id": 7',
        '"id": 11, "image_id": 8',
        "image_id 8 of annotation 11, expected the id of an image",
    ),
    "category that is not listed": _train(
        '"image_id": 9, "category_id": 5',
        '"image_id": 9, "category_id": 4',
        "category_id 4 of annotation 14, expected the id of a category",
    ),
    "box of three": _train(
        "[1, 1, 6, 8]", "[1, 6, 8]", "bbox [1, 6, 8] of annotation 11, expected"
    ),
    "box of negative size": _train(
        "[1, 1, 6, 8]", "[1, 1, -6, 8]", "bbox [1, 1, -6, 8] of annotat"
    ),
    "box of NaN": _train("[1, 1, 6, 8]", "[1, 1, NaN, 8]", "NaN, expected numbers"),
    "outline of half a corner": _train(
        "[3, 3, 4, 4]", "[3, 3, 4]", "[3, 3, 4] as an outline of annotation 11, expected x and y"
    ),
    "outline of words": _train(
        "[3, 3, 4, 4]", '["3", 3, 4, 4]', '["3", 3, 4, 4] as an outline of annotation 11, expected'
    ),
    "shape that is none": _train(
        '{"size": [10, 12], "counts": "b2370b0"}',
        '"b2370b0"',
        'segmentation "b2370b0" of annotation 14, expected outlines or run lengths',
    ),
    "mask of another size": _train(
        '"size": [10, 12], "counts": [80, 3, 7, 3, 27]',
        '"size": [12, 10], "counts": [80, 40]',
        "a mask of size [12, 10] of annotation 12, expected [10, 12], as its image has",
    ),
    "mask that fills too little": _train(
        "[80, 3, 7, 3, 27]", "[80, 3, 7]", "counts of 90 pixels for a mask of 120 of annotation 12"
    ),
    "mask torn": _train('"b2370b0"', '"b2370b"', "counts packed in a torn text of annotation 14"),
    "crowd that is none": _train('"iscrowd": 1', '"iscrowd": 2', "iscrowd 2 of annotation 14, exp"),
    "a keypoint less": _train(
        "[2, 1.5, 2, 6, 1, 1, 0, 0, 0]",
        "[2, 1.5, 2, 6, 1, 1]",
        "6 numbers as keypoints of annotation 11, expected 3 times x, y and 0, 1 or 2, as 'dress'",
    ),
    "keypoint of a strange state": _train(
        "[2, 1.5, 2, 6,", "[2, 1.5, 3, 6,", "3 among the keypoints of annotation 11, expected 3 ti"
    ),
    "keypoints that differ between files": Damage(
        spoil=swap("coco/annotations/instances_val.json", '"left collar", ', ""),
        says="instances_val.json: found other keypoints of 'dress' than another file",
    ),
    "missing image": Damage(
        spoil=remove("coco/train/b.jpg"), says="train.json: found 'train/b.jpg', expected a file in"
    ),
    "path that leaves": Damage(
        spoil=swap(TRAIN, '"file_name": "b.jpg"', '"file_name": "../../x.jpg"'),
        says="'train/../../x.jpg' is not a name under its root",
    ),
    "link that leaves": Damage(
        spoil=both(remove("coco/train/b.jpg"), link_out("coco/train/b.jpg")),
        says="'train/b.jpg' leads out of",
    ),
}

RIGS = {
    "masks": Rig(write=write_masks, source="pixels", damages=MASKS_DAMAGES),
    "clothing-co-parsing": Rig(
        write=write_ccp,
        source="ccp",
        options=lambda _: {"tagged": True},
        damages=CCP_DAMAGES,
    ),
    "coco": Rig(write=write_coco, source="coco", damages=COCO_DAMAGES),
}
