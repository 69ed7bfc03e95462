"""Several tasks at once, tags among them: numbers that are right, tables, and refusals."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import many_tasks as many
import numpy as np
import pytest
from sklearn import metrics

from lapel.data.creating import create_dataset
from lapel.data.dataset import Dataset
from lapel.evaluation.evaluate import evaluate
from lapel.evaluation.kinds.multi_label import MultiLabelEvaluation
from lapel.evaluation.pages.numbers import warnings
from lapel.evaluation.result import Evaluation
from lapel.inference.bundle import update_bundle
from lapel.inference.predictor import Predictor
from lapel.metrics.constant_tags import best_constant_set
from lapel.schema.annotation import Annotation, Tags
from lapel.schema.errors import DatasetError
from lapel.schema.labels import Schema, TaskSpec
from lapel.schema.prediction import Prediction
from lapel.tasks.multi_label import MultiLabelTask

FEW = 20
TAGS = many.TAGGED.name


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def json_of(out: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((out / "metrics.json").read_text("utf-8"))
    return content


def tagged(evaluation: Evaluation) -> MultiLabelEvaluation:
    judged = evaluation.tasks[TAGS]
    assert isinstance(judged, MultiLabelEvaluation)
    return judged


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return many.write_many_bundle(tmp_path_factory.mktemp("many") / "bundle")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return many.write_many_dataset(tmp_path_factory.mktemp("many") / "dataset")


@pytest.fixture(scope="module")
def out(bundle: Path, dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one evaluation wrote. Not to be changed."""
    folder = tmp_path_factory.mktemp("many") / "out"
    evaluate(bundle, dataset, out=folder, resamples=60)
    return folder


def test_it_judges_the_very_answers_that_prediction_gives(
    bundle: Path, dataset: Dataset, out: Path
) -> None:
    part = dataset.split("test")
    answers = Predictor.load(bundle).predict([part.pixels(name) for name in part.names()])
    cells = dict(zip(part.names(), answers, strict=True))
    rows = [row for row in rows_of(out / "predictions.csv") if row["task"] == TAGS]
    assert len(rows) == sum(label is not None for label in part.labels(TAGS))
    for row in rows:
        answer = cells[row["image"]]
        assert isinstance(answer, Prediction)
        assert row["predicted"] == answer.cells()[TAGS]
        assert row["probability"] == answer.cells()[f"{TAGS}.probability"]
    truth = dict(zip(part.names(), part.labels(TAGS), strict=True))
    for row in rows:
        label = truth[row["image"]]
        assert isinstance(label, Tags)
        assert (row["true"], row["unknown"]) == ("|".join(label.yes), "|".join(label.unknown))


def test_numbers_of_tags_agree_with_scikit_learn(
    bundle: Path, dataset: Dataset, tmp_path: Path
) -> None:
    evaluation = evaluate(bundle, dataset, out=tmp_path, resamples=FEW)
    images = tagged(evaluation).tagged
    found = json_of(tmp_path)["tasks"][TAGS]
    precisions = []
    for place, row in enumerate(found["per_label"]):
        known = images.weight[:, place] > 0
        target, score = images.target[known, place], images.probabilities[known, place]
        assert row["support"] == int(target.sum())
        assert row["f1"] == pytest.approx(
            metrics.f1_score(target, score >= images.thresholds[place], zero_division=0)
        )
        if target.any():
            precisions.append(metrics.average_precision_score(target, score))
            assert row["ap"] == pytest.approx(precisions[-1])
    assert found["numbers"]["map"]["value"] == pytest.approx(np.mean(precisions))
    assert (len(precisions), found["labels_without_positives"]) == (4, 1)
    assert found["per_label"][4]["ap"] is None
    numbers = found["numbers"].values()
    assert all(one["low"] <= one["value"] <= one["high"] for one in numbers)
    assert evaluation.numbers[f"{TAGS}.map"] == found["numbers"]["map"]["value"]


def test_tags_stand_beside_the_best_answer_that_never_looks(dataset: Dataset, out: Path) -> None:
    task = MultiLabelTask(many.TAGGED)
    target, weight = task.encode(dataset.split("train").labels(TAGS))
    constant = best_constant_set(target, weight)
    said = [label for label, chosen in zip(many.TAGS, constant.chosen, strict=True) if chosen]
    majority = json_of(out)["tasks"][TAGS]["majority"]
    assert (majority["labels"], majority["counted_on"]) == (said, "train")
    test = [label for label in dataset.split("test").labels(TAGS) if label is not None]
    answered = constant.answered(*task.encode(test)).counts().numbers()
    assert majority["numbers"]["mean_f1"] == pytest.approx(answered["mean_f1"])
    above = json_of(out)["tasks"][TAGS]["above_majority"]
    mean_f1 = json_of(out)["tasks"][TAGS]["numbers"]["mean_f1"]["value"]
    assert above["mean_f1"] == pytest.approx(mean_f1 - answered["mean_f1"])


