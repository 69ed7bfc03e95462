"""Landmarks are judged in boxes, beside places that never look, and shown as pictures."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from pathlib import Path

import dots
import numpy as np
import pytest
from PIL import Image

from lapel.data.dataset import Dataset
from lapel.evaluation.evaluate import evaluate
from lapel.evaluation.kinds.landmarks import LandmarksEvaluation
from lapel.evaluation.kinds.usual_places import UsualPlaces
from lapel.evaluation.result import Evaluation
from lapel.schema.geometry import Box, Landmark, Landmarks

SHIFT = 0.06


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Two dots a picture; their labels lie 0.06 of the box beside them."""
    return dots.write_dots_dataset(tmp_path_factory.mktemp("dots"), shift=SHIFT)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dots.write_dots_bundle(tmp_path_factory.mktemp("bundles") / "dots", fit="stretch")


@pytest.fixture(scope="module")
def found(bundle: Path, dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    return evaluate(bundle, dataset, out=tmp_path_factory.mktemp("report"), resamples=50)


def judged_of(evaluation: Evaluation) -> LandmarksEvaluation:
    judged = evaluation.tasks["points"]
    assert isinstance(judged, LandmarksEvaluation)
    return judged


def table_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_error_is_that_of_the_labels(found: Evaluation) -> None:
    numbers = found.numbers
    # The network finds the dots; what is left is what was planted: 0.06 of the box's width.
    assert numbers["points.ne"] == pytest.approx(SHIFT, abs=0.006)
    assert numbers["points.pck10"] == 1
    assert numbers["points.pdl"] < 0.2
    assert numbers["points.auc"] == pytest.approx(1 - SHIFT / 0.2, abs=0.03)
    rows = {row["label"]: row for row in judged_of(found).per_label()}
    assert rows["left dot"]["points"] == 40
    assert rows["right dot"]["points"] == 32  # hidden points have a place, and are not measured
    assert rows["hem"]["points"] == 0
    assert np.isnan(rows["hem"]["ne"])
    # A hidden dot shines all the same: the network says that it can be seen, which is wrong.
    assert (rows["right dot"]["tp"], rows["right dot"]["fp"]) == (32, 8)
    assert (rows["hem"]["tn"], rows["hem"]["fp"], rows["hem"]["fn"]) == (5, 0, 0)


def test_it_beats_places_that_never_look(found: Evaluation) -> None:
    judged = judged_of(found)
    assert judged.numbers["ne"].high < judged.majority.numbers["ne"]
    assert judged.majority.counted_on == "train"
    assert judged.habit.different == 40
    assert judged.habit.share < 0.2


def test_without_its_box_it_does_worse_and_that_is_said(
    bundle: Path, dataset: Dataset, found: Evaluation, tmp_path: Path
) -> None:
    whole = evaluate(bundle, dataset, out=tmp_path, resamples=20, whole=True)
    assert whole.numbers["points.ne"] > 2 * found.numbers["points.ne"]
    assert whole.subject.title.endswith("(whole pictures)")
    written = json.loads((tmp_path / "metrics.json").read_text("utf-8"))
    assert written["boxes"] == "kept back"
    assert any("kept from the model" in remark for remark in written["remarks"])
    kept = json.loads((found.out / "metrics.json").read_text("utf-8"))
    assert kept["boxes"] == "seen"
    # The same boxes measure both: the baseline, which knows them, is the same.
    assert whole.numbers.keys() == found.numbers.keys()
    assert judged_of(whole).majority.numbers["ne"] == pytest.approx(
        judged_of(found).majority.numbers["ne"], abs=1e-5
    )


def test_a_dataset_without_boxes_is_measured_by_its_pictures(bundle: Path, tmp_path: Path) -> None:
    plain = dots.write_dots_dataset(tmp_path / "plain", train=4, test=6, boxes=False)
    found = evaluate(bundle, plain, out=tmp_path / "out", resamples=10)
    assert found.subject.boxes == "none"
    assert judged_of(found).frames[0].box == Box(0, 0, 120, 100)


def test_a_model_that_looks_at_all_is_measured_by_the_box_too(
    dataset: Dataset, found: Evaluation, tmp_path: Path
) -> None:
    bundle = dots.write_dots_bundle(tmp_path / "b", crop_to_box=False)
    whole = evaluate(bundle, dataset, out=tmp_path / "out", resamples=10)
    assert whole.subject.boxes == "never"
    assert judged_of(whole).frames[0].box == judged_of(found).frames[0].box


def test_flip_leads_back_to_the_same_places(
    bundle: Path, dataset: Dataset, found: Evaluation, tmp_path: Path
) -> None:
    flipped = evaluate(bundle, dataset, out=tmp_path, resamples=10, flip=True)
    assert flipped.numbers["points.ne"] == pytest.approx(found.numbers["points.ne"], abs=2e-3)
    np.testing.assert_allclose(judged_of(flipped).output, judged_of(found).output, atol=0.02)


def test_an_image_without_a_readable_file_takes_no_part(bundle: Path, tmp_path: Path) -> None:
    damaged = dots.write_dots_dataset(tmp_path / "set", train=2, test=8)
    (tmp_path / "set" / "photos" / "004.png").write_bytes(b"torn")
    found = evaluate(bundle, damaged, out=tmp_path / "out", resamples=10)
    judged = judged_of(found)
    assert [one.image for one in found.unreadable] == ["004.png"]
    assert len(judged.rows) == len(found.images) == 7
    # Labels and frames of the others still belong together.
    assert judged.numbers["ne"].value < 0.02


class TestFiles:
    def test_every_point_has_a_row(self, found: Evaluation, dataset: Dataset) -> None:
        assert "landmarks.csv" in found.files
        rows = table_of(found.out / "landmarks.csv")
        labels = dict(zip(dataset.names(), dataset.labels("points"), strict=True))
        boxes = dict(zip(dataset.names(), dataset.boxes(), strict=True))
        for row in rows:
            label, box = labels[row["image"]], boxes[row["image"]]
            assert isinstance(label, Landmarks)
            assert box is not None
            if row["state"] == "cut":
                assert (row["x"], row["distance"]) == ("", "")
                continue
            point = label.points[row["landmark"]]
            assert float(row["x"]) == pytest.approx(point.x, rel=1e-4)
            assert (row["state"] == "visible") is point.visible
            if point.visible:
                away = (
                    (float(row["answered_x"]) - point.x) / box.width,
                    (float(row["answered_y"]) - point.y) / box.height,
                )
                assert float(row["distance"]) == pytest.approx(np.hypot(*away), abs=1e-3)
            else:
                assert row["distance"] == ""
        assert {row["state"] for row in rows} == {"visible", "hidden", "cut"}

    def test_the_other_tables_know_landmarks(self, found: Evaluation) -> None:
        each = {row["label"]: row for row in table_of(found.out / "per_class.csv")}
        assert float(each["left dot"]["ne"]) == pytest.approx(SHIFT, abs=0.006)
        assert each["hem"]["ne"] == ""
        (first, *_) = table_of(found.out / "predictions.csv")
        assert first["predicted"] == "left dot|right dot"
        pairs = {(row["true"], row["predicted"]) for row in table_of(found.out / "confusion.csv")}
        assert pairs == {("left dot", "left dot"), ("right dot", "right dot")}

    def test_the_json_says_by_what_it_is_measured(self, found: Evaluation) -> None:
        task = json.loads((found.out / "metrics.json").read_text("utf-8"))["tasks"]["points"]
        assert task["kind"] == "landmarks"
        assert task["numbers"]["ne"]["value"] == pytest.approx(SHIFT, abs=0.006)
        assert task["majority"]["labels"] == ["the mean place of each landmark in the box"]
        assert "width and height of the box" in task["normalised_by"]
        assert task["per_label"][2]["ne"] is None


class TestPage:
    def pictures(self, text: str) -> list[Image.Image]:
        found = re.findall(r"data:image/jpeg;base64,([A-Za-z0-9+/=]+)", text)
        return [Image.open(io.BytesIO(base64.b64decode(one))) for one in found]

    def test_it_shows_worst_and_middle_pictures_with_answers(self, found: Evaluation) -> None:
        text = (found.out / "report.html").read_text("utf-8")
        for words in (
            "Each landmark",
            "Share found by distance",
            "Worst pictures",
            "Pictures in the middle",
            "Where it looked",
            "Normalised error",
            "the mean place of each landmark",
            "landmarks.csv",
        ):
            assert words in text, words
        # 18 worst, 8 in the middle that are not among them, heatmaps and attention of six.
        assert len(self.pictures(text)) == 18 + 8 + 12
        assert {max(one.size) for one in self.pictures(text)} == {320}
        assert "<script" not in text

    def test_a_network_without_maps_shows_none(self, dataset: Dataset, tmp_path: Path) -> None:
        bundle = dots.write_dots_bundle(tmp_path / "b", maps=False)
        evaluate(bundle, dataset, out=tmp_path / "out", resamples=10)
        text = (tmp_path / "out" / "report.html").read_text("utf-8")
        assert "Where it looked" not in text
        assert "Worst pictures" in text

    def test_several_tasks_stand_side_by_side(self, dataset: Dataset, tmp_path: Path) -> None:
        bundle = dots.write_dots_bundle(tmp_path / "b", several=True)
        found = evaluate(bundle, dataset, out=tmp_path / "out", resamples=10)
        assert set(found.tasks) == {"brighter", "points"}
        overview = (tmp_path / "out" / "report.html").read_text("utf-8")
        assert "Normalised error" in overview
        page = (tmp_path / "out" / "report" / "points.html").read_text("utf-8")
        assert "Worst pictures" in page


def test_the_usual_place_is_the_mean_of_visible_points_in_their_boxes() -> None:
    spec = dots.POINTS
    labels = [
        Landmarks({"left dot": Landmark(15, 30), "hem": Landmark(1, 1, visible=False)}),
        Landmarks({"left dot": Landmark(60, 70)}, cut=("hem",)),
        None,
    ]
    boxes = [Box(10, 20, 10, 20), Box(50, 50, 40, 40), Box(0, 0, 1, 1)]
    usual = UsualPlaces.of(spec, labels, boxes)
    np.testing.assert_allclose(usual.places[0], [(0.5 + 0.25) / 2, (0.5 + 0.5) / 2])
    np.testing.assert_allclose(usual.places[1], [0.5, 0.5])  # never seen
    np.testing.assert_allclose(usual.visible, np.log([3, 1, 1 / 3]))
