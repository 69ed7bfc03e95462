"""Label maps: what a PNG says, not what it shows."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from lapel.imaging.label_maps import read_label_map
from lapel.schema.errors import ImageError


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "png")
    return buffer.getvalue()


def noise(
    limit: int, dtype: type[np.unsignedinteger], seed: int = 3
) -> NDArray[np.unsignedinteger]:
    return np.random.default_rng(seed).integers(0, limit, (7, 9)).astype(dtype)


@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 2**32), st.booleans())
def test_values_come_back_with_any_palette(
    width: int, height: int, seed: int, indexed: bool
) -> None:
    values = np.random.default_rng(seed).integers(0, 256, (height, width)).astype(np.uint8)
    image = Image.fromarray(values)
    if indexed:
        image.putpalette([255 - number // 3 for number in range(768)])
    assert (read_label_map(png(image), name="a") == values).all()


def test_two_bytes_a_pixel_and_colours_come_back() -> None:
    wide = noise(60_000, np.uint16)
    assert (read_label_map(png(Image.fromarray(wide)), name="a") == wide).all()
    colours = np.stack([noise(256, np.uint8, seed) for seed in (1, 2, 3)], axis=-1)
    assert (read_label_map(png(Image.fromarray(colours)), name="a") == colours).all()
    clear = Image.fromarray(colours).convert("RGBA")
    assert (read_label_map(png(clear), name="a") == colours).all()


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_gray_of_few_bits_is_not_spread_to_255(depth: int) -> None:
    values = noise(2**depth, np.uint8)
    bits = np.unpackbits(values[..., None], axis=-1)[..., 8 - depth :].reshape(7, -1)
    rows = b"".join(b"\0" + row.tobytes() for row in np.packbits(bits, axis=1))
    head = struct.pack(">IIBBBBB", 9, 7, depth, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    assert (read_label_map(data, name="a") == values).all()


def test_other_bytes_are_refused_by_name() -> None:
    whole = png(Image.fromarray(noise(9, np.uint8)))
    buffer = io.BytesIO()
    Image.fromarray(noise(9, np.uint8)).save(buffer, "webp", lossless=True)
    for data, says in (
        (b"", "expected PNG"),
        (buffer.getvalue(), "found WEBP, expected PNG"),
        (whole[: len(whole) // 2], "torn or damaged"),
        (whole[:20], "torn or damaged"),
    ):
        with pytest.raises(ImageError, match=says) as caught:
            read_label_map(data, name="masks/a.png")
        assert caught.value.image == "masks/a.png"
