"""How well any of several labels are told: numbers with intervals, beside the majority answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
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
from lapel.evaluation.kinds.tag_pairs import TagPairs
from lapel.metrics.bootstrap import Interval, Resamples, resample_repeats
from lapel.metrics.calibration import CalibrationBins
from lapel.metrics.constant_tags import best_constant_set
from lapel.metrics.tags import (
    LEANING,
    PerTag,
    ResampledProbabilities,
    ResampledTags,
    TagCounts,
    TaggedImages,
)
from lapel.schema.annotation import Label
from lapel.schema.labels import TaskSpec
from lapel.schema.prediction import TAG_SEPARATOR
from lapel.tasks.base import Calibration
from lapel.tasks.multi_label import MultiLabelTask


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MultiLabelEvaluation:
    """One task judged.

    Attributes:
        spec: the task.
        rows: positions of the images of which something is known among those read, int64 (N,).
        tagged: the calibrated answers, image by image.
        counts: the same, counted.
        each: every label alone.
        pairs: labels two by two.
        bins_before: probability of a yes against truth without the temperature.
        numbers: name to value and interval; shares are 0 to 1.
        ends: between what each label's numbers lie; see ``label_ends``.
        majority: the baseline: the set of tags that scores the best mean F1 where it was
            counted, with the tags' frequencies as its probabilities.
        temperature: what the logits were divided by.
    """

    spec: TaskSpec
    rows: NDArray[np.int64]
    tagged: TaggedImages
    counts: TagCounts
    each: PerTag
    pairs: TagPairs
    bins_before: CalibrationBins
    numbers: Mapping[str, Interval]
    ends: Mapping[str, NDArray[np.float64]]
    majority: Majority
    temperature: float

    NAMES: ClassVar[Mapping[str, str]] = {
        "mean_f1": "Mean F1 per image",
        "map": "Mean average precision",
        "recall_at_3": "Top-3 recall",
        "recall_at_5": "Top-5 recall",
        "micro_precision": "Micro precision",
        "micro_recall": "Micro recall",
        "micro_f1": "Micro F1",
        "macro_precision": "Macro precision",
        "macro_recall": "Macro recall",
        "macro_f1": "Macro F1",
        "exact_match": "Exact match",
        "label_accuracy": "Label accuracy",
        "nll": "Negative log-likelihood (nats)",
        f"nll{RAW}": "Negative log-likelihood before temperature",
        "ece": "Expected calibration error",
        f"ece{RAW}": "Expected calibration error before temperature",
    }
    HEADLINES: ClassVar[tuple[str, ...]] = ("mean_f1", "map")
    CARDS: ClassVar[Mapping[str, str]] = {
        "mean_f1": "mean F1 per image",
        "map": "mean average precision",
        "micro_f1": "micro F1",
    }

    @property
    def habit(self) -> Habit:
        """The set of tags that it answers most often."""
        answer = self.tagged.predicted
        # Rows as bytes: sorting those is many times quicker than sorting rows of many columns.
        packed = np.ascontiguousarray(np.packbits(answer, axis=1))
        keys = packed.view(np.dtype((np.void, packed.shape[1]))).ravel()
        _, first, counts = np.unique(keys, return_index=True, return_counts=True)
        most = int(counts.argmax())
        said = answer[first[most]]
        fits = ((self.tagged.target > 0) == said) | ~self.tagged.known
        return Habit(
            answer=", ".join(self._words(said)) or "no label",
            share=int(counts[most]) / len(answer),
            true_share=float(fits.all(axis=1).mean()),
            different=len(counts),
        )

    def per_label(self) -> list[dict[str, Any]]:
        """A row a label: its name, support, TP, FP, FN, TN, precision, recall, F1, ``ap`` (average
        precision, NaN where the label never holds) and ``threshold``; then between what precision,
        recall and F1 lie, likewise NaN.
        """
        columns = {field.name: getattr(self.each, field.name).tolist() for field in fields(PerTag)}
        columns |= {name: values.tolist() for name, values in self.ends.items()}
        return [
            {"label": label, **{name: values[index] for name, values in columns.items()}}
            for index, label in enumerate(self.spec.labels)
        ]

    def confusions(self) -> Iterator[tuple[str, str, int]]:
        """(label that was missed, label that was invented on the same image, images) of each pair
        that occurs; a label beside itself counts the images on which it was found.
        """
        labels, counts = self.spec.labels, self.pairs.mistaken + np.diag(self.each.tp)
        for missed, invented in np.argwhere(counts):
            yield labels[missed], labels[invented], int(counts[missed, invented])

    def answers(self) -> Iterator[AnswerRow]:
        """Each image's tags, those that are so, those it says, and those nobody knows."""
        images, known = self.tagged, self.tagged.known
        parts = (known & (images.target > 0), images.predicted, ~known)
        for place, (row, *sets) in enumerate(zip(self.rows, *parts, strict=True)):
            true, predicted, unknown = (TAG_SEPARATOR.join(self._words(one)) for one in sets)
            probabilities = images.probabilities[place][sets[1]]
            yield AnswerRow(
                row=int(row),
                true=true,
                predicted=predicted,
                probability=TAG_SEPARATOR.join(f"{one:.4f}" for one in probabilities),
                unknown=unknown,
            )

    def to_json(self) -> dict[str, Any]:
        """Everything about it as plain values."""
        return common_json(self) | {
            "majority": {
                "labels": list(self.majority.labels),
                "counted_on": self.majority.counted_on,
                "numbers": dict(self.majority.numbers),
            },
            "labels_without_positives": self.counts.labels_without_positives,
            "per_label": self.per_label(),
            "temperature": self.temperature,
            "reliability": {
                "before_temperature": bins_json(self.bins_before),
                "after_temperature": bins_json(self.counts.bins),
            },
        }

    def _words(self, chosen: NDArray[np.bool_]) -> list[str]:
        return [self.spec.labels[index] for index in np.flatnonzero(chosen)]


