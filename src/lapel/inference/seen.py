"""Which pictures a model has seen, so that nobody judges it on them unawares.

A bundle keeps eight bytes of each picture's SHA-256, sorted: enough to tell, among a hundred
million pictures, each but one in a hundred thousand, and nothing to see a picture by.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

#: Split that a picture was seen in to the file of the bundle that tells.
SEEN_FILES: Mapping[str, str] = {
    "train": "seen.train.bin",
    "validation": "seen.validation.bin",
}


def seen_bytes(digests: Iterable[str]) -> bytes:
    """SHA-256 digests, in hexadecimal, as a bundle keeps them."""
    return np.unique(_prefixes(digests)).astype("<u8").tobytes()


def seen_digests(kept: bytes) -> list[str]:
    """What :func:`seen_bytes` kept, as the beginnings of digests, which it takes as well."""
    return [f"{number:016x}" for number in np.frombuffer(kept, "<u8").tolist()]


def which_seen(kept: bytes, digests: Iterable[str]) -> NDArray[np.bool_]:
    """Whether each of some pictures is among those that :func:`seen_bytes` kept, bool (N,)."""
    return np.isin(_prefixes(digests), np.frombuffer(kept, "<u8"))


def _prefixes(digests: Iterable[str]) -> NDArray[np.uint64]:
    return np.fromiter((int(digest[:16], 16) for digest in digests), np.uint64)
