"""How well one of several labels is told: numbers with intervals, beside the majority answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lapel.evaluation.answers import mean_view
from lapel.evaluation.judged import (
    RAW,
    AnswerRow,
    Habit,
    Majority,
    bins_json,
    common_json,
    label_ends,
)
from lapel.metrics.bootstrap import Interval, Resamples, resample
from lapel.metrics.calibration import CalibrationBins
from lapel.metrics.classification import (
    LEANING,
    ClassificationCounts,
    ClassifiedImages,
    classify,
    count_classification,
    label_shares,
)
from lapel.metrics.label_errors import LabelErrors, find_label_errors
from lapel.schema.annotation import Label
from lapel.schema.labels import TaskSpec
from lapel.tasks.base import Calibration
from lapel.tasks.single_label import SingleLabelTask


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SingleLabelEvaluation:
    """One task judged.

    Attributes:
        spec: the task.
        rows: positions of the labelled images among those read, int64 (N,).
        classified: the calibrated answers, image by image.
        counts: the calibrated answers, counted.
        bins_before: confidence against truth without the temperature.
        numbers: name to value and interval; shares are 0 to 1.
        ends: between what each label's numbers lie; see ``label_ends``.
        majority: the baseline: the most frequent label, with the labels' frequencies (one added
            to each count, so that none is impossible) as its probabilities.
        temperature: what the logits were divided by.
        doubtful: labels of these images that the model doubts; ``rows`` counts in ``classified``.
    """

    spec: TaskSpec
    rows: NDArray[np.int64]
    classified: ClassifiedImages
    counts: ClassificationCounts
    bins_before: CalibrationBins
    numbers: Mapping[str, Interval]
    ends: Mapping[str, NDArray[np.float64]]
    majority: Majority
    temperature: float
    doubtful: LabelErrors

    NAMES: ClassVar[Mapping[str, str]] = {
        "accuracy": "Accuracy",
        "top3": "Top-3 accuracy",
        "top5": "Top-5 accuracy",
        "macro_precision": "Macro precision",
        "macro_recall": "Macro recall",
        "macro_f1": "Macro F1",
        "weighted_precision": "Weighted precision",
        "weighted_recall": "Weighted recall",
        "weighted_f1": "Weighted F1",
        "nll": "Negative log-likelihood (nats)",
        f"nll{RAW}": "Negative log-likelihood before temperature",
        "ece": "Expected calibration error",
        f"ece{RAW}": "Expected calibration error before temperature",
    }
    HEADLINES: ClassVar[tuple[str, ...]] = ("accuracy", "macro_recall")
    CARDS: ClassVar[Mapping[str, str]] = {
        "accuracy": "accuracy",
        "top3": "top-3 accuracy",
        "macro_f1": "macro F1",
    }

    @property
    def habit(self) -> Habit:
        """The label that it answers most often."""
        answered = self.counts.confusion.sum(axis=0)
        most = int(answered.argmax())
        images = max(int(answered.sum()), 1)
        return Habit(
            answer=self.spec.labels[most],
            share=int(answered[most]) / images,
            true_share=int(self.counts.confusion[most].sum()) / images,
            different=int((answered > 0).sum()),
        )

    def per_label(self) -> list[dict[str, Any]]:
        """A row a label: its name, support, TP, FP, FN, TN, precision, recall and F1; then between
        what these three lie, NaN where no image bears the label.
        """
        each = self.counts.per_class()
        return [
            {
                "label": label,
                "support": int(each.support[index]),
                "tp": int(each.tp[index]),
                "fp": int(each.fp[index]),
                "fn": int(each.fn[index]),
                "tn": int(each.tn[index]),
                "precision": float(each.precision[index]),
                "recall": float(each.recall[index]),
                "f1": float(each.f1[index]),
                **{name: float(values[index]) for name, values in self.ends.items()},
            }
            for index, label in enumerate(self.spec.labels)
        ]

    def confusions(self) -> Iterator[tuple[str, str, int]]:
        """(true label, answer, images) of each pair that occurs, right answers included."""
        labels, confusion = self.spec.labels, self.counts.confusion
        for true, predicted in np.argwhere(confusion):
            yield labels[true], labels[predicted], int(confusion[true, predicted])

    def answers(self) -> Iterator[AnswerRow]:
        """Each image's answer with its probability."""
        labels, answers = self.spec.labels, self.classified
        for place, row in enumerate(self.rows):
            yield AnswerRow(
                row=int(row),
                true=labels[answers.target[place]],
                predicted=labels[answers.predicted[place]],
                probability=float(answers.confidence[place]),
            )

    def to_json(self) -> dict[str, Any]:
        """Everything about it as plain values."""
        return common_json(self) | {
            "majority": {
                "label": self.majority.answer,
                "counted_on": self.majority.counted_on,
                "numbers": dict(self.majority.numbers),
            },
            "per_class": self.per_label(),
            "confusion": self.counts.confusion.tolist(),
            "temperature": self.temperature,
            "reliability": {
                "before_temperature": bins_json(self.bins_before),
                "after_temperature": bins_json(self.counts.bins),
            },
            "doubtful_labels": len(self.doubtful),
        }


