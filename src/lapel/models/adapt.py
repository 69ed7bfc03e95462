"""Ready-made networks as backbones: for small pictures, without what nobody calls, maps of all."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from lapel.schema.errors import RecipeError


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
    features = getattr(network, "features", None)
    if name.startswith("vgg") and isinstance(features, nn.Sequential):
        pools = [place for place, module in enumerate(features) if isinstance(module, nn.MaxPool2d)]
        features[pools[0]] = nn.Identity()
        return
    raise RecipeError(
        f"'{name}' cannot be adapted to small images; leave model.options.small_images out and "
        "give it larger ones with --set preprocess.height=224 --set preprocess.width=224"
    )


@torch.no_grad()
def drop_unused(network: Any, images: Tensor) -> Any:  # noqa: ANN401 - timm ships no types
    """Take out the direct children that ``forward_features`` does not call.

    They belong to the classifier (VGG's two layers of 4096 are 119 million weights) and would be
    saved, averaged and counted for nothing.

    Returns:
        What ``forward_features`` gives for the images.
    """
    called: list[str] = []
    hooks = [
        module.register_forward_hook(lambda *_, name=name: called.append(name.partition(".")[0]))
        for name, module in network.named_modules()
        if name
    ]
    was_training = network.training
    network.eval()
    features = network.forward_features(images)
    network.train(was_training)
    for hook in hooks:
        hook.remove()
    for name, child in network.named_children():
        if name not in called and any(True for _ in child.parameters()):
            setattr(network, name, nn.Identity())
    return features


def as_map(features: Any, network: Any) -> Tensor | None:  # noqa: ANN401 - timm ships no types
    """What ``forward_features`` gives, as a map (N, width, h, w); None where it is none of them.

    Args:
        features: a map in either order of its dimensions, or tokens (N, count, width).
        network: that gave them.
    """
    if not isinstance(features, Tensor) or features.ndim not in {3, 4}:
        return None
    if features.ndim == 4:
        last = getattr(network, "output_fmt", "NCHW") == "NHWC"
        return features.permute(0, 3, 1, 2) if last else features
    if getattr(network, "global_pool", "") == "token":
        return features[:, 0, :, None, None]
    patches = features[:, getattr(network, "num_prefix_tokens", 0) :]
    height = math.isqrt(patches.shape[1])
    # Not `len(patches)`: an exported graph would keep the batch of its example.
    return patches.transpose(1, 2).reshape(patches.shape[0], patches.shape[2], height, -1)
