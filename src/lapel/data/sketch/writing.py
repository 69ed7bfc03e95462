"""Datasets of drawn garments on disk."""

from __future__ import annotations

import json
import multiprocessing
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import polars as pl

from lapel.data.columns import column_of
from lapel.data.creating import check_place
from lapel.data.dataset import Dataset
from lapel.data.description import Description
from lapel.data.garments import write_garments
from lapel.data.masks import mask_file
from lapel.data.progress import Track, silent
from lapel.data.sketch.catalogue import catalogue_bytes
from lapel.data.sketch.drawn import Drawn, draw_files
from lapel.data.sketch.picture import SEVERAL_LIMIT, Options
from lapel.data.sketch.places import (
    PARSING_TASK,
    PLACE_TASKS,
    kinds_task,
    place_specs,
)
from lapel.data.sketch.records import (
    CATALOGUE_FILE,
    IMAGES,
    LANDMARKS_FILE,
    MASKS,
    RECORDS_FILE,
    landmark_table,
)
from lapel.data.sketch.vocabulary import ATTRIBUTES, sketch_schema
from lapel.data.table import build_table, write_table
from lapel.schema.errors import UsageError
from lapel.schema.labels import Schema
from lapel.storage.folders import atomic_folder, refuse_occupied
from lapel.storage.local import write_atomically

SIZES = (32, 2048)

LICENCE = "CC0 1.0: nobody holds rights in what the seed decides"


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
    schema = sketch_schema(
        options.attributes,
        several=options.several > 1,
        kinds_task=kinds_task(options),
        places=place_specs(options),
    )
    with atomic_folder(folder, replace=replace) as building:
        (building / IMAGES).mkdir()
        (building / MASKS).mkdir()
        if PARSING_TASK in options.tasks:
            (building / MASKS / PARSING_TASK).mkdir()
        work = partial(draw_files, options=options, folder=building)
        drawn = list(track(_all(work, count, jobs), count, "Drawing"))
        table = build_table([(one.annotation, one.measured) for one in drawn], schema)
        write_table(building, table.with_columns(_place_columns(drawn, schema)))
        _write_beside(building, drawn)
        # Last, so that a folder with a description is a whole dataset.
        Description(
            name=name, schema=schema, root=IMAGES, origin=_origin(options), licence=LICENCE
        ).write(building)
    return Dataset.open(folder)


def _place_columns(drawn: Sequence[Drawn], schema: Schema) -> list[pl.Series]:
    """The columns of tasks whose labels lie beside the table."""
    cells: dict[str, list[str | int]] = {
        "segmentation": [mask_file(PARSING_TASK, one.annotation.image) for one in drawn],
        "garments": [len(one.places) for one in drawn],
    }
    return [
        pl.Series(spec.name, cells[spec.kind], dtype=column_of(spec).dtype)
        for spec in schema
        if spec.kind in cells
    ]


def _check(options: Options, count: int, jobs: int) -> None:
    low, high = SIZES
    others = [task for task in options.tasks if task not in PLACE_TASKS]
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
        (
            bool(others),
            f"found tasks {', '.join(others)}, expected some of {', '.join(PLACE_TASKS)}",
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
    files = rf"{IMAGES}(/\d+\.jpg)?|{MASKS}(/\d+\.png)?|{MASKS}/{PARSING_TASK}(/\d+\.jpg\.png)?"
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if name not in own and not re.fullmatch(files, name):
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


def _write_beside(folder: Path, drawn: list[Drawn]) -> None:
    lines = (json.dumps(one.record) + "\n" for one in drawn)
    write_atomically(folder / RECORDS_FILE, "".join(lines).encode())
    write_atomically(folder / LANDMARKS_FILE, landmark_table())
    write_atomically(folder / CATALOGUE_FILE, catalogue_bytes(one.row for one in drawn))
    write_garments(folder, {one.annotation.image: one.places for one in drawn})


def _origin(options: Options) -> str:
    uneven = ", labels uneven" if options.uneven else ""
    views = f", {options.views} pictures a garment" if options.views > 1 else ""
    tasks = f", with {', '.join(options.tasks)}" if options.tasks else ""
    return (
        f"drawn by Lapel: seed {options.seed}, {options.size} pixels square, up to "
        f"{options.several} garments a picture, {options.attributes} attributes{uneven}{views}"
        f"{tasks}"
    )
