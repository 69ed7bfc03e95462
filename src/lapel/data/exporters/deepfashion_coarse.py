"""Datasets written as DeepFashion's Category and Attribute Prediction Benchmark; see its reader."""

from __future__ import annotations

import json
from pathlib import Path

from lapel.data.dataset import Dataset
from lapel.data.deepfashion.lists import PARTITION_FILE
from lapel.data.deepfashion.sheet import Sheet, coarse_sheet
from lapel.data.deepfashion.writing import (
    ATTRIBUTE_WIDTH,
    CATEGORY_WIDTH,
    answer_list,
    box_list,
    category_list,
    landmark_list,
    name_list,
    partition_list,
    write_lines,
)
from lapel.data.exporting import Exported, copy_images
from lapel.data.progress import Track, silent
from lapel.data.sketch.deepfashion import PLANTED_FILE, drawn_coarse_sheet, is_drawn, planted
from lapel.schema.errors import UsageError
from lapel.storage.folders import atomic_folder

LISTS = "Anno_coarse"


def export_deepfashion_coarse(
    dataset: Dataset,
    out: Path,
    *,
    duplicates: bool = False,
    seed: int = 0,
    track: Track = silent,
) -> Exported:
    """``Anno_coarse``, ``Eval`` and ``Img``, as the benchmark has them.

    A dataset that was imported from the benchmark comes back as it was. Drawn garments
    (``lapel data import sketch``) get categories and attributes by DeepFashion's names, told from
    what is drawn.

    Args:
        dataset: what to write.
        out: the folder to make, new or empty.
        duplicates: of drawn garments, write attributes that DeepFashion has under several names
            under one of them, drawn for each picture, as its annotations have them. Which names
            are one is written to ``planted_duplicates.json``.
        seed: another seed, other names.
        track: is told how far the work is.

    Raises:
        UsageError: a dataset with other tasks; duplicates asked of one that is not drawn.
        StorageError: ``out`` is not empty or cannot be written, or an image cannot be read.
    """
    if duplicates and not is_drawn(dataset):
        raise UsageError(
            "duplicates are planted in drawn garments alone; draw some with `lapel data import "
            "sketch`"
        )
    if is_drawn(dataset):
        sheet = drawn_coarse_sheet(dataset, duplicates=duplicates, seed=seed)
    else:
        sheet = coarse_sheet(dataset)
    with atomic_folder(out) as building:
        copy_images(dataset, building / "Img", sheet.places, track)
        write_coarse(building, sheet)
        if duplicates:
            text = json.dumps(planted(), indent=1) + "\n"
            (building / PLANTED_FILE).write_text(text, encoding="utf-8")
    return Exported(
        path=out,
        images=len(sheet.rows),
        left_out=sheet.left_out,
        notes=(*sheet.notes, f"which names are one: {PLANTED_FILE}") if duplicates else sheet.notes,
    )


def write_coarse(folder: Path, sheet: Sheet) -> None:
    """All lists of the benchmark."""
    lists = folder / LISTS
    categories = name_list(sheet.categories, "category", CATEGORY_WIDTH)
    attributes = name_list(sheet.attributes, "attribute", ATTRIBUTE_WIDTH)
    write_lines(lists / "list_category_cloth.txt", categories)
    write_lines(lists / "list_category_img.txt", category_list(sheet))
    write_lines(lists / "list_attr_cloth.txt", attributes)
    write_lines(lists / "list_attr_img.txt", answer_list(sheet))
    write_lines(lists / "list_bbox.txt", box_list(sheet))
    write_lines(lists / "list_landmarks.txt", landmark_list(sheet))
    write_lines(folder / PARTITION_FILE, partition_list(sheet))
