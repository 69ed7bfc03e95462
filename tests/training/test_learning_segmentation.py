"""A class a pixel is learned: drawn shapes, in seconds, far better than the commonest class."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from drawn_shapes import CLASSES, RECIPE, SCHEMA, SIZE, shapes_dataset
from PIL import Image
from torch import Tensor

from lapel.data.dataset import Dataset
from lapel.imaging.preprocess import Preprocess
from lapel.inference.predictor import Predictor
from lapel.models.heads import segmentation_losses
from lapel.models.heads.segmentation_losses import lovasz
from lapel.models.losses import label_counts
from lapel.models.networks import build_network
from lapel.schema.errors import RecipeError
from lapel.schema.labels import Schema, TaskSpec
from lapel.schema.masks import UNKNOWN_CLASS, ClassMap
from lapel.schema.prediction import Prediction, SegmentationAnswer
from lapel.training.checks import left_out, tasks_of
from lapel.training.input import class_maps
from lapel.training.input.class_maps import CachedMaps
from lapel.training.input.examples import Examples, load_examples, subset
from lapel.training.loop.judging import known_of, predict
from lapel.training.loop.learn import learn
from lapel.training.loop.learner import Learner
from lapel.training.material import Material, architecture_of
from lapel.training.recipe import Recipe, recipe_from
from lapel.training.recipe_parts import DataPart
from lapel.training.recorder import OnlyStops
from lapel.training.resolve import resolve
from lapel.training.run.folder import RunFolder
from lapel.training.stopping import StopSignals
from lapel.training.train import Trained, train
from lapel.training.transfer.budget import measure

SPLITS = {"train": 160, "validation": 32, "test": 24}


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shapes_dataset(tmp_path_factory.mktemp("datasets") / "shapes", SPLITS).folder


def recipe_file(folder: Path, changes: Mapping[str, Any] | None = None) -> Path:
    path = folder / "shapes.yaml"
    path.write_text(yaml.safe_dump({**RECIPE, **(changes or {})}))
    return path


@pytest.fixture(scope="module")
def trained(shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("runs")
    return train(recipe_file(folder), data=shapes, out=folder / "run")


def best_row(trained: Trained) -> dict[str, float]:
    with (trained.run / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    row = next(row for row in rows if int(float(row["epoch"])) == trained.best_epoch)
    return {name: float(value) for name, value in row.items() if value}


def recipe_of(changes: Mapping[str, Any]) -> Recipe:
    return resolve(recipe_from({**RECIPE, **changes}, origin="this test"))


def by_the_commonest_class(shapes: Path) -> float:
    """mIoU on validation of the answer that never looks: background everywhere."""
    labels = Dataset.open(shapes).split("validation").labels("parts")
    maps = np.concatenate([one.pixels.ravel() for one in labels if isinstance(one, ClassMap)])
    known = maps[maps != UNKNOWN_CLASS]
    return float((known == 0).mean()) / 3  # the IoU of disc and bar is 0; of belt there is none


def test_a_network_of_seconds_tells_shapes_apart_and_light(trained: Trained, shapes: Path) -> None:
    best = best_row(trained)
    assert best["validation.parts.miou"] > 0.75
    assert by_the_commonest_class(shapes) < 0.35
    assert best["validation.light.accuracy"] > 0.9


def test_the_bundle_answers_with_masks_of_the_photos_own_size(
    trained: Trained, shapes: Path
) -> None:
    dataset = Dataset.open(shapes).split("test")
    predictor = Predictor.load(trained.bundle)
    right = known = commonest = 0
    for name, truth in zip(dataset.names(), dataset.labels("parts"), strict=True):
        prediction = next(iter(predictor.predict([dataset.pixels(name)])))
        assert isinstance(prediction, Prediction)
        answer = prediction.answers["parts"]
        assert isinstance(answer, SegmentationAnswer)
        assert isinstance(truth, ClassMap)
        assert answer.mask.shape == truth.pixels.shape
        shape = (truth.pixels != UNKNOWN_CLASS) & (truth.pixels > 0)
        right += int((answer.mask == truth.pixels)[shape].sum())
        known += int(shape.sum())
        commonest += int((truth.pixels[shape] == 1).sum())
    assert right / known > 0.75 > commonest / known


@pytest.mark.parametrize(
    "changes",
    [
        {"model": {"options": {"widths": [8, 16, 32]}, "decoder": "deeplabv3plus",
                   "decoder_channels": 32}, "loss": {"segmentation": "cross_entropy+dice"}},
        {"model": {"options": {"widths": [8, 12, 16, 24]}, "decoder": "fpn",
                   "decoder_channels": 64}, "loss": {"segmentation": "dice"}},
        {"loss": {"segmentation": "lovasz", "class_weights": "none"}},
        {"loss": {"class_weights": "balanced"}, "precision": "bfloat16",
         "augment": {"flip": 0.5, "rotate": 10, "zoom": 0.1}},
        {"model": {**RECIPE["model"], "heads": "joint"}},
    ],
    ids=["deeplab, a sum", "fpn, dice", "lovasz", "balanced, moved, in bfloat16", "joint"],
)  # fmt: skip
def test_every_way_of_learning_classes_of_pixels_learns(
    changes: Mapping[str, Any], shapes: Path
) -> None:
    schedule = {"schedule": {"epochs": 4}, "validate_every": 4}
    learner, train_part, validation = begun(shapes, {**schedule, **changes})
    learn(learner, train_part, validation, OnlyStops(StopSignals()))
    numbers = learner.progress.history[-1]
    # The background alone, everywhere, is right for a third of the three classes at most.
    assert numbers["validation.parts.miou"] > 0.45
    assert numbers["validation.light.accuracy"] > 0.6


def begun(
    shapes: Path, changes: Mapping[str, Any], *, cache: bool = False
) -> tuple[Learner, Examples, Examples]:
    """A learner that has not learned yet, and what it learns from and is judged by."""
    recipe = recipe_of(changes)
    how = Preprocess.from_json(recipe.preprocess.model_dump(mode="json"))
    parts = [
        load_examples(
            Dataset.open(shapes).split(split),
            SCHEMA,
            how,
            device=torch.device("cpu"),
            options=DataPart(cache=cache),
        )
        for split in ("train", "validation")
    ]
    torch.manual_seed(0)
    network = build_network(SCHEMA, architecture_of(recipe, how))
    network.fit_to(next(parts[0].pictures.batches([torch.arange(64)])))
    precision = torch.bfloat16 if recipe.precision == "bfloat16" else torch.float32
    counts = label_counts(SCHEMA, parts[0].targets, parts[0].weights)
    return Learner(network, SCHEMA, recipe, precision, counts), parts[0], parts[1]


def test_maps_that_do_not_fit_into_memory_are_the_same_from_the_disk(
    shapes: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LAPEL_CACHE", str(tmp_path))
    _, resident, _ = begun(shapes, {})
    monkeypatch.setattr(class_maps, "RESIDENT_SHARE", 0.0)
    _, cached, _ = begun(shapes, {}, cache=True)
    assert isinstance(cached.targets["parts"], CachedMaps)
    rows = torch.tensor([5, 0, 77])
    expected = known_of(resident, rows).targets["parts"]
    assert torch.equal(known_of(cached, rows).targets["parts"], expected)
    some = subset(cached, torch.tensor([9, 5]))
    assert torch.equal(known_of(some, torch.tensor([1])).targets["parts"], expected[:1])


def test_a_changed_label_map_is_not_taken_from_the_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LAPEL_CACHE", str(tmp_path / "cache"))
    splits = {"train": 64, "validation": 4}
    folder = shapes_dataset(tmp_path / "shapes", splits, unlabelled=1).folder
    _, before, _ = begun(folder, {}, cache=True)
    path = folder / "masks" / "parts" / "train-001.png.png"
    with Image.open(path) as image:
        pixels = np.asarray(image)
    Image.fromarray(np.where(pixels == 1, 2, pixels).astype(np.uint8)).save(path)
    _, after, _ = begun(folder, {}, cache=True)
    rows = torch.arange(3)
    old, new = (known_of(part, rows).targets["parts"] for part in (before, after))
    assert not torch.equal(old[1], new[1])
    assert torch.equal(old[2], new[2])
    assert (new[0] == UNKNOWN_CLASS).all()
    assert after.weights["parts"][:2].tolist() == [0.0, 1.0]


def test_counts_of_classes_are_pictures_and_of_unknown_pixels_nothing(shapes: Path) -> None:
    _, examples, _ = begun(shapes, {})
    counts = label_counts(SCHEMA, examples.targets, examples.weights)["parts"]
    maps = known_of(examples, torch.arange(len(examples))).targets["parts"].numpy()
    expected = [(maps == place).sum() / SIZE**2 for place in range(len(CLASSES))]
    np.testing.assert_allclose(counts.yes.numpy(), expected, rtol=1e-6)
    assert counts.yes[3] == 0
    assert (maps == UNKNOWN_CLASS).any()
    np.testing.assert_allclose(counts.known.numpy(), sum(expected), rtol=1e-6)


def test_a_budget_reckons_with_the_loss(shapes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compared on the whole canvas, it may cost more than all layers."""
    asked: list[Tensor] = []

    def watched(logits: Tensor, classes: Tensor) -> Tensor:
        asked.append(classes)
        return lovasz(logits, classes)

    monkeypatch.setattr(segmentation_losses, "lovasz", watched)
    learner, train_part, validation = begun(shapes, {"loss": {"segmentation": "lovasz"}})
    how = Preprocess.from_json(learner.recipe.preprocess.model_dump(mode="json"))
    material = Material(
        dataset=Dataset.open(shapes),
        schema=SCHEMA,
        preprocess=how,
        architecture=architecture_of(learner.recipe, how),
        train=train_part,
        validation=validation,
        device=torch.device("cpu"),
    )
    before = {name: value.clone() for name, value in learner.network.state_dict().items()}
    paces = measure(learner.recipe, learner.network, material)
    assert paces.whole.pictures_per_second > 0
    assert asked
    assert asked[0].shape[1:] == (SIZE, SIZE)
    after = learner.network.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())


