"""Garments cut out of their pictures: a dataset with one garment a picture, to learn tags on."""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lapel.data.dataset import Dataset
from lapel.data.description import Description
from lapel.data.images import packed_row
from lapel.data.measuring import Measured
from lapel.data.progress import Track, silent
from lapel.data.table import build_table, write_table
from lapel.schema.annotation import Annotation, Label
from lapel.schema.errors import UsageError
from lapel.schema.garments import Garment, Garments
from lapel.schema.geometry import Box
from lapel.schema.labels import Schema, TaskSpec
from lapel.storage.folders import atomic_folder

IMAGES = "images"

#: The task that the garments' categories become.
CATEGORY = "category"

#: So much of a box's width and height is cut beyond each edge: a tagger that learns with
#: ``preprocess.crop_to_box`` takes what it wants of it with ``preprocess.box_margin``.
MARGIN = 0.25

#: Narrower or lower garments, in pixels, say nothing.
LEAST = 16

JPEG_QUALITY = 95


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cut:
    """A garment that was cut out."""

    annotation: Annotation
    measured: Measured


def cut_garments(
    dataset: Dataset,
    folder: str | Path,
    *,
    margin: float = MARGIN,
    least: int = LEAST,
    name: str | None = None,
    track: Track = silent,
) -> Dataset:
    """Make a dataset of the garments of another, each in a picture of its own.

    Its tasks are ``category``, and the dataset's single labels that garments have as facts (drawn
    ones have all groups of attributes). Splits stay; the column ``group`` is that of the picture
    which a garment was cut from, or else names this picture, and ``box`` says where the garment is
    in what was cut. Crowds are left out.

    Args:
        dataset: with a task of kind ``garments``.
        folder: the dataset to make; new or empty.
        margin: so much of a box's width and height is cut beyond each of its edges.
        least: garments whose box is narrower or lower are left out, in pixels.
        name: what to call it; by default the dataset's name with ``-cut``.
        track: is told how far the work is.

    Raises:
        UsageError: no such task, or no garment large enough.
        DatasetError: what the dataset keeps of its garments cannot be read.
        StorageError: the folder is not empty or cannot be written, or an image cannot be read.
    """
    spec = next((spec for spec in dataset.schema if spec.kind == "garments"), None)
    if spec is None:
        there = ", ".join(f"{spec.name} ({spec.kind})" for spec in dataset.schema)
        raise UsageError(f"{dataset.folder} has no task of kind garments; it has: {there}")
    schema = _schema(dataset, spec)
    folder = Path(folder)
    with atomic_folder(folder) as building:
        (building / IMAGES).mkdir()
        cuts = list(_all(dataset, spec, schema, building, margin, least, track))
        if not cuts:
            raise UsageError(
                f"{dataset.folder} has no garment of at least {least} pixels in width and height"
            )
        write_table(building, build_table([(one.annotation, one.measured) for one in cuts], schema))
        Description(
            name=name or f"{dataset.name}-cut",
            schema=schema,
            root=IMAGES,
            gray=all(one.measured.gray for one in cuts),
            origin=f"garments of '{dataset.name}', cut out; {dataset.description.origin}",
            licence=dataset.description.licence,
        ).write(building)
    return Dataset.open(folder)


def _schema(dataset: Dataset, spec: TaskSpec) -> Schema:
    """The categories, and the single labels that some garment has as a fact."""
    facts = {
        name
        for label in dataset.labels(spec.name)
        if isinstance(label, Garments)
        for one in label.each
        for name in one.facts
    }
    others = [
        task
        for task in dataset.schema
        if task.kind == "single_label" and task.name in facts and task.name != CATEGORY
    ]
    return Schema((TaskSpec(name=CATEGORY, kind="single_label", labels=spec.labels), *others))


def _all(
    dataset: Dataset,
    spec: TaskSpec,
    schema: Schema,
    folder: Path,
    margin: float,
    least: int,
    track: Track,
) -> Iterator[_Cut]:
    labels = dataset.labels(spec.name)
    table = dataset.table
    splits = table["split"].to_list()
    names = dataset.names()
    groups = table["group"].to_list() if "group" in table.columns else [None] * len(names)
    stems = _stems(names)
    for row, image in enumerate(track(names, len(names), "Cutting")):
        label = labels[row]
        wanted = _wanted(label, least)
        if not wanted:
            continue
        pixels = dataset.pixels(image)
        for number, (garment, box) in wanted.items():
            yield _cut(
                pixels,
                box,
                folder=folder,
                place=f"{stems[row]}-{number}.jpg",
                margin=margin,
                labels=_labels(garment, schema),
                split=splits[row],
                group=groups[row] or image,
            )


def _stems(names: Sequence[str]) -> list[str]:
    """What the pictures of each image are called by: its name without ending, if that is enough."""
    rows = [packed_row(name) for name in names]
    stems = [
        str(PurePosixPath(name).with_suffix("")) if row is None else f"{row:06d}"
        for name, row in zip(names, rows, strict=True)
    ]
    return stems if len(set(stems)) == len(stems) else list(names)


def _wanted(label: Label, least: int) -> dict[int, tuple[Garment, Box]]:
    """The garments to cut out, by number from 1, and their boxes."""
    found = {}
    for number, one in enumerate(label.each if isinstance(label, Garments) else (), start=1):
        if one.box is None or one.is_crowd:
            continue
        box = Box(*one.box)
        if box.is_real and min(box.width, box.height) >= least:
            found[number] = (one, box)
    return found


def _labels(garment: Garment, schema: Schema) -> Mapping[str, Label]:
    """What is known of a garment; a fact that is no label is unknown."""
    labels: dict[str, Label] = {CATEGORY: garment.part}
    for task in schema:
        fact = garment.facts.get(task.name)
        if task.name != CATEGORY and fact in task.labels:
            labels[task.name] = str(fact)
    return labels


def _cut(
    pixels: NDArray[np.uint8],
    box: Box,
    *,
    folder: Path,
    place: str,
    margin: float,
    labels: Mapping[str, Label],
    split: str,
    group: str,
) -> _Cut:
    """Write one garment's picture."""
    left, top, right, bottom = _region(pixels, box, margin)
    part = pixels[top:bottom, left:right]
    data = io.BytesIO()
    # Colours at full resolution: stripes and checks are a few pixels wide.
    Image.fromarray(part).save(data, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    path = folder / IMAGES / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.getvalue())
    return _Cut(
        annotation=Annotation(
            image=place,
            labels=labels,
            split=split,
            group=group,
            box=Box(box.left - left, box.top - top, box.width, box.height),
        ),
        measured=Measured(
            width=right - left,
            height=bottom - top,
            sha256=hashlib.sha256(data.getvalue()).hexdigest(),
            gray=bool((part[..., :1] == part[..., 1:]).all()),
        ),
    )


def _region(pixels: NDArray[np.uint8], box: Box, margin: float) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of what is cut, in whole pixels inside the picture."""
    height, width, _ = pixels.shape
    beside, above = margin * box.width, margin * box.height
    left = min(max(math.floor(box.left - beside), 0), width - 1)
    top = min(max(math.floor(box.top - above), 0), height - 1)
    right = max(min(math.ceil(box.right + beside), width), left + 1)
    bottom = max(min(math.ceil(box.bottom + above), height), top + 1)
    return left, top, right, bottom
