"""Damage of every kind ends in a picture or in an ImageError: nothing else, ever."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from lapel.imaging.decode import decode
from lapel.schema.errors import ImageError


def photo(kind: str) -> bytes:
    random = np.random.default_rng(3)
    small = random.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    image = Image.fromarray(small).resize((48, 36))
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "maker"
    file = io.BytesIO()
    image.save(file, kind, exif=exif.tobytes())
    return file.getvalue()


def survives(data: bytes) -> bool:
    """Whether it decodes; anything but a picture or an ImageError fails the test."""
    try:
        pixels = decode(data, name="x")
    except ImageError:
        return False
    assert pixels.ndim == 3
    assert pixels.shape[2] == 3
    return True


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_three_hundred_flipped_bits(kind: str) -> None:
    whole = photo(kind)
    random = np.random.default_rng(7)
    for position in random.integers(0, len(whole) * 8, 300):
        damaged = bytearray(whole)
        damaged[position // 8] ^= 1 << (position % 8)
        survives(bytes(damaged))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_cut_anywhere(kind: str) -> None:
    whole = photo(kind)
    pixels_end = 0.9 if kind == "PNG" else 1.0  # the last bytes of a PNG hold no pixels
    for length in np.linspace(0, len(whole) * pixels_end - 12, 100).astype(int):
        assert not survives(whole[:length]), f"{length} of {len(whole)} bytes passed as a picture"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_zeros_and_noise_in_the_middle(kind: str) -> None:
    whole = photo(kind)
    random = np.random.default_rng(11)
    for start in random.integers(0, len(whole), 60):
        length = int(random.integers(1, 60))
        for filling in (bytes(length), random.bytes(length)):
            survives(whole[:start] + filling + whole[start + length :])


def test_one_format_inside_the_signature_of_another() -> None:
    for head in (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\x10\0\0\0WEBPVP8 "):
        for tail in (photo("JPEG"), photo("PNG"), photo("WEBP"), b"", bytes(500)):
            survives(head + tail)
