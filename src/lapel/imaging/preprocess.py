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

from lapel.imaging.decode import DEFAULT_LIMITS, BeforePixels, Decoded, Limits, decode_enough
from lapel.imaging.garment import Edges, isolate_garment
from lapel.schema.errors import UsageError
from lapel.schema.geometry import Box

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
class Frame:
    """How a network's canvas shows one picture; known without its pixels.

    Attributes:
        placement: the way there and back.
        width: of the canvas, in pixels.
        height: likewise.
        box: of the garment in the original, by whose width and height distances are measured;
            the whole picture where nobody knows one.
        size: width and height of the upright original, in whole pixels; masks are of that size.
            0, 0 where nobody said, which only answers with masks mind.
        shown: left, top, right and bottom of the part of the canvas that shows the picture, in
            whole pixels; what lies beside it is filled, also where a box leaves out the rest of the
            picture. None: wherever the picture lies.
    """

    placement: Placement
    width: int
    height: int
    box: Box
    size: tuple[int, int] = (0, 0)
    shown: Target | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What a network reads of one picture.

    Attributes:
        pixels: uint8 (channels, height, width).
        frame: how they show the original, and the way back.
        width: of the original, upright.
        height: likewise.
    """

    pixels: NDArray[np.uint8]
    frame: Frame
    width: int
    height: int

    @property
    def placement(self) -> Placement:
        """The way back."""
        return self.frame.placement


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
        crop_to_box: where the box of the garment is known, the network sees that part of the
            picture alone, and the whole of it where it is not.
        box_margin: so much of the box's width and height is seen beyond each of its edges.
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
    crop_to_box: bool = False
    box_margin: float = 0.0

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
            ("either crop_to_box or from_photo", self.from_photo and self.crop_to_box),
            ("a box_margin of 0 or more", not 0 <= self.box_margin < math.inf),
        ):
            if wrong:
                raise UsageError(f"preprocessing expects {allowed}, found {self}")

    def apply(self, pixels: NDArray[np.uint8], box: Box | None = None) -> Prepared:
        """Prepare one upright picture: uint8 (H, W, 3), or (H, W) for gray.

        Args:
            pixels: of the whole picture.
            box: where the garment is in it, if anybody knows.
        """
        height, width = pixels.shape[:2]
        return self._prepared(Decoded(content=pixels, width=width, height=height, reduced=1), box)

    def read(
        self,
        data: bytes,
        *,
        name: str,
        limits: Limits = DEFAULT_LIMITS,
        box: Box | None = None,
        before: BeforePixels | None = None,
    ) -> Prepared:
        """Decode and prepare the bytes of a file.

        Args:
            data: the whole file.
            name: what the picture is called in errors.
            limits: ceilings on what is decoded.
            box: where the garment is in the upright picture, if anybody knows.
            before: as of :func:`lapel.imaging.decode.decode_enough`.

        Raises:
            ImageError: bytes that are no picture we accept.
        """

        def enough(width: int, height: int) -> tuple[float, float]:
            """The size at which what is seen of a picture fills the canvas."""
            frame = self.frame(width, height, box)
            return width * frame.placement.scale_x, height * frame.placement.scale_y

        needed = enough if self.reduced else None
        decoded = decode_enough(data, name=name, limits=limits, enough=needed, before=before)
        return self._prepared(decoded, box)

    def frame(self, width: int, height: int, box: Box | None = None) -> Frame:
        """How the canvas shows a picture of a size.

        With ``from_photo`` that depends on its pixels too, see :attr:`Prepared.frame`.

        Args:
            width: of the upright original, in pixels.
            height: likewise.
            box: where the garment is in it, if anybody knows.
        """
        return self._frame(*self._plan(width, height, box), width, height, box)

    def _frame(
        self, seen: Edges, target: Target, width: int, height: int, box: Box | None
    ) -> Frame:
        return Frame(
            placement=_placement(seen, target),
            width=self.width,
            height=self.height,
            box=box or Box(0.0, 0.0, float(width), float(height)),
            size=(width, height),
            shown=target,
        )

    def _plan(self, width: int, height: int, box: Box | None) -> tuple[Edges, Target]:
        """The part of a picture that is shown, and where on the canvas."""
        seen = self._seen(width, height, box)
        if self.fit == "letterbox":
            return seen, self._letterboxed(seen)
        if self.fit == "crop":
            seen = self._centre(seen)
        return seen, (0, 0, self.width, self.height)

    def _seen(self, width: int, height: int, box: Box | None) -> Edges:
        """The part of a picture that is shown: all of it, or the box and its margin."""
        whole = (0.0, 0.0, float(width), float(height))
        if box is None or not self.crop_to_box:
            return whole
        across, down = self.box_margin * box.width, self.box_margin * box.height
        left, top = max(0.0, box.left - across), max(0.0, box.top - down)
        right, bottom = min(width, box.right + across), min(height, box.bottom + down)
        # A box of which less than a pixel lies in the picture shows nothing.
        return (left, top, right, bottom) if right - left >= 1 and bottom - top >= 1 else whole

    def _prepared(self, decoded: Decoded, box: Box | None) -> Prepared:
        image = decoded.image
        width, height = decoded.width, decoded.height
        seen, target = self._plan(width, height, box)
        if self.from_photo and (width, height) != (self.width, self.height):
            image, garment = isolate_garment(image)
            seen = _scaled(garment, width / image.width, height / image.height)
            target = self._letterboxed(garment)
            part = garment
        else:
            mode = "L" if self.channels == 1 else "RGB"
            image = image if image.mode == mode else image.convert(mode)  # which would copy it
            part = _scaled(seen, 1 / decoded.reduced, 1 / decoded.reduced)
        return Prepared(
            pixels=_planes(self._shown(image, part, target)),
            frame=self._frame(seen, target, width, height, box),
            width=width,
            height=height,
        )

    def _shown(self, image: Image.Image, part: Edges, target: Target) -> Image.Image:
        """The canvas: a part of a picture at its place, the rest filled."""
        canvas_size = self.width, self.height
        size = target[2] - target[0], target[3] - target[1]
        if image.size == size and part == (0.0, 0.0, *map(float, size)):
            shown = image  # its pixels as they are
        else:
            shown = image.resize(size, FILTERS[self.resample], box=_within(part, image))
        if size == canvas_size:
            return shown
        fill = (self.fill,) * self.channels if self.channels > 1 else self.fill
        canvas = Image.new(image.mode, canvas_size, fill)
        canvas.paste(shown, target[:2])
        return canvas

    def _letterboxed(self, part: Edges) -> Target:
        """Where a part of a picture lies on the canvas, whole and in its own shape."""
        wide, high = part[2] - part[0], part[3] - part[1]
        scale = min(self.width / wide, self.height / high)
        size = max(1, round(wide * scale)), max(1, round(high * scale))
        left, top = (self.width - size[0]) // 2, (self.height - size[1]) // 2
        return left, top, left + size[0], top + size[1]

    def _centre(self, part: Edges) -> Edges:
        """The largest box of the canvas's shape in the middle of a part of a picture."""
        width, height = part[2] - part[0], part[3] - part[1]
        scale = max(self.width / width, self.height / height)
        wide, high = min(self.width / scale, width), min(self.height / scale, height)
        left, top = part[0] + (width - wide) / 2, part[1] + (height - high) / 2
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


def _scaled(part: Edges, across: float, down: float) -> Edges:
    return part[0] * across, part[1] * down, part[2] * across, part[3] * down


def _within(part: Edges, image: Image.Image) -> Edges:
    """A part of a picture without the hair that rounding may put outside: Pillow refuses that."""
    left, top, right, bottom = part
    return max(0.0, left), max(0.0, top), min(right, image.width), min(bottom, image.height)


def _placement(box: Edges, target: Target) -> Placement:
    """The map that takes a box of the original to a box of the canvas."""
    scale_x = (target[2] - target[0]) / (box[2] - box[0])
    scale_y = (target[3] - target[1]) / (box[3] - box[1])
    return Placement(
        scale_x=scale_x,
        scale_y=scale_y,
        offset_x=target[0] - box[0] * scale_x,
        offset_y=target[1] - box[1] * scale_y,
    )
