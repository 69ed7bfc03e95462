"""Pictures in, vectors out: what a model thinks of a picture before it puts a name to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from lapel.imaging.decode import DEFAULT_LIMITS
from lapel.imaging.preprocess import Prepared
from lapel.inference.boxes import outside, refuse_boxes
from lapel.inference.bundle import Bundle
from lapel.inference.engines.base import Engine
from lapel.inference.engines.table import open_engine
from lapel.inference.pictures import Failure, Picture, as_pictures, file_or_pixels, name_of
from lapel.schema.errors import BundleError, ImageError, UsageError
from lapel.schema.geometry import Box
from lapel.schema.outputs import EMBEDDING

#: Vectors shorter than this have no direction.
SHORTEST = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Embedding:
    """The vector of a picture.

    Attributes:
        image: the picture's name as the caller gave it.
        vector: float32 (width,), of length 1.
    """

    image: str
    vector: NDArray[np.float32]


class Embedder:
    """A bundle ready to turn pictures into vectors.

    Attributes:
        bundle: what it works with.
        width: numbers of a vector.
    """

    def __init__(self, bundle: Bundle, engine: Engine) -> None:
        """Wire a bundle to an engine that runs its network.

        Raises:
            BundleError: its network gives no vectors.
        """
        self.bundle = bundle
        self._engine = engine
        preprocess = bundle.preprocess
        if EMBEDDING not in engine.names or EMBEDDING in (spec.name for spec in bundle.schema):
            raise BundleError(
                f"the network in {bundle.folder} gives no vectors (it has no output "
                f"'{EMBEDDING}'): it was made by an earlier Lapel, or has a task of that name; "
                "train the model again with this one"
            )
        black = np.zeros((1, preprocess.channels, preprocess.height, preprocess.width), np.uint8)
        self.width = self.vectors(black).shape[1]

    @classmethod
    def load(cls, bundle: str | Path, *, engine: str = "auto") -> Self:
        """Open a bundle, or the run that holds one.

        With ``auto`` an engine of fewer digits is never taken: vectors are compared with vectors
        that were made elsewhere.

        Raises:
            BundleError: no bundle there, one that cannot be trusted or run, or one without
                vectors.
            UsageError: no such engine.
        """
        opened = Bundle.load(Path(bundle))
        return cls(opened, open_engine(engine, opened, precise=True))

    def vectors(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Prepared pixels (N, C, height, width) to vectors of length 1, float32 (N, width)."""
        return unit(self._engine.run(pixels, [EMBEDDING])[EMBEDDING])

    def embed(
        self, images: Picture | Iterable[Picture], boxes: Sequence[Box | None] = ()
    ) -> Iterator[Embedding | Failure]:
        """The vector of each picture, in order.

        Args:
            images: paths, bytes of files, or upright pixels uint8 (H, W, 3) or (H, W); a single
                one of these is one picture.
            boxes: where the garment is in each of them, for a model that looks at that alone;
                empty: nobody says.

        Yields:
            The vector, or the failure of a picture that cannot be read or decoded, or of which the
            box shows nothing.

        Raises:
            UsageError: what is no picture, boxes that are not as many as the pictures, or boxes
                for a model that looks at whole pictures.
        """
        if boxes:
            refuse_boxes(self.bundle)
        for index, picture in enumerate(as_pictures(images)):
            if boxes and index >= len(boxes):
                raise UsageError(f"found {len(boxes)} boxes, expected one for each picture")
            name = name_of(picture, index)
            try:
                prepared = self._prepared(picture, name, boxes[index] if boxes else None)
            except ImageError as error:
                yield Failure(image=name, fault=error.fault)
                continue
            yield Embedding(image=name, vector=self.vectors(prepared.pixels[None])[0])

    def _prepared(self, picture: Picture, name: str, box: Box | None) -> Prepared:
        found = file_or_pixels(picture, name=name, limits=DEFAULT_LIMITS)
        preprocess = self.bundle.preprocess
        prepared = (
            preprocess.read(found, name=name, limits=DEFAULT_LIMITS, box=box)
            if isinstance(found, bytes)
            else preprocess.apply(found, box)
        )
        fault = outside(box, prepared.width, prepared.height) if box is not None else ""
        if fault:
            raise ImageError(name, fault)
        return prepared


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Vectors (N, width) brought to length 1; those without a direction become 0."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, SHORTEST), np.float32)
