"""Datasets with label maps as photos and PNG files; see the reader of ``masks``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from lapel.data.dataset import Dataset
from lapel.data.exporting import (
    Exported,
    FreeNames,
    chosen_tasks,
    copy_images,
    file_name,
    write_plain_csv,
)
from lapel.data.images import packed_row
from lapel.data.progress import Track, silent
from lapel.imaging.draw_classes import mask_png
from lapel.imaging.file_names import named_like_picture
from lapel.schema.masks import ClassMap
from lapel.storage.folders import atomic_folder

PHOTOS, MAPS, LIST_FILE = "photos", "masks", "labels.csv"


def export_masks(
    dataset: Dataset, out: Path, *, task: Sequence[str] | None = None, track: Track = silent
) -> Exported:
    """``photos/SPLIT``, ``masks/SPLIT`` and ``labels.csv``.

    Maps are indexed PNG files: values are classes as ``labels.csv`` numbers them, 255 is unknown,
    and the palette is for the eye. Photos without a map are left out.

    Args:
        dataset: what to write.
        out: the folder to make, new or empty.
        task: whose maps; may be left out where there is only one of kind ``segmentation``.
        track: is told how far the work is.

    Raises:
        UsageError: no or several tasks of the kind, and none named.
        StorageError: ``out`` is not empty or cannot be written, or an image cannot be read.
    """
    (name,) = chosen_tasks(dataset, task, kind="segmentation", count=1, layout="masks")
    spec = dataset.schema[name]
    labels = dataset.labels(name)
    known = dataset.table[name].is_not_null().to_list()
    splits = dataset.table["split"].to_list()
    names = FreeNames()
    places: dict[str, str] = {}
    maps: dict[int, str] = {}
    for row, image in enumerate(dataset.names()):
        if known[row]:
            plain = named_like_picture(image) or packed_row(image) is not None
            base = file_name(image, b"" if plain else dataset.read(image))
            # Told apart by the name of the map, which has another ending than the photo.
            place = PurePosixPath(names.take(splits[row], f"{PurePosixPath(base).stem}.png"))
            places[image] = f"{PHOTOS}/{place.with_suffix(PurePosixPath(base).suffix)}"
            maps[row] = f"{MAPS}/{place}"
    with atomic_folder(out) as building:
        copy_images(dataset, building, places, track)
        for row, place_of_map in maps.items():
            mask = labels[row]
            if isinstance(mask, ClassMap):
                path = building / place_of_map
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(mask_png(mask.pixels, spec.labels))
        rows = [(str(number), label) for number, label in enumerate(spec.labels)]
        write_plain_csv(building / LIST_FILE, [("id", "name"), *rows])
    return Exported(path=out, images=len(places), left_out=len(known) - len(places))
