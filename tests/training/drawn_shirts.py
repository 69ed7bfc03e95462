"""Shirts with landmarks, small enough to be learned in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from lapel.data.creating import create_dataset
from lapel.data.dataset import Dataset
from lapel.schema.annotation import Annotation, Label
from lapel.schema.geometry import Box, Landmark, Landmarks
from lapel.schema.labels import Schema, TaskSpec

SIZE = 48
NAMES = ("left collar", "right collar", "left sleeve", "right sleeve", "left hem", "right hem")
SLEEVES = ("long", "none")
SCHEMA = Schema(
    (
        TaskSpec(name="sleeves", kind="single_label", labels=SLEEVES),
        TaskSpec(name="places", kind="landmarks", labels=NAMES),
    )
)

#: A recipe that learns them.
RECIPE: Mapping[str, Any] = {
    "name": "shirts",
    "batch": 16,
    "precision": "float32",
    "preprocess": {
        "height": SIZE,
        "width": SIZE,
        "channels": 1,
        "fit": "stretch",
        "mean": [0.3],
        "std": [0.3],
    },
    "augment": {"flip": 0.5, "shift": 2},
    "model": {"options": {"widths": [8, 16, 32]}, "map_channels": 32},
    "optimiser": {"name": "adamw", "learning_rate": 0.005},
    "schedule": {"epochs": 8},
}


class Shirt(NamedTuple):
    """A picture uint8 (SIZE, SIZE), and what is true of it."""

    pixels: NDArray[np.uint8]
    box: Box
    labels: dict[str, Label]


def draw_shirt(random: np.random.Generator) -> Shirt:
    """A bright shirt somewhere in noise; one of four has no sleeves, of one of four a corner of
    the hem is hidden.
    """
    middle, top = random.uniform(19, 29), random.uniform(8, 16)
    half, height, reach = random.uniform(6, 9), random.uniform(17, 24), random.uniform(4, 9)
    bottom, cuff = top + height, top + 0.6 * height
    bare, hidden = random.random(2) < 0.25
    left, right = middle - half, middle + half
    points = {
        "left collar": (middle - 0.45 * half, top),
        "right collar": (middle + 0.45 * half, top),
        "left hem": (left, bottom),
        "right hem": (right, bottom),
    }
    shapes = [[(left, top), (right, top), (right, bottom), (left, bottom)]]
    if not bare:
        points |= {"left sleeve": (left - reach, cuff), "right sleeve": (right + reach, cuff)}
        shapes += [
            [(edge, top), (edge + side * reach, cuff), (edge, cuff - 3)]
            for edge, side in ((left, -1), (right, 1))
        ]
    picture = Image.fromarray(random.integers(0, 60, (SIZE, SIZE)).astype(np.uint8))
    pen = ImageDraw.Draw(picture)
    light = int(random.integers(150, 230))
    for shape in shapes:
        pen.polygon(shape, fill=light)
    neck = points["left collar"], points["right collar"], (middle, top + 0.2 * height)
    pen.polygon(neck, fill=20)
    if hidden:
        pen.rectangle((right - 3, bottom - 3, right + 3, bottom + 3), fill=100)
    across = [x for x, _ in points.values()]
    landmarks = Landmarks(
        {
            name: Landmark(*points[name], not (hidden and name == "right hem"))
            for name in NAMES
            if name in points
        }
    )
    return Shirt(
        pixels=np.asarray(picture),
        box=Box(min(across), top, max(across) - min(across), height),
        labels={"sleeves": SLEEVES[int(bare)], "places": landmarks},
    )


def shirt_dataset(folder: Path, splits: Mapping[str, int], *, boxes: bool = True) -> Dataset:
    """Shirts in the splits asked for."""
    random = np.random.default_rng(11)
    annotations: list[Annotation] = []
    pictures: list[NDArray[np.uint8]] = []
    for split, count in splits.items():
        for _ in range(count):
            shirt = draw_shirt(random)
            name = f"images.npy#{len(pictures)}"
            pictures.append(shirt.pixels)
            annotations.append(
                Annotation(
                    image=name, split=split, labels=shirt.labels, box=shirt.box if boxes else None
                )
            )
    return create_dataset(
        folder, name="shirts", schema=SCHEMA, annotations=annotations, images=np.stack(pictures)
    )
