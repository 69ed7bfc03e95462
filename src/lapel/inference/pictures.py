"""Where a picture comes from: a path, bytes, or pixels; and what is said when it fails."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from lapel.imaging.decode import MEBIBYTE, Limits, decode
from lapel.schema.errors import ImageError, ImageTooLargeError, StorageError, UsageError
from lapel.storage.places import is_remote, read_file, size_of

#: What may be predicted: a file, the bytes of one, or pixels (H, W, 3) or gray (H, W).
Picture = str | Path | bytes | NDArray[np.uint8]


_FOLDER = "is a folder; name its files, as with Path(folder).iterdir()"
_NO_FILE = "no regular file; name files of pictures"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A picture that got no answer.

    Attributes:
        image: its name as the caller gave it.
        fault: what is wrong with it, and what to do.
        too_large: whether it is above a ceiling of bytes, pixels or metadata.
    """

    image: str
    fault: str
    too_large: bool = field(default=False, compare=False)

    @classmethod
    def of(cls, error: ImageError) -> Self:
        """What an error says."""
        too_large = isinstance(error, ImageTooLargeError)
        return cls(image=error.image, fault=error.fault, too_large=too_large)


def as_pictures(images: Picture | Iterable[Picture]) -> Iterable[Picture]:
    """The pictures that a caller gave; a single path, file or array of pixels is one picture.

    Raises:
        UsageError: neither a picture nor several.
    """
    if isinstance(images, str | Path | bytes):
        # All but a Path could be gone through too: letter by letter, and byte by byte.
        return [images]
    if isinstance(images, np.ndarray):
        return [images] if _is_one_picture(images) else iter(images)
    if not isinstance(images, Iterable):
        raise UsageError(f"{_unfit(images)}, or several of these")
    return images


def name_of(picture: Picture, index: int) -> str:
    """The path as given; for bytes and pixels their place, counted from 0, as ``image[3]``."""
    return str(picture) if isinstance(picture, str | Path) else f"image[{index}]"


def file_or_pixels(picture: Picture, *, name: str, limits: Limits) -> bytes | NDArray[np.uint8]:
    """The bytes of a file of a picture; or pixels (H, W, 3) or (H, W), where those were given.

    Raises:
        ImageError: a file that cannot be read.
        UsageError: pixels of another shape or type, or no picture at all.
    """
    _refuse_other_types(picture, name)
    if isinstance(picture, np.ndarray):
        return _checked(picture, name)
    if isinstance(picture, bytes):
        return picture
    return (
        _fetch(picture, name, limits) if is_remote(picture) else _read(Path(picture), name, limits)
    )


def upright(picture: Picture, *, name: str, limits: Limits) -> NDArray[np.uint8]:
    """The pixels of a picture, uint8 (H, W, 3) or, where those were given, (H, W).

    Raises:
        ImageError: a file that cannot be read, or that is no picture we accept.
        UsageError: pixels of another shape or type, or no picture at all.
    """
    found = file_or_pixels(picture, name=name, limits=limits)
    return decode(found, name=name, limits=limits) if isinstance(found, bytes) else found


def _fetch(place: str | Path, name: str, limits: Limits) -> bytes:
    try:
        size = size_of(place)
        if size > limits.bytes:
            raise _too_large(name, size, limits)
        return read_file(place)
    except StorageError as error:
        raise ImageError(name, str(error)) from error


def _too_large(name: str, size: int, limits: Limits) -> ImageTooLargeError:
    return ImageTooLargeError(
        name,
        f"{size / MEBIBYTE:.1f} MiB, the limit is {limits.bytes / MEBIBYTE:g}; save it smaller",
    )


def _read(path: Path, name: str, limits: Limits) -> bytes:
    try:
        if path.exists() and not path.is_file():
            raise ImageError(name, _FOLDER if path.is_dir() else _NO_FILE)
        # Asked before reading: a file of a hundred gigabytes should not fill the memory.
        if path.stat().st_size > limits.bytes:
            raise _too_large(name, path.stat().st_size, limits)
        return path.read_bytes()
    except (OSError, ValueError) as error:
        if isinstance(error, ImageError):
            raise
        fault = error.strerror if isinstance(error, OSError) else error
        raise ImageError(name, f"could not be read: {fault}; check its path") from error


def _refuse_other_types(picture: object, name: str) -> None:
    if not isinstance(picture, str | Path | bytes | np.ndarray):
        raise UsageError(f"{name}: {_unfit(picture)}")


def _unfit(found: object) -> str:
    return (
        f"found {type(found).__name__}, expected a path, the bytes of a file, or pixels as a "
        "NumPy array"
    )


def _is_one_picture(pixels: NDArray[np.uint8]) -> bool:
    return pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)


def _checked(pixels: NDArray[np.uint8], name: str) -> NDArray[np.uint8]:
    if pixels.dtype != np.uint8 or not _is_one_picture(pixels) or pixels.size == 0:
        raise UsageError(
            f"{name}: pixels are uint8 (H, W, 3), or (H, W) for gray; "
            f"found {pixels.dtype} {pixels.shape}"
        )
    return pixels
