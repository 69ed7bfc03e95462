"""How well garments are found: COCO's numbers with intervals, beside an answer that never looks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lapel.evaluation.gathering import Counted
from lapel.evaluation.judged import AnswerRow, Habit, Majority, common_json
from lapel.evaluation.kinds.garments_seen import LEVELS, GarmentsSeen, SeenPicture
from lapel.evaluation.kinds.usual_garment import usual_counts, usual_garment
from lapel.metrics.bootstrap import Interval, bootstrap
from lapel.metrics.detection import DetectionCounts, ResampledDetections, joined
from lapel.schema.labels import TaskSpec
from lapel.schema.prediction import TAG_SEPARATOR
from lapel.tasks.base import Calibration

#: What each measure compares, as a reader calls it.
CALLED: Mapping[str, str] = {
    "box": "Boxes",
    "mask": "Masks",
    "oks": "All landmarks",
    "oks_visible": "Visible landmarks",
}

#: The numbers of a measure.
NUMBERS: Mapping[str, str] = {"ap": "AP", "ap50": "AP50", "ap75": "AP75"}

#: Numbers that lean on resamples; see ``lapel.metrics.bootstrap``.
LEANING = tuple(f"{measure}_{number}" for measure in CALLED for number in NUMBERS)

#: Numbers of what people are told.
TOLD: Mapping[str, str] = {
    "precision": "Told garments that are there",
    "recall": "Garments there that are told",
    "f1": "F1 of the two",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GarmentsEvaluation:
    """One task judged.

    Attributes:
        spec: the task.
        rows: positions of the images of which it is known what is there among those read, (N,).
        pictures: what was found and what is there in each of them, (N,).
        counts: what matches what.
        numbers: name to value and interval; NaN for what could not be measured.
        majority: the baseline: the most frequent category at its mean place.
        least: the score from which people are told of a garment.
    """

    spec: TaskSpec
    rows: NDArray[np.int64]
    pictures: tuple[SeenPicture, ...]
    counts: DetectionCounts
    numbers: Mapping[str, Interval]
    majority: Majority
    least: float

    NAMES: ClassVar[Mapping[str, str]] = {
        f"{measure}_{number}": f"{called}: {short}"
        for measure, called in CALLED.items()
        for number, short in NUMBERS.items()
    } | dict(TOLD)
    HEADLINES: ClassVar[tuple[str, ...]] = ("box_ap", "box_ap50", "mask_ap")
    CARDS: ClassVar[Mapping[str, str]] = {
        "box_ap": "boxes: AP",
        "box_ap50": "boxes: AP50",
        "mask_ap": "masks: AP",
        "oks_ap": "landmarks: AP",
    }

    @property
    def there(self) -> int:
        """How many garments there are to be found; groups are none."""
        return sum(int((~one.true.crowd).sum()) for one in self.pictures)

    @property
    def habit(self) -> Habit:
        """Whether it answers the same categories whatever it sees."""
        answers = [self._named(one.found.labels[: one.told]) for one in self.pictures]
        truths = [self._named(one.true.labels[~one.true.crowd]) for one in self.pictures]
        ((usual, count),) = Counter(answers).most_common(1)
        return Habit(
            answer=usual.replace(TAG_SEPARATOR, ", ")
            or f"no garment of score {self.least:g} or more",
            share=count / len(answers),
            true_share=truths.count(usual) / len(truths),
            different=len(set(answers)),
        )

    def _named(self, labels: NDArray[np.int64]) -> str:
        return TAG_SEPARATOR.join(self.spec.labels[label] for label in sorted(labels.tolist()))

    def per_label(self) -> list[dict[str, Any]]:
        """A row a category: ``label``, ``support`` (garments that are there), ``tp``, ``fp`` and
        ``fn`` of what people are told (``tn``: nothing is counted), ``precision``, ``recall``,
        ``f1``; ``ap`` (boxes) and each measure's ``MEASURE_ap`` and ``MEASURE_ap50``.
        """
        each = {measure: self.counts.each(measure) for measure in self.counts.measured}
        rows = []
        for number, label in enumerate(self.spec.labels):
            sums = [int(part.sum()) for part in told_counts(self.counts, self.least, number)]
            row: dict[str, Any] = {"label": label, "support": sums[2], **_shares(*sums)}
            for measure, values in each.items():
                row[f"{measure}_ap"] = float(values[number].mean())
                row[f"{measure}_ap50"] = float(values[number, 0])
            rows.append(row | {"ap": row.get("box_ap", float("nan"))})
        return rows

    def confusions(self) -> Iterator[tuple[str, str, int]]:
        """(true category, told category, garments) of each pair that occurs."""
        labels = self.spec.labels
        pairs = Counter(
            (int(one.true.labels[garment]), int(one.found.labels[answer]))
            for one in self.pictures
            for answer, garment, _ in one.pairs
        )
        for (true, told), count in sorted(pairs.items()):
            yield labels[true], labels[told], count

    def answers(self) -> Iterator[AnswerRow]:
        """Each image's garments, those that are there and those that are told."""
        for one in self.pictures:
            scores = one.found.scores[: one.told].tolist()
            labels = one.found.labels[: one.told].tolist()
            yield AnswerRow(
                row=one.read,
                true=self._named(one.true.labels[~one.true.crowd]),
                predicted=TAG_SEPARATOR.join(self.spec.labels[label] for label in labels),
                probability=TAG_SEPARATOR.join(f"{score:.4f}" for score in scores),
            )

    def subsets(self) -> list[dict[str, Any]]:
        """DeepFashion2's breakdown, a row a level that occurs: ``fact``, ``level``, ``garments``,
        and each measure's numbers where the garments of that level alone are to be found: answers
        that match others take no part, and answers that match none count in every row.
        """
        levels = np.concatenate([one.levels for one in self.pictures])
        there = ~np.concatenate([one.true.crowd for one in self.pictures])
        rows: list[dict[str, Any]] = []
        for column, (fact, called) in enumerate(LEVELS.items()):
            for number, level in enumerate(called, start=1):
                kept = there & (levels[:, column] == number)
                if kept.any():
                    numbers = self.counts.among(kept).numbers()
                    row = {"fact": fact, "level": level, "garments": int(kept.sum())}
                    rows.append(row | numbers)
        return rows

    def to_json(self) -> dict[str, Any]:
        """Everything about it as plain values."""
        return common_json(self) | {
            "majority": {
                "labels": list(self.majority.labels),
                "counted_on": self.majority.counted_on,
                "numbers": dict(self.majority.numbers),
            },
            "garments": self.there,
            "told_from_score": self.least,
            "area_of_oks": "width times height of the garment's box",
            "per_label": self.per_label(),
            "subsets": self.subsets(),
        }


