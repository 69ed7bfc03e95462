"""Bytes to pixels: what is accepted, how it is turned upright and into RGB, what is refused.

Decided by content, never by name. Nothing is guessed for a torn file: it is refused, since
half a picture filled with grey is a wrong picture.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from lapel.imaging.pieces import too_many_pieces, too_many_scans
from lapel.imaging.quiet import pillow_warnings_ignored
from lapel.imaging.signatures import SIGNATURES, format_by_signature, webp_canvas
from lapel.schema.errors import ImageError, ImageTooLargeError

MEBIBYTE = 2**20

#: What Pillow and the libraries below it raise for bytes that they cannot read. The last
#: ones are faults of its readers that a damaged file brings to light.
DECODER_FAULTS = (
    OSError,  # with PIL.UnidentifiedImageError
    SyntaxError,
    ValueError,
    EOFError,
    Image.DecompressionBombError,
    struct.error,
    zlib.error,
    LookupError,
    TypeError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    RuntimeError,
)

#: So many pixels are turned into RGB at a time.
STRIP_PIXELS = 1 << 20

#: EXIF orientation (tag 0x0112, CIPA DC-008 4.6.5 A) to what turns the picture upright. 1 is
#: upright; other values (0, 9, ...) are not defined and read as 1, as viewers do.
ORIENTATION_TAG = 0x0112
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
#: From this orientation on, rows are columns.
FIRST_ON_ITS_SIDE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Ceilings on what is decoded, checked before memory is spent on it.

    Of an animation only the first frame is decoded, so the number of frames costs nothing.

    Attributes:
        pixels: width times height of the picture.
        bytes: size of the file.
        metadata: bytes of EXIF, XMP, colour profile and texts together, unpacked.
        pieces: segments or chunks of the file, each of which takes memory and time to read.
        scans: of a JPEG, each of which goes over all its pixels. Progressive ones have about ten.
        formats: names of the accepted formats as Pillow spells them.
    """

    pixels: int = 40_000_000
    bytes: int = 64 * MEBIBYTE
    metadata: int = 16 * MEBIBYTE
    pieces: int = 100_000
    scans: int = 100
    formats: tuple[str, ...] = ("JPEG", "PNG", "WEBP")


DEFAULT_LIMITS = Limits()

#: From the size of a picture, upright (width, height), to the smallest one that will do.
Enough = Callable[[int, int], tuple[float, float]]

#: Told how many pixels a picture has, before they are decoded.
BeforePixels = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A picture, perhaps decoded at a half, a quarter or an eighth of its size.

    Attributes:
        content: upright, as it came: Pillow's picture in RGB, or its pixels (height, width, 3).
            Each of the two becomes the other when it is asked for, which copies it.
        width: of the original, upright, in its own pixels.
        height: likewise.
        reduced: how many pixels of the original one of ``content`` stands for: 1, 2, 4 or 8. The
            last column and row may stand for less.
    """

    content: Image.Image | NDArray[np.uint8]
    width: int
    height: int
    reduced: int

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """Upright RGB (height, width, 3), writable."""
        return np.array(self.content) if isinstance(self.content, Image.Image) else self.content

    @property
    def image(self) -> Image.Image:
        """Pillow's picture."""
        return (
            self.content if isinstance(self.content, Image.Image) else Image.fromarray(self.content)
        )


def decode(data: bytes, *, name: str, limits: Limits = DEFAULT_LIMITS) -> NDArray[np.uint8]:
    """Decode one picture, upright and in RGB.

    Transparent parts lie over white. CMYK, 16-bit, palette and one-bit pictures become 8-bit
    RGB; embedded colour profiles are ignored, as training did. May be called from many threads.

    Args:
        data: the whole file.
        name: what the picture is called in errors.
        limits: the ceilings.

    Returns:
        Pixels (H, W, 3), writable.

    Raises:
        ImageError: the bytes are no whole picture of an accepted format, or above a ceiling.
    """
    return decode_enough(data, name=name, limits=limits).pixels


