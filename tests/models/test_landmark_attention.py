"""The network of Liu & Lu 2018: its layers are the paper's, and landmarks lead its attention."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lapel.inference.engines.onnxruntime_engine import OnnxRuntimeEngine
from lapel.models.base import Backbone
from lapel.models.export import export_onnx
from lapel.models.heads.base import LandmarkMaps
from lapel.models.landmark_attention import LandmarkAttentionNetwork
from lapel.models.landmark_branch import read_at
from lapel.models.landmark_features import LandmarkFeatures
from lapel.models.losses import MultiTaskLoss, label_counts
from lapel.models.multitask import Architecture, Network
from lapel.models.networks import build_network
from lapel.schema.errors import RecipeError
from lapel.schema.labels import Schema, TaskSpec
from lapel.schema.outputs import ATTENTION, EMBEDDING, heatmaps_of

LANDMARKS = TaskSpec(
    name="landmarks",
    kind="landmarks",
    labels=tuple(
        f"{side} {part}"
        for part in ("collar", "sleeve", "waist", "hem")
        for side in ("left", "right")
    ),
)
SMALL = Schema(
    (
        TaskSpec(name="category", kind="single_label", labels=("tee", "dress", "skirt")),
        TaskSpec(name="texture", kind="multi_label", labels=("striped", "floral")),
        LANDMARKS,
        TaskSpec(name="색상.main", kind="single_label", labels=("빨강", "파랑")),
    )
)

#: Attributes of each type in DeepFashion, and the 48 categories that its labels reach.
TYPES = {"texture": 156, "fabric": 218, "shape": 180, "part": 216, "style": 230}
PAPERS = Schema(
    (
        TaskSpec(
            name="category", kind="single_label", labels=tuple(f"category {n}" for n in range(48))
        ),
        *(
            TaskSpec(
                name=name, kind="multi_label", labels=tuple(f"{name} {n}" for n in range(count))
            )
            for name, count in TYPES.items()
        ),
        LANDMARKS,
    )
)

#: Convolutions of the released code (fdjingyuan/Deep-Fashion-Analysis-ECCV2018) in the order in
#: which they run on a picture of 224 px: channels, side of the map that comes out, parameters.
#: First torchvision's VGG16 up to conv4_3.
VGG_LOWER = [
    (64, 224, 1_792),
    (64, 224, 36_928),
    (128, 112, 73_856),
    (128, 112, 147_584),
    (256, 56, 295_168),
    (256, 56, 590_080),
    (256, 56, 590_080),
    (512, 28, 1_180_160),
    (512, 28, 2_359_808),
    (512, 28, 2_359_808),
]
#: Its landmark branch: conv1 to conv4, then three transposed ones with conv5 to conv10 between.
LANDMARK_BRANCH = [
    (64, 28, 32_832),
    (64, 28, 36_928),
    (64, 28, 36_928),
    (128, 28, 73_856),
    (64, 56, 131_136),
    (64, 56, 36_928),
    (64, 56, 36_928),
    (32, 112, 32_800),
    (32, 112, 9_248),
    (32, 112, 9_248),
    (16, 224, 8_208),
    (16, 224, 2_320),
    (8, 224, 136),
]
#: Its attention branch, a U-Net, without the batch normalisations between.
ATTENTION_BRANCH = [
    (32, 28, 16_416),
    (64, 14, 32_768),
    (128, 7, 131_072),
    (128, 7, 16_384),
    (128, 7, 16_512),
    (64, 14, 262_144),
    (32, 28, 65_536),
    (512, 28, 33_280),
]
#: Scales and shifts of those normalisations: 64, 128, 128, 64 and 32 channels.
ATTENTION_NORMS = 2 * (64 + 128 + 128 + 64 + 32)
#: conv5_1 to conv5_3, above the attention.
VGG_UPPER = [(512, 14, 2_359_808)] * 3
#: category_fc1, category_fc2, attr_fc1.
CATEGORY_HIDDEN = ATTRIBUTES_HIDDEN = 512 * 7 * 7 * 1024 + 1024
CATEGORY_LAST = 1024 * 48 + 48
#: attr_fc2 there has two outputs an attribute, of which a softmax sees only the difference; ours
#: has that difference.
ATTRIBUTES_LAST_THERE = 1024 * 2000 + 2000


def network(
    backbone: str = "lapel-small",
    options: Mapping[str, Any] | None = None,
    *,
    schema: Schema = SMALL,
    **head: Any,
) -> LandmarkAttentionNetwork:
    torch.manual_seed(0)
    widths = {"widths": [8, 16, 24, 32]} if backbone == "lapel-small" else {}
    architecture = Architecture(
        network="landmark-attention",
        backbone=backbone,
        options={**widths, **(options or {})},
        head=head,
        mean=(0.5,) * 3,
        std=(0.25,) * 3,
    )
    made = build_network(schema, architecture)
    assert isinstance(made, LandmarkAttentionNetwork)
    return made


def pixels(count: int = 2, size: int = 64) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8, generator=generator)


@pytest.fixture(scope="module")
def papers() -> LandmarkAttentionNetwork:
    """The network of the recipe, with random weights."""
    return network("vgg16", schema=PAPERS, grid=7, hidden=1024).eval()


def test_layers_and_parameters_are_those_of_the_released_code(
    papers: LandmarkAttentionNetwork,
) -> None:
    ran: list[tuple[int, int, int]] = []

    def note(module: nn.Module, _inputs: object, output: Tensor) -> None:
        count = sum(parameter.numel() for parameter in module.parameters())
        ran.append((output.shape[1], output.shape[2], count))

    hooks = [
        module.register_forward_hook(note)
        for module in papers.modules()
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d)
    ]
    with torch.no_grad():
        outputs = papers(pixels(1, 224))
    for hook in hooks:
        hook.remove()
    assert ran == [*VGG_LOWER, *LANDMARK_BRANCH, *ATTENTION_BRANCH, *VGG_UPPER]
    assert outputs["category"].shape == (1, 48)
    assert outputs["landmarks"].shape == (1, 8, 3)
    assert sum(outputs[name].shape[1] for name in TYPES) == 1000


def test_the_sum_of_parameters_is_that_of_the_released_code_but_for_what_is_named(
    papers: LandmarkAttentionNetwork,
) -> None:
    convolutions = [*VGG_LOWER, *LANDMARK_BRANCH, *ATTENTION_BRANCH, *VGG_UPPER]
    there = sum(count for _, _, count in convolutions) + ATTENTION_NORMS
    there += CATEGORY_HIDDEN + CATEGORY_LAST + ATTRIBUTES_HIDDEN + ATTRIBUTES_LAST_THERE
    # It keeps VGG16's own conv5 beside its copy, and runs it, though nothing asks for it.
    unused = sum(count for _, _, count in VGG_UPPER)
    assert there + unused == 76_298_024
    visibility = 8 * 512 + 8
    assert papers.parameter_count == there - ATTRIBUTES_LAST_THERE // 2 + visibility


def test_heat_maps_are_as_large_as_the_picture_and_places_are_read_from_them(
    papers: LandmarkAttentionNetwork,
) -> None:
    with torch.no_grad():
        raw = papers.raw(pixels(1, 224))["landmarks"]
    assert isinstance(raw, LandmarkMaps)
    assert raw.heatmaps.shape == (1, 8, 224, 224)
    assert raw.visible.shape == (1, 8)


@pytest.mark.parametrize(
    ("backbone", "head", "maps"),
    [
        ("lapel-small", {}, 64),
        ("lapel-small", {"attended_stride": 4, "heatmap_stride": 4}, 16),
        ("resnet18", {"heatmap_stride": 2}, 32),
        ("resnet18", {"attended_stride": 16, "heatmap_stride": 4, "hidden": 12}, 16),
        ("tf_efficientnet_lite0", {"heatmap_stride": 4, "pool": "max"}, 16),
        ("test_convnext", {"attended_stride": 8, "heatmap_stride": 8}, 8),
        ("vgg11_bn", {"grid": 2, "heatmap_stride": 8, "attention": False}, 8),
    ],
)
def test_any_backbone_of_filters_answers_all_tasks(
    backbone: str, head: dict[str, Any], maps: int
) -> None:
    made = network(backbone, **head).train()
    outputs = made(pixels(2))
    assert list(outputs) == ["category", "texture", "landmarks", "색상.main"]
    shapes = [tuple(output.shape) for output in outputs.values()]
    assert shapes == [(2, 3), (2, 2), (2, 8, 3), (2, 2)]
    raw = made.raw(pixels(2))["landmarks"]
    assert isinstance(raw, LandmarkMaps)
    assert raw.heatmaps.shape == (2, 8, maps, maps)


def test_a_map_with_an_odd_side_is_no_trouble() -> None:
    made = network("lapel-small", {"widths": [8, 8, 8]}, heatmap_stride=8).eval()
    with torch.no_grad():
        assert made(pixels(1, 56))["landmarks"].shape == (1, 8, 3)  # 7x7, then 3x3, then 1x1


def test_an_attention_of_nothing_leaves_the_network_as_it_is_without() -> None:
    """1 + A is 1 where A is 0: the features of the backbone, untouched."""
    made = network().eval()
    assert made.attention is not None
    nn.init.zeros_(made.attention.leave.weight)
    nn.init.zeros_(made.attention.leave.bias)  # type: ignore[arg-type] # it has one
    without = network(attention=False).eval()
    assert without.attention is None
    without.load_state_dict(
        {name: value for name, value in made.state_dict().items() if "attention." not in name}
    )
    with torch.no_grad():
        for task, output in made(pixels()).items():
            torch.testing.assert_close(output, without(pixels())[task])


def test_the_attention_lies_between_taking_out_and_doubling_and_changes_answers() -> None:
    made = network().eval()
    assert made.attention is not None
    with torch.no_grad():
        before = made.features(pixels())
        nn.init.constant_(made.attention.leave.bias, -50.0)  # type: ignore[arg-type] # it has one
        assert made.exported(pixels())[ATTENTION].abs().max() < 1e-6
        assert not torch.allclose(made.features(pixels()), before)
        nn.init.constant_(made.attention.leave.bias, 50.0)  # type: ignore[arg-type] # it has one
        assert (made.exported(pixels())[ATTENTION] - 2).abs().max() < 1e-6


@pytest.mark.parametrize("attention", [True, False])
def test_labels_teach_the_landmark_branch_by_way_of_the_attention_alone(attention: bool) -> None:
    made = network(attention=attention, landmark_features=4).train()
    made.raw(pixels())["category"].square().sum().backward()  # type: ignore[union-attr] # of labels it is a tensor
    gradients = [parameter.grad for parameter in made.landmark_branch.parameters()]
    assert all((gradient is not None) == attention for gradient in gradients)


def test_what_is_read_at_a_landmark_is_what_stands_there_unless_it_is_hidden() -> None:
    features = torch.randn(1, 3, 4, 4, generator=torch.Generator().manual_seed(2))
    heatmaps = torch.zeros(1, 2, 8, 8)
    heatmaps[0, 0, 2:4, 6:8] = 1.0  # of the map of features: row 1, column 3
    heatmaps[0, 1, 0:2, 0:2] = 1.0
    read = read_at(features, heatmaps)[0]
    torch.testing.assert_close(read[0], features[0, :, 1, 3])
    torch.testing.assert_close(read[1], features[0, :, 0, 0])
    local = LandmarkFeatures(3, 2, 5).eval()
    said = local(features, heatmaps, torch.tensor([[50.0, -50.0]]))
    assert said.shape == (1, local.width) == (1, 10)
    torch.testing.assert_close(said[0, :5], local.narrow(features)[0, :, 1, 3])
    assert said[0, 5:].abs().max() < 1e-6


def test_features_read_at_landmarks_change_the_labels() -> None:
    made = network(landmark_features=4, attention=False).eval()
    with torch.no_grad():
        before = made(pixels())["category"]
        assert made.local is not None
        nn.init.zeros_(made.local.narrow[0].weight)  # type: ignore[arg-type] # it has one
        nn.init.constant_(made.local.narrow[1].bias, 1.0)  # type: ignore[arg-type] # it has one
        assert not torch.allclose(made(pixels())["category"], before)


def test_landmarks_alone_teach_nothing_above_the_cut() -> None:
    """So the paper's first stage moves the landmark branch and what lies below it."""
    made = network().train()
    raw = made.raw(pixels())["landmarks"]
    assert isinstance(raw, LandmarkMaps)
    raw.heatmaps.square().sum().backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
    taught = {name for name, part in made.named_parameters() if part.grad is not None}
    assert any(name.startswith("landmark_branch.") for name in taught)
    assert any(name.startswith("backbone.blocks.2.") for name in taught)
    assert not any(
        name.startswith(("attention.", "heads.", "backbone.blocks.3.")) for name in taught
    )