def test_dense_outputs_of_a_whole_set_are_not_kept(shapes: Path) -> None:
    learner, _, validation = begun(shapes, {})
    assert set(predict(learner, validation, OnlyStops(StopSignals()))) == {"light"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"augment.cutmix": 1.0}, "augment.cutmix"),
        ({"batch": 1}, "--set batch=2"),
        ({"data.balance": "parts"}, "data.balance"),
        ({"select": "parts.mean_iou"}, "miou"),
        ({"preprocess.height": 60}, "--set preprocess.height=64"),
        ({"loss.segmentation": "cross_entropy+jaccard"}, "lovasz"),
        ({"loss.segmentation": "dice+dice"}, "at most once"),
        ({"model.decoder": "segnet"}, "deeplabv3plus"),
    ],
)
def test_a_recipe_that_does_not_go_with_pixels_is_refused_with_the_remedy(
    changes: Mapping[str, Any], said: str, shapes: Path, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match=said.replace("+", r"\+")):
        train(recipe_file(tmp_path), data=shapes, out=tmp_path / "run", changes=changes)
    RunFolder(tmp_path / "run").check_new()


def test_tasks_that_a_network_has_no_answer_to_are_left_out_and_named() -> None:
    garments = TaskSpec(name="all", kind="garments", labels=("shirt",))
    schema = Schema((*SCHEMA, garments))
    recipe = recipe_of({})
    assert [spec.name for spec in tasks_of(recipe, schema)] == ["parts", "light"]
    assert list(left_out(recipe, schema)) == ["all"]
    first = recipe_from({**RECIPE, "transfer": {"heads_first": True}}, origin="this test")
    assert list(left_out(first, schema)) == ["parts", "all"]
    with pytest.raises(RecipeError, match="no answer to all"):
        tasks_of(recipe_of({"tasks": ["light", "all"]}), schema)
