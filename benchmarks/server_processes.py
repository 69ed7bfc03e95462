"""Servers as processes: started, watched while they work, ended with all that they started."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

STARTING, ENDING = 120.0, 35.0

TICKS = os.sysconf("SC_CLK_TCK")

#: Asks this machine itself, whatever proxy the environment names.
DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A server that answers, in one process or several.

    Attributes:
        pid: of the process that was started.
        port: where it listens.
    """

    pid: int
    port: int

    def processes(self) -> list[int]:
        """It and all that descend from it."""
        parents: dict[int, list[int]] = {}
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                with suppress(OSError):
                    fields = (folder / "stat").read_text("utf-8").rpartition(")")[2].split()
                    parents.setdefault(int(fields[1]), []).append(int(folder.name))
        found = [self.pid]
        for pid in found:
            found += parents.get(pid, [])
        return found

    def memory(self) -> int:
        """Bytes in memory, what several share counted once (``Pss`` of proc(5))."""
        return sum(_pss(pid) for pid in self.processes())

    def processor_seconds(self) -> float:
        """Of user and system, of all processes that still run."""
        total = 0
        for pid in self.processes():
            with suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
                total += int(fields[11]) + int(fields[12])
        return total / TICKS

    def open_files(self) -> int:
        """Files and sockets that all of them hold open."""
        count = 0
        for pid in self.processes():
            with suppress(OSError):
                count += len(list(Path(f"/proc/{pid}/fd").iterdir()))
        return count


def _pss(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text("utf-8").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) << 10
    return 0


@contextmanager
def started(
    command: Sequence[str], *, port: int, ready: str, log: Path, environment: Mapping[str, str]
) -> Iterator[Running]:
    """A server once ``ready`` answers with 200; ended with its whole process group.

    Raises:
        SystemExit: it did not come up; what it said is shown.
    """
    with log.open("wb") as said:
        process = subprocess.Popen(
            command,
            stdout=said,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            start_new_session=True,
        )
    running = Running(pid=process.pid, port=port)
    try:
        _wait(process, f"http://127.0.0.1:{port}{ready}", log)
        yield running
    finally:
        _end(process)


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    until = time.monotonic() + STARTING
    while process.poll() is None and time.monotonic() < until:
        with suppress(OSError), DIRECTLY.open(url, timeout=2) as answer:
            if answer.status == 200:
                return
        time.sleep(0.2)
    raise SystemExit(f"no server at {url}; it said:\n{log.read_text('utf-8', 'replace')[-3000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(ENDING)
    with suppress(ProcessLookupError):  # what it left behind: its own group, and nobody else's
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def free_port() -> int:
    """A port of the loopback that nobody has now."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@dataclass(slots=True, kw_only=True)
class Watched:
    """What was seen of a server while it worked.

    Attributes:
        at: seconds since the watch began.
        memory: bytes, at each of these.
        files: open, at each of these.
        pings: seconds that each ``ping`` took; infinity where it failed.
    """

    at: list[float] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    pings: list[float] = field(default_factory=list)


@contextmanager
def watched(running: Running, *, every: float = 0.5, ping: str = "") -> Iterator[Watched]:
    """Look at a server again and again, from a thread, until the block ends."""
    seen, over, begun = Watched(), threading.Event(), time.monotonic()

    def look() -> None:
        while not over.is_set():
            seen.at.append(time.monotonic() - begun)
            seen.memory.append(running.memory())
            seen.files.append(running.open_files())
            if ping:
                seen.pings.append(_seconds_of(f"http://127.0.0.1:{running.port}{ping}"))
            over.wait(every)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def _seconds_of(url: str) -> float:
    begun = time.monotonic()
    with suppress(OSError), DIRECTLY.open(url, timeout=10) as answer:
        answer.read()
        return time.monotonic() - begun
    return float("inf")
