"""Where what a network computes has to be the same each time, and torch's usual form of it is not.

A recipe asks for it (``deterministic``, see ``lapel.training.repeatable``). torch then refuses, on
CUDA, operations that have no such form; those of ours have another one, which is taken there alone:
its numbers differ in their last digits, and it may be slower.
"""

from __future__ import annotations

import torch
from torch import Tensor


def only_repeatable(values: Tensor) -> bool:
    """Whether operations on these values that are not the same each time are refused.

    On a CPU all of ours are the same each time, in their usual form.
    """
    return values.is_cuda and torch.are_deterministic_algorithms_enabled()
