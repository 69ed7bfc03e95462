"""Landmarks are learned: drawn shirts, in seconds, far better than their mean place."""

from __future__ import annotations

import csv
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from drawn_shirts import NAMES, RECIPE, SCHEMA, shirt_dataset
from torch import Tensor

from lapel.data.dataset import Dataset
from lapel.imaging.preprocess import Preprocess
from lapel.inference.predictor import Predictor
from lapel.models.heads.base import LandmarkMaps, Raw
from lapel.models.losses import label_counts
from lapel.models.networks import build_network
from lapel.schema.errors import RecipeError
from lapel.schema.geometry import Landmarks
from lapel.schema.prediction import LandmarksAnswer, Prediction
from lapel.tasks.kinds import task_of
from lapel.training.input.examples import Examples, load_examples
from lapel.training.loop.batches import changed
from lapel.training.loop.judging import judge
from lapel.training.loop.learn import Tally, learn
from lapel.training.loop.learner import Learner
from lapel.training.loop.plan import Plan, plan_of
from lapel.training.loop.step import begin_step
from lapel.training.material import architecture_of
from lapel.training.recipe import Recipe, recipe_from
from lapel.training.recipe_parts import DataPart
from lapel.training.recorder import OnlyStops, Quiet
from lapel.training.resolve import resolve
from lapel.training.stopping import StopSignals
from lapel.training.train import Trained, train

SPLITS = {"train": 256, "validation": 48, "test": 48}


@pytest.fixture(scope="module")
def shirts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shirt_dataset(tmp_path_factory.mktemp("datasets") / "shirts", SPLITS).folder


def recipe_file(folder: Path, changes: Mapping[str, Any] | None = None) -> Path:
    path = folder / "shirts.yaml"
    path.write_text(yaml.safe_dump({**RECIPE, **(changes or {})}))
    return path


