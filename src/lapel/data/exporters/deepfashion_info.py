"""Datasets written as ``info.csv``, the table of Liu & Lu's code; see its reader."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

from lapel.data.dataset import Dataset
from lapel.data.deepfashion.info import ATTRIBUTE_COLUMN, COLUMNS
from lapel.data.deepfashion.places import CUT, LANDMARKS, VISIBLE
from lapel.data.deepfashion.sheet import STATUS_OF, Sheet, SheetRow, coarse_sheet
from lapel.data.deepfashion.writing import (
    ATTRIBUTE_WIDTH,
    answers,
    name_list,
    triple,
    write_lines,
)
from lapel.data.exporting import Exported, copy_images
from lapel.data.progress import Track, silent
from lapel.data.sketch.deepfashion import drawn_coarse_sheet, is_drawn
from lapel.storage.folders import atomic_folder

TABLE = "info.csv"


def export_deepfashion_info(dataset: Dataset, out: Path, *, track: Track = silent) -> Exported:
    """``info.csv``, the names of its attributes and ``img``.

    A landmark that a garment does not have is written as that code writes it: seen, at 0, 0. An
    attribute that is unknown becomes 0, as there.

    Args:
        dataset: what to write.
        out: the folder to make, new or empty.
        track: is told how far the work is.

    Raises:
        UsageError: a dataset with other tasks.
        StorageError: ``out`` is not empty or cannot be written, or an image cannot be read.
    """
    sheet = drawn_coarse_sheet(dataset) if is_drawn(dataset) else coarse_sheet(dataset)
    with atomic_folder(out) as building:
        copy_images(dataset, building, sheet.places, track)
        attributes = name_list(sheet.attributes, "attribute", ATTRIBUTE_WIDTH)
        write_lines(building / "list_attr_cloth.txt", attributes)
        with (building / TABLE).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(table_rows(sheet))
    return Exported(path=out, images=len(sheet.rows), left_out=sheet.left_out, notes=sheet.notes)


def table_rows(sheet: Sheet) -> Iterator[list[str]]:
    """The cells of the table, names of columns first."""
    yield [*COLUMNS, *(f"{ATTRIBUTE_COLUMN}{place}" for place in range(len(sheet.attributes)))]
    places = {named.name: place for place, named in enumerate(sheet.attributes)}
    for row in sheet.rows:
        yield [*_head(row, sheet), *_answers(row, places)]


def _answers(row: SheetRow, places: Mapping[str, int]) -> list[str]:
    return answers(row.labels, places, ["0"] * len(places), yes="1", unknown="0")


def _head(row: SheetRow, sheet: Sheet) -> list[str]:
    number = [named.name for named in sheet.categories].index(row.category)
    box = (row.box.left, row.box.top, row.box.right, row.box.bottom)
    numbers = [str(round(side)) for side in box]
    # Absent ones as that code leaves them: seen, inside, at 0, 0.
    triples = [
        triple(row.landmarks, name) if name in row.landmarks.names else (VISIBLE, 0, 0)
        for name in LANDMARKS
    ]
    return [
        row.place,
        *numbers,
        STATUS_OF[row.split],
        str(number),
        row.category,
        str(sheet.categories[number].type - 1),
        *(str(round(value)) for _, x, y in triples for value in (x, y)),
        *(str(int(code == VISIBLE)) for code, _, _ in triples),
        *(str(int(code != CUT)) for code, _, _ in triples),
    ]
