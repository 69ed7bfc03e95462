"""Drawings name labels of other scripts in English, or by number, and never as boxes."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from lapel.imaging import lettering
from lapel.imaging.preprocess import Frame, Placement
from lapel.inference.bundle import Bundle, write_bundle
from lapel.inference.drawing import draw_prediction
from lapel.inference.examined import Examined
from lapel.inference.predictor import Predictor
from lapel.inference.spelling import Spelling
from lapel.schema.errors import BundleError
from lapel.schema.geometry import Box
from lapel.schema.labels import Schema, TaskSpec
from lapel.schema.prediction import (
    Answer,
    FoundLandmark,
    LandmarksAnswer,
    Prediction,
    SingleLabelAnswer,
)

PHOTO = np.full((40, 40, 3), 200, np.uint8)
SCHEMA = Schema(
    (
        TaskSpec(name="카테고리", kind="single_label", labels=("원피스", "dress", "바지")),
        TaskSpec(name="landmarks", kind="landmarks", labels=("left hem", "오른쪽 밑단")),
    )
)


@pytest.fixture(autouse=True)
def no_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine without Korean letters."""
    monkeypatch.setattr(lettering, "FONTS", ())


def drawn(task: str, label: str, point: str, spelling: Spelling) -> NDArray[np.uint8]:
    answers: dict[str, Answer] = {
        task: SingleLabelAnswer(label=label, probability=0.9, top=((label, 0.9),)),
        "landmarks": LandmarksAnswer(
            points=(FoundLandmark(name=point, x=5.0, y=5.0, visible=0.8),)
        ),
    }
    frame = Frame(
        placement=Placement(scale_x=1, scale_y=1, offset_x=0, offset_y=0),
        width=40,
        height=40,
        box=Box(0, 0, 40, 40),
    )
    prediction = Prediction(image="x", width=40, height=40, answers=answers)
    found = Examined(prediction=prediction, frame=frame, box=None, maps={}, spelling=spelling)
    with Image.open(io.BytesIO(draw_prediction(PHOTO, found))) as picture:
        return np.asarray(picture)


def test_english_stands_in_for_letters_that_no_font_has() -> None:
    english = {"카테고리": "category", "원피스": "dress", "오른쪽 밑단": "right hem"}
    spelling = Spelling(schema=SCHEMA, english=english)
    korean = drawn("카테고리", "원피스", "오른쪽 밑단", spelling)
    assert np.array_equal(korean, drawn("category", "dress", "right hem", Spelling()))


def test_numbers_stand_in_where_there_is_no_english() -> None:
    spelling = Spelling(schema=SCHEMA)
    korean = drawn("카테고리", "바지", "오른쪽 밑단", spelling)
    assert np.array_equal(korean, drawn("task 1", "#3", "#2", Spelling()))


def test_latin_names_stay() -> None:
    spelling = Spelling(schema=SCHEMA, english={"dress": "robe"})
    assert spelling.label("카테고리", "dress") == "dress"


def test_a_bundle_keeps_english_and_one_without_reads_as_before(
    colour_bundle: Path, tmp_path: Path
) -> None:
    plain = Bundle.load(colour_bundle)
    assert plain.english == {}
    assert "english" not in plain.to_json()
    schema = Schema((replace(plain.schema.tasks[0], labels=("빨강", "초록", "파랑")),))
    write_bundle(
        tmp_path / "bundle",
        name=plain.name,
        schema=schema,
        preprocess=plain.preprocess,
        architecture=plain.architecture,
        calibration={},
        scores={},
        provenance={},
        model_onnx=plain.read("model.onnx"),
        weights=b"",
        card="# card",
        english={"빨강": "red"},
    )
    assert Bundle.load(tmp_path / "bundle").english == {"빨강": "red"}
    (found,) = Predictor.load(tmp_path / "bundle").examine(PHOTO)
    assert isinstance(found, Examined)
    assert found.spelling.label(schema.tasks[0].name, "빨강") == "red"
    assert found.spelling.label(schema.tasks[0].name, "파랑") == "#3"
    path = tmp_path / "bundle" / "lapel.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {"english": {"빨강": 7}}))
    with pytest.raises(BundleError, match="'english' should be an object of texts"):
        Bundle.load(tmp_path / "bundle")
