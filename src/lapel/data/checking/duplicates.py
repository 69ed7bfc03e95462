"""Pictures that show the same, though their bytes differ: resized, recompressed, retouched.

Two looks. First a perceptual hash of 64 bits (the signs of the low frequencies of a 32 x 32
gray thumbnail against their median: "pHash", C. Zauner, 2010), compared pair by pair:
billions of pairs in seconds. Then, for pairs whose hashes are close, the mean difference of
two 16 x 16 thumbnails, since small garments on black often share a hash. On Fashion-MNIST,
195,000 pairs of test and train pass the first look and 57 both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lapel.data.progress import Track, silent

SIDE = 32
FREQUENCIES = 8

#: Most bits of 64 in which two hashes of one picture differ.
HASH_DISTANCE = 6
#: Largest mean difference of two thumbnails of one picture, in gray levels of 255.
MEAN_DIFFERENCE = 4.0
#: Pairs of pictures that are compared at once: hashes of 8 bytes fill 34 MB for a moment.
PAIRS_AT_ONCE = 2**22
CANDIDATES_AT_ONCE = 100_000
#: More pairs than these are counted no further: the first ones say it all.
PAIRS_LIMIT = 100_000

# Discrete cosine transform (type II), the first 8 of 32 frequencies: (8, 32).
_COSINES = np.cos(
    np.pi * np.arange(FREQUENCIES)[:, None] * (2 * np.arange(SIDE)[None] + 1) / (2 * SIDE)
).astype(np.float32)
_BITS = np.uint64(1) << np.arange(FREQUENCIES**2, dtype=np.uint64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What a picture is compared by.

    Attributes:
        bits: its perceptual hash.
        thumbnail: uint8 (16, 16), gray.
    """

    bits: np.uint64
    thumbnail: NDArray[np.uint8]


def signature(pixels: NDArray[np.uint8]) -> Signature:
    """The signature of a picture, uint8 (H, W, 3)."""
    gray = Image.fromarray(pixels).convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
    values = np.asarray(gray, np.float32)
    # Rounded, so that a picture of one colour has no frequencies instead of rounding errors.
    frequencies = (_COSINES @ values @ _COSINES.T).round(2).ravel()
    above = frequencies > np.median(frequencies[1:])
    halved = values.reshape(SIDE // 2, 2, SIDE // 2, 2).mean(axis=(1, 3))
    return Signature(bits=_BITS[above].sum(dtype=np.uint64), thumbnail=halved.astype(np.uint8))


@dataclass(frozen=True, slots=True, kw_only=True)
class Signatures:
    """Signatures of many pictures.

    Attributes:
        bits: uint64 (N,).
        thumbnails: uint8 (N, 256).
    """

    bits: NDArray[np.uint64]
    thumbnails: NDArray[np.uint8]

    @classmethod
    def of(cls, signatures: list[Signature]) -> Signatures:
        """Many signatures in arrays."""
        thumbnails = np.zeros((len(signatures), (SIDE // 2) ** 2), np.uint8)
        for row, one in enumerate(signatures):
            thumbnails[row] = one.thumbnail.ravel()
        bits = np.array([one.bits for one in signatures], np.uint64)
        return cls(bits=bits, thumbnails=thumbnails)

    def rows(self, chosen: NDArray[np.int64]) -> Signatures:
        """The signatures of some rows."""
        return Signatures(bits=self.bits[chosen], thumbnails=self.thumbnails[chosen])


def near_pairs(
    first: Signatures, second: Signatures, *, track: Track = silent
) -> list[tuple[int, int, float]]:
    """Pairs of one picture of each set that show the same.

    Returns:
        Row in the first, row in the second, mean difference in gray levels; the closest
        pairs first, at most ``PAIRS_LIMIT``.
    """
    found: list[tuple[int, int, float]] = []
    rows = max(1, PAIRS_AT_ONCE // max(1, len(second.bits)))
    starts = range(0, len(first.bits), rows)
    for start in track(starts, len(starts), "Comparing pictures"):
        block = slice(start, start + rows)
        found += _near_in_block(first, second, block, PAIRS_LIMIT - len(found))
        if len(found) >= PAIRS_LIMIT:
            break
    return sorted(found, key=lambda pair: (pair[2], pair[0], pair[1]))


def _near_in_block(
    first: Signatures, second: Signatures, block: slice, limit: int
) -> list[tuple[int, int, float]]:
    bits = first.bits[block, None]
    rows, columns = np.nonzero(np.bitwise_count(bits ^ second.bits[None]) <= HASH_DISTANCE)
    found: list[tuple[int, int, float]] = []
    for part in _slices(len(rows)):
        left, right = rows[part] + block.start, columns[part]
        apart = np.abs(first.thumbnails[left].astype(np.int16) - second.thumbnails[right])
        means = apart.mean(axis=1)
        near = np.flatnonzero(means <= MEAN_DIFFERENCE)
        found += [(int(left[i]), int(right[i]), float(means[i])) for i in near]
        if len(found) >= limit:
            return found[:limit]
    return found


def _slices(count: int) -> Iterator[slice]:
    for start in range(0, count, CANDIDATES_AT_ONCE):
        yield slice(start, start + CANDIDATES_AT_ONCE)
