"""The table of backbones: our own small network, and any of timm's by name.

A backbone turns normalised images into a map of features; see :class:`~lapel.models.base.Backbone`.
Where its weights begin is one option of all of them, ``weights``: ``none`` (random),
``pretrained``, a ``.safetensors`` file, or the folder of a former bundle or run.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from lapel.models.adapt import adapt_to_small_images, as_map, drop_unused
from lapel.models.base import Backbone, Level, Stage, stages_of
from lapel.models.hub import cached_weights, hub_answers
from lapel.models.levels import watch
from lapel.models.small import SmallNetwork
from lapel.models.weights import (
    PACKAGES,
    THREE_WAYS,
    check_finite,
    former_model,
    former_place,
    former_tensors,
    packaged_weights,
    put_weights,
)
from lapel.schema.errors import RecipeError, first_line

#: Our own backbones; every other name is looked up in timm.
BACKBONES: dict[str, Callable[..., Backbone]] = {
    "lapel-small": SmallNetwork,
}

#: What most networks shrink a picture by; they have to be told to shrink it by less.
FULL_STRIDE = 32


class TimmBackbone(Backbone):
    """The features of one of timm's networks, as its classifier would get them before pooling.

    A network of tokens gives its map of patches, or, where it was made to answer by its class
    token, that token alone as a map of 1x1.

    Args:
        channels: of the input pictures.
        name: as in ``timm.list_models()``.
        weights: ``none``, ``pretrained``, or a file of weights that timm made.
        small_images: adapt the first layers to pictures under 64 px, see
            :func:`~lapel.models.adapt.adapt_to_small_images`.
        output_stride: pixels of a picture that a step on the features is wide, 8, 16 or 32: below
            32 the upper stages no longer halve their maps and look as far by filters with holes
            (atrous convolutions: Chen et al. 2017, arXiv 1706.05587, section 3.2). Weights stay
            what they are.

    Raises:
        RecipeError: no such network, or its weights cannot be had or do not fit.
    """

    def __init__(
        self,
        channels: int,
        *,
        name: str,
        weights: str = "none",
        small_images: bool = False,
        output_stride: int = FULL_STRIDE,
    ) -> None:
        super().__init__()
        check_name(name)
        self.name = name
        self.network = _timm_network(name, channels, weights, output_stride)
        if small_images:
            adapt_to_small_images(self.network, name)
        config = self.network.pretrained_cfg
        config.pop("state_dict", None)  # a second copy of the weights that were loaded
        size = tuple(config["input_size"][1:])
        #: Height and width, for networks that take one size only.
        self.fixed_size = size if config.get("fixed_input_size") else None
        trial = torch.zeros(1, channels, *size)
        self.width = int(self.network.num_features)
        features = self._as_map(drop_unused(self.network, trial))
        self.stride = max(1, size[-1] // features.shape[-1])

    def forward(self, images: Tensor) -> Tensor:
        """Normalised images (N, C, H, W) to features (N, width, h, w).

        Raises:
            RecipeError: pictures of another size than the network takes.
        """
        height, width = images.shape[2:]
        wanted = self.fixed_size
        if wanted not in {None, (height, width)} and not torch.onnx.is_in_onnx_export():
            raise _wrong_size(self.name, wanted, f"found {height}x{width}")
        try:
            return self._as_map(self.network.forward_features(images))
        except AssertionError as error:  # of networks that take every size but some
            wanted = tuple(self.network.pretrained_cfg["input_size"][1:])
            why = f" ({error})" if str(error) else ""
            raise _wrong_size(self.name, wanted, f"not {height}x{width}{why}") from error

    def _as_map(self, features: Any) -> Tensor:  # noqa: ANN401 - whatever the network gives
        found = as_map(features, self.network)
        if found is None or found.shape[1] != self.width:
            raise RecipeError(
                f"'{self.name}' gives neither a map of features nor tokens; choose another backbone"
            )
        return found

    def stages(self) -> list[Stage]:
        """The stages of a network of filters, the blocks of a transformer; the stem is the first.

        They are timm's groups, which it uses for rates that fall layer by layer.
        """
        from timm.models import group_parameters  # noqa: PLC0415 - loaded with the network

        parameters = dict(self.network.named_parameters())
        try:
            groups = group_parameters(self.network, self._matcher())
        except (AttributeError, AssertionError):  # some few networks do not know theirs
            groups = group_parameters(self.network, _by_children(self.network))
        return stages_of(self.network, [[parameters[name] for name in groups[n]] for n in groups])

    def levels(self, images: Tensor) -> list[Level]:
        """The maps that timm names for those who want several; none of a network of tokens."""
        if getattr(self.network, "output_fmt", "NCHW") != "NCHW":
            return []
        described = getattr(self.network, "feature_info", [])
        entries = described.get_dicts() if hasattr(described, "get_dicts") else described
        parts = dict(self.network.named_modules())
        modules = [parts[entry["module"]] for entry in entries if entry["module"] in parts]
        return watch(self, modules, images)

    def _matcher(self) -> Any:  # noqa: ANN401 - a mapping of patterns or a function, as timm has it
        if not self.name.startswith("vgg"):
            return self.network.group_matcher(coarse=True)
        layers = enumerate(self.network.features)
        pools = [place for place, layer in layers if isinstance(layer, nn.MaxPool2d)]

        def stage(name: str) -> float:
            """A VGG's stages end at its poolings; timm takes each layer for a group."""
            return sum(place < int(name.split(".")[1]) for place in pools)

        return stage


