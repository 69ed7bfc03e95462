"""Segmentation's networks and losses: any decoder over any backbone, exported, and exact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from lapel.inference.engines.onnxruntime_engine import OnnxRuntimeEngine
from lapel.models.backbones import build_backbone
from lapel.models.decoders import DECODERS
from lapel.models.export import export_onnx
from lapel.models.heads import segmentation_losses
from lapel.models.heads.base import LabelCounts
from lapel.models.heads.label_losses import label_weights
from lapel.models.heads.segmentation import LearnedSegmentation
from lapel.models.heads.segmentation_losses import SegmentationLoss, dice, lovasz
from lapel.models.levels import pyramid_of, trial_of
from lapel.models.multitask import Architecture
from lapel.models.networks import build_network
from lapel.schema.errors import RecipeError
from lapel.schema.labels import Schema, TaskSpec
from lapel.schema.masks import UNKNOWN_CLASS

CLASSES = ("background", "top", "trousers", "shoes", "bag")
PARSING = TaskSpec(name="parsing", kind="segmentation", labels=CLASSES)
SCHEMA = Schema(
    (
        TaskSpec(name="category", kind="single_label", labels=("coat", "dress")),
        TaskSpec(name="places", kind="landmarks", labels=("left hem", "right hem")),
        PARSING,
    )
)

#: Backbone and options, by name; of all of them there are four maps whose strides double.
BACKBONES: Mapping[str, tuple[str, dict[str, Any]]] = {
    "small": ("lapel-small", {"widths": [8, 16, 24, 32]}),
    "resnet": ("resnet18", {}),
    "mobile": ("test_efficientnet", {}),
}
DILATED = ("resnet18", {"output_stride": 16})


def made(
    backbone: tuple[str, dict[str, Any]],
    head: Mapping[str, Any],
    schema: Schema = SCHEMA,
    size: tuple[int, int] = (64, 96),
) -> Any:
    torch.manual_seed(0)
    name, options = backbone
    architecture = Architecture(
        backbone=name,
        options=options,
        head={"decoder_channels": 32, "map_channels": 16, **head},
        mean=[0.4] * 3,
        std=[0.3] * 3,
    )
    network = build_network(schema, architecture)
    network.fit_to(pixels(8, *size))
    network.train()
    network(pixels(4, *size))  # so that batch normalisation has seen something
    return network.eval()


def pixels(count: int, height: int = 64, width: int = 96) -> Tensor:
    generator = torch.Generator().manual_seed(2)
    return torch.randint(0, 256, (count, 3, height, width), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("case", [*BACKBONES, "dilated"])
def test_every_decoder_answers_with_a_quarter_of_the_canvas(case: str, decoder: str) -> None:
    if case == "dilated" and decoder == "fpn":
        pytest.skip("fpn takes maps whose strides double, and here the last two are alike")
    network = made(DILATED if case == "dilated" else BACKBONES[case], {"decoder": decoder})
    with torch.no_grad():
        outputs = network(pixels(2))
    assert outputs["parsing"].shape == (2, len(CLASSES), 16, 24)
    assert outputs["parsing"].dtype == torch.float32
    assert outputs["category"].shape == (2, 2)
    assert outputs["places"].shape == (2, 2, 3)


@pytest.mark.parametrize(
    ("case", "head"),
    [
        ("small", {"decoder": "deeplabv3plus", "heads": "joint"}),
        ("resnet", {"decoder": "fpn"}),
        ("mobile", {"decoder": "unet"}),
        ("dilated", {"decoder": "deeplabv3"}),
    ],
)
def test_the_exported_network_answers_alike_for_any_batch(
    case: str, head: Mapping[str, Any]
) -> None:
    network = made(DILATED if case == "dilated" else BACKBONES[case], head)
    engine = OnnxRuntimeEngine(export_onnx(network, channels=3, height=64, width=96))
    for count in (1, 3):
        batch = pixels(count)
        answers = engine.run(batch.numpy(), network.task_names)
        with torch.no_grad():
            for task, expected in network(batch).items():
                np.testing.assert_allclose(answers[task], expected, atol=2e-4, rtol=1e-3)


def test_logits_lie_where_the_canvas_shows_what_they_answer() -> None:
    """A light square moves the logits under it alone, and as far as it moved itself."""
    network = made(BACKBONES["small"], {"decoder": "unet"})
    dark = torch.zeros(3, 3, 64, 96, dtype=torch.uint8)
    dark[1, :, 8:16, 16:24] = 255
    dark[2, :, 40:48, 64:72] = 255
    with torch.no_grad():
        logits = network(dark)["parsing"]
    for number, (row, column) in ((1, (3.0, 5.0)), (2, (11.0, 17.0))):
        moved = (logits[number] - logits[0]).abs().sum(0)
        rows, columns = torch.arange(16.0) + 0.5, torch.arange(24.0) + 0.5
        share = moved / moved.sum()
        assert abs(float((share.sum(1) * rows).sum()) - row) < 2
        assert abs(float((share.sum(0) * columns).sum()) - column) < 2


def test_a_backbone_keeps_its_maps_finer_where_asked_to() -> None:
    plain, finer = (
        build_backbone("resnet18", {"output_stride": stride}, channels=3) for stride in (32, 8)
    )
    strides = [
        [level.stride for level in pyramid_of(backbone, trial_of(backbone, 3))]
        for backbone in (plain, finer)
    ]
    assert strides == [[2, 4, 8, 16, 32], [2, 4, 8]]
    assert (plain.stride, finer.stride) == (32, 8)
    assert plain.state_dict().keys() == finer.state_dict().keys()


def test_a_transformer_has_its_features_for_a_map() -> None:
    schema, size = Schema((PARSING,)), (160, 160)
    network = made(("test_vit2", {}), {"decoder": "deeplabv3"}, schema, size)
    with torch.no_grad():
        assert network(pixels(1, *size))["parsing"].shape == (1, len(CLASSES), 40, 40)


@pytest.mark.parametrize(
    ("backbone", "head", "said"),
    [
        (("lapel-small", {"widths": [8, 16]}), {"decoder": "fpn"}, "four whose strides double"),
        (("lapel-small", {"widths": [8, 16]}), {"decoder": "unet"}, "strides 2, 4"),
        (("lapel-small", {"widths": [8]}), {"decoder": "deeplabv3plus"}, "deeplabv3, which"),
        (("vgg11", {"output_stride": 16}), {}, "output_stride"),
        (BACKBONES["small"], {"decoder": "segnet"}, "there is no decoder"),
    ],
)
def test_what_does_not_go_together_is_refused_with_the_remedy(
    backbone: tuple[str, dict[str, Any]], head: Mapping[str, Any], said: str
) -> None:
    with pytest.raises(RecipeError, match=said):
        made(backbone, head)


def test_a_canvas_that_maps_do_not_cover_exactly_is_refused_with_one_that_they_do() -> None:
    network = made(BACKBONES["small"], {})
    with pytest.raises(RecipeError, match=r"height=64 --set preprocess\.width=80"):
        network(pixels(1, 60, 84))


def example(*, classes: int = 4, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Logits (3, classes, 12, 16) and classes (3, 12, 16), some unknown, one that never occurs."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(3, classes, 12, 16, generator=generator)
    truth = torch.randint(0, classes - 1, (3, 12, 16), generator=generator)
    truth[torch.rand(truth.shape, generator=generator) < 0.2] = UNKNOWN_CLASS
    return logits, truth


def test_dice_and_lovasz_are_those_of_the_library() -> None:
    from segmentation_models_pytorch.losses import DiceLoss, LovaszLoss

    logits, truth = example()
    theirs = DiceLoss("multiclass", ignore_index=UNKNOWN_CLASS)(logits, truth)
    # Its mean is over all four classes, of which three occur.
    torch.testing.assert_close(dice(logits, truth), theirs * 4 / 3)
    library = LovaszLoss("multiclass", ignore_index=UNKNOWN_CLASS)(logits, truth)
    torch.testing.assert_close(lovasz(logits, truth), library)


def test_cross_entropy_is_the_mean_over_known_pixels() -> None:
    logits, truth = example()
    loss = SegmentationLoss(["cross_entropy"], weights=torch.ones(4))
    theirs = functional.cross_entropy(logits, truth, ignore_index=UNKNOWN_CLASS)
    torch.testing.assert_close(loss(logits, truth.to(torch.uint8), torch.ones(3)), theirs)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_cross_entropy_that_is_the_same_each_time_is_the_usual_one(
    smoothing: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    logits, truth = example()
    weights = torch.tensor([1.0, 2.0, 3.0, 4.0])
    loss = SegmentationLoss(["cross_entropy"], weights=weights, smoothing=smoothing)
    found = []
    for only in (False, True):
        monkeypatch.setattr(segmentation_losses, "only_repeatable", lambda _, only=only: only)
        given = logits.clone().requires_grad_()
        value = loss(given, truth.to(torch.uint8), torch.ones(3))
        value.backward()
        found.append((value.detach(), given.grad))
    torch.testing.assert_close(found[1], found[0])


def test_a_sum_of_losses_is_their_sum_at_the_size_of_the_canvas() -> None:
    small, truth = example()[0][:, :, :3, :4], example()[1]
    names, weights = ["cross_entropy", "dice", "lovasz"], torch.tensor([1.0, 2.0, 3.0, 4.0])
    target, known = truth.to(torch.uint8), torch.ones(3)
    each = [SegmentationLoss([name], weights=weights)(small, target, known) for name in names]
    whole = SegmentationLoss(names, weights=weights)(small, target, known)
    torch.testing.assert_close(whole, torch.stack(each).sum())
    large = functional.interpolate(small, (12, 16), mode="bilinear", align_corners=False)
    torch.testing.assert_close(each[1], dice(large, truth))


@pytest.mark.parametrize("name", ["cross_entropy", "dice", "lovasz"])
def test_what_is_unknown_has_neither_loss_nor_gradient(name: str) -> None:
    logits, truth = example()
    logits.requires_grad_()
    loss = SegmentationLoss([name], weights=torch.ones(4))
    target = truth.to(torch.uint8)
    whole = loss(logits, target, torch.tensor([1.0, 0.0, 1.0]))
    torch.testing.assert_close(whole, loss(logits[[0, 2]], target[[0, 2]], torch.ones(2)))
    whole.backward()
    assert logits.grad is not None
    assert (logits.grad[1] == 0).all()
    assert (logits.grad.abs().sum(1)[truth == UNKNOWN_CLASS] == 0).all()
    assert (logits.grad != 0).any()


@pytest.mark.parametrize("names", [["cross_entropy"], ["dice", "lovasz"]])
def test_a_batch_of_which_nothing_is_known_teaches_nothing(names: list[str]) -> None:
    logits, truth = example()
    logits.requires_grad_()
    loss = SegmentationLoss(names, weights=torch.ones(4))
    nothing = loss(logits, truth.to(torch.uint8), torch.zeros(3))
    nothing.backward()
    assert nothing == 0
    assert logits.grad is not None
    assert (logits.grad == 0).all()


def test_rare_classes_count_more_by_their_pixels_where_asked_to() -> None:
    target = torch.zeros(2, 4, 8, dtype=torch.uint8)
    target[0, :2] = 1
    target[1, 0, :4] = UNKNOWN_CLASS
    counts = LearnedSegmentation.counts(PARSING, target, torch.ones(2))
    expected = torch.tensor([44 / 32, 16 / 32, 0, 0, 0])
    torch.testing.assert_close(counts.yes, expected)
    scaled = LabelCounts(yes=100 * counts.yes, known=100 * counts.known)
    loss = LearnedSegmentation.loss(PARSING, scaled, {"class_weights": "balanced"})
    assert isinstance(loss, SegmentationLoss)
    torch.testing.assert_close(loss.weights, label_weights(scaled, "balanced"))
    torch.testing.assert_close(loss.weights[1] / loss.weights[0], torch.tensor(44 / 16))