@pytest.fixture(scope="module")
def trained(shirts: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("runs")
    return train(recipe_file(folder), data=shirts, out=folder / "run")


def by_the_mean_place(shirts: Path) -> float:
    """NE on validation of the answer that never looks: each landmark's mean place in train."""
    task = task_of(SCHEMA["places"])
    how = preprocessing(recipe_of({}))
    parts = {}
    for split in ("train", "validation"):
        dataset = Dataset.open(shirts).split(split)
        parts[split] = load_examples(
            dataset, SCHEMA, how, device=torch.device("cpu"), options=DataPart(cache=False)
        )
    target, weight = (
        parts["train"].targets["places"],
        parts["train"].weights["places"][..., :1],
    )
    mean = (target[..., :2] * weight).sum(0) / weight.sum(0)
    judged = parts["validation"]
    said = torch.cat([mean, torch.ones(len(NAMES), 1)], 1).expand(len(judged), -1, -1)
    counts = task.score(
        said.numpy(), judged.targets["places"].numpy(), judged.weights["places"].numpy()
    )
    return counts.numbers()["ne"]


def recipe_of(changes: Mapping[str, Any]) -> Recipe:
    return resolve(recipe_from({**RECIPE, **changes}, origin="this test"))


def preprocessing(recipe: Recipe) -> Preprocess:
    return Preprocess.from_json(recipe.preprocess.model_dump(mode="json"))


def test_a_network_of_seconds_finds_landmarks_and_names(trained: Trained, shirts: Path) -> None:
    best = best_row(trained)
    assert by_the_mean_place(shirts) > 0.15
    assert best["validation.places.ne"] < 0.05
    assert best["validation.places.pck10"] > 0.9
    assert best["validation.places.visibility_accuracy"] > 0.8
    assert best["validation.sleeves.accuracy"] > 0.9


def best_row(trained: Trained) -> dict[str, float]:
    with (trained.run / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    row = next(row for row in rows if int(float(row["epoch"])) == trained.best_epoch)
    return {name: float(value) for name, value in row.items() if value}


def test_the_bundle_answers_with_places_in_the_original(trained: Trained, shirts: Path) -> None:
    dataset = Dataset.open(shirts).split("test")
    predictor = Predictor.load(trained.bundle)
    distances = []
    for name, truth in zip(dataset.names(), dataset.labels("places"), strict=True):
        prediction = next(iter(predictor.predict([dataset.pixels(name)])))
        assert isinstance(prediction, Prediction)
        answer = prediction.answers["places"]
        assert isinstance(answer, LandmarksAnswer)
        assert isinstance(truth, Landmarks)
        found = {point.name: point for point in answer.points}
        distances += [
            np.hypot(found[label].x - point.x, found[label].y - point.y)
            for label, point in truth.points.items()
            if point.visible
        ]
    assert np.median(distances) < 2  # pixels of 48


@pytest.mark.parametrize(
    "changes",
    [
        {"loss": {"landmarks": "coordinates"}},
        {"model": {**RECIPE["model"], "landmarks": "coordinates"}},
        {
            "preprocess": {**RECIPE["preprocess"], "crop_to_box": True, "box_margin": 0.15},
            "augment": {"flip": 0.5, "rotate": 10, "zoom": 0.1},
            "precision": "bfloat16",
        },
        {"model": {**RECIPE["model"], "heads": "joint"}, "augment": {"flip": 0.5, "mixup": 0.2}},
    ],
    ids=["means of maps", "coordinates", "boxes in bfloat16", "joint, mixed"],
)
def test_every_way_of_learning_landmarks_learns(changes: Mapping[str, Any], shirts: Path) -> None:
    schedule = {"schedule": {"epochs": 5}, "validate_every": 5}
    learner, train_part, validation = begun(shirts, {**schedule, **changes})
    learn(learner, train_part, validation, OnlyStops(StopSignals()))
    numbers = learner.progress.history[-1]
    assert numbers["validation.places.ne"] < 0.6 * by_the_mean_place(shirts)
    assert numbers["validation.sleeves.accuracy"] > 0.75


def begun(shirts: Path, changes: Mapping[str, Any]) -> tuple[Learner, Examples, Examples]:
    """A learner that has not learned yet, and what it learns from and is judged by."""
    recipe = recipe_of(changes)
    how = preprocessing(recipe)
    parts = [
        load_examples(
            Dataset.open(shirts).split(split),
            SCHEMA,
            how,
            device=torch.device("cpu"),
            options=DataPart(cache=False),
        )
        for split in ("train", "validation")
    ]
    torch.manual_seed(0)
    network = build_network(SCHEMA, architecture_of(recipe, how))
    network.fit_to(next(parts[0].pictures.batches([torch.arange(64)])))
    precision = torch.bfloat16 if recipe.precision == "bfloat16" else torch.float32
    counts = label_counts(SCHEMA, parts[0].targets, parts[0].weights)
    return Learner(network, SCHEMA, recipe, precision, counts), parts[0], parts[1]


STAGES: Mapping[str, Any] = {
    "schedule": {
        "epochs": 2,
        "kind": "constant",
        "warmup": 0,
        "stages": [
            {"share": 0.5, "task_weights": {"sleeves": 0}, "learning_rate": 0.5},
            {"share": 0.25, "task_weights": {"places": 0.25}},
        ],
    }
}


def test_stages_weigh_tasks_and_rates_for_their_shares_of_the_steps(shirts: Path) -> None:
    learner, train_part, _ = begun(shirts, STAGES)
    plan = plan_of(learner.recipe, len(train_part))
    seen = []
    for step in (0, 15, 16, 23, 24, 31):
        learner.progress.step = step
        begin_step(learner, plan)
        rate = learner.optimisers[0].param_groups[0]["lr"] / 0.005
        seen.append((*learner.loss.task_weights().values(), rate))
    assert plan.steps == 32
    assert seen == [(0, 1, 0.5)] * 2 + [(1, 0.25, 1)] * 2 + [(1, 1, 1)] * 2


class StoppedError(Exception):
    pass


class StopsAt:
    """Stops a run after so many steps; 0 never."""

    def __init__(self, step: int = 0) -> None:
        self.last = step

    def step(self, learner: Learner, plan: Plan, tally: Tally) -> None:  # noqa: ARG002 - the shape of Watcher
        if learner.progress.step == self.last:
            raise StoppedError

    def epoch(self, learner: Learner, row: dict[str, float]) -> None:
        pass

    def pause(self) -> None:
        pass


def test_a_task_of_weight_0_rests_and_a_run_in_stages_is_gone_on_with_exactly(
    shirts: Path,
) -> None:
    whole, train_part, _ = begun(shirts, STAGES)
    at_first = whole.network.state_dict()["heads.0.linear.weight"].clone()
    learn(whole, train_part, None, StopsAt())
    broken, _, _ = begun(shirts, STAGES)
    with pytest.raises(StoppedError):
        learn(broken, train_part, None, StopsAt(11))
    assert torch.equal(broken.network.state_dict()["heads.0.linear.weight"], at_first)
    resumed = begun(shirts, STAGES)[0].restore(broken.checkpoint())
    learn(resumed, train_part, None, StopsAt())
    assert not torch.equal(whole.network.state_dict()["heads.0.linear.weight"], at_first)
    for name, value in whole.network.state_dict().items():
        assert torch.equal(resumed.network.state_dict()[name], value), name


def test_pictures_that_are_mixed_teach_their_own_places_alone(shirts: Path) -> None:
    learner, train_part, _ = begun(shirts, {"augment": {"mixup": 1.0}})
    rows = torch.arange(16)
    pictures = next(train_part.pictures.batches([rows]))
    batch = changed(learner, train_part, rows, pictures)
    assert batch.partners_known is not None
    assert (batch.partners_known.weights["places"] == 0).all()
    assert (batch.partners_known.weights["sleeves"] == 1).all()
    assert torch.equal(batch.known.weights["places"], train_part.weights["places"][rows])


def test_judging_holds_the_maps_of_one_batch_alone(shirts: Path) -> None:
    learner, _, validation = begun(shirts, {})
    maps: list[weakref.ref[Tensor]] = []
    alive: list[int] = []
    plain = learner.answer

    def answer(pixels: Tensor) -> dict[str, Raw]:
        alive.append(sum(one() is not None for one in maps))
        raw = plain(pixels)
        assert isinstance(raw["places"], LandmarkMaps)
        maps.append(weakref.ref(raw["places"].heatmaps))
        return raw

    learner.answer = answer
    judge(learner, validation, StopsAt())
    assert len(alive) == 3
    assert max(alive) <= 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"augment.trivial": True}, "augment.trivial"),
        ({"preprocess.from_photo": True}, "from_photo"),
        ({"data.balance": "places"}, "data.balance"),
        ({"model.landmarks": "coordinates", "loss.landmarks": "heatmap"}, "loss.landmarks"),
        ({"select": "places.ne"}, "less is better"),
        ({"select": "places.pck01"}, "pck10"),
        ({"schedule.stages": [{"share": 0.7}, {"share": 0.4}]}, "1.1"),
        ({"schedule.stages": [{"share": 1, "task_weights": {"hats": 0}}]}, "hats"),
        (
            {"schedule.stages": [{"share": 1, "task_weights": {"places": 0, "sleeves": 0}}]},
            "stage 1",
        ),
    ],
)
def test_what_loses_places_is_refused_before_learning(
    changes: Mapping[str, Any], said: str, shirts: Path, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match=said):
        train(recipe_file(tmp_path), data=shirts, out=tmp_path / "run", changes=changes)
    assert not (tmp_path / "run" / "run.json").exists()