def judge_single_label(
    spec: TaskSpec,
    views: Sequence[NDArray[np.float32]],
    labels: Sequence[Label],
    calibration: Calibration,
    *,
    counted: tuple[str, Sequence[Label]],
    resamples: int,
) -> SingleLabelEvaluation:
    """Judge the answers to one task.

    Args:
        spec: the task.
        views: logits (N, labels) of each view of the images; probabilities are averaged.
        labels: the N labels as annotated; images of unknown label take no part.
        calibration: the bundle's, for this task.
        counted: a split's name and its labels, for the majority answer.
        resamples: of the bootstrap.

    Raises:
        SchemaError: a label that the task does not have.
    """
    task = SingleLabelTask(spec)
    target, weight = task.encode(labels)
    rows = np.flatnonzero(weight > 0)
    target = target[rows]
    probabilities = mean_view([task.probabilities(view[rows], calibration) for view in views])
    classified = classify(probabilities, target)
    raw = classify(mean_view([task.probabilities(view[rows]) for view in views]), target)
    counts, drawn = classified.counts(), _resampled(classified, raw, resamples)
    return SingleLabelEvaluation(
        spec=spec,
        rows=rows,
        classified=classified,
        counts=counts,
        bins_before=raw.counts().bins,
        numbers=drawn.intervals(leaning=(*LEANING, f"ece{RAW}")),
        ends=label_ends(drawn, counts.per_class().support),
        majority=_majority(task, counted, target),
        temperature=calibration.get("temperature", 1.0),
        doubtful=find_label_errors(probabilities, target),
    )


def _resampled(calibrated: ClassifiedImages, raw: ClassifiedImages, resamples: int) -> Resamples:
    """All numbers of one bootstrap: the same resamples judge before and after, and each label."""

    def numbers(rows: NDArray[np.int64]) -> dict[str, float | NDArray[np.float64]]:
        before = raw.take(rows).probability_numbers()
        counts = calibrated.take(rows).counts()
        each = counts.per_class()
        return {
            **counts.numbers(),
            **{name + RAW: value for name, value in before.items()},
            **label_shares(each.tp, each.fp, each.fn, nothing=np.nan),
        }

    return resample(numbers, len(calibrated), resamples=resamples)


def _majority(
    task: SingleLabelTask, counted: tuple[str, Sequence[Label]], target: NDArray[np.int64]
) -> Majority:
    split, labels = counted
    known, weight = task.encode(labels)
    size = len(task.spec.labels)
    occurrences = np.bincount(known[weight > 0], minlength=size)
    frequencies = (occurrences + 1) / (occurrences.sum() + size)
    answers = np.broadcast_to(frequencies, (len(target), size))
    return Majority(
        labels=(task.spec.labels[int(occurrences.argmax())],),
        counted_on=split,
        numbers=count_classification(answers, target).numbers(),
    )
