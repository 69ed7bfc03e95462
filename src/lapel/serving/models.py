"""The models behind a server: loaded before it listens, and replaced while it answers."""

from __future__ import annotations

import asyncio
import io
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

from PIL import Image

from lapel.inference.bundle import Bundle
from lapel.inference.pictures import Failure
from lapel.schema.errors import LapelError, UsageError
from lapel.serving.answerers import Answerer, Found
from lapel.serving.batching import Counts, DecodingRoom, Question, Queue, Rendered
from lapel.serving.describing import describe
from lapel.serving.faults import Refusal
from lapel.serving.settings import Settings
from lapel.serving.sources import Loaded, Source
from lapel.serving.wire import as_json
from lapel.storage.machine import usable_cores

log = logging.getLogger("lapel.serving")

#: Seconds that a picture takes at least, for all that a small one says before any other came.
LEAST_PACE = 0.01


class ServedModel:
    """A model that answers many requests at once.

    Attributes:
        name: what it is called in requests.
        engine: the engine that was asked for.
        reloads: how often it was replaced.
        loaded: when the present one was loaded, in seconds since 1970.
    """

    def __init__(
        self,
        source: Source,
        settings: Settings,
        pool: ThreadPoolExecutor,
        room: DecodingRoom,
        *,
        engine: str = "auto",
    ) -> None:
        """Load it.

        Raises:
            BundleError: no bundle there, or one that cannot be trusted or run.
            UsageError: no such engine, or bundles that do not go together.
        """
        self.engine = engine
        self.reloads = 0
        self._complaint = ""
        self._source, self._settings = source, settings
        self._state = source.state()
        self._present = Loaded.of(source.load(settings, engine=engine))
        self.loaded = time.time()
        self.name = source.name or self.bundle.name
        self._queue = Queue(
            pool,
            room,
            name=self.name,
            latency=settings.latency,
            pace=_seconds_of(self._present.answerer),
            workers=self._present.answerer.lanes,
        )

    @property
    def present(self) -> Loaded:
        """The model as it is now; a request keeps to the one that it began with."""
        return self._present

    @property
    def bundle(self) -> Bundle:
        """The bundle whose answers are given, as it is now."""
        return self._present.answerer.bundle

    @property
    def fingerprint(self) -> str:
        """Of the schema."""
        return self._present.fingerprint

    @property
    def version(self) -> str:
        """Twelve hexadecimal digits that change when a bundle is replaced by another."""
        return self._present.version

    @property
    def counts(self) -> Counts:
        """What it did since the server started."""
        return self._queue.counts

    @property
    def waiting(self) -> int:
        """Pictures that were accepted and are not answered yet."""
        return self._queue.waiting

    @property
    def pace(self) -> float:
        """Seconds a picture while there is work, of late."""
        return self._queue.pace

    @property
    def most_pictures(self) -> int:
        """So many may be sent in one request."""
        return self._settings.pictures

    @property
    def is_full(self) -> bool:
        """Whether a picture more would wait too long."""
        return self._queue.is_full()

    def refusal(self) -> Refusal:
        """What is said to whoever comes while it is full, who is counted."""
        return self._queue.refusal()

    def admit(self, count: int = 1) -> None:
        """Refuse pictures that would wait too long, before they are read.

        Raises:
            Refusal: 503, with the seconds after which to come again.
        """
        self._queue.admit(count)

    async def ask(
        self,
        pictures: Sequence[bytes],
        names: Sequence[str],
        *,
        render: Callable[[Found], Rendered],
        top: int = 5,
        maps: bool = False,
        threshold: float | None = None,
        answerer: Answerer | None = None,
    ) -> list[Rendered]:
        """Answer for pictures, each made into what the caller wants in another thread.

        Args:
            pictures: bytes of files.
            names: what each is called in its answer.
            render: takes what was found, or the failure of a picture that cannot be read.
            top: how many of the best labels to name.
            maps: whether to show how answers came about.
            threshold: the score from which garments are told; None: as the bundle says.
            answerer: what answers, for callers that say who it was; None: the present one.

        Raises:
            Refusal: 503, too much is waiting, or it took too long; 422, no maps to show.
            UsageError: a threshold outside 0 to 1, or for a bundle that finds no garments.
        """
        model = self._present.answerer if answerer is None else answerer
        if threshold is not None:
            model = model.told_from(threshold)
        if maps and not model.maps:
            raise Refusal(
                422,
                f"maps: the model {self.name} shows none of how it came to answers; leave it out",
            )
        question = Question(top=top, maps=model.maps if maps else ())
        try:
            async with asyncio.timeout(self._settings.answer_seconds):
                return await self._queue.ask(model, pictures, names, question, render)
        except TimeoutError:
            raise Refusal(
                503,
                f"no answer within {self._settings.answer_seconds:g} s; send fewer pictures at a "
                "time, or try again later",
                headers={"Retry-After": "1"},
            ) from None

    async def predict(
        self,
        pictures: Sequence[bytes],
        names: Sequence[str],
        *,
        top: int = 5,
        maps: bool = False,
        outlines: bool = False,
        threshold: float | None = None,
        answerer: Answerer | None = None,
    ) -> list[dict[str, Any]]:
        """Answer for pictures, as ``/v1/predict`` sends it: see :mod:`lapel.serving.wire`.

        Args:
            pictures: bytes of files.
            names: what each is called in its answer.
            top: how many of the best labels to name.
            maps: whether to show how answers came about.
            outlines: whether masks come as polygons too.
            threshold: the score from which garments are told; None: as the bundle says.
            answerer: as in :meth:`ask`.

        Raises:
            Refusal: 503, too much is waiting, or it took too long; 422, no maps to show.
            UsageError: a threshold outside 0 to 1, or for a bundle that finds no garments.
        """
        return await self.ask(
            pictures,
            names,
            render=lambda found: as_json(found, outlines=outlines),
            top=top,
            maps=maps,
            threshold=threshold,
            answerer=answerer,
        )

    def describe(self) -> dict[str, Any]:
        """What ``/v1/model`` sends."""
        return describe(self.name, self._present, self._settings)

    def changed(self) -> bool:
        """Whether a bundle was replaced since it was loaded; looks at the disk."""
        return self._source.state() != self._state

    def reload(self) -> bool:
        """Load it again, and answer with the new one from now on; what was accepted before is
        answered by the old one.

        Returns:
            Whether it could be loaded; otherwise the old one goes on, and the log says why.
        """
        state = self._source.state()
        try:
            fresh = self._source.load(self._settings, engine=self.engine)
        except Exception as error:  # noqa: BLE001 - none may end the watch over bundles
            self._complain(str(error) or type(error).__name__)
            return False
        before = self.fingerprint
        self._state, self._present, self._complaint = state, Loaded.of(fresh), ""
        self.loaded = time.time()
        self.reloads += 1
        log.warning("%s was replaced by version %s", self.name, self.version)
        if self.fingerprint != before:
            log.warning("%s answers other questions than before: its schema changed", self.name)
        return True

    def _complain(self, fault: str) -> None:
        """Say why it could not be loaded; once, as it is tried again at every look."""
        if fault != self._complaint:
            log.error("%s could not be loaded again, the old one goes on: %s", self.name, fault)
        self._complaint = fault

    def close(self) -> None:
        """End its worker, once it has answered what is waiting."""
        self._queue.close()


