"""Servers for the tests: in threads of this process, over real sockets."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from lapel.inference.bundle import NETWORK, Bundle
from lapel.inference.engines.base import Engine
from lapel.inference.engines.onnxruntime_engine import OnnxRuntimeEngine
from lapel.inference.predictor import Predictor
from lapel.serving.answerers import Answerer, OneModel
from lapel.serving.models import Models
from lapel.serving.run import running
from lapel.serving.settings import Settings
from lapel.serving.sources import Source

PLAIN = {"red": (220, 20, 20), "green": (20, 220, 20), "blue": (20, 20, 220)}


def file_of(pixels: NDArray[np.uint8] | tuple[int, int, int], kind: str = "PNG") -> bytes:
    """The bytes of a picture, or of one of a single colour."""
    buffer = io.BytesIO()
    shown = (
        Image.new("RGB", (40, 30), pixels) if isinstance(pixels, tuple) else Image.fromarray(pixels)
    )
    shown.save(buffer, kind)
    return buffer.getvalue()


@dataclass
class PacedEngine:
    """An engine that takes its time, and takes down how many pictures came together."""

    engine: Engine
    seconds: float = 0.0
    batches: list[int] = field(default_factory=list)
    fails: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return self.engine.names

    @property
    def lanes(self) -> int:
        return 1

    def run(
        self, pixels: NDArray[np.uint8], names: Sequence[str] | None = None
    ) -> dict[str, NDArray[np.float32]]:
        self.batches.append(len(pixels))
        begun = time.monotonic()
        # In short pieces, so that a test that is done with waiting may say so.
        while (left := begun + self.seconds * len(pixels) - time.monotonic()) > 0:
            time.sleep(min(left, 0.05))
        if self.fails:
            raise RuntimeError("the engine broke, in /a/folder/of/this/machine")
        return self.engine.run(pixels, names)


@dataclass(frozen=True, slots=True, kw_only=True)
class PacedSource(Source):
    """A bundle whose engine takes so many seconds a picture."""

    paced: PacedEngine

    def load(self, settings: Settings, *, engine: str) -> Answerer:
        assert engine == "auto"
        opened = Bundle.load(self.bundle)
        return OneModel(Predictor(opened, self.paced, batch=settings.batch))


def paced_source(bundle: Path, seconds: float) -> PacedSource:
    engine = OnnxRuntimeEngine(Bundle.load(bundle).read(NETWORK))
    return PacedSource(bundle=bundle, paced=PacedEngine(engine, seconds))


@contextmanager
def _serving(*sources: Source, **settings: object) -> Iterator[httpx2.Client]:
    chosen = Settings(**{"port": 0, "access_log": False, **settings})  # type: ignore[arg-type] # as they are
    with Models(sources, chosen) as models, ExitStack() as stack:
        for source in sources:
            if isinstance(source, PacedSource):  # each begins with a look at its network
                source.paced.batches.clear()
        url = stack.enter_context(running(models, chosen))
        client = stack.enter_context(httpx2.Client(base_url=url, trust_env=False, timeout=20))
        yield client


Serving = Callable[..., AbstractContextManager[httpx2.Client]]


@pytest.fixture(scope="session")
def serving_models() -> Serving:
    """Serve sources with settings; gives a client."""
    return _serving


@pytest.fixture(scope="session")
def picture_file() -> Callable[..., bytes]:
    """Bytes of a file of pixels or of one colour."""
    return file_of


@pytest.fixture(scope="session")
def make_paced() -> Callable[[Path, float], PacedSource]:
    """A bundle whose engine takes so many seconds a picture."""
    return paced_source


@pytest.fixture(scope="module")
def colours(colour_bundle: Path) -> Iterator[httpx2.Client]:
    """A server that names colours, without a token."""
    with _serving(Source(bundle=colour_bundle)) as client:
        yield client
