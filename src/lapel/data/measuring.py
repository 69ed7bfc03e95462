"""Opening every picture once: its size, its hash, and whether it opens at all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from lapel.data.images import ImageFiles, PackedImages
from lapel.data.progress import Track
from lapel.schema.annotation import Annotation
from lapel.schema.errors import Fault, FormatError, ImageError, StorageError
from lapel.storage.machine import usable_cores

Item = TypeVar("Item")
Result = TypeVar("Result")

#: Items that one thread takes at a time, at most.
ITEMS_AT_ONCE = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What is known of a picture once it has been opened.

    Attributes:
        width: of the upright picture, in pixels.
        height: of the upright picture, in pixels.
        sha256: of the file's bytes, or of a packed picture's pixels, in hexadecimal.
        gray: whether it is without colour.
    """

    width: int
    height: int
    sha256: str
    gray: bool


def measure_image(
    source: ImageFiles | PackedImages, name: str
) -> tuple[Measured, NDArray[np.uint8]] | Fault:
    """Open one image: what there is to know of it, and its pixels (H, W, 3); or what is wrong."""
    try:
        raw = source.raw(name) if isinstance(source, PackedImages) else source.read(name)
        digest = hashlib.sha256(raw).hexdigest()
        pixels = (
            source.decoded(raw, name) if isinstance(source, ImageFiles) else source.pixels(name)
        )
    except (ImageError, StorageError) as error:
        fault = error.fault if isinstance(error, ImageError) else str(error)
        return Fault(file=name, found=fault)
    height, width, _ = pixels.shape
    gray = bool((pixels[..., :1] == pixels[..., 1:]).all())
    return Measured(width=width, height=height, sha256=digest, gray=gray), pixels


def in_parallel(work: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """Do work on all cores, in order. Decoders and hashes let go of the interpreter's lock."""
    threads = usable_cores()
    # A task of its own for each of 300,000 items would take more memory than the items.
    at_once = max(1, min(ITEMS_AT_ONCE, len(items) // (8 * threads)))
    parts = [items[start : start + at_once] for start in range(0, len(items), at_once)]
    with ThreadPoolExecutor(max_workers=threads) as pool:
        for results in pool.map(lambda part: [work(item) for item in part], parts):
            yield from results


def measure_all(
    source: ImageFiles | PackedImages,
    rows: Sequence[Annotation],
    on_unreadable: Callable[[Sequence[Fault]], None] | None,
    track: Track,
) -> list[tuple[Annotation, Measured]]:
    """Open every image once, on all cores; the order of the rows is kept.

    Raises:
        FormatError: images that cannot be opened, all together, unless ``on_unreadable`` takes
            them; and when not one image can be opened.
    """
    measured: list[tuple[Annotation, Measured]] = []
    faults: list[Fault] = []
    results = in_parallel(lambda row: _without_pixels(measure_image(source, row.image)), rows)
    for row, found in track(zip(rows, results, strict=True), len(rows), "Opening images"):
        if isinstance(found, Fault):
            faults.append(found)
        else:
            measured.append((row, found))
    if faults and (on_unreadable is None or not measured):
        raise FormatError(faults, remedy=_remedy(len(faults), len(rows)))
    if faults and on_unreadable is not None:
        on_unreadable(faults)
    return measured


def _remedy(unusable: int, rows: int) -> str:
    if unusable == rows:
        return f"{unusable} of {rows} images cannot be used; mend them"
    return (
        f"{unusable} of {rows} images cannot be used; mend them, or leave them out with "
        "--skip-unreadable"
    )


def _without_pixels(found: tuple[Measured, NDArray[np.uint8]] | Fault) -> Measured | Fault:
    return found if isinstance(found, Fault) else found[0]
