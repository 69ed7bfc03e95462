"""A small convolutional network for small images, made to learn in seconds on two cores.

Shape, for 28x28: a whitening layer, then stages of `depth` 3x3 convolutions, each stage
halving the picture once, each convolution followed by batch normalisation and GELU.
What each part is worth on Fashion-MNIST is measured in ``docs/models.md``.

Sources: the layout and the frozen whitening layer follow K. Jordan, "94% on CIFAR-10 in
3.29 Seconds on a Single GPU" (arXiv 2404.00498), sections 3.1 and 3.2; written anew here.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from lapel.models.base import Backbone, Level, Stage, stage_of
from lapel.models.levels import watch

#: Added to the eigenvalues before their root, so that flat directions of the patches are not
#: blown up into noise (arXiv 2404.00498, section 3.2).
WHITENING_EPSILON = 5e-4

#: Numbers of patches that are made at once, 128 MiB of float32: patches overlap, so that they are
#: nine times their pictures. The 4,096 pictures of Fashion-MNIST that are looked at have fewer.
PATCHES_AT_ONCE = 2**25


class Whitening(nn.Conv2d):
    """A first layer whose filters are the principal directions of the image patches.

    It is fitted once on training pictures and then frozen: patches (3x3) leave it decorrelated
    and of unit variance, each direction once with each sign, so that the ReLU-like layer behind
    it keeps both. Output: 2 * 9 * channels maps of the input's size.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, 2 * 9 * channels, 3, padding=1, bias=False)
        self.weight.requires_grad = False

    @torch.no_grad()
    def fit(self, images: Tensor) -> None:
        """Set the filters from normalised images, float32 (N, channels, H, W)."""
        variances, directions = torch.linalg.eigh(patch_covariance(images).double())
        scaled = directions / (variances + WHITENING_EPSILON).sqrt()
        filters = scaled.T.to(self.weight.dtype).view(-1, *self.weight.shape[1:])
        self.weight.copy_(torch.cat([filters, -filters]))


def patch_covariance(images: Tensor, at_once: int = PATCHES_AT_ONCE) -> Tensor:
    """Means of the products of any two numbers of a patch (3x3), float32 (9 * C, 9 * C).

    Args:
        images: normalised, float32 (N, C, H, W).
        at_once: numbers of patches that may be held; those of one picture are, however many.
    """
    count, channels, height, width = images.shape
    pictures = max(1, at_once // (9 * channels * height * width))
    sums = torch.stack([_products(some) for some in torch.split(images, pictures)])
    return sums.sum(0) / (count * (height - 2) * (width - 2))


def _products(images: Tensor) -> Tensor:
    """Of any two numbers of a patch, added up over all patches of some pictures."""
    patches = functional.unfold(images, 3).transpose(1, 2).flatten(0, 1)
    return patches.T @ patches


class Convolutions(nn.Module):
    """`depth` convolutions at one width; the first halves the picture by max-pooling."""

    def __init__(self, channels: int, width: int, depth: int, *, residual: bool) -> None:
        super().__init__()
        self.enter = _convolution(channels, width)
        self.enter_norm = nn.BatchNorm2d(width)
        self.convolutions = nn.ModuleList(_convolution(width, width) for _ in range(depth - 1))
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(depth - 1))
        self.residual = residual

    def forward(self, features: Tensor) -> Tensor:
        """(N, channels, H, W) to (N, width, H // 2, W // 2)."""
        # Pooling before the normalisation and the activation: a quarter of the work for both.
        features = functional.max_pool2d(self.enter(features), 2)
        features = functional.gelu(self.enter_norm(features))
        entered = features
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            features = functional.gelu(norm(convolution(features)))
        if self.residual and len(self.convolutions) > 1:
            features = features + entered
        return features


class SmallNetwork(Backbone):
    """The backbone ``lapel-small``.

    Args:
        channels: of the input pictures, 1 or 3.
        widths: channels of each stage; a picture is halved once a stage.
        depth: convolutions a stage; from 3 on a stage may be residual.
        residual: add a stage's entry to its end.
        whitening: whether the first layer is fitted and frozen, or learned like the others.
    """

    has_fitted = True

    def __init__(
        self,
        channels: int,
        *,
        widths: Sequence[int] = (32, 64, 128),
        depth: int = 2,
        residual: bool = False,
        whitening: bool = True,
    ) -> None:
        super().__init__()
        first = Whitening(channels)
        self.first = first if whitening else _convolution(channels, first.out_channels)
        inputs = [first.out_channels, *widths[:-1]]
        self.blocks = nn.Sequential(
            *(
                Convolutions(entered, width, depth, residual=residual)
                for entered, width in zip(inputs, widths, strict=True)
            )
        )
        self.width = widths[-1]
        self.stride = 2 ** len(widths)

    def fit_to(self, images: Tensor) -> None:
        """Fit what is fitted rather than learned, on normalised images (N, C, H, W)."""
        if isinstance(self.first, Whitening):
            self.first.fit(images)

    def stages(self) -> list[Stage]:
        """The first layer with the first block, then a block each."""
        blocks = list(self.blocks)
        if isinstance(self.first, Whitening):
            lowest = stage_of(blocks[0], fitted=[self.first])
        else:
            lowest = stage_of(self.first, blocks[0])
        return [lowest, *(stage_of(block) for block in blocks[1:])]

    def levels(self, images: Tensor) -> list[Level]:
        """What each block gives."""
        return watch(self, list(self.blocks), images)

    def forward(self, images: Tensor) -> Tensor:
        """Normalised images (N, C, H, W) to features (N, width, h, w)."""
        features: Tensor = self.blocks(functional.gelu(self.first(images)))
        return features


def _convolution(channels: int, width: int) -> nn.Conv2d:
    return nn.Conv2d(channels, width, 3, padding=1, bias=False)
