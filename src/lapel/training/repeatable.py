"""Learning that is the same to the bit each time, on an accelerator too, where that is asked for.

On a CPU it always is, with as many threads. An accelerator adds up in whatever order its threads
end, unless torch is told to take operations that do not, some of which are slower:
https://docs.pytorch.org/docs/stable/notes/randomness.html
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

#: Where cuBLAS reads how much memory of its own to work in; without it, torch refuses to multiply
#: matrices on CUDA in deterministic mode. The value is the quicker of the two that it allows.
CUBLAS = ("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


@contextmanager
def repeatable(*, wanted: bool) -> Iterator[None]:
    """Refuse operations that are not the same each time, inside the block.

    Args:
        wanted: otherwise nothing is changed.

    Raises:
        RuntimeError: torch has no such form of an operation; inside the block, in torch's words.
    """
    if not wanted:
        yield
        return
    former = torch.are_deterministic_algorithms_enabled()
    only_warned = torch.is_deterministic_algorithms_warn_only_enabled()
    name, value = CUBLAS
    os.environ.setdefault(name, value)  # it is read when CUDA begins
    torch.use_deterministic_algorithms(mode=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(former, warn_only=only_warned)
