"""Requests that arrive when they arrive, whether or not others were answered.

Arrivals are a Poisson process, as in the server scenario of MLPerf Inference (Reddi et al. 2020,
"MLPerf Inference Benchmark", III-C). The time of each counts from when it should have been sent:
a server that stops for a second is charged with all who came in that second.

The client is one thread on bare sockets, as it shares the machine with what it measures; the
processor time that it took is told beside what it found.
"""

from __future__ import annotations

import asyncio
import random
import resource
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import cycle

#: Connections at a time. Who finds none free is counted as never answered.
CONNECTIONS = 800

#: What stands for a status where there is none.
NO_ANSWER = 0

#: Bytes of one answer after which something is wrong.
LONGEST_ANSWER = 64 << 20


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What became of all requests of one run.

    Attributes:
        rate: requests a second that were sent.
        seconds: from the first arrival to the last.
        latencies: seconds of those that were answered well, from when they should have been sent.
        statuses: how many got which status; ``NO_ANSWER``: none, or no connection was free.
        client_seconds: of processor time that the client took.
    """

    rate: float
    seconds: float
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    client_seconds: float = 0.0

    @property
    def answered(self) -> float:
        """Requests answered well a second."""
        return len(self.latencies) / self.seconds

    @property
    def share(self) -> float:
        """Of all requests, those that were answered well."""
        return len(self.latencies) / max(1, sum(self.statuses.values()))

    def percentile(self, percent: float) -> float:
        """Seconds within which so many of the well answered were answered; nearest rank."""
        ranked = sorted(self.latencies)
        if not ranked:
            return float("inf")
        return ranked[min(len(ranked) - 1, int(len(ranked) * percent / 100))]


def poisson(rate: float, seconds: float, *, seed: int) -> list[float]:
    """Seconds at which requests arrive, independently of one another.

    Of a Poisson process of which the number of arrivals is known, these are evenly distributed: so
    the rate is the one that was asked for, whatever the dice.
    """
    dice = random.Random(seed)  # noqa: S311 - no secret
    return sorted(dice.uniform(0, seconds) for _ in range(int(rate * seconds)))


def fire(port: int, requests: Sequence[bytes], times: Sequence[float], *, grace: float) -> Outcome:
    """Send requests in turn at their times, and wait so many seconds for the last answers."""
    return asyncio.run(_fire(port, requests, times, grace))


async def _fire(
    port: int, requests: Sequence[bytes], times: Sequence[float], grace: float
) -> Outcome:
    loop = asyncio.get_running_loop()
    seconds = times[-1]
    outcome = Outcome(rate=len(times) / seconds, seconds=seconds)
    lines = _Lines(port)
    spent, begun = _processor_seconds(), loop.time() + 0.2

    async def one(at: float, data: bytes) -> None:
        status = await lines.ask(data)
        outcome.statuses[status] += 1
        if status == 200:
            outcome.latencies.append(loop.time() - begun - at)

    waiting = set()
    for at, data in zip(times, cycle(requests), strict=False):
        delay = begun + at - loop.time()
        if delay > 0:
            await asyncio.sleep(delay)
        task = asyncio.ensure_future(one(at, data))
        waiting.add(task)
        task.add_done_callback(waiting.discard)
    if waiting:
        _, late = await asyncio.wait(waiting, timeout=grace)
        outcome.statuses[NO_ANSWER] += len(late)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
    lines.close()
    outcome.client_seconds = _processor_seconds() - spent
    return outcome


def _processor_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class _Lines:
    """Connections to a server, used again and again."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._free: list[_Line] = []
        self._all: set[_Line] = set()

    async def ask(self, data: bytes) -> int:
        """The status of the answer to a request."""
        line = self._take()
        if line is None:
            if len(self._all) >= CONNECTIONS:
                return NO_ANSWER
            line = _Line(self._free.append, self._all.discard)
            self._all.add(line)
            try:
                loop = asyncio.get_running_loop()
                await loop.create_connection(lambda: line, "127.0.0.1", self._port)
            except OSError:
                self._all.discard(line)
                return NO_ANSWER
        return await line.ask(data)

    def _take(self) -> _Line | None:
        while self._free:
            line = self._free.pop()
            if line.is_open:
                return line
        return None

    def close(self) -> None:
        """Hang up everywhere."""
        for line in list(self._all):
            line.hang_up()


class _Line(asyncio.Protocol):
    """One connection, one request at a time (RFC 9112)."""

    def __init__(self, freed: Callable[[_Line], None], lost: Callable[[_Line], None]) -> None:
        self._freed, self._lost = freed, lost
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[int] | None = None
        self._buffer = bytearray()

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    async def ask(self, data: bytes) -> int:
        if self._transport is None:
            return NO_ANSWER
        self._answer = asyncio.get_running_loop().create_future()
        self._buffer.clear()
        self._transport.write(data)
        try:
            return await self._answer
        except asyncio.CancelledError:
            self.hang_up()
            raise

    def hang_up(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head_end = self._buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return
        head = bytes(self._buffer[:head_end]).lower()
        if not self._is_whole(head, head_end + 4):
            return
        if b"\r\nconnection: close" in head:
            self.hang_up()
        else:
            self._freed(self)
        self._tell(int(head[9:12]))

    def _is_whole(self, head: bytes, start: int) -> bool:
        if b"\r\ntransfer-encoding: chunked" in head:
            return self._buffer.endswith(b"0\r\n\r\n")
        _, found, rest = head.partition(b"\r\ncontent-length:")
        length = int(rest.split(b"\r\n", 1)[0]) if found else 0
        if length > LONGEST_ANSWER:
            raise ValueError(f"an answer of {length} bytes")
        return len(self._buffer) >= start + length

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - asyncio's face
        self._lost(self)
        self._tell(NO_ANSWER)

    def _tell(self, status: int) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(status)