def test_tasks_of_one_label_are_judged_as_one_answer(out: Path) -> None:
    rows = [row for row in rows_of(out / "predictions.csv") if row["task"] != TAGS]
    images: dict[str, list[bool]] = {}
    for row in rows:
        images.setdefault(row["image"], []).append(row["true"] == row["predicted"])
    together = json_of(out)["together"]
    right = sum(sum(answers) for answers in images.values())
    assert together["tasks"] == ["colour", "light", "stuck"]
    assert together["numbers"]["grouped_accuracy"]["value"] == pytest.approx(right / len(rows))
    exact = sum(all(answers) for answers in images.values()) / len(images)
    assert together["numbers"]["exact_match"]["value"] == pytest.approx(exact)
    low, high = (together["numbers"]["grouped_accuracy"][end] for end in ("low", "high"))
    assert low < right / len(rows) < high
    assert together["majority"]["numbers"]["grouped_accuracy"] < low


def test_tables_have_all_tasks_and_add_up(out: Path) -> None:
    content = json_of(out)["tasks"]
    per_class = rows_of(out / "per_class.csv")
    labels = [spec.labels for spec in many.MANY]
    assert [row["label"] for row in per_class] == [label for group in labels for label in group]
    for row in per_class:
        assert (row["threshold"] == "") is (row["task"] != TAGS)
    never = per_class[-1]
    assert (never["label"], never["support"], never["ap"]) == ("never", "0", "")
    red = next(row for row in per_class if row["label"] == "붉은")
    assert float(red["threshold"]) == 0.4
    confusion = [row for row in rows_of(out / "confusion.csv") if row["task"] == TAGS]
    found = {
        row["true"]: int(row["images"]) for row in confusion if row["true"] == row["predicted"]
    }
    assert found == {row["label"]: row["tp"] for row in content[TAGS]["per_label"] if row["tp"]}
    pairs = rows_of(out / "pairs.csv")
    assert {row["task"] for row in pairs} == {TAGS}
    assert all(row["label"] != row["other"] for row in pairs)


def test_each_label_has_its_intervals_in_the_table_and_on_its_page(out: Path) -> None:
    rows = rows_of(out / "per_class.csv")
    for row in rows:
        for name in ("precision", "recall", "f1"):
            ends = row[f"{name}_low"], row[f"{name}_high"]
            if row["support"] == "0":
                assert ends == ("", "")
            elif ends != ("", ""):  # a label that is never answered has no precision to tell
                assert float(ends[0]) <= float(row[name]) <= float(ends[1])
    red = next(row for row in rows if row["label"] == "붉은")
    low, high = (f"{100 * float(red[f'f1_{end}']):.1f}" for end in ("low", "high"))
    pages = [path.read_text("utf-8") for path in (out / "report").glob("*.html")]
    page = next(text for text in pages if "Per-label results</h2>" in text)
    assert f'<div class="fact">{low}\N{EN DASH}{high} %</div>' in page
    assert json_of(out)["tasks"][TAGS]["per_label"][4]["f1_low"] is None


def test_pairs_count_images_that_have_both(dataset: Dataset, out: Path) -> None:
    labels = dataset.split("test").labels(TAGS)
    for row in rows_of(out / "pairs.csv"):
        both = {row["label"], row["other"]}
        having = sum(isinstance(label, Tags) and both <= set(label.yes) for label in labels)
        assert int(row["images"]) == having


def test_a_model_that_says_the_same_for_every_photo_is_told_off(
    bundle: Path, dataset: Dataset, tmp_path: Path
) -> None:
    evaluation = evaluate(bundle, dataset, out=tmp_path, resamples=FEW)
    said = {name: warnings(name, judged) for name, judged in evaluation.tasks.items()}
    assert [name for name, sentences in said.items() if sentences] == ["stuck"]
    no_better, always = said["stuck"]
    assert no_better.startswith("stuck: no better than always saying “print” (Accuracy: 75.0 %")
    assert always == "stuck: says “print” for 100.0 % of the images; it is so for 75.0 %."
    habit = json_of(tmp_path)["tasks"]["stuck"]["most_given_answer"]
    assert habit == {"answer": "print", "share": 1.0, "true_share": 0.75, "different_answers": 1}


def test_a_model_that_gives_every_photo_the_same_tags_is_told_off(
    dataset: Dataset, tmp_path: Path
) -> None:
    bundle = many.write_many_bundle(tmp_path / "bundle", Schema((many.TAGGED,)))
    thresholds = {f"threshold.{label}": 0.0 for label in ("붉은", "밝은")}
    thresholds |= {f"threshold.{label}": 1.1 for label in ("초록", "파랑", "never")}
    update_bundle(bundle, calibration={TAGS: {"temperature": 1.0, **thresholds}})
    evaluation = evaluate(bundle, dataset, out=tmp_path / "out", resamples=FEW)
    habit = tagged(evaluation).habit
    truth = [label for label in dataset.split("test").labels(TAGS) if isinstance(label, Tags)]
    same = sum(
        set(label.yes) | set(label.unknown) & {"붉은", "밝은"} == {"붉은", "밝은"}
        for label in truth
    )
    assert (habit.answer, habit.share, habit.different) == ("붉은, 밝은", 1.0, 1)
    assert habit.true_share == pytest.approx(same / len(truth))
    assert any(
        "says “붉은, 밝은” for 100.0 %" in line for line in warnings(TAGS, tagged(evaluation))
    )


