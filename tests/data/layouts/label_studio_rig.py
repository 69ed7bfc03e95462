"""Label Studio's export as a rig: choices, tags, points, boxes and brushes of two photos."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from layout_writers import write_photo
from reader_rig import Damage, Rig, patch, remove, swap

from lapel.review.label_studio.brush import encode_brush

WIDTH, HEIGHT = 5, 6

CONFIG = """<View>
  <Image name="photo" value="$image"/>
  <Choices name="category" toName="photo"><Choice value="dress"/><Choice value="skirt"/></Choices>
  <Choices name="tags" toName="photo" choice="multiple"><Choice value="lace"/></Choices>
  <KeyPointLabels name="points" toName="photo"><Label value="cuff"/></KeyPointLabels>
  <RectangleLabels name="boxes" toName="photo"><Label value="top"/></RectangleLabels>
  <BrushLabels name="areas" toName="photo"><Label value="cloth"/></BrushLabels>
</View>
"""


def item(control: str, kind: str, value: dict[str, Any], **more: Any) -> dict[str, Any]:
    size = {"original_width": WIDTH, "original_height": HEIGHT, "image_rotation": 0}
    return {
        "id": control,
        "from_name": control,
        "to_name": "photo",
        "type": kind,
        "value": value,
        **size,
        **more,
    }


def results() -> list[dict[str, Any]]:
    painted = np.zeros((HEIGHT, WIDTH), np.bool_)
    painted[2:4] = True
    return [
        item("category", "choices", {"choices": ["dress"]}),
        item("tags", "choices", {"choices": ["lace"]}),
        item("points", "keypointlabels", {"x": 40, "y": 50, "keypointlabels": ["cuff"]}),
        item(
            "boxes",
            "rectanglelabels",
            {"x": 20, "y": 50, "width": 40, "height": 50, "rectanglelabels": ["top"]},
        ),
        item(
            "areas",
            "brushlabels",
            {"format": "rle", "rle": encode_brush(painted), "brushlabels": ["cloth"]},
        ),
    ]


def annotation(results: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {
        "id": 1,
        "completed_by": 1,
        "was_cancelled": False,
        "ground_truth": False,
        "updated_at": "2026-11-22T12:00:00.000000Z",
        "result": results,
        **more,
    }


def write_export(root: Path) -> None:
    folder = root / "label-studio"
    write_photo(folder / "images/1/0a1b2c3d-one.png", 40, width=WIDTH, height=HEIGHT)
    write_photo(folder / "images/two.png", 90, width=WIDTH, height=HEIGHT)
    tasks = [
        {
            "id": 11,
            "data": {"image": "/data/upload/1/0a1b2c3d-one.png"},
            "annotations": [annotation(results())],
        },
        {"id": 12, "data": {"image": "/data/local-files/?d=photos/two.png"}, "annotations": []},
    ]
    (folder / "export.json").write_text(json.dumps(tasks, indent=1), encoding="utf-8")
    (folder / "config.xml").write_text(CONFIG, encoding="utf-8")


EXPORT, XML = "label-studio/export.json", "label-studio/config.xml"

DAMAGES = {
    "no JSON": Damage(
        spoil=patch(EXPORT, lambda data: data[:300]),
        says="export.json, line",
    ),
    "no list": Damage(spoil=patch(EXPORT, lambda _: b'{"a": 1}'), says="expected a list of tasks"),
    "JSON-MIN": Damage(
        spoil=patch(EXPORT, lambda _: b'[{"image": "a", "annotation_id": 3}]'),
        says="export the project again as JSON",
    ),
    "no annotations": Damage(
        spoil=swap(EXPORT, '"annotations": []', '"annotations": 7'),
        says="task 12: annotations that are no list",
    ),
    "label of another configuration": Damage(
        spoil=swap(EXPORT, '"dress"', '"hat"'),
        says="task 11: 'hat' of category, which has: dress, skirt",
    ),
    "place outside": Damage(spoil=swap(EXPORT, '"x": 40', '"x": 400'), says="task 11: a place at"),
    "NaN": Damage(spoil=swap(EXPORT, '"x": 40', '"x": NaN'), says="found NaN, expected numbers"),
    "labels that are no list": Damage(
        spoil=swap(EXPORT, '"keypointlabels": [\n        "cuff"\n       ]', '"keypointlabels": 7'),
        says="task 11: results of another form",
    ),
    "size that is none": Damage(
        spoil=swap(EXPORT, '"original_width": 5', '"original_width": [5]'),
        says="task 11: results of another form",
    ),
    "address that is none": Damage(
        spoil=swap(EXPORT, "/data/local-files/?d=photos/two.png", "http://[\\ud800"),
        says="task 12: 'http://",
    ),
    "turned picture": Damage(
        spoil=swap(EXPORT, '"image_rotation": 0', '"image_rotation": 90'),
        says="turned by 90 degrees",
    ),
    "torn brush": Damage(spoil=swap(EXPORT, '"rle": [', '"rle": [300,'), says="no bytes"),
    "missing picture": Damage(
        spoil=remove("label-studio/images/two.png"), says="export.json, task 12: found 'photos/two"
    ),
    "path that leaves": Damage(
        spoil=swap(EXPORT, "0a1b2c3d-one.png", "../../../secret.png"),
        says="expected a file in",
    ),
    "no address": Damage(
        spoil=swap(EXPORT, '"image": "/data/local', '"photo": "/data/local'),
        says="task 12: no address under 'image'",
    ),
    "same picture twice": Damage(
        spoil=swap(
            EXPORT, "/data/local-files/?d=photos/two.png", "/data/upload/1/0a1b2c3d-one.png"
        ),
        says="again",
    ),
    "configuration with a document type": Damage(
        spoil=patch(XML, lambda data: b"<!DOCTYPE v []>" + data), says="found a document type"
    ),
    "torn configuration": Damage(
        spoil=patch(XML, lambda data: data[:-20]), says="config.xml: found text that is no XML"
    ),
}

RIG = Rig(write=write_export, source="label-studio", damages=DAMAGES)
