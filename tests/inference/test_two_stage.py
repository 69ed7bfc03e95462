"""Garments found by one model and read by another, each by its own pixels."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import blocks
import dots
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from lapel.evaluation.two_stage import evaluate_two_stages, known_of
from lapel.inference.bundle import Bundle
from lapel.inference.engines.onnxruntime_engine import OnnxRuntimeEngine
from lapel.inference.pictures import Failure
from lapel.inference.predictor import Predictor
from lapel.inference.two_stage import TwoStagePredictor
from lapel.schema.annotation import Annotation, Tags
from lapel.schema.errors import UsageError
from lapel.schema.garments import Garment
from lapel.schema.labels import Schema, TaskSpec
from lapel.schema.prediction import LandmarksAnswer, SingleLabelAnswer
from lapel.schema.read_garments import ReadScene

TOP, SKIRT = (10, 20, 40, 60), (80, 30, 30, 50)


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return blocks.write_blocks_bundle(tmp_path_factory.mktemp("finds") / "blocks")


@pytest.fixture
def both(detector: Path, colour_bundle: Path) -> TwoStagePredictor:
    return TwoStagePredictor.load(detector, colour_bundle, batch=2)


def scene_of(found: ReadScene | Failure) -> ReadScene:
    assert isinstance(found, ReadScene), found
    return found


def colour_of(scene: ReadScene, place: int) -> str:
    answer = scene.garments[place].answers["colour"]
    assert isinstance(answer, SingleLabelAnswer)
    return answer.label


def test_an_answer_is_there_before_many_pictures_were_looked_at(detector: Path) -> None:
    """A finder takes seconds a picture; the time left is told from the answers."""
    asked = []

    def pictures() -> Iterator[NDArray[np.uint8]]:
        for number in range(10):
            asked.append(number)
            yield blocks.block_picture(128, 96, {"top": TOP})

    next(iter(Predictor.load(detector, batch=32).predict(pictures())))
    assert len(asked) <= 3


def test_numbers_have_two_digits_in_tables_and_all_of_them_in_json(
    both: TwoStagePredictor,
) -> None:
    scene = scene_of(next(both.predict(blocks.block_picture(128, 97, {"top": TOP}))))
    garment, plain = scene.rows()[0], scene.garments[0].to_json()
    found = scene.garments[0].found
    assert plain["box"] == list(found.box)
    assert garment["garment.left"] == round(found.box.left, 2)
    assert garment["garment.probability"] == found.score


def test_each_garment_is_read_by_itself(both: TwoStagePredictor) -> None:
    picture = blocks.block_picture(128, 96, {"top": TOP, "skirt": SKIRT})
    (found,) = both.predict(picture)
    scene = scene_of(found)
    assert (scene.width, scene.height) == (128, 96)
    labels = [one.found.label for one in scene.garments]
    assert labels == ["top", "skirt"]
    np.testing.assert_allclose(scene.garments[0].found.box, TOP, atol=1e-3)
    # Of the whole picture the tagger would say one colour; of each garment it says its own.
    assert [colour_of(scene, place) for place in (0, 1)] == ["red", "blue"]
    value = scene.to_json()
    assert json.loads(json.dumps(value)) == value
    assert value["garments"][1]["answers"]["colour"]["label"] == "blue"
    assert value["garments"][1]["mask"]["size"] == [96, 128]


def test_pictures_without_garments_and_failures_stand_in_their_place(
    both: TwoStagePredictor, tmp_path: Path
) -> None:
    empty = blocks.block_picture(50, 40, {})
    full = blocks.block_picture(128, 96, {"skirt": SKIRT})
    file = tmp_path / "full.png"
    Image.fromarray(full).save(file)
    found = list(both.predict([empty, b"torn", full, file, empty, file.read_bytes()]))
    assert isinstance(found[1], Failure)
    counts = [len(scene_of(one).garments) for place, one in enumerate(found) if place != 1]
    assert counts == [0, 1, 1, 0, 1]
    assert [scene_of(found[place]).image for place in (0, 3)] == ["image[0]", str(file)]
    rows = scene_of(found[0]).rows()
    assert rows == [{"image": "image[0]", "garment": 0}]
    (row,) = scene_of(found[2]).rows()
    assert row["garment.label"] == "skirt"
    assert (row["garment.left"], row["garment.height"]) == (80, 50)
    assert row["colour"] == "blue"


@pytest.mark.parametrize("crops", [True, False])
def test_landmarks_come_back_to_the_photo(detector: Path, tmp_path: Path, *, crops: bool) -> None:
    """The tagger's points lie in the garment, wherever that is; with boxes or on what was cut."""
    tagger = dots.write_dots_bundle(tmp_path / "dots", crop_to_box=crops)
    picture = blocks.block_picture(128, 96, {"top": TOP, "skirt": SKIRT}, bright=160)
    spots = [(18.0, 40.0), (42.0, 60.0)], [(86.0, 45.0), (104.0, 65.0)]
    for x, y in (*spots[0], *spots[1]):
        picture[int(y) - 2 : int(y) + 2, int(x) - 2 : int(x) + 2, 1] = 255
    both = TwoStagePredictor.load(detector, tagger)
    assert both.tagger.bundle.preprocess.crop_to_box is crops
    (found,) = both.predict(picture)
    for one, (left, top, width, height) in zip(scene_of(found).garments, (TOP, SKIRT), strict=True):
        answer = one.answers["points"]
        assert isinstance(answer, LandmarksAnswer)
        for point in answer.points[:2]:
            assert left - 6 <= point.x <= left + width + 6
            assert top - 6 <= point.y <= top + height + 6


