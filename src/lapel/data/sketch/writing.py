"""Datasets of drawn garments on disk."""

from __future__ import annotations

import hashlib
import io
import json
import multiprocessing
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lapel.data.dataset import Dataset, check_place
from lapel.data.description import Description
from lapel.schema.garments import Garment as Place
from lapel.data.garments import write_garments
from lapel.data.measuring import Measured
from lapel.data.progress import Track, silent
from lapel.data.sketch.catalogue import catalogue_bytes, catalogue_row
from lapel.data.sketch.picture import SEVERAL_LIMIT, Options, SketchPicture, draw_picture
from lapel.data.sketch.records import (
    CATALOGUE_FILE,
    IMAGES,
    LANDMARKS_FILE,
    MASKS,
    RECORDS_FILE,
    image_name,
    landmark_table,
    mask_name,
    picture_record,
    places,
)
from lapel.data.sketch.vocabulary import ATTRIBUTES, KINDS, sketch_schema
from lapel.data.table import build_table, write_table
from lapel.schema.annotation import Annotation, Label, Tags
from lapel.schema.errors import UsageError
from lapel.storage.folders import atomic_folder, refuse_occupied
from lapel.storage.local import write_atomically

#: Of every ten garments, one validates and one tests: picture 8, 18, ... and 9, 19, ... where each
#: is drawn once.
SPLITS = ("train",) * 8 + ("validation", "test")

SIZES = (32, 2048)
JPEG_QUALITY = 90

#: Of nothing, and of garments 1, 2, ...
MASK_COLOURS = (
    (0, 0, 0), (230, 70, 70), (70, 150, 240), (90, 200, 100), (240, 190, 60), (180, 100, 220),
    (80, 210, 210), (240, 140, 190), (200, 200, 200),
)  # fmt: skip

#: A garment of which more is hidden may be there or not, for all that one can see.
HIDDEN_LIMIT = 0.6

