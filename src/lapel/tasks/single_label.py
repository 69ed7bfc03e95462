"""Exactly one of several labels: a category, a colour, a season."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lapel.imaging.preprocess import Frame
from lapel.metrics.classification import ClassificationCounts, count_classification, softmax
from lapel.schema.annotation import Label
from lapel.schema.errors import SchemaError
from lapel.schema.labels import TaskSpec
from lapel.schema.prediction import Answer, SingleLabelAnswer
from lapel.tasks.base import Calibration


class SingleLabelTask:
    """The meaning of ``single_label``: outputs are logits (N, labels), targets int64 (N,)."""

    metric = "accuracy"

    def __init__(self, spec: TaskSpec) -> None:
        self.spec = spec

    @property
    def output_shape(self) -> tuple[int, ...]:
        """One logit a label."""
        return (len(self.spec.labels),)

    def encode(
        self,
        labels: Sequence[Label],
        frames: Sequence[Frame] = (),  # noqa: ARG002 - labels lie nowhere
    ) -> tuple[NDArray[Any], NDArray[np.float32]]:
        """Label names (None: unknown) to int64 targets (N,) and float32 weights (N,)."""
        target = np.zeros(len(labels), np.int64)
        weight = np.zeros(len(labels), np.float32)
        positions = {label: index for index, label in enumerate(self.spec.labels)}
        for row, label in enumerate(labels):
            if label is None:
                continue
            if not isinstance(label, str):
                raise SchemaError(
                    f"task '{self.spec.name}' takes exactly one label, found {label!r}; "
                    "give the label's name"
                )
            # `index` raises the error that names what was found and what there is.
            target[row] = positions[label] if label in positions else self.spec.index(label)
            weight[row] = 1.0
        return target, weight

    def score(
        self,
        output: NDArray[np.float32],
        target: NDArray[Any],
        weight: NDArray[np.float32],
        calibration: Calibration | None = None,
    ) -> ClassificationCounts:
        """Logits against targets; rows of weight 0 take no part."""
        known = weight > 0
        probabilities = self.probabilities(output, calibration)
        return count_classification(probabilities[known], target[known])

    def probabilities(
        self, output: NDArray[np.float32], calibration: Calibration | None = None
    ) -> NDArray[np.float64]:
        """Logits (N, labels) to calibrated probabilities (N, labels)."""
        temperature = (calibration or {}).get("temperature", 1.0)
        return softmax(output.astype(np.float64) / temperature)

    def decode(
        self,
        output: NDArray[np.float32],
        calibration: Calibration | None = None,
        *,
        top: int = 5,
        frames: Sequence[Frame] = (),  # noqa: ARG002 - labels lie nowhere
    ) -> list[Answer]:
        """Logits to answers; equal probabilities keep the order of the schema."""
        probabilities = self.probabilities(output, calibration)
        order = np.argsort(-probabilities, axis=1, kind="stable")[:, :top]
        return [self._answer(row, best) for row, best in zip(probabilities, order, strict=True)]

    def _answer(self, row: NDArray[np.float64], best: NDArray[np.int64]) -> Answer:
        ranked = tuple((self.spec.labels[index], float(row[index])) for index in best)
        return SingleLabelAnswer(label=ranked[0][0], probability=ranked[0][1], top=ranked)
