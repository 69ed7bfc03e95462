"""Any of several labels, each a yes, a no or unknown: tags, attributes, materials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from lapel.imaging.preprocess import Frame
from lapel.metrics.tags import TagCounts, TaggedImages
from lapel.metrics.thresholds import DEFAULT_THRESHOLD
from lapel.schema.annotation import Label, Tags
from lapel.schema.errors import SchemaError
from lapel.schema.labels import TaskSpec
from lapel.schema.prediction import Answer, MultiLabelAnswer
from lapel.tasks.base import Calibration

#: What the threshold of a label is called in a calibration, before the label's name.
THRESHOLD = "threshold."


class MultiLabelTask:
    """The meaning of ``multi_label``: outputs are logits (N, labels), one a label, each against
    0; targets are uint8 (N, labels), 1 where a label holds.
    """

    metric = "map"

    def __init__(self, spec: TaskSpec) -> None:
        self.spec = spec
        self._positions = {label: index for index, label in enumerate(spec.labels)}

    @property
    def output_shape(self) -> tuple[int, ...]:
        """One logit a label."""
        return (len(self.spec.labels),)

    def encode(
        self,
        labels: Sequence[Label],
        frames: Sequence[Frame] = (),  # noqa: ARG002 - labels lie nowhere
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Tags (None: nothing known) to targets and weights, both uint8 (N, labels).

        Raises:
            SchemaError: a label outside the schema, or a label that is no tags.
        """
        shape = (len(labels), len(self.spec.labels))
        target, weight = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
        for row, tags in enumerate(labels):
            if tags is None:
                continue
            if not isinstance(tags, Tags):
                self._refuse(tags)
            weight[row] = 1
            target[row, [self._position(word) for word in tags.yes]] = 1
            weight[row, [self._position(word) for word in tags.unknown]] = 0
        return target, weight

    def _position(self, word: str) -> int:
        # `index` raises the error that names what was found and what there is.
        return self._positions[word] if word in self._positions else self.spec.index(word)

    def _refuse(self, label: object) -> NoReturn:
        known = ", ".join(self.spec.labels[:12]) + (", ..." if len(self.spec.labels) > 12 else "")
        raise SchemaError(
            f"task '{self.spec.name}' takes tags (any of: {known}), found {label!r}; "
            "say Tags(yes=..., unknown=...)"
        )

    def score(
        self,
        output: NDArray[np.float32],
        target: NDArray[Any],
        weight: NDArray[Any],
        calibration: Calibration | None = None,
    ) -> TagCounts:
        """Logits against targets; answers of weight 0 take no part."""
        return self.judged(self.probabilities(output, calibration), target, weight, calibration)

    def judged(
        self,
        probabilities: NDArray[np.float64],
        target: NDArray[Any],
        weight: NDArray[Any],
        calibration: Calibration | None = None,
    ) -> TagCounts:
        """Probabilities against targets, all (N, labels), as counts that add up."""
        return TaggedImages(
            probabilities=probabilities,
            target=target,
            weight=weight,
            thresholds=self.thresholds(calibration),
        ).counts()

    def probabilities(
        self, output: NDArray[np.float32], calibration: Calibration | None = None
    ) -> NDArray[np.float64]:
        """Logits (N, labels) to calibrated probabilities of a yes (N, labels)."""
        temperature = (calibration or {}).get("temperature", 1.0)
        return sigmoid(output.astype(np.float64) / temperature)

    def thresholds(self, calibration: Calibration | None = None) -> NDArray[np.float64]:
        """From which probability on each label is a yes, float64 (labels,)."""
        tuned = calibration or {}
        return np.array(
            [tuned.get(THRESHOLD + label, DEFAULT_THRESHOLD) for label in self.spec.labels],
            np.float64,
        )

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
        holds = probabilities >= self.thresholds(calibration)
        order = np.argsort(-probabilities, axis=1, kind="stable")[:, :top]
        return [self._answer(*row) for row in zip(probabilities, holds, order, strict=True)]

    def _answer(
        self, row: NDArray[np.float64], holds: NDArray[np.bool_], best: NDArray[np.int64]
    ) -> Answer:
        yes = np.flatnonzero(holds)
        return MultiLabelAnswer(
            labels=tuple(self.spec.labels[index] for index in yes),
            probabilities=tuple(float(row[index]) for index in yes),
            top=tuple((self.spec.labels[index], float(row[index])) for index in best),
        )


def sigmoid(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logits to probabilities, elementwise; safe from overflow."""
    small = np.exp(-np.abs(logits))
    return np.asarray(np.where(logits >= 0, 1.0, small) / (1.0 + small), np.float64)
