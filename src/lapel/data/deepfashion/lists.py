"""What the lists of DeepFashion's smaller benchmarks have beyond those of the largest one.

Landmarks come with a variation, items with attributes (1 a yes, -1 a no, 0 unknown), and some
lists have names of columns that no description tells. Everything that all benchmarks share is in
:mod:`lapel.data.deepfashion.text`. Source: the ``README.txt`` of each benchmark.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import compress
from pathlib import Path
from typing import NamedTuple

from lapel.data.deepfashion.places import CLOTHES_TYPES, VARIATIONS
from lapel.data.deepfashion.text import (
    FIRST_ROW,
    LANDMARKS_ROW,
    box_of,
    choice,
    count_faults,
    list_rows,
    shown,
    typed_landmarks,
)
from lapel.data.reading.base import refuse
from lapel.data.reading.listing import text_lines
from lapel.schema.annotation import Tags
from lapel.schema.errors import Fault
from lapel.schema.geometry import Box, Landmarks

#: The list that says which image is in which split, of every benchmark.
PARTITION_FILE = "Eval/list_eval_partition.txt"

#: The archive of pictures beside which they are unpacked, as it is downloaded.
PACKED_IMAGES = "img.zip"

#: What may be done with the smaller benchmarks, by their README.
LICENCE = "non-commercial research and education only; no copyright in the images"

VARIED_LANDMARKS_ROW = f"{LANDMARKS_ROW}; a variation from 1 to 5 after the type"

#: What is said of oddities that are mended.
NO_AREA = "boxes without an area, left out"
ITEM_AGAIN = "rows of items that stand twice with the same attributes, read once"

YES, NO, UNKNOWN = "1", "-1", "0"


class VariedLandmarks(NamedTuple):
    """What a row of landmarks says.

    Attributes:
        clothes_type: one of ``CLOTHES_TYPES``.
        variation: one of ``VARIATIONS``.
        landmarks: what is known of them.
    """

    clothes_type: str
    variation: str
    landmarks: Landmarks


def varied_landmarks(words: Sequence[str]) -> VariedLandmarks | None:
    """Type of clothes, variation and triples; None where the words are no such row."""
    variation = choice(words[1:2], VARIATIONS)
    landmarks = typed_landmarks([*words[:1], *words[2:]])
    clothes_type = choice(words[:1], CLOTHES_TYPES)
    if variation is None or landmarks is None or clothes_type is None:
        return None
    return VariedLandmarks(clothes_type, variation, landmarks)


def box_with_area(box: Box, oddities: Counter[str]) -> Box | None:
    """A box, or None and a count where it has no area."""
    if box.is_real:
        return box
    oddities[NO_AREA] += 1
    return None


class KindedBox(NamedTuple):
    """What a row of boxes says in benchmarks of retrieval.

    Attributes:
        clothes_type: one of ``CLOTHES_TYPES``.
        kind: what the second number stands for.
        box: where the garment is, perhaps without an area.
    """

    clothes_type: str
    kind: str
    box: Box


def kinded_box(words: Sequence[str], kinds: Sequence[str]) -> KindedBox | None:
    """Type of clothes, another number and a box; None where the words are no such row."""
    clothes_type, kind = choice(words[:1], CLOTHES_TYPES), choice(words[1:2], kinds)
    box = box_of(words[2:])
    if clothes_type is None or kind is None or box is None:
        return None
    return KindedBox(clothes_type, kind, box)


def needed_files(root: Path, *names: str, holding: str = "Anno, Eval and Img") -> tuple[Path, ...]:
    """Files without which nothing can be read.

    Args:
        root: the benchmark's folder.
        names: of the files, relative to it.
        holding: what a user knows that folder by.

    Raises:
        FormatError: some are missing; all of them together.
    """
    paths = tuple(root / name for name in names)
    faults = [
        Fault(file=str(path), found="nothing", expected="a file")
        for path in paths
        if not path.is_file()
    ]
    refuse(faults, remedy=f"Name the folder that holds {holding}, with all its files.")
    return paths


def found_file(root: Path, *names: str) -> Path | None:
    """The first of some files that is there; None where none is."""
    return next((root / name for name in names if (root / name).is_file()), None)


def image_root(root: Path) -> Path:
    """The folder that names of images, ``img/...``, are relative to.

    Raises:
        FormatError: the pictures are there, but in the archive that they are downloaded in.
    """
    folder = root if not (root / "Img").is_dir() and (root / "img").is_dir() else root / "Img"
    packed, unpacked = folder / PACKED_IMAGES, folder / "img"
    if packed.is_file() and not unpacked.exists():
        fault = Fault(file=str(unpacked), found="nothing", expected="the folder of the pictures")
        refuse([fault], remedy=f"Unpack {packed} there.")
    return folder


def rows_below(path: Path, faults: list[Fault]) -> Iterator[tuple[int, list[str]]]:
    """Line and words of each row of a list whose names of columns are not known.

    Args:
        path: the list.
        faults: takes up a count that lies, a header that is missing, and blank lines.

    Raises:
        FormatError: bytes that are no text.
        StorageError: the file cannot be read.
    """
    for number, line in enumerate(list_rows(path, None, faults), start=FIRST_ROW):
        if line.strip():
            yield number, line.split()
        else:
            faults.append(Fault(file=str(path), line=number, found=shown(line), expected="a row"))


def check_items(path: Path, items: Sequence[str], faults: list[Fault]) -> None:
    """Refuse items of a partition that the list of items lacks.

    Args:
        path: the list: a count, then an item a line.
        items: those of the partition.
        faults: takes up what is wrong.
    """
    lines = text_lines(path)
    faults += count_faults(str(path), lines[:1], len(lines) - 1)
    there = {line.strip() for line in lines[1:]}
    expected = f"every item of {PARTITION_FILE}"
    faults += [
        Fault(file=str(path), found=f"no {item!r}", expected=expected)
        for item in items
        if item not in there
    ]


def item_attributes(
    path: Path, count: int, faults: list[Fault], oddities: Counter[str]
) -> dict[str, tuple[str, ...]]:
    """Item to its values, each ``1``, ``-1`` or ``0``.

    Args:
        path: the list.
        count: how many attributes there are.
        faults: takes up what is wrong.
        oddities: counts rows that stand twice, word for word, as some releases have them.
    """
    found: dict[str, tuple[str, ...]] = {}
    for line, words in rows_below(path, faults):
        item, values = words[0], tuple(words[1:])
        wrong = next((value for value in values if value not in {YES, NO, UNKNOWN}), None)
        if wrong is not None:
            what, expected = f"an attribute {wrong!r}", "1, -1 or 0"
        elif len(values) != count:
            what, expected = f"{len(values)} attributes", f"{count}, as in list_attr_cloth.txt"
        elif found.setdefault(item, values) != values:
            what, expected = f"{item!r} again with other attributes", "each item once"
        else:
            oddities[ITEM_AGAIN] += found[item] is not values
            continue
        faults.append(Fault(file=str(path), line=line, found=what, expected=expected))
    return found


def item_tags(labels: Sequence[str], values: Sequence[str]) -> Tags:
    """Values of an item, each ``1``, ``-1`` or ``0``, as tags."""
    yes, unknown = (
        tuple(compress(labels, (one == value for one in values))) for value in (YES, UNKNOWN)
    )
    return Tags(yes, unknown)
