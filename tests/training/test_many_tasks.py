"""Several tasks at once: both kinds of heads learn, and learned task weights survive a stop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from training_runs import PATTERNS, draw_pattern

from lapel.models.losses import label_counts
from lapel.models.multitask import Architecture, Network
from lapel.schema.annotation import Label, Tags
from lapel.schema.labels import Schema, TaskSpec
from lapel.tasks.kinds import task_of
from lapel.training.input.examples import Examples
from lapel.training.input.pictures import Resident
from lapel.training.loop.judging import judge
from lapel.training.loop.learn import Tally, learn
from lapel.training.loop.learner import Learner, telling_tasks
from lapel.training.loop.plan import Plan
from lapel.training.recipe import recipe_from

SCHEMA = Schema(
    (
        TaskSpec(name="pattern", kind="single_label", labels=PATTERNS),
        TaskSpec(name="marks", kind="multi_label", labels=("striped", "down", "round")),
    )
)
MARKS = (Tags(("striped",)), Tags(("striped", "down")), Tags(("round",)))


def examples(count: int, *, seed: int) -> Examples:
    """Patterns with their name and marks; each fifth is unnamed, each seventh unmarked."""
    random = np.random.default_rng(seed)
    pixels = np.stack([draw_pattern(number % 3, random) for number in range(count)])
    labels: dict[str, list[Label]] = {
        "pattern": [PATTERNS[n % 3] if n % 5 else None for n in range(count)],
        "marks": [MARKS[n % 3] if n % 7 else None for n in range(count)],
    }
    encoded = {spec.name: task_of(spec).encode(labels[spec.name]) for spec in SCHEMA}
    return Examples(
        pictures=Resident(torch.from_numpy(pixels[:, None])),
        targets={name: torch.from_numpy(target) for name, (target, _) in encoded.items()},
        weights={name: torch.from_numpy(weight) for name, (_, weight) in encoded.items()},
    )


def learner_of(train: Examples, changes: Mapping[str, Any]) -> Learner:
    recipe = recipe_from(
        {
            "name": "two tasks",
            "batch": 20,
            "preprocess": {"height": 28, "width": 28, "channels": 1},
            "optimiser": {"name": "adamw", "learning_rate": 0.01},
            "schedule": {"epochs": 3},
            "precision": "float32",
            **changes,
        },
        origin="this test",
    )
    torch.manual_seed(1)
    architecture = Architecture(
        backbone="lapel-small",
        options={"widths": [8, 16]},
        head=recipe.model.model_dump(include={"heads", "hidden"}),
        mean=[0.3],
        std=[0.3],
    )
    network = Network(SCHEMA, architecture)
    network.fit_to(next(train.pictures.batches([torch.arange(40)])))
    counts = label_counts(SCHEMA, train.targets, train.weights)
    return Learner(network, SCHEMA, recipe, torch.float32, counts)


class StoppedError(Exception):
    pass


class StopsAt:
    """Stops a run after so many steps; 0 never."""

    def __init__(self, step: int = 0) -> None:
        self.last = step

    def step(self, learner: Learner, plan: Plan, tally: Tally) -> None:  # noqa: ARG002
        if learner.progress.step == self.last:
            raise StoppedError

    def epoch(self, learner: Learner, row: dict[str, float]) -> None:
        pass

    def pause(self) -> None:
        pass


@pytest.mark.parametrize(
    "changes",
    [
        {"model": {"heads": "separate"}},
        {"model": {"heads": "joint"}},
        {"model": {"heads": "joint", "hidden": 16}, "loss": {"task_weighting": "learned"}},
        {"loss": {"multi_label": "asymmetric"}, "data": {"balance": "marks"}},
    ],
    ids=["separate", "joint", "joint hidden learned", "asymmetric balanced"],
)
def test_one_network_learns_a_name_and_marks(changes: Mapping[str, Any]) -> None:
    train = examples(300, seed=1)
    learner = learner_of(train, changes)
    learn(learner, train, None, StopsAt())
    numbers = judge(learner, examples(60, seed=2), StopsAt())
    assert numbers["validation.pattern.accuracy"] > 0.85
    assert numbers["validation.marks.map"] > 0.85


def state(learner: Learner) -> dict[str, Tensor]:
    return {**learner.network.state_dict(), **learner.loss.state_dict()}


@pytest.mark.parametrize("optimiser", ["muon", "sgd", "adamw"])
def test_learned_task_weights_are_gone_on_with_exactly(optimiser: str) -> None:
    changes = {
        "loss": {"task_weighting": "learned"},
        "optimiser": {"name": optimiser, "learning_rate": 0.02},
        "schedule": {"epochs": 2},
    }
    train = examples(100, seed=3)
    whole = learner_of(train, changes)
    learn(whole, train, None, StopsAt())

    broken = learner_of(train, changes)
    with pytest.raises(StoppedError):
        learn(broken, train, None, StopsAt(7))
    resumed = learner_of(train, changes).restore(broken.checkpoint())
    learn(resumed, train, None, StopsAt())

    assert whole.progress.step == resumed.progress.step == 10
    expected, found = state(whole), state(resumed)
    assert expected["uncertainty"].abs().min() > 0.001
    for name, value in expected.items():
        assert torch.equal(found[name], value), name


def test_the_log_has_the_weights_that_tasks_have() -> None:
    train = examples(40, seed=4)
    learner = learner_of(train, {"loss": {"task_weighting": "learned"}, "schedule": {"epochs": 1}})
    learn(learner, train, examples(20, seed=5), StopsAt())
    row = learner.progress.history[-1]
    assert row["task_weight.pattern"] != 1
    assert row["task_weight.marks"] != row["task_weight.pattern"]


def test_a_task_with_one_answer_alone_does_not_choose_the_epoch() -> None:
    """It is always right; the others are what tells epochs apart. Alone, it is all there is."""
    dull = TaskSpec(name="dull", kind="single_label", labels=("one", "two"))
    tags = TaskSpec(name="tags", kind="multi_label", labels=("never", "often"))
    alike = torch.tensor([0, 0, 0])
    targets = {"dull": alike, "tags": torch.tensor([[0, 1], [0, 0], [0, 1]])}
    weights = {"dull": torch.ones(3), "tags": torch.ones(3, 2)}
    schema = Schema((dull, tags))
    assert telling_tasks(schema, label_counts(schema, targets, weights)) == ("tags",)
    alone = Schema((dull,))
    assert telling_tasks(alone, label_counts(alone, targets, weights)) == ("dull",)
