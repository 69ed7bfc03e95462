"""The numbers that SageMaker reads out of a job's log, by expressions sent with its request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from lapel.training.epoch_line import MARK, NUMBERS

#: What is read: all of an epoch's line but the epoch itself.
METRICS = tuple(name for name in NUMBERS if name != "epoch")

#: By which a tuning job chooses, and which way.
OBJECTIVE, DIRECTION = "validation_accuracy", "Maximize"

_NUMBER = r"(-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)"


def metric_definitions() -> list[dict[str, str]]:
    """``MetricDefinitions`` of a request: for each number its name and its expression."""
    return [
        {"Name": name, "Regex": rf"{MARK} epoch=.*\b{name}={_NUMBER}(?:\s|$)"} for name in METRICS
    ]


def read_metrics(line: str, definitions: Iterable[Mapping[str, str]]) -> dict[str, float]:
    """What SageMaker reads out of a line of a log: the first group of each expression found.

    Args:
        line: of the log.
        definitions: ``MetricDefinitions`` of a request.
    """
    found = {}
    for definition in definitions:
        match = re.search(definition["Regex"], line)
        if match:
            try:
                found[definition["Name"]] = float(match[1])
            except ValueError:
                continue  # what is no number is passed over, as SageMaker does
    return found
