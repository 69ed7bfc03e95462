"""The expressions sent with a job read the line that `lapel train` prints, and nothing else."""

from __future__ import annotations

import re

import pytest

from lapel.cloud.sagemaker.metrics import METRICS, OBJECTIVE, metric_definitions, read_metrics
from lapel.training.epoch_line import NUMBERS, epoch_line


def test_every_number_of_an_epoch_is_read() -> None:
    row = {name: 3.0 + number for number, name in enumerate(NUMBERS)}
    found = read_metrics(epoch_line(row), metric_definitions())
    assert set(found) == set(METRICS)
    assert found == {name: pytest.approx(row[name], rel=1e-4) for name in METRICS}


def test_numbers_are_read_where_a_launcher_puts_words_before_the_line() -> None:
    line = "[algo-1] 2026-11-22 INFO metric epoch=2 seconds=1.5 validation_accuracy=0.9116"
    assert read_metrics(line, metric_definitions())[OBJECTIVE] == 0.9116


@pytest.mark.parametrize(
    "line",
    [
        "step 30 of 60, loss 0.3, 400 images/s",
        "metric epoch=2 seconds=nan validation_accuracy=nan",
        "my_validation_accuracy=0.5",
        "metric epoch=2 other_validation_accuracy=0.5",
    ],
)
def test_other_lines_hold_no_numbers(line: str) -> None:
    assert read_metrics(line, metric_definitions()) == {}


def test_aws_takes_the_expressions() -> None:
    for definition in metric_definitions():
        assert len(definition["Regex"]) <= 500
        assert re.compile(definition["Regex"]).groups == 1
    assert len(metric_definitions()) <= 40
