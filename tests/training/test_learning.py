"""Learning is tested by learning."""

from __future__ import annotations

import csv
import json
import math
import os
import shutil
import signal
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from torch import nn
from training_runs import SMALL, pattern_dataset

from lapel.data.dataset import Dataset
from lapel.data.splitting.split import split_dataset
from lapel.evaluation.evaluate import evaluate
from lapel.inference.bundle import Bundle
from lapel.inference.predictor import Predictor
from lapel.schema.errors import DatasetError, RecipeError, UsageError
from lapel.schema.prediction import Prediction
from lapel.training.loop import learn
from lapel.training.loop.judging import judge
from lapel.training.loop.learner import Learner
from lapel.training.recorder import Quiet, Recorder
from lapel.training.stopping import RunInterruptedError
from lapel.training.train import Trained, train

#: Of three patterns, told by chance: a third.
LEARNED = 0.9


@pytest.fixture(scope="module")
def trained(patterns: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    run = tmp_path_factory.mktemp("runs") / "run"
    changes = {**SMALL, "schedule.epochs": 6, "doubtful_labels.folds": 2}
    return train("fashion-mnist-fast", data=patterns, out=run, changes=changes)


def test_a_network_of_a_second_tells_patterns_apart(trained: Trained, patterns: Path) -> None:
    assert trained.best_score > LEARNED
    test = Dataset.open(patterns).split("test")
    predictor = Predictor.load(trained.run)
    answers = list(predictor.predict([test.pixels(name) for name in test.names()]))
    right = [
        isinstance(answer, Prediction) and answer.cells()["pattern"] == label
        for answer, label in zip(answers, test.labels("pattern"), strict=True)
    ]
    assert sum(right) / len(right) > LEARNED


@pytest.mark.parametrize(
    "changes",
    [
        {"optimiser.name": "adamw", "optimiser.learning_rate": 0.01},
        {"optimiser.name": "sgd", "optimiser.learning_rate": 0.1, "optimiser.clip": 1.0},
        {"average": 0.95, "schedule.kind": "cosine"},
        {"precision": "bfloat16", "augment.shift": 1, "augment.erase": 0.2},
        {"data.resident": "never", "data.workers": 1},
        {"model.options.depth": 3, "model.options.residual": True, "model.dropout": 0.1},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_every_way_of_learning_learns(
    changes: dict[str, Any], patterns: Path, tmp_path: Path
) -> None:
    everything = {**SMALL, "schedule.epochs": 8, "checkpoint.every_steps": 50, **changes}
    trained = train("fashion-mnist-fast", data=patterns, out=tmp_path / "run", changes=everything)
    assert trained.best_score > LEARNED


def test_the_bundle_says_where_it_comes_from(trained: Trained, patterns: Path) -> None:
    bundle = Bundle.load(trained.bundle)
    assert bundle.provenance["dataset"]["fingerprint"] == Dataset.open(patterns).fingerprint
    assert bundle.provenance["chosen"]["on"] == "validation"
    assert bundle.provenance["chosen"]["epoch"] == trained.best_epoch
    assert bundle.provenance["parity"]["changed_answers"] == 0
    assert bundle.provenance["recipe"]["schedule"]["epochs"] == 6
    assert bundle.calibration["pattern"]["temperature"] > 0
    assert bundle.scores["validation"]["pattern.accuracy"] == pytest.approx(
        trained.best_score, abs=0.02
    )
    card = (trained.bundle / "README.md").read_text()
    assert "across, down, dot" in card
    assert "a little too good" in card
    assert "In brackets: the 95 % interval" in card
    assert f"divided: `pattern` {bundle.calibration['pattern']['temperature']:.3f}\n" in card
    assert "answers that differ: 0\n" in card


def test_the_run_keeps_recipe_log_and_environment(trained: Trained) -> None:
    with (trained.run / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4", "5", "6"]
    assert float(rows[-1]["train_loss"]) < float(rows[0]["train_loss"])
    facts = json.loads((trained.run / "run.json").read_text())
    assert facts["environment"]["versions"]["torch"]
    assert list((trained.run / "tensorboard").glob("events.*"))
    assert "widths:\n    - 8" in (trained.run / "recipe.yaml").read_text()


def test_wrong_training_labels_are_found(tmp_path: Path) -> None:
    wrong = 20
    dataset = pattern_dataset(tmp_path / "data", {"train": 400, "validation": 60}, wrong=wrong)
    changes = {
        **SMALL,
        "schedule.epochs": 6,
        "doubtful_labels.folds": 3,
        "doubtful_labels.epochs": 6,
    }
    train("fashion-mnist-fast", data=dataset.folder, out=tmp_path / "run", changes=changes)
    with (tmp_path / "run" / "out_of_sample.csv").open() as file:
        doubtful = [row["image"] for row in csv.DictReader(file)][:wrong]
    planted = {f"images.npy#{number}" for number in range(wrong)}
    assert len(planted & set(doubtful)) >= 0.8 * wrong


def test_the_same_seed_gives_the_same_weights_and_another_does_not(
    patterns: Path, tmp_path: Path
) -> None:
    weights = []
    for name, seed in (("first", 1), ("again", 1), ("other", 2)):
        changes = {**SMALL, "seed": seed, "augment.erase": 0.5, "model.dropout": 0.2}
        trained = train("fashion-mnist-fast", data=patterns, out=tmp_path / name, changes=changes)
        weights.append((trained.bundle / "weights.safetensors").read_bytes())
    assert weights[0] == weights[1]
    assert weights[0] != weights[2]


def test_the_test_split_is_not_touched(tmp_path: Path) -> None:
    both = pattern_dataset(tmp_path / "both", {"train": 90, "validation": 30, "test": 60})
    without = pattern_dataset(tmp_path / "without", {"train": 90, "validation": 30})
    weights = [
        (
            train(
                "fashion-mnist-fast",
                data=dataset.folder,
                out=tmp_path / f"run-{dataset.folder.name}",
                changes=SMALL,
            ).bundle
            / "weights.safetensors"
        ).read_bytes()
        for dataset in (both, without)
    ]
    assert weights[0] == weights[1]


def test_early_stopping_ends_a_run_that_gets_no_better(patterns: Path, tmp_path: Path) -> None:
    changes = {
        **SMALL,
        "schedule.epochs": 40,
        "optimiser.name": "sgd",
        "optimiser.learning_rate": 1e-9,
        "early_stopping.patience": 2,
    }
    train("fashion-mnist-fast", data=patterns, out=tmp_path / "run", changes=changes)
    epochs = (tmp_path / "run" / "log.csv").read_text().splitlines()[1:]
    assert 3 <= len(epochs) < 10


def test_part_of_an_epoch_and_fewer_pictures_than_a_batch(tmp_path: Path) -> None:
    dataset = pattern_dataset(tmp_path / "data", {"train": 9, "validation": 6})
    changes = {**SMALL, "batch": 64, "schedule.epochs": 2.5}
    train("fashion-mnist-fast", data=dataset.folder, out=tmp_path / "run", changes=changes)
    rows = (tmp_path / "run" / "log.csv").read_text().splitlines()[1:]
    assert len(rows) == 2


def test_a_dataset_without_validation_says_how_to_make_one(tmp_path: Path) -> None:
    dataset = pattern_dataset(tmp_path / "data", {"train": 30, "test": 30})
    with pytest.raises(DatasetError, match="lapel data split"):
        train("fashion-mnist-fast", data=dataset.folder, out=tmp_path / "run", changes=SMALL)


def test_a_dataset_that_changed_is_not_resumed_on(tmp_path: Path) -> None:
    dataset = pattern_dataset(tmp_path / "data", {"train": 30, "validation": 30})
    run = tmp_path / "run"
    train("fashion-mnist-fast", data=dataset.folder, out=run, changes=SMALL)
    shutil.rmtree(run / "bundle")  # as if it had been stopped before its end
    for file in dataset.folder.iterdir():
        file.unlink()
    pattern_dataset(dataset.folder, {"train": 33, "validation": 30})
    with pytest.raises(DatasetError, match="has changed since the run began"):
        train(resume=run)


def test_arguments_that_do_not_go_together_are_refused(patterns: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^--out RUN is missing; type: lapel train "):
        train("fashion-mnist-fast", data=patterns)
    with pytest.raises(UsageError, match="give nothing else"):
        train("fashion-mnist-fast", resume=tmp_path)
    with pytest.raises(UsageError, match="holds no run to resume"):
        train(resume=tmp_path)


def test_a_number_that_a_task_does_not_have_is_refused_before_learning(
    patterns: Path, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match=r"no number 'f1'; did you mean .*macro_f1"):
        train(
            "fashion-mnist-fast",
            data=patterns,
            out=tmp_path / "run",
            changes={**SMALL, "select": "pattern.f1"},
        )
    assert not (tmp_path / "run").exists()


def test_a_finished_run_is_not_finished_again(trained: Trained) -> None:
    listener = Listener()
    again = train(resume=trained.run, reporter=listener)
    assert again.best_score == trained.best_score
    assert listener.steps == 0
    assert any("finished already" in text for text in listener.said)
    assert not any("Exported" in text for text in listener.said)


def test_the_bundle_knows_which_pictures_it_has_seen(trained: Trained, patterns: Path) -> None:
    bundle, dataset = Bundle.load(trained.bundle), Dataset.open(patterns)
    digests = {split: dataset.split(split).table["sha256"].to_list() for split in dataset.splits()}
    assert bundle.has_seen("train", digests["train"]) == 300
    assert bundle.has_seen("validation", digests["validation"]) == 60
    assert bundle.has_seen("train", digests["test"]) == 0
    assert bundle.has_seen("validation", digests["test"]) == 0


def test_judging_on_pictures_learned_from_is_said_loudly(
    trained: Trained, patterns: Path, tmp_path: Path
) -> None:
    dataset = Dataset.open(patterns)
    honest = evaluate(trained.bundle, dataset, split="test", out=tmp_path / "honest")
    assert not any("Warning" in remark for remark in honest.subject.remarks)
    shutil.copytree(patterns, tmp_path / "redrawn")
    redrawn = split_dataset(
        tmp_path / "redrawn", validation=0.2, test=0.2, redraw=True, redraw_test=True
    )
    leaked = evaluate(trained.bundle, redrawn, split="test", out=tmp_path / "leaked")
    assert "Warning: the model has learned from" in leaked.subject.remarks[0]
    assert "say nothing about new ones" in (tmp_path / "leaked" / "report.html").read_text()


@pytest.mark.parametrize("key", ["select", "loss.task_weights"])
def test_a_recipe_that_names_other_tasks_is_refused(
    key: str, patterns: Path, tmp_path: Path
) -> None:
    value = "colour.accuracy" if key == "select" else {"colour": 2.0}
    with pytest.raises(RecipeError, match=r"speaks of colour.*tasks are: pattern"):
        train(
            "fashion-mnist-fast",
            data=patterns,
            out=tmp_path / "run",
            changes={**SMALL, key: value},
        )


def test_a_thread_that_is_not_the_main_one_can_train(patterns: Path, tmp_path: Path) -> None:
    done: list[Trained] = []

    def work() -> None:
        changes = {**SMALL, "schedule.epochs": 1}
        done.append(train("fashion-mnist-fast", data=patterns, out=tmp_path / "r", changes=changes))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(60)
    assert done


class Listener:
    """Notes what a reporter is told."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.rows: list[dict[str, float]] = []
        self.steps = 0

    def say(self, text: str) -> None:
        self.said.append(text)

    def track(self, items: Iterable[Any], /, total: int | None, description: str) -> Iterator[Any]:
        self.said.append(f"{description}: {total}")
        yield from items

    def step(self, learner: object, plan: object, tally: object) -> None:  # noqa: ARG002 - the shape of Reporter
        self.steps += 1

    def epoch(self, row: dict[str, float]) -> None:
        self.rows.append(row)


def test_a_reporter_is_told_every_step_and_epoch(patterns: Path, tmp_path: Path) -> None:
    listener = Listener()
    train(
        "fashion-mnist-fast",
        data=patterns,
        out=tmp_path / "run",
        changes=SMALL,
        reporter=listener,
    )
    assert listener.steps == 4 * (300 // 16)
    assert [row["epoch"] for row in listener.rows] == [1, 2, 3, 4]
    assert any("Exported and checked" in text for text in listener.said)


def test_no_better_is_only_what_was_judged(patterns: Path, tmp_path: Path) -> None:
    changes = {
        **SMALL,
        "schedule.epochs": 7,
        "validate_every": 3,
        "early_stopping.patience": 2,
    }
    trained = train("fashion-mnist-fast", data=patterns, out=tmp_path / "run", changes=changes)
    assert trained.best_epoch in {3, 6, 7}
    assert Bundle.load(trained.bundle).provenance["chosen"]["epoch"] == trained.best_epoch


def test_time_that_runs_out_while_an_epoch_is_judged_adds_none(
    patterns: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(learner: Learner, *rest: Any) -> dict[str, float]:
        learner.progress.judging_seconds += 1000
        return judge(learner, *rest)

    monkeypatch.setattr(learn, "judge", slow)
    changes = {**SMALL, "schedule.seconds": 500}
    train("fashion-mnist-fast", data=patterns, out=tmp_path / "run", changes=changes)
    with (tmp_path / "run" / "log.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 1


def test_who_is_stopped_while_pictures_are_read_does_not_wait(
    photo_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAPEL_CACHE", str(tmp_path / "cache"))
    handed: list[object] = []

    class StopsReading(Quiet):
        def track(
            self, items: Iterable[Any], /, total: int | None, description: str
        ) -> Iterator[Any]:
            for item in super().track(items, total, description):
                handed.append(item)
                if len(handed) == 2:
                    os.kill(os.getpid(), signal.SIGTERM)
                yield item

    reporter = StopsReading()
    with pytest.raises(RunInterruptedError, match="read; the same command begins again"):
        train("class-folders", data=photo_dataset, out=tmp_path / "run", reporter=reporter)
    assert len(handed) == 2


def test_a_network_of_no_numbers_is_not_saved_when_a_run_is_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    saved: list[object] = []
    recorder = Recorder.__new__(Recorder)
    monkeypatch.setattr(recorder, "save", saved.append)
    network = nn.Linear(2, 1)
    learner: Any = SimpleNamespace(network=network)
    assert recorder.save_if_sound(learner)
    nn.init.constant_(network.bias, math.nan)
    assert not recorder.save_if_sound(learner)
    assert saved == [learner]
