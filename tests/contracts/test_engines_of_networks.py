"""Every kind of network answers alike in every engine that runs its graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from lapel.inference.engines.base import Engine
from lapel.inference.engines.onnxruntime_engine import OnnxRuntimeEngine
from lapel.inference.engines.openvino_engine import OpenVinoEngine
from lapel.inference.quantize import quantize
from lapel.models.export import export_onnx
from lapel.models.multitask import Architecture, Network
from lapel.models.networks import build_network
from lapel.models.pt2 import ProgramEngine
from lapel.schema.errors import BundleError
from lapel.schema.labels import Schema, TaskSpec
from lapel.training.recipe_parts import DetectorPart

SIZE = 64

CATEGORY = TaskSpec(name="category", kind="single_label", labels=("tee", "dress", "skirt"))
LANDMARKS = TaskSpec(name="landmarks", kind="landmarks", labels=("collar", "hem", "cuff", "waist"))
PARSING = TaskSpec(name="parsing", kind="segmentation", labels=("nothing", "top", "skirt"))
GARMENTS = TaskSpec(name="garments", kind="garments", labels=("top", "skirt"))

DETECTOR: Mapping[str, Any] = {
    "strides": (4, 8),
    "width": 16,
    "anchor_sizes": ((12,), (24,), (40,)),
    "proposals": 30,
    "box_units": 32,
    "mask_layers": (16,),
    "detections": 6,
    "least_score": 0.0,
}

#: Kind of network to its tasks and its options.
KINDS: dict[str, tuple[tuple[TaskSpec, ...], dict[str, Any]]] = {
    "plain": ((CATEGORY, LANDMARKS), {}),
    "landmark-attention": ((CATEGORY, LANDMARKS), {"places": "mean"}),
    "segmentation": ((CATEGORY, PARSING), {"decoder": "deeplabv3", "decoder_channels": 16}),
    "mask-rcnn": ((GARMENTS,), {"detector": DetectorPart(**DETECTOR).model_dump()}),
}

ENGINES: dict[str, Callable[[bytes], Engine]] = {
    "onnxruntime": OnnxRuntimeEngine,
    "openvino": OpenVinoEngine,
}


@pytest.fixture(scope="module", params=list(KINDS))
def network(request: pytest.FixtureRequest) -> Network:
    return network_of(request.param)


def network_of(kind: str) -> Network:
    torch.manual_seed(0)
    specs, head = KINDS[kind]
    architecture = Architecture(
        network="plain" if kind == "segmentation" else kind,
        backbone="lapel-small",
        options={"widths": [8, 12, 16]},
        head=head,
        mean=[0.4] * 3,
        std=[0.3] * 3,
    )
    made = build_network(Schema(specs), architecture)
    shown = torch.from_numpy(pixels(8))
    made.fit_to(shown)
    with torch.no_grad():
        made.train().features(shown)  # so that batch normalisation has seen something
    return made.eval()


@pytest.fixture(scope="module")
def graph(network: Network) -> bytes:
    return export_onnx(network, channels=3, height=SIZE, width=SIZE)


def pixels(count: int, seed: int = 0) -> NDArray[np.uint8]:
    """Smooth ones, as photos are."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 200, (count, 3, 8, 8)).repeat(8, 2).repeat(8, 3)
    return (coarse + random.integers(0, 56, (count, 3, SIZE, SIZE))).astype(np.uint8)


def expected_of(network: Network, shown: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    step = 1 if network.one_by_one else len(shown)
    with torch.no_grad():
        parts = [
            network.exported(torch.from_numpy(shown[row : row + step]))
            for row in range(0, len(shown), step)
        ]
    return {name: torch.cat([part[name] for part in parts]).numpy() for name in parts[0]}


@pytest.mark.parametrize("engine", list(ENGINES))
def test_it_answers_as_torch_does(network: Network, graph: bytes, engine: str) -> None:
    shown = pixels(3, seed=1)
    found = ENGINES[engine](graph).run(shown)
    expected = expected_of(network, shown)
    assert list(found) == list(expected)
    for name, values in expected.items():
        assert found[name].shape == values.shape
        assert np.abs(found[name] - values).max() <= 2e-3 * max(1.0, np.abs(values).max())


def test_integers_answer_nearly_so(network: Network, graph: bytes) -> None:
    small = quantize(graph, (pixels(1, seed=seed) for seed in range(2, 6)))
    shown = pixels(2, seed=1)
    found = OnnxRuntimeEngine(small).run(shown)
    for name, values in expected_of(network, shown).items():
        assert found[name].shape == values.shape
        assert np.isfinite(found[name]).all()
        if not network.one_by_one and name not in ("landmarks", "landmarks.heatmaps"):
            assert np.abs(found[name] - values).max() <= 0.2 * np.abs(values).max()


def test_torch_writes_a_program_of_a_network_that_changes_its_own_maps() -> None:
    network = network_of("landmark-attention")
    shown = pixels(3, seed=1)
    found = ProgramEngine(network, channels=3, height=SIZE, width=SIZE).run(shown)
    for name, values in expected_of(network, shown).items():
        assert np.abs(found[name] - values).max() <= 1e-4 * max(1.0, np.abs(values).max())


def test_torch_writes_no_program_of_a_detector_and_says_why() -> None:
    with pytest.raises(BundleError, match="how many boxes are kept depends on the picture"):
        ProgramEngine(network_of("mask-rcnn"), channels=3, height=SIZE, width=SIZE)
