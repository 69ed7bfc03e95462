"""The tables of public benchmarks: published rows as published, ours beside them, and right."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import coarse_tasks as coarse
import many_tasks as many
import numpy as np
import pytest
from numpy.typing import NDArray
from report_pages import Structure

from lapel.data.creating import create_dataset
from lapel.data.dataset import Dataset
from lapel.data.deepfashion.places import LANDMARKS
from lapel.evaluation.benchmarks import attributes, grouped, landmarks
from lapel.evaluation.benchmarks.known import BENCHMARKS
from lapel.evaluation.benchmarks.published import ALL_GLOBAL, ALL_MEAN, TYPES, published
from lapel.evaluation.benchmarks.retrieval import RETRIEVAL, retrieval_table
from lapel.evaluation.benchmarks.setting import Setting
from lapel.evaluation.benchmarks.table import BenchmarkTable, Row
from lapel.evaluation.evaluate import evaluate
from lapel.evaluation.result import Evaluation
from lapel.metrics.bootstrap import Interval
from lapel.schema.annotation import Annotation, Tags
from lapel.schema.geometry import Landmark, Landmarks
from lapel.schema.labels import Schema, TaskSpec

FEW = 20


def row_of(table: BenchmarkTable, method: str) -> Row:
    (found,) = (row for row in table.rows if row.method == method)
    return found


# Published rows


def published_row(table: str, method: str) -> Row:
    (found,) = (row for row in published(table).rows if row.method == method)
    return found


@pytest.mark.parametrize(
    ("method", "top3", "top5"),
    [
        ("WTBI, as run by Liu et al. 2016", 29.83, 38.38),
        ("DARN, as run by Liu et al. 2016", 42.79, 53.02),
        ("FashionNet 2016", 45.36, 55.03),
        ("Corbiere et al. 2017", 42.42, 51.74),
        ("Wang et al. 2018", 50.66, 61.07),
        ("Liu & Lu 2018", 54.69, 63.74),
        ("Liu & Lu, reproduced", 46.80, 56.11),
        ("gokulsg, epoch 2", 56.16, 65.49),
    ],
)
def test_all_as_the_mean_of_types_is_computed_of_every_published_row(
    method: str, top3: float, top5: float
) -> None:
    numbers = published_row(attributes.ATTRIBUTES, method).numbers
    found = [round(100 * numbers[f"{ALL_MEAN}.recall_at_{k}"], 2) for k in (3, 5)]
    assert found == [top3, top5]


def test_only_an_all_that_is_said_to_be_global_stands_as_such() -> None:
    rows = published(attributes.ATTRIBUTES).rows
    found = {row.method for row in rows if f"{ALL_GLOBAL}.recall_at_3" in row.numbers}
    assert found == {"Corbiere et al. 2017", "gokulsg, epoch 2"}
    assert published_row(attributes.ATTRIBUTES, "Corbiere et al. 2017").numbers[
        f"{ALL_GLOBAL}.recall_at_5"
    ] == pytest.approx(0.304)


def test_an_all_of_unsaid_meaning_is_told_beside_the_mean() -> None:
    notes = published(attributes.ATTRIBUTES).notes
    (fashionnet,) = (note for note in notes if note.startswith("FashionNet"))
    assert "45.52 / 54.61 as All" in fashionnet
    assert "45.36 / 55.03" in fashionnet


@pytest.mark.parametrize(
    ("method", "mean"), [("Liu & Lu 2018", 0.0474), ("BCRNN (Wang et al. 2018)", 0.0485)]
)
def test_landmark_errors_average_plainly_over_the_eight(method: str, mean: float) -> None:
    numbers = published_row("deepfashion-coarse landmarks", method).numbers
    found = np.mean([numbers[name] for name in LANDMARKS])
    assert found == pytest.approx(mean, abs=5.1e-5)


def test_the_majority_of_ce7454_is_the_mean_of_its_groups() -> None:
    numbers = published_row("ce7454 groups", "always the most frequent (validation)").numbers
    groups = [numbers[f"{group}.accuracy"] for group in grouped.GROUPS]
    assert np.mean(groups) == pytest.approx(numbers["grouped_accuracy"], abs=5e-4)


def test_every_published_number_is_a_column_of_its_table() -> None:
    columns = {
        "attributes": attributes.MEASURES,
        "landmarks": landmarks.MEASURES,
        "groups": grouped.MEASURES,
    }
    for benchmark in BENCHMARKS:
        for kind, measures in columns.items():
            try:
                rows = published(f"{benchmark} {kind}").rows
            except KeyError:
                continue
            known = {measure.name for measure in measures}
            for row in rows:
                assert set(row.numbers) <= known, row.method
                assert all(0 < value < 1 for value in row.numbers.values()), row.method
                assert row.source, row.method


@pytest.mark.parametrize("benchmark", RETRIEVAL)
def test_a_search_stands_beside_published_ones(benchmark: str) -> None:
    numbers = {"hit_rate_at_20": 0.5, "mrr": 0.25}
    intervals = {k: Interval(value=v, low=0.1, high=0.6) for k, v in numbers.items()}
    setting = Setting(benchmark=benchmark, split="test", images=9)
    table = retrieval_table(setting, intervals)
    assert row_of(table, "FashionNet 2016").numbers["hit_rate_at_20"] > 0.1
    called = [measure.called for measure in table.measures]
    ours = dict(zip(["", *called], table.cells(row_of(table, "this model")), strict=True))
    assert ours["Hit rate at 20"] == "50.00"
    assert ours["MRR"] == "25.00"
    assert ours["Hit rate at 1"] == "\N{EN DASH}"
    other = retrieval_table(replace(setting, split="validation"), intervals)
    told = "Ours is of the validation split, published rows of the test split."
    assert other.notes == (told, *table.notes)
    assert told not in table.notes


# Ours beside them


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return coarse.write_bundle(tmp_path_factory.mktemp("coarse") / "bundle")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return coarse.write_dataset(tmp_path_factory.mktemp("coarse") / "dataset")


@pytest.fixture(scope="module")
def found(bundle: Path, dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    return evaluate(bundle, dataset, out=tmp_path_factory.mktemp("coarse") / "out", resamples=FEW)


def answers(dataset: Dataset, task: str) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Probabilities, truth and what is known of a type, worked out by hand."""
    part, labels = dataset.split("test"), coarse.SCHEMA[task].labels
    temperature = coarse.CALIBRATION[task]["temperature"]
    logits = np.stack([coarse.logits(part.pixels(name), task) for name in part.names()])
    tags = [tag for tag in part.labels(task) if isinstance(tag, Tags)]
    truth = np.array([[label in tag.yes for label in labels] for tag in tags])
    known = np.array([[label not in tag.unknown for label in labels] for tag in tags])
    return 1 / (1 + np.exp(-logits / temperature)), truth, known