def judge_garments(
    spec: TaskSpec,
    seen: GarmentsSeen,
    calibration: Calibration,  # noqa: ARG001 - what was gathered went by it
    *,
    counted: Counted,
    resamples: int,
) -> GarmentsEvaluation:
    """Judge the answers to one task.

    Args:
        spec: the task.
        seen: what was gathered of them; at least one picture.
        calibration: the bundle's, for this task.
        counted: the rows that the baseline is counted on.
        resamples: of the bootstrap.
    """
    counts = joined(seen.counts)
    found = bootstrap(
        _Resampled(counts, seen.least), counts.images, resamples=resamples, leaning=LEANING
    )
    usual = usual_garment(spec, counted.rows)
    always = usual_counts(spec, usual, seen.pictures, counts.measured)
    numbers = dict.fromkeys(GarmentsEvaluation.NAMES, float("nan")) | _numbers(always, seen.least)
    return GarmentsEvaluation(
        spec=spec,
        rows=np.array([one.read for one in seen.pictures], np.int64),
        pictures=tuple(seen.pictures),
        counts=counts,
        numbers=found,
        majority=Majority(labels=(usual.called,), counted_on=counted.on, numbers=numbers),
        least=seen.least,
    )


def told_counts(
    counts: DetectionCounts, least: float, label: int | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Of what people are told: right and wrong answers of each image, and the garments there.

    An answer is right that matches a garment of its category by the first measure there is, at an
    overlap of 0.5.

    Args:
        counts: of some images.
        least: the score from which people are told.
        label: of this category alone; None: of all.
    """
    found = next(iter(counts.measured.values()))
    match = found.match[:, 0]
    told = found.score >= least
    there = ~found.ignored
    if label is not None:
        told, there = told & (found.label == label), there & (counts.label == label)
    # What is matched by answers that are told, less what takes no part; -1 leads behind the last.
    right = told & (match >= 0) & ~np.append(found.ignored, [False])[match]
    parts = (found.image[right], found.image[told & (match < 0)], counts.image[there])
    first, second, third = (
        np.bincount(part, minlength=counts.images).astype(np.float64) for part in parts
    )
    return first, second, third


def _numbers(counts: DetectionCounts, least: float) -> dict[str, float]:
    """All numbers; none where nothing was matched by any measure."""
    if not counts.measured:
        return {}
    right, wrong, there = (part.sum() for part in told_counts(counts, least))
    return counts.numbers() | _told(float(right), float(wrong), float(there))


class _Resampled:
    """The numbers of some images, drawn again and again."""

    def __init__(self, counts: DetectionCounts, least: float) -> None:
        self._ranked = ResampledDetections(counts)
        self._told = np.stack(told_counts(counts, least))

    def __call__(self, rows: NDArray[np.int64]) -> dict[str, float]:
        return self._ranked(rows) | _told(*self._told[:, rows].sum(axis=1).tolist())


def _told(right: float, wrong: float, there: float) -> dict[str, float]:
    """Precision, recall and F1; 0/0 is 0, and NaN where nothing is there nor told."""
    if not right + wrong + there:
        return dict.fromkeys(TOLD, float("nan"))
    return {
        "precision": right / (right + wrong) if right + wrong else 0.0,
        "recall": right / there if there else 0.0,
        "f1": 2 * right / (right + wrong + there),
    }


def _shares(right: int, wrong: int, there: int) -> dict[str, Any]:
    """Counts and shares of what people are told of a category; 0/0 is 0."""
    shares = _told(right, wrong, there) if right + wrong + there else dict.fromkeys(TOLD, 0.0)
    return {"tp": right, "fp": wrong, "fn": there - right, "tn": float("nan"), **shares}
