"""``sketch.jsonl``: every label of every garment of a drawn dataset, a line a picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lapel.data.sketch.labelling import VISIBLE, SketchGarment
from lapel.data.sketch.landmarks import LANDMARKS, side_count
from lapel.data.sketch.vocabulary import Kind
from lapel.schema.errors import DatasetError
from lapel.schema.garments import Garment as Place

RECORDS_FILE = "sketch.jsonl"
LANDMARKS_FILE = "landmarks.json"
CATALOGUE_FILE = "catalogue.csv"
IMAGES, MASKS = "images", "masks"


def image_name(number: int) -> str:
    """The file of a picture, below ``images``."""
    return f"{number:06d}.jpg"


def mask_name(number: int) -> str:
    """The file of its mask, below ``masks``."""
    return f"{number:06d}.png"


def picture_record(number: int, garments: tuple[SketchGarment, ...]) -> dict[str, Any]:
    """A picture's line, as plain values."""
    return {
        "image": image_name(number),
        "mask": f"{MASKS}/{mask_name(number)}",
        "garments": [_garment_record(place, one) for place, one in enumerate(garments, start=1)],
    }


def _garment_record(place: int, one: SketchGarment) -> dict[str, Any]:
    garment = one.garment
    return {
        "number": place,
        "category": garment.kind.name,
        **one.attributes,
        "tags": {"yes": one.tags.yes, "unknown": one.tags.unknown},
        "shades": [garment.shade, garment.second, garment.third],
        "presentation": one.presentation,
        "box": one.box,
        "area": one.area,
        "hidden": round(one.hidden, 4),
        "landmarks": list(one.landmarks.values()),
    }


def landmark_table() -> bytes:
    """``landmarks.json``: kind to the names of its landmarks, in the order of the records."""
    return (json.dumps(LANDMARKS, indent=1) + "\n").encode()


def read_records(folder: str | Path) -> list[dict[str, Any]]:
    """All lines of ``sketch.jsonl`` in a drawn dataset.

    Raises:
        DatasetError: there is none, or it is torn.
    """
    path = Path(folder) / RECORDS_FILE
    try:
        return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]
    except FileNotFoundError:
        raise DatasetError(
            f"{folder} has no {RECORDS_FILE}: it is no drawn dataset; "
            "make one with `lapel data import sketch`"
        ) from None
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path} could not be read ({error}); draw the dataset again") from error


def places(garments: tuple[SketchGarment, ...]) -> tuple[Place, ...]:
    """Boxes and DeepFashion's landmarks, as ``garments.jsonl`` keeps them for every layout."""
    return tuple(_place(one) for one in garments)


def _place(one: SketchGarment) -> Place:
    left, top, right, bottom = one.box
    points = []
    for name in _deepfashion_names(one.garment.kind):
        x, y, seen = one.landmarks[name]
        points.append((x, y) if seen == VISIBLE else None)
    return Place(
        part=one.garment.kind.name,
        box=(left, top, right - left, bottom - top),
        points=tuple(points),
    )


def _deepfashion_names(kind: Kind) -> tuple[str, ...]:
    """Our landmarks that are DeepFashion's 4, 6 or 8: collar, sleeve, waist, hem, left then right.

    Upper clothes have no waist, lower clothes have nothing else but waist and hem.
    """
    if not kind.upper:
        hem = "hem" if kind.form == "skirt" else "cuff outer"
        stems: tuple[str, ...] = ("waist", hem)
    else:
        arm = "cuff outer" if kind.arms in {"short", "long"} else "armpit"
        waist = (f"side {side_count(kind) - 1}",) if kind.form == "dress" else ()
        stems = ("neck", arm, *waist, "hem corner")
    return tuple(f"{stem} {side}" for stem in stems for side in ("left", "right"))
