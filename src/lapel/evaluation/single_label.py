"""How well one of several labels is told: numbers with intervals, beside the majority answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lapel.metrics.bootstrap import Interval, bootstrap
from lapel.metrics.calibration import CalibrationBins
from lapel.metrics.classification import (
    ClassificationCounts,
    ClassifiedImages,
    classify,
    count_classification,
)
from lapel.metrics.label_errors import LabelErrors, find_label_errors
from lapel.schema.annotation import Label
from lapel.schema.labels import TaskSpec
from lapel.tasks.base import Calibration
from lapel.tasks.single_label import SingleLabelTask

#: Numbers of the raw network, before its temperature, carry this ending.
RAW = "_before_temperature"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Majority:
    """The answer that has never seen a picture: how often each label occurs.

    It always names the most frequent label, with the labels' frequencies (one added to each
    count, so that none is impossible) as its probabilities.

    Attributes:
        label: the most frequent label.
        counted_on: the split that it was counted on.
        numbers: what it reaches, under the names of the model's numbers.
    """

    label: str
    counted_on: str
    numbers: Mapping[str, float]


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
        majority: the baseline.
        temperature: what the logits were divided by.
        doubtful: labels of these images that the model doubts; ``rows`` counts in ``classified``.
    """

    spec: TaskSpec
    rows: NDArray[np.int64]
    classified: ClassifiedImages
    counts: ClassificationCounts
    bins_before: CalibrationBins
    numbers: Mapping[str, Interval]
    majority: Majority
    temperature: float
    doubtful: LabelErrors


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
    probabilities = _mean([task.probabilities(view[rows], calibration) for view in views])
    classified = classify(probabilities, target)
    raw = classify(_mean([task.probabilities(view[rows]) for view in views]), target)
    return SingleLabelEvaluation(
        spec=spec,
        rows=rows,
        classified=classified,
        counts=classified.counts(),
        bins_before=raw.counts().bins,
        numbers=_with_intervals(classified, raw, resamples),
        majority=_majority(task, counted, target),
        temperature=calibration.get("temperature", 1.0),
        doubtful=find_label_errors(probabilities, target),
    )


def _mean(views: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.asarray(np.mean(views, axis=0), np.float64) if len(views) > 1 else views[0]


def _with_intervals(
    calibrated: ClassifiedImages, raw: ClassifiedImages, resamples: int
) -> dict[str, Interval]:
    """All numbers of one bootstrap: the same resamples judge before and after."""

    def numbers(rows: NDArray[np.int64]) -> dict[str, float]:
        before = raw.take(rows).counts().numbers()
        added = {name + RAW: before[name] for name in ("nll", "ece")}
        return calibrated.take(rows).counts().numbers() | added

    return bootstrap(numbers, len(calibrated), resamples=resamples, leaning=("ece", f"ece{RAW}"))


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
        label=task.spec.labels[int(occurrences.argmax())],
        counted_on=split,
        numbers=count_classification(answers, target).numbers(),
    )


def per_class_rows(judged: SingleLabelEvaluation) -> list[dict[str, Any]]:
    """A row a label: its name, support, TP, FP, FN, TN, precision, recall and F1."""
    each = judged.counts.per_class()
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
        }
        for index, label in enumerate(judged.spec.labels)
    ]
