"""One network, two questions: which of three marks are there, and how light is the ground?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from training_runs import SMALL

from lapel.data.creating import create_dataset
from lapel.data.dataset import Dataset
from lapel.evaluation.evaluate import evaluate
from lapel.inference.bundle import Bundle
from lapel.inference.predictor import Predictor
from lapel.metrics.constant_tags import best_constant_set
from lapel.schema.annotation import Annotation, Label, Tags
from lapel.schema.errors import DatasetError
from lapel.schema.labels import Schema, TaskSpec
from lapel.schema.prediction import Prediction
from lapel.tasks.multi_label import MultiLabelTask
from lapel.training.train import train

MARKS = ("가로", "세로", "dot")
SCHEMA = Schema(
    (
        TaskSpec(name="marks", kind="multi_label", labels=MARKS),
        TaskSpec(name="ground", kind="single_label", labels=("dark", "light")),
    )
)
SPLITS = {"train": 400, "validation": 80, "test": 120}

CHANGES = {**SMALL, "schedule.epochs": 8, "model.options.widths": [16, 32]}


def draw(holds: NDArray[np.bool_], light: bool, random: np.random.Generator) -> NDArray[np.uint8]:
    """Lines across, lines down and a dot, those that hold, on a dark or lighter ground."""
    picture = random.integers(60 * light, 60 * light + 40, (28, 28))
    rows, columns = np.mgrid[0:28, 0:28]
    row, column = random.integers(7, 21, 2)
    marks = (
        rows % 14 == random.integers(14),
        columns % 14 == random.integers(14),
        np.hypot(rows - row, columns - column) < 5,
    )
    for mark in np.flatnonzero(holds):
        picture[marks[mark]] = 220
    return picture.astype(np.uint8)


def marked_dataset(folder: Path, *, without: str | None = None) -> Dataset:
    """A third of the training labels unknown; in the split `without`, no mark at all."""
    random = np.random.default_rng(3)
    pictures: list[NDArray[np.uint8]] = []
    annotations: list[Annotation] = []
    for split, count in SPLITS.items():
        for _ in range(count):
            holds = random.random(3) < (0.5, 0.35, 0.25)
            holds &= split != without
            hidden = (random.random(4) < 0.33) & (split == "train")
            light = bool(random.integers(2))
            labels: dict[str, Label] = {
                "marks": Tags(
                    tuple(MARKS[place] for place in np.flatnonzero(holds & ~hidden[:3])),
                    tuple(MARKS[place] for place in np.flatnonzero(hidden[:3])),
                ),
                "ground": None if hidden[3] else ("dark", "light")[light],
            }
            name = f"images.npy#{len(pictures)}"
            annotations.append(Annotation(image=name, split=split, labels=labels))
            pictures.append(draw(holds, light, random))
    return create_dataset(
        folder, name="marks", schema=SCHEMA, annotations=annotations, images=np.stack(pictures)
    )


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return marked_dataset(tmp_path_factory.mktemp("data") / "marks").folder


def learned(marked: Path, out: Path, changes: Mapping[str, Any]) -> Path:
    return train("fashion-mnist-fast", data=marked, out=out, changes={**CHANGES, **changes}).run


@pytest.mark.parametrize("heads", ["separate", "joint"])
def test_tags_and_a_label_are_learned_together(marked: Path, tmp_path: Path, heads: str) -> None:
    run = learned(marked, tmp_path / "run", {"model.heads": heads})
    test = Dataset.open(marked).split("test")
    answers = list(Predictor.load(run).predict([test.pixels(name) for name in test.names()]))
    right = [
        isinstance(answer, Prediction) and answer.cells()["ground"] == label
        for answer, label in zip(answers, test.labels("ground"), strict=True)
    ]
    assert np.mean(right) > 0.9

    found = evaluate(run, marked, out=tmp_path / "report", split="test", resamples=20)
    numbers = {name: interval.value for name, interval in found.tasks["marks"].numbers.items()}
    task = MultiLabelTask(SCHEMA["marks"])
    constant = best_constant_set(*task.encode(Dataset.open(marked).split("train").labels("marks")))
    majority = constant.answered(*task.encode(test.labels("marks"))).counts().numbers()
    assert numbers["map"] > 0.85 > majority["map"] + 0.3
    assert numbers["mean_f1"] > majority["mean_f1"] + 0.2


def test_the_bundle_keeps_a_threshold_a_tag_for_the_goal(marked: Path, tmp_path: Path) -> None:
    changes = {"schedule.epochs": 1, "thresholds.goal": "label_f1"}
    calibration = Bundle.load(learned(marked, tmp_path / "run", changes)).calibration
    thresholds = {f"threshold.{mark}" for mark in MARKS}
    assert set(calibration["marks"]) == {"temperature"} | thresholds
    assert len({calibration["marks"][name] for name in thresholds}) == 3
    assert set(calibration["ground"]) == {"temperature"}
    fixed = learned(marked, tmp_path / "fixed", {**changes, "thresholds.goal": "fixed"})
    values = Bundle.load(fixed).calibration["marks"]
    assert {values[name] for name in thresholds} == {0.5}


@pytest.mark.parametrize("split", ["train", "validation"])
def test_tags_that_hold_nowhere_are_refused_before_learning(tmp_path: Path, split: str) -> None:
    """No answer could be told from another, and no epoch from the next."""
    dataset = marked_dataset(tmp_path / "marks", without=split)
    with pytest.raises(DatasetError, match=f"no {split} picture of marks has a label of marks"):
        train("fashion-mnist-fast", data=dataset.folder, out=tmp_path / "run", changes=CHANGES)
