"""COCO's own matching of found garments and true ones, asked for one image at a time.

What pycocotools (of the extra ``data``) says is kept as counts that add up, see
:mod:`lapel.metrics.detection`. Rules, once:

* *Measures*: ``box`` (intersection over union of boxes), ``mask`` (of pixels), ``oks`` (object
  keypoint similarity of all points whose place is known) and ``oks_visible`` (of those that can be
  seen). OKS is the mean over points of exp(-d^2 / (2 (2 sigma)^2 area)), where area is that of the
  garment's **box**, as DeepFashion2 has it; COCO's own files have that of the mask there.
* *Matches*: at each overlap, answers in order of their score take the garment of their category
  that they overlap most and that nobody has taken. At most 100 answers an image and category count,
  20 of those with points.
* *No part*: groups (``iscrowd``), garments whose mask nobody knows where masks are measured, or
  whose points nobody knows where points are, and answers that match them.

Source: ``cocoeval.py`` of cocodataset/cocoapi; Lin et al. 2014, arXiv 1405.0312; for points
https://cocodataset.org/#keypoints-eval.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lapel.metrics.average_precision import OVERLAPS
from lapel.metrics.detection import DetectionCounts, Matches
from lapel.schema.errors import MissingExtraError
from lapel.schema.garments import VISIBLE
from lapel.schema.run_lengths import RunLengths, packed

#: Measure to COCO's name of it, and how many answers an image and category count.
MEASURES: Mapping[str, tuple[str, int]] = {
    "box": ("bbox", 100),
    "mask": ("segm", 100),
    "oks": ("keypoints", 20),
    "oks_visible": ("keypoints", 20),
}

#: Garments of every size count.
_EVERY_AREA = (0.0, 1e10)

#: Where a mask is asked for and none was said: it shares nothing with any other.
_NO_MASK = RunLengths(1, 1, packed([1]))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrueGarments:
    """The garments of one picture.

    Attributes:
        place: of each among the garments of the picture's label, int64 (G,).
        labels: category of each, int64 (G,).
        boxes: left, top, width, height in pixels, float64 (G, 4).
        crowd: whether it is a group in which nobody told one from another, bool (G,).
        masks: its pixels, (G,); those of its box where nobody knows.
        masked: whether somebody does, bool (G,).
        points: x, y and ``VISIBLE``, ``HIDDEN`` or ``UNLABELLED`` of all points of the task, those
            of other categories 0, float64 (G, P, 3).
    """

    place: NDArray[np.int64]
    labels: NDArray[np.int64]
    boxes: NDArray[np.float64]
    crowd: NDArray[np.bool_]
    masks: tuple[RunLengths, ...]
    masked: NDArray[np.bool_]
    points: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FoundBoxes:
    """What was found in one picture.

    Attributes:
        labels: category of each, int64 (D,).
        scores: how sure it is, float64 (D,).
        boxes: left, top, width, height in pixels, float64 (D, 4).
        masks: its pixels, (D,); None: none were said.
        points: x and y of all points of the task, float64 (D, P, 2).
    """

    labels: NDArray[np.int64]
    scores: NDArray[np.float64]
    boxes: NDArray[np.float64]
    masks: tuple[RunLengths | None, ...]
    points: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(slots=True)
class Matcher:
    """COCO's own code, asked for one image at a time.

    Attributes:
        labels: how many categories there are.
        measures: names of ``MEASURES``.
        sigmas: how far people differ about each point, as a share of the root of the garment's
            area, float64 (P,).

    Raises:
        MissingExtraError: pycocotools is not installed.
    """

    labels: int
    measures: tuple[str, ...]
    sigmas: NDArray[np.float64]
    _judges: dict[str, Any] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._judges = {measure: _judge(measure, self.sigmas) for measure in self.measures}

    def match(self, found: FoundBoxes, true: TrueGarments) -> DetectionCounts:
        """One image's answers beside what is there."""
        return DetectionCounts(
            labels=self.labels,
            images=1,
            image=np.zeros(len(true), np.int64),
            label=true.labels,
            measured={measure: self._match(measure, found, true) for measure in self.measures},
        )

    def nothing(self) -> DetectionCounts:
        """The counts of no image."""
        none = Matches(
            image=np.zeros(0, np.int64),
            label=np.zeros(0, np.int64),
            score=np.zeros(0),
            match=np.zeros((0, len(OVERLAPS)), np.int32),
            ignored=np.zeros(0, np.bool_),
        )
        empty = np.zeros(0, np.int64)
        measured = dict.fromkeys(self.measures, none)
        return DetectionCounts(
            labels=self.labels, images=0, image=empty, label=empty, measured=measured
        )

    def _match(self, measure: str, found: FoundBoxes, true: TrueGarments) -> Matches:
        there = [_there(measure, true, place) for place in range(len(true))]
        results = list(self._evaluated(measure, found, true, there))
        # Its ids count from 1: 0 says that nothing is matched.
        places = [np.asarray(result["dtIds"], np.int64) - 1 for result in results]
        place = np.concatenate([np.zeros(0, np.int64), *places])
        matches = [result["dtMatches"].T.astype(np.int32) - 1 for result in results]
        return Matches(
            image=np.zeros(len(place), np.int64),
            label=found.labels[place],
            score=found.scores[place],
            match=np.concatenate([np.zeros((0, len(OVERLAPS)), np.int32), *matches]),
            ignored=np.array([bool(one["ignore"]) for one in there], np.bool_),
        )

    def _evaluated(
        self,
        measure: str,
        found: FoundBoxes,
        true: TrueGarments,
        there: Sequence[Mapping[str, Any]],
    ) -> Iterator[dict[str, Any]]:
        """What COCO's code says of each category that occurs."""
        judge = self._judges[measure]
        name, most = MEASURES[measure]
        truths, answers = defaultdict(list), defaultdict(list)
        for label, one in zip(true.labels.tolist(), there, strict=True):
            truths[0, label].append(one)
        for place, label in enumerate(found.labels.tolist()):
            answers[0, label].append(_answer(name, found, place))
        # Filling these is what its `evaluate` does first, for all images at once, from two files.
        judge._gts, judge._dts, judge.ious = truths, answers, {}  # noqa: SLF001 - as said
        overlap = judge.computeOks if name == "keypoints" else judge.computeIoU
        for label in sorted({key[1] for key in (*truths, *answers)}):
            judge.ious[0, label] = overlap(0, label)
            result = judge.evaluateImg(0, label, _EVERY_AREA, most)
            if result is not None:
                yield result


