"""Labels go to the page and come back as they were; what does not fit is refused with words."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lapel.review.values import Value, checked, label_of, value_of, value_of_answer
from lapel.schema.annotation import Label, Tags
from lapel.schema.errors import SchemaError
from lapel.schema.garments import Garment, Garments
from lapel.schema.geometry import Box, Landmark, Landmarks
from lapel.schema.labels import TaskSpec
from lapel.schema.masks import UNKNOWN_CLASS, ClassMap, class_run_lengths
from lapel.schema.prediction import (
    FoundGarment,
    FoundLandmark,
    GarmentsAnswer,
    LandmarksAnswer,
    MultiLabelAnswer,
    SegmentationAnswer,
    SingleLabelAnswer,
)

SIZE = (40, 30)
NAMES = ("left cuff", "right cuff", "hem", "collar")
SPECS = {
    kind: TaskSpec(name=kind, kind=kind, labels=NAMES)
    for kind in ("single_label", "multi_label", "landmarks", "segmentation")
}
SPECS["garments"] = TaskSpec(
    name="garments", kind="garments", labels=("top", "skirt"), points={"top": ("a", "b")}
)

places = st.tuples(st.floats(0, SIZE[0]), st.floats(0, SIZE[1]), st.booleans())


@st.composite
def labels(draw: st.DrawFn) -> tuple[str, Label]:
    kind = draw(st.sampled_from(sorted(SPECS)))
    some = draw(st.lists(st.sampled_from(NAMES), unique=True))
    others = [name for name in NAMES if name not in some]
    if kind == "single_label":
        return kind, draw(st.sampled_from(NAMES))
    if kind == "multi_label":
        return kind, Tags(tuple(some), tuple(others[:1])).ordered(NAMES)
    if kind == "landmarks":
        points = {name: Landmark(*draw(places)) for name in NAMES if name in some}
        return kind, Landmarks(points, tuple(others[:1]), tuple(others[1:2]))
    if kind == "segmentation":
        values = np.array([0, 1, 2, 3, UNKNOWN_CLASS], np.uint8)
        seed = draw(st.integers(0, 1000))
        drawn = np.random.default_rng(seed).choice(values, (SIZE[1], SIZE[0]))
        return kind, ClassMap(drawn, NAMES)
    mask = class_run_lengths(np.eye(SIZE[1], SIZE[0], dtype=np.uint8))[1]
    each = [
        Garment(part="top", box=(1.0, 2.0, 10.5, 20.0), points=((1, 2), None), hidden=(0,)),
        Garment(part="skirt", box=(0, 0, 40, 30), mask=mask, attributes=("lace",)),
    ]
    return kind, Garments(tuple(each[: draw(st.integers(0, 2))]))


@given(labels())
def test_a_label_comes_back_as_it_was(found: tuple[str, Label]) -> None:
    kind, label = found
    value = json.loads(json.dumps(value_of(label)))
    back = label_of(SPECS[kind], value, SIZE)
    assert value_of(back) == value
    if isinstance(label, ClassMap):
        assert isinstance(back, ClassMap)
        assert np.array_equal(back.pixels, label.pixels)
    else:
        assert back == label


TOP = {"part": "top", "box": [0, 0, 9, 9], "points": [], "outlines": []}

BAD: list[tuple[str, Value, str]] = [
    ("single_label", "sock", "no label 'sock'"),
    ("single_label", 3, "takes the name of a label"),
    ("multi_label", ["hem"], "another shape"),
    ("multi_label", {"yes": ["hem"], "unknown": ["hem"]}, "twice"),
    ("landmarks", [{"name": "hem", "x": 5, "y": 99, "state": "visible"}], "outside the picture"),
    ("landmarks", [{"name": "hem", "x": float("nan"), "y": 1, "state": "visible"}], "outside"),
    ("landmarks", [{"name": "hem", "x": 1, "y": 1, "state": "gone"}], "cannot be 'gone'"),
    ("landmarks", [{"name": "hem", "x": None, "y": 1, "state": "hidden"}], "another shape"),
    ("segmentation", {"size": [40, 30], "classes": []}, r"of \[40, 30\], the picture of"),
    ("garments", [{"part": "hat", "box": [0, 0, 1, 1], "points": [], "outlines": []}], "no label"),
    ("garments", [{"part": "top", "box": None, "points": [], "outlines": []}], "needs a box"),
    ("garments", [{"part": "top", "box": [0, 0, 99, 1], "points": [], "outlines": []}], "outside"),
    ("garments", [{"part": "skirt", "box": [0, 0, 9, 9], "points": [[1, 1]], "outlines": []}], "0"),
    ("garments", "top", "takes a list"),
    ("garments", [{**TOP, "hidden": [7]}], "hides points"),
    ("garments", [{**TOP, "facts": {"price": float("nan")}}], "no texts and numbers"),
    ("garments", [{**TOP, "attributes": ["\ud800"]}], "no texts and numbers"),
]


@pytest.mark.parametrize(("kind", "value", "says"), BAD)
def test_what_does_not_fit_is_refused(kind: str, value: Value, says: str) -> None:
    with pytest.raises(SchemaError, match=says):
        label_of(SPECS[kind], value, SIZE)


def test_what_a_model_answers_is_proposed_in_the_dataset_s_own_form() -> None:
    single = SingleLabelAnswer(label="hem", probability=0.9, top=(("hem", 0.9),))
    tags = MultiLabelAnswer(labels=("hem",), probabilities=(0.8,), top=(("collar", 0.3),))
    points = LandmarksAnswer(
        points=(
            FoundLandmark(name="hem", x=-7.0, y=35.0, visible=0.9),
            FoundLandmark(name="collar", x=3.5, y=4.5, visible=0.2),
        )
    )
    pixels = np.zeros((30, 40), np.uint8)
    pixels[5:, 7:] = 2
    classes = SegmentationAnswer.of(pixels, NAMES)
    garment = FoundGarment(
        label="top", score=0.7, box=Box(-2.0, 1.0, 50.0, 9.0), mask=class_run_lengths(pixels)[2]
    )
    answers = {
        "single_label": single,
        "multi_label": tags,
        "landmarks": points,
        "segmentation": classes,
        "garments": GarmentsAnswer(each=(garment,)),
    }
    values = {
        kind: value_of_answer(SPECS[kind], json.loads(json.dumps(answer.to_json())), SIZE)  # type: ignore[attr-defined] # all have it
        for kind, answer in answers.items()
    }
    assert values["single_label"] == "hem"
    assert values["multi_label"] == {"yes": ["hem"], "unknown": []}
    # What lies outside is moved to the edge, so that it can be confirmed.
    assert values["landmarks"] == [
        {"name": "hem", "x": 0.0, "y": 30.0, "state": "visible"},
        {"name": "collar", "x": 3.5, "y": 4.5, "state": "hidden"},
    ]
    assert values["garments"][0]["box"] == [0.0, 1.0, 40.0, 9.0]
    label = label_of(SPECS["segmentation"], values["segmentation"], SIZE)
    assert isinstance(label, ClassMap)
    assert np.array_equal(label.pixels, pixels)
    for kind, value in values.items():
        assert checked(SPECS[kind], value, SIZE) is not None


def test_outlines_end_where_the_picture_ends() -> None:
    line = [[-30, 2], [5, 2], [5, 1e300]]
    value = [{"part": "top", "box": [0, 0, 9, 9], "points": [], "outlines": [line]}]
    label = label_of(SPECS["garments"], value, SIZE)
    assert isinstance(label, Garments)
    assert label.each[0].outlines == (((0.0, 2), (5, 2), (5, SIZE[1])),)
