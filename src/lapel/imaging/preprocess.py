"""Pixels of any size to the pixels a network reads, the same way every time.

Saved in the bundle, so that training and prediction cannot drift apart. Every step is affine,
and the way back to the original is part of the result.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lapel.imaging.decode import DEFAULT_LIMITS, Decoded, Limits, decode_enough
from lapel.imaging.garment import Box, isolate_garment
from lapel.schema.errors import UsageError

Fit = Literal["letterbox", "stretch", "crop"]
Resample = Literal["bilinear", "bicubic", "lanczos"]

#: Left, top, right, bottom on the canvas, in whole pixels.
Target = tuple[int, int, int, int]

FILTERS: dict[str, Image.Resampling] = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where an original lies in the pixels of the network.

    ``model = original * scale + offset`` on each axis, in continuous coordinates: the pixel in
    column 3 reaches from 3.0 to 4.0, its centre is 3.5.

    Attributes:
        scale_x: model pixels an original pixel, along a row.
        scale_y: the same, down a column.
        offset_x: where the original's left edge lies, in model pixels; below 0 if cut off.
        offset_y: where its top edge lies.
    """

    scale_x: float
    scale_y: float
    offset_x: float
    offset_y: float

    def to_model(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points (..., 2) as (x, y) of the original, in pixels of the network."""
        return points * (self.scale_x, self.scale_y) + (self.offset_x, self.offset_y)

    def to_original(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points (..., 2) as (x, y) of the network, in pixels of the original."""
        return (points - (self.offset_x, self.offset_y)) / (self.scale_x, self.scale_y)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What a network reads of one picture.

    Attributes:
        pixels: uint8 (channels, height, width).
        placement: the way back.
        width: of the original, upright.
        height: likewise.
    """

    pixels: NDArray[np.uint8]
    placement: Placement
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocess:
    """What is done to a picture before a network reads it.

    Normalisation is part of the network: ``mean`` and ``std`` are kept here for whoever
    builds or reads it, and :meth:`apply` returns plain pixels.

    Attributes:
        height: of the network's pixels.
        width: of the network's pixels.
        channels: 3 for RGB, 1 for gray (ITU-R BT.601 luma).
        fit: ``letterbox`` shows the whole picture in its own shape and fills the rest,
            ``stretch`` shows the whole picture and bends its shape, ``crop`` keeps the shape
            and cuts the longer side.
        fill: gray level, 0 to 255, of the rest of a letterbox.
        resample: Pillow's filter; every one of them averages when shrinking.
        mean: a channel's mean, of pixels scaled to 0..1.
        std: a channel's standard deviation, likewise.
        from_photo: the network knows small gray garments, bright on black, trimmed and centred
            (Fashion-MNIST): pictures of any other size are brought into that form first.
        reduced: files of JPEGs far larger than the network's pixels are decoded at a half, a
            quarter or an eighth of their size, which is quicker; :meth:`read` does it.

    Raises:
        UsageError: a value outside its range; the message names it.
    """

    height: int
    width: int
    channels: int
    fit: Fit
    mean: tuple[float, ...]
    std: tuple[float, ...]
    fill: int = 0
    resample: Resample = "bilinear"
    from_photo: bool = False
    reduced: bool = False

    def __post_init__(self) -> None:
        for allowed, wrong in (
            ("a height and width of at least 1", min(self.height, self.width) < 1),
            ("1 or 3 channels", self.channels not in {1, 3}),
            (f"fit to be one of {', '.join(get_args(Fit))}", self.fit not in get_args(Fit)),
            (f"resample to be one of {', '.join(FILTERS)}", self.resample not in FILTERS),
            ("fill from 0 to 255", not 0 <= self.fill <= 255),
            ("one finite mean a channel", not _one_each(self.mean, self.channels)),
            ("one finite std above 0 a channel", not _one_each(self.std, self.channels)),
            ("one finite std above 0 a channel", min(self.std, default=0) <= 0),
            ("from_photo with 1 channel only", self.from_photo and self.channels != 1),
            ("either reduced or from_photo", self.from_photo and self.reduced),
        ):
            if wrong:
                raise UsageError(f"preprocessing expects {allowed}, found {self}")

    def apply(self, pixels: NDArray[np.uint8]) -> Prepared:
        """Prepare one upright picture: uint8 (H, W, 3), or (H, W) for gray."""
        height, width = pixels.shape[:2]
        return self._prepared(Decoded(pixels=pixels, width=width, height=height, reduced=1))

    def read(self, data: bytes, *, name: str, limits: Limits = DEFAULT_LIMITS) -> Prepared:
        """Decode and prepare the bytes of a file.

        Args:
            data: the whole file.
            name: what the picture is called in errors.
            limits: ceilings on what is decoded.

        Raises:
            ImageError: bytes that are no picture we accept.
        """
        enough = self._enough if self.reduced else None
        return self._prepared(decode_enough(data, name=name, limits=limits, enough=enough))

    def _prepared(self, decoded: Decoded) -> Prepared:
        original = Image.fromarray(decoded.pixels)
        width, height = decoded.width, decoded.height
        image = original.convert("L" if self.channels == 1 else "RGB")
        if image.size == (width, height) == (self.width, self.height):
            return Prepared(
                pixels=_planes(image),
                placement=_placement((0, 0, width, height), (0, 0, width, height)),
                width=width,
                height=height,
            )
        if self.from_photo:
            small, box = isolate_garment(original)
            canvas, target = self._letterbox(small, box)
            shrunk = width / small.width, height / small.height
        else:
            shrunk = float(decoded.reduced), float(decoded.reduced)
            canvas, target, box = self._placed(image, width / shrunk[0], height / shrunk[1])
        from_box = box[0] * shrunk[0], box[1] * shrunk[1], box[2] * shrunk[0], box[3] * shrunk[1]
        return Prepared(
            pixels=_planes(canvas),
            placement=_placement(from_box, target),
            width=width,
            height=height,
        )

    def _enough(self, width: int, height: int) -> tuple[float, float]:
        """The size at which a picture of the given size would be shown whole."""
        across, down = self.width / width, self.height / height
        if self.fit == "letterbox":
            across = down = min(across, down)
        if self.fit == "crop":
            across = down = max(across, down)
        return width * across, height * down

    def _placed(
        self, image: Image.Image, width: float, height: float
    ) -> tuple[Image.Image, Target, Box]:
        """A picture that is so wide and high (a reduced one: a fraction less than it has pixels)
        on the canvas, where it lies there, and the box of it that is seen.
        """
        box = (0.0, 0.0, width, height)
        if self.fit == "letterbox":
            return *self._letterbox(image, box), box
        if self.fit == "crop":
            box = self._centre(width, height)
        size = self.width, self.height
        return image.resize(size, FILTERS[self.resample], box=box), (0, 0, *size), box

    def _letterbox(self, image: Image.Image, box: Box) -> tuple[Image.Image, Target]:
        """A box of the picture whole, in its own shape, on the fill; and where it lies there."""
        wide, high = box[2] - box[0], box[3] - box[1]
        scale = min(self.width / wide, self.height / high)
        size = max(1, round(wide * scale)), max(1, round(high * scale))
        left, top = (self.width - size[0]) // 2, (self.height - size[1]) // 2
        fill = (self.fill,) * self.channels if self.channels > 1 else self.fill
        canvas = Image.new(image.mode, (self.width, self.height), fill)
        canvas.paste(image.resize(size, FILTERS[self.resample], box=box), (left, top))
        return canvas, (left, top, left + size[0], top + size[1])

    def _centre(self, width: float, height: float) -> Box:
        """The largest box of the canvas's shape in the middle of a picture."""
        scale = max(self.width / width, self.height / height)
        wide, high = min(self.width / scale, width), min(self.height / scale, height)
        left, top = (width - wide) / 2, (height - high) / 2
        return left, top, left + wide, top + high

    def to_json(self) -> dict[str, Any]:
        """The preprocessing as plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: object) -> Self:
        """The preprocessing from plain values.

        Raises:
            UsageError: values of another shape, missing or unknown ones.
        """
        if not isinstance(value, dict):
            raise UsageError(f"preprocessing is an object, found {type(value).__name__}")
        try:
            means = {key: tuple(map(float, value[key])) for key in ("mean", "std")}
            return cls(**{**value, **means})
        except UsageError:
            raise
        except (TypeError, ValueError, KeyError) as error:
            raise UsageError(f"preprocessing with values of another shape: {error}") from error


def _one_each(values: tuple[float, ...], channels: int) -> bool:
    return len(values) == channels and all(map(math.isfinite, values))


def _planes(image: Image.Image) -> NDArray[np.uint8]:
    """A picture as (channels, height, width)."""
    pixels = np.asarray(image)
    return np.ascontiguousarray(np.atleast_3d(pixels).transpose(2, 0, 1))


def _placement(box: Box, target: Target) -> Placement:
    """The map that takes a box of the original to a box of the canvas."""
    scale_x = (target[2] - target[0]) / (box[2] - box[0])
    scale_y = (target[3] - target[1]) / (box[3] - box[1])
    return Placement(
        scale_x=scale_x,
        scale_y=scale_y,
        offset_x=target[0] - box[0] * scale_x,
        offset_y=target[1] - box[1] * scale_y,
    )
