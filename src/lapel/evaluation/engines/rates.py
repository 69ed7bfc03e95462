"""How fast engines are, side by side: in turns, so that a busy machine is busy for all of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lapel.inference.engines.base import Engine

#: Runs of each engine, of which the median is taken.
ROUNDS = 5

#: Runs of one picture a round: they take milliseconds.
SINGLES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How fast an engine is, without reading or decoding pictures.

    Attributes:
        images_per_second: of a batch.
        milliseconds: that one picture alone takes, the median.
    """

    images_per_second: float
    milliseconds: float


def rates_of(
    engines: Mapping[str, Engine], pixels: NDArray[np.uint8], tasks: list[str]
) -> dict[str, Rate]:
    """How fast each of some engines is.

    Args:
        engines: by name.
        pixels: a batch of prepared pictures, uint8 (N, C, h, w).
        tasks: names of the outputs that are asked for.
    """
    batches: dict[str, list[float]] = {name: [] for name in engines}
    singles: dict[str, list[float]] = {name: [] for name in engines}
    for number in range(ROUNDS + 1):
        for name, engine in engines.items():
            together = _seconds(engine, pixels, tasks)
            alone = [_seconds(engine, pixels[:1], tasks) for _ in range(SINGLES)]
            if number:  # the first time, memory is found and kernels are chosen
                batches[name].append(together)
                singles[name] += alone
    return {
        name: Rate(
            images_per_second=len(pixels) / statistics.median(batches[name]),
            milliseconds=1000 * statistics.median(singles[name]),
        )
        for name in engines
    }


def _seconds(engine: Engine, pixels: NDArray[np.uint8], tasks: list[str]) -> float:
    started = time.perf_counter()
    engine.run(pixels, tasks)
    return time.perf_counter() - started
