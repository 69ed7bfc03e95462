"""Masks as COCO's files keep them."""

from __future__ import annotations

import numpy as np
import pytest
from garment_writers import column_lengths
from hypothesis import given
from hypothesis import strategies as st

from lapel.schema.run_lengths import RunLengths, packed, run_lengths, unpacked


def test_a_mask_that_pycocotools_packed_is_unpacked() -> None:
    # A pixel and a rectangle in 9 x 10 pixels, as public examples of pycocotools have it.
    assert unpacked("61X13mN000`0") == (6, 1, 40, 4, 5, 4, 5, 4, 21)
    assert packed([6, 1, 40, 4, 5, 4, 5, 4, 21]) == "61X13mN000`0"


@given(st.lists(st.integers(0, 100_000), max_size=30))
def test_what_is_packed_comes_back(lengths: list[int]) -> None:
    assert unpacked(packed(lengths)) == tuple(lengths)


def test_a_mask_is_read_in_both_forms() -> None:
    mask = np.zeros((4, 6), bool)
    mask[1:3, 2:5] = True
    lengths = column_lengths(mask)
    assert lengths == [9, 2, 2, 2, 2, 2, 5]
    plain = run_lengths({"size": [4, 6], "counts": lengths})
    short = run_lengths({"size": [4, 6], "counts": packed(lengths)})
    assert plain == RunLengths(4, 6, tuple(lengths))
    assert short.lengths() == plain.counts
    assert run_lengths(short.to_json()) == short


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ([], "no mask of size and counts"),
        ({"size": [4], "counts": [4]}, "a mask of size"),
        ({"size": [4, 6], "counts": 7}, "counts 7"),
        ({"size": [4, 6], "counts": [24.0]}, "no whole numbers"),
        ({"size": [4, 6], "counts": [9, 2]}, "counts of 11 pixels for a mask of 24"),
        ({"size": [4, 6], "counts": "\n"}, "counts packed with"),
        ({"size": [4, 6], "counts": "h"}, "a torn text"),
    ],
)
def test_what_is_no_mask_is_refused(value: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        run_lengths(value)
