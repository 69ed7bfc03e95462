"""BentoML around a bundle, as its documentation has it: ``bentoml serve bentoml_server:Tagger``.

Options come from the environment: ``BUNDLE``, ``BATCH``, ``WORKERS``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import bentoml

from benchmarks.contestants.answering import Answering

BATCH, WORKERS = int(os.environ.get("BATCH", "16")), int(os.environ.get("WORKERS", "1"))


@bentoml.service(workers=WORKERS, traffic={"timeout": 60}, metrics={"enabled": True})
class Tagger:
    """One bundle; batches are gathered by BentoML's own dispatcher."""

    def __init__(self) -> None:
        """Load the bundle."""
        self.answering = Answering(os.environ["BUNDLE"], batch=BATCH, workers=WORKERS)

    @bentoml.api(batchable=True, max_batch_size=BATCH, max_latency_ms=30_000)  # type: ignore[untyped-decorator] # bentoml is not in our environment
    def predict(self, picture: list[Path]) -> list[dict[str, Any]]:
        """The answers; BentoML hands over files."""
        return self.answering([one.read_bytes() for one in picture])