def decode_enough(
    data: bytes,
    *,
    name: str,
    limits: Limits = DEFAULT_LIMITS,
    enough: Enough | None = None,
    before: BeforePixels | None = None,
) -> Decoded:
    """Decode one picture as :func:`decode` does; a JPEG no larger than is needed.

    JPEG keeps blocks of 8 x 8 pixels as frequencies; leaving out the high ones gives the picture
    at 1/2, 1/4 or 1/8 of its size for a part of the work (ITU-T T.81; libjpeg's ``scale_denom``).

    Args:
        data: the whole file.
        name: what the picture is called in errors.
        limits: the ceilings, on the picture at its full size.
        enough: tells from the full size what size will do; none: the full size.
        before: called with the number of pixels once the head of the file told it, before memory
            is spent on them; may take its time.

    Raises:
        ImageError: as :func:`decode`.
    """
    _check_bytes(data, name, limits)
    try:
        with pillow_warnings_ignored(), _open(data, name, limits) as image:
            _check_header(image, name, limits)
            full = image.size
            if before is not None:
                before(full[0] * full[1])
            reduced = _reduce(image, enough) if enough is not None else 1
            # Before the orientation is asked for: of a PNG that loads the pixels too, and a fault
            # of theirs would be taken for one of its metadata.
            image.load()
            turned = _orientation(image) >= FIRST_ON_ITS_SIDE
            content = _rgb(_upright(image))
    except ImageError:
        raise
    except DECODER_FAULTS as error:
        raise _refusal(name, error) from error
    width, height = full[::-1] if turned else full
    return Decoded(content=content, width=width, height=height, reduced=reduced)


def upright_size(data: bytes, *, name: str, limits: Limits = DEFAULT_LIMITS) -> tuple[int, int]:
    """Width and height of a picture as it stands upright; its pixels are not decoded.

    Args:
        data: the whole file.
        name: what the picture is called in errors.
        limits: the ceilings.

    Raises:
        ImageError: as :func:`decode`, as far as the head of the file tells.
    """
    _check_bytes(data, name, limits)
    try:
        with pillow_warnings_ignored(), _open(data, name, limits) as image:
            _check_header(image, name, limits)
            turned = _orientation(image) >= FIRST_ON_ITS_SIDE
            return (image.height, image.width) if turned else image.size
    except ImageError:
        raise
    except DECODER_FAULTS as error:
        raise _refusal(name, error) from error


