"""Mask R-CNN as a network: what it is asked, what it answers, and that its graph answers alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lapel.imaging.preprocess import Preprocess
from lapel.inference.engines.onnxruntime_engine import OnnxRuntimeEngine
from lapel.models.detector import Detector, DetectorNetwork
from lapel.models.export import export_onnx
from lapel.models.heads.garment_targets import GarmentTargets, PictureTruth
from lapel.models.heads.garments import LearnedGarments
from lapel.models.multitask import Architecture, Network
from lapel.models.networks import build_network
from lapel.models.regions import in_crowd
from lapel.schema.errors import RecipeError
from lapel.schema.garments import Garment, Garments
from lapel.schema.labels import Schema, TaskSpec
from lapel.tasks.encoded_garments import EncodedGarments
from lapel.training.recipe_parts import DetectorPart

SPEC = TaskSpec(
    name="garments",
    kind="garments",
    labels=("coat", "hat", "shoe"),
    points={"coat": ("left hem", "right hem", "collar"), "shoe": ("toe",)},
)
SCHEMA = Schema((SPEC,))
SIZE = 64
DETECTIONS = 6
VALUES = 6 + 28 * 28 + 3 * 4

SMALL: Mapping[str, Any] = {
    "strides": (4, 8),
    "width": 16,
    "anchor_sizes": ((12,), (24,), (40,)),
    "anchors_learned": 32,
    "proposals": 30,
    "regions_learned": 16,
    "box_units": 32,
    "mask_layers": (16,),
    "point_layers": (16,),
    "detections": DETECTIONS,
    "least_score": 0.0,
}


def architecture(**settings: Any) -> Architecture:
    return Architecture(
        network="mask-rcnn",
        backbone="lapel-small",
        options={"widths": [8, 12, 16]},
        head={"detector": DetectorPart(**{**SMALL, **settings}).model_dump()},
        mean=[0.4],
        std=[0.3],
    )


def pixels(count: int, height: int = SIZE, width: int = SIZE) -> Tensor:
    generator = torch.Generator().manual_seed(count)
    return torch.randint(0, 256, (count, 1, height, width), generator=generator, dtype=torch.uint8)


def network(schema: Schema = SCHEMA, **settings: Any) -> Network:
    torch.manual_seed(0)
    made = build_network(schema, architecture(**settings))
    made.fit_to(pixels(8))
    with torch.no_grad():
        made.train().raw(pixels(8))  # so that batch normalisation has seen something
    # Layers that begin near nothing would answer the same everywhere.
    for name, value in made.named_parameters():
        if name.endswith(("cls_score.weight", "cls_logits.weight")):
            nn.init.normal_(value, std=0.5)
        if name.endswith("bbox_pred.weight"):
            nn.init.normal_(value, std=0.05)
    return made.eval()


@torch.no_grad()
def found(made: Network, shown: Tensor) -> NDArray[np.float32]:
    outputs: NDArray[np.float32] = made(shown)["garments"].numpy()
    return outputs


def garments() -> Garments:
    return Garments(
        (
            Garment(
                part="coat",
                box=(8, 8, 30, 40),
                points=((10, 40), (36, 40), None),
                outlines=(((8, 8), (38, 8), (38, 48), (8, 48)),),
            ),
            Garment(part="shoe", box=(40, 40, 16, 12), points=((50, 50),)),
        )
    )


def targets(*labels: Garments | None) -> GarmentTargets:
    how = Preprocess(height=SIZE, width=SIZE, channels=1, fit="stretch", mean=(0.5,), std=(0.5,))
    frames = [how.frame(SIZE, SIZE)] * len(labels)
    return GarmentTargets(EncodedGarments(labels, frames), torch.device("cpu"))


def loss_of(made: Network, *labels: Garments | None) -> Tensor:
    raw = made.raw(pixels(len(labels)))["garments"]
    weight = torch.tensor([float(label is not None) for label in labels])
    torch.manual_seed(1)
    loss = LearnedGarments.loss(SPEC, LearnedGarments.counts(SPEC, None, weight), {})
    value: Tensor = loss(raw, targets(*labels), weight)
    return value


def test_answers_have_the_shape_of_the_task_with_the_surest_first() -> None:
    outputs = found(network(), pixels(3))
    assert outputs.shape == (3, DETECTIONS, VALUES)
    assert np.isfinite(outputs).all()
    assert (np.diff(outputs[:, :, 4], axis=1) <= 0).all()
    told = outputs[outputs[:, :, 4] > 0]
    assert len(told) > 3
    assert told[:, :4].min() >= 0
    assert told[:, :4].max() <= 1
    assert (told[:, 2:4] > told[:, :2]).all()
    assert set(told[:, 5]) <= {0.0, 1.0, 2.0}
    assert told[:, 6:].min() >= -0.01
    assert told[:, 6:].max() <= 1.01


def test_points_of_other_categories_are_nothing() -> None:
    outputs = found(network(), pixels(6)).reshape(-1, VALUES)
    points = outputs[:, 6 + 28 * 28 :].reshape(len(outputs), 4, 3)
    told = outputs[:, 4] > 0
    for label, own in enumerate(([0, 1, 2], [], [3])):
        rows = points[told & (outputs[:, 5] == label)]
        others = [place for place in range(4) if place not in own]
        assert not rows[:, others].any()
        assert (rows[:, own, 2] > 0).all()


def test_a_picture_is_answered_alike_whatever_stands_beside_it() -> None:
    made = network()
    shown = pixels(3)
    together = found(made, shown)
    alone = np.concatenate([found(made, shown[row : row + 1]) for row in range(3)])
    np.testing.assert_allclose(together, alone, atol=1e-4)


@pytest.mark.parametrize("nms", ["category", "agnostic"])
def test_the_graph_answers_alike_for_any_number_of_pictures_and_other_sizes(nms: str) -> None:
    made = network(nms=nms)
    engine = OnnxRuntimeEngine(export_onnx(made, channels=1, height=SIZE, width=SIZE))
    for shown in (pixels(1), pixels(3), pixels(1, 96, 128)):
        answers = engine.run(shown.numpy(), ["garments"])["garments"]
        np.testing.assert_allclose(answers, found(made, shown), atol=2e-3)


def test_where_nothing_is_found_everything_is_zero_in_the_graph_too() -> None:
    made = network(least_score=0.99)
    assert not found(made, pixels(2)).any()
    engine = OnnxRuntimeEngine(export_onnx(made, channels=1, height=SIZE, width=SIZE))
    assert not engine.run(pixels(2).numpy(), ["garments"])["garments"].any()


def overlaps(boxes: NDArray[np.float32]) -> Iterator[tuple[int, int, float]]:
    for one, first in enumerate(boxes):
        for other, second in enumerate(boxes[:one]):
            left_top, right_bottom = (
                np.maximum(first[:2], second[:2]),
                np.minimum(first[2:], second[2:]),
            )
            within = float(np.prod(np.clip(right_bottom - left_top, 0, None)))
            areas = float(np.prod(first[2:] - first[:2]) + np.prod(second[2:] - second[:2]))
            yield one, other, within / (areas - within)


def test_garments_that_overlap_are_told_once_a_category_or_once_in_all() -> None:
    shown = pixels(4)
    by_category = agnostic = 0
    for rows in found(network(detections=60), shown):
        told = rows[rows[:, 4] > 0]
        for one, other, share in overlaps(told[:, :4]):
            by_category += share > 0.5
            assert share <= 0.5001 or told[one, 5] != told[other, 5]
    for rows in found(network(detections=60, nms="agnostic"), shown):
        told = rows[rows[:, 4] > 0]
        agnostic += sum(share > 0.5001 for _, _, share in overlaps(told[:, :4]))
    assert by_category > 0
    assert agnostic == 0


def test_every_layer_learns_from_garments_with_masks_and_points() -> None:
    made = network().train()
    loss = loss_of(made, garments(), Garments(), None)
    assert torch.isfinite(loss)
    loss.backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
    silent = [
        name
        for name, value in made.named_parameters()
        if value.requires_grad and (value.grad is None or not value.grad.any())
    ]
    assert not silent


def test_pictures_of_which_nobody_knows_have_neither_loss_nor_gradient() -> None:
    made = network().train()
    loss = loss_of(made, None, None)
    assert float(loss.detach()) == 0
    loss.backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
    assert not any(value.grad is not None and value.grad.any() for value in made.parameters())


def test_the_loss_can_be_asked_for_while_judging() -> None:
    made = network()
    with torch.no_grad():
        assert torch.isfinite(loss_of(made, garments(), Garments()))


def test_what_lies_in_a_group_by_half_is_left_alone() -> None:
    boxes = torch.tensor([[0.0, 0.0, 10.0, 10.0], [5.0, 0.0, 15.0, 10.0], [20.0, 0.0, 30.0, 10.0]])
    crowds = torch.tensor([[0.0, 0.0, 12.0, 10.0]])
    assert in_crowd(boxes, crowds).tolist() == [True, True, False]
    assert in_crowd(boxes, crowds[:0]).tolist() == [False, False, False]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"strides": (4, 32)}, "no map of stride 32; it has 2, 4, 8"),
        ({"strides": (2, 8)}, "double from each map to the next, found 2, 8; the backbone has 2"),
        ({"strides": (8, 4)}, "double from each map to the next, found 8, 4"),
        ({"anchor_sizes": ((12,),)}, "strides 4, 8, 16"),
    ],
)
def test_settings_that_do_not_fit_the_backbone_are_named(
    settings: Mapping[str, Any], said: str
) -> None:
    with pytest.raises(RecipeError, match=said):
        network(**settings)


def test_a_detector_answers_garments_alone_and_other_networks_say_who_does() -> None:
    others = Schema((SPEC, TaskSpec(name="season", kind="single_label", labels=("a", "b"))))
    with pytest.raises(RecipeError, match="nothing else"):
        build_network(others, architecture())
    plain = Architecture(backbone="lapel-small", mean=[0.4], std=[0.3])
    with pytest.raises(RecipeError, match=r"model\.network=mask-rcnn"):
        build_network(SCHEMA, plain)


class _Middle(Detector):
    """Says that a coat is in the middle, as sure as one number that it learns."""

    def __init__(self, spec: TaskSpec, options: Mapping[str, Any]) -> None:
        super().__init__()
        self.values = 6 + 28 * 28 + 3 * len(spec.point_names)
        self.sure = nn.Conv2d(options["maps"][-1].width, 1, 1)

    def said(self, maps: Sequence[Tensor]) -> Tensor:
        sure: Tensor = self.sure(maps[-1]).mean((2, 3))
        return sure

    def loss(self, said: Tensor, rows: Tensor, truths: Sequence[PictureTruth]) -> Tensor:
        there = torch.tensor([float(len(truth.boxes) > 0) for truth in truths])
        return nn.functional.binary_cross_entropy_with_logits(said[rows, 0], there)

    def found(self, said: Tensor) -> Tensor:
        box = said.new_tensor([0.25, 0.25, 0.75, 0.75]).expand(said.shape[0], 4)
        rest = torch.zeros_like(said).expand(-1, self.values - 5)
        return torch.cat([box, said.sigmoid(), rest], 1)[:, None]


class _MiddleNetwork(DetectorNetwork):
    detector = _Middle


def test_another_detector_takes_its_place() -> None:
    made = _MiddleNetwork(SCHEMA, architecture())
    assert torch.isfinite(loss_of(made, garments(), Garments()))
    made.eval()
    engine = OnnxRuntimeEngine(export_onnx(made, channels=1, height=SIZE, width=SIZE))
    answers = engine.run(pixels(2).numpy(), ["garments"])["garments"]
    np.testing.assert_allclose(answers, found(made, pixels(2)), atol=1e-5)
