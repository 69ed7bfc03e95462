"""Two models, one after the other: garments are found, and each of them is cut out and read."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from lapel.imaging.decode import DEFAULT_LIMITS, Limits
from lapel.imaging.pixels import as_rgb
from lapel.inference.boxes import outside
from lapel.inference.pictures import Failure, Picture, as_pictures, upright
from lapel.inference.predictor import Predictor
from lapel.schema.errors import ImageError, UsageError
from lapel.schema.geometry import Box
from lapel.schema.prediction import (
    Answer,
    FoundGarment,
    GarmentsAnswer,
    LandmarksAnswer,
    Prediction,
)
from lapel.schema.read_garments import ReadGarment, ReadScene

#: So much of a box's width and height a tagger sees beyond each edge, if it learned on whole
#: pictures of one garment; one that looks at boxes has its own margin, ``preprocess.box_margin``.
MARGIN = 0.1

#: Kinds of task that are answered for whole pictures, not for what is cut out of them.
_WHOLE = ("segmentation", "garments")


class TwoStagePredictor:
    """A bundle that finds garments, and one that reads them.

    Attributes:
        detector: finds them.
        tagger: reads each.
        task: the detector's task of kind ``garments``.
    """

    def __init__(
        self,
        detector: Predictor,
        tagger: Predictor,
        *,
        margin: float = MARGIN,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        """Wire two predictors to each other.

        Args:
            detector: of a bundle with one task of kind ``garments``.
            tagger: of a bundle that was learned on pictures of one garment, or on boxes.
            margin: see ``MARGIN``.
            limits: ceilings on what is decoded.

        Raises:
            UsageError: bundles that cannot do that, or a margin below 0.
        """
        found = [spec.name for spec in detector.schema if spec.kind == "garments"]
        if len(found) != 1:
            raise UsageError(
                f"{detector.bundle.name} finds no garments: of its tasks {len(found)} are of kind "
                "garments, and one is needed; give a model that learned such a task"
            )
        whole = [spec.name for spec in tagger.schema if spec.kind in _WHOLE]
        if whole:
            raise UsageError(
                f"{tagger.bundle.name} answers {', '.join(whole)} for whole pictures, which a "
                "garment that was cut out is none of; give a model of labels and landmarks"
            )
        if not 0 <= margin < math.inf:
            raise UsageError(f"a margin is a share of 0 or more, found {margin}")
        self.detector = detector
        self.tagger = tagger
        self.task = found[0]
        self._margin = margin
        self._limits = limits

    @classmethod
    def load(
        cls,
        detector: str | Path,
        tagger: str | Path,
        *,
        engine: str = "auto",
        batch: int = 32,
        threshold: float | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> Self:
        """Open two bundles, or the runs that hold them.

        Args:
            detector: the folder of the one that finds garments.
            tagger: the folder of the one that reads them.
            engine: a name in ``lapel.inference.engines.table.ENGINES``, or ``auto``.
            batch: pictures a run of the engine.
            threshold: the score from which garments are told; None: as the detector says.
            limits: ceilings on what is decoded.

        Raises:
            BundleError: no bundle there, or one that cannot be trusted or run.
            UsageError: bundles that cannot do that, no such engine, a batch below 1, or a threshold
                outside 0 to 1.
        """
        finder = Predictor.load(
            detector, engine=engine, batch=batch, threshold=threshold, limits=limits
        )
        reader = Predictor.load(tagger, engine=engine, batch=batch, limits=limits)
        return cls(finder, reader, limits=limits)

    def told_from(self, threshold: float) -> Self:
        """The same networks; the detector tells of a garment when its score reaches a threshold.

        Raises:
            UsageError: a threshold outside 0 to 1.
        """
        twin = copy(self)
        twin.detector = self.detector.told_from(threshold)
        return twin

    def predict(
        self, images: Picture | Iterable[Picture], *, top: int = 5
    ) -> Iterator[ReadScene | Failure]:
        """Find and read the garments of each picture, in order.

        Args:
            images: as :meth:`lapel.inference.predictor.Predictor.predict` takes them.
            top: how many of the best labels to name.

        Yields:
            The garments, in pixels of the upright original; or the failure of a picture that cannot
            be read.

        Raises:
            UsageError: what is no picture, or ``top`` below 1.
        """
        waiting: deque[Picture] = deque()

        def taken() -> Iterator[Picture]:
            for picture in as_pictures(images):
                waiting.append(picture)
                yield picture

        for found in self.detector.predict(taken(), top=top):
            picture = waiting.popleft()
            yield found if isinstance(found, Failure) else self.scene(picture, found, top=top)

    def scene(self, picture: Picture, found: Prediction, *, top: int = 5) -> ReadScene | Failure:
        """Read the garments that the detector found in a picture.

        Args:
            picture: what the detector was shown.
            found: its answer.
            top: how many of the best labels to name.
        """
        answer = found.answers[self.task]
        garments = answer.each if isinstance(answer, GarmentsAnswer) else ()
        try:
            pixels = self._pixels(picture, found.image) if garments else np.empty(0, np.uint8)
        except ImageError as error:  # it was there a moment ago
            return Failure(image=found.image, fault=error.fault)
        return ReadScene(
            image=found.image,
            width=found.width,
            height=found.height,
            garments=tuple(self.read(pixels, garments, top=top)) if garments else (),
        )

    def read(
        self, pixels: NDArray[np.uint8], garments: Sequence[FoundGarment], *, top: int = 5
    ) -> Iterator[ReadGarment]:
        """Read garments whose places are known.

        Args:
            pixels: of the upright picture, uint8 (H, W, 3).
            garments: in its pixels.
            top: how many of the best labels to name.
        """
        height, width = pixels.shape[:2]
        too_small = [bool(outside(one.box, width, height)) for one in garments]
        boxes = [one.box for one, hidden in zip(garments, too_small, strict=True) if not hidden]
        read = iter(self._answers(pixels, boxes, top) if boxes else ())
        for one, hidden in zip(garments, too_small, strict=True):
            answers = {} if hidden else next(read)
            yield ReadGarment(found=one, answers=answers)

    def _answers(
        self, pixels: NDArray[np.uint8], boxes: Sequence[Box], top: int
    ) -> Iterator[Mapping[str, Answer]]:
        if self.tagger.bundle.preprocess.crop_to_box:
            for found in self.tagger.predict([pixels] * len(boxes), boxes=boxes, top=top):
                yield {} if isinstance(found, Failure) else found.answers
            return
        edges = [_with_margin(box, self._margin, pixels) for box in boxes]
        parts = [pixels[upper:lower, left:right] for left, upper, right, lower in edges]
        for found, (left, upper, _, _) in zip(
            self.tagger.predict(parts, top=top), edges, strict=True
        ):
            answers = {} if isinstance(found, Failure) else found.answers
            yield {task: _moved(answer, left, upper) for task, answer in answers.items()}

    def _pixels(self, picture: Picture, name: str) -> NDArray[np.uint8]:
        """The upright picture at its full size, uint8 (H, W, 3)."""
        return as_rgb(upright(picture, name=name, limits=self._limits))


def _with_margin(box: Box, margin: float, pixels: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what is cut out, in whole pixels of the picture."""
    height, width = pixels.shape[:2]
    across, down = margin * box.width, margin * box.height
    return (
        max(0, math.floor(box.left - across)),
        max(0, math.floor(box.top - down)),
        min(width, math.ceil(box.right + across)),
        min(height, math.ceil(box.bottom + down)),
    )


def _moved(answer: Answer, left: float, top: float) -> Answer:
    """An answer about a part of a picture, in the pixels of the whole."""
    if not isinstance(answer, LandmarksAnswer):
        return answer
    moved = (replace(point, x=point.x + left, y=point.y + top) for point in answer.points)
    return LandmarksAnswer(points=tuple(moved))
