"""Pictures looked at side by side: each by a thread of its own, a few at a time.

Cores that share one picture, or one batch, wait for each other after every layer, and what a
batch makes of a layer does not fit their caches. A core that looks at one picture does neither:
here two of them are up to twice as fast as both on a batch (docs/engines.md). A picture that comes
alone is better shared by all cores.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

#: Pixels of the pictures that a core looks at together: one of 224 x 224, a few hundred tiny ones,
#: for which the call would cost more than the work.
PIXELS_TOGETHER = 1 << 16

#: Arrays of all outputs that were asked for, in their order, each (n, ...).
Outputs = list[NDArray[np.float32]]

#: Bytes that the networks of all threads may take, where each needs one of its own.
NETWORKS_SIZE = 1 << 30


def lanes(threads: int, *, size: int) -> int:
    """So many of some threads can each have a network of their own.

    Args:
        threads: that there are.
        size: of a network in bytes.
    """
    return max(1, min(threads, NETWORKS_SIZE // max(1, size)))


class SideBySide:
    """Threads for a network's pictures, started when they are first needed."""

    def __init__(self, lanes: int) -> None:
        """Have so many threads at most, one a core."""
        self._lanes = lanes
        self._pool = ThreadPoolExecutor(max_workers=lanes, thread_name_prefix="lapel-engine")

    def suits(self, pixels: NDArray[np.uint8]) -> bool:
        """Whether pictures (N, C, h, w) are enough for more than one thread."""
        together = looked_at_together(*pixels.shape[-2:])
        return self._lanes > 1 and len(pixels) > max(1, together // 2)

    def run(
        self, look: Callable[[NDArray[np.uint8]], Outputs], pixels: NDArray[np.uint8]
    ) -> Outputs:
        """Let all threads look, and put together what they found.

        Args:
            look: from some of the pictures (n, C, h, w) to their outputs; several threads call it.
            pixels: of all pictures, uint8 (N, C, h, w).
        """
        together = looked_at_together(*pixels.shape[-2:])
        step = min(together, -(-len(pixels) // self._lanes))
        parts = [pixels[first : first + step] for first in range(0, len(pixels), step)]
        found = list(self._pool.map(look, parts))
        return [np.concatenate(outputs) for outputs in zip(*found, strict=True)]


def looked_at_together(height: int, width: int) -> int:
    """Pictures of a size that one core had better look at together, 1 or more."""
    return max(1, PIXELS_TOGETHER // max(1, height * width))
