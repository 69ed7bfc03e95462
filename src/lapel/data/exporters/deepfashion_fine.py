"""Datasets written as DeepFashion's fine annotations; see their reader."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lapel.data.dataset import Dataset
from lapel.data.deepfashion.names import Named
from lapel.data.deepfashion.places import LANDMARKS
from lapel.data.deepfashion.schema import FINE_TASKS
from lapel.data.deepfashion.sheet import STATUS_OF, Sheet, SheetRow, fine_sheet
from lapel.data.deepfashion.text import clothes_landmarks
from lapel.data.deepfashion.writing import (
    CATEGORY_WIDTH,
    box_words,
    coordinate,
    fine_name_list,
    name_list,
    write_lines,
)
from lapel.data.exporting import Exported, copy_images
from lapel.data.progress import Track, silent
from lapel.data.sketch.deepfashion import drawn_fine_sheet, is_drawn
from lapel.storage.folders import atomic_folder

LISTS = "Anno_fine"


def export_deepfashion_fine(dataset: Dataset, out: Path, *, track: Track = silent) -> Exported:
    """``Anno_fine`` and ``Img``, as the benchmark has them: what its reader looks at.

    Drawn garments (``lapel data import sketch --attributes fine``) get categories by DeepFashion's
    names.

    Args:
        dataset: what to write.
        out: the folder to make, new or empty.
        track: is told how far the work is.

    Raises:
        UsageError: a dataset with other tasks.
        StorageError: ``out`` is not empty or cannot be written, or an image cannot be read.
    """
    sheet = drawn_fine_sheet(dataset) if is_drawn(dataset) else fine_sheet(dataset)
    with atomic_folder(out) as building:
        copy_images(dataset, building / "Img", sheet.places, track)
        write_fine(building / LISTS, sheet)
    return Exported(path=out, images=len(sheet.rows), left_out=sheet.left_out, notes=sheet.notes)


def write_fine(lists: Path, sheet: Sheet) -> None:
    """The lists of names, and five files a split."""
    write_lines(lists / "list_attr_cloth.txt", fine_name_list(sheet.attributes))
    categories = name_list(sheet.categories, "category", CATEGORY_WIDTH)
    write_lines(lists / "list_category_cloth.txt", categories)
    numbers = {named.name: place for place, named in enumerate(sheet.categories, start=1)}
    for split, part in STATUS_OF.items():
        rows = [row for row in sheet.rows if row.split == split]
        write_lines(lists / f"{part}.txt", (row.place for row in rows))
        answers = (_answers(row, sheet.attributes) for row in rows)
        write_lines(lists / f"{part}_attr.txt", answers)
        write_lines(lists / f"{part}_cate.txt", (str(numbers[row.category]) for row in rows))
        write_lines(lists / f"{part}_bbox.txt", (box_words(row.box) for row in rows))
        write_lines(lists / f"{part}_landmarks.txt", map(_points, rows))


def _answers(row: SheetRow, attributes: Sequence[Named]) -> str:
    held = {row.labels[task] for task in FINE_TASKS}
    return " ".join("1" if name in held else "0" for name, _ in attributes)


def _points(row: SheetRow) -> str:
    """Eight points; what is hidden, cut off or not there is ``0 0``."""
    words = []
    for name in clothes_landmarks(row.clothes):
        point = row.landmarks.points.get(name)
        seen = point is not None and point.visible
        words.append(f"{coordinate(point.x)} {coordinate(point.y)}" if point and seen else "0 0")
    return " ".join(words + ["0 0"] * (len(LANDMARKS) - len(words)))
