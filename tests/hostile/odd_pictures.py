"""Whole pictures that look like an attack, and files that are no picture we read."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping

import numpy as np
from picture_bytes import (
    HEIGHT,
    SUFFIXES,
    WIDTH,
    canvas,
    drawn,
    encoded,
    exif,
    in_jpeg,
    in_png,
    photo,
    png,
    png_chunk,
    riff,
    segment,
)
from PIL import Image
from verdicts import HostilePicture

FRAMES = 3_000
ORIENTATION, SHORT, TEXT = 0x0112, 3, 2


def shapes() -> Iterator[HostilePicture]:
    """As narrow, as small, as plain as a picture may be."""
    sizes = ((1, 20_000), (20_000, 1), (1, 1), (2, 1), (1, 2), (7, 3), (16_000, 2))
    for width, height in sizes:
        for kind in ("JPEG", "PNG", "WEBP"):
            if kind == "WEBP" and max(width, height) > 16_383:
                continue
            data = encoded(Image.new("RGB", (width, height), (9, 8, 7)), kind)
            yield _answered(f"shape-{width}x{height}{SUFFIXES[kind]}", data, (width, height))
    data = encoded(Image.new("RGB", (65_500, 1), "red"), "JPEG")
    yield _answered("shape-65500x1.jpg", data, (65_500, 1))
    yield _answered("shape-1x100000.png", _white(1, 100_000), (1, 100_000))
    for mode in ("L", "1", "P", "LA", "RGBA", "I;16"):
        image = Image.new(mode, (WIDTH, HEIGHT))
        yield _answered(f"mode-{mode.replace(';', '-')}.png", encoded(image, "PNG"))


def _white(width: int, height: int) -> bytes:
    rows = (b"\0" + b"\xff" * width) * height
    return png(width, height, colour=0, pixels=zlib.compress(rows))


def orientations() -> Iterator[HostilePicture]:
    """Every value of EXIF's orientation, those that are not defined among them."""
    for value in (*range(10), 255, 65_535):
        turned = (HEIGHT, WIDTH) if value in range(5, 9) else (WIDTH, HEIGHT)
        tag = exif((ORIENTATION, SHORT, 1, struct.pack(">HH", value, 0)))
        yield _answered(f"exif-{value}.jpg", in_jpeg(segment(0xE1, tag)), turned)
        yield _answered(f"exif-{value}.png", in_png(png_chunk(b"eXIf", tag[6:])), turned)


def metadata() -> Iterator[HostilePicture]:
    """Metadata that leads astray whoever believes it; the pixels are whole."""
    value = struct.pack(">HH", 6, 0)
    forms: dict[str, bytes] = {
        "empty": b"Exif\0\0",
        "cut": exif((ORIENTATION, SHORT, 1, value))[:15],
        "as-text": exif((ORIENTATION, TEXT, 4, b"six\0")),
        "as-nothing": exif((ORIENTATION, SHORT, 0, value)),
        "of-no-type": exif((ORIENTATION, 99, 1, value)),
        "far-away": exif((ORIENTATION, TEXT, 2**31, struct.pack(">I", 2**31))),
        "start-outside": exif((ORIENTATION, SHORT, 1, value), start=2**31),
        "start-itself": exif((ORIENTATION, SHORT, 1, value), start=0),
        "loop": exif((ORIENTATION, SHORT, 1, struct.pack(">HH", 1, 0)), following=8),
        "loop-below": exif((0x8769, 4, 1, struct.pack(">I", 8))),
        "gps-loop": exif((0x8825, 4, 1, struct.pack(">I", 8))),
        "many": exif(*[(0x9C9B, TEXT, 2**30, struct.pack(">I", 8))] * 4_000),
        "zeros": b"Exif\0\0" + bytes(60_000),
        "little-and-big": b"Exif\0\0II*\0" + exif((ORIENTATION, SHORT, 1, value))[10:],
    }
    for name, content in forms.items():
        # What such EXIF says of the orientation is up to the reader; that pixels are whole is not.
        yield _answered(f"exif-{name}.jpg", in_jpeg(segment(0xE1, content)), None)
        yield _answered(f"exif-{name}.png", in_png(png_chunk(b"eXIf", content[6:])), None)
    random = np.random.default_rng(19)
    for name, profile in {"noise": random.bytes(4_000), "zeros": bytes(50_000)}.items():
        tagged = segment(0xE2, b"ICC_PROFILE\0\1\1" + profile)
        yield _answered(f"profile-{name}.jpg", in_jpeg(tagged))
        chunk = png_chunk(b"iCCP", b"icc\0\0" + zlib.compress(profile))
        yield _answered(f"profile-{name}.png", in_png(chunk))
    for place, parts in ((0, 1), (1, 0), (255, 1), (2, 9)):  # a part of a profile that is not there
        tagged = segment(0xE2, b"ICC_PROFILE\0" + bytes((place, parts)) + bytes(99))
        yield _answered(f"profile-part-{place}-of-{parts}.jpg", in_jpeg(tagged))
    packet = b"http://ns.adobe.com/xap/1.0/\0" + b"<!DOCTYPE x [<!ENTITY a 'aaaa'>]><x>&a;</x>"
    yield _answered("xmp-entities.jpg", in_jpeg(segment(0xE1, packet)))
    yield _answered("photoshop-cut.jpg", in_jpeg(segment(0xED, b"Photoshop 3.0\x008BIM\x04")))
    yield HostilePicture(
        name="adobe-cut.jpg", data=in_jpeg(segment(0xEE, b"Adobe")), verdict="either"
    )


