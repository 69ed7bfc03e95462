"""Places of drawn garments as tasks: landmarks, pixels, and every garment for itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typed_commands import lapel

from lapel.data.checking.check import check_dataset
from lapel.data.dataset import Dataset
from lapel.data.deepfashion2.words import point_names
from lapel.data.sketch.labelling import OCCLUDED, OUTSIDE, VISIBLE
from lapel.data.sketch.landmarks import LANDMARKS, POINTS
from lapel.data.sketch.picture import Options, draw_picture
from lapel.data.sketch.places import PLACE_TASKS, levels
from lapel.data.sketch.records import read_records
from lapel.data.sketch.vocabulary import CLASSES, KIND
from lapel.data.sketch.writing import sketch_dataset
from lapel.imaging.outlines import mask_box, mask_from
from lapel.schema.errors import UsageError
from lapel.schema.garments import Garments
from lapel.schema.geometry import Landmarks, mirrored
from lapel.schema.masks import ClassMap

SCENES = Options(seed=5, size=64, several=4, tasks=PLACE_TASKS)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Twenty pictures of up to four garments. Not to be changed."""
    return sketch_dataset(tmp_path_factory.mktemp("scenes") / "scenes", 20, options=SCENES)


def test_places_are_tasks_beside_the_words(scenes: Dataset) -> None:
    kinds = {task.name: task.kind for task in scenes.schema}
    assert list(kinds)[-4:] == ["categories", *PLACE_TASKS]
    assert kinds["categories"] == "multi_label"
    assert [kinds[name] for name in PLACE_TASKS] == ["landmarks", "segmentation", "garments"]
    assert check_dataset(scenes.folder).faults == 0


def test_every_garment_is_there_with_its_pixels_and_its_facts(scenes: Dataset) -> None:
    labels = scenes.labels("garments")
    for row, record in enumerate(read_records(scenes.folder)):
        label = labels[row]
        assert isinstance(label, Garments)
        assert scenes.table["garments"][row] == len(label.each) == len(record["garments"])
        with Image.open(scenes.folder / record["mask"]) as image:
            numbers = np.asarray(image)
        for one, drawn in zip(label.each, record["garments"], strict=True):
            assert one.part == drawn["category"]
            assert one.mask is not None
            mask = mask_from(one.mask)
            assert (mask == (numbers == drawn["number"])).all()
            assert mask.sum() == drawn["area"]
            assert one.box == mask_box(mask)
            assert one.facts["colour"] == drawn["colour"]
            assert list(one.attributes) == drawn["tags"]["yes"]


def test_garments_have_all_landmarks_of_their_kind(scenes: Dataset) -> None:
    spec = scenes.schema["garments"]
    assert spec.points == point_names() == POINTS
    assert len(spec.point_names) == 294
    seen = set()
    for row, record in enumerate(read_records(scenes.folder)):
        label = scenes.labels("garments")[row]
        assert isinstance(label, Garments)
        for one, drawn in zip(label.each, record["garments"], strict=True):
            assert len(one.points) == len(spec.points[one.part]) == len(LANDMARKS[one.part])
            for place, (x, y, state) in enumerate(drawn["landmarks"]):
                assert one.points[place] == (None if state == OUTSIDE else (x, y))
                assert (place in one.hidden) == (state == OCCLUDED)
                seen.add(state)
    assert {OCCLUDED, VISIBLE} <= seen


def test_a_mirror_exchanges_left_and_right_points() -> None:
    names = [name for kind in POINTS.values() for name in kind]
    others = mirrored(names)
    assert [others[other] for other in others] == list(range(294))
    assert names[others[names.index("skirt: hem left")]] == "skirt: hem right"
    unpaired = [name for name, other in zip(names, others, strict=True) if names[other] == name]
    assert not any({"left", "right"} & set(name.split(" ")) for name in unpaired)