def _by_children(network: nn.Module) -> Callable[[str], int]:
    """Every direct child a stage; parameters of the network's own belong to the lowest."""
    places = {name: place for place, (name, _) in enumerate(network.named_children())}
    return lambda name: places.get(name.partition(".")[0], 0)


def _wrong_size(name: str, wanted: tuple[int, ...] | None, found: str) -> RecipeError:
    height, width = wanted or (224, 224)
    return RecipeError(
        f"'{name}' takes pictures of {height}x{width} px, {found}: "
        f"--set preprocess.height={height} --set preprocess.width={width}"
    )


def _timm_network(name: str, channels: int, weights: str, output_stride: int) -> Any:  # noqa: ANN401 - timm ships no types
    # Imported here: our own networks answer without the seconds that timm takes to load.
    import timm  # noqa: PLC0415

    overlay = None
    # Only where it is asked for: many networks do not take it.
    dilated: dict[str, Any] = (
        {} if output_stride == FULL_STRIDE else {"output_stride": output_stride}
    )
    if weights == "pretrained":
        overlay = _where_pretrained(name)
    elif weights != "none":
        overlay = {"file": weights}
    try:
        network = timm.create_model(
            name,
            pretrained=weights != "none",
            pretrained_cfg_overlay=overlay,
            num_classes=0,
            in_chans=channels,
            **dilated,
        )
    except (RuntimeError, OSError, ValueError, TypeError, SafetensorError, AssertionError) as error:
        if dilated and isinstance(error, (TypeError, AssertionError, NotImplementedError)):
            raise RecipeError(
                f"'{name}' cannot keep its maps at stride {output_stride} ({_type_and_line(error)}"
                "): leave model.options.output_stride out, or choose a backbone of filters such as "
                "tf_efficientnet_lite0, mobilenetv2_100 or resnet50"
            ) from error
        if weights == "none":
            raise RecipeError(
                f"timm cannot make '{name}' as a backbone: {error}; choose another"
            ) from error
        raise _no_weights(name, weights, _type_and_line(error)) from error
    if weights != "none":
        check_finite(network.state_dict(), origin=f"'{name}' ({weights})")
    return network


def _where_pretrained(name: str) -> dict[str, Any]:
    """What tells timm where its weights are: what is on this machine comes first.

    Raises:
        RecipeError: there are none, or they are nowhere on this machine and the hub is out of
            reach.
    """
    import timm  # noqa: PLC0415

    config = timm.get_pretrained_cfg(name)
    if config is None or not config.has_weights:
        raise _no_weights(name, "pretrained", "timm has none for this network")
    cached = cached_weights(config.hf_hub_id, config.hf_hub_filename) if config.hf_hub_id else None
    if cached is not None:
        return {"file": str(cached)}
    package = PACKAGES.get(name.partition(".")[0])
    if package is not None:
        with torch.device("meta"):  # its names are all that is wanted
            names = list(timm.create_model(name).state_dict())
        tensors = packaged_weights(package, names)
        if tensors is not None:
            return {"state_dict": tensors}
    if not hub_answers():
        advice = f", and the package {package.package} is not installed" if package else ""
        raise _no_weights(name, "pretrained", f"timm's hub cannot be reached{advice}")
    return {}


