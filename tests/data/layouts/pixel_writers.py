"""Photos with label maps, Clothing Co-Parsing and COCO's JSON, small and of known values."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from layout_writers import write_photo, write_text
from numpy.typing import NDArray
from PIL import Image
from scipy.io import savemat

WIDTH, HEIGHT = 12, 10


def png(pixels: NDArray[np.generic]) -> bytes:
    """Values, or colours, as a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png")
    return buffer.getvalue()


def known_map(number: int) -> NDArray[np.uint8]:
    """A top, a skirt below it and, in odd ones, a shoe; one pixel of unknown class."""
    values = np.zeros((HEIGHT, WIDTH), np.uint8)
    values[1:4, 2:8] = 1
    values[4:8, 2 : 8 + number % 3] = 2
    if number % 2:
        values[9, 3] = 7
    values[0, 11] = 255
    return values


def write_map(path: Path, values: NDArray[np.generic]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png(values))


def write_masks(root: Path) -> None:
    """Four photos and their maps."""
    source = root / "pixels"
    for number in range(1, 5):
        write_photo(source / f"photos/{number:04}.jpg", 40 * number, width=WIDTH, height=HEIGHT)
        write_map(source / f"masks/{number:04}.png", known_map(number))
    write_text(
        source / "labels.csv", "id,name", "0,background", "1,top", "2,skirt", "7,shoes", "8,hat"
    )


CCP_NAMES = ("null", "blouse", "skirt", "shoes")


def write_matlab(path: Path, **variables: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, variables)


def cells(names: tuple[str, ...]) -> NDArray[np.object_]:
    """Texts as MATLAB's cell array (1, N)."""
    found = np.empty((1, len(names)), object)
    found[0, :] = names
    return found


def ccp_map(number: int) -> NDArray[np.uint8]:
    values = known_map(number)
    values[values == 7] = 3
    values[values == 255] = 0
    return values


def write_ccp(root: Path) -> None:
    """Three photos with maps, one with tags alone."""
    source = root / "ccp"
    for number in range(1, 5):
        write_photo(source / f"photos/{number:04}.jpg", 40 * number, width=WIDTH, height=HEIGHT)
    for number in range(1, 4):
        path = source / f"annotations/pixel-level/{number:04}.mat"
        write_matlab(path, groundtruth=ccp_map(number))
    tags = np.array([[0], [2], [3]], np.uint8)
    write_matlab(source / "annotations/image-level/0004.mat", tags=tags)
    write_matlab(source / "label_list.mat", label_list=cells(CCP_NAMES))


#: Landmarks of the one category of the files that has any.
POINTS = ["left collar", "right collar", "hem"]


def coco_value(images: list[dict[str, Any]], marked: list[dict[str, Any]]) -> dict[str, Any]:
    """A file: category 0 is one, and ids have gaps."""
    return {
        "info": {"year": 2024},
        "images": images,
        "categories": [
            {"id": 0, "name": "dress", "supercategory": "clothes", "keypoints": POINTS},
            {"id": 5, "name": "hat", "supercategory": "clothes"},
        ],
        "annotations": marked,
    }


def coco_image(number: int, name: str) -> dict[str, Any]:
    return {"id": number, "file_name": name, "width": WIDTH, "height": HEIGHT}


def marked_garments() -> list[dict[str, Any]]:
    """A dress of two parts with its landmarks, a hat as packed run lengths, one as plain ones."""
    return [
        {
            "id": 11,
            "image_id": 7,
            "category_id": 0,
            "bbox": [1, 1, 6, 8],
            "segmentation": [[1, 1, 7, 1, 7, 5, 1, 5], [1, 6, 7, 6, 7, 9, 1, 9], [3, 3, 4, 4]],
            "area": 42.0,
            "iscrowd": 0,
            "keypoints": [2, 1.5, 2, 6, 1, 1, 0, 0, 0],
            "num_keypoints": 2,
        },
        {
            "id": 12,
            "image_id": 7,
            "category_id": 5,
            "bbox": [8, 0, 2, 3],
            "segmentation": {"size": [HEIGHT, WIDTH], "counts": [80, 3, 7, 3, 27]},
            "area": 6,
            "iscrowd": 0,
        },
        {
            "id": 14,
            "image_id": 9,
            "category_id": 5,
            "segmentation": {"size": [HEIGHT, WIDTH], "counts": "b2370b0"},
            "iscrowd": 1,
        },
    ]


def write_coco(root: Path) -> None:
    """Two photos to train on, one without anything; one to validate."""
    source = root / "coco"
    for number, place in enumerate(("train/a.jpg", "train/b.jpg", "train/c.jpg", "val/d.jpg")):
        write_photo(source / place, 50 * number, width=WIDTH, height=HEIGHT)
    images = [
        coco_image(number, name) for number, name in ((7, "a.jpg"), (9, "b.jpg"), (2, "c.jpg"))
    ]
    _write_json(source / "annotations/instances_train.json", images, marked_garments())
    one = marked_garments()[0] | {"image_id": 1, "id": 0}
    _write_json(source / "annotations/instances_val.json", [coco_image(1, "d.jpg")], [one])


def _write_json(path: Path, images: list[dict[str, Any]], marked: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(coco_value(images, marked)), "utf-8")
