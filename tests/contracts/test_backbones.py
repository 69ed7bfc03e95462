"""What every backbone and every head must do: one suite, run for each entry of the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from lapel.imaging.preprocess import Preprocess
from lapel.models.backbones import BACKBONES, build_backbone, natural_preprocessing
from lapel.models.base import Backbone, keep_judging, set_learning
from lapel.models.decoders import MapShape
from lapel.models.heads.base import MapsHead
from lapel.models.heads.table import HEADS
from lapel.schema.annotation import Label, Tags
from lapel.schema.geometry import Landmark, Landmarks
from lapel.schema.labels import TaskSpec
from lapel.schema.masks import ClassMap
from lapel.tasks.kinds import KINDS, task_of

#: Options with which each backbone is small enough to be tested; an entry without a rig fails.
RIGS: Mapping[str, Mapping[str, Any]] = {
    "lapel-small": {"widths": [8, 16]},
    # These stand for all of timm's: maps of filters, in two orders of their dimensions, a
    # classifier that has to go, a class token, and tokens of patches with more before them.
    "resnet18": {"small_images": True},
    "mobilenetv3_small_050": {},
    "test_efficientnet": {},
    "test_convnext": {},
    "test_mambaout": {},
    "test_vit": {},
    "test_vit2": {},
}

#: Those that take pictures of one size.
FIXED = ("test_vit", "test_vit2")

WORDS = ("coat", "hat", "shoe")
SPECS = {kind: TaskSpec(name=kind, kind=kind, labels=WORDS) for kind in KINDS}


def points(*, seen: str) -> Landmarks:
    """Three landmarks, of which one can be seen."""
    places = {"coat": (8, 10), "hat": (21, 9), "shoe": (30, 31)}
    return Landmarks({name: Landmark(*place, name == seen) for name, place in places.items()})


def all_of(name: str) -> ClassMap:
    """A picture in which nothing else is to be seen."""
    return ClassMap(np.full((40, 40), WORDS.index(name), np.uint8), WORDS)


#: For each kind, labels as annotated: two known and one unknown.
LABELS: Mapping[str, Sequence[Label]] = {
    "single_label": ("coat", "shoe", None),
    "multi_label": (Tags(("coat", "hat")), Tags(("shoe",)), None),
    "landmarks": (points(seen="coat"), points(seen="shoe"), None),
    "segmentation": (all_of("coat"), all_of("shoe"), None),
}

#: Kinds that no head answers by itself; see ``tests/models/test_detector.py``.
OF_DETECTORS = ("garments",)

#: What a head of landmarks says of pictures as they are.
FRAME = Preprocess(
    height=40, width=40, channels=3, fit="stretch", mean=(0.5,) * 3, std=(0.5,) * 3
).frame(40, 40)


def build(name: str, channels: int) -> Backbone:
    torch.manual_seed(0)
    return build_backbone(name, RIGS[name], channels=channels)


def images(name: str, channels: int, count: int = 4) -> Tensor:
    """Pictures of noise; of the size that a network takes, where it takes one only."""
    wanted = natural_preprocessing(name, RIGS[name])
    size = int(wanted["height"]) if name in FIXED else 48
    return torch.randn(count, channels, size, size, generator=torch.Generator().manual_seed(1))


def test_every_entry_has_a_rig() -> None:
    assert set(BACKBONES) <= set(RIGS)
    assert set(HEADS) == set(KINDS) == set(SPECS) == {*LABELS, *OF_DETECTORS}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", RIGS)
def test_features_have_the_width_that_the_backbone_says(name: str, channels: int) -> None:
    backbone = build(name, channels)
    features = backbone(images(name, channels))
    assert features.ndim == 4
    assert features.shape[:2] == (4, backbone.width)
    assert min(features.shape[2:]) >= 1


@pytest.mark.parametrize("name", RIGS)
def test_the_seed_decides_the_weights(name: str) -> None:
    first, again = build(name, 1), build(name, 1)
    for one, other in zip(first.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("name", RIGS)
def test_weights_survive_a_file(name: str) -> None:
    backbone = build(name, 1).eval()
    contents = {key: value.contiguous() for key, value in backbone.state_dict().items()}
    torch.manual_seed(5)
    other = build_backbone(name, RIGS[name], channels=1).eval()
    other.load_state_dict(load(save(contents)))
    with torch.no_grad():
        assert torch.equal(backbone(images(name, 1)), other(images(name, 1)))


@pytest.mark.parametrize("name", RIGS)
def test_an_answer_does_not_depend_on_its_neighbours(name: str) -> None:
    backbone = build(name, 1).eval()
    batch = images(name, 1)
    with torch.no_grad():
        together, alone = backbone(batch), backbone(batch[2:3])
    assert torch.allclose(together[2:3], alone, atol=1e-5)


@pytest.mark.parametrize("name", RIGS)
def test_every_learned_weight_has_a_gradient(name: str) -> None:
    backbone = build(name, 1).train()
    backbone(images(name, 1)).square().mean().backward()
    learned = {key: value for key, value in backbone.named_parameters() if value.requires_grad}
    assert [key for key, value in learned.items() if value.grad is None] == []


@pytest.mark.parametrize("name", RIGS)
def test_stages_hold_every_learned_weight_once(name: str) -> None:
    backbone = build(name, 1)
    stages = backbone.stages()
    held = [id(parameter) for stage in stages for parameter in stage.parameters]
    learned = [id(value) for value in backbone.parameters() if value.requires_grad]
    assert len(stages) > 1
    assert sorted(held) == sorted(learned)
    modules = [id(module) for stage in stages for module in stage.modules]
    assert len(set(modules)) == len(modules)


@pytest.mark.parametrize("name", RIGS)
def test_stages_are_in_the_order_in_which_pictures_pass_them(name: str) -> None:
    backbone = build(name, 1).eval()
    stage_of = {
        module: height for height, stage in enumerate(backbone.stages()) for module in stage.modules
    }
    passed: list[int] = []
    for module, height in stage_of.items():
        if not list(module.children()) and list(module.parameters()):
            module.register_forward_hook(lambda *_, height=height: passed.append(height))
    with torch.no_grad():
        backbone(images(name, 1, 1))
    assert passed == sorted(passed)


@pytest.mark.parametrize("name", RIGS)
def test_stages_at_rest_stay_as_they_are_while_the_others_learn(name: str) -> None:
    backbone = build(name, 1)
    stages = backbone.stages()
    resting = len(stages) // 2
    set_learning(stages, resting)
    backbone.train()
    for stage in stages[:resting]:
        keep_judging(stage.modules)
    before = {key: value.clone() for key, value in backbone.state_dict().items()}
    learned = [value for value in backbone.parameters() if value.requires_grad]
    optimiser = torch.optim.SGD(learned, lr=0.1)
    backbone(images(name, 1)).square().mean().backward()
    optimiser.step()
    still = {id(value) for stage in stages[:resting] for value in stage.parameters}
    names = {key: id(value) for key, value in backbone.named_parameters()}
    for key, value in backbone.state_dict().items():
        if names.get(key) in still:
            assert torch.equal(value, before[key]), key
    counters = [module for stage in stages[:resting] for module in stage.modules]
    for module in counters:
        if isinstance(module, torch.nn.BatchNorm2d):
            assert module.num_batches_tracked == 0
    assert any(not torch.equal(value, before[key]) for key, value in backbone.state_dict().items())


#: Of a backbone, for heads that look at them.
MAPS = (MapShape(4, 16), MapShape(8, 16))


def output_shape(kind: str) -> list[int]:
    """Of a task on a canvas of 40 px: what is free is a quarter of it."""
    return [10 if size < 0 else size for size in task_of(SPECS[kind]).output_shape]


def encoded(kind: str) -> tuple[Tensor, Tensor]:
    parts = task_of(SPECS[kind]).encode(LABELS[kind], [FRAME] * len(LABELS[kind]))
    target, weight = map(torch.from_numpy, parts)
    return target, weight


def loss_of(kind: str) -> nn.Module:
    counts = HEADS[kind].counts(SPECS[kind], *encoded(kind))
    return HEADS[kind].loss(SPECS[kind], counts, {})


@pytest.mark.parametrize(
    "options",
    [{}, {"hidden": 8, "pool": "max", "landmarks": "coordinates"}],
    ids=["plain", "hidden"],
)
@pytest.mark.parametrize("kind", LABELS)
def test_a_head_gives_what_the_task_expects_and_its_loss_falls_when_it_learns(
    kind: str, options: Mapping[str, Any]
) -> None:
    spec = SPECS[kind]
    torch.manual_seed(0)
    head = HEADS[kind].head(spec, 16, {**options, "maps": MAPS, "decoder_channels": 16})
    given: Tensor | list[Tensor] = torch.randn(3, 16, 4, 4)
    if isinstance(head, MapsHead):
        given = [torch.randn(3, one.width, 40 // one.stride, 40 // one.stride) for one in MAPS]
    target, weight = encoded(kind)
    assert HEADS[kind].answer(head(given)).shape == (3, *output_shape(kind))
    # Maps that rise too quickly at first fall to nothing, and stay there for long.
    maps = kind == "landmarks" and "landmarks" not in options
    optimiser = torch.optim.Adam(head.parameters(), lr=0.001 if maps else 0.05)
    losses = []
    for _ in range(40):
        loss = loss_of(kind)(head(given), target, weight)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("kind", LABELS)
def test_what_is_unknown_gives_neither_loss_nor_gradient(kind: str) -> None:
    target, weight = encoded(kind)
    output = torch.randn(3, *output_shape(kind), requires_grad=True)
    loss_of(kind)(output, target, weight).backward()
    assert output.grad is not None
    assert output.grad[2].abs().max() == 0
    assert output.grad[:2].abs().min() > 0
    assert loss_of(kind)(output, target, torch.zeros_like(weight)) == 0


@pytest.mark.parametrize("kind", LABELS)
def test_labels_are_counted_where_they_are_known(kind: str) -> None:
    counts = HEADS[kind].counts(SPECS[kind], *encoded(kind))
    assert counts.known.tolist() == [2, 2, 2]
    assert counts.yes.tolist() == [1, int(kind == "multi_label"), 1]
