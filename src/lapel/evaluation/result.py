"""What an evaluation found, as values and as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lapel.evaluation.answers import Unreadable
from lapel.evaluation.benchmarks.table import BenchmarkTable
from lapel.evaluation.judged import JudgedTask
from lapel.evaluation.subject import Subject
from lapel.evaluation.together import Together
from lapel.metrics.bootstrap import LEVEL

FORMAT_VERSION = 1

#: Unreadable images named in ``metrics.json``; the rest are counted.
UNREADABLE_LISTED = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Throughput:
    """How fast it went, here and now.

    Attributes:
        images: images that were answered.
        seconds: for reading, preprocessing and the network, both views where there are two.
        engine: what ran the network.
        machine: where, in words.
        why: it was this engine, in words.
    """

    images: int
    seconds: float
    engine: str
    machine: str
    why: str = ""

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
        together: the tasks of one label judged as one; None where there are not several.
        tables: of the public benchmark that was judged, beside its published rows.
        throughput: how fast it went.
        resamples: of the bootstrap behind every interval.
        out: the folder that it was written to.
        files: what was written there, in the order in which one looks at it.
    """

    subject: Subject
    images: tuple[str, ...]
    unreadable: tuple[Unreadable, ...]
    tasks: Mapping[str, JudgedTask]
    together: Together | None
    throughput: Throughput
    resamples: int
    out: Path
    tables: tuple[BenchmarkTable, ...] = ()
    files: tuple[str, ...] = ()

    @property
    def numbers(self) -> dict[str, float]:
        """``TASK.NUMBER`` to its value, as a bundle keeps its scores; the numbers of several tasks
        judged as one stand without a task.
        """
        each = {
            f"{task}.{name}": interval.value
            for task, judged in self.tasks.items()
            for name, interval in judged.numbers.items()
        }
        together = self.together.numbers if self.together is not None else {}
        return each | {name: interval.value for name, interval in together.items()}

    def to_json(self) -> dict[str, Any]:
        """The evaluation as plain values; a number that could not be measured is None."""
        subject = self.subject
        content = {
            "format": FORMAT_VERSION,
            "model": subject.bundle,
            "dataset": {"name": subject.dataset, "fingerprint": subject.fingerprint},
            "split": subject.split,
            "test_time_augmentation": "flip" if subject.flip else None,
            "boxes": subject.boxes,
            "unknown_tags_count_as": "no" if subject.unknown_is_no else "unknown",
            "best_epoch_chosen_on": subject.chosen_on,
            "remarks": list(subject.remarks),
            "images": len(self.images),
            "unreadable": _unreadable(self.unreadable),
            "intervals": {
                "method": "percentile bootstrap over images; calibration errors and means over "
                "labels less their bias",
                "level": LEVEL,
                "resamples": self.resamples,
            },
            "tasks": {name: judged.to_json() for name, judged in self.tasks.items()},
            "together": None if self.together is None else self.together.to_json(),
            "benchmark": [table.to_json() for table in self.tables],
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


def _without_nan(value: Any) -> Any:  # noqa: ANN401 - JSON is anything
    """The same with None for numbers that are not finite, which JSON cannot say."""
    if isinstance(value, dict):
        return {key: _without_nan(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_without_nan(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
