"""Garments: targets as annotated, answers in pixels of the photo, counts on the canvas."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from lapel.imaging.outlines import mask_from
from lapel.imaging.preprocess import Frame, Preprocess
from lapel.schema.errors import SchemaError, UsageError
from lapel.schema.garments import Garment, Garments
from lapel.schema.labels import TaskSpec
from lapel.schema.prediction import GarmentsAnswer
from lapel.tasks.garments import MASK, POINTS, GarmentsTask

SPEC = TaskSpec(
    name="garments",
    kind="garments",
    labels=("top", "skirt"),
    points={"top": ("left cuff", "right cuff"), "skirt": ("hem",)},
)
TASK = GarmentsTask(SPEC)

SHOWN = Preprocess(
    height=64, width=64, channels=3, fit="letterbox", mean=(0.5,) * 3, std=(0.5,) * 3
)


def row(
    frame: Frame, box: tuple[float, ...], *, score: float = 0.9, label: float = 0
) -> NDArray[np.float32]:
    """A row of output for a box in pixels of the photo; the left half of it is the garment's."""
    values = np.zeros(TASK.output_shape[1], np.float32)
    corners = np.array(box, np.float64).reshape(2, 2)
    shares = frame.placement.to_model(corners) / (frame.width, frame.height)
    values[:6] = (*shares.ravel(), score, label)
    chances = np.zeros((28, 28), np.float32)
    chances[:, :14] = 1
    values[MASK] = chances.ravel()
    place = frame.placement.to_model(np.array([[30.0, 20.0]])) / (frame.width, frame.height)
    values[POINTS:] = (*place[0], 0.75, *place[0], 0.25, 0.5, 0.5, 1)
    return values


def answer(output: NDArray[np.float32], frame: Frame, **calibration: float) -> GarmentsAnswer:
    (found,) = TASK.decode(output[None], calibration or None, frames=[frame])
    assert isinstance(found, GarmentsAnswer)
    return found


@pytest.mark.parametrize("size", [(100, 80), (1, 1), (37, 211), (640, 11)])
def test_places_and_masks_are_of_the_photo(size: tuple[int, int]) -> None:
    width, height = size
    frame = SHOWN.frame(width, height)
    box = (0.2 * width, 0.1 * height, 0.8 * width, 0.9 * height)
    (one,) = answer(np.stack([row(frame, box)]), frame).each
    np.testing.assert_allclose(
        (*one.box[:2], one.box.right, one.box.bottom), box, atol=1e-4 * max(size)
    )
    assert one.mask is not None
    assert (one.mask.width, one.mask.height) == size
    if min(size) > 30:
        mask = mask_from(one.mask)
        columns = np.flatnonzero(mask.any(axis=0))
        assert (columns[0], columns[-1] + 1) == pytest.approx((box[0], width / 2), abs=2)
        assert mask.sum() == pytest.approx(0.3 * width * 0.8 * height, rel=0.1)
    names = [point.name for point in one.points]
    assert names == ["left cuff", "right cuff"]
    np.testing.assert_allclose((one.points[0].x, one.points[0].y), (30, 20), atol=1e-3 * max(size))
    assert [point.visible for point in one.points] == [0.75, 0.25]


def test_points_are_those_of_the_category() -> None:
    frame = SHOWN.frame(100, 80)
    (one,) = answer(np.stack([row(frame, (10, 10, 50, 50), label=1)]), frame).each
    assert (one.label, [point.name for point in one.points]) == ("skirt", ["hem"])


def test_the_surest_come_first_and_unsure_ones_are_not_told() -> None:
    frame = SHOWN.frame(100, 80)
    rows = [row(frame, (10, 10, 50, 50), score=score) for score in (0.45, 0.8, 0.0, 0.6)]
    scores = [round(one.score, 2) for one in answer(np.stack(rows), frame).each]
    assert scores == [0.8, 0.6]
    told = answer(np.stack(rows), frame, threshold=0.4)
    assert [round(one.score, 2) for one in told.each] == [0.8, 0.6, 0.45]
    every = [round(one.score, 2) for one in TASK.found(np.stack(rows), frame)]
    assert every == [0.8, 0.6, 0.45]  # a score of 0 says that there is none


