"""The queue between requests and an engine.

Pictures are decoded by a pool of threads, and stand in a queue; a worker takes what stands there,
up to a batch, and lets the engine run. So a lone picture never waits for others, and under load
batches grow by themselves: what came in while the engine was busy is the next batch. Where an
engine is quickest when each core looks at a picture of its own, there is a worker a core, which
decodes its pictures, too: more threads than cores would only take them from each other.

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
from typing import Any, Generic, Self, TypeVar

from lapel.inference.pictures import Failure
from lapel.schema.errors import UsageError
from lapel.serving.answerers import Answerer, Found
from lapel.serving.faults import Refusal, broken, busy

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

    def take(self, pixels: int) -> int:
        """Wait for room; what is larger than all of it has it alone.

        Returns:
            How much was taken, which is to be given back.
        """
        share = min(pixels, self._all)
        with self._changed:
            self._changed.wait_for(lambda: self._free >= share)
            self._free -= share
        return share

    def give_back(self, share: int) -> None:
        """Let others have what was taken."""
        with self._changed:
            self._free += share
            self._changed.notify_all()

    @contextmanager
    def of(self, pixels: int) -> Iterator[None]:
        """Room for the length of a block."""
        share = self.take(pixels)
        try:
            yield
        finally:
            self.give_back(share)


class _Seat:
    """Room for one picture, from when its size is known to the end of a block."""

    def __init__(self, room: DecodingRoom) -> None:
        self._room = room
        self._share = 0
        self.pixels = 0

    def take(self, pixels: int) -> None:
        self.pixels = pixels
        self._share = self._room.take(pixels)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._share:
            self._room.give_back(self._share)


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
        except UsageError as error:  # what was asked for cannot be: said to who asked
            self.fail(error)
            return
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
    """One picture on its way to the engine.

    Attributes:
        prepared: what the engine takes; None before it is decoded.
        pixels: that the picture has, once it is decoded.
    """

    ask: Ask[Any]
    place: int
    answerer: Answerer
    data: bytes
    name: str
    prepared: Any = None
    pixels: int = 0


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
        pace: float,
        workers: int = 1,
    ) -> None:
        """Start the workers.

        Args:
            pool: threads that decode.
            room: for pictures that are being decoded.
            name: of the model, for the workers' threads.
            latency: seconds that a picture should wait at most.
            pace: seconds that a picture takes, as far as is known before any was answered.
            workers: that take pictures from the queue; several decode them as well.
        """
        self.counts = Counts()
        self._pool, self._room = pool, room
        self._latency = latency
        self._pace = _Pace(pace)
        self._waiting = 0
        self._jobs: deque[_Job] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._decoded_by_workers = workers > 1
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

    def is_full(self, count: int = 1) -> bool:
        """Whether so many more pictures would wait too long."""
        allowed = max(LEAST_WAITING, self._latency / self._pace.seconds)
        return bool(self._waiting) and self._waiting + count > allowed

    def refusal(self) -> Refusal:
        """What is said to whoever comes while it is full, who is counted."""
        self.counts.refused += 1
        return busy(
            f"{self._waiting} pictures are waiting, and more would wait longer than "
            f"{self._latency:g} s",
            seconds=self._waiting * self._pace.seconds,
        )

    def admit(self, count: int = 1) -> None:
        """Refuse pictures that would wait too long; in the event loop.

        Raises:
            Refusal: 503, with the seconds after which what waits now will be done.
        """
        if self.is_full(count):
            raise self.refusal()

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
                job = _Job(ask, place, answerer, data, name)
                if self._decoded_by_workers:
                    self._put(job)
                else:
                    self._pool.submit(self._decode_and_put, job)
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

    def _put(self, job: _Job) -> None:
        with self._changed:
            self._jobs.append(job)
            self._changed.notify()

    def _decode_and_put(self, job: _Job) -> None:
        """In a thread of the pool."""
        if self._decode(job):
            self._put(job)

    def _decode(self, job: _Job) -> bool:
        """Make one picture ready for the engine; False where there is nothing to answer."""
        if job.ask.given_up:
            return False
        try:
            with _Seat(self._room) as seat:
                job.prepared = job.answerer.prepare(job.data, job.name, seat.take)
            job.pixels, job.data = seat.pixels, b""
            if not isinstance(job.prepared, Failure):
                return True
            with self._changed:
                self.counts.failed += 1
            job.ask.put(job.place, job.prepared)
        except Exception:
            log.exception("a picture could not be prepared")
            job.ask.fail(broken())
        return False

    def _work(self) -> None:
        while jobs := self._taken():
            ready = [job for job in jobs if job.prepared is not None or self._decode(job)]
            for (answerer, question), group in groupby(ready, _key):
                self._answer(answerer, question, list(group))

    def _taken(self) -> list[_Job]:
        """Of what stands in the queue a worker's share, up to a batch; nothing once it is closed
        and empty.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._closed)
            if not self._jobs:
                return []
            share = -(-len(self._jobs) // len(self._workers))
            return [self._jobs.popleft() for _ in range(min(share, self._jobs[0].answerer.batch))]

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
