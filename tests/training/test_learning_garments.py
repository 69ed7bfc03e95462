"""Garments are learned: drawn outfits, in seconds, each with its category, box, mask and points."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from drawn_outfits import RECIPE, SCHEMA, outfit_dataset

from lapel.data.dataset import Dataset
from lapel.imaging.outlines import garment_mask, mask_from
from lapel.inference.bundle import Bundle
from lapel.inference.predictor import Predictor
from lapel.schema.errors import RecipeError
from lapel.schema.garments import Garments
from lapel.schema.labels import Schema, TaskSpec
from lapel.schema.prediction import GarmentsAnswer, Prediction
from lapel.training.checks import left_out, tasks_of
from lapel.training.recipe import Recipe, load_recipe, recipe_from
from lapel.training.resolve import resolve
from lapel.training.run.folder import RunFolder
from lapel.training.train import Trained, train

SPLITS = {"train": 160, "validation": 32, "test": 16}


@pytest.fixture(scope="module")
def outfits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return outfit_dataset(tmp_path_factory.mktemp("datasets") / "outfits", SPLITS).folder


@pytest.fixture(scope="module")
def trained(outfits: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("runs")
    path = folder / "outfits.yaml"
    path.write_text(yaml.safe_dump(dict(RECIPE)))
    return train(path, data=outfits, out=folder / "run")


def recipe_of(changes: Mapping[str, Any]) -> Recipe:
    return resolve(recipe_from({**RECIPE, **changes}, origin="this test"))


def test_a_detector_of_seconds_finds_garments_and_their_outlines(trained: Trained) -> None:
    with (trained.run / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    best = next(row for row in rows if int(float(row["epoch"])) == trained.best_epoch)
    assert float(best["validation.garments.box_ap50"]) > 0.85
    assert float(best["validation.garments.mask_ap50"]) > 0.8


def test_the_bundle_tells_category_box_mask_and_points_in_pixels_of_the_photo(
    trained: Trained, outfits: Path
) -> None:
    dataset = Dataset.open(outfits).split("test")
    predictor = Predictor.load(trained.bundle)
    there = found = 0
    distances: list[float] = []
    for name, truth in zip(dataset.names(), dataset.labels("garments"), strict=True):
        prediction = next(iter(predictor.predict([dataset.pixels(name)])))
        assert isinstance(prediction, Prediction)
        assert isinstance(truth, Garments)
        answer = prediction.answers["garments"]
        assert isinstance(answer, GarmentsAnswer)
        for garment in truth.each:
            there += 1
            mask = garment_mask(garment, prediction.width, prediction.height)
            assert mask is not None
            of_it = [one for one in answer.each if one.label == garment.part]
            alike = [
                one
                for one in of_it
                if one.mask is not None and overlap(mask_from(one.mask), mask) > 0.6
            ]
            found += bool(alike)
            for one in alike[:1]:
                distances += [
                    float(np.hypot(point.x - place[0], point.y - place[1]))
                    for point, place in zip(one.points, garment.points, strict=True)
                    if place is not None
                ]
    assert found > 0.85 * there
    assert np.median(distances) < 3


def overlap(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float:
    return float((one & other).sum() / (one | other).sum())


def test_the_graph_was_checked_and_says_what_it_is_made_of(trained: Trained) -> None:
    bundle = Bundle.load(trained.bundle)
    assert bundle.provenance["parity"]["pictures"] == SPLITS["validation"]
    assert bundle.provenance["parity"]["changed_answers"] <= 1
    text = (trained.bundle / "README.md").read_text()
    assert "box_ap50" in text
    assert "garments" in text


def test_a_detector_learns_garments_alone_and_other_networks_leave_them_out() -> None:
    schema = Schema((*SCHEMA, TaskSpec(name="season", kind="single_label", labels=("a", "b"))))
    recipe = recipe_of({})
    assert [spec.name for spec in tasks_of(recipe, schema)] == ["garments"]
    assert set(left_out(recipe, schema)) == {"season"}
    plain = recipe_of({"model": {}})
    assert [spec.name for spec in tasks_of(plain, schema)] == ["season"]
    with pytest.raises(RecipeError, match="no answer to garments"):
        tasks_of(recipe_of({"model": {}, "tasks": ["garments"]}), schema)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"augment": {"mixup": 0.2}}, "augment.mixup=0"),
        ({"augment": {"trivial": True}}, "augment.trivial=false"),
        (
            {"preprocess": {**RECIPE["preprocess"], "crop_to_box": True}},
            "preprocess.crop_to_box=false",
        ),
        ({"transfer": {"heads_first": True}, "tasks": ["garments"]}, "transfer.heads_first=false"),
    ],
)
def test_what_loses_garments_is_refused_with_the_way_out(
    changes: Mapping[str, Any], said: str
) -> None:
    # As written: resolving puts right what is no use from scratch.
    recipe = recipe_from({**RECIPE, **changes}, origin="this test")
    with pytest.raises(RecipeError, match=said):
        tasks_of(recipe, SCHEMA)


def test_a_budget_chooses_epochs_that_fit_into_it(outfits: Path, tmp_path: Path) -> None:
    path = tmp_path / "outfits.yaml"
    path.write_text(yaml.safe_dump({**RECIPE, "budget": "30m", "schedule": {"epochs": 0.3}}))
    run = train(path, data=outfits, out=tmp_path / "run")
    schedule = RunFolder(run.run).recipe().schedule
    assert schedule.epochs == 0.3
    assert 1500 < (schedule.seconds or 0) < 1800


@pytest.mark.parametrize("name", ["garments-maskrcnn", "garments-small"])
def test_shipped_recipes_name_a_detector_that_can_be_had(name: str) -> None:
    recipe = load_recipe(name, {"model.detector.nms": "agnostic"})
    assert recipe.model.network == "mask-rcnn"
    assert recipe.model.detector.nms == "agnostic"
