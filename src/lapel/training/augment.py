"""What may happen to training pictures: whole batches at once, on the device they are on.

Every function takes uint8 pixels (N, C, H, W) and a generator, and returns uint8 of the same
shape. Whatever is drawn is drawn from that generator alone, so that the same step of the same
run sees the same pictures, however it came there.
"""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional

from lapel.training.recipe import AugmentPart

#: Erased rectangles are up to this many times as high as wide, or as wide as high (Zhong et
#: al. 2020, "Random Erasing Data Augmentation", arXiv 1708.04896, section 4).
LARGEST_ASPECT = 3.3
SMALLEST_ERASED_AREA = 0.02


def augment(pixels: Tensor, options: AugmentPart, generator: Generator) -> Tensor:
    """A batch of training pictures, changed as a recipe asks."""
    if options.zoom:
        pixels = zoom_and_shift(pixels, options.zoom, options.shift, generator)
    elif options.shift:
        pixels = shift(pixels, options.shift, generator)
    if options.flip:
        pixels = flip(pixels, options.flip, generator)
    if options.brightness or options.contrast:
        pixels = relight(pixels, options.brightness, options.contrast, generator)
    if options.erase:
        pixels = erase(pixels, options.erase, options.erase_area, generator)
    return pixels


def flip(pixels: Tensor, share: float, generator: Generator) -> Tensor:
    """Mirror a share of the pictures left to right."""
    mirrored = _uniform(pixels, generator) < share
    return torch.where(mirrored[:, None, None, None], pixels.flip(3), pixels)


def shift(pixels: Tensor, distance: int, generator: Generator) -> Tensor:
    """Move each picture by up to `distance` whole pixels each way; what comes in is black."""
    count, _, height, width = pixels.shape
    padded = functional.pad(pixels, (distance,) * 4)
    top, left = (
        torch.randint(0, 2 * distance + 1, (count, 1), generator=generator, device=pixels.device)
        for _ in range(2)
    )
    rows = top + torch.arange(height, device=pixels.device)
    columns = left + torch.arange(width, device=pixels.device)
    picture = torch.arange(count, device=pixels.device)[:, None, None]
    # Indexing puts the channels last; they go back to where they belong.
    return padded[picture, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def zoom_and_shift(pixels: Tensor, zoom: float, distance: int, generator: Generator) -> Tensor:
    """Enlarge or shrink each picture by up to `zoom` and move it; the border is repeated."""
    height, width = pixels.shape[2:]
    scale = 1 + zoom * (2 * _uniform(pixels, generator) - 1)
    across = (2 * _uniform(pixels, generator) - 1) * 2 * distance / width
    down = (2 * _uniform(pixels, generator) - 1) * 2 * distance / height
    zero = torch.zeros_like(scale)
    rows = [torch.stack([1 / scale, zero, across], 1), torch.stack([zero, 1 / scale, down], 1)]
    grid = functional.affine_grid(torch.stack(rows, 1), list(pixels.shape), align_corners=False)
    moved = functional.grid_sample(pixels.float(), grid, padding_mode="border", align_corners=False)
    return moved.round().clamp(0, 255).to(torch.uint8)


def relight(pixels: Tensor, brightness: float, contrast: float, generator: Generator) -> Tensor:
    """Multiply light by 1 +- brightness, and the distance from the mean by 1 +- contrast."""
    values = pixels.float()
    light = 1 + brightness * (2 * _uniform(pixels, generator) - 1)[:, None, None, None]
    distance = 1 + contrast * (2 * _uniform(pixels, generator) - 1)[:, None, None, None]
    mean = values.mean((1, 2, 3), keepdim=True)
    return (light * (mean + distance * (values - mean))).round().clamp(0, 255).to(torch.uint8)


def erase(pixels: Tensor, share: float, largest_area: float, generator: Generator) -> Tensor:
    """Put a rectangle of noise over a share of the pictures (Zhong et al. 2020)."""
    height, width = pixels.shape[2:]
    smallest = min(SMALLEST_ERASED_AREA, largest_area)
    area = smallest + (largest_area - smallest) * _uniform(pixels, generator)
    aspect = torch.exp((2 * _uniform(pixels, generator) - 1) * math.log(LARGEST_ASPECT))
    tall = (area * aspect).sqrt().clamp(max=1.0) * height
    wide = (area / aspect).sqrt().clamp(max=1.0) * width
    in_rows = _span(tall, height, _uniform(pixels, generator))
    in_columns = _span(wide, width, _uniform(pixels, generator))
    chosen = _uniform(pixels, generator) < share
    erased = in_rows[:, :, None] & in_columns[:, None, :] & chosen[:, None, None]
    noise = torch.randint(
        0, 256, pixels.shape, dtype=torch.uint8, generator=generator, device=pixels.device
    )
    return torch.where(erased[:, None], noise, pixels)


def _span(length: Tensor, size: int, place: Tensor) -> Tensor:
    """For each picture, which of `size` positions lie in a stretch of `length` (N, size)."""
    start = (place * (size - length))[:, None]
    positions = torch.arange(size, device=length.device)[None]
    return (positions >= start) & (positions < start + length[:, None])


def _uniform(pixels: Tensor, generator: Generator) -> Tensor:
    return torch.rand(len(pixels), generator=generator, device=pixels.device)
