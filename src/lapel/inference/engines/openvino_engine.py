"""OpenVINO: on most processors the fastest engine. Imported when it is asked for."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any, Literal

import numpy as np
import openvino
from numpy.typing import NDArray

from lapel.inference.engines.base import checked_names, one_by_one, wrong_pixels
from lapel.inference.engines.graph_files import refuse_files
from lapel.inference.engines.signal_stack import kept_signal_stack
from lapel.schema.errors import BundleError
from lapel.storage.machine import usable_cores

Precision = Literal["f32", "bf16"]

DEVICE = "CPU"


class OpenVinoEngine:
    """OpenVINO on the CPU.

    Outputs that nobody asks for are not computed: for each choice of outputs that is asked for a
    network of its own is compiled once.

    Raises:
        BundleError: the bytes are no graph that it can run, or one that reads files.
    """

    @kept_signal_stack()
    def __init__(
        self, graph: bytes, *, precision: Precision = "f32", threads: int | None = None
    ) -> None:
        """Read a graph.

        Args:
            graph: the bytes of an ONNX file.
            precision: of sums and products: ``f32``, or ``bf16`` where the processor has it. Where
                a graph has 8-bit integers, it is that of the rest.
            threads: that compute; None: as many as there are cores.
        """
        refuse_files(graph)
        self._precision = precision
        self._threads = threads or usable_cores()
        try:
            self._model = openvino.Core().read_model(io.BytesIO(graph))
            (entry,) = self._model.inputs
        except Exception as error:  # RuntimeError for everything
            raise _cannot_run(error) from error
        #: A graph that keeps as many boxes as it finds takes one picture at a time.
        self._one_by_one = entry.partial_shape[0] == openvino.Dimension(1)
        self._names = tuple(output.get_any_name() for output in self._model.outputs)
        self._compiled: dict[tuple[str, ...], Any] = {}
        #: A compiled network answers one caller at a time.
        self._lock = Lock()
        self._network(self._names)  # what it cannot run is said now

    @kept_signal_stack()
    def __del__(self) -> None:
        # Freed here, where the signal stack is put back.
        self._compiled = {}
        self._model = None

    @property
    def names(self) -> tuple[str, ...]:
        """All outputs of the graph."""
        return self._names

    @property
    def lanes(self) -> int:
        """One: all its threads work for one caller."""
        return 1

    @kept_signal_stack()
    def run(
        self, pixels: NDArray[np.uint8], names: Sequence[str] | None = None
    ) -> dict[str, NDArray[np.float32]]:
        """Pixels (N, C, h, w) to arrays (N, ...), of the outputs asked for."""
        wanted = checked_names(names, self._names)
        batches = one_by_one(pixels) if self._one_by_one else [np.ascontiguousarray(pixels)]
        with self._lock:
            network = self._network(wanted)
            try:
                answers = [self._ask(network, wanted, one) for one in batches]
            except Exception as error:  # as above
                raise wrong_pixels(pixels, _without_places(error)) from error
        return {name: _joined([answer[name] for answer in answers]) for name in wanted}

    def _ask(
        self,
        network: Any,  # noqa: ANN401 - OpenVINO ships no types
        wanted: Sequence[str],
        pixels: NDArray[np.uint8],
    ) -> dict[str, NDArray[np.float32]]:
        found = network({0: pixels})
        return {name: np.asarray(found[place]) for place, name in enumerate(wanted)}

    def _network(self, names: tuple[str, ...]) -> Any:  # noqa: ANN401 - as above
        """The network that computes these outputs and no others."""
        if names not in self._compiled:
            outputs = dict(zip(self._names, self._model.outputs, strict=True))
            # A model takes the nodes of its outputs, so that some of them make another model.
            part = openvino.Model(
                [outputs[name].get_node() for name in names], self._model.get_parameters()
            )
            try:
                self._compiled[names] = openvino.Core().compile_model(part, DEVICE, self._config())
            except Exception as error:  # as above
                raise _cannot_run(error) from error
        return self._compiled[names]

    def _config(self) -> dict[str, object]:
        return {
            # Left to itself, it takes bfloat16 wherever the processor has it.
            "INFERENCE_PRECISION_HINT": self._precision,
            # All cores work on one batch, as callers come one at a time.
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": self._threads,
            # Cores are shared with threads that decode.
            "ENABLE_CPU_PINNING": False,
        }


@cache
@kept_signal_stack()
def knows_bfloat16() -> bool:
    """Whether this processor has sums and products of bfloat16."""
    return "BF16" in openvino.Core().get_property(DEVICE, "OPTIMIZATION_CAPABILITIES")


@kept_signal_stack()
def intermediate_form(graph: bytes) -> tuple[bytes, bytes]:
    """A graph in OpenVINO's own form, for whoever embeds the network elsewhere.

    Args:
        graph: the bytes of an ONNX file.

    Returns:
        The bytes of ``model.xml``, what is computed, and of ``model.bin``, the weights in float32.

    Raises:
        BundleError: it cannot read the graph.
    """
    refuse_files(graph)
    with TemporaryDirectory(prefix="lapel-openvino-") as folder:
        path = Path(folder) / "model.xml"
        try:
            model = openvino.Core().read_model(io.BytesIO(graph))
            openvino.save_model(model, path, compress_to_fp16=False)
        except Exception as error:  # RuntimeError for everything
            raise _cannot_run(error) from error
        return path.read_bytes(), path.with_suffix(".bin").read_bytes()


def _joined(parts: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _cannot_run(error: Exception) -> BundleError:
    return BundleError(
        f"OpenVINO cannot run this network: {_without_places(error)}; use --engine onnxruntime, "
        "or export the model again"
    )


def _without_places(error: Exception) -> str:
    """What it says behind the places in its own source."""
    lines = [line for line in str(error).splitlines() if line and "Exception from" not in line]
    return lines[0] if lines else type(error).__name__
