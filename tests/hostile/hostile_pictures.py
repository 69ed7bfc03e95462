"""More than 500 corrupt and hostile pictures, made here, the same every time.

    for picture in hostile_pictures():
        ...  # picture.name, picture.data, picture.verdict, picture.size, picture.too_large

They come one after another: some are of many megabytes, so keep none. ``verdict`` says what should
become of each; see :mod:`verdicts`.
"""

from __future__ import annotations

from collections.abc import Iterator

from damaged_pictures import flipped, grafted, overwritten, torn
from lying_pictures import (
    bombs,
    claimed_sizes,
    floods,
    frames_of_jpeg,
    other_sizes,
    structure,
)
from odd_pictures import (
    animations,
    metadata,
    no_pictures,
    orientations,
    other_formats,
    polyglots,
    shapes,
    wrong_suffixes,
)
from verdicts import HostilePicture

__all__ = ["GROUPS", "HostilePicture", "hostile_pictures"]

#: In the order in which they come.
GROUPS = (
    torn, flipped, overwritten, grafted,
    claimed_sizes, other_sizes, structure, frames_of_jpeg, bombs, floods,
    shapes, orientations, metadata, animations,
    wrong_suffixes, polyglots, other_formats, no_pictures,
)  # fmt: skip


def hostile_pictures() -> Iterator[HostilePicture]:
    """All of them, one after another."""
    for group in GROUPS:
        yield from group()
