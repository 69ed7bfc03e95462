"""``masks/TASK/``: label maps, a file of one byte a pixel for each picture, beside the table."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import overload

import numpy as np
from PIL import Image

from lapel.data.measuring import in_parallel
from lapel.imaging.decode import DECODER_FAULTS
from lapel.imaging.quiet import pillow_warnings_ignored
from lapel.schema.annotation import Label
from lapel.schema.errors import DatasetError, Fault, FormatError
from lapel.schema.labels import TaskSpec
from lapel.schema.masks import UNKNOWN_CLASS, ClassMap

MASKS_FOLDER = "masks"


def mask_file(task: str, image: str) -> str:
    """Where the label map of an image is kept, relative to the dataset's folder."""
    # With the picture's own ending before it: a.jpg and a.png may stand side by side.
    return str(PurePosixPath(MASKS_FOLDER) / task / f"{image}.png")


def write_masks(
    folder: Path,
    spec: TaskSpec,
    masks: Mapping[str, ClassMap],
    sizes: Iterable[tuple[str, int, int]],
) -> list[str | None]:
    """Write the label maps of a task.

    Args:
        folder: of the dataset that is being made.
        spec: the task.
        masks: image name to label map.
        sizes: image name, width and height of the upright picture, of each row.

    Returns:
        The file of each row, or None where its classes are unknown.

    Raises:
        FormatError: maps of another size than their pictures, or with values that are no class;
            all faults together.
    """
    written = list(in_parallel(lambda size: _write_mask(folder, spec, masks, *size), list(sizes)))
    faults = [fault for _, found in written for fault in found]
    if faults:
        raise FormatError(faults)
    return [file for file, _ in written]


def _write_mask(
    folder: Path,
    spec: TaskSpec,
    masks: Mapping[str, ClassMap],
    image: str,
    width: int,
    height: int,
) -> tuple[str | None, list[Fault]]:
    """Write the label map of an image, if there is one; its file, and what is wrong with it."""
    mask = masks.get(image)
    if mask is None:
        return None, []
    faults = list(mask_faults(image, mask, spec, width=width, height=height))
    file = mask_file(spec.name, image)
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(mask_bytes(mask))
    return file, faults


def mask_faults(
    image: str, mask: ClassMap, spec: TaskSpec, *, width: int, height: int
) -> Iterator[Fault]:
    """What is wrong with a label map for a picture of a size."""
    found = mask.pixels.shape
    if found != (height, width):
        yield Fault(
            file=image,
            found=f"a label map of {found[1]} x {found[0]} pixels",
            expected=f"one of the picture's size, {width} x {height}",
        )
    known = mask.pixels[mask.pixels != UNKNOWN_CLASS]
    if known.size and int(known.max()) >= len(spec.labels):
        yield Fault(
            file=image,
            found=f"class {int(known.max())} in a label map",
            expected=f"0 to {len(spec.labels) - 1}, or {UNKNOWN_CLASS} for unknown",
        )


def mask_bytes(mask: ClassMap) -> bytes:
    """A label map as a PNG file of one byte a pixel."""
    out = io.BytesIO()
    Image.fromarray(mask.pixels).save(out, "png")
    return out.getvalue()


class MaskLabels(Sequence[Label]):
    """The label maps of rows of a dataset, each read when it is asked for."""

    def __init__(self, folder: Path, spec: TaskSpec, files: Sequence[str | None]) -> None:
        self._folder = folder
        self._spec = spec
        self._files = files

    def __len__(self) -> int:
        return len(self._files)

    @overload
    def __getitem__(self, row: int) -> Label: ...

    @overload
    def __getitem__(self, row: slice) -> MaskLabels: ...

    def __getitem__(self, row: int | slice) -> Label | MaskLabels:
        if isinstance(row, slice):
            return MaskLabels(self._folder, self._spec, self._files[row])
        file = self._files[row]
        return None if file is None else read_mask(self._folder / file, self._spec)

    def __iter__(self) -> Iterator[Label]:
        return (self[row] for row in range(len(self)))

    def known(self) -> list[bool]:
        """Whether there is a label map, of each row."""
        return [file is not None for file in self._files]

    def digests(self) -> list[str]:
        """SHA-256 of each row's file, in hexadecimal; of no bytes where there is none.

        Raises:
            DatasetError: a file that cannot be read.
        """
        return [_sha256(None if file is None else self._folder / file) for file in self._files]


def _sha256(path: Path | None) -> str:
    try:
        data = b"" if path is None else path.read_bytes()
    except OSError as error:
        raise DatasetError(
            f"{path} could not be read ({error}); import the dataset again"
        ) from error
    return hashlib.sha256(data).hexdigest()


def read_mask(path: Path, spec: TaskSpec) -> ClassMap:
    """A label map of a dataset.

    Raises:
        DatasetError: it is missing or torn, or no file of one byte a pixel.
    """
    try:
        with pillow_warnings_ignored(), Image.open(path, formats=["PNG"]) as image:
            pixels = np.asarray(image)
    except DECODER_FAULTS as error:
        raise DatasetError(
            f"{path} could not be read ({error}); import the dataset again"
        ) from error
    if pixels.dtype != np.uint8 or pixels.ndim != 2:
        raise DatasetError(
            f"{path}: found pixels {pixels.dtype} {pixels.shape}, expected one byte a pixel; "
            "import the dataset again"
        )
    return ClassMap(pixels, spec.labels)
