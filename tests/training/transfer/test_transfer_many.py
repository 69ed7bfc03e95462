"""Several questions at once: heads of every kind are fitted on features, separate and joint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from training_runs import PATTERNS, draw_pattern

from lapel.data.creating import create_dataset
from lapel.evaluation.evaluate import evaluate
from lapel.schema.annotation import Annotation, Tags
from lapel.schema.labels import Schema, TaskSpec
from lapel.training.train import train

SCHEMA = Schema(
    (
        TaskSpec(name="pattern", kind="single_label", labels=PATTERNS),
        TaskSpec(name="ground", kind="single_label", labels=("dark", "light")),
        TaskSpec(name="tags", kind="multi_label", labels=("lines", "round", "bright")),
    )
)

HEADS: dict[str, Any] = {
    "model.backbone": "lapel-small",
    "preprocess.channels": 1,
    "preprocess.mean": [0.3],
    "preprocess.std": [0.3],
    "preprocess.height": 28,
    "preprocess.width": 28,
    "preprocess.reduced": False,
    "augment": "none",
    "precision": "float32",
    "average": 0,
    "transfer.train": "heads",
    "schedule.epochs": 0,
}


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Patterns with three questions, a tenth of whose answers is unknown."""
    random = np.random.default_rng(5)
    pictures: list[NDArray[np.int64]] = []
    annotations = []
    for split, count in {"train": 300, "validation": 60, "test": 60}.items():
        for number in range(count):
            kind, light = number % 3, int(random.integers(2))
            tags = [name for name, holds in (("lines", kind < 2), ("round", kind == 2)) if holds]
            labels = {
                "pattern": PATTERNS[kind],
                "ground": None if number % 10 == 9 else ("dark", "light")[light],
                "tags": Tags(yes=(*tags, *(("bright",) if light else ()))),
            }
            name = f"images.npy#{len(pictures)}"
            pictures.append(np.minimum(draw_pattern(kind, random) + 40 * light, 255))
            annotations.append(Annotation(image=name, split=split, labels=labels))
    folder = tmp_path_factory.mktemp("datasets") / "many"
    return create_dataset(
        folder,
        name="many",
        schema=SCHEMA,
        annotations=annotations,
        images=np.stack(pictures).astype(np.uint8),
    ).folder


@pytest.fixture(scope="module")
def former(patterns: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network that knows patterns."""
    run = tmp_path_factory.mktemp("runs") / "former"
    changes: dict[str, Any] = {"schedule.epochs": 3, "batch": 16, "doubtful_labels.folds": 0}
    changes |= {"model.options.widths": [16, 32], "precision": "float32"}
    train("fashion-mnist-fast", data=patterns, out=run, changes=changes)
    return run


@pytest.mark.parametrize(
    "heads",
    [
        {"model.heads": "separate"},
        {"model.heads": "joint"},
        {"model.hidden": 24},
        {"loss.single_label": "focal", "loss.multi_label": "asymmetric"},
        {"loss.class_weights": "balanced", "loss.task_weighting": "learned"},
    ],
    ids=lambda heads: "-".join(str(value) for value in heads.values()),
)
def test_heads_of_every_kind_answer_far_above_chance(
    heads: dict[str, Any], many: Path, former: Path, tmp_path: Path
) -> None:
    options = {"model.options.widths": [16, 32], "model.options.weights": str(former)}
    trained = train("photos", data=many, out=tmp_path / "run", changes=HEADS | options | heads)
    numbers = evaluate(trained.bundle, many, split="test", out=tmp_path / "report").numbers
    assert numbers["pattern.accuracy"] > 0.85
    assert numbers["ground.accuracy"] > 0.8
    assert numbers["tags.map"] > 0.85
    card = (trained.bundle / "README.md").read_text()
    assert "| task | accuracy |" in card
    assert "thresholds fitted" in card
