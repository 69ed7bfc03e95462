"""DeepFashion2's layout: photos by split, and a JSON file of garments for each; see its reader.

What DeepFashion2 knows and a dataset does not is written as nothing special: levels of 1, seen from
the front, no landmark labelled, a photo by a shop that is a pair with no other.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any

from lapel.data.dataset import Dataset
from lapel.data.deepfashion2.record import LEVELS
from lapel.data.deepfashion2.words import Category, categories
from lapel.data.exporting import Exported, copy_images, file_ending
from lapel.data.garments import GarmentsLabels
from lapel.data.progress import Track, silent
from lapel.imaging.outlines import CORNERS, EVEN_ODD, FILL, garment_mask, mask_box
from lapel.imaging.tracing import outlines_of
from lapel.schema.annotation import SPLITS, Label
from lapel.schema.errors import UsageError
from lapel.schema.garments import HIDDEN, UNLABELLED, VISIBLE, Garment, Garments
from lapel.schema.labels import TaskSpec
from lapel.storage.folders import atomic_folder

KIND = "garments"

#: What is written of a garment of which a dataset does not say it.
_USUAL = {"scale": 1, "occlusion": 1, "zoom_in": 1, "viewpoint": 2, "style": 0}

WRITTEN = "garments"
TRACED = "garments whose masks were written as outlines"
CROWDS = "crowds written as garments, since the layout knows none"
BARE = "garments without any landmark"


@dataclass(frozen=True, slots=True)
class _Photo:
    """A photo that is written.

    Attributes:
        row: of the dataset.
        name: of the image there.
        place: where it goes, without an ending.
        size: width and height, in pixels.
        known: whether its garments are.
        pair: what it is a photo of, by number.
    """

    row: int
    name: str
    place: str
    size: tuple[int, int]
    known: bool
    pair: int


def export_deepfashion2(dataset: Dataset, out: Path, *, track: Track = silent) -> Exported:
    """``train``, ``validation`` and ``test``, each with ``image`` and ``annos``.

    Garments are those of the task of kind ``garments``, else those of ``garments.jsonl``. Photos
    that lie in DeepFashion2's places keep them; others are numbered from 1 in each split. A photo
    whose garments are unknown is left out, but for a test photo, which needs no record.

    Args:
        dataset: whose garments are of DeepFashion2's 13 categories.
        out: the folder to make, new or empty.
        track: is told how far the work is.

    Raises:
        UsageError: garments of other categories, with another number of landmarks, or without box,
            mask and outlines.
        StorageError: ``out`` is not empty or cannot be written, or an image cannot be read.
    """
    photos = _photos(dataset)
    labels = _labels(dataset)
    counts: Counter[str] = Counter()
    with atomic_folder(out) as building:
        places = {one.name: f"{one.place}{file_ending(dataset, one.name)}" for one in photos}
        copy_images(dataset, building, places, track)
        for one in track(photos, len(photos), "Writing garments"):
            label = labels[one.row] if one.known else None
            if isinstance(label, Garments):
                split, _, stem = one.place.split("/")
                path = building / split / "annos" / f"{stem}.json"
                path.parent.mkdir(parents=True, exist_ok=True)
                record = _record(one, label.each, counts)
                path.write_text(json.dumps(record, allow_nan=False), "utf-8")
    notes = [
        f"{what}: {counts[what]:,}" for what in (WRITTEN, TRACED, BARE, CROWDS) if counts[what]
    ]
    left = len(dataset) - len(photos)
    return Exported(path=out, images=len(photos), left_out=left, notes=tuple(notes))


def _photos(dataset: Dataset) -> list[_Photo]:
    """What is written, in the dataset's order, with a place for each."""
    table = dataset.table
    names, splits = dataset.names(), table["split"].to_list()
    known = _known(dataset)
    sizes = list(zip(table["width"].to_list(), table["height"].to_list(), strict=True))
    groups = table["group"].to_list() if "group" in table.columns else [None] * len(names)
    kept = [row for row, split in enumerate(splits) if known[row] or split == "test"]
    places = _places([(names[row], splits[row]) for row in kept])
    pairs: dict[str, dict[str, int]] = {split: {} for split in SPLITS}
    found = []
    for row, place in zip(kept, places, strict=True):
        own = pairs[splits[row]]
        pair = own.setdefault(groups[row] or names[row], 1 + len(own))
        found.append(_Photo(row, names[row], place, sizes[row], known[row], pair))
    return found


def _task(dataset: Dataset) -> TaskSpec | None:
    return next((spec for spec in dataset.schema if spec.kind == KIND), None)


def _known(dataset: Dataset) -> list[bool]:
    """Of each row, whether its garments are known."""
    spec = _task(dataset)
    if spec is None:
        # What was imported before there was such a task: a photo without a line has none.
        return [True] * len(dataset)
    return dataset.table[spec.name].is_not_null().to_list()


