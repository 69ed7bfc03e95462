"""Vectors learned from items: batches that hold some of each, and items that find themselves."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from item_photos import draw_item
from numpy.typing import NDArray
from training_runs import SMALL

from lapel.data.creating import create_dataset
from lapel.data.dataset import Dataset
from lapel.evaluation.search import evaluate_search
from lapel.inference.bundle import Bundle
from lapel.inference.embedding import Embedder
from lapel.schema.annotation import Annotation
from lapel.schema.errors import DatasetError, LapelError, RecipeError
from lapel.schema.labels import Schema, TaskSpec
from lapel.training.input.embedding import grouped_order
from lapel.training.train import train

LABELS = ("first", "second")


def item_set(folder: Path, *, views: int = 8, grouped: bool = True) -> Dataset:
    """Gray photos of striped items: 30 to train, 12 to validate, 16 to test, none in two splits."""
    pictures: list[NDArray[np.uint8]] = []
    rows: list[Annotation] = []
    for item in range(58):
        split = "train" if item < 30 else "validation" if item < 42 else "test"
        for view in range(views):
            pictures.append(draw_item(item, view, size=28).mean(axis=2).astype(np.uint8))
            rows.append(
                Annotation(
                    image=f"images.npy#{len(rows)}",
                    labels={"half": LABELS[item % 2]},
                    split=split,
                    group=f"item {item}" if grouped else None,
                )
            )
    schema = Schema((TaskSpec(name="half", kind="single_label", labels=LABELS),))
    return create_dataset(
        folder, name="items", schema=schema, annotations=rows, images=np.stack(pictures)
    )


@pytest.fixture(scope="module")
def item_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Items to learn vectors from. Not to be changed."""
    return item_set(tmp_path_factory.mktemp("datasets") / "items").folder


def run(data: Path, out: Path, changes: Mapping[str, Any]) -> Path:
    settings = {**SMALL, "model.options.widths": [16, 32], "batch": 32, **changes}
    return train("fashion-mnist-fast", data=data, out=out, changes=settings).bundle


def map_at_r(bundle: Path, data: Path) -> float:
    return evaluate_search(bundle, data).numbers["map_at_r"].value


#: The label says nothing of what items look like, and weighs nothing.
LEARNED: Mapping[str, Any] = {
    "schedule.epochs": 10,
    "optimiser.name": "adamw",
    "optimiser.learning_rate": 0.004,
    "average": 0,
    "loss.task_weights": {"half": 0},
    "embedding.width": 32,
    "augment": "none",
}


@pytest.mark.parametrize("loss", ["triplet", "proxy-anchor"])
def test_items_that_were_never_seen_are_found_again(
    loss: str, item_data: Path, tmp_path: Path
) -> None:
    learned = run(item_data, tmp_path / "run", {**LEARNED, "embedding.loss": loss})
    with (tmp_path / "run" / "log.csv").open() as file:
        scores = [float(row["validation.embedding.map_at_r"]) for row in csv.DictReader(file)]
    assert max(scores) > scores[0] + 0.12
    assert map_at_r(learned, item_data) > scores[0] + 0.1
    bundle = Bundle.load(learned)
    assert Embedder.load(learned).width == 32
    assert bundle.provenance["chosen"]["score"] == max(scores)
    assert "half.accuracy" in bundle.scores["validation"]  # the task is answered as before


def test_a_run_goes_on_with_its_proxies(item_data: Path, tmp_path: Path) -> None:
    changes = {**LEARNED, "embedding.loss": "proxy-anchor", "schedule.epochs": 2}
    whole = run(item_data, tmp_path / "whole", changes)
    stopped = tmp_path / "stopped"

    class Stopped(Exception):  # noqa: N818 - it is no error
        pass

    from lapel.training.recorder import Quiet

    class StopsAfterAnEpoch(Quiet):
        def epoch(self, *_arguments: object, **_options: object) -> None:
            raise Stopped

    with pytest.raises(Stopped):
        train(
            "fashion-mnist-fast",
            data=item_data,
            out=stopped,
            changes={
                **SMALL,
                "model.options.widths": [16, 32],
                "batch": 32,
                **changes,
                "checkpoint.every_steps": 1,
            },
            reporter=StopsAfterAnEpoch(),
        )
    resumed = train(resume=stopped).bundle
    first, second = (Bundle.load(one).read("weights.safetensors") for one in (whole, resumed))
    assert first == second


def test_pictures_of_an_item_come_together() -> None:
    items = torch.tensor([0] * 6 + [1] * 4 + [2] + [-1] * 3 + [3] * 5)
    generator = torch.Generator().manual_seed(0)
    order = grouped_order(items, 2, generator)
    assert sorted(order.tolist()) == list(range(len(items)))
    assert not torch.equal(order, grouped_order(items, 2, generator))
    numbers = items[order].tolist()
    for item, pairs in ((0, 3), (1, 2), (3, 2)):
        together = sum(
            numbers[place] == numbers[place + 1] == item for place in range(len(numbers) - 1)
        )
        assert together >= pairs


def test_pictures_of_no_item_come_as_by_chance() -> None:
    order = grouped_order(torch.full((50,), -1), 4, torch.Generator().manual_seed(1))
    assert sorted(order.tolist()) == list(range(50))
    assert order.tolist() != list(range(50))


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"augment.mixup": 0.2}, RecipeError, "leave out augment.mixup"),
        ({"select": "embedding.map_at_q"}, RecipeError, "they have: hit_rate_at_1"),
        ({"embedding.loss": "softmax"}, RecipeError, "triplet"),
    ],
)
def test_what_does_not_go_together_is_said_before_the_work(
    changes: dict[str, Any], error: type[LapelError], said: str, item_data: Path, tmp_path: Path
) -> None:
    with pytest.raises(error, match=said):
        run(item_data, tmp_path / "run", {"embedding.loss": "triplet", **changes})
    assert not (tmp_path / "run").exists()


def test_without_items_there_is_nothing_to_learn(tmp_path: Path) -> None:
    data = item_set(tmp_path / "data", views=2, grouped=False).folder
    with pytest.raises(DatasetError, match="the column 'group' says which do"):
        run(data, tmp_path / "run", {"embedding.loss": "triplet"})
