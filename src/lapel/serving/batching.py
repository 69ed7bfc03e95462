"""The queue between requests and an engine.

Pictures are decoded by a pool of threads, and stand in a queue; a worker takes what stands there,
up to a batch, and lets the engine run. So a lone picture never waits for others, and under load
batches grow by themselves: what came in while the engine was busy is the next batch. Where an
engine is quickest when each core looks at a picture of its own, there is a worker a core.

Who comes when more is waiting than can be answered within the latency bound is refused at once, and
told when to come again; that keeps the time of those who were accepted the same under any load.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Generic, TypeVar

from lapel.imaging.decode import Limits, upright_size
from lapel.inference.pictures import Failure
from lapel.schema.errors import ImageError
from lapel.serving.answerers import Answerer, Found
from lapel.serving.faults import broken, busy

Rendered = TypeVar("Rendered")

#: So many pictures may wait for any model, however slow: two people at one page are no overload.
LEAST_WAITING = 4

#: Weight of the newest batch in what is known of the pace, once that is more than a guess.
NEWEST = 0.2

log = logging.getLogger("lapel.serving")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a request asks of each of its pictures.

    Attributes:
        top: how many of the best labels to name.
        maps: names of maps to show.
    """

    top: int = 5
    maps: tuple[str, ...] = ()


@dataclass(slots=True)
class Counts:
    """What went through a queue since the server started.

    Attributes:
        answered: pictures.
        failed: pictures that could not be read.
        refused: requests that would have waited too long.
        batches: runs of the engine.
        busy_seconds: that the engine ran, with what its answers take to be made.
    """

    answered: int = 0
    failed: int = 0
    refused: int = 0
    batches: int = 0
    busy_seconds: float = 0.0


class DecodingRoom:
    """So many pixels may be decoded at a time: a few huge pictures must not fill the memory."""

    def __init__(self, pixels: int) -> None:
        self._free = self._all = pixels
        self._changed = threading.Condition()

    @contextmanager
    def of(self, pixels: int) -> Iterator[None]:
        """Wait for room; what is larger than all of it has it alone."""
        share = min(pixels, self._all)
        with self._changed:
            self._changed.wait_for(lambda: self._free >= share)
            self._free -= share
        try:
            yield
        finally:
            with self._changed:
                self._free += share
                self._changed.notify_all()