@pytest.mark.parametrize(
    ("backbone", "head"),
    [
        ("lapel-small", {"hidden": 8, "grid": 2, "dropout": 0.3}),
        ("lapel-small", {"attention": False, "places": "mean"}),
        ("lapel-small", {"landmark_features": 4, "hidden": 8}),
        ("resnet18", {"attended_stride": 16, "heatmap_stride": 4, "places": "mean"}),
        ("vgg11", {"heatmap_stride": 2}),
    ],
)
def test_the_exported_network_gives_the_same_and_shows_its_maps(
    backbone: str, head: dict[str, Any]
) -> None:
    made = network(backbone, **head)
    made.train()
    made(pixels(4))  # so that batch normalisation has seen something
    made.eval()
    engine = OnnxRuntimeEngine(export_onnx(made, channels=3, height=64, width=64))
    for count in (1, 3):
        with torch.no_grad():
            expected = made.exported(pixels(count))
        found = engine.run(pixels(count).numpy())
        beside = {heatmaps_of("landmarks"), EMBEDDING}
        beside |= {ATTENTION} if head.get("attention", True) else set()
        assert set(expected) == {spec.name for spec in SMALL} | beside
        for name, output in found.items():
            reference = expected[name].numpy()
            assert output.shape == reference.shape
            assert np.abs(output - reference).max() < 1e-3 * max(1, np.abs(reference).max())
        assert set(found) >= {spec.name for spec in SMALL}


