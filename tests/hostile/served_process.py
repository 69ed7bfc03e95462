"""A server in a process of its own, as users start it, and ways to speak to it byte by byte."""

from __future__ import annotations

import http.client
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from picture_bytes import photo
from request_bytes import HostileRequest, picture, request

#: Seconds until a process that serves is given up.
STARTING, ENDING = 60.0, 35.0

MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Served:
    """A server that answers.

    Attributes:
        process: its process.
        port: where it listens, on the loopback.
        log: the file of all that it said.
    """

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connect(self, *, seconds: float = 20.0) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=seconds)

    def ask(self, data: bytes, *, torn: bool = False, seconds: float = 20.0) -> list[Answer]:
        """All answers to some bytes, until the server closes or has nothing left to answer."""
        with self.connect(seconds=seconds) as connection:
            # A server may refuse and close before all has been sent.
            with suppress(ConnectionError):
                connection.sendall(data)
            if torn:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_WR)
            return list(answers(connection))

    def good(self) -> Answer:
        """The answer to a good request."""
        (answer,) = self.ask(picture())
        return answer

    def resident(self, what: str = "VmRSS") -> int:
        """Bytes that the process holds in memory; ``VmHWM``: that it ever held."""
        status = Path(f"/proc/{self.process.pid}/status").read_text("utf-8")
        return int(re.findall(rf"{what}:\s+(\d+) kB", status)[0]) << 10

    def open_files(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def said(self) -> str:
        return self.log.read_text("utf-8", "replace")


def answers(connection: socket.socket) -> Iterator[Answer]:
    """Answers as they come, until the connection ends."""
    file = connection.makefile("rb")
    while True:
        # http.client reads one answer of a socket; several share the file.
        answer = http.client.HTTPResponse(_Shared(file), method="POST")  # type: ignore[arg-type]
        try:
            answer.begin()
            body = answer.read()
        except (http.client.HTTPException, ConnectionError):
            return
        yield Answer(answer.status, body, {key.lower(): text for key, text in answer.getheaders()})
        if answer.will_close:
            return


class _Shared:
    """A file for one who asks a socket for one, and closes it when done."""

    def __init__(self, file: object) -> None:
        self._file = file

    def makefile(self, _mode: str) -> _Shared:
        return self

    def close(self) -> None:
        """The next answer comes from the same file."""

    def __getattr__(self, name: str) -> object:
        return getattr(self._file, name)


@contextmanager
def serving(*arguments: object, log: Path, **environment: str) -> Iterator[Served]:
    """``lapel serve`` with these arguments, once it is ready; ended by SIGTERM."""
    port = free_port()
    command = [sys.executable, "-m", "lapel", "serve", *map(str, arguments), "--port", str(port)]
    quiet = {"OMP_NUM_THREADS": "1", "NO_COLOR": "1"}
    with log.open("wb") as said:
        process = subprocess.Popen(
            command, stdout=said, stderr=subprocess.STDOUT, env=os.environ | quiet | environment
        )
    served = Served(process, port, log)
    try:
        _wait_until_ready(served)
        yield served
    finally:
        process.terminate()
        try:
            process.wait(ENDING)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def _wait_until_ready(served: Served) -> None:
    until = time.monotonic() + STARTING
    while time.monotonic() < until and served.process.poll() is None:
        with suppress(OSError):
            if [one.status for one in served.ask(request(b"/ready", method=b"GET"))] == [200]:
                return
        time.sleep(0.05)
    raise AssertionError(f"the server did not become ready; it said:\n{served.said()}")


def spoken(served: Served, asked: HostileRequest) -> list[Answer]:
    """What a server answers to a hostile request."""
    return served.ask(asked.data, torn=asked.torn)


PHOTO = photo("JPEG")
