"""Where a dataset's pictures come from: files under a root, or one packed array."""

from __future__ import annotations

import io
import re
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lapel.imaging.decode import Limits, decode
from lapel.imaging.pixels import as_rgb
from lapel.schema.errors import DatasetError, ImageError
from lapel.storage.base import Store

#: File of a dataset's packed pictures.
PACKED_FILE = "images.npy"

#: What a packed picture is called: the file and the row, ``images.npy#12345``.
_PACKED_NAME = re.compile(rf"{re.escape(PACKED_FILE)}#(\d+)")


def packed_name(row: int) -> str:
    """The name of a row of the packed array."""
    return f"{PACKED_FILE}#{row}"


def packed_row(name: str) -> int | None:
    """The row that a name stands for; None for the name of a file."""
    match = _PACKED_NAME.fullmatch(name)
    return int(match[1]) if match else None


def png_bytes(pixels: NDArray[np.uint8]) -> bytes:
    """Pixels (H, W) or (H, W, 3) as a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


class Images(Protocol):
    """Pictures by name."""

    def read(self, name: str) -> bytes:
        """A picture as the bytes of a file.

        Raises:
            StorageError: there is no such file, or it cannot be read.
            ImageError: there is no such row.
        """
        ...

    def pixels(self, name: str) -> NDArray[np.uint8]:
        """A picture, upright, uint8 (H, W, 3) RGB.

        Raises:
            StorageError: as ``read``.
            ImageError: bytes that are no picture we accept.
        """
        ...


class ImageFiles:
    """Files in a store; names are theirs."""

    def __init__(self, store: Store, limits: Limits | None = None) -> None:
        self.store = store
        self.limits = limits or Limits()

    def read(self, name: str) -> bytes:
        """The bytes of a file."""
        return self.store.read(name)

    def pixels(self, name: str) -> NDArray[np.uint8]:
        """A decoded file."""
        return self.decoded(self.store.read(name), name)

    def decoded(self, data: bytes, name: str) -> NDArray[np.uint8]:
        """Bytes that were read before, decoded."""
        return decode(data, name=name, limits=self.limits)


class PackedImages:
    """Rows of one uint8 array (N, H, W) or (N, H, W, 3), read from a memory map."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[type[PackedImages], tuple[Path]]:
        # A memory map that travels to a worker process would be copied whole: send the path.
        return PackedImages, (self.path,)

    @cached_property
    def array(self) -> NDArray[np.uint8]:
        """All rows.

        Raises:
            DatasetError: the file is missing, torn, or of another type or shape.
        """
        try:
            array: NDArray[np.uint8] = np.load(self.path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise DatasetError(
                f"{self.path} could not be read ({error}); import the dataset again"
            ) from error
        rgb = array.ndim == 4 and array.shape[-1] == 3
        if array.dtype != np.uint8 or not (array.ndim == 3 or rgb):
            raise DatasetError(
                f"{self.path} holds {array.dtype} of shape {array.shape}; expected uint8 "
                "(N, H, W) or (N, H, W, 3); import the dataset again"
            )
        return array

    def _row(self, name: str) -> NDArray[np.uint8]:
        row = packed_row(name)
        if row is None or row >= len(self.array):
            raise ImageError(name, f"no such row: {self.path} holds {len(self.array)} pictures")
        return np.ascontiguousarray(self.array[row])

    def read(self, name: str) -> bytes:
        """A row as a PNG file."""
        return png_bytes(self._row(name))

    def raw(self, name: str) -> bytes:
        """The bytes of a row's pixels: what its SHA-256 is taken of, since the bytes of a PNG
        depend on the library that wrote it.
        """
        return self._row(name).tobytes()

    def pixels(self, name: str) -> NDArray[np.uint8]:
        """A row as RGB."""
        return as_rgb(self._row(name))
