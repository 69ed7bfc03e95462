"""What may happen to training pictures: whole batches at once, on the device they are on.

Every function takes pixels (N, C, H, W) and a generator. Whatever is drawn is drawn from that
generator alone, so that the same step of the same run sees the same pictures, however it came
there. What moves a picture's contents is in ``moving``, what mixes two in ``mixing``.
"""

from __future__ import annotations

import math
from functools import reduce

import torch
from torch import Generator, Tensor

from lapel.training.input.draws import drawn, uniform
from lapel.training.input.moving import (
    Moved,
    after,
    crop_windows,
    flip,
    looked_at,
    rotate_windows,
    shift,
    unmoved,
    zoom_windows,
)
from lapel.training.recipe_parts import AugmentPart

#: Erased rectangles are up to this many times as high as wide, or as wide as high (Zhong et
#: al. 2020, "Random Erasing Data Augmentation", arXiv 1708.04896, section 4).
LARGEST_ASPECT = 3.3
SMALLEST_ERASED_AREA = 0.02


def augment(pixels: Tensor, options: AugmentPart, generator: Generator) -> Moved:
    """A batch of training pictures, changed as a recipe asks, and how its contents moved.

    ``trivial`` may move them too, and does not say how: who needs places cannot ask for it.
    """
    pixels, moves = _moved(pixels, options, generator)
    if options.brightness or options.contrast:
        pixels = relight(pixels, options.brightness, options.contrast, generator)
    if options.trivial:
        pixels = trivial(pixels, generator)
    if options.erase:
        pixels = erase(pixels, options.erase, options.erase_area, generator)
    return Moved(pixels, moves)


def _moved(pixels: Tensor, options: AugmentPart, generator: Generator) -> Moved:
    """The changes that move contents, in their order.

    Those that look through windows are joined to one look: then every pixel shows the place that
    the moves lead back to, wherever one of them by itself would have led.
    """
    windows = _windows(pixels, options, generator)
    so_far = unmoved(pixels) if windows is None else looked_at(pixels, windows)
    if options.shift and windows is None:
        so_far = shift(pixels, options.shift, generator)
    if options.flip:
        turned = flip(so_far.pixels, options.flip, generator)
        so_far = Moved(turned.pixels, after(so_far.moves, turned.moves))
    return so_far


def _windows(pixels: Tensor, options: AugmentPart, generator: Generator) -> Tensor | None:
    """Through what pictures are looked at; None where a recipe asks for nothing of the kind."""
    found = []
    if options.crop:
        found.append(crop_windows(pixels, options.crop, generator))
    if options.rotate:
        found.append(rotate_windows(pixels, options.rotate, generator))
    if options.zoom or (options.shift and found):
        found.append(zoom_windows(pixels, options.zoom, options.shift, generator))
    return reduce(lambda first, second: after(second, first), found) if found else None


def trivial(pixels: Tensor, generator: Generator) -> Tensor:
    """One change of any kind and strength for each picture (Müller and Hutter 2021, TrivialAugment,
    arXiv 2103.10158), by torchvision.

    Its changes of colour and shape are strong; labels that speak of colour suffer.
    """
    # Loaded when it is asked for: it takes seconds.
    from torchvision.transforms import v2  # noqa: PLC0415

    change = v2.TrivialAugmentWide()

    def seeds(count: int) -> Tensor:
        return torch.randint(2**31, (count,), generator=generator, device=generator.device)

    changed = []
    devices = [pixels.device] if pixels.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        # torchvision draws from torch's own generator, each picture as often as it likes.
        for picture, seed in zip(pixels, drawn(pixels, generator, seeds).tolist(), strict=True):
            torch.manual_seed(seed)
            changed.append(change(picture))
    return torch.stack(changed)


def relight(pixels: Tensor, brightness: float, contrast: float, generator: Generator) -> Tensor:
    """Multiply light by 1 +- brightness, and the distance from the mean by 1 +- contrast."""
    values = pixels.float()
    light = 1 + brightness * (2 * uniform(pixels, generator) - 1)[:, None, None, None]
    distance = 1 + contrast * (2 * uniform(pixels, generator) - 1)[:, None, None, None]
    mean = values.mean((1, 2, 3), keepdim=True)
    return (light * (mean + distance * (values - mean))).round().clamp(0, 255).to(torch.uint8)


def erase(pixels: Tensor, share: float, largest_area: float, generator: Generator) -> Tensor:
    """Put a rectangle of noise over a share of the pictures (Zhong et al. 2020)."""
    height, width = pixels.shape[2:]
    smallest = min(SMALLEST_ERASED_AREA, largest_area)
    area = smallest + (largest_area - smallest) * uniform(pixels, generator)
    aspect = torch.exp((2 * uniform(pixels, generator) - 1) * math.log(LARGEST_ASPECT))
    tall = (area * aspect).sqrt().clamp(max=1.0) * height
    wide = (area / aspect).sqrt().clamp(max=1.0) * width
    in_rows = _span(tall, height, uniform(pixels, generator))
    in_columns = _span(wide, width, uniform(pixels, generator))
    chosen = uniform(pixels, generator) < share
    erased = in_rows[:, :, None] & in_columns[:, None, :] & chosen[:, None, None]

    def noise(count: int) -> Tensor:
        shape, device = (count, *pixels.shape[1:]), pixels.device
        return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator, device=device)

    return torch.where(erased[:, None], drawn(pixels, generator, noise), pixels)


def _span(length: Tensor, size: int, place: Tensor) -> Tensor:
    """For each picture, which of `size` positions lie in a stretch of `length` (N, size)."""
    start = (place * (size - length))[:, None]
    positions = torch.arange(size, device=length.device)[None]
    return (positions >= start) & (positions < start + length[:, None])