def test_a_copy_attends_by_its_own_layers() -> None:
    made = network().eval()
    copied = copy.deepcopy(made)
    with torch.no_grad():
        before = made(pixels())["category"]
        for parameter in made.parameters():
            parameter.zero_()
        torch.testing.assert_close(copied(pixels())["category"], before)


def test_no_layer_is_counted_twice_and_stages_hold_the_whole_backbone() -> None:
    made = network("resnet18")
    names = [name for name, _ in made.named_parameters(remove_duplicate=False)]
    assert len(names) == len(set(names)) == len(list(made.parameters()))
    staged = sum(len(stage.parameters) for stage in made.stages())
    assert staged == len(list(made.backbone.parameters()))
    made.freeze(2)
    made.train()
    assert not any(parameter.requires_grad for parameter in made.stages()[0].parameters)
    assert made.landmark_branch.maps.weight.requires_grad


@pytest.mark.parametrize(
    ("schema", "backbone", "head", "message"),
    [
        (SMALL.select(["category"]), "lapel-small", {}, "one task of kind landmarks, found 0"),
        (SMALL, "lapel-small", {"heads": "joint"}, r"model\.heads=separate"),
        (SMALL, "lapel-small", {"landmarks": "coordinates"}, r"model\.landmarks=heatmap"),
        (SMALL, "lapel-small", {"attended_stride": 4, "heatmap_stride": 8}, "does not divide"),
        (SMALL, "lapel-small", {"attended_stride": 32}, "strides 2, 4, 8, 16"),
        (SMALL, "test_vit2", {}, "no map of stride 8"),
        (SMALL, "test_mambaout", {}, "none on its way"),
    ],
)
def test_what_does_not_go_with_the_network_is_refused(
    schema: Schema, backbone: str, head: dict[str, Any], message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        network(backbone, schema=schema, **head)


def test_a_grid_that_does_not_divide_the_features_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"model\.grid=3 does not divide the 4x4 places"):
        network(grid=3)(pixels())


