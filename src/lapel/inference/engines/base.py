"""The face of everything that runs a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lapel.schema.errors import BundleError


class Engine(Protocol):
    """A network ready to answer."""

    @property
    def names(self) -> tuple[str, ...]:
        """All outputs of the network, in its own order: one a task, and what else it shows."""
        ...

    @property
    def lanes(self) -> int:
        """Callers that are answered side by side, each by a core of its own; where it is 1 they
        wait for each other, and had better come with batches.
        """
        ...

    def run(
        self, pixels: NDArray[np.uint8], names: Sequence[str] | None = None
    ) -> dict[str, NDArray[np.float32]]:
        """Pixels (N, C, h, w) to arrays (N, ...): the outputs asked for, or all of them.

        Several threads may call it; some engines let them wait for each other.

        Raises:
            BundleError: pixels that the network does not take, or no output of a name.
        """
        ...


def checked_names(wanted: Sequence[str] | None, there: tuple[str, ...]) -> tuple[str, ...]:
    """The outputs that are asked for; all where nobody says.

    Raises:
        BundleError: the network has no output of a name.
    """
    names = there if wanted is None else tuple(wanted)
    missing = [name for name in names if name not in there]
    if missing:
        raise BundleError(
            f"the network has no output {missing[0]!r}; it has: {', '.join(there)}; "
            "export the model again"
        )
    return names


def wrong_pixels(pixels: NDArray[np.uint8], reason: object) -> BundleError:
    """What is raised where a network does not take pixels."""
    return BundleError(
        f"the network does not take pixels {pixels.dtype} {pixels.shape}: {reason}; "
        "export the model again"
    )


def one_by_one(pixels: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """Pictures (N, C, h, w) each for itself, (1, C, h, w)."""
    return [pixels[row : row + 1] for row in range(len(pixels))]


def joined(parts: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """One output of several runs, (n, ...) each, as one array (N, ...)."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
