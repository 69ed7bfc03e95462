"""What readers share: the value that they yield, and careful looks at files.

A reader turns one public layout into a :class:`Reading`. It opens no picture: that is done
once for all layouts, when the dataset is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lapel.schema.annotation import Annotation
from lapel.schema.errors import Fault, FormatError, StorageError, UsageError
from lapel.schema.garments import Garment
from lapel.schema.labels import Schema
from lapel.schema.masks import ClassMap


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A public layout as read: all that a dataset is made of.

    Attributes:
        name: what to call the dataset.
        schema: its tasks; labels in the layout's own order, or sorted.
        annotations: a row an image, in an order that never changes.
        images: the folder that image names are relative to, or the packed pictures
            themselves, uint8 (N, H, W), named by ``lapel.data.images.packed_name``.
        origin: where it comes from and what was done to it, in words.
        licence: what may be done with it; empty when unknown.
        notes: what the user should know about how the source was understood.
        garments: image name to where its garments are, where the layout knows. They are the labels
            of a task of kind ``garments``, if the schema has one; an image without a key is then
            unknown, and one with an empty tuple has none.
        masks: of each task of kind ``segmentation``: image name to its label map, made when it is
            asked for.
        sizes: image name to width and height in pixels, where the layout says them; places are
            pixels of a picture of that size, and one of another is refused when it is opened.
        keep_outside: whether garments that reach over their picture are kept as annotated; else
            they are refused when the pictures are opened.
        glossary: label to its name in English, where the labels are in another language.
        benchmark: the public benchmark that this is, as in ``Description``.
    """

    name: str
    schema: Schema
    annotations: tuple[Annotation, ...]
    images: Path | NDArray[np.uint8]
    origin: str
    licence: str = ""
    notes: tuple[str, ...] = ()
    garments: Mapping[str, Sequence[Garment]] = field(default_factory=dict)
    masks: Mapping[str, Mapping[str, ClassMap]] = field(default_factory=dict)
    sizes: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    keep_outside: bool = False
    glossary: Mapping[str, str] = field(default_factory=dict)
    benchmark: str = ""


def is_hidden(name: str) -> bool:
    """Whether a file or folder is an operating system's own, and no part of the data."""
    return name.startswith((".", "__MACOSX")) or name in {"Thumbs.db", "desktop.ini"}


def existing_folder(path: str | Path) -> Path:
    """A folder that the user named.

    Raises:
        UsageError: there is none.
    """
    folder = Path(path)
    if not folder.is_dir():
        found = "a file" if folder.exists() else "nothing"
        raise UsageError(f"{folder}: found {found}, expected a folder")
    return folder


def existing_file(path: str | Path) -> Path:
    """A file that the user named.

    Raises:
        UsageError: there is none.
    """
    file = Path(path)
    if not file.is_file():
        found = "a folder" if file.is_dir() else "nothing"
        raise UsageError(f"{file}: found {found}, expected a file")
    return file


def read_bytes(path: Path) -> bytes:
    """All bytes of a file.

    Raises:
        StorageError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise StorageError(f"{path} could not be read: {error.strerror or error}") from error


def sorted_labels(labels: Iterable[str | None]) -> tuple[str, ...]:
    """The different labels, sorted: an order that does not depend on the order of rows."""
    return tuple(sorted({label for label in labels if label is not None}))


def oddity_notes(oddities: Mapping[str, int], missing: Sequence[str] = ()) -> Iterator[str]:
    """Notes on what was mended or is strange, and how often, and on optional files that lack."""
    for what, count in oddities.items():
        if count:
            yield f"{what}: {count:,}"
    if missing:
        yield f"not there, and left out: {', '.join(missing)}"


def refuse(faults: list[Fault], *, remedy: str = "") -> None:
    """Raise all faults together, if there are any.

    Raises:
        FormatError: there are.
    """
    if faults:
        raise FormatError(faults, remedy=remedy)
