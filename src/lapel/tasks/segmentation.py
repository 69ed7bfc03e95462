"""One class a pixel: which garment, which part of the wearer, or background."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lapel.imaging.class_maps import class_map
from lapel.imaging.preprocess import Frame
from lapel.metrics.segmentation import SegmentationCounts, SegmentedImage, segment
from lapel.schema.annotation import Label
from lapel.schema.errors import SchemaError, UsageError
from lapel.schema.geometry import mirrored
from lapel.schema.labels import TaskSpec
from lapel.schema.masks import MOST_CLASSES, UNKNOWN_CLASS, ClassMap, lookup
from lapel.schema.prediction import Answer, SegmentationAnswer
from lapel.tasks.base import FREE, Calibration, check_frames

#: An edge that rounding moved by less, in pixels, is where it was.
SLIGHT = 1e-6


class SegmentationTask:
    """The meaning of ``segmentation``.

    Outputs are logits, float32 (N, labels, h, w), over the whole canvas at a quarter of its
    resolution. Targets are uint8 (N, H, W), the class of each pixel of the canvas (its place among
    the labels): that of the photo's pixel in which the centre of the canvas's lies;
    ``UNKNOWN_CLASS`` where nobody knows it, and where the canvas shows no photo. Weights are
    float32 (N,), 0 where there is no label at all.

    Scores are counted on the canvas: logits are enlarged to it, bilinearly, and the highest is the
    answer. Answers are masks of exactly the photo's size, by one resize of the logits from the part
    of the canvas that shows the photo.

    Raises:
        SchemaError: more classes than a byte holds.
    """

    metric = "miou"

    def __init__(self, spec: TaskSpec) -> None:
        if len(spec.labels) > MOST_CLASSES:
            raise SchemaError(
                f"task '{spec.name}' has {len(spec.labels)} classes; a pixel is told apart by a "
                f"byte, so there may be {MOST_CLASSES}: join some"
            )
        self.spec = spec

    @property
    def output_shape(self) -> tuple[int, ...]:
        """A map a class, of a size that depends on the canvas."""
        return (len(self.spec.labels), FREE, FREE)

    def encode(
        self, labels: Sequence[Label], frames: Sequence[Frame] = ()
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Label maps (None: nothing known) to targets and weights.

        Args:
            labels: of the size of the upright originals; each is asked for once.
            frames: how the canvas shows each of them.

        Raises:
            SchemaError: a class outside the schema, a label that is no label map, or one of another
                size than its picture.
            UsageError: not as many frames as labels.
        """
        check_frames(self.spec, frames, len(labels))
        height, width = (frames[0].height, frames[0].width) if frames else (0, 0)
        target = np.full((len(labels), height, width), UNKNOWN_CLASS, np.uint8)
        weight = np.zeros(len(labels), np.float32)
        for row, frame in enumerate(frames):
            label = labels[row]
            if label is not None:
                target[row] = self.target(label, frame)
                weight[row] = 1.0
        return target, weight

    def target(self, label: Label, frame: Frame) -> NDArray[np.uint8]:
        """A label map on the canvas, uint8 (H, W); see :meth:`encode`."""
        if not isinstance(label, ClassMap):
            raise SchemaError(
                f"task '{self.spec.name}' takes label maps, found {label!r}; "
                "say ClassMap(pixels, labels)"
            )
        high, wide = label.pixels.shape
        if frame.size not in {(wide, high), (0, 0)}:
            raise SchemaError(
                f"task '{self.spec.name}': found a label map of {wide} x {high} pixels, expected "
                f"one of the picture's size, {frame.size[0]} x {frame.size[1]}"
            )
        place = frame.placement
        left, top, right, bottom = _shown(frame)
        columns = _seen_from(frame.width, place.scale_x, place.offset_x)
        rows = _seen_from(frame.height, place.scale_y, place.offset_y)
        across, down = (columns >= 0) & (columns < wide), (rows >= 0) & (rows < high)
        across[:left], across[right:] = False, False
        down[:top], down[bottom:] = False, False
        target = np.full((frame.height, frame.width), UNKNOWN_CLASS, np.uint8)
        seen = label.pixels[rows[down][:, None], columns[across]]
        target[np.ix_(down, across)] = self._places(label)[seen]
        return target

    def in_order(self, label: ClassMap) -> NDArray[np.uint8]:
        """A label map of the original with this task's places of classes, uint8 (H, W)."""
        found: NDArray[np.uint8] = self._places(label)[label.pixels]
        return found

    def _places(self, label: ClassMap) -> NDArray[np.uint8]:
        """A table from a label map's places to this task's."""
        known = {name: place for place, name in enumerate(self.spec.labels)}
        if any(name not in known for name in label.labels):
            for name in label.held:
                self.spec.index(name)  # raises the error that names what was found
        pairs = [(place, known[name]) for place, name in enumerate(label.labels) if name in known]
        return lookup([found for found, _ in pairs], [place for _, place in pairs])

    def score(
        self,
        output: NDArray[np.float32],
        target: NDArray[Any],
        weight: NDArray[Any],
        calibration: Calibration | None = None,  # noqa: ARG002 - nothing is fitted
    ) -> SegmentationCounts:
        """Outputs against targets; images of weight 0, and pixels of unknown class, take no part.

        Raises:
            UsageError: outputs that are no numbers.
        """
        counts = SegmentationCounts.none(len(self.spec.labels))
        for row in np.flatnonzero(np.asarray(weight) > 0):
            counts += self.segmented(output[row], target[row]).counts()
        return counts

    def segmented(self, logits: NDArray[np.float32], target: NDArray[np.uint8]) -> SegmentedImage:
        """Logits (labels, h, w) against the target (H, W) of one image.

        Raises:
            UsageError: logits that are no numbers.
        """
        if not np.isfinite(logits).all():
            raise UsageError("some answers are not finite; the network's weights are unusable")
        said = class_map(logits, (target.shape[1], target.shape[0]))
        return segment(said, target, len(self.spec.labels))

    def unmirrored(self, output: NDArray[np.float32]) -> NDArray[np.float32]:
        """Outputs for mirror images, as outputs for the pictures themselves.

        What lies at the left lies at the right, and the left shoe is the right one.
        """
        return np.ascontiguousarray(output[:, list(mirrored(self.spec.labels)), :, ::-1])

    def mean_view(self, views: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """One answer: the outputs for pictures, or the mean of these and of those for their mirror
        images, which come second.
        """
        if len(views) == 1:
            return views[0]
        return np.asarray((views[0] + self.unmirrored(views[1])) / 2, np.float32)

    def decode(
        self,
        output: NDArray[np.float32],
        calibration: Calibration | None = None,  # noqa: ARG002 - nothing is fitted
        *,
        top: int = 5,  # noqa: ARG002 - every pixel is answered
        frames: Sequence[Frame] = (),
    ) -> list[Answer]:
        """Outputs to masks of the originals' sizes.

        A mask takes a byte a pixel, and the making of it no more than 16 MB besides, whatever its
        size and the number of classes.

        Raises:
            UsageError: not as many frames as outputs, or frames that do not know their pictures'
                sizes.
        """
        check_frames(self.spec, frames, len(output))
        pairs = zip(output, frames, strict=True)
        return [
            SegmentationAnswer.of(mask_of(logits, frame), self.spec.labels)
            for logits, frame in pairs
        ]


def _shown(frame: Frame) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what may show the photo, in pixels of the canvas."""
    return frame.shown or (0, 0, frame.width, frame.height)


def _seen_from(count: int, scale: float, offset: float) -> NDArray[np.int64]:
    """The original's pixel in which the centre of each of ``count`` pixels of the canvas lies."""
    found: NDArray[np.int64] = np.floor((np.arange(count) + 0.5 - offset) / scale).astype(np.int64)
    return found


class _Span(NamedTuple):
    """The part of one side of a photo that a canvas shows.

    Attributes:
        first: its first pixel.
        last: the pixel after its last.
        low: where the first one begins, in outputs.
        high: where the last one ends.
    """

    first: int
    last: int
    low: float
    high: float


def mask_of(logits: NDArray[np.float32], frame: Frame) -> NDArray[np.uint8]:
    """The class of each pixel of a photo.

    Args:
        logits: float32 (L, h, w), over the whole canvas.
        frame: how the canvas shows the photo.

    Returns:
        uint8 (H, W) of exactly the photo's size; ``UNKNOWN_CLASS`` where the canvas does not show
        the centre of a pixel.

    Raises:
        UsageError: a frame that does not know the photo's size.
    """
    width, height = frame.size
    if not (width and height):
        raise UsageError("masks are of a photo's size, and this frame does not know it")
    place = frame.placement
    left, top, right, bottom = _shown(frame)
    cells = logits.shape[2] / frame.width, logits.shape[1] / frame.height
    across = _span(width, (left, right), place.scale_x, place.offset_x, cells[0])
    down = _span(height, (top, bottom), place.scale_y, place.offset_y, cells[1])
    mask = np.full((height, width), UNKNOWN_CLASS, np.uint8)
    size = across.last - across.first, down.last - down.first
    if min(size) > 0:
        box = (across.low, down.low, across.high, down.high)
        seen = mask[down.first : down.last, across.first : across.last]
        class_map(logits, size, box, out=seen)
    return mask


def _span(size: int, shown: tuple[int, int], scale: float, offset: float, share: float) -> _Span:
    """What a canvas shows of one side of a photo.

    Args:
        size: of the side, in pixels.
        shown: where that begins and ends that may show it, in pixels of the canvas.
        scale: pixels of the canvas a pixel of the photo.
        offset: where the photo begins on the canvas.
        share: outputs a pixel of the canvas.
    """
    begin, end = ((edge - offset) / scale - 0.5 for edge in shown)
    first = max(0, math.ceil(begin - SLIGHT))
    last = min(size, math.floor(end + SLIGHT) + 1)
    low, high = ((edge * scale + offset) * share for edge in (first, last))
    lowest, highest = (edge * share for edge in shown)
    return _Span(first, last, min(max(low, lowest), highest), max(min(high, highest), lowest))
