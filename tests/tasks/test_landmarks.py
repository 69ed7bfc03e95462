"""What landmarks mean: places on the network's canvas, and the way back to the picture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from lapel.imaging.preprocess import Frame, Preprocess
from lapel.schema.annotation import Tags
from lapel.schema.errors import SchemaError, UsageError
from lapel.schema.geometry import Box, Landmark, Landmarks
from lapel.schema.labels import TaskSpec
from lapel.schema.prediction import Answer, LandmarksAnswer
from lapel.tasks.landmarks import LandmarksTask

EIGHT = tuple(
    f"{side} {part}" for part in ("collar", "sleeve", "waist", "hem") for side in ("left", "right")
)
TASK = LandmarksTask(TaskSpec(name="landmarks", kind="landmarks", labels=EIGHT))


def frame(
    width: int = 200, height: int = 100, box: Box | None = None, *, fit: str = "stretch"
) -> Frame:
    shown = Preprocess(
        height=50,
        width=100,
        channels=3,
        fit=fit,  # type: ignore[arg-type] # one of its words
        mean=(0.5,) * 3,
        std=(0.5,) * 3,
        crop_to_box=box is not None,
    )
    return shown.frame(width, height, box)


def points(answer: Answer) -> dict[str, tuple[float, float]]:
    assert isinstance(answer, LandmarksAnswer)
    return {point.name: (point.x, point.y) for point in answer.points}


def test_each_state_has_its_weights() -> None:
    label = Landmarks(
        {"left collar": Landmark(50, 25), "right collar": Landmark(100, 75, visible=False)},
        cut=("left hem",),
        unknown=("right hem",),
    )
    target, weight = TASK.encode([label], [frame()])
    assert target.dtype == weight.dtype == np.float32
    place = {name: index for index, name in enumerate(EIGHT)}
    # Shares of the canvas; the box is the whole picture, where nobody knows one.
    assert target[0, place["left collar"]].tolist() == [0.25, 0.25, 1, 1, 1]
    assert target[0, place["right collar"]].tolist() == [0.5, 0.75, 1, 1, 0]
    found = {name: weight[0, place[name]].tolist() for name in EIGHT}
    assert found["left collar"] == [1, 1]
    assert found["right collar"] == [1, 1]  # hidden, but its place is known
    assert found["left hem"] == [0, 1]  # nowhere, and surely not to be seen
    assert found["right hem"] == [0, 0]
    assert found["left waist"] == [0, 0]  # absent: never "visible at 0, 0"
    assert target[0, place["left hem"], 4] == 0


def test_nothing_known_weighs_nothing() -> None:
    target, weight = TASK.encode([None, Landmarks()], [frame(), frame()])
    assert not target.any()
    assert not weight.any()


def test_points_that_the_canvas_does_not_show_are_cut_off_by_it() -> None:
    label = Landmarks({"left collar": Landmark(30, 30), "right collar": Landmark(150, 50)})
    target, weight = TASK.encode([label], [frame(box=Box(20, 20, 60, 60))])
    assert weight[0, 0].tolist() == [1, 1]
    assert weight[0, 1].tolist() == [0, 1]
    assert target[0, 1, 4] == 0
    np.testing.assert_allclose(target[0, 0], [1 / 6, 1 / 6, 1, 1, 1], rtol=1e-6)


def test_the_box_measures_even_where_it_is_not_cropped_to() -> None:
    shown = Preprocess(
        height=64, width=64, channels=3, fit="letterbox", mean=(0.5,) * 3, std=(1.0,) * 3
    )
    label = Landmarks({"left collar": Landmark(100, 50)})
    target, _ = TASK.encode([label], [shown.frame(200, 100, Box(40, 20, 80, 40))])
    # 200 x 100 lies on the canvas as 64 x 32, from row 16 on.
    np.testing.assert_allclose(target[0, 0], [0.5, 0.5, 0.4, 0.2, 1], rtol=1e-6)


@given(
    size=st.tuples(st.integers(20, 3000), st.integers(20, 3000)),
    place=st.tuples(st.floats(0.02, 0.98), st.floats(0.02, 0.98)),
    fit=st.sampled_from(("stretch", "letterbox", "crop")),
    boxed=st.booleans(),
)
def test_what_is_encoded_is_decoded(
    size: tuple[int, int], place: tuple[float, float], fit: str, *, boxed: bool
) -> None:
    width, height = size
    box = Box(0.1 * width, 0.2 * height, 0.7 * width, 0.7 * height) if boxed else None
    shown = frame(width, height, box, fit=fit)
    label = Landmarks({"left sleeve": Landmark(place[0] * width, place[1] * height)})
    target, weight = TASK.encode([label], [shown])
    if not weight[0, 2, 0]:
        return  # cut by the box or by fit crop
    output = np.concatenate([target[..., :2], 20 * target[..., 4:] - 10], axis=-1)
    (answer,) = TASK.decode(output, frames=[shown])
    # A target has 24 bits: 1e-7 of what the canvas shows.
    expected = [place[0] * width, place[1] * height]
    np.testing.assert_allclose(points(answer)["left sleeve"], expected, atol=1e-6 * max(size))


def test_decoding_says_how_sure_it_is_to_see_each() -> None:
    output = np.zeros((1, 8, 3), np.float32)
    output[0, :, 2] = [3, -3, 0, 0, 0, 0, 0, 1e6]
    (plain,) = TASK.decode(output, frames=[frame()])
    (cool,) = TASK.decode(output, {"temperature": 3.0}, frames=[frame()])
    assert isinstance(plain, LandmarksAnswer)
    assert isinstance(cool, LandmarksAnswer)
    assert plain.points[0].visible == pytest.approx(1 / (1 + np.exp(-3)))
    assert cool.points[0].visible == pytest.approx(1 / (1 + np.exp(-1)))
    assert plain.points[7].visible == 1
    assert [name for name, _ in plain.lines()] == ["left collar", *EIGHT[2:]]


def flipped(output: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a perfect network says of the mirror image."""
    turned = output[:, [1, 0, 3, 2, 5, 4, 7, 6]].copy()
    turned[..., 0] = 1 - turned[..., 0]
    return turned


