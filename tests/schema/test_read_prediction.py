"""What ``to_json`` wrote is read back as it was; what nobody wrote is refused with its place."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lapel.schema.errors import FormatError
from lapel.schema.geometry import Box
from lapel.schema.labels import Schema, TaskSpec
from lapel.schema.masks import UNKNOWN_CLASS
from lapel.schema.prediction import (
    Answer,
    FoundGarment,
    FoundLandmark,
    GarmentsAnswer,
    LandmarksAnswer,
    MultiLabelAnswer,
    Prediction,
    SegmentationAnswer,
    SingleLabelAnswer,
)
from lapel.schema.read_garments import ReadGarment, ReadScene
from lapel.schema.read_prediction import READERS, prediction_from_json
from lapel.schema.run_lengths import RunLengths, packed
from lapel.tasks.kinds import KINDS

LABELS = ("반팔", "=lace", "hat")
TASKS = {
    kind: TaskSpec(name=f"my {kind}", kind=kind, labels=LABELS)
    for kind in ("single_label", "multi_label", "landmarks", "segmentation", "garments")
}
SCHEMA = Schema(tuple(TASKS.values()))
WIDTH, HEIGHT = 7, 5

shares = st.floats(0, 1)
places = st.floats(-1e6, 1e6)
labels = st.sampled_from(LABELS)
ranked = st.lists(st.tuples(labels, shares), max_size=3).map(tuple)
points = st.lists(
    st.builds(FoundLandmark, name=labels, x=places, y=places, visible=shares), max_size=3
).map(tuple)


@st.composite
def masks(draw: st.DrawFn) -> RunLengths:
    inside = draw(st.integers(0, WIDTH * HEIGHT))
    counts = (WIDTH * HEIGHT - inside, inside)
    return RunLengths(HEIGHT, WIDTH, packed(counts) if draw(st.booleans()) else counts)


garments = st.builds(
    FoundGarment,
    label=labels,
    score=shares,
    box=st.builds(Box, places, places, places, places),
    mask=st.none() | masks(),
    points=points,
)
class_maps = arrays(np.uint8, (HEIGHT, WIDTH), elements=st.sampled_from([0, 1, 2, UNKNOWN_CLASS]))
of_kind: dict[str, st.SearchStrategy[Any]] = {
    "single_label": st.builds(SingleLabelAnswer, label=labels, probability=shares, top=ranked),
    "multi_label": ranked.flatmap(
        lambda holding: st.builds(
            MultiLabelAnswer,
            labels=st.just(tuple(label for label, _ in holding)),
            probabilities=st.just(tuple(share for _, share in holding)),
            top=ranked,
        )
    ),
    "landmarks": st.builds(LandmarksAnswer, points=points),
    "segmentation": class_maps.map(lambda mask: SegmentationAnswer.of(mask, LABELS)),
    "garments": st.builds(GarmentsAnswer, each=st.lists(garments, max_size=3).map(tuple)),
}


def answers(*kinds: str) -> st.SearchStrategy[dict[str, Answer]]:
    named = {TASKS[kind].name: of_kind[kind] for kind in kinds}
    return st.fixed_dictionaries({}, optional=named)


predictions = st.builds(
    Prediction,
    image=st.text(),
    width=st.just(WIDTH),
    height=st.just(HEIGHT),
    answers=answers(*TASKS),
)
read = st.builds(ReadGarment, found=garments, answers=answers("single_label", "landmarks"))
scenes = st.builds(
    ReadScene,
    image=st.text(),
    width=st.integers(1, 9),
    height=st.integers(1, 9),
    garments=st.lists(read, max_size=2).map(tuple),
)


@settings(deadline=None, max_examples=150)
@given(predictions | scenes)
def test_what_was_written_is_read_back(found: Prediction | ReadScene) -> None:
    assert prediction_from_json(found.to_json(), SCHEMA) == found
    over_the_wire = json.loads(json.dumps(found.to_json()))
    assert prediction_from_json(over_the_wire, SCHEMA) == found


def test_every_kind_of_task_can_be_read() -> None:
    assert set(READERS) == set(KINDS)


def example() -> dict[str, Any]:
    mask = np.array([[0, 1], [UNKNOWN_CLASS, 1]], np.uint8)
    point = FoundLandmark(name="hat", x=1.5, y=-3.0, visible=0.25)
    garment = FoundGarment(label="hat", score=0.5, box=Box(0, 0, 2, 1), points=(point,))
    value = Prediction(
        image="a.jpg",
        width=2,
        height=2,
        answers={
            TASKS["single_label"].name: SingleLabelAnswer(
                label="hat", probability=0.75, top=(("hat", 0.75),)
            ),
            TASKS["landmarks"].name: LandmarksAnswer(points=(point,)),
            TASKS["segmentation"].name: SegmentationAnswer.of(mask, LABELS),
            TASKS["garments"].name: GarmentsAnswer(each=(garment,)),
        },
    ).to_json()
    return dict(json.loads(json.dumps(value)))


def test_what_a_server_adds_is_passed_over() -> None:
    value = example()
    plain = prediction_from_json(value, SCHEMA)
    value["maps"] = {"attention": {"width": 2, "height": 2, "png": ""}}
    value["answers"]["my segmentation"]["classes"][0]["outlines"] = [[[0, 0], [1, 1]]]
    assert prediction_from_json(value, SCHEMA) == plain


ANSWER = ("answers", "my single_label")
MASKS = ("answers", "my segmentation")
GARMENT = ("answers", "my garments", "garments", 0)


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("image",), 3, "image: found 3, expected a text"),
        (("width",), 0, "a.jpg: width: found 0, expected a whole number from 1"),
        (("width",), True, "found true"),
        (("answers",), [], "a.jpg: answers: found [], expected an object"),
        (("answers", "colour"), {}, "expected a task of the schema: my single_label, my multi"),
        ((*ANSWER, "label"), "coat", "found coat, expected a label of 'my single_label': 반팔"),
        ((*ANSWER, "probability"), 1.5, "found 1.5, expected a number from 0 to 1"),
        ((*ANSWER, "probability"), "0.5", "expected a finite number"),
        ((*ANSWER, "probability"), float("nan"), "found NaN, expected a finite number"),
        ((*ANSWER, "top"), None, "top: found null, expected a list"),
        ((*ANSWER, "top", 0), "hat", "top[0]: found hat, expected an object"),
        ((*MASKS, "size"), [2], "expected height and width"),
        ((*MASKS, "size"), [3, 2], "expected size [3, 2]"),
        ((*MASKS, "classes", 0, "mask", "counts"), "0", "expected run lengths that fill"),
        ((*MASKS, "classes", 0, "mask", "counts"), [0, 4], "a pixel of two classes"),
        ((*MASKS, "classes", 0, "mask"), None, "no mask of size and counts"),
        (("height",), 3, "found a mask of [2, 2], expected the picture's [3, 2]"),
        ((*GARMENT, "box"), [1, 2, 3], "expected left, top, width and height"),
        ((*GARMENT, "box"), [1, 2, 3, None], "box: found null, expected a finite number"),
        ((*GARMENT, "label"), "coat", "garments[0].label: found coat"),
        ((*GARMENT, "points", 0, "visible"), -1, "points[0].visible: found -1"),
    ],
)
def test_what_nobody_wrote_is_refused_with_its_place(
    path: tuple[Any, ...], value: Any, told: str
) -> None:
    whole = place = example()
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(FormatError) as refused:
        prediction_from_json(whole, SCHEMA)
    assert told in str(refused.value)


def test_no_prediction_at_all() -> None:
    values: tuple[Any, ...] = (None, [], "x", 3, {"error": {"code": "bad", "message": "no"}})
    for value in values:
        with pytest.raises(FormatError, match=r"prediction|image"):
            prediction_from_json(value, SCHEMA)
