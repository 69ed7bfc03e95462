"""Tops over skirts, small enough for a detector to learn them in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from lapel.data.creating import create_dataset
from lapel.data.dataset import Dataset
from lapel.schema.annotation import Annotation
from lapel.schema.garments import Garment, Point
from lapel.schema.labels import Schema, TaskSpec

SIZE = 64
LABELS = ("top", "skirt")
POINTS = {"top": ("left shoulder", "right shoulder")}
GARMENTS = TaskSpec(name="garments", kind="garments", labels=LABELS, points=POINTS)
SCHEMA = Schema((GARMENTS,))

#: What suits pictures of this size.
DETECTOR: Mapping[str, Any] = {
    "strides": [4, 8, 16],
    "width": 32,
    "anchor_sizes": [[16], [24], [32], [48]],
    "anchors_learned": 64,
    "proposals": 60,
    "regions_learned": 24,
    "box_units": 64,
    "mask_layers": [32],
    "point_layers": [32],
    "detections": 8,
}

#: A recipe that learns them.
RECIPE: Mapping[str, Any] = {
    "name": "outfits",
    "batch": 8,
    "precision": "float32",
    "preprocess": {
        "height": SIZE,
        "width": SIZE,
        "channels": 1,
        "fit": "letterbox",
        "mean": [0.3],
        "std": [0.3],
    },
    "augment": {"flip": 0.5, "shift": 2},
    "model": {
        "options": {"widths": [12, 24, 32, 48]},
        "network": "mask-rcnn",
        "detector": DETECTOR,
    },
    "optimiser": {"name": "adamw", "learning_rate": 0.003, "clip": 5.0},
    "schedule": {"epochs": 4},
}


class Outfit(NamedTuple):
    """A picture uint8 (SIZE, SIZE), and its garments."""

    pixels: NDArray[np.uint8]
    garments: tuple[Garment, ...]


def draw_outfit(random: np.random.Generator) -> Outfit:
    """A light box over a darker triangle, in noise; one of five lacks either."""
    picture = Image.fromarray(random.integers(0, 50, (SIZE, SIZE)).astype(np.uint8))
    pen = ImageDraw.Draw(picture)
    chosen = random.random()
    garments = []
    if chosen < 0.9:
        left, top = random.uniform(4, 28), random.uniform(2, 10)
        right, bottom = left + random.uniform(18, 30), top + random.uniform(14, 22)
        corners = ((left, top), (right, top), (right, bottom), (left, bottom))
        pen.polygon([*corners], fill=int(random.integers(170, 240)))
        garments.append(_garment("top", corners, points=((left, top), (right, top))))
    if chosen > 0.1:
        middle, top = random.uniform(20, 44), random.uniform(34, 40)
        half, bottom = random.uniform(10, 18), random.uniform(56, 62)
        triangle = ((middle, top), (middle + half, bottom), (middle - half, bottom))
        pen.polygon([*triangle], fill=int(random.integers(90, 140)))
        garments.append(_garment("skirt", triangle))
    return Outfit(np.asarray(picture), tuple(garments))


def _garment(part: str, corners: tuple[Point, ...], points: tuple[Point, ...] = ()) -> Garment:
    across, down = zip(*corners, strict=True)
    left, top = min(across), min(down)
    return Garment(
        part=part,
        box=(left, top, max(across) - left, max(down) - top),
        points=points,
        outlines=(corners,),
    )


def outfit_dataset(folder: Path, splits: Mapping[str, int]) -> Dataset:
    """Outfits in the splits asked for."""
    random = np.random.default_rng(5)
    annotations: list[Annotation] = []
    pictures: list[NDArray[np.uint8]] = []
    garments: dict[str, tuple[Garment, ...]] = {}
    for split, count in splits.items():
        for _ in range(count):
            outfit = draw_outfit(random)
            name = f"images.npy#{len(pictures)}"
            pictures.append(outfit.pixels)
            garments[name] = outfit.garments
            annotations.append(Annotation(image=name, split=split, labels={}))
    return create_dataset(
        folder,
        name="outfits",
        schema=SCHEMA,
        annotations=annotations,
        images=np.stack(pictures),
        garments=garments,
    )
