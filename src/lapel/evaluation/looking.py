"""A second look at some pictures: the maps that show how a network came to its answers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from lapel.evaluation.answers import Showing, look_at
from lapel.imaging.preprocess import Frame
from lapel.inference.engines.base import Engine


class Looker:
    """Runs the network once more, for a few pictures that a page shows.

    Attributes:
        maps: names of the outputs that show something; perhaps none.
    """

    def __init__(
        self, engine: Engine, showing: Showing, maps: tuple[str, ...], *, flip: bool
    ) -> None:
        self.maps = maps
        self._flip = flip
        self._engine = engine
        self._showing = showing
        self._rows = {name: row for row, name in enumerate(showing.names)}

    def answer(self, image: str, task: str) -> tuple[Frame, list[NDArray[np.float32]]]:
        """How the canvas shows a picture, and what is said of it, float32 (1, ...) of a task; where
        mirror images were judged too, also what is said of its own.

        Args:
            image: its name in the dataset.
            task: of the network.

        Raises:
            ImageError: bytes that are no picture we accept.
            StorageError: there is no such file, or it cannot be read.
        """
        pixels, frame = self._showing.picture(self._rows[image])
        looks = look_at(self._engine, pixels[None], [task], flip=self._flip)
        return frame, [look[task] for look in looks]

    def look(self, image: str) -> tuple[Frame, Mapping[str, NDArray[np.float32]]]:
        """How the canvas shows a picture, and its maps, float32 (C, h, w) each.

        Args:
            image: its name in the dataset.

        Raises:
            ImageError: bytes that are no picture we accept.
            StorageError: there is no such file, or it cannot be read.
        """
        pixels, frame = self._showing.picture(self._rows[image])
        found = self._engine.run(pixels[None], self.maps) if self.maps else {}
        return frame, {name: maps[0] for name, maps in found.items()}
