"""Parts that pages of several kinds of task share."""

from __future__ import annotations

import numpy as np
import pytest

from lapel.evaluation.pages.task_page import calibration_section
from lapel.metrics.bootstrap import Interval
from lapel.metrics.calibration import bin_confidences


@pytest.mark.parametrize(("low", "told"), [(0.15, True), (0.05, False)])
def test_a_temperature_that_makes_it_worse_is_told(low: float, told: bool) -> None:
    bins = bin_confidences(np.array([0.9, 0.6]), np.array([True, False]))
    numbers = {
        "ece": Interval(value=0.2, low=low, high=0.3),
        "ece_before_temperature": Interval(value=0.1, low=0.05, high=0.2),
    }
    text = calibration_section(bins, bins, numbers, "About.")
    assert ("the temperature makes it worse" in text) == told