def judge_multi_label(
    spec: TaskSpec,
    views: Sequence[NDArray[np.float32]],
    labels: Sequence[Label],
    calibration: Calibration,
    *,
    counted: tuple[str, Sequence[Label]],
    resamples: int,
) -> MultiLabelEvaluation:
    """Judge the answers to one task.

    Args:
        spec: the task.
        views: logits (N, labels) of each view of the images; probabilities are averaged.
        labels: the N labels as annotated; tags of unknown answer take no part.
        calibration: the bundle's, for this task.
        counted: a split's name and its labels, for the majority answer.
        resamples: of the bootstrap.

    Raises:
        SchemaError: a label that the task does not have.
    """
    task = MultiLabelTask(spec)
    images, raw, rows = _judged(task, views, labels, calibration)
    resampled = ResampledTags(images)  # sorted once for all that follows
    each, drawn = resampled.per_label(), _resampled(resampled, raw, resamples)
    return MultiLabelEvaluation(
        spec=spec,
        rows=rows,
        tagged=images,
        counts=images.counts(),
        each=each,
        pairs=TagPairs.of(images),
        bins_before=raw.counts().bins,
        numbers=drawn.intervals(leaning=(*LEANING, f"ece{RAW}")),
        ends=label_ends(drawn, each.support),
        majority=_majority(task, counted, images),
        temperature=calibration.get("temperature", 1.0),
    )


def _judged(
    task: MultiLabelTask,
    views: Sequence[NDArray[np.float32]],
    labels: Sequence[Label],
    calibration: Calibration,
) -> tuple[TaggedImages, TaggedImages, NDArray[np.int64]]:
    """The answers with and without what was fitted, and the rows of which something is known."""
    target, weight = task.encode(labels)
    rows = np.flatnonzero(weight.any(axis=1))

    def tagged(fitted: Calibration) -> TaggedImages:
        return TaggedImages(
            probabilities=mean_view([task.probabilities(view[rows], fitted) for view in views]),
            target=target[rows],
            weight=weight[rows],
            thresholds=task.thresholds(fitted),
        )

    return tagged(calibration), tagged({}), rows


def _resampled(after: ResampledTags, raw: TaggedImages, resamples: int) -> Resamples:
    """All numbers of one bootstrap: the same resamples judge before and after, and each label."""
    before = ResampledProbabilities(raw)

    def numbers(repeats: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        uncalibrated = {name + RAW: values for name, values in before.many(repeats).items()}
        return after.many_with_labels(repeats) | uncalibrated

    return resample_repeats(numbers, len(raw), resamples=resamples)


def _majority(
    task: MultiLabelTask, counted: tuple[str, Sequence[Label]], images: TaggedImages
) -> Majority:
    split, labels = counted
    constant = best_constant_set(*task.encode(labels))
    return Majority(
        labels=tuple(task.spec.labels[index] for index in np.flatnonzero(constant.chosen)),
        counted_on=split,
        numbers=constant.answered(images.target, images.weight).counts().numbers(),
    )
