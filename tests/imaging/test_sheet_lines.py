"""The lines of text below a drawing."""

from __future__ import annotations

import numpy as np

from lapel.imaging.draw import Line, draw_marks, sheet


def test_lines_after_a_point_stand_in_one_block() -> None:
    panel = draw_marks(np.full((10, 40, 3), 128, np.uint8), [], side=400)
    colour = (200, 30, 30)
    points = [Line(text=f"point {number}", colour=colour) for number in range(6)]
    page = np.asarray(sheet([("", panel)] * 2, [Line(text="category: dress"), *points]))
    spots = (page == colour).all(axis=-1)
    down, across = (np.flatnonzero(spots.any(axis=axis)) for axis in (1, 0))
    # Rows and columns without a gap in the grid: as many spots as rows times columns.
    rows, columns = (1 + int((np.diff(places) > 1).sum()) for places in (down, across))
    assert rows * columns == len(points)
    assert down[0] > 100 + 20  # below the line of the category
