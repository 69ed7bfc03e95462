"""A run of places that was broken off learns on as if nothing had happened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import drawn_outfits
import drawn_shapes
import pytest
import torch
from torch import Tensor

from lapel.data.dataset import Dataset
from lapel.imaging.preprocess import Preprocess
from lapel.models.losses import label_counts
from lapel.models.networks import build_network
from lapel.schema.labels import Schema
from lapel.training.input.examples import Examples, load_examples
from lapel.training.loop.learn import Tally, learn
from lapel.training.loop.learner import Learner
from lapel.training.loop.plan import Plan
from lapel.training.material import architecture_of
from lapel.training.recipe import recipe_from
from lapel.training.recipe_parts import DataPart
from lapel.training.resolve import resolve

SPLITS = {"train": 8, "validation": 4}

#: Two epochs of two steps, and an average of the weights beside them.
SHORT = {"batch": 4, "average": 0.9, "schedule": {"epochs": 2}}

#: A recipe, its tasks, and what draws pictures for them.
KINDS: Mapping[str, tuple[Mapping[str, Any], Schema, Callable[..., Dataset]]] = {
    "garments": (drawn_outfits.RECIPE, drawn_outfits.SCHEMA, drawn_outfits.outfit_dataset),
    "segmentation": (drawn_shapes.RECIPE, drawn_shapes.SCHEMA, drawn_shapes.shapes_dataset),
}


class BrokenOffError(Exception):
    """What ends a run in a test."""


class BreaksOff:
    """A watcher that ends a run after a step; 0: never."""

    def __init__(self, step: int = 0) -> None:
        self._step = step

    def step(self, learner: Learner, plan: Plan, tally: Tally) -> None:
        del plan, tally
        if learner.progress.step == self._step:
            raise BrokenOffError

    def epoch(self, learner: Learner, row: dict[str, float]) -> None:
        """Nothing is asked."""

    def pause(self) -> None:
        """Nothing is asked."""


def begun(kind: str, folder: Path) -> tuple[Learner, Examples, Examples]:
    recipe_values, schema, _ = KINDS[kind]
    recipe = resolve(recipe_from({**recipe_values, **SHORT}, origin="this test"))
    how = Preprocess.from_json(recipe.preprocess.model_dump(mode="json"))
    train, validation = (_examples(folder, split, schema, how) for split in SPLITS)
    torch.manual_seed(0)
    network = build_network(schema, architecture_of(recipe, how))
    network.fit_to(next(train.pictures.batches([torch.arange(len(train))])))
    counts = label_counts(schema, train.targets, train.weights)
    return Learner(network, schema, recipe, torch.float32, counts), train, validation


def _examples(folder: Path, split: str, schema: Schema, how: Preprocess) -> Examples:
    return load_examples(
        Dataset.open(folder).split(split),
        schema,
        how,
        device=torch.device("cpu"),
        options=DataPart(cache=False),
    )


def judged(learner: Learner) -> list[Mapping[str, Any]]:
    """What the history says of validation."""
    return [
        {name: value for name, value in row.items() if name.startswith("validation")}
        for row in learner.progress.history
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_weights_and_the_same_judgement_wherever_it_was_broken_off(
    kind: str, tmp_path: Path
) -> None:
    _, _, drawn = KINDS[kind]
    folder = drawn(tmp_path / "drawn", SPLITS).folder
    undisturbed, train, validation = begun(kind, folder)
    learn(undisturbed, train, validation, BreaksOff())
    expected = tensors_of(undisturbed)
    for step in (1, 2):  # within an epoch, and between its last step and its judgement
        broken, _, _ = begun(kind, folder)
        with pytest.raises(BrokenOffError):
            learn(broken, train, validation, BreaksOff(step))
        again, _, _ = begun(kind, folder)
        again.restore(broken.checkpoint())
        learn(again, train, validation, BreaksOff())
        assert judged(again) == judged(undisturbed)
        found = tensors_of(again)
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[name], expected[name]) for name in expected)


def tensors_of(learner: Learner) -> dict[str, Tensor]:
    return learner.checkpoint().tensors
