"""Label maps painted from garments, for datasets that outline each garment and no more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lapel.data.reading.base import read_bytes
from lapel.data.reading.on_demand import OnDemand
from lapel.imaging.decode import upright_size
from lapel.imaging.outlines import garment_mask
from lapel.schema.errors import Fault, FormatError
from lapel.schema.garments import Garment
from lapel.schema.labels import TaskSpec
from lapel.schema.masks import BACKGROUND, UNKNOWN_CLASS, ClassMap

PARSING = "parsing"


def parsing_task(labels: Sequence[str]) -> TaskSpec:
    """The task of a painted map: the categories, and ``background`` before them."""
    names = tuple(dict.fromkeys((BACKGROUND, *labels)))
    return TaskSpec(name=PARSING, kind="segmentation", labels=names)


def painted_masks(
    root: Path,
    images: Iterable[str],
    garments: Callable[[str], Sequence[Garment]],
    spec: TaskSpec,
) -> Mapping[str, ClassMap]:
    """The label maps of images, each painted when it is asked for.

    Args:
        root: what image names are relative to.
        images: those whose garments are known.
        garments: from an image to its garments.
        spec: of :func:`parsing_task`.
    """

    def paint(image: str) -> ClassMap:
        width, height = upright_size(read_bytes(root / image), name=image)
        try:
            pixels = painted(garments(image), spec, width, height)
        except ValueError as error:
            raise FormatError([Fault(file=image, found=str(error))]) from error
        return ClassMap(pixels, spec.labels)

    return OnDemand(images, paint)


def painted(
    garments: Sequence[Garment], spec: TaskSpec, width: int, height: int
) -> NDArray[np.uint8]:
    """Garments over one another, larger behind smaller; the rest is background.

    A garment of which only the box is known leaves unknown pixels there.

    Args:
        garments: their categories are labels of ``spec``.
        spec: of :func:`parsing_task`.
        width: of the picture, in pixels.
        height: of the picture, in pixels.

    Returns:
        uint8 (H, W): positions in the labels of ``spec``.

    Raises:
        ValueError: a mask of another size than the picture.
    """
    layers = []
    for garment in garments:
        mask = garment_mask(garment, width, height)
        position = spec.index(garment.part) if mask is not None else UNKNOWN_CLASS
        if mask is None:
            mask = _box_mask(garment, width, height)
        layers.append((int(mask.sum()), mask, position))
    pixels = np.full((height, width), spec.index(BACKGROUND), np.uint8)
    for _, mask, position in sorted(layers, key=lambda layer: -layer[0]):
        pixels[mask] = position
    return pixels


def _box_mask(garment: Garment, width: int, height: int) -> NDArray[np.bool_]:
    mask = np.zeros((height, width), np.bool_)
    if garment.box is not None:
        left, top, across, down = garment.box
        rows = slice(max(0, int(top)), max(0, int(np.ceil(top + down))))
        mask[rows, max(0, int(left)) : max(0, int(np.ceil(left + across)))] = True
    return mask
