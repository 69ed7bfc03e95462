"""What the first bytes of a file say about it, before any library reads the rest."""

from __future__ import annotations

import struct

#: Offset, bytes and format, as Pillow spells it. More than the formats accepted by default,
#: so that an error can name what people mistake for them.
SIGNATURES = (
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"\x89PNG\r\n\x1a\n", "PNG"),
    (8, b"WEBP", "WEBP"),
    (0, b"GIF8", "GIF"),
    (0, b"BM", "BMP"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (4, b"ftypavif", "AVIF"),
    (4, b"ftyphei", "HEIC"),
    (4, b"ftypmif1", "HEIC"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\0\0\0\x0cJXL ", "JPEG XL"),
    (0, b"%PDF", "PDF"),
    (0, b"PK\x03\x04", "ZIP"),
)


def format_by_signature(data: bytes) -> str | None:
    """Name of the format that the first bytes announce; None for none that we know."""
    for start, signature, kind in SIGNATURES:
        if data.startswith(signature, start):
            return kind
    return None


def webp_canvas(data: bytes) -> tuple[int, int]:
    """Width and height that a WebP announces (RFC 9649, 2.5 to 2.7); (0, 0) if it says none."""
    kind = data[12:16]
    if kind == b"VP8X" and len(data) >= 30:
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8 " and len(data) >= 30:
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L" and len(data) >= 25:
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return 0, 0
