"""Whether bfloat16 learns quicker than float32 on this machine with this network: measured."""

from __future__ import annotations

import copy
import time

import torch
from torch import Tensor

from lapel.models.multitask import Network

#: The first of them warms up; of the others, taking turns, the quickest counts: what else the
#: machine does then matters little.
MEASURED_STEPS = 6

#: Of a picture of 224 x 224, a few are enough; small ones need many to fill a step.
MEASURED_PIXELS = 8 * 224 * 224

#: bfloat16 has to be quicker by this factor, as it costs a little precision.
WORTH_IT = 1.1


def choose_precision(network: Network, pixels: Tensor, wanted: str) -> torch.dtype:
    """The precision that a recipe names, or with ``auto`` the quicker one here.

    Args:
        network: is not changed.
        pixels: some training pictures, uint8 (n, C, H, W).
        wanted: ``auto``, ``float32`` or ``bfloat16``.
    """
    if wanted != "auto":
        return torch.bfloat16 if wanted == "bfloat16" else torch.float32
    trial = copy.deepcopy(network).train()
    pixels = pixels[: max(1, MEASURED_PIXELS // pixels[0, 0].numel())]
    turns = [
        [_seconds(trial, pixels, bfloat16=bfloat16) for bfloat16 in (False, True)]
        for _ in range(MEASURED_STEPS)
    ]
    full, half = (min(times) for times in zip(*turns[1:], strict=True))
    return torch.bfloat16 if full > WORTH_IT * half else torch.float32


def _seconds(network: Network, pixels: Tensor, *, bfloat16: bool) -> float:
    """Seconds of one forward and backward pass."""
    _wait(pixels)
    started = time.perf_counter()
    with torch.autocast(pixels.device.type, torch.bfloat16, enabled=bfloat16):
        outputs = network(pixels)
        total = torch.stack([output.float().square().mean() for output in outputs.values()])
    total.sum().backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
    _wait(pixels)
    return time.perf_counter() - started


def _wait(pixels: Tensor) -> None:
    if pixels.device.type == "cuda":
        torch.cuda.synchronize(pixels.device)