def animations() -> Iterator[HostilePicture]:
    """Thousands of frames, of which the first counts."""
    yield _answered("frames.png", _animated_png(FRAMES), (8, 8))
    for announced in (0, 2**31 - 1, 2**32 - 1):
        control = png_chunk(b"acTL", struct.pack(">II", announced, 0))
        yield HostilePicture(
            name=f"frames-claimed-{announced}.png", data=in_png(control), verdict="either"
        )
    yield _answered("frames.webp", _animated_webp(FRAMES), (WIDTH, HEIGHT))
    torn = _animated_webp(20)
    yield HostilePicture(name="frames-torn.webp", data=torn[: len(torn) // 2], verdict="refused")
    outside = _animated_webp(2, left=4_000)
    yield HostilePicture(name="frames-outside.webp", data=outside, verdict="refused")
    frames = [Image.new("L", (8, 8), n % 256) for n in range(300)]
    gif = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    yield _refused("frames.gif", gif)


def _animated_png(frames: int) -> bytes:
    """The same 8 x 8 pixels again and again (PNG, third edition, 11.3.6)."""
    pixels = zlib.compress((b"\0" + b"\x40" * 24) * 8)
    control = png_chunk(b"acTL", struct.pack(">II", frames, 0))
    parts = [control, _frame(0)]
    after = []
    for number in range(1, frames):
        after.append(_frame(2 * number - 1))
        after.append(png_chunk(b"fdAT", struct.pack(">I", 2 * number) + pixels))
    return png(8, 8, pixels=pixels, before=parts, after=after)


def _frame(number: int) -> bytes:
    return png_chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, 8, 8, 0, 0, 1, 10, 0, 0))