def test_pixels_are_of_the_form_of_their_garment(scenes: Dataset) -> None:
    labels = scenes.labels("parsing")
    worn = 0
    for row, record in enumerate(read_records(scenes.folder)):
        label = labels[row]
        assert isinstance(label, ClassMap)
        assert label.labels == CLASSES
        with Image.open(scenes.folder / record["mask"]) as image:
            numbers = np.asarray(image)
        for one in record["garments"]:
            form = CLASSES.index(KIND[one["category"]].form)
            assert (label.pixels[numbers == one["number"]] == form).all()
        rest = np.unique(label.pixels[numbers == 0])
        assert set(rest.tolist()) <= {0, 1}
        presented = {one["presentation"] for one in record["garments"]}
        if "worn" not in presented:
            assert rest.tolist() == [0]
        worn += 1 in rest
    assert worn


def test_the_main_garment_has_deepfashions_landmarks(scenes: Dataset) -> None:
    counts = {"upper": 6, "lower": 4, "full": 8}
    for row, record in enumerate(read_records(scenes.folder)):
        label = scenes.labels("landmarks")[row]
        assert isinstance(label, Landmarks)
        main = record["garments"][0]
        left, top, right, bottom = main["box"]
        assert scenes.boxes()[row] == (left, top, right - left, bottom - top)
        form = KIND[main["category"]].form
        lower = form in {"skirt", "shorts", "trousers"}
        clothes = "full" if form == "dress" else "lower" if lower else "upper"
        assert len(label.names) == counts[clothes]
        drawn = dict(zip(LANDMARKS[main["category"]], main["landmarks"], strict=True))
        collar = "left waist" if lower else "left collar"
        x, y, state = drawn["waist left" if lower else "neck left"]
        if state != OUTSIDE:
            point = label.points[collar]
            assert (point.x, point.y, point.visible) == (x, y, state == VISIBLE)


def test_tasks_change_no_pixel_and_nobody_pays_who_wants_none(tmp_path: Path) -> None:
    plain = sketch_dataset(tmp_path / "plain", 6, options=Options(seed=5, size=64, several=4))
    with_them = sketch_dataset(tmp_path / "with", 6, options=SCENES)
    assert plain.table["sha256"].to_list() == with_them.table["sha256"].to_list()
    assert not (plain.folder / "masks/parsing").exists()
    assert "garments" in [task.name for task in plain.schema if task.kind == "multi_label"]


def test_garments_go_without_their_landmarks(tmp_path: Path) -> None:
    options = Options(seed=5, size=64, tasks=("garments",), points=False)
    drawn = sketch_dataset(tmp_path / "bare", 3, options=options)
    assert drawn.schema["garments"].point_names == ()
    for label in drawn.labels("garments"):
        assert isinstance(label, Garments)
        assert [one.points for one in label.each] == [()]


def test_levels_go_by_size_by_what_is_hidden_and_by_what_is_outside() -> None:
    found: dict[str, set[int]] = {}
    for number in range(60):
        for one in draw_picture(number, Options(seed=9, size=64, several=3)).garments:
            for name, level in levels(one, 64).items():
                found.setdefault(name, set()).add(level)
            left, top, right, bottom = one.box
            share = (right - left) * (bottom - top) / 64**2
            assert (levels(one, 64)["scale"] == 3) == (share > 0.4)
    assert found["scale"] == {1, 2, 3}
    assert {1, 2} <= found["occlusion"] <= {1, 2, 3}
    assert found["viewpoint"] == {1, 2}


def test_scenes_are_replaced_as_other_drawings_are(tmp_path: Path) -> None:
    sketch_dataset(tmp_path / "d", 2, options=SCENES)
    sketch_dataset(tmp_path / "d", 3, options=SCENES, replace=True)
    assert len(Dataset.open(tmp_path / "d")) == 3


def test_a_task_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="found tasks outlines, expected some of landmarks, pars"):
        sketch_dataset(tmp_path / "d", 2, options=Options(tasks=("garments", "outlines")))


def test_the_command_draws_scenes(tmp_path: Path) -> None:
    options = ["--scenes", "--size", "48", "--no-points"]
    done = lapel("data", "import", "sketch", "10", "scenes", *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    drawn = Dataset.open(tmp_path / "scenes")
    assert [task.name for task in drawn.schema][-3:] == list(PLACE_TASKS)
    assert max(drawn.table["garments"].to_list()) > 1
