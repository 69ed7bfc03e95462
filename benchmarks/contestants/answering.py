"""What every server of the comparison does with pictures: the same, by Lapel's own code.

So what is compared is the way there and back, the queue and the batches, not decoders or engines.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from lapel.inference.bundle import NETWORK, Bundle
from lapel.inference.engines.onnxruntime_engine import OnnxRuntimeEngine
from lapel.inference.examined import Ready
from lapel.inference.predictor import Predictor
from lapel.storage.machine import usable_cores


class Answering:
    """A bundle that answers for several pictures at a time, decoded by as many threads."""

    def __init__(self, bundle: str, *, batch: int, workers: int) -> None:
        """Load the bundle.

        Args:
            bundle: its folder, or the run that holds it.
            batch: the most pictures of a run of the engine.
            workers: processes that do the same, so that they share the cores.
        """
        opened = Bundle.load(Path(bundle))
        threads = max(1, usable_cores() // workers)
        engine = OnnxRuntimeEngine(opened.read(NETWORK), threads=threads)
        self._predictor = Predictor(opened, engine, batch=batch)
        self._pool = ThreadPoolExecutor(threads)

    def __call__(self, pictures: Sequence[bytes]) -> list[dict[str, Any]]:
        """The predictions of some pictures, at most a batch, as they go over the wire."""
        ready = list(self._pool.map(self._prepare, pictures))
        whole = [one for one in ready if isinstance(one, Ready)]
        answers = self._predictor.answer(whole)
        return [
            next(answers).prediction.to_json()
            if isinstance(one, Ready)
            else {"image": one.image, "error": one.fault}
            for one in ready
        ]

    def _prepare(self, data: bytes) -> Any:  # noqa: ANN401 - Ready or Failure
        return self._predictor.prepare(data, name="picture")