def recall(probabilities: NDArray[Any], truth: NDArray[Any], known: NDArray[Any], k: int) -> float:
    found = 0
    for row, holds, asked in zip(probabilities, truth, known, strict=True):
        best = sorted(np.flatnonzero(asked), key=lambda label: -row[label])[:k]
        found += int(holds[best].sum())
    return found / int((truth & known).sum())


@pytest.mark.parametrize("legacy", [False, True])
def test_our_row_is_the_definition_with_and_without_the_legacy_rule(
    found: Evaluation, dataset: Dataset, legacy: bool
) -> None:
    method = "this model, unknown is no" if legacy else "this model"
    numbers = row_of(found.tables[0], method).numbers
    cells = []
    for name in TYPES:
        probabilities, truth, known = answers(dataset, name)
        cells.append((probabilities, truth & known, np.ones_like(known) if legacy else known))
    for k in (3, 5):
        each = [recall(*cell, k) for cell in cells]
        for name, expected in zip(TYPES, each, strict=True):
            assert numbers[f"{name}.recall_at_{k}"] == pytest.approx(expected), name
        assert numbers[f"{ALL_MEAN}.recall_at_{k}"] == pytest.approx(np.mean(each))
        everything = [np.concatenate(part, axis=1) for part in zip(*cells, strict=True)]
        together = recall(everything[0], everything[1], everything[2], k)
        assert numbers[f"{ALL_GLOBAL}.recall_at_{k}"] == pytest.approx(together)


def test_the_switch_gives_what_the_second_row_says(
    found: Evaluation, bundle: Path, dataset: Dataset, tmp_path: Path
) -> None:
    switched = evaluate(bundle, dataset, out=tmp_path, resamples=FEW, unknown_is_no=True)
    method = "this model, unknown is no"
    expected = row_of(found.tables[0], method).numbers
    assert row_of(switched.tables[0], method).numbers == pytest.approx(dict(expected))
    assert [row.method for row in switched.tables[0].rows if row.ours] == [method]
    assert any("count as no here" in remark for remark in switched.subject.remarks)
    assert json.loads((tmp_path / "metrics.json").read_text())["unknown_tags_count_as"] == "no"
    texture = switched.tasks["texture"].to_json()
    known = sum(row["tp"] + row["fp"] + row["fn"] + row["tn"] for row in texture["per_label"])
    assert known == 80 * coarse.LABELS


