"""Classes lie over the picture where they are, and masks are files that keep their values."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from lapel.imaging.draw import WRONG
from lapel.imaging.draw_classes import (
    UNKNOWN,
    class_colours,
    draw_classes,
    draw_difference,
    mask_png,
)
from lapel.schema.masks import UNKNOWN_CLASS

LABELS = ("background", "dress", "hat")
GRAY = np.full((40, 60, 3), 100, np.uint8)


def mask() -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """Background, a dress at the right, unknown below."""
    found = np.zeros((40, 60), np.uint8)
    found[:, 30:] = 1
    found[30:] = UNKNOWN_CLASS
    return found


def test_each_class_has_a_colour_and_the_background_none() -> None:
    colours = class_colours((*LABELS, *(f"class {place}" for place in range(50))))
    assert colours[0] == (0, 0, 0)
    assert len(set(colours)) == len(colours)


def test_a_class_is_seen_where_it_is_and_the_background_is_left_alone() -> None:
    drawing = np.asarray(draw_classes(GRAY, mask(), LABELS, side=600)).astype(int)
    assert drawing.shape == (400, 600, 3)
    assert drawing[100, 100].tolist() == [100, 100, 100]
    colour = np.array(class_colours(LABELS)[1])
    np.testing.assert_allclose(drawing[100, 450], 0.45 * 100 + 0.55 * colour, atol=1)
    assert drawing[350, 450].min() > 180  # nobody knows: pale


def test_what_is_wrong_stands_out() -> None:
    answer = np.zeros((40, 60), np.uint8)
    answer[:, 45:] = 1
    drawing = np.asarray(draw_difference(GRAY, mask(), answer, side=600)).astype(int)
    for place, wrong in (((100, 100), False), ((100, 380), True), ((100, 500), False)):
        reddish = drawing[place][0] - drawing[place][2] > 80
        assert reddish == wrong, place
    np.testing.assert_allclose(drawing[100, 380], 20 + 0.8 * np.array(WRONG), atol=1)
    assert np.ptp(drawing[350, 380]) == 0  # of unknown class: neither right nor wrong


def test_a_mask_file_keeps_its_values_and_shows_colours() -> None:
    with Image.open(io.BytesIO(mask_png(mask(), LABELS))) as image:
        assert image.mode == "P"
        np.testing.assert_array_equal(np.asarray(image), mask())
        shown = np.asarray(image.convert("RGB"))
    assert tuple(shown[0, 50]) == class_colours(LABELS)[1]
    assert tuple(shown[39, 0]) == UNKNOWN
