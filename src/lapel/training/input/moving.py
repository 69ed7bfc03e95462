"""What moves the contents of training pictures, and by how much: so that places can follow.

Every function takes uint8 pixels (N, C, H, W) and a generator, and returns the moved pixels with
the moves: float32 (N, 2, 3), from a place (x, y, 1) on the canvas to where it is now. Places are
shares of the canvas: its left edge is 0, its right edge 1, whatever its size in pixels.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Generator, Tensor
from torch.nn import functional

from lapel.training.input.draws import drawn, uniform


class Moved(NamedTuple):
    """Pictures, and how they were moved.

    Attributes:
        pixels: uint8 (N, C, H, W).
        moves: float32 (N, 2, 3), from places as they were to places as they are.
    """

    pixels: Tensor
    moves: Tensor


def unmoved(pixels: Tensor) -> Moved:
    """Pictures as they are."""
    return Moved(pixels, torch.eye(2, 3, device=pixels.device).repeat(len(pixels), 1, 1))


def after(first: Tensor, second: Tensor) -> Tensor:
    """The moves of two changes, one after the other, as one."""
    linear = second[:, :, :2] @ first[:, :, :2]
    offset = second[:, :, :2] @ first[:, :, 2:] + second[:, :, 2:]
    return torch.cat([linear, offset], 2)


def flip(pixels: Tensor, share: float, generator: Generator) -> Moved:
    """Mirror a share of the pictures left to right."""
    mirrored = uniform(pixels, generator) < share
    turned = torch.where(mirrored[:, None, None, None], pixels.flip(3), pixels)
    zero = torch.zeros(len(pixels), device=pixels.device)
    across = torch.where(mirrored, -1.0, 1.0)
    return Moved(turned, _rows([across, zero, mirrored.float()], [zero, zero + 1, zero]))


def shift(pixels: Tensor, distance: int, generator: Generator) -> Moved:
    """Move each picture by up to `distance` whole pixels each way; what comes in is black."""
    count, _, height, width = pixels.shape
    padded = functional.pad(pixels, (distance,) * 4)

    def ways(number: int) -> Tensor:
        return torch.randint(
            0, 2 * distance + 1, (number, 1), generator=generator, device=pixels.device
        )

    top, left = (drawn(pixels, generator, ways) for _ in range(2))
    rows = top + torch.arange(height, device=pixels.device)
    columns = left + torch.arange(width, device=pixels.device)
    picture = torch.arange(count, device=pixels.device)[:, None, None]
    # Indexing puts the channels last; they go back to where they belong.
    shifted = padded[picture, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
    across, down = (distance - left[:, 0]) / width, (distance - top[:, 0]) / height
    zero = torch.zeros_like(across)
    return Moved(shifted, _rows([zero + 1, zero, across], [zero, zero + 1, down]))


def zoom_and_shift(pixels: Tensor, zoom: float, distance: int, generator: Generator) -> Moved:
    """Enlarge or shrink each picture by up to `zoom` and move it; the border is repeated."""
    return looked_at(pixels, zoom_windows(pixels, zoom, distance, generator))


def zoom_windows(pixels: Tensor, zoom: float, distance: int, generator: Generator) -> Tensor:
    """The windows of :func:`zoom_and_shift`."""
    height, width = pixels.shape[2:]
    scale = 1 + zoom * (2 * uniform(pixels, generator) - 1)
    across = (2 * uniform(pixels, generator) - 1) * 2 * distance / width
    down = (2 * uniform(pixels, generator) - 1) * 2 * distance / height
    zero = torch.zeros_like(scale)
    return _rows([1 / scale, zero, across], [zero, 1 / scale, down])


def crop(pixels: Tensor, most: float, generator: Generator) -> Moved:
    """Cut away up to a share of each picture's area and enlarge the rest to the full size.

    Height and width are cut by shares of their own, which bends the shape a little, and the
    window lies anywhere (Szegedy et al. 2015, arXiv 1409.4842, section 6, with far milder cuts).
    """
    return looked_at(pixels, crop_windows(pixels, most, generator))


def crop_windows(pixels: Tensor, most: float, generator: Generator) -> Tensor:
    """The windows of :func:`crop`."""
    kept = (1 - most * uniform(pixels, generator)).sqrt()
    bend = 1 + (1 / kept - 1) * (2 * uniform(pixels, generator) - 1)
    tall, wide = (kept * bend).clamp(max=1.0), (kept / bend).clamp(max=1.0)
    # The middle of the window, with the whole picture reaching from -1 to 1.
    down = (1 - tall) * (2 * uniform(pixels, generator) - 1)
    across = (1 - wide) * (2 * uniform(pixels, generator) - 1)
    zero = torch.zeros_like(tall)
    return _rows([wide, zero, across], [zero, tall, down])


def rotate(pixels: Tensor, degrees: float, generator: Generator) -> Moved:
    """Turn each picture about its middle by up to so many degrees; the border is repeated."""
    return looked_at(pixels, rotate_windows(pixels, degrees, generator))


def rotate_windows(pixels: Tensor, degrees: float, generator: Generator) -> Tensor:
    """The windows of :func:`rotate`."""
    height, width = pixels.shape[2:]
    angle = math.radians(degrees) * (2 * uniform(pixels, generator) - 1)
    cosine, sine = angle.cos(), angle.sin()
    zero = torch.zeros_like(angle)
    # A turn is one in pixels, which need not be as wide as high in shares of the canvas.
    rows = [cosine, -sine * height / width, zero], [sine * width / height, cosine, zero]
    return _rows(*rows)


def looked_at(pixels: Tensor, windows: Tensor) -> Moved:
    """Each picture as it is seen through a window, stretched to the full size.

    Windows through which windows are looked through are joined by ``after(second, first)``: so
    pictures are sampled once, and what one change loses is not missing in the next.

    Args:
        pixels: uint8 (N, C, H, W).
        windows: float32 (N, 2, 3), from a place of the new picture to the place of the old one
            that is seen there; both reach from -1 to 1.
    """
    grid = functional.affine_grid(windows, list(pixels.shape), align_corners=False)
    seen = functional.grid_sample(pixels.float(), grid, padding_mode="border", align_corners=False)
    # The way from old to new, and from -1..1 to 0..1.
    linear = _inverse(windows[:, :, :2])
    offset = -(linear @ windows[:, :, 2:])
    offset = (offset + 1 - linear.sum(2, keepdim=True)) / 2
    return Moved(seen.round().clamp(0, 255).to(torch.uint8), torch.cat([linear, offset], 2))


def _inverse(linear: Tensor) -> Tensor:
    """The inverses of matrices (N, 2, 2), none of which is singular."""
    (a, b), (c, d) = linear[:, 0].unbind(1), linear[:, 1].unbind(1)
    turned = torch.stack([torch.stack([d, -b], 1), torch.stack([-c, a], 1)], 1)
    return turned / (a * d - b * c)[:, None, None]


def _rows(first: list[Tensor], second: list[Tensor]) -> Tensor:
    """Two rows of three numbers, each (N,), as matrices float32 (N, 2, 3)."""
    return torch.stack([torch.stack(first, 1), torch.stack(second, 1)], 1).float()
