"""Every point finds its way back, and lies where the pixels are: under boxes, fits, EXIF."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from lapel.imaging.decode import ORIENTATION_TAG
from lapel.imaging.preprocess import Prepared, Preprocess
from lapel.schema.geometry import Box

FITS = ("letterbox", "stretch", "crop")

#: How a picture is stored so that a reader who obeys the tag sees it upright (CIPA DC-008).
STORED: dict[int, Any] = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def shown(**options: Any) -> Preprocess:
    values = {"height": 48, "width": 64, "channels": 3, "fit": "letterbox", "crop_to_box": True}
    return Preprocess(**{**values, "mean": (0.5,) * 3, "std": (0.5,) * 3, **options})


def dotted(width: int, height: int, x: float, y: float, spread: float) -> NDArray[np.uint8]:
    """A dark picture with one bright dot around a place."""
    rows, columns = np.mgrid[0:height, 0:width] + 0.5
    light = 255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * spread**2))
    return np.repeat(light.round().astype(np.uint8)[..., None], 3, axis=-1)


def middle_of_light(prepared: Prepared) -> NDArray[np.float64]:
    """Where the light of the canvas has its middle, led back to the original."""
    light = np.maximum(prepared.pixels[0].astype(np.float64) - 12, 0)
    rows, columns = np.mgrid[0 : light.shape[0], 0 : light.shape[1]] + 0.5
    assert light.sum() > 0, "the dot is not on the canvas"
    middle = np.array([(columns * light).sum(), (rows * light).sum()]) / light.sum()
    return prepared.placement.to_original(middle)


boxes = st.one_of(
    st.none(),
    st.tuples(st.floats(-0.2, 0.8), st.floats(-0.2, 0.8), st.floats(0.1, 1.2), st.floats(0.1, 1.2)),
)


@given(
    size=st.tuples(st.integers(1, 4000), st.integers(1, 4000)),
    canvas=st.tuples(st.integers(1, 400), st.integers(1, 400)),
    fit=st.sampled_from(FITS),
    part=boxes,
    margin=st.floats(0, 0.5),
    place=st.tuples(st.floats(-0.5, 1.5), st.floats(-0.5, 1.5)),
)
def test_points_lead_back_exactly(
    size: tuple[int, int],
    canvas: tuple[int, int],
    fit: str,
    part: tuple[float, float, float, float] | None,
    margin: float,
    place: tuple[float, float],
) -> None:
    width, height = size
    options = shown(width=canvas[0], height=canvas[1], fit=fit, box_margin=margin)
    box = part and Box(part[0] * width, part[1] * height, part[2] * width, part[3] * height)
    frame = options.frame(width, height, box)
    point = np.array([place[0] * width, place[1] * height])
    back = frame.placement.to_original(frame.placement.to_model(point))
    np.testing.assert_allclose(back, point, rtol=0, atol=1e-6)
    # Whatever the box, what the canvas shows is a part of the picture.
    corners = frame.placement.to_original(np.array([[0.0, 0.0], canvas]))
    seen = np.clip(corners, 0, size)
    assert (seen[1] - seen[0] > 0).all()
    assert frame.box == (box or Box(0, 0, width, height))


@settings(deadline=None, max_examples=60)
@given(
    size=st.tuples(st.integers(100, 160), st.integers(100, 160)),
    fit=st.sampled_from(FITS),
    margin=st.sampled_from((0.0, 0.1)),
    corner=st.tuples(st.floats(0.0, 0.4), st.floats(0.0, 0.4)),
    extent=st.tuples(st.floats(0.45, 0.6), st.floats(0.45, 0.6)),
    place=st.tuples(st.floats(0.4, 0.6), st.floats(0.4, 0.6)),
)
def test_a_dot_lies_where_its_frame_says(
    size: tuple[int, int],
    fit: str,
    margin: float,
    corner: tuple[float, float],
    extent: tuple[float, float],
    place: tuple[float, float],
) -> None:
    width, height = size
    box = Box(corner[0] * width, corner[1] * height, extent[0] * width, extent[1] * height)
    x, y = box.left + place[0] * box.width, box.top + place[1] * box.height
    options = shown(fit=fit, box_margin=margin)
    # Wide enough to be resampled without a trace of the grid, narrow enough to be seen whole.
    prepared = options.apply(dotted(width, height, x, y, 0.06 * min(box.width, box.height)), box)
    np.testing.assert_allclose(middle_of_light(prepared), (x, y), atol=0.6)
    # The frame that is told without pixels is the one that they have.
    assert prepared.frame == options.frame(width, height, box)


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("reduced", [False, True])
@pytest.mark.parametrize("box", [None, Box(60, 30, 160, 130)])
def test_a_turned_photo_has_its_dot_in_its_place(
    orientation: int, box: Box | None, *, reduced: bool
) -> None:
    x, y = 150.0, 70.0
    upright = Image.fromarray(dotted(320, 240, x, y, 8.0))
    turn = STORED[orientation]
    stored = upright if turn is None else upright.transpose(turn)
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = orientation
    file = io.BytesIO()
    stored.save(file, "JPEG", quality=95, exif=exif)
    prepared = shown(reduced=reduced).read(file.getvalue(), name="photo", box=box)
    assert (prepared.width, prepared.height) == (320, 240)
    np.testing.assert_allclose(middle_of_light(prepared), (x, y), atol=0.8)


def test_a_box_that_shows_nothing_shows_all() -> None:
    options = shown()
    for nothing in (Box(500, 10, 40, 40), Box(-50, -50, 50.5, 50.5)):
        assert options.frame(200, 100, nothing).placement == options.frame(200, 100).placement


def test_a_box_changes_nothing_unless_it_is_cropped_to() -> None:
    options = shown(crop_to_box=False)
    box = Box(10, 10, 40, 40)
    frame = options.frame(200, 100, box)
    assert frame.placement == options.frame(200, 100).placement
    assert frame.box == box
