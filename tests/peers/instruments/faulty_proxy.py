"""A proxy before an S3 server that misbehaves on purpose, and counts what passes through it."""

from __future__ import annotations

import http.client
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

SLOW_DOWN = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code>'
    b"<Message>Please reduce your request rate.</Message></Error>"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request as it arrived.

    Attributes:
        number: from 0, in the order of arrival.
        method: such as ``GET``.
        path: without query.
        query: by name.
        sent: bytes of its body.
        span: its Range header.
    """

    number: int
    method: str
    path: str
    query: dict[str, str]
    sent: int
    span: str

    @property
    def is_part(self) -> bool:
        """Whether a part of an upload is sent."""
        return self.method == "PUT" and "partNumber" in self.query


#: What is done to one request: it may answer by itself (True), or change the answer.
Fault = Callable[["Handler", "Answer"], bool]
#: Chooses a fault for a request, or none.
Rule = Callable[[Request], Fault | None]


@dataclass(slots=True)
class Answer:
    """What the server behind answers; asked for when a fault wants it."""

    ask: Callable[[], tuple[int, list[tuple[str, str]], bytes]]


@dataclass
class FaultyProxy:
    """A running proxy.

    Attributes:
        endpoint: its address.
        requests: all that arrived.
        rule: may be set at any time.
    """

    endpoint: str
    upstream: str
    requests: list[Request] = field(default_factory=list)
    rule: Rule = lambda _: None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def seen(self, method: str) -> list[Request]:
        """Requests of a method."""
        return [one for one in list(self.requests) if one.method == method]


class Handler(BaseHTTPRequestHandler):
    """Passes requests on."""

    protocol_version = "HTTP/1.1"
    proxy: FaultyProxy

    def handle_one(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        query = {k: v[0] for k, v in parse_qs(url.query, keep_blank_values=True).items()}
        with self.proxy.lock:
            request = Request(
                number=len(self.proxy.requests),
                method=self.command,
                path=url.path,
                query=query,
                sent=len(body),
                span=self.headers.get("Range", ""),
            )
            self.proxy.requests.append(request)
            fault = self.proxy.rule(request)
        answer = Answer(ask=lambda: self.ask(body))
        if fault is None or not fault(self, answer):
            self.reply(*answer.ask())

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_one  # noqa: N815 - http.server's names

    def log_message(self, *_: Any) -> None:
        pass

    def ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        host = urlsplit(self.proxy.upstream).netloc
        connection = http.client.HTTPConnection(host, timeout=60)
        try:
            # The Host header is signed, so it stays the one of this proxy.
            connection.putrequest(
                self.command, self.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in self.headers.items():
                if name.lower() not in {"connection", "expect"}:
                    connection.putheader(name, value)
            connection.endheaders(body or None)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def reply(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.head(status, headers, len(body))
        if self.command != "HEAD":
            self.wfile.write(body)

    def head(self, status: int, headers: list[tuple[str, str]], length: int) -> None:
        self.send_response_only(status)
        named = {name.lower() for name, _ in headers}
        for name, value in headers:
            if name.lower() == "content-length" and self.command != "HEAD":
                self.send_header(name, str(length))
            elif name.lower() not in {"transfer-encoding", "connection"}:
                self.send_header(name, value)
        if "content-length" not in named and status != 204:
            self.send_header("Content-Length", str(length))
        self.end_headers()


def slow_down(handler: Handler, _: Answer) -> bool:
    """503, as S3 says it to who asks too often."""
    handler.reply(503, [("Content-Type", "application/xml")], SLOW_DOWN)
    return True


def lost_answer(handler: Handler, answer: Answer) -> bool:
    """The server does what it was asked, and nobody hears of it."""
    answer.ask()
    handler.close_connection = True
    return True


def cut(handler: Handler, answer: Answer) -> bool:
    """The connection ends in the middle of the answer."""
    status, headers, body = answer.ask()
    handler.head(status, headers, len(body))
    handler.wfile.write(body[: len(body) // 2])
    handler.wfile.flush()
    handler.close_connection = True
    return True


def wrong_length(handler: Handler, answer: Answer) -> bool:
    """The answer is shorter than what was asked for, and says so of itself."""
    status, headers, body = answer.ask()
    handler.reply(status, headers, body[: max(len(body) - 10, 0)])
    return True


def wrong_bytes(handler: Handler, answer: Answer) -> bool:
    """One bit of the answer is another."""
    status, headers, body = answer.ask()
    middle = len(body) // 2
    if body:
        body = body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]
    handler.reply(status, headers, body)
    return True


def slow(seconds: float) -> Fault:
    """Every answer takes its time."""

    def wait(_: Handler, __: Answer) -> bool:
        time.sleep(seconds)
        return False

    return wait


def once_each(*faults: Fault, of: Callable[[Request], bool] = lambda _: True) -> Rule:
    """Each fault befalls one request that fits, one after the other; the rest pass."""
    left = list(faults)

    def choose(request: Request) -> Fault | None:
        return left.pop(0) if left and of(request) else None

    return choose


def at_random(share: float, seed: int, *faults: Fault) -> Rule:
    """A share of all requests fail, each in a way drawn by chance, the same for a seed."""
    draw = random.Random(seed)

    def choose(_: Request) -> Fault | None:
        return draw.choice(faults) if draw.random() < share else None

    return choose


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are what these tests are about."""


@contextmanager
def faulty_proxy(upstream: str) -> Iterator[FaultyProxy]:
    """Run a proxy before a server; it passes everything on until ``rule`` is set."""
    proxy = FaultyProxy(endpoint="", upstream=upstream)
    server = _Server(("127.0.0.1", 0), type("Bound", (Handler,), {"proxy": proxy}))
    proxy.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
