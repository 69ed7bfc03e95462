"""What merging labels is worth is told by learning both ways: small networks, real processes."""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training_runs import SMALL, draw_pattern

from lapel.data.cleaning.clean import clean_dataset
from lapel.data.creating import create_dataset
from lapel.data.dataset import Dataset
from lapel.data.images import packed_name
from lapel.inference.bundle import Bundle
from lapel.schema.annotation import Annotation, Tags
from lapel.schema.errors import DatasetError, TrainingError, UsageError
from lapel.schema.labels import Schema, TaskSpec
from lapel.training.comparing.compare import Silent
from lapel.training.comparing.label_plan import make_label_plan
from lapel.training.comparing.label_tables import LabelComparison
from lapel.training.comparing.labels import compare_labels
from lapel.training.stopping import RunInterruptedError

CHANGES: Mapping[str, Any] = {**SMALL, "schedule.epochs": 3, "model.options.widths": "[8]"}

#: What each pattern may be called; which one an annotator takes is chance.
SYNONYMS = (("stripe", "striped", "stripes"), ("print", "printed"), ("dot", "dots", "dotted"))


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Processes of their own would share the cores badly."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


def synonyms_dataset(folder: Path) -> Dataset:
    """Patterns under random names: 240 to train, 60 to validate, 90 to test."""
    random = np.random.default_rng(5)
    splits = ["train"] * 240 + ["validation"] * 60 + ["test"] * 90
    pictures = [draw_pattern(number % 3, random) for number in range(len(splits))]
    words = tuple(sorted(word for words in SYNONYMS for word in words))
    annotations = [
        Annotation(
            image=packed_name(number),
            split=split,
            labels={"texture": Tags((str(random.choice(SYNONYMS[number % 3])),))},
        )
        for number, split in enumerate(splits)
    ]
    schema = Schema((TaskSpec(name="texture", kind="multi_label", labels=words),))
    return create_dataset(
        folder, name="names", schema=schema, annotations=annotations, images=np.stack(pictures)
    )


def both(folder: Path) -> tuple[Path, Path]:
    """The dataset as it was, and with its names merged."""
    before = synonyms_dataset(folder / "data").folder
    after = clean_dataset(before, "deepfashion", out=folder / "cleaned").dataset.folder
    return before, after


def run_compare(data: Path, cleaned: Path, out: Path, **others: Any) -> LabelComparison:
    arguments = {"changes": CHANGES, "onlooker": Silent(), "resamples": 20, **others}
    return compare_labels("fashion-mnist-fast", data=data, cleaned=cleaned, out=out, **arguments)


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, LabelComparison]:
    folder = tmp_path_factory.mktemp("labels")
    data, cleaned = both(folder)
    return data, cleaned, run_compare(data, cleaned, folder / "out")


