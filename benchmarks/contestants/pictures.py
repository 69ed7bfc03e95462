"""The pictures of a packed dataset in the forms that contestants read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from PIL import Image

from lapel.data.dataset import Dataset


def prepare(dataset: Path, folder: Path) -> None:
    """The pictures in the two forms that contestants read: arrays, and class folders.

    They learn from all 60,000; what Lapel holds out for validation is theirs to learn from.
    """
    whole = Dataset.open(dataset)
    task = next(iter(whole.schema))
    parts = {"train": pl.col("split") != "test", "test": pl.col("split") == "test"}
    arrays: dict[str, Any] = {}
    for name, condition in parts.items():
        part = whole.rows(condition)
        pixels = part.packed()
        if pixels is None:
            raise SystemExit(f"{dataset} is no packed dataset; import fashion-mnist")
        labels = [task.index(str(label)) for label in part.labels(task.name)]
        arrays |= {f"{name}_pixels": pixels, f"{name}_labels": np.array(labels, np.int64)}
        write_pictures(folder / "pictures" / name, pixels, labels)
    np.savez(folder / "arrays.npz", **arrays)


def write_pictures(folder: Path, pixels: NDArray[np.uint8], labels: Sequence[int]) -> None:
    """Class folders of PNG files."""
    for label in sorted(set(labels)):
        (folder / str(label)).mkdir(parents=True)
    for row, label in enumerate(labels):
        path = folder / str(label) / f"{row:05d}.png"
        Image.fromarray(pixels[row]).save(path, compress_level=1)