def test_flip_is_the_mean_of_both_views_of_tags(
    bundle: Path, dataset: Dataset, tmp_path: Path
) -> None:
    plain = evaluate(bundle, dataset, out=tmp_path / "plain", resamples=FEW)
    flipped = evaluate(bundle, dataset, out=tmp_path / "flip", flip=True, resamples=FEW)
    # The network looks at means alone, so a mirror image gives the same.
    np.testing.assert_allclose(
        tagged(flipped).tagged.probabilities, tagged(plain).tagged.probabilities, atol=1e-5
    )


def test_a_tag_that_only_the_model_has_was_never_asked_so_it_is_unknown(
    bundle: Path, tmp_path: Path
) -> None:
    spec = TaskSpec(name=TAGS, kind="multi_label", labels=("밝은", "붉은"))
    drawn = [many.picture(row) for row in range(12)]
    fewer = create_dataset(
        tmp_path / "fewer",
        name="fewer tags",
        schema=Schema((spec,)),
        annotations=[
            Annotation(
                image=f"images.npy#{row}",
                labels={TAGS: Tags(("붉은",) if colour[0] > 0.5 else ())},
                split="test",
            )
            for row, (_, colour) in enumerate(drawn)
        ],
        images=np.stack([pixels for pixels, _ in drawn]),
    )
    evaluation = evaluate(bundle, fewer, out=tmp_path / "out", resamples=FEW)
    known: list[bool] = tagged(evaluation).tagged.known[0].tolist()
    assert dict(zip(many.TAGS, known, strict=True)) == {
        "붉은": True,
        "초록": False,
        "파랑": False,
        "밝은": True,
        "never": False,
    }
    remarks = " ".join(evaluation.subject.remarks)
    assert "only in the first: 초록, 파랑, never" in remarks
    assert (
        "Not judged, since these images have no label of it: 'colour', 'light', 'stuck'" in remarks
    )
    assert list(evaluation.tasks) == [TAGS]
    assert evaluation.together is None


def test_a_tag_that_the_model_does_not_know_is_refused(bundle: Path, tmp_path: Path) -> None:
    spec = TaskSpec(name=TAGS, kind="multi_label", labels=("붉은", "보라"))
    strange = create_dataset(
        tmp_path / "strange",
        name="strange",
        schema=Schema((spec,)),
        annotations=[
            Annotation(
                image=f"images.npy#{row}", labels={TAGS: Tags(("보라",), ("붉은",))}, split="test"
            )
            for row in range(3)
        ],
        images=np.stack([many.picture(row)[0] for row in range(3)]),
    )
    message = r"labels of task '색상/태그' that the model does not know: '보라' \(3\)"
    with pytest.raises(DatasetError, match=message):
        evaluate(bundle, strange, out=tmp_path / "out")


def test_tags_of_which_nobody_knows_anything_are_refused(bundle: Path, tmp_path: Path) -> None:
    spec = TaskSpec(name=TAGS, kind="multi_label", labels=("붉은", "보라"))
    nothing = create_dataset(
        tmp_path / "nothing",
        name="nothing",
        schema=Schema((spec,)),
        annotations=[
            Annotation(image="images.npy#0", labels={TAGS: Tags((), ("붉은",))}, split="test")
        ],
        images=many.picture(0)[0][None],
    )
    with pytest.raises(DatasetError, match="has no label of task '색상/태그' in the rows to judge"):
        evaluate(bundle, nothing, out=tmp_path / "out")


def test_what_was_written_is_named(bundle: Path, dataset: Dataset, tmp_path: Path) -> None:
    evaluation = evaluate(bundle, dataset, out=tmp_path, resamples=FEW)
    assert evaluation.files == (
        "report.html",
        "report",
        "metrics.json",
        "per_class.csv",
        "confusion.csv",
        "predictions.csv",
        "pairs.csv",
    )
    assert {path.name for path in tmp_path.iterdir()} == set(evaluation.files)


def test_the_same_again_gives_the_same_bytes(
    bundle: Path, dataset: Dataset, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        evaluate(bundle, dataset, out=tmp_path / name, resamples=FEW)
    for path in sorted((tmp_path / "one").rglob("*")):
        if path.is_file() and path.name not in ("metrics.json", "report.html"):  # they tell times
            again = tmp_path / "two" / path.relative_to(tmp_path / "one")
            assert again.read_bytes() == path.read_bytes(), path.name
