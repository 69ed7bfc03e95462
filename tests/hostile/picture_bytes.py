"""Pieces that pictures are made of, put together by hand where no library would."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from PIL import Image

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
#: Width and height of the whole photo that most of the hostile ones are made from.
WIDTH, HEIGHT = 48, 36


def drawn(width: int = WIDTH, height: int = HEIGHT, mode: str = "RGB") -> Image.Image:
    """Soft noise: neither one colour nor incompressible."""
    random = np.random.default_rng(3)
    small = random.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((width, height)).convert(mode)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The file of a picture."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@cache
def photo(kind: str) -> bytes:
    """A whole photo of 48 x 36 pixels: a format, or a special form of one."""
    match kind:
        case "progressive":
            return encoded(drawn(), "JPEG", progressive=True)
        case "gray":
            return encoded(drawn(mode="L"), "JPEG")
        case "cmyk":
            return encoded(drawn(mode="CMYK"), "JPEG")
        case "palette":
            return encoded(drawn(mode="P"), "PNG")
        case "lossless":
            return encoded(drawn(), "WEBP", lossless=True)
    return encoded(drawn(), kind)


SUFFIXES = {
    "JPEG": ".jpg", "progressive": ".jpg", "gray": ".jpg", "cmyk": ".jpg",
    "PNG": ".png", "palette": ".png", "WEBP": ".webp", "lossless": ".webp",
}  # fmt: skip


def png_chunk(kind: bytes, content: bytes = b"") -> bytes:
    """A chunk with its length and checksum (PNG, ISO/IEC 15948, 5.3)."""
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def png(
    width: int,
    height: int,
    *,
    depth: int = 8,
    colour: int = 2,
    pixels: bytes | None = None,
    before: Sequence[bytes] = (),
    after: Sequence[bytes] = (),
) -> bytes:
    """A PNG of chunks; ``pixels`` are the bytes of IDAT, by default far too few."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    data = zlib.compress(bytes(64)) if pixels is None else pixels
    return b"".join(
        (
            PNG_SIGNATURE,
            png_chunk(b"IHDR", header),
            *before,
            png_chunk(b"IDAT", data),
            *after,
            png_chunk(b"IEND"),
        )
    )


def zeros(count: int, *, row: int = 1 << 20) -> bytes:
    """So many zero bytes, compressed without ever lying in memory."""
    packer = zlib.compressobj(1)
    parts = [packer.compress(bytes(min(row, count - done))) for done in range(0, count, row)]
    return b"".join([*parts, packer.flush()])


def in_png(*chunks: bytes) -> bytes:
    """The whole photo as PNG with more chunks after its header."""
    whole = photo("PNG")
    return whole[:33] + b"".join(chunks) + whole[33:]


def png_of_size(width: int, height: int) -> bytes:
    """The whole photo as PNG with another size in its header."""
    whole = photo("PNG")
    header = struct.pack(">II", width, height) + whole[24:29]
    return whole[:8] + png_chunk(b"IHDR", header) + whole[33:]


def segment(marker: int, content: bytes = b"") -> bytes:
    """A segment of a JPEG (ITU-T T.81, B.1.1.4)."""
    return bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content


def in_jpeg(*segments: bytes) -> bytes:
    """The whole photo as JPEG with more segments after its first two bytes."""
    whole = photo("JPEG")
    return whole[:2] + b"".join(segments) + whole[2:]


def jpeg_of_size(width: int, height: int, kind: str = "JPEG") -> bytes:
    """The whole photo as JPEG with another size in its frame header."""
    whole = photo(kind)
    place = whole.index(b"\xff\xc2" if kind == "progressive" else b"\xff\xc0")
    return whole[: place + 5] + struct.pack(">HH", height, width) + whole[place + 9 :]


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    """A WebP of chunks (RFC 9649, 2.3)."""
    body = b"".join(
        kind + struct.pack("<I", len(data)) + data + bytes(len(data) % 2) for kind, data in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def canvas(width: int, height: int, flags: int = 0) -> tuple[bytes, bytes]:
    """The chunk in which an extended WebP tells its size (RFC 9649, 2.7.1)."""
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"VP8X", bytes((flags, 0, 0, 0)) + size


def exif(*entries: tuple[int, int, int, bytes], start: int = 8, following: int = 0) -> bytes:
    """A directory of EXIF, big-endian: each entry tag, type, count and four bytes."""
    rows = b"".join(struct.pack(">HHI", tag, kind, n) + value for tag, kind, n, value in entries)
    directory = struct.pack(">H", len(entries)) + rows + struct.pack(">I", following)
    return b"Exif\0\0MM\0*" + struct.pack(">I", start) + directory