def test_our_row_agrees_with_the_judged_tasks_and_lies_below_a_perfect_ranking(
    found: Evaluation,
) -> None:
    (table,) = found.tables
    ours, perfect = row_of(table, "this model"), row_of(table, "a perfect ranking")
    usual = row_of(table, "always the most frequent")
    assert ours.numbers["category.top3"] == found.tasks["category"].numbers["top3"].value
    for name in (*TYPES, ALL_MEAN, ALL_GLOBAL):
        for k in (3, 5):
            number = f"{name}.recall_at_{k}"
            assert ours.numbers[number] <= perfect.numbers[number]
            interval = ours.intervals[number]
            assert interval.low <= ours.numbers[number] <= interval.high
    assert ours.numbers[f"{ALL_GLOBAL}.recall_at_3"] < perfect.numbers[f"{ALL_GLOBAL}.recall_at_3"]
    each = [usual.numbers[f"{name}.recall_at_3"] for name in TYPES]
    assert usual.numbers[f"{ALL_MEAN}.recall_at_3"] == pytest.approx(np.mean(each))
    assert usual.numbers["texture.recall_at_3"] < ours.numbers["texture.recall_at_3"]


def test_what_keeps_rows_from_comparing_is_said(found: Evaluation) -> None:
    (table,) = found.tables
    notes = " ".join(table.all_notes())
    assert "Ours is of 80 pictures, published rows of 40,000" in notes
    assert "350 of the 1,000 attributes are no for all" in notes
    assert row_of(table, "gokulsg, epoch 2").called.endswith("\N{DAGGER}")


