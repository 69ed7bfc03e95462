"""Label maps of a layout: every file looked at once, and read again when its map is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lapel.data.label_maps.pixel_classes import PixelClasses, codes_of
from lapel.data.measuring import in_parallel
from lapel.data.progress import Track
from lapel.data.reading.base import read_bytes
from lapel.data.reading.json_records import RecordError
from lapel.data.reading.on_demand import OnDemand
from lapel.imaging.label_maps import read_label_map
from lapel.schema.counting import counted
from lapel.schema.errors import Fault, FormatError, ImageError
from lapel.schema.masks import UNKNOWN_CLASS, ClassMap

#: Values that messages show of a map.
_SHOWN = 8

#: From a file to its values: (H, W) numbers or (H, W, 3) colours.
ReadValues = Callable[[Path], NDArray[np.integer]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedAt:
    """What the label maps of a layout are.

    Attributes:
        values: image to the values that some pixel of its map has, ascending.
        faults: maps that cannot be read, and values that stand for no class.
        notes: what the user should know about them.
        masks: image to its label map, read anew each time.
    """

    values: Mapping[str, tuple[int, ...]]
    faults: tuple[Fault, ...]
    notes: tuple[str, ...]
    masks: Mapping[str, ClassMap]


def png_values(path: Path) -> NDArray[np.integer]:
    """The values of a PNG file.

    Raises:
        RecordError: it is no whole PNG.
        StorageError: it cannot be read.
    """
    try:
        return read_label_map(read_bytes(path), name=str(path))
    except ImageError as error:
        raise RecordError(error.fault, "") from error


def look_at_maps(
    files: Mapping[str, Path], read: ReadValues, classes: PixelClasses, track: Track
) -> LookedAt:
    """Open every label map once, on all cores.

    Args:
        files: image to the file of its map.
        read: a file's values; it raises ``RecordError`` for one that has none.
        classes: what values mean.
        track: is told how far the work is.
    """
    looks = in_parallel(lambda image: _look(files[image], read, classes), list(files))
    values: dict[str, tuple[int, ...]] = {}
    faults: list[Fault] = []
    void = 0
    for image, found in track(zip(files, looks, strict=True), len(files), "Reading label maps"):
        if isinstance(found, Fault):
            faults.append(found)
        else:
            values[image], unknown = found
            void += unknown
    kept = "label map has pixels", "label maps have pixels"
    note = f"{counted(void, *kept)} of unknown class ({UNKNOWN_CLASS}, or no class of the task)"
    return LookedAt(
        values=values,
        faults=tuple(faults),
        notes=(note,) if void else (),
        masks=OnDemand(files, lambda image: _map(files[image], read, classes)),
    )


def _look(
    path: Path, read: ReadValues, classes: PixelClasses
) -> tuple[tuple[int, ...], bool] | Fault:
    """The values of a map and whether some pixel's class is unknown; or what is wrong with it."""
    found = _checked(path, read, classes)
    if isinstance(found, Fault):
        return found
    values, codes = found
    row = classes.map_of(_as_values(codes, coloured=values.ndim == 3))
    return codes, bool((row.pixels == UNKNOWN_CLASS).any())


def _checked(
    path: Path, read: ReadValues, classes: PixelClasses
) -> tuple[NDArray[np.integer], tuple[int, ...]] | Fault:
    """A map's values, and the different ones of them; or what is wrong with it."""
    try:
        values = read(path)
    except RecordError as error:
        return error.fault(path)
    coloured = values.ndim == 3
    if coloured and classes.coloured is None:
        expected = "numbers of classes, or a list of the classes with their colours"
        return Fault(file=str(path), found="a label map in colour", expected=expected)
    codes = tuple(_different(values))
    strange = classes.strange(codes, coloured=coloured)
    if strange:
        words = [f"#{code:06x}" if coloured else str(code) for code in strange]
        shown = ", ".join(words[:_SHOWN]) + (", ..." if len(words) > _SHOWN else "")
        expected = "values of the list of classes"
        return Fault(file=str(path), found=f"pixels of {shown}", expected=expected)
    return values, codes


def _different(values: NDArray[np.integer]) -> Iterator[int]:
    """The different values, ascending."""
    if values.dtype == np.uint8 and values.ndim == 2:
        yield from np.flatnonzero(np.bincount(values.ravel(), minlength=256)).tolist()
    else:
        yield from np.unique(codes_of(values)).tolist()


def _as_values(codes: tuple[int, ...], *, coloured: bool) -> NDArray[np.integer]:
    """Codes as a map of one row."""
    row = np.asarray(codes, np.int64)[None]
    return np.stack([row >> 16, row >> 8 & 255, row & 255], axis=-1) if coloured else row


def _map(path: Path, read: ReadValues, classes: PixelClasses) -> ClassMap:
    """A map that was looked at before.

    Raises:
        FormatError: it was changed in the meantime.
    """
    found = _checked(path, read, classes)
    if isinstance(found, Fault):
        raise FormatError([found])
    return classes.map_of(found[0])
