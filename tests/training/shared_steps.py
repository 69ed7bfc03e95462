"""Runs of a few steps that several processes take, and one alone: to be compared."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import drawn_outfits
import drawn_shapes
import drawn_shirts
import numpy as np
import torch
from torch import Tensor
from training_runs import PATTERNS, draw_pattern

from lapel.data.dataset import Dataset
from lapel.imaging.preprocess import Preprocess
from lapel.models.losses import label_counts
from lapel.models.networks import build_network
from lapel.schema.annotation import Label, Tags
from lapel.schema.labels import Schema, TaskSpec
from lapel.tasks.kinds import task_of
from lapel.training.input.examples import Examples, load_examples
from lapel.training.input.pictures import Resident
from lapel.training.loop.judging import judge
from lapel.training.loop.learn import Tally, learn
from lapel.training.loop.learner import Learner
from lapel.training.loop.plan import Plan
from lapel.training.material import architecture_of
from lapel.training.processes import gradients
from lapel.training.processes.group import ALONE, Group
from lapel.training.processes.sharding import shard
from lapel.training.recipe import recipe_from
from lapel.training.recipe_parts import DataPart
from lapel.training.resolve import resolve

LABELS = Schema(
    (
        TaskSpec(name="pattern", kind="single_label", labels=PATTERNS),
        TaskSpec(name="marks", kind="multi_label", labels=("striped", "down", "round")),
    )
)
MARKS = (Tags(("striped",)), Tags(("striped", "down")), Tags(("round",)))

#: Of patterns with labels; small rates, since what is compared are the steps.
OF_LABELS: Mapping[str, Any] = {
    "name": "labels",
    "batch": 12,
    "precision": "float32",
    "preprocess": {"height": 28, "width": 28, "channels": 1, "mean": [0.3], "std": [0.3]},
    "model": {"options": {"widths": [8, 16]}},
    "optimiser": {"name": "sgd", "learning_rate": 0.05},
    "schedule": {"epochs": 2},
}

EVERY_CHANGE: Mapping[str, Any] = {
    "flip": 0.5,
    "shift": 2,
    "zoom": 0.1,
    "rotate": 8,
    "crop": 0.1,
    "erase": 0.5,
    "brightness": 0.2,
    "contrast": 0.2,
    "trivial": True,
}

#: What is learned in which way: everything in which one picture could matter to another.
CASES: Mapping[str, Mapping[str, Any]] = {
    "changed pictures, dropout": {
        "augment": EVERY_CHANGE,
        "model": {"options": {"widths": [8, 16]}, "dropout": 0.3},
    },
    "two in one, learned weights": {
        "augment": {"mixup": 0.4, "cutmix": 1.0, "flip": 0.5},
        "model": {"options": {"widths": [8, 16]}, "heads": "joint", "hidden": 8},
        "loss": {"task_weighting": "learned", "multi_label": "asymmetric"},
        "data": {"balance": "marks"},
    },
    "average, clipped": {
        "average": 0.9,
        "optimiser": {"name": "sgd", "learning_rate": 0.05, "clip": 0.5},
        "loss": {"class_weights": "balanced", "label_smoothing": 0.1},
    },
    "vectors of items": {  # a loss some thirty times as large as the others
        "embedding": {"loss": "proxy-anchor", "width": 8},
        "optimiser": {"name": "sgd", "learning_rate": 0.001},
    },
}

PLACES: Mapping[str, tuple[Mapping[str, Any], Schema]] = {
    "landmarks": (drawn_shirts.RECIPE, drawn_shirts.SCHEMA),
    "segmentation": (
        {**drawn_shapes.RECIPE, "loss": {"segmentation": "cross_entropy+dice"}},
        drawn_shapes.SCHEMA,
    ),
    "garments": (drawn_outfits.RECIPE, drawn_outfits.SCHEMA),
}

#: Of labels, of confusion matrices, and of matches.
JUDGED = ("changed pictures, dropout", "segmentation", "garments")

#: Those whose loss is of the whole batch.
EXACT = ("landmarks", "segmentation")

#: Of pictures with places: a step of eight, and as many judged as are no whole batches.
SPLITS = {"train": 16, "validation": 11}


class Silent:
    """A watcher that only watches."""

    def step(self, learner: Learner, plan: Plan, tally: Tally) -> None:
        """Nothing is asked."""

    def epoch(self, learner: Learner, row: dict[str, float]) -> None:
        """Nothing is asked."""

    def pause(self) -> None:
        """Nothing is asked."""


def labelled(count: int, *, seed: int) -> Examples:
    """Patterns with a name and marks, some unknown; four pictures show one item."""
    random = np.random.default_rng(seed)
    pixels = np.stack([draw_pattern(number % 3, random) for number in range(count)])
    labels: dict[str, list[Label]] = {
        "pattern": [PATTERNS[n % 3] if n % 5 else None for n in range(count)],
        "marks": [MARKS[n % 3] if n % 7 else None for n in range(count)],
    }
    encoded = {spec.name: task_of(spec).encode(labels[spec.name]) for spec in LABELS}
    return Examples(
        pictures=Resident(torch.from_numpy(pixels[:, None])),
        targets={name: torch.from_numpy(target) for name, (target, _) in encoded.items()},
        weights={name: torch.from_numpy(weight) for name, (_, weight) in encoded.items()},
        items=torch.arange(count) // 4,
    )


def learner_of(
    values: Mapping[str, Any],
    schema: Schema,
    train: Examples,
    group: Group,
    *,
    sharded: bool = False,
) -> Learner:
    """A learner as a run begins."""
    recipe = resolve(recipe_from(dict(values), origin="this test"))
    how = Preprocess.from_json(recipe.preprocess.model_dump(mode="json"))
    torch.manual_seed(0)
    network = build_network(schema, architecture_of(recipe, how))
    network.fit_to(next(train.pictures.batches([torch.arange(len(train))])))
    if sharded:
        shard(network)
    counts = label_counts(schema, train.targets, train.weights)
    return Learner(network, schema, recipe, torch.float32, counts, items=train.items, group=group)


def _case(name: str, folder: Path) -> tuple[Mapping[str, Any], Schema, Examples, Examples]:
    """Recipe, tasks, and the pictures to learn from and to judge."""
    if name in CASES:
        return (
            {**OF_LABELS, **CASES[name]},
            LABELS,
            labelled(40, seed=1),
            labelled(29, seed=2),
        )
    values, schema = PLACES[name]
    recipe = resolve(recipe_from(dict(values), origin="this test"))
    how = Preprocess.from_json(recipe.preprocess.model_dump(mode="json"))
    train, validation = (
        load_examples(
            Dataset.open(folder).split(split),
            schema,
            how,
            device=torch.device("cpu"),
            options=DataPart(cache=False),
        )
        for split in SPLITS
    )
    short = {"batch": 8, "schedule": {"epochs": 1}}
    sgd = {"optimiser": {"name": "sgd", "learning_rate": 0.01}}
    return {**values, **short, **sgd}, schema, train, validation


def compared(
    group: Group, name: str, folder: Path, *, sharded: bool = False
) -> tuple[float, list[dict[str, float]], list[dict[str, float]]]:
    """The largest difference of any weight, as a share of the largest weight of its tensor, and
    the log of both: of a run by all processes, and of one by this process alone.
    """
    values, schema, train, validation = _case(name, folder)
    alone = learner_of(values, schema, train, ALONE)
    learn(alone, train, validation, Silent())
    shared = learner_of(values, schema, train, group, sharded=sharded)
    assert not (sharded and shared.gradients._pieces)
    learn(shared, train, validation, Silent())
    expected, found = (one.checkpoint().tensors for one in (alone, shared))
    if sharded and not group.first:  # it gives its parts, and keeps nothing of the whole
        assert {name.split(".")[0] for name in found} <= {"loss", "epoch_loss"}
        return 0.0, shared.progress.history, alone.progress.history
    assert found.keys() == expected.keys()
    weights = [name for name in expected if not name.startswith("optimiser.")]
    difference = max(_difference(found[name], expected[name]) for name in weights)
    return difference, shared.progress.history, alone.progress.history


#: Cases of a network of which each process holds a part; the loss of the second has parameters of
#: its own, which each holds as a whole.
IN_PARTS: Mapping[str, str] = {
    "in parts": "average, clipped",
    "in parts, with a loss that learns": "vectors of items",
}


def all_compared(group: Group, folders: Mapping[str, Path]) -> dict[str, Any]:
    """The same of every case; gradients travel in many pieces, small as these networks are."""
    gradients.PIECE_BYTES = 256
    found = {name: compared(group, name, folders[name]) for name in (*CASES, *EXACT)}
    as_on_accelerators()
    for name, whole in IN_PARTS.items():
        found[name] = compared(group, whole, folders[whole], sharded=True)
    return found


def as_on_accelerators() -> None:
    """Let torch's optimisers move the parameters of a group at once, which they do on no CPU."""
    optimiser = import_module("torch.optim.optimizer")  # torch deletes it from its own `optim`
    assert hasattr(optimiser, "_get_foreach_kernels_supported_devices")
    setattr(optimiser, "_get_foreach_kernels_supported_devices", lambda: ["cpu"])  # noqa: B010 - a module has no such name for mypy


