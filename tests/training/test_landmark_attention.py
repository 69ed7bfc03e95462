"""The recipe of landmark attention, from drawn photos to a bundle that answers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from lapel.data.creating import create_dataset
from lapel.inference.predictor import Predictor
from lapel.models.multitask import Architecture
from lapel.models.networks import build_network
from lapel.schema.annotation import Annotation, Tags
from lapel.schema.geometry import Box, Landmark, Landmarks
from lapel.schema.labels import Schema, TaskSpec
from lapel.schema.prediction import LandmarksAnswer, Prediction
from lapel.training.train import train

CORNERS = ("left collar", "right collar", "left hem", "right hem")
SCHEMA = Schema(
    (
        TaskSpec(name="category", kind="single_label", labels=("tee", "dress")),
        TaskSpec(name="texture", kind="multi_label", labels=("striped", "dotted")),
        TaskSpec(name="landmarks", kind="landmarks", labels=CORNERS),
    )
)

#: From the paper's recipe to seconds on one core.
SMALL = {
    "batch": 8,
    "model.backbone": "lapel-small",
    "model.options.widths": [8, 16, 16, 16],
    "model.grid": 1,
    "model.hidden": 8,
    "model.heatmap_stride": 4,
    "preprocess.height": 64,
    "preprocess.width": 64,
    "preprocess.mean": [0.5, 0.5, 0.5],
    "preprocess.std": [0.25, 0.25, 0.25],
    "loss.task_weights": {"texture": 0.2},
    "schedule.epochs": 4,
    "schedule.stages": [
        {"share": 0.5, "task_weights": {"category": 0, "texture": 0}},
        {"share": 0.5},
    ],
    "optimiser.learning_rate": 0.003,
    "precision": "float32",
}


def draw(random: np.random.Generator) -> tuple[NDArray[np.uint8], Box, bool]:
    """A photo uint8 (80, 60, 3) of a garment, where it is, and whether it is long."""
    photo = random.integers(180, 256, (80, 60, 3), dtype=np.uint8)
    long = bool(random.integers(2))
    left, top = (int(value) for value in random.integers(4, 20, 2))
    width, height = int(random.integers(24, 36)), 54 if long else 30
    photo[top : top + height, left : left + width] = random.integers(20, 90, 3)
    return photo, Box(left, top, width, height), long


@pytest.fixture(scope="module")
def garments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of drawn garments with category, tags, landmarks and boxes."""
    random = np.random.default_rng(4)
    photos, annotations = [], []
    for number in range(72):
        photo, box, long = draw(random)
        corners = [(x, y) for y in (box.top, box.bottom) for x in (box.left, box.right)]
        points = {name: Landmark(*place) for name, place in zip(CORNERS, corners, strict=True)}
        photos.append(photo)
        annotations.append(
            Annotation(
                image=f"images.npy#{number}",
                split="validation" if number % 6 == 0 else "train",
                labels={
                    "category": "dress" if long else "tee",
                    "texture": Tags(yes=("striped",) if long else ()),
                    "landmarks": Landmarks(points),
                },
                box=box,
            )
        )
    folder = tmp_path_factory.mktemp("datasets") / "garments"
    images = np.stack(photos)
    return create_dataset(
        folder, name="garments", schema=SCHEMA, annotations=annotations, images=images
    ).folder


@pytest.fixture(scope="module")
def run(garments: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the paper's recipe, made small."""
    out = tmp_path_factory.mktemp("runs") / "run"
    return train("deepfashion-landmark-attention", data=garments, out=out, changes=SMALL).run


def test_the_bundle_answers_for_a_photo_alone_and_shows_where_it_looked(run: Path) -> None:
    predictor = Predictor.load(run)
    assert set(predictor.maps) == {"landmarks.heatmaps", "attention"}
    photo, _, _ = draw(np.random.default_rng(9))
    (answered,) = predictor.predict(photo)
    assert isinstance(answered, Prediction)
    found = answered.answers["landmarks"]
    assert isinstance(found, LandmarksAnswer)
    assert tuple(point.name for point in found.points) == CORNERS
    assert all(-1 <= point.x <= 61 and -1 <= point.y <= 81 for point in found.points)


def test_the_network_can_be_built_anew_from_what_its_bundle_says(run: Path) -> None:
    manifest = json.loads((run / "bundle" / "lapel.json").read_text("utf-8"))
    architecture = Architecture.from_json(
        {key: value for key, value in manifest["architecture"].items() if key != "parameters"}
    )
    assert architecture.network == "landmark-attention"
    network = build_network(SCHEMA, architecture).eval()
    network.load_state_dict(load_file(run / "bundle" / "weights.safetensors"))
    photo, _, _ = draw(np.random.default_rng(9))
    predictor = Predictor.load(run)
    pixels = predictor.bundle.preprocess.apply(photo).pixels
    with torch.no_grad():
        outputs = network(torch.from_numpy(pixels)[None])
    for name, output in predictor.outputs([photo]).items():
        np.testing.assert_allclose(output, outputs[name].numpy(), rtol=1e-3, atol=1e-3)


def test_another_run_begins_with_the_backbone_of_a_former_one(
    run: Path, garments: Path, tmp_path: Path
) -> None:
    changes = {
        **SMALL,
        "model.options.weights": str(run),
        "model.attention": False,
        "schedule.epochs": 1,
        "schedule.stages": [],
    }
    other = train(
        "deepfashion-landmark-attention", data=garments, out=tmp_path / "run", changes=changes
    )
    assert set(Predictor.load(other.run).maps) == {"landmarks.heatmaps"}