def _animated_webp(frames: int, *, left: int = 0) -> bytes:
    """The same pixels again and again (RFC 9649, 2.7.1.1)."""
    still = photo("lossless")[12:]
    place = (left // 2).to_bytes(3, "little") + bytes(3)
    size = (WIDTH - 1).to_bytes(3, "little") + (HEIGHT - 1).to_bytes(3, "little")
    frame = place + size + (40).to_bytes(3, "little") + b"\0" + still
    head = (canvas(WIDTH, HEIGHT, flags=2), (b"ANIM", bytes(6)))
    return riff(*head, *[(b"ANMF", frame)] * frames)


def wrong_suffixes() -> Iterator[HostilePicture]:
    """Content decides, never the name."""
    for kind in ("JPEG", "PNG", "WEBP"):
        for suffix in (".jpg", ".png", ".webp", ".txt", ".exe", ".svg", ".heic", ""):
            if suffix != SUFFIXES[kind]:
                yield _answered(f"suffix-{kind.lower()}{suffix}", photo(kind), (WIDTH, HEIGHT))


def polyglots() -> Iterator[HostilePicture]:
    """Files that are two things at once."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as pack:
        pack.writestr(zipfile.ZipInfo("../../evil"), "x")
    script = b"<script>alert(1)</script><?php system($_GET[0]); ?>"
    tails: Mapping[str, bytes] = {
        "zip": archive.getvalue(), "html": b"<html>" + script, "pdf": b"%PDF-1.4\n%%EOF",
        "jpeg": photo("JPEG"), "zeros": bytes(100_000),
    }  # fmt: skip
    for what, tail in tails.items():
        for kind in ("JPEG", "PNG"):
            data = photo(kind) + tail
            yield _answered(f"polyglot-{what}{SUFFIXES[kind]}", data, (WIDTH, HEIGHT))
    yield _answered("polyglot-comment.jpg", in_jpeg(segment(0xFE, script)), (WIDTH, HEIGHT))
    yield _answered("polyglot-text.png", in_png(png_chunk(b"tEXt", b"k\0" + script)))
    yield _refused("polyglot-gif.js", b"GIF89a/*" + script + b"*/=1")
    yield _refused("polyglot.pdf", b"%PDF-1.4\n" + photo("JPEG"))
    yield _refused("polyglot-zip-first.jpg", archive.getvalue() + photo("JPEG"))
    yield _refused("polyglot-html-first.jpg", b"<html>" + script + photo("JPEG"))
    yield _refused("polyglot-newline.jpg", b"\n" + photo("JPEG"))


def other_formats() -> Iterator[HostilePicture]:
    """Pictures of formats that nobody asked us to read, some of which can run programs."""
    for kind in ("TIFF", "GIF", "BMP", "ICO", "PPM", "TGA", "PCX", "JPEG2000", "DDS", "ICNS", "PDF",
                 "EPS", "SGI", "MSP", "XBM", "IM", "SPIDER", "AVIF"):  # fmt: skip
        modes = {"MSP": "1", "XBM": "1", "SPIDER": "F"}
        try:
            data = encoded(drawn(mode=modes.get(kind, "RGB")), kind)
        except (KeyError, OSError):  # not every build of Pillow writes all of them
            continue
        yield _refused(f"format.{kind.lower()}", data)
    heads = {
        "heic": b"\0\0\0\x18ftypheic", "mif1": b"\0\0\0\x18ftypmif1", "jxl": b"\xff\x0a",
        "jxl-box": b"\0\0\0\x0cJXL \r\n\x87\n", "mp4": b"\0\0\0\x18ftypmp42", "psd": b"8BPS\0\1",
        "wmf": b"\xd7\xcd\xc6\x9a", "flif": b"FLIF", "djvu": b"AT&TFORM", "mng": b"\x8aMNG\r\n",
        "jng": b"\x8bJNG\r\n\x1a\n", "svgz": gzip.compress(b"<svg/>"), "avi": b"RIFF\0\0\0\0AVI ",
    }  # fmt: skip
    for name, head in heads.items():
        yield _refused(f"head.{name}", head + bytes(200))


def no_pictures() -> Iterator[HostilePicture]:
    """Whatever else ends up in a folder or a request."""
    svg = (
        '<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
        '<svg xmlns="http://www.w3.org/2000/svg"><image href="http://127.0.0.1/"/>&a;</svg>'
    )
    random = np.random.default_rng(23)
    things: Mapping[str, bytes] = {
        "nothing.jpg": b"", "zero.jpg": b"\0", "zeros.jpg": bytes(100_000), "space.png": b" " * 99,
        "noise.jpg": random.bytes(100_000), "svg.svg": svg.encode(), "page.jpg": b"<html>no</html>",
        "json.png": b'{"error": "no such key"}', "url.jpg": b"http://169.254.169.254/latest/",
        "path.jpg": b"/etc/passwd", "laughs.svg": b"<!ENTITY a '&b;&b;'>" * 1_000,
        "base64.jpg": b"/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQ", "text.txt": "옷 사진".encode(),
        "data-url.png": b"data:image/png;base64,iVBORw0KGgo=", "gzip.jpg": gzip.compress(b"x" * 99),
        "program.jpg": b"\x7fELF\x02\x01\x01" + bytes(99), "pickle.jpg": b"\x80\x05cos\nsystem\n.",
        "script.jpg": b"#!/bin/sh\nexit 0\n", "lfs.jpg": b"version https://git-lfs.github.com/spec",
        "push.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n(%pipe%id) (w) file\n",
        "mvg.jpg": b"push graphic-context\nimage over 0,0 0,0 'label:@/etc/passwd'\n",
    }  # fmt: skip
    for name, data in things.items():
        yield _refused(f"thing-{name}", data)
    for kind in ("JPEG", "PNG", "WEBP"):
        for length in (1, 2, 3, 4, 8, 12, 13, 16):
            yield _refused(f"first-{length}{SUFFIXES[kind]}", photo(kind)[:length])


def _answered(
    name: str, data: bytes, size: tuple[int, int] | None = (WIDTH, HEIGHT)
) -> HostilePicture:
    return HostilePicture(name=name, data=data, verdict="answered", size=size)


def _refused(name: str, data: bytes) -> HostilePicture:
    return HostilePicture(name=name, data=data, verdict="refused")
