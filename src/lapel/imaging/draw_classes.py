"""Classes of pixels drawn over a picture, and as pictures of their own."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lapel.imaging.draw import PAPER, WRONG, Colour, colours, drawing_size
from lapel.schema.masks import BACKGROUND, UNKNOWN_CLASS

#: The colour of a pixel of unknown class: that of PASCAL VOC's masks.
UNKNOWN = (224, 224, 192)

#: How much a class covers of the picture; its outline covers it wholly.
COVER = 0.55

#: How much of the picture the colour of a wrong answer covers.
WRONG_COVER = 0.8

#: How much of the picture pales where nobody knows what is right.
PALE = 0.7


def class_colours(labels: Sequence[str]) -> tuple[Colour, ...]:
    """A colour a class; black for the background."""
    found = iter(colours(sum(label != BACKGROUND for label in labels)))
    return tuple((0, 0, 0) if label == BACKGROUND else next(found) for label in labels)


def draw_classes(
    pixels: NDArray[np.uint8],
    mask: NDArray[np.uint8],
    labels: Sequence[str],
    *,
    side: int | None = None,
) -> Image.Image:
    """A picture with its classes in colours over it, each with an outline; unknown pixels pale.

    Args:
        pixels: of the upright picture, uint8 (H, W, 3).
        mask: uint8 (H, W), places in ``labels`` or ``UNKNOWN_CLASS``.
        labels: names of the classes.
        side: longest side of the drawing, in pixels; by default near the picture's own.
    """
    photo, small = _shrunk(pixels, mask, side)
    palette = np.zeros((UNKNOWN_CLASS + 1, 3))
    palette[: len(labels)] = class_colours(labels)
    palette[UNKNOWN_CLASS] = PAPER
    cover = np.zeros(UNKNOWN_CLASS + 1)
    cover[: len(labels)] = [0.0 if label == BACKGROUND else COVER for label in labels]
    cover[UNKNOWN_CLASS] = PALE
    share = cover[small]
    share[_outlines(small) & (share == COVER)] = 1.0
    return _mixed(photo, palette[small], share)


def draw_difference(
    pixels: NDArray[np.uint8],
    truth: NDArray[np.uint8],
    answer: NDArray[np.uint8],
    *,
    side: int | None = None,
) -> Image.Image:
    """A gray picture with the pixels in colour whose class is not what it should be.

    Args:
        pixels: of the upright picture, uint8 (H, W, 3).
        truth: uint8 (H, W), ``UNKNOWN_CLASS`` where nobody knows; those pixels pale.
        answer: uint8 (H, W).
        side: longest side of the drawing, in pixels.
    """
    photo, true = _shrunk(pixels, truth, side)
    gray = np.repeat(photo.mean(axis=2, keepdims=True), 3, axis=2)
    _, said = _shrunk(pixels, answer, side)
    unknown, wrong = true == UNKNOWN_CLASS, true != said
    colour = np.where(unknown[..., None], np.array(PAPER, float), np.array(WRONG, float))
    share = np.where(unknown, PALE, np.where(wrong, WRONG_COVER, 0.0))
    return _mixed(gray, colour, share)


def _shrunk(
    pixels: NDArray[np.uint8], mask: NDArray[np.uint8], side: int | None
) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """A picture and its mask at the size of a drawing."""
    size = drawing_size(pixels, side)
    photo = np.asarray(Image.fromarray(pixels).resize(size), np.float64)
    return photo, np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))


def _outlines(mask: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The pixels that have one of another class to the right or below."""
    found = np.zeros(mask.shape, np.bool_)
    found[:-1] |= mask[1:] != mask[:-1]
    found[:, :-1] |= mask[:, 1:] != mask[:, :-1]
    return found


def _mixed(
    photo: NDArray[np.float64], colour: NDArray[np.float64], share: NDArray[np.float64]
) -> Image.Image:
    cover = share[..., None]
    return Image.fromarray((photo * (1 - cover) + colour * cover).round().astype(np.uint8))


def mask_png(mask: NDArray[np.uint8], labels: Sequence[str]) -> bytes:
    """A mask as a PNG of indexed colours: its values are the places of the classes, 255 unknown.

    Programs that show pictures see the colours of :func:`class_colours`, those that read masks the
    places.

    Args:
        mask: uint8 (H, W).
        labels: names of the classes.
    """
    palette = np.zeros((UNKNOWN_CLASS + 1, 3), np.uint8)
    palette[: len(labels)] = class_colours(labels)
    palette[UNKNOWN_CLASS] = UNKNOWN
    image = Image.fromarray(mask)
    image.putpalette(palette.tobytes())
    out = io.BytesIO()
    image.save(out, "png")
    return out.getvalue()
