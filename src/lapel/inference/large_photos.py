"""Predictions about photos larger than a network's canvas, made of overlapping tiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from lapel.imaging.preprocess import Frame
from lapel.inference.bundle import Bundle
from lapel.inference.engines.base import Engine
from lapel.inference.tiles import Tiling, look_in_tiles
from lapel.schema.errors import UsageError

#: Kinds of task of which tiles say what the whole photo would: each pixel is answered for itself.
TILED = ("segmentation",)


class LargePhotos:
    """Lets a network look at photos in tiles, if there is more of them than one tile holds.

    Raises:
        UsageError: a size below the canvas's shorter side, or a model that answers about whole
            photos.
    """

    def __init__(
        self,
        bundle: Bundle,
        engine: Engine,
        size: int,
        *,
        shapes: Mapping[str, tuple[int, ...]],
        batch: int,
    ) -> None:
        """Find out how photos are cut.

        Args:
            bundle: schema and preprocessing.
            engine: runs its network.
            size: longer side of a tile, in pixels of the photo.
            shapes: task to the shape of its output for one picture.
            batch: tiles at a time.
        """
        self.tiling = _tiling(bundle, size, shapes)
        self._preprocess = bundle.preprocess
        self._engine = engine
        self._tasks = [spec.name for spec in bundle.schema]
        self._batch = batch

    def look(self, pixels: NDArray[np.uint8]) -> tuple[dict[str, NDArray[np.float32]], Frame]:
        """What the network says of a photo, task to float32 (1, L, h, w), and of which canvas.

        Args:
            pixels: of the upright photo, uint8 (H, W, 3) or (H, W).
        """
        height, width = pixels.shape[:2]
        if self.tiling.holds(width, height):
            return self._run([pixels]), self._preprocess.frame(width, height)
        outputs = look_in_tiles(
            pixels, self.tiling, self._run, batch=self._batch, fill=self._preprocess.fill
        )
        return outputs, self.tiling.frame(width, height)

    def _run(self, pictures: Sequence[NDArray[np.uint8]]) -> dict[str, NDArray[np.float32]]:
        shown = [self._preprocess.apply(np.ascontiguousarray(one)).pixels for one in pictures]
        return self._engine.run(np.stack(shown), self._tasks)


def _tiling(bundle: Bundle, size: int, shapes: Mapping[str, tuple[int, ...]]) -> Tiling:
    others = [spec.name for spec in bundle.schema if spec.kind not in TILED]
    if others:
        raise UsageError(
            f"the model {bundle.name} answers about the whole photo too ({', '.join(others)}), "
            "which a tile does not show; leave out the tile size, or take a model whose tasks are "
            f"all {' or '.join(TILED)}"
        )
    least = min(bundle.preprocess.width, bundle.preprocess.height)
    if size < least:
        raise UsageError(
            f"tiles of {size}: expected {least} pixels or more, the shorter side of the model's "
            "canvas; smaller ones would only be enlarged, and there would be very many of them"
        )
    outputs = {shape[-2:] for shape in shapes.values()}
    if len(outputs) > 1:
        found = ", ".join(f"{task} {shape}" for task, shape in shapes.items())
        raise UsageError(
            f"the tasks of {bundle.name} are answered at different resolutions ({found}), so that "
            "their tiles do not fit; leave out the tile size"
        )
    ((rows, columns),) = outputs
    return Tiling.of(size, (rows, columns))