def test_boxes_end_at_the_edge_of_the_photo() -> None:
    frame = SHOWN.frame(100, 50)  # a letterbox: bars above and below
    rows = [
        row(frame, (-20, -10, 60, 30)),
        row(frame, (10, 55, 40, 70), score=0.8),  # in the lower bar
    ]
    (one,) = answer(np.stack(rows), frame).each
    np.testing.assert_allclose(one.box, (0, 0, 60, 30), atol=1e-3)
    assert one.mask is not None
    # The mask's middle is that of the whole box, which begins outside.
    columns = np.flatnonzero(mask_from(one.mask).any(axis=0))
    assert columns[-1] + 1 == pytest.approx(20, abs=2)


def test_senseless_outputs_are_refused() -> None:
    frame = SHOWN.frame(100, 80)
    bad = np.stack([row(frame, (10, 10, 50, 50))])
    for place, value in ((4, np.nan), (5, 7), (0, np.inf), (5, -1)):
        wrong = bad.copy()
        wrong[0, place] = value
        with pytest.raises(UsageError, match="unusable"):
            answer(wrong, frame)
    with pytest.raises(UsageError, match="a frame for each of 1 pictures, found 0"):
        TASK.decode(bad[None])


def test_what_is_no_garment_of_the_task_is_refused() -> None:
    frame = SHOWN.frame(100, 80)
    for label, says in (
        (Garments((Garment(part="hat", box=(1, 1, 5, 5)),)), "no label 'hat'; it has: top, skirt"),
        (Garments((Garment(part="top", points=((1, 1),)),)), "1 points, expected 2, or none"),
        ("top", "takes garments, found 'top'"),
    ):
        with pytest.raises(SchemaError, match=says):
            TASK.encode([label], [frame])
    with pytest.raises(UsageError, match="a frame for each of 1 pictures, found 0"):
        TASK.encode([Garments()])


def test_answers_are_matched_on_the_canvas() -> None:
    """Two tops and a skirt; one top is found where it is, one answer is of the wrong category."""
    frame = SHOWN.frame(100, 80)
    outline = ((10.0, 10.0), (30.0, 10.0), (30.0, 50.0), (10.0, 50.0))
    label = Garments(
        (
            Garment(
                part="top",
                box=(10, 10, 40, 40),
                outlines=(outline,),
                points=((30, 20), (30, 20)),
                hidden=(1,),
            ),
            Garment(part="top", box=(60, 10, 30, 40)),
            Garment(part="skirt", box=(10, 60, 30, 15), facts={"iscrowd": 1}),
        )
    )
    target, weight = TASK.encode([label, None, Garments()], [frame] * 3)
    assert weight.tolist() == [1, 0, 1]
    output = np.zeros((3, 3, TASK.output_shape[1]), np.float32)
    output[0, 0] = row(frame, (10, 10, 50, 50))
    output[0, 1] = row(frame, (60, 10, 90, 50), score=0.7, label=1)
    output[1] = np.nan
    numbers = TASK.score(output, target, weight).numbers()
    # One of two tops at precision 1. The skirt is a group: it is not to be found, and nothing
    # makes up an average of that category.
    assert numbers["box_ap"] == pytest.approx(51 / 101)
    # Nobody knows the second top's mask or points: the first is all there is to find.
    assert numbers["mask_ap50"] == pytest.approx(1.0)
    assert (numbers["oks_ap"], numbers["oks_visible_ap"]) == pytest.approx((1.0, 1.0))
    empty = TASK.score(output[2:], target[2:], weight[2:])
    assert empty.images == 1
    assert np.isnan(empty.numbers()["box_ap"])


def test_as_a_row_and_as_json() -> None:
    frame = SHOWN.frame(100, 80)
    found = answer(np.stack([row(frame, (10, 10, 50, 50)), row(frame, (10, 20, 30, 70), label=1)]), frame)  # fmt: skip # noqa: E501 - a list
    cells = found.cells("garments")
    assert cells["garments"] == "top|skirt"
    assert str(cells["garments.box"]).split("|")[1] == "10.00 20.00 20.00 50.00"
    value = found.to_json()["garments"][0]
    assert value["mask"]["size"] == [80, 100]
    assert isinstance(value["mask"]["counts"], str)
    assert [point["name"] for point in value["points"]] == ["left cuff", "right cuff"]
    assert answer(np.zeros((2, TASK.output_shape[1]), np.float32), frame).to_json() == {
        "garments": []
    }
