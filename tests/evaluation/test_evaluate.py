"""Judging a bundle on a dataset: numbers that are right, and refusals that say why."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics

import lapel
from lapel.data.dataset import Dataset
from lapel.evaluation.evaluate import evaluate
from lapel.inference.bundle import update_bundle
from lapel.inference.predictor import Predictor
from lapel.schema.errors import BundleError, DatasetError, StorageError, UsageError
from lapel.schema.prediction import Prediction

FEW = 40  # resamples, where intervals are not the point


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def json_of(out: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((out / "metrics.json").read_text("utf-8"))
    return content


def test_it_is_part_of_the_public_face() -> None:
    assert lapel.evaluate is evaluate


def test_it_measures_what_the_predictor_says(
    colour_bundle: Path, colour_dataset: Path, tmp_path: Path
) -> None:
    evaluate(colour_bundle, colour_dataset, out=tmp_path, resamples=FEW)
    part = Dataset.open(colour_dataset).split("test")
    pixels = [part.pixels(name) for name in part.names()]
    answers = list(Predictor.load(colour_bundle).predict(pixels))
    rows = rows_of(tmp_path / "predictions.csv")
    assert [row["image"] for row in rows] == part.names()
    assert [row["true"] for row in rows] == part.labels("colour")
    for row, answer in zip(rows, answers, strict=True):
        assert isinstance(answer, Prediction)
        cells = answer.cells()
        assert row["predicted"] == cells["colour"]
        assert float(row["probability"]) == pytest.approx(cells["colour.probability"], rel=1e-4)


def test_numbers_agree_with_scikit_learn_and_lie_in_their_intervals(
    colour_bundle: Path, colour_dataset: Path, tmp_path: Path
) -> None:
    evaluation = evaluate(colour_bundle, colour_dataset, out=tmp_path, resamples=200)
    rows = rows_of(tmp_path / "predictions.csv")
    true, predicted = [row["true"] for row in rows], [row["predicted"] for row in rows]
    found = json_of(tmp_path)["tasks"]["colour"]
    numbers = found["numbers"]
    accuracy = metrics.accuracy_score(true, predicted)
    assert 0.5 < accuracy < 1
    assert numbers["accuracy"]["value"] == pytest.approx(accuracy)
    macro = metrics.f1_score(true, predicted, average="macro")
    assert numbers["macro_f1"]["value"] == pytest.approx(macro)
    assert numbers["accuracy"]["low"] < accuracy < numbers["accuracy"]["high"]
    labels = ["red", "green", "blue"]
    assert found["confusion"] == metrics.confusion_matrix(true, predicted, labels=labels).tolist()
    assert all(one["low"] <= one["value"] <= one["high"] for one in numbers.values())
    assert evaluation.numbers["colour.accuracy"] == pytest.approx(accuracy)
    assert evaluation.throughput.images_per_second > 0


def test_temperature_changes_the_calibration_and_nothing_else(
    own_colour_bundle: Path, colour_dataset: Path, tmp_path: Path
) -> None:
    warm = evaluate(own_colour_bundle, colour_dataset, out=tmp_path / "warm", resamples=FEW)
    update_bundle(own_colour_bundle, calibration={"colour": {"temperature": 1.0}})
    plain = evaluate(own_colour_bundle, colour_dataset, out=tmp_path / "plain", resamples=FEW)
    assert warm.numbers["colour.accuracy"] == plain.numbers["colour.accuracy"]
    assert warm.numbers["colour.nll"] != plain.numbers["colour.nll"]
    for name in ("nll", "ece"):
        raw = warm.numbers[f"colour.{name}_before_temperature"]
        assert raw == pytest.approx(plain.numbers[f"colour.{name}"])


def test_tables_add_up(colour_bundle: Path, colour_dataset: Path, tmp_path: Path) -> None:
    evaluate(colour_bundle, colour_dataset, out=tmp_path, resamples=FEW)
    confusion = rows_of(tmp_path / "confusion.csv")
    assert sum(int(row["images"]) for row in confusion) == 60
    for row in rows_of(tmp_path / "per_class.csv"):
        assert row["task"] == "colour"
        assert sum(int(row[name]) for name in ("tp", "fp", "fn", "tn")) == 60
        right = [one for one in confusion if one["true"] == one["predicted"] == row["label"]]
        assert int(row["tp"]) == sum(int(one["images"]) for one in right)


def test_the_majority_answer_stands_beside(
    colour_bundle: Path, colour_dataset: Path, tmp_path: Path
) -> None:
    evaluate(colour_bundle, colour_dataset, out=tmp_path, resamples=FEW)
    majority = json_of(tmp_path)["tasks"]["colour"]["majority"]
    test = Dataset.open(colour_dataset).split("test").labels("colour")
    assert majority["counted_on"] == "train"
    share = test.count(majority["label"]) / len(test)
    assert majority["numbers"]["accuracy"] == pytest.approx(share)


def test_flip_is_the_mean_of_both_views_and_named_everywhere(
    colour_bundle: Path, colour_dataset: Path, tmp_path: Path
) -> None:
    evaluate(colour_bundle, colour_dataset, out=tmp_path, flip=True, resamples=FEW)
    part = Dataset.open(colour_dataset).split("test")
    pixels = [part.pixels(name) for name in part.names()]
    predictor = Predictor.load(colour_bundle)
    plain, mirrored = (
        [_probabilities(one) for one in predictor.predict(views)]
        for views in (pixels, [np.ascontiguousarray(one[:, ::-1]) for one in pixels])
    )
    for row, one, other in zip(rows_of(tmp_path / "predictions.csv"), plain, mirrored, strict=True):
        mean = {label: (one[label] + other[label]) / 2 for label in one}
        assert row["predicted"] == max(mean, key=lambda label: mean[label])
        assert float(row["probability"]) == pytest.approx(max(mean.values()), rel=1e-4)
    assert json_of(tmp_path)["test_time_augmentation"] == "flip"
    assert "with flip" in (tmp_path / "report.html").read_text("utf-8")


def _probabilities(answer: object) -> dict[str, float]:
    assert isinstance(answer, Prediction)
    top = answer.answers["colour"].to_json()["top"]
    return {entry["label"]: entry["probability"] for entry in top}


def test_labels_in_another_order_are_matched_by_name(
    colour_bundle: Path, make_photos: Callable[..., Dataset], tmp_path: Path
) -> None:
    same = make_photos(tmp_path / "same")
    other = make_photos(tmp_path / "other", labels=("blue", "red", "green"))
    one, two = (
        evaluate(colour_bundle, dataset, out=tmp_path / "out", resamples=FEW)
        for dataset in (same, other)
    )
    assert one.numbers == two.numbers
    assert one.subject.remarks == ()
    assert "has the same labels in another order" in two.subject.remarks[0]


def test_labels_that_the_model_does_not_know_are_refused_by_name(
    colour_bundle: Path, make_photos: Callable[..., Dataset], tmp_path: Path
) -> None:
    labels = ("crimson", "green", "blue")
    dataset = make_photos(tmp_path / "photos", labels=labels, names=labels)
    message = (
        r"labels of task 'colour' that the model does not know: 'crimson' \(4\)\..*"
        r"only in the first: red; only in the second: crimson.*Rename them"
    )
    with pytest.raises(DatasetError, match=message):
        evaluate(colour_bundle, dataset, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_labels_that_only_a_schema_names_do_no_harm(
    colour_bundle: Path, make_photos: Callable[..., Dataset], tmp_path: Path
) -> None:
    dataset = make_photos(tmp_path / "photos", labels=("red", "green", "blue", "mauve"))
    evaluation = evaluate(colour_bundle, dataset, out=tmp_path / "out", resamples=FEW)
    assert "only in the second: mauve" in evaluation.subject.remarks[0]


def test_a_dataset_without_the_task_is_refused(
    colour_bundle: Path, make_photos: Callable[..., Dataset], tmp_path: Path
) -> None:
    dataset = make_photos(tmp_path / "photos", task="hue")
    message = "cannot judge task 'colour'.*'colour' is only in the first.*'hue' is only in the sec"
    with pytest.raises(DatasetError, match=message):
        evaluate(colour_bundle, dataset, out=tmp_path / "out")


def test_images_of_unknown_label_take_no_part(
    colour_bundle: Path, make_photos: Callable[..., Dataset], tmp_path: Path
) -> None:
    dataset = make_photos(tmp_path / "photos", names=("red", "green", None))
    evaluate(colour_bundle, dataset, out=tmp_path / "out", resamples=FEW)
    content = json_of(tmp_path / "out")
    assert (content["images"], content["tasks"]["colour"]["images"]) == (12, 8)
    assert len(rows_of(tmp_path / "out" / "predictions.csv")) == 8


def test_a_dataset_without_a_single_label_is_refused(
    colour_bundle: Path, make_photos: Callable[..., Dataset], tmp_path: Path
) -> None:
    dataset = make_photos(tmp_path / "photos", names=(None, None, None))
    with pytest.raises(DatasetError, match="has no label of task 'colour' in the rows to judge"):
        evaluate(colour_bundle, dataset, out=tmp_path / "out")


def test_a_split_that_is_not_there_is_refused_with_those_that_are(
    colour_bundle: Path, colour_photos: Dataset, tmp_path: Path
) -> None:
    with pytest.raises(DatasetError, match=r"has no 'validation' split; it has: test \(12\)"):
        evaluate(colour_bundle, colour_photos, split="validation", out=tmp_path / "out")


@pytest.mark.parametrize(
    ("split", "remark"),
    [("train", "These are training pictures"), ("val", "These are validation pictures")],
)
def test_splits_that_the_model_has_met_are_named_as_such(
    colour_bundle: Path, colour_dataset: Path, tmp_path: Path, split: str, remark: str
) -> None:
    evaluation = evaluate(colour_bundle, colour_dataset, split=split, out=tmp_path, resamples=FEW)
    assert evaluation.subject.remarks[0].startswith(remark)
    assert remark in (tmp_path / "report.html").read_text("utf-8")
    assert json_of(tmp_path)["split"] in ("train", "validation")


def test_unreadable_images_are_counted_and_named_but_end_nothing(
    colour_bundle: Path, colour_photos: Dataset, tmp_path: Path
) -> None:
    torn = colour_photos.names()[3]
    photo = colour_photos.folder.parent / "photos" / torn
    photo.write_bytes(photo.read_bytes()[:200])
    evaluate(colour_bundle, colour_photos, out=tmp_path / "out", resamples=FEW)
    content = json_of(tmp_path / "out")
    assert content["images"] == 11
    assert content["unreadable"]["count"] == 1
    assert content["unreadable"]["first"][0]["image"] == torn
    report = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "Images that could not be read: 1." in report
    assert torn not in {row["image"] for row in rows_of(tmp_path / "out" / "predictions.csv")}


def test_a_dataset_of_which_nothing_can_be_read_is_refused(
    colour_bundle: Path, colour_photos: Dataset, tmp_path: Path
) -> None:
    for photo in (colour_photos.folder.parent / "photos").iterdir():
        photo.write_bytes(b"")
    with pytest.raises(DatasetError, match=r"not one of 12 images could be read.*file is empty"):
        evaluate(colour_bundle, colour_photos, out=tmp_path / "out")


def test_an_unknown_engine_and_a_folder_without_bundle_are_refused(
    colour_bundle: Path, colour_photos: Dataset, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="no engine 'abacus'; there are: auto, onnxruntime"):
        evaluate(colour_bundle, colour_photos, out=tmp_path / "out", engine="abacus")
    with pytest.raises(BundleError, match="holds no bundle"):
        evaluate(tmp_path, colour_photos, out=tmp_path / "out")


def test_a_folder_that_cannot_be_written_is_named(
    colour_bundle: Path, colour_photos: Dataset, tmp_path: Path
) -> None:
    (tmp_path / "out").write_text("a file stands here")
    with pytest.raises(StorageError, match=r"out could not be made a folder: File exists"):
        evaluate(colour_bundle, colour_photos, out=tmp_path / "out", resamples=FEW)


def test_a_second_evaluation_takes_the_place_of_the_first_and_spares_other_files(
    colour_bundle: Path, colour_photos: Dataset, tmp_path: Path
) -> None:
    (tmp_path / "mine.txt").write_text("keep me")
    once = evaluate(colour_bundle, colour_photos, out=tmp_path, resamples=FEW)
    twice = evaluate(colour_bundle, colour_photos, out=tmp_path, resamples=FEW)
    assert once.numbers == twice.numbers
    assert (tmp_path / "mine.txt").read_text() == "keep me"
    names = {"metrics.json", "per_class.csv", "confusion.csv", "predictions.csv", "report.html"}
    assert names <= {path.name for path in tmp_path.iterdir()}


def test_it_needs_no_torch(colour_bundle: Path, colour_dataset: Path, tmp_path: Path) -> None:
    program = (
        "import sys; from lapel.evaluation.evaluate import evaluate; "
        f"evaluate({str(colour_bundle)!r}, {str(colour_dataset)!r}, out={str(tmp_path)!r}, "
        "resamples=5); print([m for m in ('torch', 'timm', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
