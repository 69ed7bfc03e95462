"""Backbones of timm: what they give, and where their weights come from."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from huggingface_hub import constants
from PIL import Image
from safetensors.torch import save, save_file
from timm.data.imagenet_info import ImageNetInfo
from torch import Tensor, nn

from lapel.imaging.preprocess import Preprocess
from lapel.inference.bundle import write_bundle
from lapel.models.backbones import build_backbone, natural_preprocessing
from lapel.models.multitask import Architecture, Network
from lapel.models.weights import PACKAGES, packaged_weights
from lapel.schema.errors import RecipeError
from lapel.schema.labels import Schema, TaskSpec

PHOTOS = Path(__file__).parents[3] / "shared" / "data" / "clothing-small" / "validation"

SCHEMA = Schema((TaskSpec(name="category", kind="single_label", labels=("coat", "dress")),))


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As on a machine that never had one: nothing fetched before, and none now."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "nothing"))


def photo(size: int = 64, *, channels: int = 3) -> Tensor:
    return torch.randn(2, channels, size, size, generator=torch.Generator().manual_seed(1))


def features_of(backbone: nn.Module, images: Tensor) -> Tensor:
    with torch.no_grad():
        features: Tensor = backbone.eval()(images)
    return features


def forward_features(network: Any, images: Tensor) -> Tensor:
    features: Tensor = network.eval().forward_features(images)
    return features


def test_the_last_features_are_those_that_the_classifier_saw() -> None:
    """EfficientNet-Lite0 ends in a layer of 1280 channels above its last stage of 320."""
    torch.manual_seed(0)
    backbone = build_backbone("tf_efficientnet_lite0", {}, channels=3)
    torch.manual_seed(0)
    whole = timm.create_model("tf_efficientnet_lite0", num_classes=0).eval()
    assert backbone.width == 1280
    pooled = features_of(backbone, photo()).mean((2, 3))
    assert torch.allclose(pooled, features_of(whole, photo()), atol=1e-5)


def test_a_transformer_answers_by_the_token_that_it_was_made_to_answer_by() -> None:
    for name, prefix in (("test_vit", "token"), ("test_vit2", "patches")):
        torch.manual_seed(0)
        backbone = build_backbone(name, {}, channels=3)
        torch.manual_seed(0)
        tokens = forward_features(timm.create_model(name, num_classes=0), photo(160))
        expected = tokens[:, 0] if prefix == "token" else tokens[:, 1:].mean(1)
        assert torch.allclose(features_of(backbone, photo(160)).mean((2, 3)), expected, atol=1e-5)


def test_what_belongs_to_the_classifier_alone_is_gone() -> None:
    backbone = build_backbone("vgg11_bn", {"small_images": True}, channels=1)
    assert sum(value.numel() for value in backbone.parameters()) < 10_000_000
    assert [len(stage.parameters) for stage in backbone.stages()] == [8, 8, 8, 8]


def test_a_picture_of_a_size_that_a_network_does_not_take_is_refused_with_the_one_it_does() -> None:
    backbone = build_backbone("test_vit", {}, channels=3)
    with pytest.raises(RecipeError, match=r"160x160 px, found 64x64.*preprocess\.height=160"):
        backbone(photo(64))


def test_a_network_without_one_map_of_features_is_refused() -> None:
    with pytest.raises(RecipeError, match="'coat_tiny' gives neither a map of features nor tokens"):
        build_backbone("coat_tiny", {}, channels=3)


def test_a_network_that_does_not_know_its_stages_has_its_parts_for_stages() -> None:
    backbone = build_backbone("pit_ti_224", {}, channels=3)
    held = [id(parameter) for stage in backbone.stages() for parameter in stage.parameters]
    assert len(backbone.stages()) > 2
    assert sorted(held) == sorted(id(parameter) for parameter in backbone.parameters())


def test_preprocessing_comes_with_the_weights() -> None:
    found = natural_preprocessing("tf_efficientnet_lite1", {})
    assert found == {
        "height": 240,
        "width": 240,
        "mean": [0.5, 0.5, 0.5],
        "std": [0.5, 0.5, 0.5],
        "resample": "bicubic",
    }
    grey = natural_preprocessing("resnet18", {"weights": "pretrained"}, channels=1)
    assert grey["mean"] == [pytest.approx((0.485 + 0.456 + 0.406) / 3)]
    assert natural_preprocessing("lapel-small", {}) == {}
    with pytest.raises(RecipeError, match="did you mean resnet18"):
        natural_preprocessing("resnet-18", {})


@pytest.mark.usefixtures("no_network")
def test_without_a_network_weights_come_from_the_package() -> None:
    backbone = build_backbone("tf_efficientnet_lite0", {"weights": "pretrained"}, channels=3)
    grey = build_backbone("tf_efficientnet_lite0", {"weights": "pretrained"}, channels=1)
    stem = backbone.get_parameter("network.conv_stem.weight")
    assert stem.std() > 0.1
    # A grey picture goes through the sum of the three colours' filters.
    narrow = grey.get_parameter("network.conv_stem.weight")
    assert torch.allclose(stem.sum(1, keepdim=True), narrow, atol=1e-5)
    assert torch.equal(
        backbone.get_parameter("network.conv_head.weight"),
        grey.get_parameter("network.conv_head.weight"),
    )


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("name", ["resnet18", "lapel-small"])
def test_without_a_network_and_a_package_the_ways_out_are_told(name: str) -> None:
    with pytest.raises(RecipeError) as refusal:
        build_backbone(name, {"weights": "pretrained"}, channels=3)
    message = str(refusal.value)
    assert "Three ways out" in message
    assert "weights=PATH" in message
    assert "weights=none" in message


def test_a_package_whose_file_was_changed_is_not_trusted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    package = PACKAGES["tf_efficientnet_lite2"]
    folder = tmp_path / package.module / "models"
    folder.mkdir(parents=True)
    (folder / package.file).write_bytes(b"something else")
    (tmp_path / package.module / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(RecipeError, match="not the file that is known"):
        packaged_weights(package, [])


def test_the_packaged_weights_know_the_clothes_of_imagenet() -> None:
    """With the classifier that comes along, real photos are what ImageNet calls them."""
    if not PHOTOS.is_dir():
        pytest.skip(f"no photos at {PHOTOS}")
    network = timm.create_model("tf_efficientnet_lite0")
    names = list(network.state_dict())
    weights = packaged_weights(PACKAGES["tf_efficientnet_lite0"], names)
    assert weights is not None
    assert len(weights) == 247
    network.load_state_dict(weights, strict=False)
    words = ImageNetInfo()
    for folder, meant in (
        ("pants", ("jean",)),
        ("t-shirt", ("T-shirt",)),
        ("shoes", ("shoe", "Loafer", "sandal", "clog", "boot")),
    ):
        files = sorted((PHOTOS / folder).iterdir())[:12]
        outputs = features_of(network, torch.stack([_as_wanted(file) for file in files]))
        said = [words.index_to_description(place) for place in outputs.argmax(1).tolist()]
        assert sum(any(word in answer for word in meant) for answer in said) >= 7, said


def _as_wanted(file: Path) -> Tensor:
    with Image.open(file) as picture:
        pixels = np.array(picture.convert("RGB").resize((224, 224), Image.Resampling.BICUBIC))
    return torch.from_numpy(pixels).permute(2, 0, 1).float() / 127.5 - 1


def save_weights(path: Path, tensors: Mapping[str, Tensor]) -> None:
    save_file({name: value.contiguous() for name, value in tensors.items()}, path)


def test_weights_come_from_a_file_of_timms(tmp_path: Path) -> None:
    torch.manual_seed(3)
    source = timm.create_model("test_efficientnet")
    path = tmp_path / "weights.safetensors"
    save_weights(path, source.state_dict())
    backbone = build_backbone("test_efficientnet", {"weights": str(path)}, channels=3)
    assert torch.allclose(
        features_of(backbone, photo()), forward_features(source, photo()), atol=1e-5
    )


@pytest.mark.parametrize("content", [None, b"no weights"])
def test_a_file_that_holds_no_weights_is_refused(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RecipeError, match=r"weights\.safetensors"):
        build_backbone("test_efficientnet", {"weights": str(path)}, channels=3)


def test_weights_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    state = timm.create_model("test_efficientnet").state_dict()
    state["conv_head.weight"][0] = float("nan")
    save_weights(tmp_path / "weights.safetensors", state)
    with pytest.raises(RecipeError, match=r"no numbers \(in conv_head\.weight\)"):
        build_backbone(
            "test_efficientnet", {"weights": str(tmp_path / "weights.safetensors")}, channels=3
        )


def former_bundle(folder: Path, backbone: str, options: Mapping[str, Any]) -> Network:
    """A bundle of an untrained network, as a run would leave it."""
    torch.manual_seed(9)
    architecture = Architecture(backbone=backbone, options=options, mean=[0.3] * 3, std=[0.2] * 3)
    network = Network(SCHEMA, architecture)
    network.fit_to(torch.randint(0, 256, (64, 3, 32, 32), dtype=torch.uint8))
    contents = {name: value.contiguous() for name, value in network.state_dict().items()}
    write_bundle(
        folder,
        name="former",
        schema=SCHEMA,
        preprocess=Preprocess(
            height=32,
            width=48,
            channels=3,
            fit="letterbox",
            resample="bilinear",
            mean=(0.3, 0.3, 0.3),
            std=(0.2, 0.2, 0.2),
        ),
        architecture=architecture.to_json(),
        calibration={},
        scores={},
        provenance={},
        model_onnx=b"not asked",
        weights=save(contents),
        card="",
        seen={},
    )
    return network


SMALL = {"widths": [8, 16]}


@pytest.mark.parametrize("place", ["bundle", "run", "file"])
@pytest.mark.parametrize(
    ("name", "options"), [("lapel-small", SMALL), ("test_efficientnet", {})], ids=["ours", "timms"]
)
def test_a_former_model_lends_its_backbone(
    place: str, name: str, options: Mapping[str, Any], tmp_path: Path
) -> None:
    former = former_bundle(tmp_path / "run" / "bundle", name, options)
    where = {
        "bundle": tmp_path / "run" / "bundle",
        "run": tmp_path / "run",
        "file": tmp_path / "run" / "bundle" / "weights.safetensors",
    }[place]
    beginning = {**options, "weights": str(where)}
    architecture = Architecture(backbone=name, options=beginning, mean=[0.3] * 3, std=[0.2] * 3)
    network = Network(SCHEMA, architecture)
    # What was fitted to the former's pictures came along and is not fitted anew.
    network.fit_to(torch.randint(0, 30, (64, 3, 32, 32), dtype=torch.uint8))
    assert network.has_learned
    expected = former.backbone.state_dict()
    for key, value in network.backbone.state_dict().items():
        assert torch.equal(value, expected[key]), key
    if place != "file":
        assert natural_preprocessing(name, beginning)["width"] == 48


def test_a_former_model_of_another_kind_is_refused(tmp_path: Path) -> None:
    former_bundle(tmp_path / "bundle", "lapel-small", SMALL)
    weights = {"weights": str(tmp_path / "bundle")}
    with pytest.raises(RecipeError, match=r"model\.backbone=lapel-small fits it"):
        build_backbone("test_efficientnet", weights, channels=3)
    with pytest.raises(RecipeError, match="has shape"):
        build_backbone("lapel-small", {"widths": [8, 24], **weights}, channels=3)
    with pytest.raises(RecipeError, match="is missing"):
        build_backbone("lapel-small", {"widths": [8, 16, 32], **weights}, channels=3)
    with pytest.raises(RecipeError, match="has shape"):
        build_backbone("lapel-small", {**SMALL, **weights}, channels=1)


def test_a_former_model_that_was_changed_is_refused(tmp_path: Path) -> None:
    former_bundle(tmp_path / "bundle", "lapel-small", SMALL)
    path = tmp_path / "bundle" / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(RecipeError, match="was changed since"):
        build_backbone("lapel-small", {**SMALL, "weights": str(tmp_path / "bundle")}, channels=3)


@pytest.mark.parametrize("content", [None, "no JSON", json.dumps({"architecture": {}})])
def test_a_folder_that_holds_no_model_is_refused(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "lapel.json").write_text(content)
    with pytest.raises(RecipeError, match=r"lapel\.json"):
        build_backbone("lapel-small", {**SMALL, "weights": str(tmp_path)}, channels=3)


#: The networks of the published results that are to be reproduced, each by its widest features.
OF_THE_FIELD = {
    "resnet34": 512,
    "mobilenetv2_100": 1280,
    "seresnext50_32x4d": 2048,
}


@pytest.mark.parametrize("name", OF_THE_FIELD)
def test_networks_of_the_field_are_backbones(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        backbone = build_backbone(name, {}, channels=3)
    assert backbone.width == OF_THE_FIELD[name]
    assert len(backbone.stages()) >= 5


def test_a_folder_that_is_called_like_a_word_is_not_looked_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for word in ("pretrained", "none"):
        (tmp_path / word).mkdir()
        assert natural_preprocessing("resnet18", {"weights": word})["height"] == 224
