"""A network as ``torch.export`` writes it, for whoever embeds it in a program of torch's."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lapel.models.multitask import Network
from lapel.schema.errors import BundleError, first_line

#: Pictures of the example: one alone would make the graph think that there is always one.
EXAMPLE = 2


class _Named(nn.Module):
    """The network with all that it gives, by name."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        return self.network.exported(pixels)


class ProgramEngine:
    """An exported program as an engine, to be compared with the network that it was made of.

    Attributes:
        program: of ``torch.export``.

    Raises:
        BundleError: torch cannot export this network.
    """

    def __init__(self, network: Network, *, channels: int, height: int, width: int) -> None:
        if network.one_by_one:
            raise BundleError(
                "torch.export does not take a network that finds as many garments as there are: "
                "how many boxes are kept depends on the picture; leave out --pt2, the ONNX graph "
                "has all of it"
            )
        # Weights lie in order, or torch would say of each that it is a part of another.
        network.eval().to(memory_format=torch.contiguous_format)
        pixels = torch.zeros(EXAMPLE, channels, height, width, dtype=torch.uint8)
        batch = torch.export.Dim("batch", min=1)
        try:
            self.program = torch.export.export(
                _Named(network), (pixels,), dynamic_shapes={"pixels": {0: batch}}
            )
        except Exception as error:  # what stops it is of many types, none of them public
            raise BundleError(
                f"torch.export does not take this network: {first_line(error)}; leave out "
                "--pt2, the ONNX graph has all of it"
            ) from error
        self._module: Any = self.program.module()
        self._names = tuple(self._answers(np.zeros((1, channels, height, width), np.uint8)))

    @property
    def names(self) -> tuple[str, ...]:
        """All outputs of the network."""
        return self._names

    @property
    def lanes(self) -> int:
        """One: callers wait for each other."""
        return 1

    def run(
        self, pixels: NDArray[np.uint8], names: Sequence[str] | None = None
    ) -> dict[str, NDArray[np.float32]]:
        """Pixels (N, C, h, w) to arrays (N, ...), of the outputs asked for."""
        found = self._answers(pixels)
        return {name: found[name] for name in (self._names if names is None else names)}

    def written(self) -> bytes:
        """The file ``model.pt2``."""
        file = io.BytesIO()
        torch.export.save(self.program, file)
        return file.getvalue()

    @torch.no_grad()
    def _answers(self, pixels: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        answers = self._module(torch.from_numpy(np.ascontiguousarray(pixels)))
        return {name: value.numpy() for name, value in answers.items()}
