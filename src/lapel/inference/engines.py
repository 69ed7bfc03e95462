"""What runs a network's graph. Adding an engine is adding its class and a line in the table."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from lapel.schema.errors import BundleError, UsageError

#: Severity of ONNX Runtime's log from which it prints: 4 is fatal. Its errors reach us as
#: exceptions, and printing them too would say everything twice.
ONLY_FATAL = 4


class Engine(Protocol):
    """A network ready to answer. Built from the bytes of an ONNX graph."""

    @property
    def names(self) -> tuple[str, ...]:
        """All outputs of the graph, in its own order: one a task, and what else it shows."""
        ...

    def run(
        self, pixels: NDArray[np.uint8], names: Sequence[str] | None = None
    ) -> dict[str, NDArray[np.float32]]:
        """Pixels (N, C, h, w) to arrays (N, ...): the outputs asked for, or all of them.

        Raises:
            BundleError: pixels that the network does not take, or no output of a name.
        """
        ...


class OnnxRuntimeEngine:
    """ONNX Runtime on the CPU, in float32.

    Raises:
        BundleError: the bytes are no graph that it can run.
    """

    def __init__(self, graph: bytes, *, threads: int | None = None) -> None:
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
        wanted = list(self._names if names is None else names)
        missing = [name for name in wanted if name not in self._names]
        if missing:
            raise BundleError(
                f"the network has no output {missing[0]!r}; it has: {', '.join(self._names)}; "
                "export the model again"
            )
        batches = [pixels[row : row + 1] for row in range(len(pixels))] if self._one_by_one else []
        try:
            answers = [self._session.run(wanted, {self._input: one}) for one in batches or [pixels]]
        except Exception as error:  # as above
            raise BundleError(
                f"the network does not take pixels {pixels.dtype} {pixels.shape}: {error}; "
                "export the model again"
            ) from error
        parts = zip(wanted, zip(*answers, strict=True), strict=True)
        return {name: part[0] if len(part) == 1 else np.concatenate(part) for name, part in parts}


#: Name of an engine to what builds it; the first is what ``auto`` takes.
ENGINES: dict[str, Callable[[bytes], Engine]] = {
    "onnxruntime": OnnxRuntimeEngine,
}


def open_engine(name: str, graph: bytes) -> Engine:
    """The engine of a name, or the preferred one for ``auto``.

    Raises:
        UsageError: no engine of that name.
        BundleError: the engine cannot run the graph.
    """
    chosen = next(iter(ENGINES)) if name == "auto" else name
    if chosen not in ENGINES:
        raise UsageError(f"no engine {name!r}; there are: auto, {', '.join(ENGINES)}")
    return ENGINES[chosen](graph)


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
