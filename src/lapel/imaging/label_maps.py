"""Label maps as others write them: PNG files whose values, or colours, are classes.

A picture is decoded to what it shows; a label map to what it *says*: the numbers of an indexed PNG
are classes, whatever its palette makes of them.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lapel.imaging.decode import DECODER_FAULTS, DEFAULT_LIMITS, Limits
from lapel.imaging.quiet import pillow_warnings_ignored
from lapel.imaging.signatures import format_by_signature
from lapel.schema.errors import ImageError

#: Where a PNG file says how many bits a value has, and that it is gray (third edition, 11.2.1).
_DEPTH, _COLOUR_TYPE, _GRAY = 24, 25, 0


def read_label_map(
    data: bytes, *, name: str, limits: Limits = DEFAULT_LIMITS
) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """The values of a label map.

    Args:
        data: the whole file.
        name: what it is called in errors.
        limits: ceilings on what is decoded.

    Returns:
        (H, W): numbers, of a gray or indexed PNG; or uint8 (H, W, 3): red, green and blue, of one
        in colour.

    Raises:
        ImageError: the bytes are no whole PNG, or above a ceiling.
    """
    if format_by_signature(data) != "PNG":
        found = format_by_signature(data) or f"bytes that begin with {data[:8]!r}"
        raise ImageError(name, f"found {found}, expected PNG: other formats change the values")
    if len(data) > limits.bytes:
        raise ImageError(name, f"{len(data):,} bytes, the limit is {limits.bytes:,}")
    try:
        with pillow_warnings_ignored(), Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            if image.width * image.height > limits.pixels:
                size = f"{image.width} x {image.height} pixels"
                raise ImageError(name, f"{size}, the limit is {limits.pixels / 1e6:g} million")
            return _values(image, data)
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageError(name, "far more pixels than are ever decoded; save it smaller") from error
    except DECODER_FAULTS as error:
        text = str(error).split("<_io", 1)[0].strip() or type(error).__name__
        raise ImageError(name, f"torn or damaged ({text}); copy or export it again") from error


def _values(image: Image.Image, data: bytes) -> NDArray[np.uint8] | NDArray[np.uint16]:
    if image.mode in ("RGB", "RGBA"):
        return np.asarray(image, np.uint8)[..., :3]
    values = np.asarray(image)
    if image.mode == "LA":
        values = values[..., 0]
    if values.dtype == np.bool_:
        return values.astype(np.uint8)
    if data[_COLOUR_TYPE] == _GRAY and data[_DEPTH] in (2, 4):
        # Pillow spreads gray of few bits over 0 to 255.
        step = 255 // (2 ** int(data[_DEPTH]) - 1)
        return np.asarray(values // step, np.uint8)
    if data[_DEPTH] <= 8:
        return np.asarray(values, np.uint8)
    return np.asarray(values, np.uint16)
