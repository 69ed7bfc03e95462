"""torch as an engine: for a GPU, and as what exports are compared with.

It is the one part of learning that prediction may reach, by name alone
(``lapel.inference.engines.table``): nothing else there knows torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load

from lapel.imaging.preprocess import Preprocess
from lapel.models.multitask import Architecture, Network
from lapel.models.networks import build_network
from lapel.models.weights import check_finite
from lapel.schema.errors import BundleError, RecipeError, first_line
from lapel.schema.labels import Schema

#: What a bundle's description of a network holds beside what it is built of.
BESIDE = ("parameters",)


class TorchEngine:
    """torch in float32, on a GPU where there is one; convolutions there may be in TF32, which is
    torch's default.

    Sums are done in another order for other batches: answers of batches differ in the last digits.

    Attributes:
        network: the network itself.

    Raises:
        BundleError: no network of this description, or weights that are not its own.
    """

    def __init__(
        self,
        schema: Schema,
        architecture: Mapping[str, Any],
        weights: bytes,
        *,
        preprocess: Preprocess,
        device: str | None = None,
    ) -> None:
        """Build the network of a bundle anew.

        Args:
            schema: the bundle's.
            architecture: likewise.
            weights: the bytes of its ``weights.safetensors``.
            preprocess: the bundle's, for the shape of pixels.
            device: such as ``cpu`` or ``cuda``; None: a GPU where there is one.
        """
        self.network = rebuilt(schema, architecture, weights)
        self._device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.network.to(self._device)
        self._shape = (preprocess.channels, preprocess.height, preprocess.width)
        self._names = tuple(self._answers(np.zeros((1, *self._shape), np.uint8)))

    @property
    def names(self) -> tuple[str, ...]:
        """All outputs that an exported graph has."""
        return self._names

    @property
    def lanes(self) -> int:
        """One: callers wait for each other."""
        return 1

    def run(
        self, pixels: NDArray[np.uint8], names: Sequence[str] | None = None
    ) -> dict[str, NDArray[np.float32]]:
        """Pixels (N, C, h, w) to arrays (N, ...), of the outputs asked for."""
        wanted = self._names if names is None else tuple(names)
        missing = [name for name in wanted if name not in self._names]
        if missing:
            raise BundleError(
                f"the network has no output {missing[0]!r}; it has: {', '.join(self._names)}; "
                "export the model again"
            )
        free = self.network.one_by_one  # of any height and width
        if pixels.ndim != 4 or (pixels.shape[1:] != self._shape and not free):
            raise BundleError(
                f"the network does not take pixels {pixels.dtype} {pixels.shape}: expected uint8 "
                f"(N, {', '.join(map(str, self._shape))}); export the model again"
            )
        step = 1 if free else len(pixels)
        parts = [self._answers(pixels[row : row + step]) for row in range(0, len(pixels), step)]
        return {name: np.concatenate([part[name] for part in parts]) for name in wanted}

    @torch.inference_mode()
    def _answers(self, pixels: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        given = torch.from_numpy(np.ascontiguousarray(pixels)).to(self._device)
        answers = self.network.exported(given)
        return {name: value.float().cpu().numpy() for name, value in answers.items()}


def rebuilt(schema: Schema, architecture: Mapping[str, Any], weights: bytes) -> Network:
    """The network of a bundle, ready to be judged.

    Args:
        schema: the bundle's.
        architecture: likewise.
        weights: the bytes of its ``weights.safetensors``; names, shapes and values are checked.

    Raises:
        BundleError: no network of this description, or weights that are not its own.
    """
    parts = {key: value for key, value in architecture.items() if key not in BESIDE}
    try:
        network = build_network(schema, Architecture.from_json(parts))
        tensors = load(weights)
        network.load_state_dict(tensors)
        check_finite(tensors, origin="the bundle's weights")
    except (RecipeError, SafetensorError, TypeError, KeyError, RuntimeError) as error:
        raise BundleError(
            f"the network of this bundle cannot be built anew: {first_line(error)}; export it "
            "again, or take another engine"
        ) from error
    return network.eval()