def test_bundles_that_cannot_do_it_are_refused(detector: Path, colour_bundle: Path) -> None:
    with pytest.raises(UsageError, match="colours finds no garments"):
        TwoStagePredictor.load(colour_bundle, colour_bundle)
    with pytest.raises(UsageError, match="blocks answers garments for whole pictures"):
        TwoStagePredictor.load(detector, detector)
    finder = Predictor.load(detector)
    with pytest.raises(UsageError, match="a share of 0 or more"):
        TwoStagePredictor(finder, Predictor.load(colour_bundle), margin=-1)


def test_a_picture_that_turns_is_read_upright(both: TwoStagePredictor) -> None:
    picture = Image.fromarray(blocks.block_picture(96, 128, {"top": (20, 10, 40, 30)}))
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    picture.transpose(Image.Transpose.ROTATE_90).save(file, "PNG", exif=exif)
    (found,) = both.predict(file.getvalue())
    scene = scene_of(found)
    assert (scene.width, scene.height) == (96, 128)
    np.testing.assert_allclose(scene.garments[0].found.box, (20, 10, 40, 30), atol=1e-3)
    assert colour_of(scene, 0) == "red"


@pytest.fixture(scope="module")
def coloured(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., object]:
    """A dataset of blocks whose colours are known; of every third picture a wrong one."""
    from lapel.data.creating import create_dataset

    def make(*, crowded: bool = False) -> object:
        folder = tmp_path_factory.mktemp("coloured")
        photos, garments, rows = folder / "photos", {}, []
        photos.mkdir()
        for row in range(9):
            name, drawn = f"{row}.png", blocks.blocks_of(row)
            Image.fromarray(blocks.block_picture(128, 96, drawn)).save(photos / name)
            rows.append(Annotation(image=name, labels={}, split="test"))
            colours = {"top": "red", "skirt": "green" if row % 3 == 0 else "blue"}
            each = [
                replace(blocks.as_garment(part, block), facts={"colour": colours[part]})
                for part, block in drawn.items()
            ]
            if row == 4:
                each.append(Garment(part="skirt", box=(0.0, 90.0, 6.0, 6.0)))
            if crowded and row == 2:
                each[1] = replace(each[1], facts={"iscrowd": 1})
            garments[name] = tuple(each)
        return create_dataset(
            folder / "dataset",
            name="coloured",
            schema=Schema((blocks.GARMENTS,)),
            annotations=rows,
            images=photos,
            garments=garments,
        )

    return make


def test_two_stages_are_judged_on_what_was_found(
    both: TwoStagePredictor, coloured: Callable[..., object]
) -> None:
    dataset = coloured()
    found = evaluate_two_stages(both, dataset)  # type: ignore[arg-type]  # it is one
    assert found.numbers == pytest.approx(
        {"found": 18 / 19, "told": 1.0, "category": 1.0, "tags.colour": 15 / 18}
    )
    truly = evaluate_two_stages(both, dataset, true_boxes=True)  # type: ignore[arg-type]  # as above
    assert truly.found.value == truly.category.value == 1.0
    assert truly.tasks["colour"].of == 18  # of the nineteenth nobody knows
    with pytest.raises(UsageError, match="has no task 'garments'"):
        evaluate_two_stages(
            both,
            dots.write_dots_dataset(Path(dataset.folder) / "dots", test=1),  # type: ignore[attr-defined]  # as above
        )


def test_what_lies_in_a_crowd_takes_no_part(
    both: TwoStagePredictor, coloured: Callable[..., object]
) -> None:
    dataset = coloured(crowded=True)
    for true_boxes in (False, True):
        judged = evaluate_two_stages(both, dataset, true_boxes=true_boxes)  # type: ignore[arg-type]  # it is one
        assert judged.found.of == 18
        assert judged.told.value == 1.0
        assert judged.tasks["colour"].of == 17


def test_what_is_known_of_a_garment() -> None:
    colour = TaskSpec(name="colour", kind="single_label", labels=("red", "blue"))
    kind = TaskSpec(name="kind", kind="single_label", labels=("top", "skirt"))
    tags = TaskSpec(name="tags", kind="multi_label", labels=("lace", "knit"))
    one = Garment(part="top", attributes=("lace", "red", "soft"), facts={"scale": 2})
    assert known_of(one, colour) == "red"
    assert known_of(replace(one, facts={"colour": "blue"}), colour) == "blue"
    assert known_of(one, kind) == "top"
    assert known_of(one, tags) == Tags(("lace",))
    assert known_of(Garment(part="hat"), colour) is None
    assert known_of(Garment(part="hat"), tags) is None
    assert known_of(Garment(attributes=("red", "blue")), colour) is None


def test_a_network_that_answers_another_shape_is_refused(detector: Path) -> None:
    from lapel.schema.errors import BundleError

    bundle = Bundle.load(detector)
    points = TaskSpec(name="garments", kind="garments", labels=("top", "skirt"))
    other = replace(bundle, schema=Schema((points,)))
    with pytest.raises(BundleError, match="export the model again"):
        Predictor(other, OnnxRuntimeEngine(blocks.network()))


def test_finding_and_reading_need_no_pycocotools(
    detector: Path, colour_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pycocotools", "pycocotools.mask", "pycocotools.cocoeval", "scipy"):
        monkeypatch.setitem(sys.modules, name, None)
    both = TwoStagePredictor.load(detector, colour_bundle)
    (found,) = both.predict(blocks.block_picture(128, 96, {"top": TOP}))
    assert colour_of(scene_of(found), 0) == "red"