def _no_weights(name: str, weights: str, reason: str) -> RecipeError:
    return RecipeError(
        f"the weights of '{name}' ({weights}) could not be had: {reason}. {THREE_WAYS}"
    )


def _type_and_line(error: Exception) -> str:
    return f"{type(error).__name__}: {first_line(error)[:160]}" if str(error) else repr(error)


def build_backbone(name: str, options: Mapping[str, Any], *, channels: int) -> Backbone:
    """A backbone by name, with random weights unless its options say otherwise.

    Args:
        name: in ``BACKBONES``, or one of timm's.
        options: of the backbone; ``weights`` says where it begins.
        channels: of the pictures.

    Raises:
        RecipeError: no such backbone, options that it does not take, or weights that cannot be
            had or do not fit.
    """
    weights = str(options.get("weights", "none"))
    others = {key: value for key, value in options.items() if key != "weights"}
    if weights in {"none", "pretrained"}:
        return _make(name, others, weights, channels)
    tensors = former_tensors(name, weights)
    if tensors is None:  # a file of timm's own, which timm itself reads
        return _make(name, others, weights, channels)
    backbone = _make(name, others, "none", channels)
    put_weights(backbone, tensors, origin=weights)
    return backbone


def _make(name: str, options: Mapping[str, Any], weights: str, channels: int) -> Backbone:
    try:
        if name not in BACKBONES:
            return TimmBackbone(channels, name=name, weights=weights, **options)
        if weights != "none":
            raise _no_weights(name, weights, "nobody has published any for Lapel's own networks")
        return BACKBONES[name](channels, **options)
    except TypeError as error:
        raise RecipeError(f"model.options do not fit backbone '{name}': {error}") from error


def natural_preprocessing(
    name: str, options: Mapping[str, Any], *, channels: int = 3
) -> dict[str, Any]:
    """How a backbone's weights want their pictures.

    Args:
        name: in ``BACKBONES``, or one of timm's.
        options: of the backbone; with the weights of a former bundle, what that one did.
        channels: of the pictures; for one, mean and deviation are those of the three on average.

    Returns:
        ``height``, ``width`` in px, ``mean`` and ``std`` of pixels scaled to 0..1, a number a
        channel, and ``resample``; empty for our own networks, which take what they are given.

    Raises:
        RecipeError: no such backbone, or a folder without a bundle.
    """
    weights = str(options.get("weights", "none"))
    # These two are words, also where a folder is called so.
    if weights not in {"none", "pretrained"} and former_place(weights).is_dir():
        kept = former_model(former_place(weights)).preprocess
        wanted = ("height", "width", "mean", "std", "resample")
        return {key: kept[key] for key in wanted if key in kept}
    if name in BACKBONES:
        return {}
    check_name(name)
    import timm  # noqa: PLC0415
    from timm.models import PretrainedCfg  # noqa: PLC0415

    config = timm.get_pretrained_cfg(name) or PretrainedCfg()
    _, height, width = config.input_size
    mean, std = list(config.mean), list(config.std)
    if channels == 1:
        mean, std = [sum(mean) / len(mean)], [sum(std) / len(std)]
    resample = config.interpolation if config.interpolation in RESAMPLES else "bicubic"
    return {"height": height, "width": width, "mean": mean, "std": std, "resample": resample}


#: Ways of resizing that our preprocessing knows, by timm's names and ours alike.
RESAMPLES = ("bilinear", "bicubic", "lanczos")


def check_name(name: str) -> None:
    """See that there is a backbone of a name.

    Raises:
        RecipeError: there is none; those that are called nearly so are named.
    """
    if name in BACKBONES:
        return
    import timm  # noqa: PLC0415

    known = [*BACKBONES, *timm.list_models()]
    if name.partition(".")[0] in known:
        return
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(close)}?" if close else "see timm.list_models()"
    raise RecipeError(f"there is no backbone '{name}'; {hint}")
