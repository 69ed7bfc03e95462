"""Discs and bars with a class for each pixel, small enough to be learned in seconds."""

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
from lapel.schema.labels import Schema, TaskSpec
from lapel.schema.masks import UNKNOWN_CLASS, ClassMap

SIZE = 64
CLASSES = ("background", "disc", "bar", "belt")  # nobody wears a belt: a class that never occurs
LIGHT = ("dark", "bright")
SCHEMA = Schema(
    (
        TaskSpec(name="parts", kind="segmentation", labels=CLASSES),
        TaskSpec(name="light", kind="single_label", labels=LIGHT),
    )
)

#: A recipe that learns them.
RECIPE: Mapping[str, Any] = {
    "name": "shapes",
    "batch": 16,
    "precision": "float32",
    "preprocess": {
        "height": SIZE,
        "width": SIZE,
        "channels": 1,
        "fit": "letterbox",
        "mean": [0.4],
        "std": [0.3],
    },
    "augment": {"flip": 0.5, "shift": 4},
    "model": {"options": {"widths": [8, 16, 32]}, "decoder": "unet", "decoder_channels": 32},
    "optimiser": {"name": "adamw", "learning_rate": 0.01},
    "schedule": {"epochs": 6},
}


class Shapes(NamedTuple):
    """A picture uint8 (SIZE, SIZE) of 40 to 64 columns, and what is true of it."""

    pixels: NDArray[np.uint8]
    classes: NDArray[np.uint8]
    light: str


def draw_shapes(random: np.random.Generator) -> Shapes:
    """A disc and a bar in noise, one over the other, whichever was drawn last; both as light as
    each other, so that their shape alone tells them apart. A corner is unknown.
    """
    width = int(random.integers(40, SIZE + 1))
    bright = bool(random.random() < 0.5)
    light = int(random.integers(190, 240) if bright else random.integers(110, 150))
    picture = Image.fromarray(random.integers(0, 50, (SIZE, width)).astype(np.uint8))
    classes = Image.new("L", picture.size, 0)
    pens = ImageDraw.Draw(picture), ImageDraw.Draw(classes)
    for which in random.permutation((1, 2)):
        x, y = random.uniform(8, width - 8), random.uniform(8, SIZE - 8)
        long, short = random.uniform(14, 22), random.uniform(3, 5)
        reach = (7, 7) if which == 1 else (short, long) if random.random() < 0.5 else (long, short)
        around = (x - reach[0], y - reach[1], x + reach[0], y + reach[1])
        for pen, fill in zip(pens, (light, int(which)), strict=True):
            (pen.ellipse if which == 1 else pen.rectangle)(around, fill=fill)
    found = np.array(classes)
    found[:4, :4] = UNKNOWN_CLASS
    return Shapes(pixels=np.asarray(picture), classes=found, light=LIGHT[bright])


def shapes_dataset(folder: Path, splits: Mapping[str, int], *, unlabelled: int = 0) -> Dataset:
    """Shapes in the splits asked for; the first training pictures may have no label map."""
    random = np.random.default_rng(7)
    annotations: list[Annotation] = []
    masks: dict[str, ClassMap] = {}
    photos = folder.parent / f"{folder.name}-photos"
    photos.mkdir()
    for split, count in splits.items():
        for number in range(count):
            shapes = draw_shapes(random)
            name = f"{split}-{number:03d}.png"
            Image.fromarray(shapes.pixels).save(photos / name)
            labels: dict[str, Label] = {"light": shapes.light}
            annotations.append(Annotation(image=name, split=split, labels=labels))
            if split != "train" or number >= unlabelled:
                masks[name] = ClassMap(shapes.classes, CLASSES)
    return create_dataset(
        folder,
        name="shapes",
        schema=SCHEMA,
        annotations=annotations,
        images=photos,
        masks={"parts": masks},
    )
