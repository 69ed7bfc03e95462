"""Changes to ready-made networks: for small pictures, and without what nobody calls."""

from __future__ import annotations

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
def drop_unused(network: Any, images: Tensor) -> Tensor:  # noqa: ANN401 - timm ships no types
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
    features: Tensor = network.forward_features(images)
    network.train(was_training)
    for hook in hooks:
        hook.remove()
    for name, child in network.named_children():
        if name not in called and any(True for _ in child.parameters()):
            setattr(network, name, nn.Identity())
    return features
