"""Bodies of requests: how large they may be, how long they may take, how many there may be."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lapel.imaging.decode import MEBIBYTE
from lapel.serving.faults import Refusal, busy
from lapel.serving.settings import Settings

#: What is still read of a body when the answer is known without it, so that the caller, who is
#: still sending, comes to read the answer: closing at once would throw it away (RFC 9112, 9.6).
LINGER_BYTES = MEBIBYTE
LINGER_SECONDS = 1.0

#: Of bodies whose rest is so short the connection stays open for the next request.
SHORT_REST = MEBIBYTE // 4


class Memory:
    """So many bytes of bodies are held at a time."""

    def __init__(self, size: int) -> None:
        self._free = size

    def check(self, count: int) -> None:
        """See whether there is room for bytes.

        Raises:
            Refusal: 503, there is none now.
        """
        if count > self._free:
            raise busy("too many large requests at once", seconds=1)

    def take(self, count: int) -> None:
        """Take room for bytes.

        Raises:
            Refusal: 503, there is none now.
        """
        self.check(count)
        self._free -= count

    def give_back(self, count: int) -> None:
        """Give back what was taken."""
        self._free += count


class BodyLimits:
    """Counts each body while it is read; whoever reads it gets a refusal where it is too much.

    No body is read before something asks for it, so that who is refused for another reason costs
    no memory.
    """

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._memory = Memory(settings.memory_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        if scope["type"] != "http" or not _announces_body(scope):
            await self._app(scope, receive, send)
            return
        body = _Body(scope, receive, send, self._settings, self._memory)
        try:
            await self._app(scope, body.receive, body.send)
        finally:
            body.give_back()


def _now() -> float:
    return asyncio.get_running_loop().time()


def _announces_body(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


class _Body:
    """The body of one request."""

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, settings: Settings, memory: Memory
    ) -> None:
        headers = Headers(scope=scope)
        length = headers.get("content-length", "")
        self._length = int(length) if length.isdecimal() else None
        self._waits = headers.get("expect", "").lower() == "100-continue"
        self._receive, self._send = receive, send
        self._settings, self._memory = settings, memory
        self._taken = self._read = 0
        self._done = False
        self._stall = settings.stall_seconds
        self._deadline = 0.0

    async def receive(self) -> Message:
        """The next piece.

        Raises:
            Refusal: 408, 413 or 503.
        """
        if self._done:
            return await self._receive()  # nothing but the end of the connection can come
        if not self._deadline:
            self._begin()
        try:
            async with asyncio.timeout_at(min(self._deadline, _now() + self._stall)):
                message = await self._receive()
        except TimeoutError:
            raise Refusal(
                408,
                f"nothing of the body came for {self._stall:g} s, or all of it was not there "
                f"within {self._settings.body_seconds:g} s; send less, or over a quicker line",
            ) from None
        self._count(message)
        return message

    def _begin(self) -> None:
        """Refuse what is too large before any of it is read."""
        self._deadline = _now() + self._settings.body_seconds
        if self._length is not None:
            self._check(self._length)
            self._memory.check(self._length)

    def _count(self, message: Message) -> None:
        self._done = message["type"] != "http.request" or not message.get("more_body", False)
        self._read += len(message.get("body", b""))
        self._check(self._read)
        # Not all that was announced, when it was announced: who sends nothing takes no room.
        self._memory.take(self._read - self._taken)
        self._taken = self._read

    def _check(self, count: int) -> None:
        limit = self._settings.body_bytes
        if count > limit:
            raise Refusal(
                413,
                f"the body is larger than {limit / MEBIBYTE:g} MiB, which is the limit; send fewer "
                "or smaller pictures",
                code="body_too_large",
            )

    def give_back(self) -> None:
        """Nobody holds the body any more."""
        self._memory.give_back(self._taken)
        self._taken = 0

    async def send(self, message: Message) -> None:
        """Send an answer; one that comes before the end of the body, so that it arrives."""
        if self._done:
            await self._send(message)
            return
        if message["type"] == "http.response.start":
            # At once: those who are still sending could all be refused for the sake of one another.
            self.give_back()
            await self._send(self._with_close(message))
        elif message.get("more_body", False):
            await self._send(message)
        else:
            await self._send({**message, "more_body": True})
            await self._linger()
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    def _with_close(self, message: Message) -> Message:
        rest = None if self._length is None else self._length - self._read
        if rest is not None and rest <= SHORT_REST and not self._waits:
            return message
        return {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}

    async def _linger(self) -> None:
        if self._waits and not self._read:
            return  # the caller asked whether to send, and was answered
        left = LINGER_BYTES
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                while left > 0 and not self._done:
                    message = await self._receive()
                    left -= len(message.get("body", b""))
                    self._done = not message.get("more_body", False)
