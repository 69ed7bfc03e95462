"""Masks as Label Studio keeps what was painted: the bits of thi.ng's ``rle-pack``.

    32 bits    number of values: 4 x height x width (red, green, blue, alpha of each pixel)
     5 bits    bits of a value, less one: 7
    4 x 4 bits the widths of a run's length, less one each: 3, 4, 8, 16
    then runs: 1 bit   whether one value is repeated, or each stands for itself
               2 bits  which width
               width   length of the run, less one
               8 bits  the value; or as many values as the run is long

A pixel is painted where its alpha is not 0. Source: ``packages/rle-pack`` of thi-ng/umbrella, as
Label Studio 1.23's editor and converter read and write it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

#: Bits of the number of values, of a value's size, of a width, and of which width.
_COUNT, _SIZE, _WIDTH, _WHICH = 32, 5, 4, 2
_WIDTHS = (3, 4, 8, 16)
_CHANNELS = 4
_VALUE = 8
_LONGEST = 1 << _WIDTHS[-1]


def encode_brush(mask: NDArray[np.bool_]) -> list[int]:
    """A mask (H, W) as the bytes of ``rle-pack``, 255 where it is and 0 elsewhere."""
    lengths, values = _runs(np.asarray(mask, np.bool_).ravel())
    # A run beyond the widest length becomes several.
    parts = -(-lengths // _LONGEST)
    values = np.repeat(values, parts)
    last = lengths - (parts - 1) * _LONGEST
    lengths = np.full(int(parts.sum()), _LONGEST, np.int64)
    lengths[np.cumsum(parts) - 1] = last
    which = np.searchsorted(np.asarray([1 << width for width in _WIDTHS]), lengths)
    pieces = [f"{_CHANNELS * mask.size:032b}", f"{_VALUE - 1:05b}"]
    pieces += [f"{width - 1:04b}" for width in _WIDTHS]
    for length, value, place in zip(lengths.tolist(), values.tolist(), which.tolist(), strict=True):
        shown = "11111111" if value else "00000000"
        pieces.append(f"1{place:02b}{length - 1:0{_WIDTHS[place]}b}{shown}")
    bits = "".join(pieces)
    bits += "0" * (-len(bits) % 8)
    return list(int(bits, 2).to_bytes(len(bits) // 8, "big"))


def _runs(flat: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Lengths, in values, and what each run holds."""
    turns = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    edges = np.concatenate([[0], turns, [flat.size]]).astype(np.int64)
    return np.diff(edges) * _CHANNELS, flat[edges[:-1]]


def decode_brush(rle: Sequence[int] | bytes, height: int, width: int) -> NDArray[np.bool_]:
    """What the bytes of ``rle-pack`` paint of a picture.

    Args:
        rle: the bytes.
        height: of the picture, in pixels.
        width: of the picture, in pixels.

    Returns:
        bool (H, W).

    Raises:
        ValueError: bytes that are none, torn, or of a picture of another size.
    """
    try:
        bits = _Bits(bytes(rle))
    except (TypeError, ValueError) as error:
        raise ValueError("a brush of what are no bytes") from error
    count, size = bits.take(_COUNT), bits.take(_SIZE) + 1
    widths = [bits.take(_WIDTH) + 1 for _ in range(1 << _WHICH)]
    if count != _CHANNELS * height * width:
        raise ValueError(f"a brush of {count} values for a picture of {width} x {height} pixels")
    values = np.zeros(count, np.bool_)
    at = 0
    while at < count:
        repeated = bits.take(1)
        length = bits.take(widths[bits.take(_WHICH)]) + 1
        if at + length > count:
            raise ValueError("a brush that goes on beyond its picture")
        if repeated:
            values[at : at + length] = bits.take(size) > 0
        else:
            values[at : at + length] = [bits.take(size) > 0 for _ in range(length)]
        at += length
    return values.reshape(height, width, _CHANNELS)[..., -1].copy()


class _Bits:
    """Bytes bit by bit, the highest first."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> int:
        """The next bits as a number.

        Raises:
            ValueError: there are no more.
        """
        end = self._at + count
        if end > 8 * len(self._data):
            raise ValueError("a brush that is torn")
        first, last = self._at // 8, -(-end // 8)
        self._at = end
        return (int.from_bytes(self._data[first:last], "big") >> (8 * last - end)) & (
            (1 << count) - 1
        )
