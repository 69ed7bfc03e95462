"""A model and a dataset with the tasks of DeepFashion's coarse set: a category, five types."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import many_tasks as many
import numpy as np
from numpy.typing import NDArray

from lapel.data.creating import create_dataset
from lapel.data.dataset import Dataset
from lapel.evaluation.benchmarks.published import TYPES
from lapel.schema.annotation import Annotation, Label, Tags
from lapel.schema.labels import Schema, TaskSpec

CATEGORIES = ("Blouse", "Dress", "Jeans", "Skirt", "Tee", "Coat")
LABELS = 8

SCHEMA = Schema(
    (
        TaskSpec(name="category", kind="single_label", labels=CATEGORIES),
        *(
            TaskSpec(
                name=name,
                kind="multi_label",
                labels=tuple(f"{name} {number}" for number in range(LABELS)),
            )
            for name in TYPES
        ),
    )
)


def _readout() -> many.Readout:
    random = np.random.default_rng(11)
    return {
        spec.name: (
            random.normal(0, 6, (3, len(spec.labels))).astype(np.float32),
            random.normal(-1, 1, len(spec.labels)).astype(np.float32),
        )
        for spec in SCHEMA
    }


READOUT = _readout()

#: Another temperature a type, as fitting gives them.
CALIBRATION: Mapping[str, Mapping[str, float]] = {
    spec.name: {"temperature": 1.0 + 0.25 * place} for place, spec in enumerate(SCHEMA)
}


def write_bundle(folder: Path, schema: Schema = SCHEMA) -> Path:
    """A bundle of the network; ``schema`` may have fewer of its tasks."""
    return many.write_many_bundle(folder, schema, calibration=CALIBRATION, readout=READOUT)


def logits(pixels: NDArray[np.uint8], task: str) -> NDArray[np.float64]:
    """What the network says of one picture (SIDE, SIDE, 3)."""
    weight, bias = READOUT[task]
    means = pixels.astype(np.float64).mean(axis=(0, 1)) / 255
    return np.asarray(means @ weight + bias, np.float64)


def write_dataset(
    folder: Path, *, benchmark: str = "deepfashion-coarse", unknown: float = 0.1, test: int = 80
) -> Dataset:
    """Pictures whose labels follow the network's answers, with much noise.

    Args:
        folder: where; new.
        benchmark: what the dataset says it is.
        unknown: the share of tags of unknown answer.
        test: pictures of the test split; 30 more are of train.
    """
    random = np.random.default_rng(5)
    drawn = [many.picture(row)[0] for row in range(30 + test)]
    annotations = []
    for row, pixels in enumerate(drawn):
        category = int((logits(pixels, "category") + random.normal(0, 2, len(CATEGORIES))).argmax())
        labels: dict[str, Label] = {"category": CATEGORIES[category]}
        for spec in SCHEMA.tasks[1:]:
            yes = logits(pixels, spec.name) + random.normal(-1, 2, LABELS) > 0
            asked = random.random(LABELS) >= unknown
            labels[spec.name] = Tags(
                tuple(np.array(spec.labels)[yes & asked].tolist()),
                tuple(np.array(spec.labels)[~asked].tolist()),
            )
        split = "train" if row < 30 else "test"
        annotations.append(Annotation(image=f"images.npy#{row}", labels=labels, split=split))
    return create_dataset(
        folder,
        name="coarse-like",
        schema=SCHEMA,
        annotations=annotations,
        images=np.stack(drawn),
        benchmark=benchmark,
    )
