"""Coloured pictures, as files and packed, that the tests' colour network mostly gets right."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from lapel.data.creating import create_dataset
from lapel.data.dataset import Dataset
from lapel.schema.annotation import Annotation, Label
from lapel.schema.labels import Schema, TaskSpec

COLOURS = ("red", "green", "blue")


def colour_schema(labels: Sequence[str] = COLOURS, *, name: str = "colour") -> Schema:
    return Schema((TaskSpec(name=name, kind="single_label", labels=tuple(labels)),))


def coloured(colour: int, *, seed: int, width: int = 24, height: int = 24) -> NDArray[np.uint8]:
    """A noisy picture (height, width, 3) with a little more of one colour, on the left."""
    random = np.random.default_rng((colour, seed))
    picture = random.integers(60, 180, (height, width, 3))
    picture[:, : width // 2, colour] += 60
    return picture.astype(np.uint8)


def write_packed(folder: Path, *, test: int = 60, wrong: int = 4) -> Dataset:
    """A packed dataset of 24-pixel pictures; the first ``wrong`` test labels are not true."""
    kinds = [row % 3 for row in range(30 + test)]
    pictures = np.stack([coloured(kind, seed=row) for row, kind in enumerate(kinds)])
    annotations = []
    for row, kind in enumerate(kinds):
        split = "train" if row < 24 else "validation" if row < 30 else "test"
        label = COLOURS[(kind + (30 <= row < 30 + wrong)) % 3]
        annotations.append(
            Annotation(image=f"images.npy#{row}", labels={"colour": label}, split=split)
        )
    return create_dataset(
        folder, name="colours", schema=colour_schema(), annotations=annotations, images=pictures
    )


def write_photos(
    folder: Path,
    *,
    task: str = "colour",
    labels: Sequence[str] = COLOURS,
    names: Sequence[Label] = COLOURS,
) -> Dataset:
    """A dataset of twelve PNG files, all of them test, of the three colours in turn.

    Args:
        folder: where; new.
        task: what the colours answer.
        labels: of the schema, in its order.
        names: what the three colours are called.
    """
    annotations = []
    (folder / "photos").mkdir(parents=True)
    for number in range(12):
        colour = number % 3
        file = f"{COLOURS[colour]}_{number}.png"
        picture = coloured(colour, seed=number, width=40, height=30)
        Image.fromarray(picture).save(folder / "photos" / file)
        annotations.append(Annotation(image=file, labels={task: names[colour]}, split="test"))
    return create_dataset(
        folder / "dataset",
        name="colour photos",
        schema=colour_schema(labels, name=task),
        annotations=annotations,
        images=folder / "photos",
    )


@pytest.fixture(scope="session")
def colour_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 train, 6 validation and 60 test pictures, packed; four test labels are wrong."""
    return write_packed(tmp_path_factory.mktemp("colours") / "dataset").folder


@pytest.fixture
def colour_photos(tmp_path: Path) -> Dataset:
    """Twelve photos as files of their own, to be damaged."""
    return write_photos(tmp_path / "colour-photos")


@pytest.fixture
def make_photos() -> Callable[..., Dataset]:
    """``write_photos``, for a test that names things in its own way."""
    return write_photos


@pytest.fixture
def colour_run(tmp_path: Path, colour_bundle: Path, colour_dataset: Path) -> Path:
    """A run folder: the bundle, a log whose last row was cut off, and doubtful labels."""
    run = tmp_path / "run"
    shutil.copytree(colour_bundle, run / "bundle")
    (run / "log.csv").write_text(
        "epoch,step,seconds,train_loss,train_accuracy,validation_loss,validation_accuracy,"
        "learning_rate,images_per_second\n"
        "1,10,1.5,0.9,0.60,1.0,0.55,0.1,900\n2,20,3.0,0.5,0.80,,,0.05,950\n"
        "3,30,4.5,0.3,0.90,0.6,0.75,0.01,960\n4,40,5"
    )
    first, second = Dataset.open(colour_dataset).split("train").names()[:2]
    (run / "out_of_sample.csv").write_text(
        "task,image,label,self_confidence,suggested,suggested_probability\n"
        f"colour,{first},red,0.0100,blue,0.9700\ncolour,{second},green,0.2000,red,0.7000\n"
        "colour,gone.png,green,0.3000,red,0.6000\n"
    )
    return run
