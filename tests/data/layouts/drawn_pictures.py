"""Drawn garments as files and as the rows of public layouts: every label is of what is drawn."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

from PIL import Image

from lapel.data.sketch.labelling import OUTSIDE, VISIBLE, SketchGarment
from lapel.data.sketch.picture import Options, SketchPicture, draw_picture
from lapel.data.sketch.records import _deepfashion_names

SIZE = 96


@cache
def drawn(number: int, several: int = 1) -> SketchPicture:
    """A small drawn picture, with up to so many garments."""
    return draw_picture(number, Options(seed=7, size=SIZE, several=several))


@cache
def jpeg(number: int, several: int = 1) -> bytes:
    """Its file."""
    buffer = io.BytesIO()
    Image.fromarray(drawn(number, several).pixels).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def write_drawn(path: Path, number: int, several: int = 1) -> None:
    """Write a drawn picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(jpeg(number, several))


def clothes_type(garment: SketchGarment) -> int:
    """DeepFashion's number: 1 upper, 2 lower, 3 full body."""
    kind = garment.garment.kind
    return (3 if kind.form == "dress" else 1) if kind.upper else 2


def box_words(garment: SketchGarment) -> str:
    """Left, top, right, bottom, three digits each, from 1."""
    return " ".join(f"{max(side, 1):03d}" for side in garment.box)


def triples(garment: SketchGarment) -> str:
    """DeepFashion's landmarks: state, x, y, with the blank that rows end in."""
    words = []
    for name in _deepfashion_names(garment.garment.kind):
        x, y, seen = garment.landmarks[name]
        state = {OUTSIDE: 2, VISIBLE: 0}.get(seen, 1)
        x, y = (0, 0) if seen == OUTSIDE else (max(round(x), 1), max(round(y), 1))
        words.append(f"{state} {x:03d} {y:03d} ")
    return " ".join(words)