def test_the_three_ways_stand_side_by_side(
    compared: tuple[Path, Path, LabelComparison],
) -> None:
    comparison = compared[2]
    values = {row: comparison.value_of(row) for row in ("original", "merged", "after")}
    original, merged, after = (found["texture.map"] for found in values.values())
    # Which of three names it is, nobody can tell: the same model is far better on merged ones.
    assert original < 0.6
    assert merged > original + 0.2
    assert after > 0.8
    (gain,) = comparison.gains
    assert gain["texture.map"].value == pytest.approx(after - merged)
    assert gain["texture.map"].low <= gain["texture.map"].value <= gain["texture.map"].high
    text = (comparison.out / "labels.md").read_text("utf-8")
    assert "| learned unmerged, scored merged |" in text
    assert "cleaned by deepfashion, tier A; test split" in text
    assert "Only the last two rows compare" in text
    with (comparison.out / "labels.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["number"] == "map"]
    told = {(row["labels"], row["task"]): row for row in rows}
    assert float(told["merged labels", "texture"]["value"]) == pytest.approx(after, rel=1e-4)
    assert told["merged labels", "texture"]["gain_low"] != ""
    assert told["original labels", "texture"]["gain"] == ""
    for name in ("original", "merged", "after"):
        assert (comparison.out / "reports" / name / "report.html").is_file()


def test_the_same_call_learns_nothing_anew_and_models_may_be_given(
    compared: tuple[Path, Path, LabelComparison], tmp_path: Path
) -> None:
    data, cleaned, first = compared
    files = [path for path in (first.out / "runs").rglob("*") if path.is_file()]
    before = {path: path.stat().st_mtime_ns for path in files}
    again = run_compare(data, cleaned, first.out)
    assert {path: path.stat().st_mtime_ns for path in files} == before
    assert again.numbers == first.numbers
    command = [sys.executable, "-m", "lapel", "compare", "fashion-mnist-fast"]
    command += ["--data", str(data), "--cleaned", str(cleaned), "--out", str(tmp_path / "given")]
    for which in ("before", "after"):
        command += [f"--{which}", str(first.out / "runs" / which)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "given" / "runs").exists()
    lines = done.stdout.splitlines()
    assert lines[1].split("\t")[:2] == ["", "mAP"]
    assert [line.split("\t")[0] for line in lines[2:6]] == [
        "original labels",
        "learned unmerged, scored merged",
        "merged labels",
        "gain of merging (95 %)",
    ]
    value = 100 * first.value_of("after")["texture.map"]
    assert lines[4].split("\t")[1] == f"{value:.2f} %"


def test_a_run_that_fails_says_why(
    compared: tuple[Path, Path, LabelComparison], tmp_path: Path
) -> None:
    data, cleaned, first = compared
    with pytest.raises(TrainingError, match=r"run after is failed, .* the loss is"):
        run_compare(
            data,
            cleaned,
            tmp_path / "out",
            before=first.out / "runs" / "before",
            changes={**CHANGES, "optim": "sgd", "optimiser.learning_rate": 1e30},
        )


class Stopper(Silent):
    """Sends a signal when the judging begins."""

    def say(self, text: str) -> None:
        if text.startswith("judging"):
            os.kill(os.getpid(), signal.SIGTERM)


def test_stopped_while_it_judges_it_says_how_to_go_on(
    compared: tuple[Path, Path, LabelComparison],
) -> None:
    data, cleaned, first = compared
    with pytest.raises(RunInterruptedError, match=r"what was learned is saved\. The same command"):
        run_compare(data, cleaned, first.out, onlooker=Stopper())


def test_models_of_different_recipes_are_named(
    compared: tuple[Path, Path, LabelComparison], tmp_path: Path
) -> None:
    data, cleaned, first = compared
    runs = first.out / "runs"
    assert "different recipes" not in (first.out / "labels.md").read_text("utf-8")
    with pytest.MonkeyPatch.context() as patch:
        # As if it had been trained in another way: the bundle says so.
        load = Bundle.load

        def changed(folder: Path) -> Bundle:
            bundle = load(folder)
            if "after" not in str(folder):
                return bundle
            recipe = {**bundle.provenance["recipe"], "batch": 7, "seed": 99, "name": "mine"}
            return replace(bundle, provenance={**bundle.provenance, "recipe": recipe})

        patch.setattr(Bundle, "load", changed)
        given = {"before": runs / "before", "after": runs / "after"}
        found = run_compare(data, cleaned, tmp_path / "out", **given)
    (remark,) = found.remarks
    assert "learned by different recipes" in remark
    assert re.search(r"alone: batch \(\d+ before, 7 after\)\.$", remark)
    assert remark in (tmp_path / "out" / "labels.md").read_text("utf-8")


def test_what_does_not_belong_together_is_refused(
    compared: tuple[Path, Path, LabelComparison], tmp_path: Path
) -> None:
    data, cleaned, first = compared
    with pytest.raises(UsageError, match=r"has no label_mapping\.json that leads from the labels"):
        run_compare(cleaned, data, tmp_path / "out")
    with pytest.raises(UsageError, match="holds a comparison of other labels, or by another"):
        run_compare(data, cleaned, first.out, changes={**CHANGES, "batch": 8})
    with pytest.raises(UsageError, match="found 2 seeds; take 1 or more, and 1 where a model"):
        run_compare(data, cleaned, tmp_path / "out", before=first.out / "runs" / "before", seeds=2)
    runs = first.out / "runs"
    with pytest.raises(UsageError, match=r"--before .* has learned the cleaned labels; are"):
        run_compare(data, cleaned, tmp_path / "o", before=runs / "after", after=runs / "before")
    fewer = clean_dataset(data, "deepfashion", out=tmp_path / "fewer").dataset
    fewer.table.filter(fewer.table["split"] != "test").write_parquet(
        fewer.folder / "annotations.parquet"
    )
    with pytest.raises(DatasetError, match="has no 'test' split"):
        run_compare(data, fewer.folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_dataset_that_was_cleaned_twice_is_compared_with_what_it_was(
    compared: tuple[Path, Path, LabelComparison], tmp_path: Path
) -> None:
    data, cleaned, _ = compared
    (tmp_path / "again.yaml").write_text("texture: {rename: {stripe: lines}}\n")
    again = clean_dataset(cleaned, tmp_path / "again.yaml", out=tmp_path / "again").dataset
    for before, becomes in ((data, {"striped": "lines", "dots": "dot"}), (cleaned, {})):
        plan = make_label_plan(
            "fashion-mnist-fast",
            {key: str(value) for key, value in CHANGES.items()},
            before,
            again.folder,
            1,
            {},
            "test",
            tmp_path / "out",
        )
        (task,) = plan.mapping.tasks
        assert task.before == Dataset.open(before).schema["texture"]
        assert task.after == again.schema["texture"]
        assert becomes.items() <= task.becomes.items()
        assert task.now("stripe") == "lines"
