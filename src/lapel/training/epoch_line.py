"""One epoch in a line that stays the same from version to version; tools may parse it.

``lapel train`` prints it where nobody watches a terminal; SageMaker reads numbers out of it by
the expressions of ``lapel.cloud.sagemaker.metrics``, which are made from the names below.
"""

from __future__ import annotations

from collections.abc import Mapping

#: What the line begins with.
MARK = "metric"

#: Numbers of an epoch, in the order in which they stand, and how each is written.
NUMBERS: Mapping[str, str] = {
    "epoch": ".0f",
    "seconds": ".1f",
    "train_loss": ".4f",
    "train_accuracy": ".4f",
    "validation_loss": ".4f",
    "validation_accuracy": ".4f",
    "images_per_second": ".0f",
}


def epoch_line(row: Mapping[str, float]) -> str:
    """The line of one epoch: those of ``NUMBERS`` that its row has, as ``name=value``."""
    parts = [f"{name}={row[name]:{form}}" for name, form in NUMBERS.items() if name in row]
    return " ".join([MARK, *parts])
