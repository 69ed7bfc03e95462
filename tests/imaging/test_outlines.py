"""Outlines, run lengths and masks, against pycocotools and against one another."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pycocotools import mask as coco

from lapel.imaging.outlines import (
    EVEN_ODD,
    FILL,
    encloses,
    garment_mask,
    mask_box,
    mask_from,
    polygon_mask,
    run_lengths_of,
)
from lapel.schema.garments import Garment
from lapel.schema.geometry import Box
from lapel.schema.run_lengths import RunLengths, run_lengths

#: What pycocotools 2.0 does to every numpy from 2 on.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SIDES = st.integers(1, 40)


@st.composite
def masks(draw: st.DrawFn) -> NDArray[np.bool_]:
    """Masks of all sizes, with few runs or many, and those that are all or nothing."""
    height, width = draw(SIDES), draw(SIDES)
    share = draw(st.sampled_from((0.0, 0.05, 0.5, 0.95, 1.0)))
    noise = np.random.default_rng(draw(st.integers(0, 2**32))).random((height, width))
    return noise < share


@st.composite
def polygons(draw: st.DrawFn) -> tuple[list[list[tuple[float, float]]], int, int]:
    """Some polygons, also over the edge and through themselves, and the size of a picture."""
    width, height = draw(SIDES), draw(SIDES)
    place = st.floats(-5, 45, allow_nan=False, width=32)
    outline = st.lists(st.tuples(place, place), min_size=3, max_size=9)
    return draw(st.lists(outline, min_size=1, max_size=3)), width, height


def encoded(mask: NDArray[np.bool_]) -> Any:
    return coco.encode(np.asfortranarray(mask, np.uint8))


@given(masks())
def test_run_lengths_are_those_of_pycocotools(mask: NDArray[np.bool_]) -> None:
    found, wanted = run_lengths_of(mask), encoded(mask)
    assert [found.height, found.width] == wanted["size"]
    assert found.counts == wanted["counts"].decode()
    assert (mask_from(found) == mask).all()
    plain = RunLengths(found.height, found.width, found.lengths())
    assert (mask_from(plain) == mask).all()
    assert run_lengths(found.to_json()) == found


@given(masks())
def test_areas_and_boxes_are_those_of_pycocotools(mask: NDArray[np.bool_]) -> None:
    wanted = encoded(mask)
    assert mask.sum() == coco.area(wanted)
    box = mask_box(mask)
    if box is None:
        assert not mask.any()
    else:
        assert tuple(box) == tuple(coco.toBbox(wanted))


@given(polygons())
def test_outlines_hold_what_pycocotools_says(
    drawn: tuple[list[list[tuple[float, float]]], int, int],
) -> None:
    outlines, width, height = drawn
    flat = [[value for corner in outline for value in corner] for outline in outlines]
    wanted = coco.decode(coco.merge(coco.frPyObjects(flat, height, width)))
    found = polygon_mask(outlines, width, height)
    assert found.dtype == np.bool_
    assert (found == wanted.astype(bool)).all()
    # What became a mask becomes run lengths and a mask again.
    assert (mask_from(run_lengths_of(found)) == found).all()


def test_an_outline_within_another_is_a_hole_by_even_and_odd() -> None:
    ring = [[(1, 1), (9, 1), (9, 9), (1, 9)], [(3, 3), (6, 3), (6, 6), (3, 6)]]
    whole, holed = polygon_mask(ring, 12, 10), polygon_mask(ring, 12, 10, even_odd=True)
    assert whole.sum() == 64
    assert holed.sum() == 64 - 9
    assert not holed[3:6, 3:6].any()
    garment = Garment(outlines=tuple(map(tuple, ring)), facts={FILL: EVEN_ODD})
    found = garment_mask(garment, 12, 10)
    assert found is not None
    assert (found == holed).all()


def test_a_box_in_the_guise_of_an_outline_is_none() -> None:
    # pycocotools would take four numbers for left, top, width, height.
    assert not polygon_mask([[(1, 1), (5, 5)]], 10, 10).any()
    assert polygon_mask([], 3, 4).shape == (4, 3)
    far = polygon_mask([[(-1e9, -1e9), (1e9, -1e9), (1e9, 1e9), (-1e9, 1e9)]], 4, 3)
    assert far.all()


def test_a_garment_without_a_shape_has_no_mask() -> None:
    assert garment_mask(Garment(box=(1, 1, 3, 3)), 9, 9) is None
    assert garment_mask(Garment(outlines=(((1, 1), (2, 2)),)), 9, 9) is None
    found = garment_mask(Garment(mask=RunLengths(2, 3, (2, 4))), 3, 2)
    assert found is not None
    assert found.tolist() == [[False, True, True], [False, True, True]]
    with pytest.raises(ValueError, match="a mask of 3 x 2 pixels, expected the picture's 4 x 2"):
        garment_mask(Garment(mask=RunLengths(2, 3, (2, 4))), 4, 2)


@pytest.mark.parametrize("counts", [(2, 3), (2, 5), (7, -1), "2", (6, 10**18)])
def test_counts_that_do_not_fill_the_picture_are_refused(counts: str | tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="found counts of"):
        mask_from(RunLengths(2, 3, counts))


def test_what_lies_on_a_line_encloses_nothing() -> None:
    assert encloses([(0, 0), (4, 0), (0, 3)])
    assert encloses([(1, 1), (1, 1), (5, 1), (5, 2)])
    assert not encloses([(0, 0), (1, 1), (2, 2), (5, 5)])
    assert not encloses([(3, 3), (3, 3), (3, 3)])
    assert not encloses([(0, 0), (4, 4)])
    assert mask_box(np.zeros((3, 3), bool)) is None
    assert mask_box(np.ones((3, 2), bool)) == Box(0, 0, 2, 3)


def test_run_lengths_need_no_pycocotools_and_outlines_name_what_they_need() -> None:
    code = (
        "import sys; sys.modules['pycocotools'] = None\n"
        "import numpy as np\n"
        "from lapel.imaging.outlines import mask_from, polygon_mask, run_lengths_of\n"
        "assert mask_from(run_lengths_of(np.eye(4) > 0)).sum() == 4\n"
        "polygon_mask([[(0, 0), (3, 0), (3, 3)]], 4, 4)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    said = done.stderr.strip().splitlines()[-1]
    assert "Outlines as masks needs the extra 'data': pip install 'lapel[data]'" in said