def _difference(found: Tensor, expected: Tensor) -> float:
    largest = float(expected.float().abs().max()) if expected.numel() else 0.0
    return float((found.float() - expected.float()).abs().max()) / max(largest, 1e-3)


def all_judged(group: Group, folders: Mapping[str, Path]) -> dict[str, Any]:
    """For every kind of counts, the same network judged by all processes and by this one alone."""
    return {name: judged(group, name, folders[name]) for name in JUDGED}


def judged(group: Group, name: str, folder: Path) -> tuple[dict[str, float], dict[str, float]]:
    """The same network judged by all processes, and by this one alone."""
    values, schema, train, validation = _case(name, folder)
    alone = learner_of(values, schema, train, ALONE)
    learn(alone, train, None, Silent())
    shared = learner_of(values, schema, train, group)
    shared.restore(alone.checkpoint())
    return judge(shared, validation, Silent()), judge(alone, validation, Silent())


def weights_after(group: Group, name: str, folder: Path) -> dict[str, list[float]]:
    """The sums of the weights after a run by all processes, to be compared between them."""
    values, schema, train, validation = _case(name, folder)
    shared = learner_of(values, schema, train, group)
    learn(shared, train, validation, Silent())
    state = shared.network.state_dict()
    return {name: value.double().flatten()[:50].tolist() for name, value in state.items()}
