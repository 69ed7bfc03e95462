"""One drawn picture: its files, its row, and what is kept of it beside the table."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lapel.data.masks import mask_file
from lapel.data.measuring import Measured
from lapel.data.sketch.catalogue import catalogue_row
from lapel.data.sketch.picture import Options, SketchPicture, draw_picture
from lapel.data.sketch.places import (
    GARMENTS_TASK,
    LANDMARKS_TASK,
    PARSING_TASK,
    garment_places,
    kinds_task,
    main_landmarks,
)
from lapel.data.sketch.records import (
    IMAGES,
    MASKS,
    image_name,
    mask_name,
    picture_record,
    places,
)
from lapel.data.sketch.vocabulary import KINDS
from lapel.schema.annotation import Annotation, Label, Tags
from lapel.schema.garments import Garment as Place
from lapel.schema.geometry import Box

#: Of every ten garments, one validates and one tests: picture 8, 18, ... and 9, 19, ... where each
#: is drawn once.
SPLITS = ("train",) * 8 + ("validation", "test")

JPEG_QUALITY = 90

#: Of nothing, and of garments 1, 2, ... or classes.
MASK_COLOURS = (
    (0, 0, 0), (230, 70, 70), (70, 150, 240), (90, 200, 100), (240, 190, 60), (180, 100, 220),
    (80, 210, 210), (240, 140, 190), (200, 200, 200),
)  # fmt: skip

#: A garment of which more is hidden may be there or not, for all that one can see.
HIDDEN_LIMIT = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What is known of a picture once its files are written."""

    annotation: Annotation
    measured: Measured
    record: dict[str, Any]
    places: tuple[Place, ...]
    row: dict[str, str]


def draw_files(number: int, *, options: Options, folder: Path) -> Drawn:
    """Draw a picture and write its files.

    Args:
        number: which one, from 0.
        options: what kind.
        folder: of the dataset that is being made.
    """
    picture = draw_picture(number, options)
    image = _encoded(Image.fromarray(picture.pixels), "JPEG", quality=JPEG_QUALITY)
    (folder / IMAGES / image_name(number)).write_bytes(image)
    (folder / MASKS / mask_name(number)).write_bytes(_numbers(picture.mask))
    if PARSING_TASK in options.tasks:
        file = folder / mask_file(PARSING_TASK, image_name(number))
        file.write_bytes(_numbers(picture.classes))
    whole = GARMENTS_TASK in options.tasks
    return Drawn(
        annotation=Annotation(
            image=image_name(number),
            labels=_labels(picture, options),
            split=_split(number, options),
            group=_item(number, options),
            role=_role(number, options),
            box=_box(picture) if LANDMARKS_TASK in options.tasks else None,
        ),
        measured=Measured(
            width=options.size,
            height=options.size,
            sha256=hashlib.sha256(image).hexdigest(),
            gray=False,
        ),
        record=picture_record(number, picture.garments),
        places=garment_places(picture, options) if whole else places(picture.garments),
        row=catalogue_row(number, picture.garments[0].garment),
    )


def _split(number: int, options: Options) -> str:
    """The split of a picture; all views of a garment are in one."""
    return SPLITS[number // options.views % len(SPLITS)]


def _item(number: int, options: Options) -> str | None:
    """Which garment a picture shows, where others show it too."""
    return None if options.views == 1 else f"garment {number // options.views:06d}"


def _role(number: int, options: Options) -> str | None:
    """What a picture is for in a search: the first view of a garment is to find the others."""
    if options.views == 1 or _split(number, options) == "train":
        return None
    return "query" if number % options.views == 0 else "gallery"


def _box(picture: SketchPicture) -> Box:
    """Where the main garment is: what models of one garment may look at alone."""
    left, top, right, bottom = picture.garments[0].box
    return Box(left, top, right - left, bottom - top)


def _encoded(image: Image.Image, kind: str, **settings: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **settings)
    return buffer.getvalue()


def _numbers(mask: NDArray[np.uint8]) -> bytes:
    """A mask as a file of numbers with colours, so that people see it too."""
    image = Image.fromarray(mask)
    image.putpalette(bytes(chain.from_iterable(MASK_COLOURS)))
    return _encoded(image, "PNG", compress_level=1)


def _labels(picture: SketchPicture, options: Options) -> Mapping[str, Label]:
    main = picture.garments[0]
    labels: dict[str, Label] = {"category": main.garment.kind.name, **main.attributes}
    labels["tags"] = main.tags
    if LANDMARKS_TASK in options.tasks:
        labels[LANDMARKS_TASK] = main_landmarks(main)
    if options.several > 1:
        seen = {one.garment.kind.name for one in picture.garments if one.hidden <= HIDDEN_LIMIT}
        there = {one.garment.kind.name for one in picture.garments}
        names = [kind.name for kind in KINDS]
        labels[kinds_task(options)] = Tags(
            tuple(name for name in names if name in seen),
            tuple(name for name in names if name in there - seen),
        )
    return labels
