"""Whether bfloat16 learns quicker than float32 on this machine with this network: measured."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from lapel.models.multitask import Network

#: The first of them warms up; of the others, taking turns, the quickest counts: what else the
#: machine does then matters little.
MEASURED_STEPS = 6

#: Of a picture of 224 x 224, a few are enough; small ones need many to fill a step.
MEASURED_PIXELS = 8 * 224 * 224

#: Of the largest: layers that normalise over a batch take no single picture.
FEWEST = 2

#: bfloat16 has to be quicker by this factor, as it costs a little precision.
WORTH_IT = 1.1

#: From pictures, or what was made of them, to outputs.
Answer = Callable[[Tensor], dict[str, Tensor]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How quickly something learns here.

    Attributes:
        precision: the quicker one.
        pictures_per_second: forwards and backwards.
    """

    precision: torch.dtype
    pictures_per_second: float


def choose_precision(network: Network, pixels: Tensor, wanted: str) -> torch.dtype:
    """The precision that a recipe names, or with ``auto`` the quicker one here.

    Args:
        network: is not changed.
        pixels: as many training pictures as :func:`measured_on` says, uint8 (n, C, H, W).
        wanted: ``auto``, ``float32`` or ``bfloat16``.
    """
    if wanted != "auto":
        return torch.bfloat16 if wanted == "bfloat16" else torch.float32
    return pace_of(copy.deepcopy(network).train().trial, pixels, wanted).precision


def measured_on(height: int, width: int) -> int:
    """On how many pictures of a size the speed of learning is measured."""
    return max(FEWEST, MEASURED_PIXELS // (height * width))


def pace_of(answer: Answer, inputs: Tensor, wanted: str, steps: int = MEASURED_STEPS) -> Pace:
    """How quickly a network learns on some inputs.

    Args:
        answer: may change: statistics of its norm layers do.
        inputs: as it takes them, (n, ...).
        wanted: ``auto``, ``float32`` or ``bfloat16``.
        steps: measured of each precision, the first of which warms up.
    """
    choices = {"float32": [False], "bfloat16": [True]}.get(wanted, [False, True])
    turns = [
        [_seconds(answer, inputs, bfloat16=choice) for choice in choices] for _ in range(steps)
    ]
    quickest = [min(times) for times in zip(*turns[1:], strict=True)]
    bfloat16 = quickest[0] > WORTH_IT * quickest[1] if len(choices) > 1 else choices[0]
    return Pace(
        precision=torch.bfloat16 if bfloat16 else torch.float32,
        pictures_per_second=len(inputs) / quickest[-1 if bfloat16 else 0],
    )


def _seconds(answer: Answer, inputs: Tensor, *, bfloat16: bool) -> float:
    """Seconds of one forward and backward pass."""
    wait_for(inputs)
    started = time.perf_counter()
    with torch.autocast(inputs.device.type, torch.bfloat16, enabled=bfloat16):
        outputs = answer(inputs)
        total = torch.stack([output.float().square().mean() for output in outputs.values()])
    total.sum().backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
    wait_for(inputs)
    return time.perf_counter() - started


def wait_for(inputs: Tensor) -> None:
    """Wait until an accelerator on which tensors lie has done what it was told; a CPU has."""
    if inputs.device.type == "cuda":
        torch.cuda.synchronize(inputs.device)
