"""Masks are judged on the canvas, batch by batch, beside places that never look, and shown."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from pathlib import Path

import colour_fields
import numpy as np
import pytest
from PIL import Image

from lapel.data.dataset import Dataset
from lapel.evaluation.evaluate import evaluate
from lapel.evaluation.kinds.segmentation import SegmentationEvaluation
from lapel.evaluation.result import Evaluation

#: The truth lies so many pixels beside what is painted: rectangles are 32 pixels wide.
SHIFT = 8


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return colour_fields.write_fields_dataset(tmp_path_factory.mktemp("blocks"), shift=SHIFT)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return colour_fields.write_fields_bundle(tmp_path_factory.mktemp("bundles") / "blocks")


@pytest.fixture(scope="module")
def found(bundle: Path, dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    return evaluate(bundle, dataset, out=tmp_path_factory.mktemp("report"), resamples=50)


def judged_of(evaluation: Evaluation) -> SegmentationEvaluation:
    judged = evaluation.tasks["parsing"]
    assert isinstance(judged, SegmentationEvaluation)
    return judged


def table_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_error_is_that_of_the_labels(found: Evaluation, bundle: Path, tmp_path: Path) -> None:
    judged = judged_of(found)
    # Of 32 columns 24 are shared, of 40 that either has: an IoU of 0.6.
    for row in judged.per_label()[1:]:
        assert row["iou"] == pytest.approx(24 / 40, abs=0.05)
        assert row["precision"] == pytest.approx(24 / 32, abs=0.05)
    exact = evaluate(
        bundle,
        colour_fields.write_fields_dataset(tmp_path / "exact"),
        out=tmp_path / "out",
        resamples=20,
    )
    assert exact.numbers["parsing.miou"] > 0.9
    assert exact.numbers["parsing.boundary_f1"] > found.numbers["parsing.boundary_f1"] + 0.2


def test_it_stands_beside_what_never_looks(found: Evaluation) -> None:
    judged = judged_of(found)
    assert judged.majority.counted_on == "train"
    assert judged.majority.labels == ("each place's most frequent class",)
    assert judged.numbers["miou"].low > judged.majority.numbers["miou"]
    assert judged.most_frequent.labels == ("background everywhere",)
    background = judged.per_label()[0]
    share = background["support"] / sum(row["support"] for row in judged.per_label())
    assert judged.most_frequent.numbers["pixel_accuracy"] == pytest.approx(share)
    assert judged.most_frequent.numbers["miou"] == pytest.approx(share / 4)
    assert judged.habit.share == 0


def test_what_was_kept_adds_up_to_what_was_counted(found: Evaluation) -> None:
    judged = judged_of(found)
    assert len(judged.rows) == len(found.images) == 12
    np.testing.assert_array_equal(judged.images.true.sum(axis=0), judged.each.true)
    np.testing.assert_array_equal(judged.images.right.sum(axis=0), judged.each.right)
    # 96 x 72 on a canvas of 64 x 64: 64 x 48 are shown, and four of 72 rows are unknown.
    pixels = judged.images.true.sum(axis=1)
    assert set(pixels.tolist()) <= {64 * 45, 64 * 46}


def test_flip_leads_back_to_the_same_pixels(
    bundle: Path, dataset: Dataset, found: Evaluation, tmp_path: Path
) -> None:
    flipped = evaluate(bundle, dataset, out=tmp_path, resamples=10, flip=True)
    assert flipped.numbers["parsing.miou"] == pytest.approx(found.numbers["parsing.miou"], abs=0.01)


def wrong_share(out: Path) -> float:
    """How much of a report's drawn differences has the colour of what is wrong, 0 to 1."""
    text = (out / "report.html").read_text("utf-8")
    shares = []
    for picture in re.findall(r"data:image/jpeg;base64,([A-Za-z0-9+/=]+)", text):
        with Image.open(io.BytesIO(base64.b64decode(picture))) as drawing:
            shown = np.asarray(drawing.convert("RGB")).astype(int)
        difference = shown[:, 2 * shown.shape[1] // 3 :]
        shares.append((difference[..., 0] - difference[..., 2] > 80).mean())
    return float(np.mean(shares))


def test_with_flip_the_page_shows_what_was_judged(tmp_path: Path) -> None:
    exact = colour_fields.write_fields_dataset(tmp_path / "exact")
    # It sees the right half alone; the mirror images make up for that.
    bundle = colour_fields.write_fields_bundle(tmp_path / "blind", blind=True)
    plain, both = (
        evaluate(bundle, exact, out=tmp_path / f"flip {flip}", resamples=10, flip=flip)
        for flip in (False, True)
    )
    assert plain.numbers["parsing.miou"] < 0.7
    assert both.numbers["parsing.miou"] > 0.9
    assert wrong_share(plain.out) > 0.08
    assert wrong_share(both.out) < 0.05
    assert any("the mean of what is said of the picture" in said for said in both.subject.remarks)


def test_images_without_a_file_or_a_map_take_no_part(bundle: Path, tmp_path: Path) -> None:
    damaged = colour_fields.write_fields_dataset(tmp_path / "set", train=2, test=8, unlabelled=3)
    (tmp_path / "set" / "photos" / "004.png").write_bytes(b"torn")
    found = evaluate(bundle, damaged, out=tmp_path / "out", resamples=10)
    judged = judged_of(found)
    assert [one.image for one in found.unreadable] == ["004.png"]
    assert len(found.images) == 7
    assert [found.images[row] for row in judged.rows] == [
        "002.png", "003.png", "005.png", "006.png",
    ]  # fmt: skip
    assert judged.numbers["miou"].value > 0.9


class TestFiles:
    def test_every_class_of_an_image_has_a_row(self, found: Evaluation) -> None:
        assert "pixels.csv" in found.files
        rows = table_of(found.out / "pixels.csv")
        assert len({row["image"] for row in rows}) == 12
        total = sum(int(row["true"]) for row in rows if row["class"] == "red")
        each = {row["label"]: row for row in table_of(found.out / "per_class.csv")}
        assert int(each["red"]["support"]) == total
        assert float(each["red"]["iou"]) == pytest.approx(0.6, abs=0.05)
        assert float(each["red"]["boundary_f1"]) < 0.9

    def test_the_other_tables_know_masks(self, found: Evaluation) -> None:
        (first, *_) = table_of(found.out / "predictions.csv")
        assert first["true"].split("|")[0] == "background"
        assert len(first["predicted"].split("|")) == 3
        pairs = table_of(found.out / "confusion.csv")
        assert ("red", "background") in {(row["true"], row["predicted"]) for row in pairs}

    def test_the_json_says_where_it_is_measured(self, found: Evaluation) -> None:
        task = json.loads((found.out / "metrics.json").read_text("utf-8"))["tasks"]["parsing"]
        assert task["kind"] == "segmentation"
        assert "canvas" in task["measured_on"]
        assert task["numbers"]["miou"]["low"] < task["numbers"]["miou"]["value"]
        assert task["most_frequent_class"]["numbers"]["miou"] < task["majority"]["numbers"]["miou"]
        assert np.sum(task["confusion"]) == sum(row["support"] for row in task["per_label"])


class TestPage:
    def test_it_shows_truth_answer_and_difference(self, found: Evaluation) -> None:
        text = (found.out / "report.html").read_text("utf-8")
        for words in (
            "Each class",
            "Taken for one another",
            "Worst pictures",
            "Mean IoU",
            "Boundary F1",
            "most frequent class",
            "pixels.csv",
        ):
            assert words in text, words
        pictures = re.findall(r"data:image/jpeg;base64,([A-Za-z0-9+/=]+)", text)
        assert len(pictures) == 12  # those in the middle are among them
        with Image.open(io.BytesIO(base64.b64decode(pictures[0]))) as drawing:
            assert drawing.width > 3 * 250  # three side by side
            shown = np.asarray(drawing.convert("RGB")).astype(int)
        difference = shown[:, 2 * shown.shape[1] // 3 :]
        reddish = (difference[..., 0] - difference[..., 2] > 80).mean()
        assert 0.05 < reddish < 0.4
        assert "<script" not in text

    def test_a_class_that_nothing_is_of_is_named(self, bundle: Path, tmp_path: Path) -> None:
        one = colour_fields.write_fields_dataset(tmp_path / "set", train=1, test=1)
        evaluate(bundle, one, out=tmp_path / "out", resamples=10)
        text = (tmp_path / "out" / "report.html").read_text("utf-8")
        assert "No pixel of these images is of these classes" in text
        written = json.loads((tmp_path / "out" / "metrics.json").read_text("utf-8"))
        assert len(written["tasks"]["parsing"]["classes_without_a_pixel"]) == 1

    def test_several_tasks_stand_side_by_side(self, dataset: Dataset, tmp_path: Path) -> None:
        bundle = colour_fields.write_fields_bundle(tmp_path / "b", several=True)
        found = evaluate(bundle, dataset, out=tmp_path / "out", resamples=10)
        assert set(found.tasks) == {"strongest", "parsing"}
        assert "Mean IoU" in (tmp_path / "out" / "report.html").read_text("utf-8")
        page = (tmp_path / "out" / "report" / "parsing.html").read_text("utf-8")
        assert "Worst pictures" in page