def test_answers_for_a_mirror_image_lead_back() -> None:
    output = np.random.default_rng(0).random((5, 8, 3)).astype(np.float32)
    np.testing.assert_allclose(TASK.unmirrored(flipped(output)), output, atol=1e-6)


def test_labels_that_are_no_landmarks_of_it_are_refused() -> None:
    with pytest.raises(
        SchemaError, match="'landmarks' has no label 'left knee'; it has: left coll"
    ):
        TASK.encode([Landmarks({"left knee": Landmark(1, 1)})], [frame()])
    with pytest.raises(SchemaError, match="'left knee'"):
        TASK.encode([Landmarks(cut=("left knee",))], [frame()])
    with pytest.raises(SchemaError, match="takes landmarks, found Tags"):
        TASK.encode([Tags(("left collar",))], [frame()])


def test_places_without_the_way_back_are_refused() -> None:
    with pytest.raises(UsageError, match="a frame for each of 2 pictures, found 1"):
        TASK.encode([None, None], [frame()])
    with pytest.raises(UsageError, match="a frame for each of 3 pictures, found 0"):
        TASK.decode(np.zeros((3, 8, 3), np.float32))
    assert TASK.decode(np.zeros((0, 8, 3), np.float32)) == []


def test_landmarks_are_counted_by_value() -> None:
    one = Landmarks({"a": Landmark(1, 2), "b": Landmark(3, 4)}, cut=("c",))
    other = Landmarks({"b": Landmark(3, 4), "a": Landmark(1, 2)}, cut=("c",))
    assert len({one, other, Landmarks({"a": Landmark(1, 2)})}) == 2
