"""Every odd but valid picture becomes upright RGB; everything else is refused by name."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageFile

from lapel.imaging.decode import Limits, decode
from lapel.schema.errors import ImageError

WHITE = (255, 255, 255)
TURNS = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: np.transpose(a, (1, 0, 2)),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.transpose(np.rot90(a, 2), (1, 0, 2)),
    8: lambda a: np.rot90(a, 1),
    0: lambda a: a,
    9: lambda a: a,
}


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def gradient(width: int = 40, height: int = 30) -> NDArray[np.uint8]:
    """Pixels (H, W, 3) that differ at every place, so that no turn goes unnoticed."""
    rows, columns = np.mgrid[0:height, 0:width]
    planes = (columns * 255 // max(width - 1, 1), rows * 255 // max(height - 1, 1), rows * 0 + 80)
    return np.stack(planes, axis=-1).astype(np.uint8)


def png_chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = png_chunk(b"IDAT", zlib.compress(b"\0" * 64))
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + pixels + png_chunk(b"IEND", b"")


class TestValid:
    @pytest.mark.parametrize("orientation", list(TURNS))
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
    def test_turned_upright(self, kind: str, orientation: int) -> None:
        exif = Image.Exif()
        exif[0x0112] = orientation
        lossless = {"lossless": True} if kind == "WEBP" else {}
        image = Image.fromarray(gradient())
        data = encoded(image, kind, exif=exif.tobytes(), **lossless)

        stored = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
        assert np.array_equal(decode(data, name="x"), TURNS[orientation](stored))

    def test_rgb_is_exact_contiguous_and_writable(self) -> None:
        pixels = gradient()
        found = decode(encoded(Image.fromarray(pixels)), name="x")
        assert np.array_equal(found, pixels)
        assert found.dtype == np.uint8
        assert found.flags.writeable
        assert found.flags.c_contiguous

    @pytest.mark.parametrize("mode", ["L", "1", "P", "LA", "RGBA"])
    def test_modes_become_rgb(self, mode: str) -> None:
        image = Image.fromarray(gradient()).convert(mode)
        expected = np.asarray(image.convert("RGB"))
        assert np.array_equal(decode(encoded(image), name="x"), expected)

    def test_cmyk(self) -> None:
        image = Image.fromarray(gradient()).convert("CMYK")
        data = encoded(image, "JPEG", quality=95)
        assert np.abs(decode(data, name="x").astype(int) - gradient()).mean() < 8

    def test_sixteen_bits_keep_their_proportions(self) -> None:
        levels = np.array([[0, 257, 32896, 65535]], np.uint16)
        found = decode(encoded(Image.fromarray(levels)), name="x")
        assert found[0, :, 0].tolist() == [0, 1, 128, 255]

    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            (np.array([[0.0, 0.5, 1.0]], np.float32), [0, 128, 255]),
            (np.array([[0.0, 100.0, 255.0]], np.float32), [0, 100, 255]),
            (np.array([[0.0, np.nan, 300.0]], np.float32), [0, 0, 255]),
            (np.array([[0, 257, 70000]], np.int32), [0, 1, 255]),
        ],
    )
    def test_floats_and_wide_integers(
        self, values: NDArray[np.float32], expected: list[int]
    ) -> None:
        data = encoded(Image.fromarray(values), "TIFF")
        limits = Limits(formats=("JPEG", "PNG", "WEBP", "TIFF"))
        assert decode(data, name="x", limits=limits)[0, :, 0].tolist() == expected

    @pytest.mark.parametrize("kind", ["PNG", "WEBP"])
    def test_transparent_lies_over_white(self, kind: str) -> None:
        layers = np.zeros((4, 4, 4), np.uint8)
        layers[:2] = (200, 0, 0, 255)
        layers[3] = (0, 0, 0, 128)
        lossless = {"lossless": True} if kind == "WEBP" else {}
        found = decode(encoded(Image.fromarray(layers), kind, **lossless), name="x")
        assert tuple(found[0, 0]) == (200, 0, 0)
        assert tuple(found[2, 0]) == WHITE
        assert tuple(found[3, 0]) == (127, 127, 127)

    def test_a_transparent_palette_colour_lies_over_white(self) -> None:
        image = Image.new("P", (2, 1))
        image.putpalette([0, 0, 255, 255, 0, 0])
        image.putpixel((1, 0), 1)
        found = decode(encoded(image, transparency=0), name="x")
        assert found.tolist() == [[list(WHITE), [255, 0, 0]]]

    @pytest.mark.parametrize("size", [(1, 20_000), (20_000, 1), (1, 1)])
    def test_extreme_shapes(self, size: tuple[int, int]) -> None:
        found = decode(encoded(Image.new("RGB", size, (9, 8, 7))), name="x")
        assert found.shape == (size[1], size[0], 3)

    @pytest.mark.parametrize("kind", ["PNG", "WEBP"])
    def test_the_first_frame_of_an_animation(self, kind: str) -> None:
        frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "green")]
        options = {"lossless": True} if kind == "WEBP" else {}
        data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
        assert tuple(decode(data, name="x")[4, 4]) == (255, 0, 0)

    def test_an_embedded_profile(self) -> None:
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        data = encoded(Image.fromarray(gradient()), icc_profile=profile)
        assert np.array_equal(decode(data, name="x"), gradient())

    def test_unreadable_exif_does_not_condemn_whole_pixels(self) -> None:
        data = encoded(Image.fromarray(gradient()), exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\1\x12")
        assert np.array_equal(decode(data, name="x"), gradient())

    def test_the_name_does_not_matter(self) -> None:
        assert decode(encoded(Image.fromarray(gradient())), name="photo.jpg").shape == (30, 40, 3)

    def test_many_threads_at_once(self) -> None:
        data = [encoded(Image.new("RGB", (64, 64), (level, 0, 0))) for level in range(40)]
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda each: decode(each, name="x")[0, 0, 0], data))
        assert found == list(range(40))


class TestRefused:
    def fault(self, data: bytes, **limits: Any) -> str:
        with pytest.raises(ImageError) as caught:
            decode(data, name="shop/hat.jpg", limits=Limits(**limits))
        assert caught.value.image == "shop/hat.jpg"
        assert str(caught.value).startswith("shop/hat.jpg: ")
        return caught.value.fault

    def test_empty(self) -> None:
        assert "the file is empty" in self.fault(b"")

    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
    def test_torn(self, kind: str) -> None:
        noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        data = encoded(Image.fromarray(noise), kind)
        assert "torn or damaged" in self.fault(data[: len(data) // 2])
        assert not ImageFile.LOAD_TRUNCATED_IMAGES

    def test_other_formats_are_named(self) -> None:
        gif = encoded(Image.new("RGB", (2, 2)), "GIF")
        assert self.fault(gif) == (
            "found a GIF file, expected JPEG, PNG or WEBP; convert it or leave it out"
        )

    def test_no_picture_at_all(self) -> None:
        assert "found bytes that begin with b'<html>" in self.fault(b"<html>not found</html>")

    def test_formats_that_the_user_allows(self) -> None:
        gif = encoded(Image.new("RGB", (2, 2), "red"), "GIF")
        assert tuple(decode(gif, name="x", limits=Limits(formats=("GIF",)))[0, 0]) == (255, 0, 0)

    def test_a_format_without_a_signature_of_ours(self) -> None:
        ppm = encoded(Image.new("RGB", (2, 2), "red"), "PPM")
        found = decode(ppm, name="x", limits=Limits(formats=("JPEG", "PPM")))
        assert tuple(found[0, 0]) == (255, 0, 0)

    def test_too_many_pixels_before_any_is_decoded(self) -> None:
        # Sixteen gigapixels claimed by a hundred bytes: decoding would end this process.
        fault = self.fault(png_header(126_000, 126_000))
        assert fault == "far more pixels than are ever decoded; save it smaller"

    def test_more_pixels_than_allowed(self) -> None:
        fault = self.fault(encoded(Image.new("RGB", (100, 100))), pixels=9_999)
        assert fault.startswith("100 x 100 pixels, the limit is ")
        assert "save it smaller" in fault

    def test_between_the_ceiling_of_ours_and_that_of_pillow_no_warning_leaks(self) -> None:
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            assert "the limit is 40 million" in self.fault(png_header(10_000, 10_000))
        assert not seen

    def test_a_canvas_that_webp_only_claims(self) -> None:
        data = bytearray(encoded(Image.new("RGBA", (4, 4), (1, 2, 3, 4)), "WEBP", exif=b"Exif\0\0"))
        assert data[12:16] == b"VP8X"
        data[24:30] = b"\xff\x3f\0\xff\x3f\0"
        assert "16384 x 16384 pixels" in self.fault(bytes(data))

    def test_too_many_bytes(self) -> None:
        assert "the limit is 1; save it smaller" in self.fault(b"\xff\xd8\xff" * 2**20, bytes=2**20)

    def test_too_much_metadata(self) -> None:
        data = encoded(Image.new("RGB", (4, 4)), icc_profile=bytes(100_000))
        assert "of metadata" in self.fault(data, metadata=50_000)

    def test_a_warning_of_pillow_never_becomes_an_error(self) -> None:
        # An APNG whose frame count is impossible makes Pillow warn; warnings are errors here.
        data = encoded(Image.fromarray(gradient()))
        control = png_chunk(b"acTL", struct.pack(">II", 0, 0))
        assert np.array_equal(decode(data[:33] + control + data[33:], name="x"), gradient())

    def test_warnings_of_others_are_not_swallowed(self) -> None:
        decode(encoded(Image.new("RGB", (4, 4))), name="x")
        with pytest.warns(UserWarning, match="mine"):
            warnings.warn("mine", stacklevel=1)
