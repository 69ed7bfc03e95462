"""ONNX Runtime: the engine that is always there."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from time import monotonic

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from lapel.inference.engines.base import (
    checked_names,
    joined,
    one_by_one,
    wrong_pixels,
)
from lapel.inference.engines.side_by_side import Outputs, SideBySide
from lapel.schema.errors import BundleError
from lapel.storage.machine import usable_cores

#: Severity of ONNX Runtime's log from which it prints: 4 is fatal. Its errors reach us as
#: exceptions, and printing them too would say everything twice.
ONLY_FATAL = 4

#: Seconds for which callers who met here are expected to meet again: between two of its calls each
#: of them is busy with decoding, and wants its core.
MEETING_SECONDS = 0.25


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
        threads = threads or usable_cores()
        self._threads = threads
        self._graph = graph
        self._session = _session(graph, threads)
        (entry,) = self._session.get_inputs()
        self._input = entry.name
        #: A graph that keeps as many boxes as it finds takes one picture at a time.
        self._one_by_one = entry.shape[0] == 1
        self._names = tuple(output.name for output in self._session.get_outputs())
        self._side_by_side = SideBySide(threads)
        #: Computes in the thread that calls it, and so for many at once; made when there are many.
        self._for_many: onnxruntime.InferenceSession | None = None
        self._lock = Lock()
        self._callers = 0
        self._met = -MEETING_SECONDS

    @property
    def names(self) -> tuple[str, ...]:
        """All outputs of the graph."""
        return self._names

    @property
    def lanes(self) -> int:
        """As many as there are threads."""
        return 1 if self._one_by_one else self._threads

    def run(
        self, pixels: NDArray[np.uint8], names: Sequence[str] | None = None
    ) -> dict[str, NDArray[np.float32]]:
        """Pixels (N, C, h, w) to arrays (N, ...), of the outputs asked for."""
        wanted = checked_names(names, self._names)
        alone = self._comes_alone()
        try:
            return dict(zip(wanted, self._found(pixels, wanted, alone=alone), strict=True))
        except Exception as error:  # its exceptions share no base of their own
            raise wrong_pixels(pixels, error) from error
        finally:
            with self._lock:
                self._callers -= 1

    def _comes_alone(self) -> bool:
        """Whether a caller, who is counted, may have all cores."""
        with self._lock:
            now = monotonic()
            self._callers += 1
            if self._callers > 1:
                self._met = now
            return now - self._met >= MEETING_SECONDS

    def _found(self, pixels: NDArray[np.uint8], wanted: tuple[str, ...], *, alone: bool) -> Outputs:
        if self._one_by_one:
            found = [self._session.run(wanted, {self._input: one}) for one in one_by_one(pixels)]
            return [joined(parts) for parts in zip(*found, strict=True)]
        many = self._side_by_side.suits(pixels)
        if not many and alone:
            return list(self._session.run(wanted, {self._input: pixels}))
        session = self._session_for_many()
        if not many:  # the other cores are with other callers
            return list(session.run(wanted, {self._input: pixels}))
        return self._side_by_side.run(
            lambda part: list(session.run(wanted, {self._input: part})), pixels
        )

    def _session_for_many(self) -> onnxruntime.InferenceSession:
        with self._lock:
            if self._for_many is None:
                alone = self._threads == 1
                self._for_many = self._session if alone else _session(self._graph, 1)
                self._graph = b""
            return self._for_many


def _session(graph: bytes, threads: int) -> onnxruntime.InferenceSession:
    """A session whose runs are shared by so many threads.

    Raises:
        BundleError: it cannot run the graph.
    """
    options = onnxruntime.SessionOptions()
    # Its own default counts the machine's cores, not those that this process may use.
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = ONLY_FATAL
    # Threads that wait must not burn the cores on which pictures are being decoded.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions share no base of their own
        raise BundleError(
            f"ONNX Runtime cannot run this network: {error}; export the model again"
        ) from error
