"""What may happen to training pictures: whole batches at once, on the device they are on.

Every function but :func:`mix` takes uint8 pixels (N, C, H, W) and a generator, and returns uint8
of the same shape. Whatever is drawn is drawn from that generator alone, so that the same step of
the same run sees the same pictures, however it came there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional

from lapel.training.recipe_parts import AugmentPart

#: Erased rectangles are up to this many times as high as wide, or as wide as high (Zhong et
#: al. 2020, "Random Erasing Data Augmentation", arXiv 1708.04896, section 4).
LARGEST_ASPECT = 3.3
SMALLEST_ERASED_AREA = 0.02

#: Steps in which the distribution function of a Beta is summed.
BETA_GRID = 4096


def augment(pixels: Tensor, options: AugmentPart, generator: Generator) -> Tensor:
    """A batch of training pictures, changed as a recipe asks."""
    if options.crop:
        pixels = crop(pixels, options.crop, generator)
    if options.zoom:
        pixels = zoom_and_shift(pixels, options.zoom, options.shift, generator)
    elif options.shift:
        pixels = shift(pixels, options.shift, generator)
    if options.flip:
        pixels = flip(pixels, options.flip, generator)
    if options.brightness or options.contrast:
        pixels = relight(pixels, options.brightness, options.contrast, generator)
    if options.trivial:
        pixels = trivial(pixels, generator)
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


def crop(pixels: Tensor, most: float, generator: Generator) -> Tensor:
    """Cut away up to a share of each picture's area and enlarge the rest to the full size.

    Height and width are cut by shares of their own, which bends the shape a little, and the
    window lies anywhere (Szegedy et al. 2015, arXiv 1409.4842, section 6, with far milder cuts).
    """
    kept = (1 - most * _uniform(pixels, generator)).sqrt()
    bend = 1 + (1 / kept - 1) * (2 * _uniform(pixels, generator) - 1)
    tall, wide = (kept * bend).clamp(max=1.0), (kept / bend).clamp(max=1.0)
    # The middle of the window, with the whole picture reaching from -1 to 1.
    down = (1 - tall) * (2 * _uniform(pixels, generator) - 1)
    across = (1 - wide) * (2 * _uniform(pixels, generator) - 1)
    zero = torch.zeros_like(tall)
    rows = [torch.stack([wide, zero, across], 1), torch.stack([zero, tall, down], 1)]
    grid = functional.affine_grid(torch.stack(rows, 1), list(pixels.shape), align_corners=False)
    moved = functional.grid_sample(pixels.float(), grid, padding_mode="border", align_corners=False)
    return moved.round().clamp(0, 255).to(torch.uint8)


def trivial(pixels: Tensor, generator: Generator) -> Tensor:
    """One change of any kind and strength for each picture (Müller and Hutter 2021, TrivialAugment,
    arXiv 2103.10158), by torchvision.

    Its changes of colour and shape are strong; labels that speak of colour suffer.
    """
    # Loaded when it is asked for: it takes seconds.
    from torchvision.transforms import v2  # noqa: PLC0415

    change = v2.TrivialAugmentWide()
    seed = int(torch.randint(2**31, (1,), generator=generator, device=generator.device))
    devices = [pixels.device] if pixels.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)  # torchvision draws from torch's own generator
        return torch.stack([change(picture) for picture in pixels])


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """A batch, perhaps with a part of another picture in each.

    Attributes:
        inputs: of the shape and type that came in.
        partners: for each, the place in the batch of the other, int64 (N,); None: not mixed.
        share: how much of each is still its own, 0 to 1.
    """

    inputs: Tensor
    partners: Tensor | None = None
    share: float = 1.0


def mix(inputs: Tensor, options: AugmentPart, generator: Generator) -> Mixture:
    """Mix the pictures of a batch, or what a network made of them, if the recipe asks for it.

    With both asked for, each batch has one of them, by the toss of a coin. As batches have one
    share for all their pictures, a batch is one draw.

    Args:
        inputs: uint8 or float (N, C, H, W).
        options: ``mixup`` (Zhang et al. 2018, arXiv 1710.09412) blends two pictures,
            ``cutmix`` (Yun et al. 2019, arXiv 1905.04899) puts a rectangle of one into the other;
            each is the alpha of a Beta(alpha, alpha) distribution.
        generator: of the step.
    """
    if not options.mixup and not options.cutmix:
        return Mixture(inputs=inputs)
    draws = torch.rand(4, generator=generator, device=generator.device).tolist()
    cut = bool(options.cutmix) and (not options.mixup or draws[0] < 0.5)
    share = _beta(options.cutmix if cut else options.mixup, draws[1])
    partners = torch.randperm(len(inputs), generator=generator, device=generator.device)
    partners = partners.to(inputs.device)
    others = inputs[partners]
    if cut:
        mixed, share = _with_rectangle(inputs, others, share, draws[2], draws[3])
    else:
        mixed = share * inputs.float() + (1 - share) * others.float()
        mixed = mixed.round().to(inputs.dtype) if inputs.dtype == torch.uint8 else mixed
    return Mixture(inputs=mixed.to(inputs.dtype), partners=partners, share=share)


def _with_rectangle(
    inputs: Tensor, others: Tensor, share: float, down: float, across: float
) -> tuple[Tensor, float]:
    height, width = inputs.shape[2:]
    tall, wide = round(height * math.sqrt(1 - share)), round(width * math.sqrt(1 - share))
    top, left = round(down * (height - tall)), round(across * (width - wide))
    mixed = inputs.clone()
    mixed[:, :, top : top + tall, left : left + wide] = others[
        :, :, top : top + tall, left : left + wide
    ]
    return mixed, 1 - tall * wide / (height * width)


def _beta(alpha: float, chance: float) -> float:
    """The value of Beta(alpha, alpha) below which it falls by a chance of 0 to 1.

    By bisection of its distribution function, summed on a grid: torch cannot draw from a Beta
    with a generator of one's own.
    """
    grid = (torch.arange(BETA_GRID, dtype=torch.float64) + 0.5) / BETA_GRID
    density = (grid * (1 - grid)).pow(alpha - 1)
    below = density.cumsum(0) / density.sum()
    place = int(torch.searchsorted(below, torch.tensor(chance, dtype=torch.float64)))
    return float(grid[min(place, BETA_GRID - 1)])


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
