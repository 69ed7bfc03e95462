"""uvicorn's HTTP/1.1, with limits that it lacks: on the time of a request's head, on callers who
never read, and on the number of connections; and with refusals in our own words.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from contextlib import suppress
from typing import Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from lapel.serving.faults import WORDS, fault
from lapel.serving.limits import LINGER_BYTES, LINGER_SECONDS
from lapel.serving.settings import Settings
from lapel.serving.turning_away import TurnedAway, TurningAway

#: Most bytes of a request's line and headers together.
HEAD_BYTES = 32 * 1024

_TEXTS = {
    400: "this is no HTTP/1.1 request with a body by Content-Length or chunked; see RFC 9112",
    408: "the head of the request was not there in time; send it at once",
    431: f"the line and headers of a request are at most {HEAD_BYTES // 1024} KiB",
    503: "too many connections are open; try again in 1 s",
}


class Together(asyncio.Transport):
    """A transport on which all that is written in one turn of the loop is sent as one piece.

    Head, body and end of an answer are written one after the other; each by itself is a call of the
    system, after which the loop waits for the interpreter as long as others compute.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._pieces: list[bytes | bytearray | memoryview] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes, at the end of this turn."""
        if not self._pieces:
            self._loop.call_soon(self._send)
        self._pieces.append(data)

    def _send(self) -> None:
        pieces, self._pieces = self._pieces, []
        if pieces:
            self._transport.write(b"".join(pieces))

    def close(self) -> None:
        """Send what was written, and hang up."""
        self._send()
        self._transport.close()

    def abort(self) -> None:
        """Hang up at once."""
        self._pieces = []
        self._transport.abort()

    def is_closing(self) -> bool:
        """Whether it is hanging up."""
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - as asyncio's
        """What is known of the connection."""
        return self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        """Read no more for now."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        self._transport.resume_reading()


class GuardedProtocol(H11Protocol):
    """A connection."""

    settings: ClassVar[Settings]
    turning_away: ClassVar[TurningAway | None]

    #: Bytes of the body of a request that was turned away, which are still to be thrown away.
    _to_skip: int = 0
    #: Whether the connection ends when they are.
    _closes: bool = False
    _head_timer: asyncio.TimerHandle | None = None
    _write_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        """Begin, unless too many others are open."""
        super().connection_made(Together(transport, self.loop))
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
        data = self._skip(data)
        if not data or self.transport.is_closing():
            return
        if self._is_between and (turned := self._look(data)) is not None:
            self._turn_away(turned)
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

    @property
    def _is_between(self) -> bool:
        """Whether nothing has come of the next request yet."""
        return self.conn.their_state is h11.IDLE and not self.conn.trailing_data[0]

    def _look(self, data: bytes) -> TurnedAway | None:
        if self.turning_away is None:
            return None
        return self.turning_away.look(data, self.client[0] if self.client else None)

    def _turn_away(self, turned: TurnedAway) -> None:
        """Answer, and throw away the body, of which the connection is free afterwards."""
        self._head_is_there()
        self._unset_keepalive_if_required()
        # So long the body may take, or the next request.
        self.timeout_keep_alive_task = self.loop.call_later(
            LINGER_SECONDS if turned.closes else self.timeout_keep_alive,
            self.timeout_keep_alive_handler,
        )
        self.transport.write(turned.answer)
        self._to_skip = turned.body
        if turned.closes:  # not before it has sent what it is sending (RFC 9112, 9.6)
            self._to_skip = min(turned.body, LINGER_BYTES)
            self._closes = True
        self.data_received(turned.rest)

    def _skip(self, data: bytes) -> bytes:
        """What follows the body that is thrown away."""
        skipped = min(self._to_skip, len(data))
        self._to_skip -= skipped
        if self._closes and not self._to_skip:
            self.transport.close()
        return data[skipped:] if skipped else data

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


def protocol_of(
    settings: Settings, turning_away: TurningAway | None = None
) -> type[GuardedProtocol]:
    """The protocol with a server's settings, and with who says which requests need no reading."""
    return type(
        "Protocol", (GuardedProtocol,), {"settings": settings, "turning_away": turning_away}
    )