def test_heads_on_pooled_features_leave_places_out_and_say_so(
    shirts: Path, trained: Trained, tmp_path: Path
) -> None:
    said: list[str] = []

    class Listener(Quiet):
        def say(self, text: str) -> None:
            said.append(text)

    begin = {"model.options.widths": [8, 16, 32], "model.options.weights": str(trained.run)}
    fitted = {"transfer.heads_first": True, "transfer.train": "heads", "schedule.epochs": 0}
    run = train(
        recipe_file(tmp_path),
        data=shirts,
        out=tmp_path / "run",
        changes=begin | fitted,
        reporter=Listener(),
    )
    assert any("Leaving out places" in line for line in said)
    black = np.zeros((48, 48), np.uint8)
    prediction = next(iter(Predictor.load(run.bundle).predict([black])))
    assert isinstance(prediction, Prediction)
    assert list(prediction.answers) == ["sleeves"]
    with pytest.raises(RecipeError, match="pooled features"):
        train(
            recipe_file(tmp_path),
            data=shirts,
            out=tmp_path / "named",
            changes=begin | fitted | {"tasks": ["places"]},
        )


def test_places_are_learned_while_lower_stages_rest(
    shirts: Path, trained: Trained, tmp_path: Path
) -> None:
    begin = {"model.options.widths": [8, 16, 32], "model.options.weights": str(trained.run)}
    run = train(
        recipe_file(tmp_path),
        data=shirts,
        out=tmp_path / "run",
        changes=begin | {"transfer.train": "upper", "transfer.upper": 1, "schedule.epochs": 2},
    )
    assert best_row(run)["validation.places.ne"] < 0.6 * by_the_mean_place(shirts)
