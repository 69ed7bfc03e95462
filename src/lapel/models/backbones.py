"""The table of backbones: our own small network, and any of timm's by name.

A backbone turns normalised images (N, C, H, W) into features (N, width, h, w); it says its
``width``, and may have ``fit_to(images)`` for layers that are fitted rather than learned.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from torch import Tensor, nn

from lapel.models.small import SmallNetwork
from lapel.schema.errors import RecipeError

Backbone = nn.Module

#: Our own backbones; every other name is looked up in timm.
BACKBONES: dict[str, Callable[..., Backbone]] = {
    "lapel-small": SmallNetwork,
}

THREE_WAYS = (
    "Three ways out: run once where there is a network; name a file of timm's weights with "
    "--set model.options.weights=FILE.safetensors; or learn from scratch with "
    "--set model.options.weights=none"
)


class TimmBackbone(nn.Module):
    """The last feature map of one of timm's networks.

    Args:
        channels: of the input pictures.
        name: as in ``timm.list_models()``.
        weights: ``none`` (random), ``pretrained`` (timm's default weights for the name, fetched
            if need be), or a file of weights that timm made, ``.safetensors``.
        small_images: adapt the first layers to pictures under 64 px, see
            :func:`adapt_to_small_images`.

    Raises:
        RecipeError: no such network, or its weights cannot be had or do not fit.
    """

    def __init__(
        self, channels: int, *, name: str, weights: str = "none", small_images: bool = False
    ) -> None:
        super().__init__()
        # Imported here: our own networks answer without the seconds that timm takes to load.
        import timm  # noqa: PLC0415

        _check_name(name, timm.list_models())
        try:
            self.network = timm.create_model(
                name,
                pretrained=weights != "none",
                pretrained_cfg_overlay=_weights_file(weights),
                features_only=True,
                out_indices=(-1,),
                in_chans=channels,
            )
        except (RuntimeError, OSError, ValueError, SafetensorError) as error:
            if weights == "none":
                raise RecipeError(
                    f"timm cannot make '{name}' as a backbone: {error}; choose another"
                ) from error
            raise RecipeError(
                f"the weights of '{name}' ({weights}) could not be had: {_first_line(error)}. "
                f"{THREE_WAYS}"
            ) from error
        self.width: int = features_of(self.network)
        if small_images:
            adapt_to_small_images(self.network, name)

    def forward(self, images: Tensor) -> Tensor:
        """Normalised images (N, C, H, W) to features (N, width, h, w)."""
        features: Tensor = self.network(images)[-1]
        return features


def _weights_file(weights: str) -> dict[str, str] | None:
    if weights in {"none", "pretrained"}:
        return None
    path = Path(weights)
    if path.suffix != ".safetensors" or not path.is_file():
        raise RecipeError(
            f"model.options.weights is none, pretrained, or a file that ends in .safetensors; "
            f"found {weights!r}, which is none of them or is not there"
        )
    return {"file": weights}


def _first_line(error: Exception) -> str:
    return (
        f"{type(error).__name__}: {str(error).splitlines()[0][:160]}" if str(error) else repr(error)
    )


def features_of(network: Any) -> int:  # noqa: ANN401 - timm ships no types
    """Channels of the last feature map of one of timm's networks."""
    return int(network.feature_info.channels()[-1])


def adapt_to_small_images(network: nn.Module, name: str) -> None:
    """Keep a network made for 224 px from shrinking a 28 px picture to nothing.

    ResNets: the 7x7 stride-2 stem becomes 3x3 stride-1 and its max-pool goes (He et al. 2016,
    arXiv 1512.03385, section 4.2, do the same for CIFAR-10). VGGs: the first pooling goes, so
    that 28 px end at 1x1 after the other four.

    Raises:
        RecipeError: a family that this version cannot adapt.
    """
    stem = getattr(network, "conv1", None)
    if isinstance(stem, nn.Conv2d) and hasattr(network, "maxpool"):
        network.conv1 = nn.Conv2d(stem.in_channels, stem.out_channels, 3, padding=1, bias=False)
        network.maxpool = nn.Identity()
        return
    pools = [
        child for child, module in network.named_children() if isinstance(module, nn.MaxPool2d)
    ]
    if name.startswith("vgg") and pools:
        setattr(network, pools[0], nn.Identity())
        return
    raise RecipeError(
        f"'{name}' cannot be adapted to small images; leave model.options.small_images out and "
        "give it larger ones with --set preprocess.height=224 --set preprocess.width=224"
    )


def build_backbone(name: str, options: Mapping[str, Any], *, channels: int) -> Backbone:
    """A backbone by name, with random weights unless its options say otherwise.

    Raises:
        RecipeError: no such backbone, or options that it does not take.
    """
    try:
        if name in BACKBONES:
            return BACKBONES[name](channels, **options)
        return TimmBackbone(channels, name=name, **options)
    except TypeError as error:
        raise RecipeError(f"model.options do not fit backbone '{name}': {error}") from error


def _check_name(name: str, timm_names: list[str]) -> None:
    known = [*BACKBONES, *timm_names]
    if name.partition(".")[0] in known:
        return
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(close)}?" if close else "see timm.list_models()"
    raise RecipeError(f"there is no backbone '{name}'; {hint}")
