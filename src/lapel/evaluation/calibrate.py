"""What is fitted on held-out images after learning, and kept in the bundle."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lapel.metrics.calibration import fit_temperature
from lapel.schema.errors import UsageError
from lapel.schema.labels import Schema


def calibrate(
    schema: Schema,
    outputs: Mapping[str, NDArray[np.float32]],
    targets: Mapping[str, NDArray[Any]],
    weights: Mapping[str, NDArray[np.float32]],
) -> dict[str, dict[str, float]]:
    """Task name to what was fitted for it, as a bundle keeps it.

    Give it held-out images (validation): on images that the network learnt from, it is surer
    than it should be, and the fit would bless that.

    Args:
        schema: the tasks.
        outputs: task to raw outputs (N, ...).
        targets: task to encoded targets (N, ...).
        weights: task to weights; images of weight 0 take no part.

    Raises:
        UsageError: a task without outputs, or without a single labelled image.
    """
    fitted = {}
    for spec in schema:
        if spec.name not in outputs:
            raise UsageError(f"no outputs of task '{spec.name}' to calibrate on")
        known = weights[spec.name] > 0
        if not known.any():
            raise UsageError(
                f"task '{spec.name}' has no labelled held-out image; a temperature needs some"
            )
        if spec.kind in CALIBRATIONS:
            fit = CALIBRATIONS[spec.kind]
            fitted[spec.name] = fit(outputs[spec.name][known], targets[spec.name][known])
    return fitted


def _single_label(output: NDArray[np.float32], target: NDArray[Any]) -> dict[str, float]:
    return {"temperature": fit_temperature(output, target)}


#: Kind of task to what is fitted for it; a kind left out needs nothing.
CALIBRATIONS: dict[str, Callable[[NDArray[np.float32], NDArray[Any]], dict[str, float]]] = {
    "single_label": _single_label,
}
