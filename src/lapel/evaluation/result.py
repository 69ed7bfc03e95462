"""What an evaluation found, as values and as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lapel.evaluation.answers import Unreadable
from lapel.evaluation.single_label import SingleLabelEvaluation, per_class_rows
from lapel.metrics.bootstrap import LEVEL
from lapel.metrics.calibration import CalibrationBins

FORMAT_VERSION = 1

#: Unreadable images named in ``metrics.json``; the rest are counted.
UNREADABLE_LISTED = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What was measured, on what.

    Attributes:
        bundle: name of the model.
        dataset: name of the dataset.
        fingerprint: of the evaluated rows.
        split: the evaluated split.
        flip: whether each picture was also judged mirrored (test-time augmentation).
        chosen_on: on what the best epoch was chosen, in words.
        remarks: what a reader must know before believing a number, in sentences.
        provenance: where the model comes from, as its bundle tells.
    """

    bundle: str
    dataset: str
    fingerprint: str
    split: str
    flip: bool
    chosen_on: str
    remarks: tuple[str, ...]
    provenance: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Throughput:
    """How fast it went, here and now.

    Attributes:
        images: images that were answered.
        seconds: for reading, preprocessing and the network, both views where there are two.
        engine: what ran the network.
        machine: where, in words.
    """

    images: int
    seconds: float
    engine: str
    machine: str

    @property
    def images_per_second(self) -> float:
        """Images by seconds."""
        return self.images / self.seconds


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evaluation:
    """Everything that ``evaluate`` found.

    Attributes:
        subject: what was measured, on what.
        images: names of the images that could be read, in the order of the dataset.
        unreadable: the images that could not.
        tasks: task name to what was found, in the order of the bundle's schema.
        throughput: how fast it went.
        resamples: of the bootstrap behind every interval.
        out: the folder that it was written to.
    """

    subject: Subject
    images: tuple[str, ...]
    unreadable: tuple[Unreadable, ...]
    tasks: Mapping[str, SingleLabelEvaluation]
    throughput: Throughput
    resamples: int
    out: Path

    @property
    def numbers(self) -> dict[str, float]:
        """``TASK.NUMBER`` to its value, as a bundle keeps its scores."""
        return {
            f"{task}.{name}": interval.value
            for task, judged in self.tasks.items()
            for name, interval in judged.numbers.items()
        }

    def to_json(self) -> dict[str, Any]:
        """The evaluation as plain values; a number that could not be measured is None."""
        subject = self.subject
        content = {
            "format": FORMAT_VERSION,
            "model": subject.bundle,
            "dataset": {"name": subject.dataset, "fingerprint": subject.fingerprint},
            "split": subject.split,
            "test_time_augmentation": "flip" if subject.flip else None,
            "best_epoch_chosen_on": subject.chosen_on,
            "remarks": list(subject.remarks),
            "images": len(self.images),
            "unreadable": _unreadable(self.unreadable),
            "intervals": {
                "method": "percentile bootstrap over images; calibration errors less their bias",
                "level": LEVEL,
                "resamples": self.resamples,
            },
            "tasks": {name: _task(judged) for name, judged in self.tasks.items()},
            "throughput": _throughput(self.throughput),
            "provenance": dict(subject.provenance),
        }
        plain: dict[str, Any] = _without_nan(content)
        return plain


def _unreadable(images: tuple[Unreadable, ...]) -> dict[str, Any]:
    listed = [{"image": one.image, "fault": one.fault} for one in images[:UNREADABLE_LISTED]]
    return {"count": len(images), "first": listed}


def _throughput(throughput: Throughput) -> dict[str, Any]:
    return {
        "images_per_second": throughput.images_per_second,
        "seconds": throughput.seconds,
        "engine": throughput.engine,
        "machine": throughput.machine,
    }


def _task(judged: SingleLabelEvaluation) -> dict[str, Any]:
    return {
        "kind": judged.spec.kind,
        "images": len(judged.classified),
        "labels": list(judged.spec.labels),
        "numbers": {name: interval.to_json() for name, interval in judged.numbers.items()},
        "majority": {
            "label": judged.majority.label,
            "counted_on": judged.majority.counted_on,
            "numbers": dict(judged.majority.numbers),
        },
        "per_class": per_class_rows(judged),
        "confusion": judged.counts.confusion.tolist(),
        "temperature": judged.temperature,
        "reliability": {
            "before_temperature": _bins(judged.bins_before),
            "after_temperature": _bins(judged.counts.bins),
        },
        "doubtful_labels": len(judged.doubtful),
    }


def _bins(bins: CalibrationBins) -> dict[str, list[float]]:
    return {
        "images": bins.images.tolist(),
        "correct": bins.correct.tolist(),
        "confidence_sum": bins.confidence.tolist(),
    }


def _without_nan(value: Any) -> Any:  # noqa: ANN401 - JSON is anything
    """The same with None for numbers that are not finite, which JSON cannot say."""
    if isinstance(value, dict):
        return {key: _without_nan(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_without_nan(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
