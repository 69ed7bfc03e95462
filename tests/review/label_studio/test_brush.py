"""Masks in the bits that Label Studio's editor paints in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lapel.review.label_studio.brush import decode_brush, encode_brush


def bits(rle: list[int]) -> str:
    return "".join(f"{one:08b}" for one in rle)


@given(arrays(np.bool_, st.tuples(st.integers(1, 40), st.integers(1, 40))))
def test_a_mask_comes_back(mask: np.ndarray) -> None:
    assert np.array_equal(decode_brush(encode_brush(mask), *mask.shape), mask)


def test_runs_longer_than_the_widest_length() -> None:
    mask = np.zeros((300, 301), np.bool_)
    mask[150:] = True
    rle = encode_brush(mask)
    assert len(rle) < 40
    assert np.array_equal(decode_brush(bytes(rle), 300, 301), mask)


def test_the_bits_are_those_of_rle_pack() -> None:
    # One painted pixel: 4 values, words of 8 bits, widths 3, 4, 8, 16, one run of four times 255.
    assert bits(encode_brush(np.ones((1, 1), np.bool_))) == (
        f"{4:032b}" + f"{7:05b}" + "0010" + "0011" + "0111" + "1111" + "1" + "00" + "011" + "1" * 8
    ).ljust(72, "0")


def test_values_that_stand_each_for_itself_and_half_seen_colours() -> None:
    # As the editor writes a pixel of its label's colour with alpha 128 beside one unpainted.
    values = [230, 159, 0, 128, 0, 0, 0, 0]
    text = f"{8:032b}" + f"{7:05b}" + "0010" + "0011" + "0111" + "1111"
    text += "0" + "00" + f"{7:03b}" + "".join(f"{value:08b}" for value in values)
    text = text.ljust(-(-len(text) // 8) * 8, "0")
    rle = [int(text[first : first + 8], 2) for first in range(0, len(text), 8)]
    assert decode_brush(rle, 1, 2).tolist() == [[True, False]]


@pytest.mark.parametrize(
    ("rle", "says"),
    [
        ([], "torn"),
        ([0, 0, 0], "torn"),
        (encode_brush(np.ones((9, 9), np.bool_))[:-2], "torn"),
        (encode_brush(np.ones((9, 8), np.bool_)), "a picture of 9 x 9 pixels"),
        ([256] * 20, "no bytes"),
        (["a"] * 20, "no bytes"),
        (encode_brush(np.ones((9, 9), np.bool_))[:8] + [255] * 20, "beyond its picture"),
    ],
)
def test_what_is_no_brush(rle: list[int], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        decode_brush(rle, 9, 9)