class Ask(Generic[Rendered]):
    """The pictures of one request, on their way. Made in the event loop, filled by threads."""

    def __init__(self, count: int, question: Question, render: Callable[[Found], Rendered]) -> None:
        self.question = question
        self.begun = time.monotonic()
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[list[Rendered]] = self._loop.create_future()
        self._render = render
        self._results: list[Rendered | None] = [None] * count
        self._left = count
        self._lock = threading.Lock()

    @property
    def given_up(self) -> bool:
        """Whether nobody waits for it any more."""
        return self.future.done()

    def put(self, place: int, found: Found) -> None:
        """Keep what is said of one picture, and answer when all are there."""
        try:
            self._results[place] = self._render(found)
        except Exception:
            log.exception("an answer could not be written down")
            self.fail(broken())
            return
        with self._lock:
            self._left -= 1
            done = self._left == 0
        if done:
            self._tell(self._finish)

    def fail(self, error: Exception) -> None:
        """Let the request fail."""
        self._tell(lambda: None if self.given_up else self.future.set_exception(error))

    def _finish(self) -> None:
        if not self.given_up:
            self.future.set_result(self._results)  # type: ignore[arg-type] # all are there

    def _tell(self, what: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop has ended: nobody waits
            self._loop.call_soon_threadsafe(what)


@dataclass(slots=True)
class _Job:
    """One picture that is ready for the engine."""

    ask: Ask[Any]
    place: int
    answerer: Answerer
    prepared: Any
    pixels: int


@dataclass(slots=True)
class _Pace:
    """Seconds a picture while there is work, of late; written by one worker at a time."""

    seconds: float
    last: float = 0.0
    batches: int = 0

    def saw(self, count: int, since: float) -> None:
        now = time.monotonic()
        each = (now - max(since, self.last)) / count
        self.batches += 1
        self.seconds += max(NEWEST, 1 / self.batches) * (each - self.seconds)
        self.last = now


class Queue:
    """Gathers pictures of all requests for one engine."""

    def __init__(
        self,
        pool: ThreadPoolExecutor,
        room: DecodingRoom,
        *,
        name: str,
        latency: float,
        limits: Limits,
        pace: float,
        workers: int = 1,
    ) -> None:
        """Start the workers.

        Args:
            pool: threads that decode.
            room: for pictures that are being decoded.
            name: of the model, for the workers' threads.
            latency: seconds that a picture should wait at most.
            limits: ceilings on each picture.
            pace: seconds that a picture takes, as far as is known before any was answered.
            workers: that take pictures from the queue.
        """
        self.counts = Counts()
        self._pool, self._room, self._limits = pool, room, limits
        self._latency = latency
        self._pace = _Pace(pace)
        self._waiting = 0
        self._jobs: deque[_Job] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._workers = [
            threading.Thread(target=self._work, name=f"lapel-{name}-{number}", daemon=True)
            for number in range(workers)
        ]
        for worker in self._workers:
            worker.start()

    @property
    def waiting(self) -> int:
        """Pictures that were accepted and are not answered yet."""
        return self._waiting

    @property
    def pace(self) -> float:
        """Seconds a picture while there is work, of late."""
        return self._pace.seconds

    def admit(self, count: int = 1) -> None:
        """Refuse pictures that would wait too long; in the event loop.

        Raises:
            Refusal: 503, with the seconds after which what waits now will be done.
        """
        allowed = max(LEAST_WAITING, self._latency / self._pace.seconds)
        if self._waiting and self._waiting + count > allowed:
            self.counts.refused += 1
            raise busy(
                f"{self._waiting} pictures are waiting, and more would wait longer than "
                f"{self._latency:g} s",
                seconds=self._waiting * self._pace.seconds,
            )

    async def ask(
        self,
        answerer: Answerer,
        pictures: Sequence[bytes],
        names: Sequence[str],
        question: Question,
        render: Callable[[Found], Rendered],
    ) -> list[Rendered]:
        """Answer for pictures.

        Args:
            answerer: the model.
            pictures: bytes of files.
            names: of each.
            question: what is asked of each.
            render: what to make of each answer, in the worker's thread.

        Raises:
            Refusal: 503, too much is waiting.
        """
        if not pictures:
            return []
        self.admit(len(pictures))
        ask = Ask(len(pictures), question, render)
        self._waiting += len(pictures)
        try:
            for place, (data, name) in enumerate(zip(pictures, names, strict=True)):
                self._pool.submit(self._prepare, ask, place, answerer, data, name)
            return await ask.future
        finally:
            self._waiting -= len(pictures)

    def close(self) -> None:
        """End the workers, once they have answered what is in the queue."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for worker in self._workers:
            worker.join()

    def _prepare(
        self, ask: Ask[Any], place: int, answerer: Answerer, data: bytes, name: str
    ) -> None:
        """Decode one picture; in a thread of the pool."""
        if ask.given_up:
            return
        try:
            prepared, pixels = self._decoded(answerer, data, name)
            if isinstance(prepared, Failure):
                with self._changed:
                    self.counts.failed += 1
                ask.put(place, prepared)
                return
            with self._changed:
                self._jobs.append(_Job(ask, place, answerer, prepared, pixels))
                self._changed.notify()
        except Exception:
            log.exception("a picture could not be prepared")
            ask.fail(broken())

    def _decoded(self, answerer: Answerer, data: bytes, name: str) -> tuple[Any | Failure, int]:
        """What the answerer makes of a picture, and how many pixels that has."""
        try:
            width, height = upright_size(data, name=name, limits=self._limits)
        except ImageError as error:
            return Failure.of(error), 0
        with self._room.of(width * height):
            return answerer.prepare(data, name), width * height

    def _work(self) -> None:
        while jobs := self._taken():
            for (answerer, question), group in groupby(jobs, _key):
                self._answer(answerer, question, list(group))

    def _taken(self) -> list[_Job]:
        """What stands in the queue, up to a batch; nothing once it is closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._closed)
            if not self._jobs:
                return []
            count = min(len(self._jobs), self._jobs[0].answerer.batch)
            return [self._jobs.popleft() for _ in range(count)]

    def _answer(self, answerer: Answerer, question: Question, jobs: list[_Job]) -> None:
        """One run of the engine, for pictures of which the same is asked."""
        wanted = [job for job in jobs if not job.ask.given_up]
        if not wanted:
            return
        started = time.monotonic()
        done = 0
        try:
            # One at a time is at its full size here, and meanwhile fewer are being decoded.
            with self._room.of(max(job.pixels for job in wanted) if answerer.dense else 0):
                ready = [job.prepared for job in wanted]
                found = answerer.answer(ready, top=question.top, maps=question.maps)
                for job, answer in zip(wanted, found, strict=True):
                    job.ask.put(job.place, answer)
                    done += 1
        except Exception:
            log.exception("a batch of %d pictures failed", len(wanted))
            for job in wanted[done:]:
                job.ask.fail(broken())
        with self._changed:
            self.counts.answered += done
            self.counts.batches += 1
            self.counts.busy_seconds += time.monotonic() - started
            self._pace.saw(len(wanted), min(job.ask.begun for job in wanted))


def _key(job: _Job) -> tuple[Answerer, Question]:
    return job.answerer, job.ask.question
