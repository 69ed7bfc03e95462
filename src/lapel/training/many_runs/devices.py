"""The accelerators of this machine, as processes are told of them."""

from __future__ import annotations

import os

import torch


def available_devices() -> list[str]:
    """Values of ``CUDA_VISIBLE_DEVICES``, one an accelerator; an empty text where there is none."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    if named:
        return [name.strip() for name in named.split(",")]
    return [str(number) for number in range(torch.cuda.device_count())] or [""]
