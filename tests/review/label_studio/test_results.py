"""Answers and labels as Label Studio's results, and results as labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from everything_asked import EVERYTHING

from lapel.imaging.outlines import EVEN_ODD, FILL, run_lengths_of
from lapel.review.label_studio.binding import bind
from lapel.review.label_studio.brush import decode_brush
from lapel.review.label_studio.clicked import connected, results_at, selection_in
from lapel.review.label_studio.config import parse_config
from lapel.review.label_studio.from_labels import results_of_labels
from lapel.review.label_studio.predictions import outlines_to_mend, results_of, score_of
from lapel.review.label_studio.to_labels import checked_items, class_map, said_by
from lapel.review.label_studio.writing import config_xml
from lapel.schema.annotation import Label, Tags
from lapel.schema.garments import Garment, Garments
from lapel.schema.geometry import Box, Landmark, Landmarks
from lapel.schema.labels import Schema, TaskSpec
from lapel.schema.masks import ClassMap
from lapel.schema.prediction import (
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

WIDTH, HEIGHT = 60, 40
BINDING = bind(parse_config(config_xml(EVERYTHING)), EVERYTHING)


def disc(x: float, y: float, radius: float) -> np.ndarray:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    inside: np.ndarray = (columns + 0.5 - x) ** 2 + (rows + 0.5 - y) ** 2 <= radius**2
    return inside


def told(results: list[dict[str, Any]], control: str) -> list[dict[str, Any]]:
    return [item for item in results if item["from_name"] == control]


TOP = FoundGarment(
    label="top",
    score=0.9,
    box=Box(10, 10, 20, 20),
    mask=run_lengths_of(disc(20, 20, 10)),
    points=(
        FoundLandmark(name="left shoulder", x=12, y=11, visible=0.8),
        FoundLandmark(name="right shoulder", x=28, y=11, visible=0.2),
    ),
)
SKIRT = FoundGarment(label="skirt", score=0.6, box=Box(5, 5, 50, 30))

PREDICTION = Prediction(
    image="photo",
    width=WIDTH,
    height=HEIGHT,
    answers={
        "category": SingleLabelAnswer(label="dress", probability=0.7, top=(("dress", 0.7),)),
        "tags": MultiLabelAnswer(
            labels=("lace", "레이스"),
            probabilities=(0.9, 0.8),
            top=(("lace", 0.9), ("레이스", 0.8), ("floral", 0.05)),
        ),
        "landmarks": LandmarksAnswer(
            points=(
                FoundLandmark(name="left cuff", x=15, y=30, visible=0.95),
                FoundLandmark(name="right cuff", x=70, y=-3, visible=0.9),
            )
        ),
        "parsing": SegmentationAnswer.of(
            (disc(20, 20, 8) * 2).astype(np.uint8), EVERYTHING["parsing"].labels
        ),
        "garments": GarmentsAnswer(each=(TOP, SKIRT)),
    },
)


class TestPredictions:
    def test_choices(self) -> None:
        results = results_of(PREDICTION, BINDING)
        (category,) = told(results, "category")
        assert category == {
            "from_name": "category",
            "to_name": "image",
            "type": "choices",
            "value": {"choices": ["dress"]},
            "score": 0.7,
        }
        (tags,) = told(results, "tags")
        assert tags["value"] == {"choices": ["lace", "레이스"]}
        assert tags["score"] == pytest.approx(0.85)

    def test_points_are_percent_and_inside(self) -> None:
        left, right = told(results_of(PREDICTION, BINDING), "landmarks")
        assert left["original_width"], left["original_height"] == (WIDTH, HEIGHT)
        assert (left["value"]["x"], left["value"]["y"]) == (25, 75)
        assert left["value"]["keypointlabels"] == ["left cuff"]
        assert (right["value"]["x"], right["value"]["y"]) == (100, 0)

    def test_classes_are_painted(self) -> None:
        (brush,) = told(results_of(PREDICTION, BINDING), "parsing")
        assert brush["value"]["brushlabels"] == ["dress"]
        assert np.array_equal(decode_brush(brush["value"]["rle"], HEIGHT, WIDTH), disc(20, 20, 8))

    def test_a_garment_hangs_together(self) -> None:
        results = results_of(PREDICTION, BINDING)
        top, skirt = told(results, "garments")
        assert top["value"]["rectanglelabels"] == ["top"]
        assert top["value"]["x"] == pytest.approx(100 / 6)
        assert top["value"]["height"] == pytest.approx(50)
        outlines = told(results, "garments-outline")
        (shoulder,) = told(results, "garments-points")
        assert {one["parentID"] for one in (outlines[0], shoulder)} == {top["id"]}
        assert outlines[1]["parentID"] == skirt["id"]
        # Outlines can be mended, so that nothing is painted beside them.
        assert told(results, "garments-mask") == []
        regions = [one["id"] for one in results if "id" in one]
        assert len(set(regions)) == len(regions) == 8

    def test_other_configurations_get_what_they_ask(self) -> None:
        config = parse_config(
            '<View><Image name="i" value="$image"/>'
            '<PolygonLabels name="areas" toName="i"><Label value="Top"/></PolygonLabels>'
            '<Taxonomy name="tags" toName="i"><Choice value="Cloth"><Choice value="lace"/>'
            "</Choice></Taxonomy></View>"
        )
        results = results_of(PREDICTION, bind(config, EVERYTHING))
        assert [item["from_name"] for item in results] == ["tags", "areas"]
        assert results[0]["value"] == {"taxonomy": [["Cloth", "lace"]]}
        assert results[1]["value"]["polygonlabels"] == ["Top"]

    def test_two_models_say_what_each_garment_is_like(self) -> None:
        finder = Schema((EVERYTHING["garments"],))
        reader = Schema((EVERYTHING["category"],))
        config = parse_config(
            '<View><Image name="i" value="$image"/><RectangleLabels name="garments" toName="i">'
            '<Label value="top"/></RectangleLabels><Choices name="category" toName="i" '
            'perRegion="true"><Choice value="dress"/></Choices></View>'
        )
        scene = ReadScene(
            image="photo",
            width=WIDTH,
            height=HEIGHT,
            garments=(
                ReadGarment(found=TOP, answers={"category": PREDICTION.answers["category"]}),
            ),
        )
        box, choice = results_of(scene, bind(config, finder, of_garments=reader))
        assert choice["id"] == box["id"]
        assert choice["value"] == {"choices": ["dress"]}
        assert score_of(scene) == 0.7

    def test_the_least_sure_answer_is_the_score(self) -> None:
        assert score_of(PREDICTION) == 0.7
        none = Prediction(
            image="p", width=1, height=1, answers={"garments": GarmentsAnswer(each=())}
        )
        assert score_of(none) is None


class TestOutlines:
    def test_few_corners_say_nearly_the_same(self) -> None:
        rows, columns = np.mgrid[:400, :400]
        mask = (columns - 200) ** 2 + (rows - 200) ** 2 <= 150**2
        (ring,) = outlines_to_mend(mask)
        assert 8 <= len(ring) <= 60
        x, y = np.asarray(ring).T
        area = abs((x * np.roll(y, -1) - np.roll(x, -1) * y).sum()) / 2
        assert area == pytest.approx(mask.sum(), rel=0.02)

    def test_specks_are_left_out_unless_they_are_all(self) -> None:
        mask = np.zeros((400, 400), np.bool_)
        mask[5, 5] = True
        assert len(outlines_to_mend(mask)) == 1
        mask[100:300, 100:300] = True
        assert outlines_to_mend(mask) == [((100, 100), (300, 100), (300, 300), (100, 300))]


class TestSmartSelection:
    def test_a_point_selects_the_smallest_garment_there(self) -> None:
        context = {"result": [{"type": "keypointlabels", "value": {"x": 33, "y": 50, "width": 2}}]}
        place = selection_in(context, width=WIDTH, height=HEIGHT)
        assert place is not None
        results = results_at(PREDICTION, BINDING, place)
        assert {item["value"].get("rectanglelabels", ["top"])[0] for item in results[:1]} == {"top"}
        # Outside the disc, inside its box: the skirt is what lies there.
        place = selection_in(
            {"result": [{"value": {"x": 17, "y": 26}}]}, width=WIDTH, height=HEIGHT
        )
        assert place is not None
        (box, *_) = told(results_at(PREDICTION, BINDING, place), "garments")
        assert box["value"]["rectanglelabels"] == ["skirt"]

    def test_a_rectangle_selects_what_it_covers_most(self) -> None:
        value = {"x": 15, "y": 22, "width": 35, "height": 55}
        place = selection_in({"result": [{"value": value}]}, width=WIDTH, height=HEIGHT)
        assert place is not None
        (box, *_) = told(results_at(PREDICTION, BINDING, place), "garments")
        assert box["value"]["rectanglelabels"] == ["top"]

    def test_the_part_of_a_class_that_hangs_together(self) -> None:
        both = disc(20, 20, 8) | disc(50, 20, 6)
        answer = SegmentationAnswer.of((both * 2).astype(np.uint8), EVERYTHING["parsing"].labels)
        photo = Prediction(image="p", width=WIDTH, height=HEIGHT, answers={"parsing": answer})
        (brush,) = results_at(photo, BINDING, Box(50, 20, 0, 0))
        assert np.array_equal(decode_brush(brush["value"]["rle"], HEIGHT, WIDTH), disc(50, 20, 6))
        assert results_at(photo, BINDING, Box(1, 1, 0, 0)) == []

    def test_parts_with_bends(self) -> None:
        mask = np.array(
            [[1, 1, 1, 1, 1], [0, 0, 0, 0, 1], [1, 1, 1, 0, 1], [1, 0, 0, 0, 1], [1, 1, 1, 1, 1],
             [0, 0, 0, 0, 0], [1, 1, 0, 1, 1]], np.bool_
        )  # fmt: skip
        part = connected(mask, 0, 0)
        assert part[:5].tolist() == mask[:5].tolist()
        assert not part[5:].any()

    @pytest.mark.parametrize(
        "context",
        [
            None,
            {},
            [],
            {"result": None},
            {"result": [{"value": {"x": "a", "y": 1}}]},
            {"result": [7]},
            {"result": [{"value": {"x": 10**400, "y": 1}}]},
            {"result": [{"value": {"x": 1e300, "y": float("nan")}}]},
        ],
    )
    def test_no_place_is_none(self, context: object) -> None:
        assert selection_in(context, width=9, height=9) is None


LABELS: dict[str, Label] = {
    "category": 'a "best" <top> & co',
    "tags": Tags(("lace", "레이스")),
    "landmarks": Landmarks(
        {"left cuff": Landmark(12.345, 7.0), "right cuff": Landmark(50.0, 39.0, visible=False)}
    ),
    "parsing": ClassMap(
        (disc(20, 20, 8) * 2).astype(np.uint8), EVERYTHING["parsing"].labels
    ),
    "garments": Garments(
        (
            Garment(
                part="top",
                box=(3.0, 4.5, 20.0, 30.25),
                points=((5.0, 6.0), (20.0, 6.0)),
                hidden=(1,),
                outlines=(((3.0, 4.5), (23.0, 4.5), (10.0, 34.75)),),
            ),
            Garment(part="skirt", box=(12, 12, 16, 16), mask=run_lengths_of(disc(20, 20, 8))),
            Garment(part="skirt", box=(0.0, 0.0, 60.0, 40.0)),
        )
    ),
}  # fmt: skip


class TestLabels:
    def test_labels_come_back_as_they_were(self) -> None:
        results = results_of_labels(LABELS, BINDING, width=WIDTH, height=HEIGHT)
        said = said_by(checked_items(results), BINDING)
        assert said.size == (WIDTH, HEIGHT)
        for task in ("category", "tags", "landmarks"):
            assert said.labels[task] == LABELS[task]
        assert said.garments is not None
        assert Garments(said.garments) == LABELS["garments"]
        painted = class_map(EVERYTHING["parsing"], said.painted["parsing"], WIDTH, HEIGHT)
        expected = LABELS["parsing"]
        assert isinstance(expected, ClassMap)
        assert np.array_equal(painted.pixels, expected.pixels)

    def test_holes_are_painted(self) -> None:
        square = ((5.0, 5.0), (35.0, 5.0), (35.0, 35.0), (5.0, 35.0))
        hole = ((10.0, 10.0), (30.0, 10.0), (30.0, 30.0), (10.0, 30.0))
        one = Garment(
            part="top", box=(5, 5, 30, 30), outlines=(square, hole), facts={FILL: EVEN_ODD}
        )
        labels: dict[str, Label] = {"garments": Garments((one,))}
        results = results_of_labels(labels, BINDING, width=WIDTH, height=HEIGHT)
        assert [item["type"] for item in results] == ["rectanglelabels", "brushlabels"]
        mask = decode_brush(results[1]["value"]["rle"], HEIGHT, WIDTH)
        assert mask.sum() == 30 * 30 - 20 * 20

    def test_nothing_said_of_a_submitted_task(self) -> None:
        said = said_by([], BINDING)
        assert said.labels == {"category": None, "tags": Tags(), "landmarks": Landmarks()}
        assert said.garments == ()
        assert said.painted == {"parsing": []}

    def test_a_turned_rectangle_is_an_outline(self) -> None:
        item = region("garments", "rectanglelabels", "top", x=50, y=25, width=10, height=20)
        item["value"]["rotation"] = 90
        (garment,) = said_by([item], BINDING).garments or ()
        # About its upper left corner, clockwise: 6 across become 6 down, 8 down 8 to the left.
        assert garment.outlines == (((30.0, 10.0), (30.0, 16.0), (22.0, 16.0), (22.0, 10.0)),)
        assert garment.box == (22.0, 10.0, 8.0, 6.0)

    def test_a_point_without_a_parent_belongs_to_the_smallest_garment_around_it(self) -> None:
        around = region("garments", "rectanglelabels", "top", x=0, y=0, width=100, height=100)
        inside = region("garments", "rectanglelabels", "top", x=10, y=10, width=30, height=30)
        inside["id"] = "inside"
        point = region("garments-points", "keypointlabels", "left shoulder", x=20, y=20)
        large, small = said_by([around, inside, point], BINDING).garments or ()
        assert large.points == ()
        assert small.points == ((12.0, 8.0), None)

    def test_branches_of_a_taxonomy_say_no_more_than_their_leaves(self) -> None:
        config = parse_config(
            '<View><Image name="image" value="$image"/><Taxonomy name="tags" toName="image">'
            '<Choice value="Cloth"><Choice value="lace"/></Choice></Taxonomy></View>'
        )
        schema = Schema((TaskSpec(name="tags", kind="multi_label", labels=("lace",)),))
        item = {
            "from_name": "tags",
            "type": "taxonomy",
            "value": {"taxonomy": [["Cloth"], ["Cloth", "lace"]]},
        }
        assert said_by([item], bind(config, schema)).labels == {"tags": Tags(("lace",))}


def region(control: str, kind: str, label: str, **value: float) -> dict[str, Any]:
    return {
        "id": control + label,
        "from_name": control,
        "to_name": "image",
        "type": kind,
        "original_width": WIDTH,
        "original_height": HEIGHT,
        "image_rotation": 0,
        "value": {**value, kind: [label]},
    }


WRONG = {
    "results that are no list": {},
    "a result without a value": [{"from_name": "category"}],
    "a result of no control": [{"value": {}}],
    "turned by 90 degrees": [
        region("landmarks", "keypointlabels", "left cuff", x=1, y=1) | {"image_rotation": 90}
    ],
    "'hat' of category": [
        {"from_name": "category", "type": "choices", "value": {"choices": ["hat"]}}
    ],
    "'left cuff' in two places": [region("landmarks", "keypointlabels", "left cuff", x=1, y=1)] * 2,
    "a place at 120, 1 percent": [region("landmarks", "keypointlabels", "left cuff", x=120, y=1)],
    "x, y of nan, 1": [region("landmarks", "keypointlabels", "left cuff", x=float("nan"), y=1)],
    "in no garment": [region("garments-points", "keypointlabels", "left shoulder", x=1, y=1)],
    "of 60 x 40 and of 61 x 40": [
        region("landmarks", "keypointlabels", "left cuff", x=1, y=1),
        region("landmarks", "keypointlabels", "right cuff", x=1, y=1) | {"original_width": 61},
    ],
    "of 60 x None": [
        region("landmarks", "keypointlabels", "left cuff", x=1, y=1) | {"original_height": None}
    ],
    "of 40000 x 40000, more than": [
        region("parsing", "brushlabels", "skin")
        | {"original_width": 40_000, "original_height": 40_000}
    ],
    "fewer than three corners": [
        region("garments-outline", "polygonlabels", "top")
        | {"value": {"points": [[1, 1], [2, 2]], "polygonlabels": ["top"]}}
    ],
    "with 2 labels": [
        region("garments", "rectanglelabels", "top")
        | {"value": {"x": 1, "y": 1, "width": 1, "height": 1, "rectanglelabels": ["top", "skirt"]}}
    ],
    "torn": [
        region("parsing", "brushlabels", "skin") | {"value": {"rle": [1], "brushlabels": ["skin"]}}
    ],
    "without the size of its picture": [
        {
            "from_name": "landmarks",
            "value": {"x": 1, "y": 1, "keypointlabels": ["left cuff"]},
        }
    ],
}


@pytest.mark.parametrize("says", WRONG)
def test_wrong_results_are_told(says: str) -> None:
    with pytest.raises(ValueError, match=says):
        said_by(checked_items(WRONG[says]), BINDING)
