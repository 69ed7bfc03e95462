"""What the pages of all kinds of task have in common."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from lapel.evaluation.judged import RAW, JudgedTask
from lapel.evaluation.pages.figures import reliability_figure
from lapel.evaluation.pages.numbers import interval, number_rows, percent
from lapel.evaluation.pages.page import escaped, table
from lapel.metrics.bootstrap import Interval
from lapel.metrics.calibration import CalibrationBins


def numbers_section(judged: JudgedTask, about: str) -> str:
    """Every number with its interval beside the majority answer; ``about`` is plain text."""
    rows = [[escaped(cell) for cell in row] for row in number_rows(judged)]
    header = ["", "this model", "95 % interval", "majority answer"]
    return f"<p>{escaped(about)}</p>{table(header, rows)}"


def between(row: Mapping[str, Any], name: str) -> str:
    """A second line of a label's cell: between what its number, a share, lies; HTML. Nothing where
    that is not known.
    """
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    if math.isnan(low):
        return ""
    found = interval(Interval(value=row[name], low=low, high=high), 1)
    return f'<div class="fact">{found}</div>'


def where(counted_on: str) -> str:
    """The images that the majority answer was counted on, in words."""
    return "the training split" if counted_on == "train" else counted_on


def calibration_section(
    before: CalibrationBins, after: CalibrationBins, numbers: Mapping[str, Interval], about: str
) -> str:
    """Reliability before and after the temperature; ``about`` is plain text."""
    error = {name: percent(numbers[name].value, 2) for name in ("ece", f"ece{RAW}")}
    drawings = (
        reliability_figure(before, title=f"Before temperature: error {error[f'ece{RAW}']}"),
        reliability_figure(after, title=f"As it ships: error {error['ece']}"),
    )
    if numbers["ece"].low > numbers[f"ece{RAW}"].value:
        about += (
            " Here the temperature makes it worse: these images are not like those that it was "
            "fitted on, or those were few."
        )
    panels = "".join(f'<div class="panel">{drawing}</div>' for drawing in drawings)
    return f'<p>{escaped(about)}</p><div class="pair">{panels}</div>'