def _labels(dataset: Dataset) -> Sequence[Label]:
    """The garments of each row, read when they are asked for."""
    spec = _task(dataset)
    if spec is None:
        return GarmentsLabels(dataset.folder, dataset.names(), [True] * len(dataset))
    return dataset.labels(spec.name)


def _places(rows: Sequence[tuple[str, str]]) -> list[str]:
    """``SPLIT/image/NUMBER`` of each photo: its own place if all have one, else a number."""
    stems = [str(PurePosixPath(name).with_suffix("")) for name, _ in rows]
    own = all(_is_place(stem, split) for stem, (_, split) in zip(stems, rows, strict=True))
    if own and len(set(stems)) == len(stems):
        return stems
    numbers: Counter[str] = Counter()
    places = []
    for _, split in rows:
        numbers[split] += 1
        places.append(f"{split}/image/{numbers[split]:06d}")
    return places


def _is_place(stem: str, split: str) -> bool:
    """Whether a name without its ending is one that DeepFashion2 would give in a split."""
    number = stem.removeprefix(f"{split}/image/")
    return number != stem and number.isascii() and number.isdecimal()


def _record(photo: _Photo, garments: Sequence[Garment], counts: Counter[str]) -> dict[str, Any]:
    """A photo's file."""
    facts: Mapping[str, Any] = garments[0].facts if garments else {}
    record: dict[str, Any] = {
        "source": facts.get("source", "shop"),
        "pair_id": facts.get("pair_id", photo.pair),
    }
    for key, garment in zip(_item_names(garments), garments, strict=True):
        record[key] = _item(photo, garment, counts)
    return record


def _item_names(garments: Sequence[Garment]) -> list[str]:
    """Their own if each has another, else ``item1``, ``item2``, ..."""
    own = [str(garment.facts.get("item", "")) for garment in garments]
    if all(own) and len(set(own)) == len(own):
        return own
    return [f"item{number}" for number in range(1, len(garments) + 1)]


def _item(photo: _Photo, garment: Garment, counts: Counter[str]) -> dict[str, Any]:
    category = {one.name: one for one in categories()}.get(garment.part)
    if category is None or len(garment.points) not in (0, category.count):
        raise UsageError(
            f"{photo.name}: found a {garment.part!r} with {len(garment.points)} landmarks, "
            "expected one of DeepFashion2's 13 categories, with its landmarks there, or none; "
            "drawn garments have them with `lapel data import sketch --tasks garments`"
        )
    counts[WRITTEN] += 1
    counts[CROWDS] += garment.is_crowd
    counts[BARE] += not garment.points
    outlines, traced = _outlines(photo, garment)
    counts[TRACED] += traced
    return {
        "segmentation": [list(map(_plain, chain.from_iterable(one))) for one in outlines],
        **{name: garment.facts.get(name, _USUAL[name]) for name in LEVELS},
        "landmarks": list(chain.from_iterable(_triples(garment, category))),
        "style": garment.facts.get("style", _USUAL["style"]),
        "bounding_box": list(map(_plain, _box(photo, garment))),
        "category_id": category.number,
        "category_name": category.name,
    }


def _outlines(
    photo: _Photo, garment: Garment
) -> tuple[Sequence[Sequence[tuple[float, float]]], bool]:
    """A garment's outlines, of which none is a hole, and whether they were traced round a mask."""
    real = any(len(outline) >= CORNERS for outline in garment.outlines)
    holes = garment.facts.get(FILL) == EVEN_ODD
    if real and not holes:
        return garment.outlines, False
    mask = garment_mask(garment, *photo.size)
    return (garment.outlines, False) if mask is None else (outlines_of(mask), True)


def _box(photo: _Photo, garment: Garment) -> tuple[float, float, float, float]:
    """Left, top, right, bottom."""
    box = garment.box
    if box is None:
        mask = garment_mask(garment, *photo.size)
        box = None if mask is None else mask_box(mask)
    if box is None:
        raise UsageError(
            f"{photo.name}: found a {garment.part!r} without box, outline and mask, expected one "
            "of them"
        )
    left, top, width, height = box
    return left, top, left + width, top + height


def _triples(garment: Garment, category: Category) -> Iterator[tuple[float, float, int]]:
    """x, y and state of each landmark; 0, 0, 0 of one that is not labelled."""
    hidden = set(garment.hidden)
    for place, point in enumerate(garment.points or (None,) * category.count):
        if point is None:
            yield 0, 0, UNLABELLED
        else:
            yield _plain(point[0]), _plain(point[1]), HIDDEN if place in hidden else VISIBLE


def _plain(value: float) -> float:
    """A whole number without a fraction, as the layout has them."""
    return int(value) if float(value).is_integer() else value
