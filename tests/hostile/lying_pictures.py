"""Files that claim what they do not hold, or that hold more than anybody should read."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from picture_bytes import (
    canvas,
    drawn,
    encoded,
    in_jpeg,
    in_png,
    jpeg_of_size,
    photo,
    png,
    png_chunk,
    png_of_size,
    riff,
    segment,
    zeros,
)
from verdicts import HostilePicture

#: Sizes above the ceiling of 40 million pixels.
FAR_TOO_LARGE = ((65_535, 65_535), (40_000, 40_000), (8_000, 5_001), (10_000, 10_000))
#: Segments or chunks that make a small file slow to open.
MANY = 200_000


def claimed_sizes() -> Iterator[HostilePicture]:
    """Headers that announce gigapixels in a few hundred bytes."""
    sizes = (*FAR_TOO_LARGE, (126_000, 126_000), (2**31 - 1, 1), (1, 2**31 - 1), (2**31 - 1,) * 2)
    for width, height in sizes:
        yield _too_large(f"claims-{width}x{height}.png", png(width, height))
    for width, height in FAR_TOO_LARGE:
        yield _too_large(f"claims-{width}x{height}.jpg", jpeg_of_size(width, height))
        yield _too_large(
            f"claims-progressive-{width}x{height}.jpg", jpeg_of_size(width, height, "progressive")
        )
    for width, height in ((16_384, 16_384), (2**24, 2**24), (2**24, 3)):
        data = riff(canvas(width, height), (b"VP8 ", b"\x9d\x01\x2a" * 9))
        yield _too_large(f"claims-{width}x{height}.webp", data)
    key_frame = b"\x10\0\0\x9d\x01\x2a" + struct.pack("<HH", 16_383, 16_383)
    yield _too_large("claims-in-frame.webp", riff((b"VP8 ", key_frame + bytes(40))))
    bits = (16_383 | 16_383 << 14).to_bytes(4, "little")
    yield _too_large("claims-in-lossless.webp", riff((b"VP8L", b"\x2f" + bits + bytes(40))))


def other_sizes() -> Iterator[HostilePicture]:
    """Sizes that are not those of the pixels that follow."""
    for width, height in ((0, 36), (48, 0), (0, 0)):
        yield _refused(f"size-{width}x{height}.png", png_of_size(width, height))
        # A height of 0 is to be told by a later segment (ITU-T T.81, B.2.5), which none reads.
        yield _refused(f"size-{width}x{height}.jpg", jpeg_of_size(width, height))
    for width, height in ((47, 36), (49, 36), (48, 35), (48, 37), (48, 72), (6_000, 6_000), (1, 1)):
        yield _either(f"size-{width}x{height}.png", png_of_size(width, height))
        yield _either(f"size-{width}x{height}.jpg", jpeg_of_size(width, height))
    whole = photo("WEBP")
    for width, height in ((1, 1), (47, 36), (6_000, 6_000)):
        data = riff(canvas(width, height), (b"VP8 ", whole[20:]))
        yield _either(f"size-{width}x{height}.webp", data)


def bombs() -> Iterator[HostilePicture]:
    """Little that unpacks to much."""
    yield HostilePicture(  # under the ceiling: 120 MB of pixels from 50 kB, and rightly answered
        name="bomb-within-limits.png",
        data=png(6_300, 6_300, colour=0, pixels=zeros(6_301 * 6_300)),
        verdict="answered",
        size=(6_300, 6_300),
    )
    yield HostilePicture(
        name="bomb-transparent.png",
        data=png(6_000, 6_000, colour=6, pixels=zeros((4 * 6_000 + 1) * 6_000)),
        verdict="answered",
        size=(6_000, 6_000),
    )
    yield HostilePicture(
        name="bomb-sixteen-bits.png",
        data=png(6_000, 6_000, depth=16, colour=0, pixels=zeros((2 * 6_000 + 1) * 6_000)),
        verdict="answered",
        size=(6_000, 6_000),
    )
    yield _either("bomb-behind-pixels.png", png(10, 10, pixels=zeros(300_000_000)))
    text = zeros(200_000_000)
    yield _refused("bomb-text.png", in_png(png_chunk(b"zTXt", b"Comment\0\0" + text)))
    yield _refused("bomb-international.png", in_png(png_chunk(b"iTXt", b"x\0\1\0\0\0" + text)))
    yield _refused("bomb-profile.png", in_png(png_chunk(b"iCCP", b"icc\0\0" + text)))
    # Each text stays under Pillow's own ceiling of a mebibyte, all of them do not under ours.
    texts = [png_chunk(b"zTXt", b"k%d\0\0" % n + zeros(1_000_000)) for n in range(20)]
    yield _too_large("bomb-texts.png", in_png(*texts))


def floods() -> Iterator[HostilePicture]:
    """So many pieces, each harmless, that reading their heads takes memory and time."""
    yield _too_large("flood-comments.jpg", in_jpeg(*[segment(0xFE)] * MANY))
    yield _too_large("flood-segments.jpg", in_jpeg(*[segment(0xE5)] * MANY))
    profile = (segment(0xE2, b"ICC_PROFILE\0%c\xff" % n + bytes(65_500)) for n in range(1, 256))
    yield _either("flood-profile.jpg", in_jpeg(*profile))
    yield _too_large("flood-junk.jpg", photo("JPEG")[:20] + bytes(30 << 20) + photo("JPEG")[20:])
    yield _too_large("flood-filling.jpg", b"\xff\xd8" + b"\xff" * (30 << 20) + photo("JPEG")[2:])
    texts = (png_chunk(b"tEXt", b"%d\0" % number) for number in range(MANY))
    yield _too_large("flood-texts.png", in_png(*texts))
    yield _too_large("flood-private.png", in_png(*[png_chunk(b"prVt")] * MANY))
    yield _too_large("flood-unknown.webp", riff(*[(b"JUNK", b"")] * MANY))
    yield _too_large("flood-scans.jpg", _many_scans(2_000))
    yield _too_large("flood-bytes.jpg", photo("JPEG") + bytes(65 << 20))


def _many_scans(count: int) -> bytes:
    """A progressive photo whose last scan comes again and again; each is a pass over all pixels."""
    whole = encoded(drawn(1_600, 1_200), "JPEG", progressive=True, quality=5)
    last = whole[whole.rindex(b"\xff\xda") : -2]
    return whole[:-2] + last * count + b"\xff\xd9"


def structure() -> Iterator[HostilePicture]:
    """Pieces in the wrong order, missing, of impossible lengths, or with parts without sense."""
    header = photo("PNG")[8:33]
    head, rest = photo("PNG")[:33], photo("PNG")[33:]
    yield _refused("chunks-without-header.png", head[:8] + rest)
    yield _either("chunks-header-twice.png", head + header + rest)
    yield _refused("chunks-end-first.png", head + png_chunk(b"IEND"))
    yield _refused("chunks-no-pixels.png", head + png_chunk(b"tEXt", b"a\0b") + png_chunk(b"IEND"))
    for length in (2**31 - 1, 2**32 - 1, 2**31):
        # Pixels are read as long as there are any.
        yield _either(f"chunks-length-{length}.png", head + struct.pack(">I", length) + rest[4:])
    wrong = bytearray(photo("PNG"))
    wrong[29] ^= 0xFF
    yield _refused("chunks-checksum.png", bytes(wrong))
    for depth, colour in ((3, 2), (8, 1), (8, 7), (16, 3), (0, 0), (255, 255)):
        yield _refused(f"chunks-depth-{depth}-{colour}.png", png(8, 8, depth=depth, colour=colour))
    yield _refused("chunks-garbage-pixels.png", png(8, 8, pixels=b"not zlib at all"))
    yield _either("chunks-no-palette.png", png(8, 8, colour=3, pixels=zlib.compress(bytes(72))))
    yield _either("chunks-bad-filter.png", png(8, 8, pixels=zlib.compress(b"\x09" * 200)))
    for kind in (b"tRNS", b"gAMA", b"cHRM", b"pHYs", b"sRGB", b"iCCP", b"PLTE", b"eXIf", b"acTL"):
        for content in (b"", b"\xff" * 3, b"\xff" * 700):
            name = f"chunks-{kind.decode()}-{len(content)}.png"
            yield _either(name, in_png(png_chunk(kind, content)))


def frames_of_jpeg() -> Iterator[HostilePicture]:
    """Frame headers that no encoder writes."""
    whole = photo("JPEG")
    place = whole.index(b"\xff\xc0")
    for marker in (0xC3, 0xC5, 0xC9, 0xCB, 0xCD, 0xF7):  # lossless, hierarchical, arithmetic
        data = whole[: place + 1] + bytes((marker,)) + whole[place + 2 :]
        yield _either(f"frame-{marker:x}.jpg", data)
    for offset, values in {4: (0, 2, 12, 255), 9: (0, 2, 5, 255), 11: (0, 0x10, 0xFF)}.items():
        for value in values:  # bits of a sample; number of components; sampling of the first
            data = whole[: place + offset] + bytes((value,)) + whole[place + offset + 1 :]
            yield _either(f"frame-{offset}-{value}.jpg", data)
    for marker in (0xDB, 0xC4, 0xDA):  # quantization, Huffman tables, the scan's header
        start = whole.index(bytes((0xFF, marker)))
        length = int.from_bytes(whole[start + 2 : start + 4], "big")
        yield _either(f"without-{marker:x}.jpg", whole[:start] + whole[start + 2 + length :])
        yield _either(
            f"filled-{marker:x}.jpg",
            whole[: start + 4] + b"\xff" * (length - 2) + whole[start + 2 + length :],
        )
    for length in (0, 1, 65_535):
        data = whole[:2] + b"\xff\xe1" + struct.pack(">H", length) + whole[2:]
        yield _either(f"segment-length-{length}.jpg", data)


def _too_large(name: str, data: bytes) -> HostilePicture:
    return HostilePicture(name=name, data=data, verdict="refused", too_large=True)


def _refused(name: str, data: bytes) -> HostilePicture:
    return HostilePicture(name=name, data=data, verdict="refused")


def _either(name: str, data: bytes) -> HostilePicture:
    return HostilePicture(name=name, data=data, verdict="either")