def _judge(measure: str, sigmas: NDArray[np.float64]) -> Any:  # noqa: ANN401 - it has no types
    try:
        from pycocotools.cocoeval import COCOeval  # noqa: PLC0415 - an extra; prediction lacks it
    except ImportError as error:
        raise MissingExtraError(extra="data", need="Average precision of garments") from error
    name, most = MEASURES[measure]
    judge = COCOeval(iouType=name)
    judge.params.maxDets = [most]
    judge.params.kpt_oks_sigmas = sigmas
    return judge


def _there(measure: str, true: TrueGarments, place: int) -> dict[str, Any]:
    """A garment as COCO's code takes it."""
    box, points = true.boxes[place], true.points[place].copy()
    if measure == "oks_visible":
        points[points[:, 2] != VISIBLE] = 0
    known = {
        "box": True,
        "mask": bool(true.masked[place]),
        "oks": bool(points[:, 2].any()),
        "oks_visible": bool(points[:, 2].any()),
    }
    crowd = bool(true.crowd[place])
    return {
        "id": place + 1,
        "iscrowd": int(crowd),
        "ignore": int(crowd or not known[measure]),
        "area": float(box[2] * box[3]),
        "bbox": box.tolist(),
        "segmentation": as_coco(true.masks[place]) if measure == "mask" else None,
        "keypoints": points.ravel(),
    }


def _answer(name: str, found: FoundBoxes, place: int) -> dict[str, Any]:
    mask = (found.masks[place] or _NO_MASK) if name == "segm" else None
    with_sight = np.ones((found.points.shape[1], 3))
    with_sight[:, :2] = found.points[place]
    return {
        "id": place + 1,
        "score": float(found.scores[place]),
        "area": 1.0,
        "bbox": found.boxes[place].tolist(),
        "segmentation": None if mask is None else as_coco(mask),
        "keypoints": with_sight.ravel(),
    }


def as_coco(mask: RunLengths) -> dict[str, Any]:
    """A mask as COCO's code takes it."""
    counts = mask.counts if isinstance(mask.counts, str) else packed(mask.counts)
    return {"size": [mask.height, mask.width], "counts": counts}