def test_files_and_report_show_the_same_table(found: Evaluation) -> None:
    assert "benchmark.csv" in found.files
    with (found.out / "benchmark.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    ours = row_of(found.tables[0], "this model").numbers
    written = {row["number"]: float(row["value"]) for row in rows if row["method"] == "this model"}
    assert written == pytest.approx(dict(ours), rel=1e-5)
    published_all = next(
        row
        for row in rows
        if row["method"] == "Liu & Lu 2018" and row["number"] == f"{ALL_MEAN}.recall_at_3"
    )
    assert float(published_all["value"]) == pytest.approx(0.5469, abs=1e-4)
    content = json.loads((found.out / "metrics.json").read_text("utf-8"))
    assert content["benchmark"][0]["rows"][-2]["numbers"] == pytest.approx(dict(ours))
    text = (found.out / "report.html").read_text("utf-8")
    assert "Beside published results" in Structure(text).headings
    assert "All (mean of five types) top-3" in text
    assert "All (global) top-3" in text
    assert "<th>All" in text
    assert "<th>All top" not in text


def test_fewer_types_have_no_all(dataset: Dataset, tmp_path: Path) -> None:
    schema = Schema(coarse.SCHEMA.tasks[:3])
    bundle = coarse.write_bundle(tmp_path / "bundle", schema)
    (table,) = evaluate(bundle, dataset, out=tmp_path / "out", resamples=FEW).tables
    numbers = row_of(table, "this model").numbers
    assert "texture.recall_at_3" in numbers
    assert not [name for name in numbers if name.startswith("all")]
    assert "missing: shape, part, style" in " ".join(table.notes)


def test_changed_labels_are_named_and_no_benchmark_has_no_table(
    bundle: Path, tmp_path: Path
) -> None:
    merged = coarse.write_dataset(tmp_path / "merged", benchmark="deepfashion-coarse-cleaned")
    (table,) = evaluate(bundle, merged, out=tmp_path / "a", resamples=FEW).tables
    assert "labels here were cleaned" in " ".join(table.notes)
    none = coarse.write_dataset(tmp_path / "none", benchmark="")
    plain = evaluate(bundle, none, out=tmp_path / "b", resamples=FEW)
    assert plain.tables == ()
    assert not (tmp_path / "b" / "benchmark.csv").exists()
    assert "Beside published" not in (tmp_path / "b" / "report.html").read_text("utf-8")


def test_without_unknown_tags_one_row_is_enough(bundle: Path, tmp_path: Path) -> None:
    known = coarse.write_dataset(tmp_path / "known", unknown=0.0)
    (table,) = evaluate(bundle, known, out=tmp_path / "out", resamples=FEW).tables
    assert [row.method for row in table.rows if row.ours] == ["this model"]


def test_groups_are_judged_as_ce7454_asks(tmp_path: Path) -> None:
    """Six groups of three labels: the mean of their accuracies, beside the published ones."""
    random = np.random.default_rng(2)
    specs = tuple(
        TaskSpec(name=name, kind="single_label", labels=("a", "b", "c")) for name in grouped.GROUPS
    )
    readout = {
        spec.name: (random.normal(0, 5, (3, 3)).astype(np.float32), np.zeros(3, np.float32))
        for spec in specs
    }
    plain = {spec.name: {"temperature": 1.0} for spec in specs}
    bundle = many.write_many_bundle(
        tmp_path / "bundle", Schema(specs), calibration=plain, readout=readout
    )
    truth = random.integers(0, 3, (40, 6))
    pictures = np.stack([many.picture(row)[0] for row in range(40)])
    dataset = create_dataset(
        tmp_path / "dataset",
        name="groups",
        schema=Schema(specs),
        annotations=[
            Annotation(
                image=f"images.npy#{row}",
                labels={
                    spec.name: spec.labels[label]
                    for spec, label in zip(specs, truth[row], strict=True)
                },
                split="validation",
            )
            for row in range(40)
        ],
        images=pictures,
        benchmark="ce7454",
    )
    evaluation = evaluate(bundle, dataset, split="validation", out=tmp_path / "out", resamples=FEW)
    (table,) = evaluation.tables
    ours = row_of(table, "this model").numbers
    means = pictures.astype(np.float64).mean(axis=(1, 2)) / 255
    said = np.stack([(means @ readout[spec.name][0]).argmax(axis=1) for spec in specs], axis=1)
    assert ours["grouped_accuracy"] == pytest.approx((said == truth).mean())
    assert ours["exact_match"] == pytest.approx((said == truth).all(axis=1).mean())
    for place, group in enumerate(grouped.GROUPS):
        assert ours[f"{group}.accuracy"] == pytest.approx((said == truth)[:, place].mean())
    best = row_of(table, "SE-ResNeXt50, cross-entropy (validation)")
    assert best.numbers["grouped_accuracy"] == 0.8252


def test_conditions_that_differ_are_said() -> None:
    setting = Setting(benchmark="ce7454", split="test", images=7, flip=True, whole=True)
    notes = " ".join(setting.notes(split="validation", images=1000, boxed=True))
    assert "of the test split, published rows of the validation split" in notes
    assert "twice (flip)" in notes
    assert "whole pictures" in notes
    same = Setting(benchmark="ce7454", split="validation", images=1000, whole=True)
    assert same.notes(split="validation", images=1000, boxed=False) == []


def test_landmarks_stand_by_their_errors_in_boxes(tmp_path: Path) -> None:
    """Answers that never move, and truth that lies a known share of its box beside them."""
    spec = TaskSpec(name="landmarks", kind="landmarks", labels=LANDMARKS)
    places = np.linspace(0.2, 0.8, 8)
    answer = np.stack([places, places, np.full(8, 5.0)], axis=1).astype(np.float32)
    weight = np.zeros((3, 24), np.float32)
    bundle = many.write_many_bundle(
        tmp_path / "bundle",
        Schema((spec,)),
        calibration={"landmarks": {}},
        readout={"landmarks": (weight, answer.ravel())},
    )
    # The left hem is hidden, so that it takes no part; collars lie 0.1 beside their answers.
    away = np.array([0.1, 0.1, 0.0, 0.0, 0.05, 0.05, 0.3, 0.0])
    points = {
        name: Landmark((place + off) * many.SIDE, place * many.SIDE, name != "left hem")
        for name, place, off in zip(spec.labels, places, away, strict=True)
    }
    dataset = create_dataset(
        tmp_path / "dataset",
        name="places",
        schema=Schema((spec,)),
        annotations=[
            Annotation(
                image=f"images.npy#{row}", labels={"landmarks": Landmarks(points)}, split="test"
            )
            for row in range(4)
        ],
        images=np.stack([many.picture(row)[0] for row in range(4)]),
        benchmark="deepfashion-landmarks",
    )
    (table,) = evaluate(bundle, dataset, out=tmp_path / "out", resamples=FEW).tables
    ours = row_of(table, "this model")
    assert ours.numbers["left collar"] == pytest.approx(0.1, abs=1e-6)
    assert ours.numbers["ne"] == pytest.approx((0.1 + 0.1 + 0.05 + 0.05) / 7, abs=1e-6)
    cells = dict(zip(["", *(one.called for one in table.measures)], table.cells(ours), strict=True))
    assert (cells["Left collar"], cells["Left hem"]) == ("0.1000", "\N{EN DASH}")
    assert "whole pictures" in " ".join(table.notes)
