"""Bodies that are too large or too many cost nothing, and their senders hear why."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
from served_process import Answer, answers

from lapel.imaging.decode import MEBIBYTE
from lapel.serving.sources import Source

JPEG = {"content-type": "image/jpeg"}


@pytest.fixture(scope="module")
def small(serving_models: Any, colour_bundle: Path) -> Iterator[httpx2.Client]:
    """A server that takes bodies of 2 MiB, 3 MiB of them at a time, and three pictures at once."""
    with serving_models(
        Source(bundle=colour_bundle),
        body_bytes=2 * MEBIBYTE,
        memory_bytes=3 * MEBIBYTE,
        pictures=3,
    ) as client:
        yield client


@contextmanager
def connected(client: httpx2.Client) -> Iterator[socket.socket]:
    address = (str(client.base_url.host), int(client.base_url.port or 0))
    with socket.create_connection(address, timeout=10) as connection:
        yield connection


def head(length: int | str) -> bytes:
    framing = f"Content-Length: {length}" if isinstance(length, int) else length
    return (
        "POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/jpeg\r\n"
        f"{framing}\r\n\r\n"
    ).encode()


def first(connection: socket.socket) -> Answer:
    return next(answers(connection))


def code(answer: Answer) -> str:
    return str(json.loads(answer.body)["error"]["code"])


def test_a_body_that_is_announced_too_large_is_refused_before_it_comes(
    small: httpx2.Client,
) -> None:
    with connected(small) as connection:
        begun = time.monotonic()
        connection.sendall(head(500 * MEBIBYTE))
        answer = first(connection)
        assert time.monotonic() - begun < 0.5
    assert (answer.status, code(answer)) == (413, "body_too_large")
    assert answer.headers["connection"] == "close"


def test_who_asks_first_is_told_not_to_send(small: httpx2.Client) -> None:
    with connected(small) as connection:
        connection.sendall(head(f"Content-Length: {9 * MEBIBYTE}\r\nExpect: 100-continue"))
        assert first(connection).status == 413


def test_a_body_that_turns_out_too_large_is_refused_on_its_way(small: httpx2.Client) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(40):
            yield bytes(MEBIBYTE // 8)

    answer = small.post("/v1/predict", content=pieces(), headers=JPEG)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")


def test_who_sends_on_still_hears_the_refusal(small: httpx2.Client) -> None:
    """Closing at once would take the answer from those who read after they have sent."""
    answer = small.post("/v1/predict", content=bytes(3 * MEBIBYTE), headers=JPEG)
    assert answer.status_code == 413
    unknown = small.post("/nothing", content=bytes(MEBIBYTE), headers=JPEG)
    assert unknown.status_code == 404


def test_a_refusal_keeps_the_connection_of_a_small_body(
    small: httpx2.Client, picture_file: Callable[..., bytes]
) -> None:
    data = picture_file((220, 20, 20), "JPEG")
    with connected(small) as connection:
        for _ in range(3):
            wrong = head(len(data)).replace(b"/v1/predict", b"/v1/predict?top=0")
            connection.sendall(wrong + data)
            assert first(connection).status == 422
        connection.sendall(head(len(data)) + data)
        assert first(connection).status == 200


def test_many_bodies_share_the_memory(
    small: httpx2.Client, picture_file: Callable[..., bytes]
) -> None:
    data = picture_file((220, 20, 20), "JPEG")
    large = data + bytes(2 * MEBIBYTE - len(data))
    with connected(small) as one, connected(small) as two, connected(small) as idle:
        idle.sendall(head(len(large)))  # announces much, sends nothing, and takes no room
        one.sendall(head(len(large)) + large[:-1])
        time.sleep(0.3)
        two.sendall(head(len(large)))
        refused = first(two)
        assert (refused.status, code(refused)) == (503, "busy")
        assert refused.headers["retry-after"] == "1"
        # Small ones fit beside it, and the first is answered when the rest has come.
        assert small.post("/v1/predict", content=data, headers=JPEG).status_code == 200
        one.sendall(large[-1:])
        assert first(one).status == 200
    with connected(small) as three:
        three.sendall(head(len(large)) + large)
        assert first(three).status == 200


def test_together_they_are_refused_on_their_way_too(small: httpx2.Client) -> None:
    large = bytes(2 * MEBIBYTE)
    with connected(small) as one, connected(small) as two:
        for connection in (one, two):
            connection.sendall(head(len(large)))
        time.sleep(0.2)
        one.sendall(large[:-1])
        time.sleep(0.3)
        with suppress(ConnectionError):
            two.sendall(large[:-1])
        assert first(two).status == 503


def test_memory_is_given_back_by_who_hangs_up(
    small: httpx2.Client, picture_file: Callable[..., bytes]
) -> None:
    data = picture_file((220, 20, 20), "JPEG")
    for _ in range(5):
        with connected(small) as connection:
            connection.sendall(head(2 * MEBIBYTE) + data)
            time.sleep(0.02)
    time.sleep(0.2)
    large = data + bytes(2 * MEBIBYTE - len(data))
    assert small.post("/v1/predict", content=large, headers=JPEG).status_code == 200


def test_too_many_pictures_at_once(
    small: httpx2.Client, picture_file: Callable[..., bytes]
) -> None:
    data = picture_file((220, 20, 20), "JPEG")
    files = [("file", (f"{number}.jpg", data)) for number in range(4)]
    assert small.post("/v1/predict", files=files[:3]).status_code == 200
    answer = small.post("/v1/predict", files=files)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_many_pictures")
    assert "more than 3 pictures" in answer.json()["error"]["message"]