LICENCE = "CC0 1.0: nobody holds rights in what the seed decides"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What is known of a picture once its files are written."""

    annotation: Annotation
    measured: Measured
    record: dict[str, Any]
    places: tuple[Place, ...]
    row: dict[str, str]


def sketch_dataset(
    folder: str | Path,
    count: int,
    *,
    options: Options | None = None,
    name: str = "sketch",
    jobs: int = 1,
    replace: bool = False,
    track: Track = silent,
) -> Dataset:
    """Draw a dataset. The folder appears whole or not at all, and is the same for the same options.

    Args:
        folder: where; it must be new or empty unless ``replace``.
        count: how many pictures. Picture i does not depend on it.
        options: what is drawn.
        name: what to call it.
        jobs: how many processes draw.
        replace: take the place of a dataset that stands in ``folder``.
        track: is told how far the work is.

    Raises:
        UsageError: options that do not go.
        DatasetError: what stands in ``folder`` is more than a dataset to replace.
        StorageError: the folder is not empty or cannot be written.
    """
    options = options or Options()
    folder = Path(folder)
    _check(options, count, jobs)
    if _is_sketch(folder):
        remedy = "name a new folder, or add --replace"
        refuse_occupied(folder, replace=replace, remedy=remedy)
    else:
        check_place(folder, replace=replace)
    schema = sketch_schema(options.attributes, several=options.several > 1)
    with atomic_folder(folder, replace=replace) as building:
        (building / IMAGES).mkdir()
        (building / MASKS).mkdir()
        work = partial(_draw, options=options, folder=building)
        drawn = list(track(_all(work, count, jobs), count, "Drawing"))
        write_table(
            building, build_table([(one.annotation, one.measured) for one in drawn], schema)
        )
        _write_beside(building, drawn)
        # Last, so that a folder with a description is a whole dataset.
        Description(
            name=name, schema=schema, root=IMAGES, origin=_origin(options), licence=LICENCE
        ).write(building)
    return Dataset.open(folder)


def _check(options: Options, count: int, jobs: int) -> None:
    low, high = SIZES
    wrong = [
        (count < 1, f"found {count} pictures, expected at least 1"),
        (options.seed < 0, f"found seed {options.seed}, expected 0 or more"),
        (not low <= options.size <= high, f"found size {options.size}, expected {low} to {high}"),
        (
            not 1 <= options.several <= SEVERAL_LIMIT,
            f"found {options.several} garments a picture, expected 1 to {SEVERAL_LIMIT}",
        ),
        (options.views < 1, f"found {options.views} views of a garment, expected at least 1"),
        (
            options.views > 1 and options.several > 1,
            "found several views of a garment and several garments a picture, expected either",
        ),
        (
            options.attributes not in ATTRIBUTES,
            f"found attributes {options.attributes!r}, expected {' or '.join(ATTRIBUTES)}",
        ),
        (jobs < 1, f"found {jobs} jobs, expected at least 1"),
    ]
    faults = [message for is_wrong, message in wrong if is_wrong]
    if faults:
        raise UsageError("; ".join(faults))


def _is_sketch(folder: Path) -> bool:
    """Whether a folder is a drawn dataset and nothing more, to be replaced without a loss."""
    if not (folder / RECORDS_FILE).is_file():
        return False
    own = {RECORDS_FILE, LANDMARKS_FILE, CATALOGUE_FILE, "dataset.json", "annotations.parquet",
           "garments.jsonl"}  # fmt: skip
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        ours = re.fullmatch(rf"{IMAGES}(/\d+\.jpg)?|{MASKS}(/\d+\.png)?", name)
        if name not in own and not ours:
            return False
    return True


def _all(work: partial[Drawn], count: int, jobs: int) -> Iterator[Drawn]:
    if jobs == 1:
        yield from map(work, range(count))
        return
    # Fresh processes: one that is forked from a process with threads may hang.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        yield from pool.map(work, range(count), chunksize=16)


def _draw(number: int, *, options: Options, folder: Path) -> Drawn:
    """Draw a picture and write its two files."""
    picture = draw_picture(number, options)
    image = _encoded(Image.fromarray(picture.pixels), "JPEG", quality=JPEG_QUALITY)
    (folder / IMAGES / image_name(number)).write_bytes(image)
    mask = _encoded(_with_palette(picture.mask), "PNG", compress_level=1)
    (folder / MASKS / mask_name(number)).write_bytes(mask)
    measured = Measured(
        width=options.size,
        height=options.size,
        sha256=hashlib.sha256(image).hexdigest(),
        gray=False,
    )
    return Drawn(
        annotation=Annotation(
            image=image_name(number),
            labels=_labels(picture, several=options.several > 1),
            split=_split(number, options),
            group=_item(number, options),
            role=_role(number, options),
        ),
        measured=measured,
        record=picture_record(number, picture.garments),
        places=places(picture.garments),
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


def _encoded(image: Image.Image, kind: str, **settings: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **settings)
    return buffer.getvalue()


def _with_palette(mask: NDArray[np.uint8]) -> Image.Image:
    """A mask as numbers with colours, so that people see it too."""
    image = Image.fromarray(mask)
    image.putpalette(bytes(chain.from_iterable(MASK_COLOURS)))
    return image


def _labels(picture: SketchPicture, *, several: bool) -> Mapping[str, Label]:
    main = picture.garments[0]
    labels: dict[str, Label] = {"category": main.garment.kind.name, **main.attributes}
    labels["tags"] = main.tags
    if several:
        seen = {one.garment.kind.name for one in picture.garments if one.hidden <= HIDDEN_LIMIT}
        there = {one.garment.kind.name for one in picture.garments}
        names = [kind.name for kind in KINDS]
        labels["garments"] = Tags(
            tuple(name for name in names if name in seen),
            tuple(name for name in names if name in there - seen),
        )
    return labels


def _write_beside(folder: Path, drawn: list[Drawn]) -> None:
    lines = (json.dumps(one.record) + "\n" for one in drawn)
    write_atomically(folder / RECORDS_FILE, "".join(lines).encode())
    write_atomically(folder / LANDMARKS_FILE, landmark_table())
    write_atomically(folder / CATALOGUE_FILE, catalogue_bytes(one.row for one in drawn))
    write_garments(folder, {one.annotation.image: one.places for one in drawn})


def _origin(options: Options) -> str:
    uneven = ", labels uneven" if options.uneven else ""
    views = f", {options.views} pictures a garment" if options.views > 1 else ""
    return (
        f"drawn by Lapel: seed {options.seed}, {options.size} pixels square, up to "
        f"{options.several} garments a picture, {options.attributes} attributes{uneven}{views}"
    )
