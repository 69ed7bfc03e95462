"""Drawings show points where they are, full or hollow, and maps over the right pixels."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from lapel.imaging.draw import (
    LARGEST,
    SMALLEST,
    Line,
    Mark,
    colours,
    draw_heat,
    draw_marks,
    sheet,
    strongest,
)
from lapel.imaging.draw_garments import Shape, draw_garments
from lapel.imaging.preprocess import Fit, Preprocess
from lapel.schema.geometry import Box

RED = (255, 0, 0)


def gray(width: int, height: int, level: int = 128) -> NDArray[np.uint8]:
    return np.full((height, width, 3), level, np.uint8)


def redness(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
    values = picture.astype(int)
    return np.asarray((values[..., 0] > 180) & (values[..., 1:].max(axis=-1) < 90))


def test_a_point_is_drawn_where_it_is() -> None:
    drawing = np.asarray(draw_marks(gray(100, 50), [Mark(x=25, y=40, colour=RED)], side=400))
    assert drawing.shape == (200, 400, 3)
    rows, columns = np.nonzero(redness(drawing))
    assert columns.mean() + 0.5 == pytest.approx(100, abs=0.6)
    assert rows.mean() + 0.5 == pytest.approx(160, abs=0.6)


def test_a_hidden_point_is_hollow() -> None:
    pixels = gray(100, 100)
    full = np.asarray(draw_marks(pixels, [Mark(x=50, y=50, colour=RED)], side=400))
    hollow = np.asarray(draw_marks(pixels, [Mark(x=50, y=50, colour=RED, visible=False)], side=400))
    assert redness(full)[200, 200]
    assert hollow[200, 200].tolist() == [128, 128, 128]
    assert redness(hollow).any()


def test_a_line_leads_from_the_truth_to_the_answer() -> None:
    mark = Mark(x=80, y=50, colour=RED, truth=(20.0, 50.0))
    drawing = redness(np.asarray(draw_marks(gray(100, 100), [mark], side=400)))
    _, columns = np.nonzero(drawing[198:202])
    assert columns.min() < 90
    assert columns.max() > 310
    assert len(np.unique(columns)) > 200


def test_points_and_boxes_outside_the_picture_do_no_harm() -> None:
    marks = [Mark(x=-500, y=900, colour=RED), Mark(x=1e6, y=-1e6, colour=RED, visible=False)]
    draw_marks(gray(60, 40), marks, box=Box(-10, -10, 500, 500), side=100)


def test_the_box_is_drawn() -> None:
    drawing = np.asarray(draw_marks(gray(100, 100), [], box=Box(25, 25, 50, 50), side=400))
    assert (drawing[200, 100] != 128).any()
    assert (drawing[200, 200] == 128).all()


@pytest.mark.parametrize(
    ("size", "longest"), [((20, 10), SMALLEST), ((600, 800), 800), ((5000, 20), LARGEST)]
)
def test_small_pictures_are_enlarged_and_large_ones_shrunk(
    size: tuple[int, int], longest: int
) -> None:
    assert max(draw_marks(gray(*size), []).size) == longest


def test_colours_differ() -> None:
    for count in (1, 8, 39):
        assert len(set(colours(count))) == count


FITS: tuple[Fit, ...] = ("letterbox", "stretch", "crop")


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("box", [None, Box(40, 20, 80, 60)])
def test_heat_lies_over_the_pixels_that_it_is_of(fit: Fit, box: Box | None) -> None:
    shown = Preprocess(
        height=64,
        width=64,
        channels=3,
        fit=fit,
        mean=(0.5,) * 3,
        std=(0.5,) * 3,
        crop_to_box=True,
    )
    frame = shown.frame(160, 100, box)
    point = np.array([90.0, 55.0])
    # A map of a quarter of the canvas's size, hot around the point.
    place = frame.placement.to_model(point) / 4
    rows, columns = np.mgrid[0:16, 0:16] + 0.5
    heat = np.exp(-((columns - place[0]) ** 2 + (rows - place[1]) ** 2) / 2).astype(np.float32)
    drawing = np.asarray(draw_heat(gray(160, 100, 0), heat, frame, side=320)).astype(float)
    warmth = np.maximum(drawing[..., 0] - 60, 0)
    rows, columns = np.mgrid[0 : drawing.shape[0], 0 : drawing.shape[1]] + 0.5
    middle = np.array([(columns * warmth).sum(), (rows * warmth).sum()]) / warmth.sum() / 2
    np.testing.assert_allclose(middle, point, atol=1.5)


def test_the_strongest_of_maps_of_any_scale() -> None:
    maps = np.zeros((3, 4, 4), np.float32)
    maps[0, 1, 1], maps[1, 2, 2] = 100.0, -0.5
    maps[1, 0, 0] = 1e-3
    found = strongest(maps)
    assert found.min() >= 0
    assert found.max() == 1
    assert found[1, 1] == found[0, 0] == 1
    assert not strongest(np.ones((2, 3, 3), np.float32)).any()  # flat maps show nothing


def test_a_sheet_has_room_for_all_it_says() -> None:
    panel = draw_marks(gray(40, 30), [], side=200)
    lines = [Line(text=f"landmark {number}", colour=RED) for number in range(40)]
    page = sheet([("answers", panel), ("attention", panel)], lines)
    assert page.width >= 2 * panel.width
    assert page.height > panel.height
    plain = sheet([("", panel)])
    assert plain.size == panel.size
    long = sheet([("", panel)], [Line(text="a very long line of text " * 8)])
    assert long.width > panel.width


def test_what_is_written_grows_with_the_drawing() -> None:
    lines = [Line(text="coat 97 %", colour=RED)]
    sizes = (300, 1200)
    drawn = (draw_marks(gray(40, 40), [], side=side) for side in sizes)
    below = [sheet([("", one)], lines).height - one.height for one in drawn]
    assert below[1] == 2 * below[0]


def test_names_of_garments_grow_with_the_drawing() -> None:
    shape = Shape(colour=RED, box=Box(0, 0, 40, 40), text="coat")
    high = []
    for side in (300, 1200):
        page = np.asarray(draw_garments(gray(40, 40), [shape], side=side))
        high.append(int((page[:, 5] == RED).all(axis=-1).sum()))
    assert high[1] > 1.6 * high[0]
