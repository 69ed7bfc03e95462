"""ONNX Runtime: the engine that is always there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from lapel.inference.engine import checked_names, one_by_one, usable_cores, wrong_pixels
from lapel.schema.errors import BundleError

#: Severity of ONNX Runtime's log from which it prints: 4 is fatal. Its errors reach us as
#: exceptions, and printing them too would say everything twice.
ONLY_FATAL = 4


class OnnxRuntimeEngine:
    """ONNX Runtime on the CPU, with the numbers that the graph has: float32, or 8-bit integers.

    Raises:
        BundleError: the bytes are no graph that it can run.
    """

    def __init__(self, graph: bytes, *, threads: int | None = None) -> None:
        """Read a graph.

        Args:
            graph: the bytes of an ONNX file.
            threads: that compute; None: as many as there are cores.
        """
        options = onnxruntime.SessionOptions()
        # Its own default counts the machine's cores, not those that this process may use.
        options.intra_op_num_threads = threads or usable_cores()
        options.inter_op_num_threads = 1
        options.use_deterministic_compute = True
        options.log_severity_level = ONLY_FATAL
        # Threads that wait must not burn the cores on which pictures are being decoded.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(
                graph, options, providers=["CPUExecutionProvider"]
            )
            (entry,) = self._session.get_inputs()
        except Exception as error:  # its exceptions share no base of their own
            raise BundleError(
                f"ONNX Runtime cannot run this network: {error}; export the model again"
            ) from error
        self._input = entry.name
        #: A graph that keeps as many boxes as it finds takes one picture at a time.
        self._one_by_one = entry.shape[0] == 1
        self._names = tuple(output.name for output in self._session.get_outputs())

    @property
    def names(self) -> tuple[str, ...]:
        """All outputs of the graph."""
        return self._names

    def run(
        self, pixels: NDArray[np.uint8], names: Sequence[str] | None = None
    ) -> dict[str, NDArray[np.float32]]:
        """Pixels (N, C, h, w) to arrays (N, ...), of the outputs asked for."""
        wanted = checked_names(names, self._names)
        batches = one_by_one(pixels) if self._one_by_one else []
        try:
            answers = [self._session.run(wanted, {self._input: one}) for one in batches or [pixels]]
        except Exception as error:  # as above
            raise wrong_pixels(pixels, error) from error
        parts = zip(wanted, zip(*answers, strict=True), strict=True)
        return {name: part[0] if len(part) == 1 else np.concatenate(part) for name, part in parts}
