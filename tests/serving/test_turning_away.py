"""Who comes to a full queue is turned away unread, and spoken with by all rules otherwise."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import httpx2
import pytest

JPEG = {"content-type": "image/jpeg"}
PING = b"GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def photo(picture_file: Callable[..., bytes]) -> bytes:
    return picture_file((220, 20, 20))


@pytest.fixture(scope="module")
def crowded(
    serving_models: Any, make_paced: Any, colour_bundle: Path, photo: bytes
) -> Iterator[httpx2.Client]:
    """A server at whose only model four wait, for longer than these tests take."""
    source = make_paced(colour_bundle, 0.0)
    with serving_models(source, latency=0.001, batch=1) as client:
        client.post("/v1/predict", content=photo, headers=JPEG)
        source.paced.seconds = 25.0
        address = f"{client.base_url}/v1/predict"

        def wait() -> None:
            httpx2.post(address, content=photo, headers=JPEG, timeout=60, trust_env=False)

        waiting = [threading.Thread(target=wait) for _ in range(4)]
        for one in waiting:
            one.start()
        until = time.monotonic() + 5
        while 'lapel_waiting_pictures{model="colours"} 4.0' not in client.get("/metrics").text:
            assert time.monotonic() < until
        yield client
        source.paced.seconds = 0.0
        for one in waiting:
            one.join()


class Line:
    """A connection of one's own."""

    def __init__(self, client: httpx2.Client) -> None:
        place = urlsplit(str(client.base_url))
        self.socket = socket.create_connection((place.hostname, place.port), timeout=5)
        self.reader = self.socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.reader.close()
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of one answer."""
        first = self.reader.readline().decode()
        assert first, "hung up"
        headers = {}
        while text := self.reader.readline().decode().strip().lower():
            name, _, value = text.partition(": ")
            headers[name] = value
        return int(first.split()[1]), headers, self.reader.read(int(headers["content-length"]))

    def ends(self) -> bool:
        return self.reader.read(1) == b""


def post(length: int, *more: str, path: str = "/v1/predict") -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {length}", *more]
    return "\r\n".join([*lines, "", ""]).encode()


def test_the_refusal_is_the_one_that_others_get_and_the_connection_goes_on(
    crowded: httpx2.Client,
) -> None:
    with Line(crowded) as line:
        for pieces in ([post(6) + b"a body"], [post(6), b"a b", b"ody"]):
            for piece in pieces:
                line.send(piece)
                time.sleep(0.02)
            status, headers, body = line.answer()
            assert (status, int(headers["retry-after"]) >= 1) == (503, True)
            assert headers["content-type"] == "application/json"
            assert headers["x-content-type-options"] == "nosniff"
            said = json.loads(body)["error"]
            assert said["code"] == "busy"
            assert "4 pictures are waiting" in said["message"]
        line.send(PING)
        assert line.answer()[0] == 200


def test_what_follows_the_body_at_once_is_the_next_request(crowded: httpx2.Client) -> None:
    with Line(crowded) as line:
        line.send(post(1000) + b"x" * 1000 + PING)
        assert line.answer()[0] == 503
        assert line.answer()[0] == 200


def test_who_sends_much_is_read_for_a_while_and_hung_up(crowded: httpx2.Client) -> None:
    with Line(crowded) as line:
        line.send(post(800_000))
        for _ in range(8):
            line.send(b"x" * 100_000)
        status, headers, _ = line.answer()
        assert (status, headers["connection"]) == (503, "close")
        assert line.ends()


def test_who_stops_in_the_middle_is_hung_up(crowded: httpx2.Client) -> None:
    with Line(crowded) as line:
        line.send(post(800_000) + b"x")
        assert line.answer()[0] == 503
        assert line.ends()


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (PING, 200),
        (post(0, path="/v1/nothing"), 404),
        (post(3, "Content-Length: 4") + b"abcd", 400),
        (b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /v1/predict HTTP/3.7\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", 400),
    ],
)
def test_everything_else_is_read_by_all_rules(
    crowded: httpx2.Client, request_bytes: bytes, status: int
) -> None:
    with Line(crowded) as line:
        line.send(request_bytes)
        assert line.answer()[0] == status


def test_they_are_counted(crowded: httpx2.Client) -> None:
    def count() -> tuple[float, float]:
        lines = dict(text.rsplit(" ", 1) for text in crowded.get("/metrics").text.splitlines())
        requests = 'lapel_requests_total{method="POST",route="/v1/predict",status="503"}'
        return float(lines.get(requests, 0)), float(lines['lapel_refused_total{model="colours"}'])

    before = count()
    with Line(crowded) as line:
        line.send(post(1) + b"x")
        assert line.answer()[0] == 503
    assert [now - then for now, then in zip(count(), before, strict=True)] == [1, 1]
