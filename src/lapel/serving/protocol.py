"""uvicorn's HTTP/1.1, with limits that it lacks: on the time of a request's head, on callers who
never read, and on the number of connections; and with refusals in our own words.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from contextlib import suppress
from typing import ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from lapel.serving.faults import WORDS, fault
from lapel.serving.settings import Settings

#: Most bytes of a request's line and headers together.
HEAD_BYTES = 32 * 1024

_TEXTS = {
    400: "this is no HTTP/1.1 request with a body by Content-Length or chunked; see RFC 9112",
    408: "the head of the request was not there in time; send it at once",
    431: f"the line and headers of a request are at most {HEAD_BYTES // 1024} KiB",
    503: "too many connections are open; try again in 1 s",
}


class GuardedProtocol(H11Protocol):
    """A connection."""

    settings: ClassVar[Settings]

    _head_timer: asyncio.TimerHandle | None = None
    _write_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        """Begin, unless too many others are open."""
        super().connection_made(transport)
        # Head and body of an answer are written one after the other; the system would keep the
        # second back until the first is acknowledged, 40 ms later (RFC 896). asyncio sees to that
        # for sockets of its own making alone.
        connection = transport.get_extra_info("socket")
        if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._await_head()
        if len(self.connections) > self.settings.connections:
            self._refuse(503)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._head_is_there()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read; from the first byte of a request on its head must be there soon."""
        if self.transport.is_closing():
            return
        if self._head_timer is None and self.conn.their_state is h11.IDLE:
            self._await_head()
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._head_is_there()

    def pause_writing(self) -> None:
        """The caller does not read; for how long, is limited."""
        super().pause_writing()
        self._write_timer = self.loop.call_later(self.settings.write_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """The caller reads again."""
        super().resume_writing()
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - it is the same for all
        """Refuse what is no HTTP."""
        error = sys.exception()
        hint = error.error_status_hint if isinstance(error, h11.RemoteProtocolError) else 400
        # Its other hints are 5xx, as if it were our fault that a caller speaks something else.
        self._refuse(431 if hint == 431 else 400)

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(self.settings.head_seconds, self._too_slow)

    def _head_is_there(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _too_slow(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self._refuse(408)

    def _refuse(self, status: int) -> None:
        """Say why, and close."""
        body = json.dumps(fault(WORDS.get(status, "bad_request"), _TEXTS.get(status, _TEXTS[400])))
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
            *([(b"retry-after", b"1")] if status == 503 else []),
        ]
        with suppress(h11.LocalProtocolError):  # an answer is under way already
            start = h11.Response(status_code=status, headers=headers)
            for event in (start, h11.Data(data=body.encode()), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def protocol_of(settings: Settings) -> type[GuardedProtocol]:
    """The protocol with a server's settings."""
    return type("Protocol", (GuardedProtocol,), {"settings": settings})
