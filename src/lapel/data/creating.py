"""Making a dataset folder: every picture opened, every label checked, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lapel.data.columns import column_of
from lapel.data.dataset import Dataset
from lapel.data.description import DESCRIPTION_FILE, Description, recorded_root
from lapel.data.garments import GARMENTS_FILE, outside_faults, write_garments
from lapel.data.glossary import GLOSSARY_FILE, write_glossary
from lapel.data.images import PACKED_FILE, ImageFiles, PackedImages
from lapel.data.masks import MASKS_FOLDER, write_masks
from lapel.data.measuring import Measured, measure_all
from lapel.data.progress import Track, silent
from lapel.data.reading.on_demand import OnDemand
from lapel.data.table import TABLE_FILE, build_table, check_rows, write_table
from lapel.imaging.decode import Limits
from lapel.schema.annotation import Annotation
from lapel.schema.errors import DatasetError, Fault, FormatError
from lapel.schema.garments import Garment
from lapel.schema.labels import Schema
from lapel.schema.masks import ClassMap
from lapel.storage.folders import atomic_folder, refuse_others
from lapel.storage.stores import open_store


def create_dataset(
    folder: str | Path,
    *,
    name: str,
    schema: Schema,
    annotations: Iterable[Annotation],
    images: str | Path | NDArray[np.uint8],
    origin: str = "",
    licence: str = "",
    garments: Mapping[str, Sequence[Garment]] | None = None,
    masks: Mapping[str, Mapping[str, ClassMap]] | None = None,
    sizes: Mapping[str, tuple[int, int]] | None = None,
    keep_outside: bool = False,
    glossary: Mapping[str, str] | None = None,
    benchmark: str = "",
    limits: Limits | None = None,
    on_unreadable: Callable[[Sequence[Fault]], None] | None = None,
    replace: bool = False,
    track: Track = silent,
) -> Dataset:
    """Make a dataset folder. Every picture is opened; the folder appears whole or not at all.

    Args:
        folder: where; it must be new or empty unless ``replace``.
        name: what to call it.
        schema: its tasks.
        annotations: a row each; a split of None is kept as ``train``.
        images: the folder (or location) that image names are relative to; or the pictures
            themselves, uint8 (N, H, W) or (N, H, W, 3), named ``images.npy#ROW``.
        origin: where it comes from, in words.
        licence: what may be done with it, in words.
        garments: image name to where its garments are; kept in ``garments.jsonl``.
        masks: segmentation task to image name to label map; kept below ``masks``.
        sizes: image name to the width and height that its upright picture must have.
        keep_outside: keep garments that reach over their picture, instead of refusing them.
        glossary: label to its name in English; kept in ``glossary.json``.
        benchmark: the public benchmark that this is, as in ``Description``.
        limits: what a picture may cost to open.
        on_unreadable: is told of the pictures that could not be opened, which are then left
            out; without it they are refused.
        replace: take the place of a dataset that stands in ``folder``.
        track: is told how far the work is.

    Raises:
        DatasetError: no rows, a task named like one of the table's own columns, or files to
            replace that are no dataset's.
        FormatError: images twice, splits or labels that do not exist, pictures that cannot be
            opened or are of another size, garments outside their picture, label maps of another
            size; all faults of a kind together.
        StorageError: the folder is not empty or cannot be written.
    """
    rows = list(annotations)
    check_rows(rows, schema)
    folder = Path(folder)
    check_place(folder, replace=replace)
    with atomic_folder(folder, replace=replace) as building:
        if isinstance(images, np.ndarray):
            np.save(building / PACKED_FILE, images, allow_pickle=False)
            source: ImageFiles | PackedImages = PackedImages(building / PACKED_FILE)
            root = "."
        else:
            source = ImageFiles(open_store(images), limits)
            root = recorded_root(images, folder)
        measured = measure_all(source, rows, on_unreadable, track)
        garments = garments or {}
        _refuse_other_sizes(measured, sizes or {})
        if not keep_outside:
            _refuse_outside(measured, garments)
        counts = _keep_beside(building, measured, garments, glossary or {})
        gray = all(found.gray for _, found in measured)
        beside = _columns_beside(building, measured, schema, counts, masks or {})
        write_table(building, build_table(measured, schema).with_columns(beside))
        # Last, so that a folder with a description is a whole dataset.
        Description(
            name=name,
            schema=schema,
            root=root,
            gray=gray,
            origin=origin,
            licence=licence,
            benchmark=benchmark,
        ).write(building)
    return Dataset.open(folder)


def _refuse_other_sizes(
    measured: Sequence[tuple[Annotation, Measured]], sizes: Mapping[str, tuple[int, int]]
) -> None:
    pairs = (((found.width, found.height), row.image) for row, found in measured)
    faults = [
        Fault(
            file=image,
            found=f"a picture of {size[0]} x {size[1]} pixels",
            expected=f"{sizes[image][0]} x {sizes[image][1]}, as the annotations say",
        )
        for size, image in pairs
        if sizes.get(image, size) != size
    ]
    if faults:
        raise FormatError(
            faults,
            remedy="Places are pixels of the picture as it stands upright: put back the pictures "
            "that were annotated, or take out sizes that are wrong.",
        )


def _refuse_outside(
    measured: Sequence[tuple[Annotation, Measured]], garments: Mapping[str, Sequence[Garment]]
) -> None:
    sizes = [(row.image, found.width, found.height) for row, found in measured]
    faults = list(outside_faults(garments, sizes))
    if faults:
        raise FormatError(faults)


def _keep_beside(
    folder: Path,
    measured: Sequence[tuple[Annotation, Measured]],
    garments: Mapping[str, Sequence[Garment]],
    glossary: Mapping[str, str],
) -> dict[str, int]:
    """Write what a layout knows beyond its labels, of the images that are kept.

    Returns:
        Image to how many garments were written of it.
    """
    kept = [row.image for row, _ in measured if row.image in garments]
    if glossary:
        write_glossary(folder, glossary)
    if not kept:
        return {}
    return write_garments(folder, OnDemand(kept, garments.__getitem__))


def _columns_beside(
    folder: Path,
    measured: Sequence[tuple[Annotation, Measured]],
    schema: Schema,
    counts: Mapping[str, int],
    masks: Mapping[str, Mapping[str, ClassMap]],
) -> list[pl.Series]:
    """The columns of tasks whose labels are kept beside the table; label maps are written."""
    columns = []
    for spec in schema:
        if spec.kind == "segmentation":
            sizes = ((row.image, found.width, found.height) for row, found in measured)
            cells: Sequence[Any] = write_masks(folder, spec, masks.get(spec.name, {}), sizes)
        elif spec.kind == "garments":
            cells = [counts.get(row.image) for row, _ in measured]
        else:
            continue
        columns.append(pl.Series(spec.name, cells, dtype=column_of(spec).dtype))
    return columns


def check_place(folder: Path, *, replace: bool) -> None:
    """Refuse a place where no dataset can be made. A dataset is replaced, never photos or notes.

    Raises:
        DatasetError: more than a dataset would be replaced.
        StorageError: something stands there and is not to be replaced.
    """
    own = {
        DESCRIPTION_FILE,
        TABLE_FILE,
        PACKED_FILE,
        GARMENTS_FILE,
        GLOSSARY_FILE,
        MASKS_FOLDER,
    }
    refuse_others(
        folder,
        lambda name: name.partition("/")[0] in own,
        what="a dataset",
        replace=replace,
        error=DatasetError,
    )
