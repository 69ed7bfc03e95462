"""The metadata service of a rented machine: speaks IMDSv2 alone, as our machines are set up."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN, LIVES = "X-aws-ec2-metadata-token", "X-aws-ec2-metadata-token-ttl-seconds"
NOTICE = '{"action": "terminate", "time": "2026-11-22T18:00:00Z"}'


@dataclass
class Metadata:
    """What the service says, and what it was asked.

    Attributes:
        url: where it answers.
        notice: that a spot machine is taken; None: there is none.
        tokens: that it gave out, and takes.
        asked: how often it was asked for a notice with a token that it takes.
        refused: how often without.
    """

    url: str = ""
    notice: str | None = None
    tokens: set[str] = field(default_factory=set)
    asked: int = 0
    refused: int = 0


@contextmanager
def machine_metadata() -> Iterator[Metadata]:
    """The service, on a port of loopback."""
    state = Metadata()

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            lives = self.headers.get(LIVES, "")
            if self.path != "/latest/api/token" or not 1 <= int(lives or 0) <= 21600:
                self._say(400, "")
                return
            token = f"token-{time.monotonic_ns()}"
            state.tokens.add(token)
            self._say(200, token)

        def do_GET(self) -> None:
            if self.headers.get(TOKEN) not in state.tokens:
                state.refused += 1
                self._say(401, "")
                return
            state.asked += 1
            if self.path != "/latest/meta-data/spot/instance-action" or state.notice is None:
                self._say(404, "")
            else:
                self._say(200, state.notice)

        def _say(self, code: int, text: str) -> None:
            self.send_response(code)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its own name
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
