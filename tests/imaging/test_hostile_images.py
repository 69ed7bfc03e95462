"""Damage of every kind ends in a picture or in an ImageError: nothing else, ever."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from picture_bytes import drawn, encoded, photo, png
from PIL import Image

from lapel.imaging.decode import decode
from lapel.schema.errors import ImageError


def tagged_photo(kind: str) -> bytes:
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
    whole = tagged_photo(kind)
    random = np.random.default_rng(7)
    for position in random.integers(0, len(whole) * 8, 300):
        damaged = bytearray(whole)
        damaged[position // 8] ^= 1 << (position % 8)
        survives(bytes(damaged))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_cut_anywhere(kind: str) -> None:
    whole = tagged_photo(kind)
    pixels_end = 0.9 if kind == "PNG" else 1.0  # the last bytes of a PNG hold no pixels
    for length in np.linspace(0, len(whole) * pixels_end - 12, 100).astype(int):
        assert not survives(whole[:length]), f"{length} of {len(whole)} bytes passed as a picture"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_zeros_and_noise_in_the_middle(kind: str) -> None:
    whole = tagged_photo(kind)
    random = np.random.default_rng(11)
    for start in random.integers(0, len(whole), 60):
        length = int(random.integers(1, 60))
        for filling in (bytes(length), random.bytes(length)):
            survives(whole[:start] + filling + whole[start + length :])


def test_one_format_inside_the_signature_of_another() -> None:
    for head in (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\x10\0\0\0WEBPVP8 "):
        for tail in (
            tagged_photo("JPEG"),
            tagged_photo("PNG"),
            tagged_photo("WEBP"),
            b"",
            bytes(500),
        ):
            survives(head + tail)


#: Run in a process of its own, so that its memory can be told from that of other tests.
ALL_OF_THEM = """
import json, resource, sys
from hostile_pictures import hostile_pictures
from lapel.imaging.decode import decode
from lapel.schema.errors import ImageError, ImageTooLargeError

def held():
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit

found, before = [], held()
for picture in hostile_pictures():
    try:
        height, width, _ = decode(picture.data, name=picture.name).shape
        became, size, too_large = "answered", (width, height), False
    except ImageError as error:
        assert error.image == picture.name and error.fault.isprintable(), picture.name
        became, size, too_large = "refused", None, isinstance(error, ImageTooLargeError)
    found.append(
        {"name": picture.name, "verdict": picture.verdict, "became": became,
         "size_is": picture.size is None or size in (picture.size, None),
         "too_large_is": picture.verdict == "either" or too_large == picture.too_large}
    )
json.dump({"pictures": found, "grown": held() - before}, sys.stdout)
"""


def test_five_hundred_hostile_pictures() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", ALL_OF_THEM]
    # Standing still on one of them is a fault too.
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    pictures = found["pictures"]
    assert len({one["name"] for one in pictures}) == len(pictures) > 500
    wrong = [
        one
        for one in pictures
        if one["verdict"] not in (one["became"], "either")
        or not (one["size_is"] and one["too_large_is"])
    ]
    assert wrong == []
    # A picture at the ceiling of 40 megapixels takes four bytes a pixel in Pillow and three here.
    assert found["grown"] < 450


def test_pixels_that_cannot_be_unpacked_are_not_black() -> None:
    with pytest.raises(ImageError, match="torn or damaged"):
        decode(png(8, 8, pixels=b"not zlib at all"), name="x")


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P", "CMYK", "I;16", "1"])
def test_a_large_picture_is_the_same_strip_by_strip(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = mode == "I;16"
    values = np.random.default_rng(1).integers(0, 65_536, (40, 50), dtype=np.uint16)
    image = Image.fromarray(values) if wide else drawn(50, 40, mode)
    if mode == "RGBA":
        image.putalpha(drawn(50, 40, "L"))
    data = encoded(image, "JPEG" if mode == "CMYK" else "PNG")
    whole = decode(data, name="x")
    monkeypatch.setattr("lapel.imaging.decode.STRIP_PIXELS", 50 * 7)
    assert np.array_equal(decode(data, name="x"), whole)


def test_a_film_behind_a_photo_is_not_counted_as_scans() -> None:
    data = photo("JPEG") + b"\xff\xda" * 5_000
    assert decode(data, name="x").shape == (36, 48, 3)
