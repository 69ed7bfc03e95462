"""DeepFashion2 and Fashionpedia, small, of drawn garments and of known records."""

from __future__ import annotations

import json
from itertools import chain, groupby
from pathlib import Path
from typing import Any

import numpy as np
from drawn_pictures import SIZE, drawn, write_drawn
from layout_writers import write_photo, write_text
from numpy.typing import NDArray

from lapel.data.deepfashion2.words import categories
from lapel.data.fashionpedia.words import ONTOLOGY_FILE
from lapel.data.sketch.labelling import SketchGarment
from lapel.schema.run_lengths import packed

#: A record as the data have them (shortened by its makers), and its keys in no order.
KNOWN_RECORD = """\
{"item2": {"segmentation": [[12, 14, 50, 14, 50, 90, 12, 90], [60, 20, 61, 21]], "scale": 1, \
"viewpoint": 1, "zoom_in": 3, "landmarks": [12.5, 14, 2, 20, 14, 2, 30, 14, 2, 12, 40, 2, 12, 90, \
2, 30, 90, 2, 31, 60, 2, 32, 90, 2, 50, 90, 2, 50, 40, 2], "style": 0, "bounding_box": [12, 14, \
50, 90], "category_id": 7, "occlusion": 1, "category_name": "shorts"}, "pair_id": 1811, \
"item1": {"segmentation": [[237, 160, 378, 153, 461, 92, 519, 214, 535, 348, 440, 428, 292, 420, \
247, 309, 237, 160]], "scale": 2, "viewpoint": 2, "zoom_in": 1, "landmarks": [237, 160, 1, 378, \
153, 2, 461, 92, 1, 247, 309, 2, 292, 420, 2, 440, 428, 2, 535, 348, 2, 0, 0, 0], "style": 1, \
"bounding_box": [227, 86, 543, 455], "category_id": 9, "occlusion": 2, "category_name": "skirt"}, \
"source": "shop"}"""


def drawn_item(garment: SketchGarment, style: int) -> dict[str, Any]:
    """A drawn garment as an item: its landmarks are DeepFashion2's own."""
    kinds = {category.name: category for category in categories()}
    category = kinds[garment.garment.kind.name]
    points = [
        (0, 0, 0) if not seen else (round(x), round(y), seen)
        for x, y, seen in garment.landmarks.values()
    ]
    assert len(points) == category.count
    return {
        "segmentation": [list(chain.from_iterable((x, y) for x, y, seen in points if seen))],
        "scale": 1 + style % 3,
        "viewpoint": 2,
        "zoom_in": 1,
        "landmarks": list(chain.from_iterable(points)),
        "style": style,
        "bounding_box": list(garment.box),
        "category_id": category.number,
        "occlusion": 1 + int(2.99 * garment.hidden),
        "category_name": category.name,
    }


def write_deepfashion2(root: Path) -> None:
    """A known photo and two drawn ones to train on, two to validate, one to test."""
    source = root / "df2"
    write_photo(source / "train/image/000001.jpg", 90, width=600, height=480)
    write_text(source / "train/annos/000001.json", KNOWN_RECORD)
    places = ("train/000002", "train/000003", "validation/000001", "validation/000002")
    for number, place in enumerate(places):
        part, stem = place.split("/")
        write_drawn(source / part / f"image/{stem}.jpg", number, several=3)
        garments = drawn(number, several=3).garments
        record = {
            "pair_id": 1 + number // 2,
            **{f"item{n}": drawn_item(one, n) for n, one in enumerate(garments, start=1)},
            "source": ("user", "shop")[number % 2],
        }
        path = source / part / f"annos/{stem}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record), "utf-8")
    write_drawn(source / "test/image/000001.jpg", 9)


def column_lengths(mask: NDArray[np.bool_]) -> list[int]:
    """Run lengths of a mask, down its columns; of nothing first."""
    runs = [(value, len(list(run))) for value, run in groupby(mask.T.ravel().tolist())]
    return ([] if not runs or not runs[0][0] else [0]) + [length for _, length in runs]


def ontology() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Categories and attributes as the files list them."""
    import lapel.data.fashionpedia as package

    lines = (Path(package.__file__).parent / ONTOLOGY_FILE).read_text("utf-8").splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")][1:]
    found: dict[str, list[dict[str, Any]]] = {"category": [], "attribute": []}
    for kind, number, name, above, level, taxonomy in rows:
        found[kind].append(
            {
                "id": int(number),
                "name": name,
                "supercategory": above,
                "level": int(level),
                "taxonomy_id": taxonomy,
            }
        )
    return found["category"], found["attribute"]


def image_entry(number: int, name: str) -> dict[str, Any]:
    """An image of the list."""
    return {
        "id": number,
        "width": SIZE,
        "height": SIZE,
        "file_name": name,
        "license": 3,
        "time_captured": "March-August, 2018",
        "original_url": "",
        "isstatic": 0,
        "kaggle_id": "ab12",
    }


def annotation(number: int, image: int, category: int, **more: Any) -> dict[str, Any]:
    """What is marked, with a place that is easy to know."""
    return {
        "id": number,
        "image_id": image,
        "category_id": category,
        "attribute_ids": [],
        "segmentation": [[10, 10, 30.5, 10, 30.5, 40, 10, 40], [50, 50, 60, 50]],
        "area": 615.0,
        "iscrowd": 0,
        "bbox": [10, 10, 20.5, 30],
    } | more


def write_fashionpedia(root: Path) -> None:
    """Three photos to train on, one to validate, one to test; ids with gaps, category 0."""
    source = root / "fashionpedia"
    mask = column_lengths(drawn(1).mask > 0)
    wanted = {"size": [SIZE, SIZE], "counts": packed(mask)}
    marked = [
        annotation(8917, 23, 0, attribute_ids=[340, 0, 161]),
        annotation(8918, 23, 33, attribute_ids=[160]),
        annotation(8920, 25, 10, segmentation=wanted, area=sum(mask[1::2])),
        annotation(9, 25, 23, segmentation=wanted | {"counts": mask}, iscrowd=1),
    ]
    names = ("0a1b.jpg", "0c2d.jpg", "0e3f.jpg")
    for number, name in enumerate(names):
        write_drawn(source / "train" / name, number)
    write_drawn(source / "test/1a.jpg", 3)
    write_drawn(source / "test/1b.jpg", 4)
    images = [image_entry(number, name) for number, name in zip((23, 25, 70), names, strict=True)]
    _write_json(source / "instances_attributes_train2020.json", images, marked)
    validation = [image_entry(23, "1a.jpg")]
    marked = [annotation(1, 23, 31, attribute_ids=[157])]
    _write_json(source / "instances_attributes_val2020.json", validation, marked)
    text = json.dumps({"info": {}, "licenses": [], "images": [image_entry(5, "1b.jpg")]})
    (source / "info_test2020.json").write_text(text, "utf-8")
    rows = [{"image_id": 23, "attribute_ids": [317, 0]}, {"image_id": 70, "attribute_ids": []}]
    text = json.dumps({"annotations": rows})
    (source / "attributes_train2020.json").write_text(text, "utf-8")


def _write_json(path: Path, images: list[dict[str, Any]], marked: list[dict[str, Any]]) -> None:
    listed, attributes = ontology()
    value = {
        "info": {"year": "2020"},
        "categories": listed,
        "attributes": attributes,
        "images": images,
        "annotations": marked,
        "licenses": [],
    }
    path.write_text(json.dumps(value), "utf-8")
