"""What the tests of training share: a task of patterns that is learned in a second."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lapel.data.creating import create_dataset
from lapel.data.dataset import Dataset
from lapel.schema.annotation import Annotation
from lapel.schema.labels import Schema, TaskSpec

#: What turns the demo's recipe into a run of a second.
SMALL: Mapping[str, Any] = {
    "batch": 16,
    "schedule.epochs": 4,
    "model.options.widths": [8, 16],
    "precision": "float32",
    "doubtful_labels.folds": 0,
}

#: What processes that learn have loaded before they are forked; torch loads the last two by itself
#: when an optimiser is made, a group joined or a network exported, which takes it a second.
PRELOADED = ["lapel.training.train", "torch._dynamo", "torch.onnx"]

PATTERNS = ("across", "down", "dot")


def draw_pattern(kind: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """Stripes across, stripes down, or a dot, somewhere in noise: uint8 (28, 28)."""
    picture = random.integers(0, 90, (28, 28))
    rows, columns = np.mgrid[0:28, 0:28]
    phase = random.integers(0, 6)
    marks = (
        (rows + phase) % 6 < 3,
        (columns + phase) % 6 < 3,
        np.hypot(rows - random.integers(8, 20), columns - random.integers(8, 20)) < 5,
    )
    picture[marks[kind]] += random.integers(60, 160)
    return picture.astype(np.uint8)


def pattern_dataset(folder: Path, splits: Mapping[str, int], *, wrong: int = 0) -> Dataset:
    """Patterns in the splits asked for; the first `wrong` training labels are not true."""
    random = np.random.default_rng(7)
    pictures: list[NDArray[np.uint8]] = []
    annotations: list[Annotation] = []
    for split, count in splits.items():
        for number in range(count):
            label = (number + (1 if split == "train" and number < wrong else 0)) % 3
            name = f"images.npy#{len(pictures)}"
            pictures.append(draw_pattern(number % 3, random))
            annotations.append(
                Annotation(image=name, split=split, labels={"pattern": PATTERNS[label]})
            )
    schema = Schema((TaskSpec(name="pattern", kind="single_label", labels=PATTERNS),))
    return create_dataset(
        folder, name="patterns", schema=schema, annotations=annotations, images=np.stack(pictures)
    )


Start = Callable[..., ForkServerProcess]


def train_until(flushed: str, times: int, arguments: Mapping[str, Any]) -> None:
    """Train, and be killed where a file or folder of such a path is flushed to disk so often."""
    from lapel.training.train import train

    real, seen = os.fsync, 0

    def fsync(descriptor: int) -> None:
        nonlocal seen
        seen += bool(re.search(flushed, str(Path(f"/proc/self/fd/{descriptor}").readlink())))
        if seen >= times:
            os.kill(os.getpid(), signal.SIGKILL)
        real(descriptor)

    setattr(os, "fsync", fsync)  # noqa: B010 - mypy takes no other type of file
    train(**arguments)
