"""Masks as run lengths, as COCO's files keep them.

    {"size": [height, width], "counts": [6, 2, 4, ...]}      or packed:  "counts": "624..."

Counts are pixels of nothing, of the garment, of nothing, ..., down the columns from the left.
Packed, a count is a few letters of five bits each, lowest first, and from the third on the
difference from the last but one of its kind. Source: ``maskApi.c`` of cocodataset/cocoapi.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

#: The first letter of packed counts, and the bits of a letter: value, more to come, sign.
_FIRST, _VALUE, _MORE, _SIGN = 48, 0x1F, 0x20, 0x10


class RunLengths(NamedTuple):
    """A mask, as its file had it.

    Attributes:
        height: of the picture, in pixels.
        width: of the picture, in pixels.
        counts: run lengths, or a text that packs them.
    """

    height: int
    width: int
    counts: str | tuple[int, ...]

    def lengths(self) -> tuple[int, ...]:
        """The counts as numbers.

        Raises:
            ValueError: a text that packs none.
        """
        return unpacked(self.counts) if isinstance(self.counts, str) else self.counts

    def to_json(self) -> dict[str, Any]:
        """The mask as plain values, in COCO's form."""
        return {"size": [self.height, self.width], "counts": self.counts}


def run_lengths(value: Any) -> RunLengths:  # noqa: ANN401 - what JSON holds
    """A mask from plain values.

    Raises:
        ValueError: something else, or counts that do not fill the picture.
    """
    if not isinstance(value, dict) or not {"size", "counts"} <= value.keys():
        raise ValueError("no mask of size and counts")
    size, counts = value["size"], value["counts"]
    if not (isinstance(size, list) and len(size) == 2 and all(map(_is_count, size))):
        raise ValueError(f"a mask of size {size!r}")
    if isinstance(counts, list | tuple):
        if not all(map(_is_count, counts)):
            raise ValueError("counts that are no whole numbers from 0")
        counts = tuple(counts)
    elif not isinstance(counts, str):
        raise ValueError(f"counts {counts!r}")  # noqa: TRY004 - callers gather what was found
    mask = RunLengths(size[0], size[1], counts)
    total = sum(mask.lengths())
    if total != mask.height * mask.width:
        raise ValueError(f"counts of {total} pixels for a mask of {mask.height * mask.width}")
    return mask


def unpacked(text: str) -> tuple[int, ...]:
    """Counts that a text packs.

    Raises:
        ValueError: a text that packs none.
    """
    counts: list[int] = []
    value = bits = 0
    for letter in text:
        code = ord(letter) - _FIRST
        if not 0 <= code < 2 * _MORE:
            raise ValueError(f"counts packed with {letter!r}")
        value |= (code & _VALUE) << bits
        bits += 5
        if not code & _MORE:
            if code & _SIGN:
                value -= 1 << bits
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = bits = 0
    if bits or any(count < 0 for count in counts):
        raise ValueError("counts packed in a torn text")
    return tuple(counts)


def packed(counts: Sequence[int]) -> str:
    """Counts as a text that packs them; :func:`unpacked` takes it back."""
    letters: list[str] = []
    for place, count in enumerate(counts):
        value = count - counts[place - 2] if place > 2 else count
        more = True
        while more:
            code, value = value & _VALUE, value >> 5
            # What is left says nothing more than the sign, which is the letter's own highest bit.
            more = value != (-1 if code & _SIGN else 0)
            letters.append(chr(_FIRST + (code | _MORE if more else code)))
    return "".join(letters)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
