"""Callers who take their time: they are cut off, and nobody waits for them."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from request_bytes import picture, request
from served_process import Answer, answers

from lapel.serving.models import Models
from lapel.serving.run import running
from lapel.serving.settings import Settings
from lapel.serving.sources import Source


@pytest.fixture(scope="module")
def address(colour_bundle: Path) -> Iterator[tuple[str, int]]:
    """A server with very short limits."""
    settings = Settings(
        port=0, head_seconds=0.6, body_seconds=0.6, idle_seconds=1, connections=40, access_log=False
    )
    with (
        Models([Source(bundle=colour_bundle)], settings) as models,
        running(models, settings) as url,
    ):
        parts = urlsplit(url)
        yield str(parts.hostname), int(parts.port or 0)


def connect(address: tuple[str, int]) -> socket.socket:
    return socket.create_connection(address, timeout=10)


def good(address: tuple[str, int]) -> Answer:
    with connect(address) as connection:
        connection.sendall(picture())
        (answer,) = answers(connection)
    return answer


def drip(connection: socket.socket, data: bytes, *, pause: float) -> float:
    """Send byte by byte until the other side has enough; the seconds that it took."""
    started = time.monotonic()
    connection.settimeout(pause)
    for place in range(len(data)):
        try:
            connection.sendall(data[place : place + 1])
            if connection.recv(1, socket.MSG_PEEK) is not None:
                break  # an answer, or the end
        except TimeoutError:
            continue
        except OSError:
            break
    connection.settimeout(10)
    return time.monotonic() - started


@pytest.mark.parametrize(
    "head", [b"GET /health HT", b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX"]
)
def test_a_head_that_never_ends(address: tuple[str, int], head: bytes) -> None:
    with connect(address) as connection:
        connection.sendall(head)
        seconds = drip(connection, b"a" * 100, pause=0.1)
        (answer,) = answers(connection)
    assert 0.4 < seconds < 3
    assert answer.status == 408
    assert good(address).status == 200


def test_nothing_at_all(address: tuple[str, int]) -> None:
    started = time.monotonic()
    with connect(address) as connection:
        list(answers(connection))  # ends when the server hangs up
    assert time.monotonic() - started < 3


def test_a_body_that_never_ends(address: tuple[str, int]) -> None:
    with connect(address) as connection:
        head = (b"Content-Type: image/jpeg", b"Content-Length: 90000")
        connection.sendall(request(b"/v1/predict", *head))
        seconds = drip(connection, b"a" * 100, pause=0.1)
        (answer,) = answers(connection)
    assert 0.4 < seconds < 4
    assert answer.status == 408
    assert good(address).status == 200


def test_all_connections_taken_by_sleepers_come_free_again(address: tuple[str, int]) -> None:
    with ExitStack() as stack:
        sleepers = [stack.enter_context(connect(address)) for _ in range(60)]
        for sleeper in sleepers:
            sleeper.sendall(b"GET /health HTTP/1.1\r\n")
        until = time.monotonic() + 5
        while time.monotonic() < until:
            found = good(address).status
            assert found in {200, 503}
            if found == 200:
                break
            time.sleep(0.1)
        assert found == 200
