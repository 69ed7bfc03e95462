"""The numbers by which files in COCO's form call images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath


def own_numbers(names: Iterable[str]) -> list[int] | None:
    """The number that each image is called by (``000123.jpg`` is 123, as DeepFashion2 has it);
    None unless every name is such a number, and no two are the same.
    """
    stems = [PurePosixPath(name).stem for name in names]
    if not all(stem.isascii() and stem.isdecimal() for stem in stems):
        return None
    numbers = [int(stem) for stem in stems]
    return numbers if len(set(numbers)) == len(numbers) else None


def image_numbers(names: Sequence[str], splits: Iterable[Iterable[str]] = ()) -> list[int]:
    """A number for each image: its own, else its place, from 1.

    Args:
        names: of the images that are numbered.
        splits: names of all images of each split of their dataset: they have their own numbers only
            where those of every split have, so that one rule holds for the whole dataset.
    """
    numbers = own_numbers(names)
    if numbers is None or any(own_numbers(split) is None for split in splits):
        return list(range(1, len(names) + 1))
    return numbers