def _reduce(image: Image.Image, enough: Enough) -> int:
    """Have a JPEG decoded at the smallest scale that is still enough; others as they are."""
    if not isinstance(image, JpegImageFile):
        return 1
    orientation = _orientation(image)
    full = image.size
    turned = orientation >= FIRST_ON_ITS_SIDE
    wanted = enough(*(full[::-1] if turned else full))
    width, height = wanted[::-1] if turned else wanted
    for scale in (8, 4, 2):
        fits = full[0] // scale >= width and full[1] // scale >= height
        # What is left over at the right and below would come to lie elsewhere when turned.
        if fits and (orientation == 1 or (full[0] % scale == 0 and full[1] % scale == 0)):
            image.draft(None, (full[0] // scale, full[1] // scale))
            return scale
    return 1


def _check_bytes(data: bytes, name: str, limits: Limits) -> None:
    if not data:
        raise ImageError(name, "the file is empty; copy or download it again")
    if len(data) > limits.bytes:
        raise ImageTooLargeError(
            name,
            f"{len(data) / MEBIBYTE:.1f} MiB, the limit is {limits.bytes / MEBIBYTE:g}; "
            "save it smaller",
        )


def _open(data: bytes, name: str, limits: Limits) -> Image.Image:
    """Read the header: size, mode and metadata, no pixels yet."""
    found = format_by_signature(data)
    if found == "WEBP":
        # Pillow's WebP reader allocates the canvas when it opens the file.
        _check_pixels(webp_canvas(data), name, limits)
    if found in limits.formats:
        _check_pieces(data, found, name, limits)
    return Image.open(io.BytesIO(data), formats=_candidates(found, data, name, limits))


def _check_pieces(data: bytes, kind: str, name: str, limits: Limits) -> None:
    for what, limit, above in (
        ("segments or chunks", limits.pieces, too_many_pieces(data, kind, limits.pieces)),
        ("scans", limits.scans, kind == "JPEG" and too_many_scans(data, limits.scans)),
    ):
        if above:
            raise ImageTooLargeError(name, f"more {what} than the limit of {limit:,}; save it anew")


def _candidates(found: str | None, data: bytes, name: str, limits: Limits) -> list[str]:
    """Formats to try: the announced one, else those that the user allowed and we cannot tell."""
    if found in limits.formats:
        return [found]
    known = {kind for _, _, kind in SIGNATURES}
    candidates = [kind for kind in limits.formats if kind not in known]
    if not candidates:
        what = f"a {found} file" if found else f"bytes that begin with {data[:8]!r}"
        accepted = _listed(limits.formats)
        raise ImageError(name, f"found {what}, expected {accepted}; convert it or leave it out")
    return candidates


def _check_header(image: Image.Image, name: str, limits: Limits) -> None:
    _check_pixels(image.size, name, limits)
    metadata = sum(len(value) for value in image.info.values() if isinstance(value, bytes | str))
    if metadata > limits.metadata:
        raise ImageTooLargeError(
            name,
            f"{metadata / MEBIBYTE:.1f} MiB of metadata, the limit is "
            f"{limits.metadata / MEBIBYTE:g}; save it without metadata",
        )


def _check_pixels(size: tuple[int, int], name: str, limits: Limits) -> None:
    width, height = size
    if width * height > limits.pixels:
        raise ImageTooLargeError(
            name,
            f"{width} x {height} pixels, the limit is {limits.pixels / 1e6:g} million; "
            "save it smaller",
        )


def _upright(image: Image.Image) -> Image.Image:
    turn = UPRIGHT.get(_orientation(image))
    return image if turn is None else image.transpose(turn)


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(ORIENTATION_TAG, 1)
    except DECODER_FAULTS:
        return 1  # unreadable metadata says nothing about whole pixels
    return value if value in UPRIGHT else 1


def _rgb(image: Image.Image) -> Image.Image | NDArray[np.uint8]:
    """In RGB; some rows at a time, so that no large picture lies in memory several times."""
    if image.mode == "RGB" and not image.has_transparency_data:
        return image
    rows = max(1, STRIP_PIXELS // image.width)
    if rows >= image.height or image.mode == "F":  # what is white to floats depends on all of them
        return _to_rgb(image)
    pixels = np.empty((image.height, image.width, 3), np.uint8)
    for top in range(0, image.height, rows):
        bottom = min(top + rows, image.height)
        pixels[top:bottom] = np.asarray(_to_rgb(image.crop((0, top, image.width, bottom))))
    return pixels


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        return _wide_to_rgb(image)
    if image.has_transparency_data:
        layers = image.convert("RGBA")
        white = Image.new("RGBA", layers.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, layers).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _wide_to_rgb(image: Image.Image) -> Image.Image:
    """Gray of more than 8 bits: integers are read as 16-bit, floats as 0 to 1 or 0 to 255."""
    values = np.nan_to_num(np.asarray(image, np.float64))
    float_white = 1.0 if values.max(initial=0.0) <= 1.0 else 255.0
    white = float_white if image.mode == "F" else 65535.0
    gray = np.rint(np.clip(values / white, 0.0, 1.0) * 255.0).astype(np.uint8)
    return Image.fromarray(gray).convert("RGB")


def _refusal(name: str, error: Exception) -> ImageError:
    if isinstance(error, Image.DecompressionBombError):
        fault = "far more pixels than are ever decoded; save it smaller"
        return ImageTooLargeError(name, fault)
    text = str(error).split("<_io", 1)[0].strip() or type(error).__name__
    return ImageError(name, f"torn or damaged ({text}); copy or download it again")


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