def test_pictures_too_small_for_the_attention_are_refused() -> None:
    made = network("lapel-small", {"widths": [8, 8, 8]}).eval()
    with pytest.raises(RecipeError, match="too small"):
        made(pixels(1, 24))


def test_an_unknown_network_is_refused() -> None:
    architecture = Architecture(network="attentive", backbone="lapel-small", mean=[0], std=[1])
    with pytest.raises(RecipeError, match="there are: plain, landmark-attention"):
        build_network(SMALL, architecture)


def test_a_plain_network_comes_from_the_same_table() -> None:
    architecture = Architecture(backbone="lapel-small", mean=[0.5], std=[0.25])
    made = build_network(SMALL.select(["category"]), architecture)
    assert type(made) is Network


def test_every_backbone_that_names_levels_names_true_ones() -> None:
    made = network("resnet18")
    backbone: Backbone = made.backbone
    levels = backbone.levels(torch.zeros(1, 3, 64, 64))
    assert [(level.stride, level.width) for level in levels] == [
        (2, 64),
        (4, 64),
        (8, 128),
        (16, 256),
        (32, 512),
    ]


def drawn(count: int, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
    """Bright rectangles in noise, their upper corners the landmarks; which one is dark is asked.

    Returns:
        Pixels uint8 (count, 3, 64, 64), and targets of "dark" (count,) and "corners"
        (count, 2, 5).
    """

    def draw(low: int, high: int) -> Tensor:
        return torch.randint(low, high, (count,), generator=generator)

    left, top, width, height = draw(4, 24), draw(4, 24), draw(20, 36), draw(20, 36)
    pictures = torch.randint(0, 100, (count, 3, 64, 64), generator=generator)
    dark = draw(0, 2)
    for number in range(count):
        rows = slice(int(top[number]), int(top[number] + height[number]))
        columns = slice(int(left[number]), int(left[number] + width[number]))
        pictures[number, :, rows, columns] += 150
        corner = int(left[number]) if dark[number] == 0 else int(left[number] + width[number]) - 6
        pictures[number, :, rows.start : rows.start + 6, corner : corner + 6] -= 120
    corners = torch.stack([left, left + width], 1) / 64
    places = torch.stack([corners, (top / 64)[:, None].expand(-1, 2)], 2)
    box = torch.stack([width, height], 1)[:, None].expand(-1, 2, -1) / 64
    target = torch.cat([places, box, torch.ones(count, 2, 1)], 2)
    return pictures.clamp(0, 255).to(torch.uint8), {"dark": dark, "corners": target}


def test_it_learns_landmarks_and_labels_together_from_random_weights() -> None:
    schema = Schema(
        (
            TaskSpec(name="dark", kind="single_label", labels=("left", "right")),
            TaskSpec(name="corners", kind="landmarks", labels=("left corner", "right corner")),
        )
    )
    made = network(options={"widths": [16, 24, 32, 48]}, schema=schema, heatmap_stride=4, hidden=16)
    generator = torch.Generator().manual_seed(3)
    pictures, targets = drawn(512, generator)
    made.fit_to(pictures)
    weights = {"dark": torch.ones(512), "corners": torch.ones(512, 2, 2)}
    loss = MultiTaskLoss(schema, label_counts(schema, targets, weights), {})
    optimiser = torch.optim.AdamW(made.parameters(), lr=3e-3)
    made.train()
    for _ in range(50):
        rows = torch.randint(0, 512, (32,), generator=generator)
        value = loss(
            made.raw(pictures[rows]),
            {name: target[rows] for name, target in targets.items()},
            {name: weight[rows] for name, weight in weights.items()},
        )
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
    pictures, targets = drawn(64, generator)
    with torch.no_grad():
        outputs = made.eval()(pictures)
    away = (outputs["corners"][..., :2] - targets["corners"][..., :2]).norm(dim=2)
    assert float(away.mean()) < 0.04
    assert float((outputs["dark"].argmax(1) == targets["dark"]).float().mean()) > 0.9
