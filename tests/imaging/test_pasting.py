"""Small masks over their photos, and garments on the canvas: sizes and places to the pixel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lapel.imaging.outlines import mask_from, run_lengths_of
from lapel.imaging.pasting import pasted
from lapel.imaging.placing import garment_on_canvas
from lapel.imaging.preprocess import Fit, Preprocess
from lapel.schema.garments import Garment
from lapel.schema.geometry import Box


def slowly(
    chances: NDArray[np.float32], box: tuple[float, ...], width: int, height: int
) -> NDArray[np.bool_]:
    """The same pixel by pixel."""
    rows, columns = chances.shape
    mask = np.zeros((height, width), np.bool_)
    for y in range(height):
        for x in range(width):
            if not (box[0] <= x + 0.5 < box[2] and box[1] <= y + 0.5 < box[3]):
                continue
            u = (x + 0.5 - box[0]) / (box[2] - box[0]) * columns - 0.5
            v = (y + 0.5 - box[1]) / (box[3] - box[1]) * rows - 0.5
            left, top = int(np.floor(u)), int(np.floor(v))
            value = 0.0
            for i, wy in ((top, 1 - (v - top)), (top + 1, v - top)):
                for j, wx in ((left, 1 - (u - left)), (left + 1, u - left)):
                    at = chances[min(max(i, 0), rows - 1), min(max(j, 0), columns - 1)]
                    value += wy * wx * float(at)
            mask[y, x] = value >= 0.5
    return mask


@settings(max_examples=60, deadline=None)
@given(
    size=st.tuples(st.integers(1, 24), st.integers(1, 24)),
    corner=st.tuples(st.floats(-12, 20), st.floats(-12, 20)),
    extent=st.tuples(st.floats(0.3, 40), st.floats(0.3, 40)),
    seed=st.integers(0, 1000),
)
def test_a_mask_is_laid_over_its_box(
    size: tuple[int, int], corner: tuple[float, float], extent: tuple[float, float], seed: int
) -> None:
    width, height = size
    # Chances away from one half: sums in another order may fall on either side of it.
    chances = np.random.default_rng(seed).choice([0.0, 1.0], (7, 5)).astype(np.float32)
    box = (*corner, corner[0] + extent[0], corner[1] + extent[1])
    mask = pasted(chances, box, width, height)
    assert (mask.width, mask.height) == size
    assert sum(mask.lengths()) == width * height
    # As whoever packs the whole mask writes it.
    whole = mask_from(mask)
    assert mask == run_lengths_of(whole)
    expected = slowly(chances, box, width, height)
    assert (whole != expected).mean() < 0.08


def test_an_even_mask_fills_its_box_exactly() -> None:
    ones = np.ones((28, 28), np.float32)
    for size in ((1, 1), (40, 30), (300, 2), (2, 300)):
        width, height = size
        box = (width * 0.25, height * 0.25, width * 0.75, height * 0.75)
        mask = mask_from(pasted(ones, box, width, height))
        columns, rows = (np.arange(side) + 0.5 for side in size)
        inside = (columns >= box[0]) & (columns < box[2])
        np.testing.assert_array_equal(
            mask, inside[None] & ((rows >= box[1]) & (rows < box[3]))[:, None]
        )
    for nowhere in ((50.0, 0.0, 60.0, 10.0), (-9.0, -9.0, 0.0, 0.0), (5.0, 5.0, 5.0, 9.0)):
        assert not mask_from(pasted(ones, nowhere, 40, 30)).any()


def test_a_photo_of_twelve_million_pixels_costs_its_box_alone() -> None:
    mask = pasted(np.ones((28, 28), np.float32), (3000.0, 2000.0, 3100.0, 2050.0), 4000, 3000)
    assert sum(mask.lengths()[1::2]) == 100 * 50
    full = pasted(np.ones((28, 28), np.float32), (10.0, -5.0, 20.0, 3005.0), 4000, 3000)
    assert full.lengths() == (30_000, 30_000, 4000 * 3000 - 60_000)


@pytest.mark.parametrize("fit", ["letterbox", "stretch", "crop"])
def test_a_garment_lies_where_the_canvas_shows_it(fit: Fit) -> None:
    preprocess = Preprocess(
        height=40,
        width=48,
        channels=3,
        fit=fit,
        mean=(0.5,) * 3,
        std=(0.5,) * 3,
    )
    width, height = 90, 61
    mask = np.zeros((height, width), np.bool_)
    mask[20:41, 30:61] = True
    garment = Garment(
        part="top",
        box=(30.0, 20.0, 31.0, 21.0),
        points=((30.0, 20.0), None, (61.0, 41.0)),
        hidden=(2,),
        outlines=(((30.0, 20.0), (61.0, 20.0), (61.0, 41.0), (30.0, 41.0)),),
        mask=run_lengths_of(mask),
    )
    frame = preprocess.frame(width, height)
    shown = garment_on_canvas(garment, frame)
    white = (mask * np.uint8(255))[..., None].repeat(3, axis=-1)
    pixels = preprocess.apply(white).pixels[0] > 127
    assert shown.mask is not None
    assert (mask_from(shown.mask) != pixels).sum() <= pixels.sum() * 0.06 + 4
    assert shown.box is not None
    x, y = (np.flatnonzero(pixels.any(axis=axis)) for axis in (0, 1))
    edges = (x[0], y[0], x[-1] + 1, y[-1] + 1)
    box = Box(*shown.box)
    np.testing.assert_allclose((box.left, box.top, box.right, box.bottom), edges, atol=1)
    back = frame.placement.to_original(np.array([shown.points[0], shown.points[2]], np.float64))
    np.testing.assert_allclose(back, [(30, 20), (61, 41)], atol=1e-9)
    assert shown.points[1] is None
    assert shown.hidden == (2,)


def test_what_the_canvas_does_not_show_has_no_box() -> None:
    preprocess = Preprocess(
        height=32, width=32, channels=3, fit="crop", mean=(0.5,) * 3, std=(0.5,) * 3
    )
    frame = preprocess.frame(200, 50)
    assert garment_on_canvas(Garment(part="", box=(0, 0, 20, 50)), frame).box is None
    half = garment_on_canvas(Garment(part="", box=(0, 0, 100, 50)), frame).box
    assert half is not None
    np.testing.assert_allclose(half, (0, 0, 16, 32))
