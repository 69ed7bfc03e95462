"""BentoML around a bundle, as its documentation has it: ``bentoml serve bentoml_server:Batched``.

Options come from the environment: ``BUNDLE``, ``BATCH``, ``WORKERS``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import bentoml

from benchmarks.contestants.answering import Answering

#: Its dispatcher takes batches of 2 and more.
BATCH, WORKERS = max(2, int(os.environ.get("BATCH", "16"))), int(os.environ.get("WORKERS", "1"))

#: Milliseconds after which its dispatcher refuses; what is late is counted by who asks.
LATEST = 30_000

TRAFFIC = {"timeout": 60}


@bentoml.service(workers=WORKERS, traffic=TRAFFIC)
class Batched:
    """One bundle; batches are gathered by BentoML's own dispatcher."""

    def __init__(self) -> None:
        """Load the bundle."""
        self.answering = Answering(os.environ["BUNDLE"], batch=BATCH, workers=WORKERS)

    @bentoml.api(batchable=True, max_batch_size=BATCH, max_latency_ms=LATEST)  # type: ignore[untyped-decorator] # bentoml is not in our environment
    def predict(self, picture: list[Path]) -> list[dict[str, Any]]:
        """The answers; BentoML hands over files."""
        return self.answering([one.read_bytes() for one in picture])


@bentoml.service(workers=WORKERS, traffic=TRAFFIC)
class Single:
    """The same, one picture at a time."""

    def __init__(self) -> None:
        """Load the bundle."""
        self.answering = Answering(os.environ["BUNDLE"], batch=1, workers=WORKERS)

    @bentoml.api  # type: ignore[untyped-decorator] # as above
    def predict(self, picture: Path) -> dict[str, Any]:
        """The answer; BentoML hands over a file."""
        return self.answering([picture.read_bytes()])[0]