class Models:
    """The models of a server, by name; the first answers where a request names none.

    Attributes:
        settings: of the server.
        draining: whether the server is ending, so that nobody should send more.
    """

    def __init__(
        self, sources: Sequence[Source], settings: Settings, *, engine: str = "auto"
    ) -> None:
        """Load all models; a server may have none.

        Raises:
            BundleError: a bundle that cannot be trusted or run.
            UsageError: two of one name, no such engine, or bundles that do not go together.
        """
        self.settings = settings
        self.draining = False
        self._pool = ThreadPoolExecutor(usable_cores(), thread_name_prefix="lapel-decode")
        room = DecodingRoom(settings.decoded_pixels)
        self._models: dict[str, ServedModel] = {}
        try:
            for source in sources:
                self._add(ServedModel(source, settings, self._pool, room, engine=engine))
        except LapelError:
            self.close()
            raise

    def _add(self, model: ServedModel) -> None:
        if model.name in self._models:
            model.close()
            raise UsageError(
                f"two models are called {model.name!r}; give one another name, as NAME=BUNDLE"
            )
        self._models[model.name] = model

    def __iter__(self) -> Iterator[ServedModel]:
        return iter(self._models.values())

    def __len__(self) -> int:
        return len(self._models)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def crowded(self) -> Refusal | None:
        """What is said to whoever comes now, while no model takes a picture more.

        The first model counts one who was refused: it is the one that most requests mean.
        """
        if not self._models or not all(model.is_full for model in self):
            return None
        return self.get().refusal()

    def get(self, name: str | None = None) -> ServedModel:
        """The model of a name; the first where none is given.

        Raises:
            Refusal: 404, no model of that name.
        """
        if name is None and self._models:
            return next(iter(self._models.values()))
        if name is None or name not in self._models:
            found = "no model" if name is None else f"no model {name[:80]!r}"
            there = ", ".join(self._models) or "none"
            raise Refusal(404, f"{found} here; there are: {there}", code="unknown_model")
        return self._models[name]

    async def watch(self) -> None:
        """Replace models whose bundle was replaced, for ever."""
        while self.settings.watch_seconds:
            await asyncio.sleep(self.settings.watch_seconds)
            await asyncio.to_thread(self.reload, changed_alone=True)

    def reload(self, *, changed_alone: bool = False) -> None:
        """Load models again, one after the other.

        Args:
            changed_alone: leave those whose bundle is as it was.
        """
        for model in self:
            if not changed_alone or model.changed():
                model.reload()

    def drain(self) -> None:
        """Say from now on that nobody should send more."""
        self.draining = True

    def close(self) -> None:
        """End all threads, once what was accepted is answered."""
        self._pool.shutdown()
        for model in self:
            model.close()


def _seconds_of(answerer: Answerer) -> float:
    """How long a small picture takes, alone; it warms the engine up, too."""
    file = io.BytesIO()
    Image.new("RGB", (64, 64), (128, 128, 128)).save(file, "PNG")
    for _ in range(2):
        begun = time.monotonic()
        ready = answerer.prepare(file.getvalue(), "warm up")
        if not isinstance(ready, Failure):
            list(answerer.answer([ready], top=1, maps=()))
    return max(LEAST_PACE, time.monotonic() - begun)
