"""The numbers by which files in COCO's form call images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath


def image_numbers(names: Sequence[str]) -> list[int]:
    """A number for each image of a split: the one that it is called by (``000123.jpg`` is 123, as
    DeepFashion2 has it) where every name is such a number and no two are the same; else its place,
    from 1.
    """
    stems = [PurePosixPath(name).stem for name in names]
    if all(stem.isascii() and stem.isdecimal() for stem in stems):
        numbers = [int(stem) for stem in stems]
        # COCO's own code takes an id of 0 for none.
        if len(set(numbers)) == len(numbers) and 0 not in numbers:
            return numbers
    return list(range(1, len(names) + 1))
