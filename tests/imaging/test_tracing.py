"""Outlines traced round masks: COCO's code makes the same masks of them again."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lapel.imaging.outlines import polygon_mask
from lapel.imaging.tracing import outlines_of


def mask_of(*rows: str) -> NDArray[np.bool_]:
    return np.array([[letter == "#" for letter in row] for row in rows])


@st.composite
def masks(draw: st.DrawFn) -> NDArray[np.bool_]:
    """From hardly anything to nearly all of a small picture, in patches or as noise."""
    width, height = draw(st.integers(1, 24)), draw(st.integers(1, 24))
    coarse = draw(st.sampled_from([1, 2, 5]))
    chance = np.random.default_rng(draw(st.integers(0, 2**32)))
    small = chance.random((-(-height // coarse), -(-width // coarse)))
    found = small < draw(st.floats(0.02, 0.98))
    return np.kron(found, np.ones((coarse, coarse), bool))[:height, :width]


@settings(max_examples=300, deadline=None)
@given(mask=masks())
def test_a_mask_comes_back_from_its_outlines(mask: NDArray[np.bool_]) -> None:
    height, width = mask.shape
    assert (polygon_mask(outlines_of(mask), width, height) == mask).all()


def test_a_rectangle_is_its_four_corners() -> None:
    found = outlines_of(mask_of("....", ".##.", ".##.", ".##."))
    assert [set(one) for one in found] == [{(1, 1), (3, 1), (3, 4), (1, 4)}]
    assert len(found[0]) == 4


def test_nothing_has_no_outline() -> None:
    assert outlines_of(np.zeros((3, 5), bool)) == ()


def test_what_touches_at_a_corner_is_apart() -> None:
    assert len(outlines_of(mask_of("#.", ".#"))) == 2


def test_a_hole_parts_what_has_it() -> None:
    mask = mask_of("#####", "#.#.#", "#####")
    found = outlines_of(mask)
    assert len(found) == 3
    # Parts of one garment, none within another: all that any of them holds is the mask.
    total = np.sum([polygon_mask([one], 5, 3) for one in found], axis=0)
    assert (total == mask).all()


def test_a_garment_of_a_large_photo_is_traced_too() -> None:
    y, x = np.mgrid[:1500, :1000]
    ring = np.hypot(x - 500, y - 700)
    mask = (ring < 450) & (ring > 200)
    assert (polygon_mask(outlines_of(mask), 1000, 1500) == mask).all()
