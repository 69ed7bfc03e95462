"""Answers with places: in pixels of the upright original, whatever the network was shown."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import dots
import numpy as np
import pytest
from PIL import Image

from lapel.inference.boxes import BoxFile
from lapel.inference.drawing import (
    attention_heat,
    attention_words,
    draw_prediction,
    drawing_paths,
)
from lapel.inference.examined import Examined
from lapel.inference.pictures import Failure
from lapel.inference.predictor import Predictor
from lapel.schema.errors import FormatError, StorageError, UsageError
from lapel.schema.geometry import Box
from lapel.schema.outputs import ATTENTION, heatmaps_of
from lapel.schema.prediction import LandmarksAnswer, Prediction

DOTS = [(60.0, 50.0), (92.5, 70.25)]
BOX = Box(40.0, 30.0, 80.0, 70.0)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dots.write_dots_bundle(tmp_path_factory.mktemp("dots") / "bundle")


@pytest.fixture(scope="module")
def predictor(bundle: Path) -> Predictor:
    return Predictor.load(bundle)


def answer_of(found: Prediction | Failure) -> LandmarksAnswer:
    assert isinstance(found, Prediction), found
    answer = found.answers["points"]
    assert isinstance(answer, LandmarksAnswer)
    return answer


def places(found: Prediction | Failure) -> np.ndarray:
    return np.array([(point.x, point.y) for point in answer_of(found).points])


def test_places_are_pixels_of_the_original(predictor: Predictor) -> None:
    picture = dots.dot_picture(200, 130, DOTS)
    (found,) = predictor.predict(picture, boxes=BOX)
    np.testing.assert_allclose(places(found)[:2], DOTS, atol=0.4)
    assert [name for name, _ in answer_of(found).lines()] == ["left dot", "right dot"]
    # Cut to where the garment is, both dots are in the left half of the whole picture.
    (whole,) = predictor.predict(picture)
    assert answer_of(whole).points[1].visible < 0.5


def test_each_picture_has_its_own_box(predictor: Predictor) -> None:
    pictures, boxes = [], []
    for shift in (0.0, 20.0, 45.0):
        moved = [(x + shift, y + shift / 2) for x, y in DOTS]
        pictures.append(dots.dot_picture(220, 160, moved))
        boxes.append(BOX._replace(left=BOX.left + shift, top=BOX.top + shift / 2))
    found = list(predictor.predict(pictures, boxes=boxes))
    for prediction, shift in zip(found, (0.0, 20.0, 45.0), strict=True):
        expected = [(x + shift, y + shift / 2) for x, y in DOTS]
        np.testing.assert_allclose(places(prediction)[:2], expected, atol=0.4)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_boxes_and_answers_are_of_the_upright_picture(
    predictor: Predictor, orientation: int
) -> None:
    turn = {
        3: Image.Transpose.ROTATE_180,
        6: Image.Transpose.ROTATE_90,
        8: Image.Transpose.ROTATE_270,
    }
    picture = Image.fromarray(dots.dot_picture(200, 130, DOTS))
    if orientation in turn:
        picture = picture.transpose(turn[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    picture.save(file, "PNG", exif=exif)
    (found,) = predictor.predict(file.getvalue(), boxes=BOX)
    assert isinstance(found, Prediction)
    assert (found.width, found.height) == (200, 130)
    np.testing.assert_allclose(places(found)[:2], DOTS, atol=0.4)


def test_boxes_may_be_four_numbers_or_unknown(predictor: Predictor) -> None:
    picture = dots.dot_picture(200, 130, DOTS)
    first, second = predictor.predict([picture, picture], boxes=[(40, 30, 80, 70), None])
    np.testing.assert_allclose(places(first)[:2], DOTS, atol=0.4)
    assert places(second).shape == (3, 2)


def test_a_box_outside_its_picture_is_a_failure_of_that_picture(predictor: Predictor) -> None:
    picture = dots.dot_picture(200, 130, DOTS)
    boxes = [Box(300, 10, 50, 50), BOX]
    failed, found = predictor.predict([picture, picture], boxes=boxes)
    assert isinstance(failed, Failure)
    assert "from 300, 10 to 350, 60 lies outside the picture of 200 x 130" in failed.fault
    assert isinstance(found, Prediction)


@pytest.mark.parametrize(
    ("boxes", "says"),
    [
        ([BOX], "found 1 boxes, and more of the other"),
        ([BOX, BOX, BOX], "found 2 pictures, and more of the other"),
        ([BOX, (1, 2, 3)], "the box of picture 1: expected left, top, width and height"),
        ([BOX, Box(1, 2, 0, 4)], "the last two above 0"),
        ([BOX, (1, 2, float("nan"), 4)], "the last two above 0"),
    ],
)
def test_boxes_that_do_not_fit(predictor: Predictor, boxes: list[Box], says: str) -> None:
    pictures = [dots.dot_picture(200, 130, DOTS)] * 2
    with pytest.raises(UsageError, match=says):
        list(predictor.predict(pictures, boxes=boxes))


def test_a_model_that_looks_at_all_takes_no_boxes(tmp_path: Path) -> None:
    whole = Predictor.load(dots.write_dots_bundle(tmp_path / "b", crop_to_box=False))
    with pytest.raises(UsageError, match="looks at whole pictures"):
        list(whole.predict(dots.dot_picture(64, 64, DOTS), boxes=BOX))


def test_the_same_answer_in_any_batch(bundle: Path) -> None:
    pictures = [dots.drawn(row)[0] for row in range(9)]
    boxes = [dots.drawn(row)[1] for row in range(9)]

    def answers(batch: int) -> list[dict[str, Any]]:
        found = Predictor.load(bundle, batch=batch).predict(pictures, boxes=boxes)
        return [one.to_json() for one in found if isinstance(one, Prediction)]

    assert answers(1) == answers(4) == answers(32)
    assert len(answers(32)) == 9


class TestMaps:
    def test_they_come_only_where_they_are_asked_for(self, predictor: Predictor) -> None:
        picture = dots.dot_picture(200, 130, DOTS)
        (found,) = predictor.examine(picture, boxes=BOX)
        assert isinstance(found, Examined)
        assert predictor.maps == (heatmaps_of("points"), ATTENTION)
        assert {name: map_.shape for name, map_ in found.maps.items()} == {
            heatmaps_of("points"): (3, 64, 64),
            ATTENTION: (1, 64, 64),
        }
        (plain,) = predictor.predict(picture, boxes=BOX)
        assert plain == found.prediction
        assert set(predictor.outputs([picture])) == {"points"}

    def test_a_network_without_any_is_drawn_all_the_same(self, tmp_path: Path) -> None:
        plain = Predictor.load(dots.write_dots_bundle(tmp_path / "b", maps=False))
        picture = dots.dot_picture(200, 130, DOTS)
        (found,) = plain.examine(picture, boxes=BOX)
        assert isinstance(found, Examined)
        assert found.maps == {}
        assert Image.open(io.BytesIO(draw_prediction(picture, found))).width == 400

    def test_a_drawing_shows_points_maps_and_names(
        self, predictor: Predictor, tmp_path: Path
    ) -> None:
        path = tmp_path / "photo.png"
        Image.fromarray(dots.dot_picture(200, 130, DOTS)).save(path)
        (found,) = predictor.examine(path, boxes=BOX)
        assert isinstance(found, Examined)
        with Image.open(io.BytesIO(draw_prediction(path, found))) as drawing:
            assert drawing.format == "JPEG"
            assert drawing.width >= 3 * 400
            pixels = np.asarray(drawing).astype(int)
        # The first dot's colour is red: it stands at the dot, twice as large as the photo.
        red = (pixels[..., 0] - pixels[..., 1:].max(axis=-1) > 90)[:280, :400]
        rows, columns = np.nonzero(red)
        np.testing.assert_allclose((columns.mean() / 2, rows.mean() / 2), (60, 50 + 10), atol=3)


class TestDrawingPaths:
    def test_drawings_lie_as_their_pictures_do(self) -> None:
        pictures = ["a/x.png", "b/x.jpg", "b/X.jpg", "c.d.webp"]
        paths = [str(path) for path in drawing_paths(pictures, Path("out"))]
        assert paths == ["out/a/x.jpg", "out/b/x.jpg", "out/b/X-2.jpg", "out/c.d.jpg"]
        alone = drawing_paths(["deep/below/x.png", "deep/below/y.png"], Path("out"))
        assert [path.name for path in alone] == ["x.jpg", "y.jpg"]
        assert {path.parent for path in alone} == {Path("out")}

    def test_no_picture_is_lost_to_its_drawing(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="would take the place of"):
            drawing_paths([str(tmp_path / "x.jpg")], tmp_path)
        drawing_paths([str(tmp_path / "x.png")], tmp_path)


class TestBoxFile:
    def write(self, folder: Path, text: str) -> Path:
        path = folder / "boxes.csv"
        path.write_text(text, encoding="utf-8")
        return path

    def test_names_lead_from_here_or_from_the_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "set").mkdir()
        text = "image,top,left,height,width,more\nset/a.jpg,2,1,4,3,x\nb.jpg,6,5,8,7,y\n"
        file = BoxFile(self.write(tmp_path / "set", text))
        assert file.box("set/a.jpg") == Box(1, 2, 3, 4)
        assert file.box(str(tmp_path / "set" / "b.jpg")) == Box(5, 6, 7, 8)
        assert file.box("c.jpg") is None
        assert file.unused == []

    def test_rows_that_led_nowhere_are_known(self, tmp_path: Path) -> None:
        file = BoxFile(self.write(tmp_path, "\ufeffimage,left,top,width,height\na.jpg,1,2,3,4\n"))
        assert len(file) == 1
        assert file.unused == ["a.jpg"]

    def test_all_faults_are_told_with_their_lines(self, tmp_path: Path) -> None:
        text = (
            "image,left,top,width,height\na.jpg,1,2,3,4\nb.jpg,1,2,x,4\n\nc.jpg,1,2,3\n"
            "a.jpg,5,6,7,8\n,1,2,3,4\nd.jpg,1,2,0,4\n"
        )
        with pytest.raises(FormatError) as refusal:
            BoxFile(self.write(tmp_path, text))
        assert [fault.line for fault in refusal.value.faults] == [3, 5, 6, 7, 8]
        assert "line 6: found a.jpg, expected one row a picture; line 2 has it too" in str(
            refusal.value
        )

    @pytest.mark.parametrize("text", ["", "image,x,y,w,h\na.jpg,1,2,3,4\n"])
    def test_other_columns_are_refused(self, tmp_path: Path, text: str) -> None:
        with pytest.raises(FormatError, match="the columns image,left,top,width,height"):
            BoxFile(self.write(tmp_path, text))

    def test_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(StorageError, match="could not be read"):
            BoxFile(tmp_path / "none.csv")


def test_attention_is_shown_from_its_least_to_its_most() -> None:
    attention = np.linspace(1.2, 1.8, 16, dtype=np.float32).reshape(1, 4, 4)
    heat = attention_heat(attention)
    assert (heat.min(), heat.max()) == (0, 1)
    assert attention_words(attention) == "attention 1.20 to 1.80"
    flat = attention_heat((1.5 + attention / 1000).astype(np.float32))
    assert flat.max() < 0.02
