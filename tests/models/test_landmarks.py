"""Heads of landmarks: maps drawn and read, places, losses, and that the graph answers alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lapel.inference.engines.onnxruntime_engine import OnnxRuntimeEngine
from lapel.models.export import export_onnx
from lapel.models.heads.base import LandmarkMaps
from lapel.models.heads.heatmaps import drawn, mean_places, peak_places, sigma_of
from lapel.models.heads.landmark_losses import LandmarksLoss
from lapel.models.multitask import Architecture, Network
from lapel.schema.labels import Schema, TaskSpec

NAMES = ("left collar", "right collar", "hem")
PLACES = TaskSpec(name="places", kind="landmarks", labels=NAMES)
SCHEMA = Schema(
    (
        TaskSpec(name="category", kind="single_label", labels=("coat", "dress")),
        PLACES,
        TaskSpec(name="tags", kind="multi_label", labels=("lace", "print")),
    )
)
SIZE = (48, 64)

#: Ways to answer with places.
WAYS: Mapping[str, Mapping[str, Any]] = {
    "peak": {},
    "mean": {"places": "mean"},
    "coordinates": {"landmarks": "coordinates"},
    "beside a joint head": {"heads": "joint", "hidden": 8},
}


def network(head: Mapping[str, Any], schema: Schema = SCHEMA) -> Network:
    torch.manual_seed(0)
    architecture = Architecture(
        backbone="lapel-small",
        options={"widths": [8, 12, 16]},
        head={"map_channels": 16, **head},
        mean=[0.4],
        std=[0.3],
    )
    made = Network(schema, architecture)
    made.fit_to(pixels(16))
    made.train()
    with torch.no_grad():
        made(pixels(16))  # so that batch normalisation has seen something
    # Maps that begin near nothing have their peaks anywhere.
    for name, value in made.named_parameters():
        if name.endswith("maps.weight"):
            torch.nn.init.normal_(value)
    return made.eval()


def pixels(count: int) -> Tensor:
    generator = torch.Generator().manual_seed(2)
    return torch.randint(0, 256, (count, 1, *SIZE), dtype=torch.uint8, generator=generator)


def somewhere(count: int, *, margin: float) -> Tensor:
    generator = torch.Generator().manual_seed(5)
    places = torch.rand(count, len(NAMES), 2, generator=generator)
    return margin + (1 - 2 * margin) * places


@pytest.mark.parametrize(("height", "width"), [(12, 12), (32, 24), (56, 56), (224, 224)])
def test_a_place_is_read_back_from_its_map_finer_than_its_pixels(height: int, width: int) -> None:
    margin = 3.5 * sigma_of(height, width) / min(height, width)
    places = somewhere(40, margin=min(margin, 0.45))
    away = (peak_places(drawn(places, height, width)) - places).abs() * torch.tensor(
        [width, height]
    )
    assert away.max() < 0.06 * sigma_of(height, width)


def test_a_lower_peak_elsewhere_and_noise_do_not_draw_a_place_away() -> None:
    places = somewhere(40, margin=0.2)
    generator = torch.Generator().manual_seed(6)
    noise = 0.03 * torch.randn(40, len(NAMES), 32, 32, generator=generator)
    ghosts = 0.6 * drawn(places.flip(0), 32, 32)
    maps = torch.maximum(drawn(places, 32, 32), ghosts) + noise
    away = ((peak_places(maps) - places) * 32).norm(dim=2)
    far = ((places - places.flip(0)) * 32).norm(dim=2) > 6
    assert away[far].max() < 0.5


def test_a_place_at_the_edge_stays_on_the_canvas() -> None:
    corners = torch.tensor([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0]])[None]
    found = peak_places(drawn(corners, 16, 16))
    assert (found >= 0).all()
    assert (found <= 1).all()
    assert (found - corners).abs().max() < 1 / 16


def test_a_map_of_nothing_has_a_place_all_the_same() -> None:
    for value in (0.0, -1.0):
        assert torch.isfinite(peak_places(torch.full((1, 3, 8, 8), value))).all()


def test_the_mean_of_a_map_of_logits_is_the_place_that_it_was_drawn_for() -> None:
    places = somewhere(20, margin=0.2)
    logits = drawn(places, 32, 32).clamp(min=1e-12).log()
    assert (mean_places(logits) - places).abs().max() < 1e-3


@pytest.mark.parametrize("way", WAYS)
def test_the_graph_answers_like_the_network_and_shows_its_maps(way: str) -> None:
    made = network(WAYS[way])
    engine = OnnxRuntimeEngine(export_onnx(made, channels=1, height=SIZE[0], width=SIZE[1]))
    for count in (1, 5):
        batch = pixels(count)
        with torch.no_grad():
            expected = made(batch)
        outputs = engine.run(batch.numpy())
        assert list(outputs)[:3] == list(expected) == ["category", "places", "tags"]
        assert outputs["embedding"].shape == (count, 16)
        for task, output in expected.items():
            assert outputs[task].shape == output.shape
            assert np.abs(outputs[task] - output.numpy()).max() < 1e-3
        if way == "coordinates":
            assert "places.heatmaps" not in outputs
        else:
            assert outputs["places.heatmaps"].shape == (count, 3, 12, 16)
            assert outputs["places.heatmaps"].min() >= 0


def test_a_network_of_places_alone_may_be_asked_for_a_joint_head() -> None:
    made = network({"heads": "joint"}, Schema((PLACES,)))
    assert made(pixels(2))["places"].shape == (2, 3, 3)


def test_losses_take_maps_and_answers_are_read_from_them() -> None:
    made = network({})
    with torch.no_grad():
        raw = made.raw(pixels(4))
        said = raw["places"]
        assert isinstance(said, LandmarkMaps)
        assert said.heatmaps.shape == (4, 3, 12, 16)
        answered = made.outputs(raw)["places"]
        assert torch.equal(answered, made(pixels(4))["places"])
    assert torch.equal(answered[..., :2], peak_places(said.heatmaps))
    assert torch.equal(answered[..., 2], said.visible)


def truth(count: int = 4) -> tuple[Tensor, Tensor]:
    """Targets (N, 3, 5) and weights (N, 3, 2), all known."""
    places = somewhere(count, margin=0.25)
    boxes, seen = torch.full((count, 3, 2), 0.5), torch.ones(count, 3, 1)
    return torch.cat([places, boxes, seen], 2), torch.ones(count, 3, 2)


def test_a_perfect_map_has_no_loss_and_a_map_of_nothing_one() -> None:
    target, weight = truth()
    visible = torch.full((4, 3), 50.0)
    perfect = LandmarkMaps(drawn(target[..., :2], 32, 32), visible)
    nothing = LandmarkMaps(torch.zeros(4, 3, 32, 32), visible)
    assert LandmarksLoss()(perfect, target, weight) == pytest.approx(0, abs=1e-6)
    assert LandmarksLoss()(nothing, target, weight) == pytest.approx(1.0, abs=1e-3)


def maps_of(raw: Tensor) -> LandmarkMaps:
    return LandmarkMaps(raw[..., 1:].reshape(*raw.shape[:2], 12, 12), raw[..., 0])


FORMS: Mapping[str, tuple[int, Callable[[Tensor], Any]]] = {
    "maps": (145, maps_of),
    "means of maps": (145, lambda raw: maps_of(raw)._replace(by_mean=True)),
    "coordinates": (3, lambda raw: raw),
}


@pytest.mark.parametrize("form", FORMS)
def test_what_is_not_known_has_no_gradient_whatever_stands_there(form: str) -> None:
    numbers, say = FORMS[form]
    raw = torch.randn(4, 3, numbers, requires_grad=True)
    target, weight = truth()
    weight[1], weight[2, 0] = 0, 0
    target[1, :, :2] = torch.nan
    loss = LandmarksLoss()(say(raw), target, weight)
    loss.backward()
    assert torch.isfinite(loss)
    assert raw.grad is not None
    touched = (raw.grad != 0).any(2)
    assert touched.tolist() == (weight[..., 0] > 0).tolist()
    assert LandmarksLoss()(say(raw), target, torch.zeros_like(weight)) == 0


def test_a_hidden_landmark_whose_place_is_known_is_learned_as_hidden() -> None:
    target, weight = truth(1)
    target[0, 0, 4] = 0
    raw = torch.zeros(1, 3, 3, requires_grad=True)
    LandmarksLoss()(raw, target, weight).backward()
    assert raw.grad is not None
    assert (raw.grad[0, :, :2] != 0).all()
    assert raw.grad[0, 0, 2] > 0
    assert raw.grad[0, 1, 2] < 0
