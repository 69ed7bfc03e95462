"""The command in a process of its own: it starts, reloads, and ends without losing an answer."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
from served_process import Served, serving

from lapel.storage.folders import replace_folder

JPEG = {"content-type": "image/jpeg"}


def test_what_was_accepted_is_answered_before_the_end(
    colour_bundle: Path, tmp_path: Path, picture_file: Callable[..., bytes]
) -> None:
    """Twenty are sent to the last byte, then it is told to end; all of them are answered."""
    data = picture_file((220, 20, 20), "JPEG")
    statuses: list[int] = []
    with serving(colour_bundle, log=tmp_path / "log.txt") as served:
        gate = threading.Barrier(21)

        def send() -> None:
            with served.connect() as connection:
                head = (
                    "POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/jpeg\r\n"
                    f"Content-Length: {len(data)}\r\n\r\n"
                )
                connection.sendall(head.encode() + data[:-1])
                gate.wait()
                time.sleep(0.5)  # the last byte comes after the signal
                connection.sendall(data[-1:])
                statuses.append(int(connection.makefile("rb").readline().split()[1]))

        threads = [threading.Thread(target=send) for _ in range(20)]
        for thread in threads:
            thread.start()
        gate.wait()
        time.sleep(0.2)
        begun = time.monotonic()
        served.process.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join()
        assert served.process.wait(30) == 0
        assert time.monotonic() - begun < 10
    assert statuses == [200] * 20


def test_a_hang_up_loads_models_again_and_idle_callers_do_not_hold_up_the_end(
    own_colour_bundle: Path, make_many_bundle: Callable[..., Path], tmp_path: Path
) -> None:
    other = make_many_bundle(tmp_path / "other")
    with serving(f"model={own_colour_bundle}", log=tmp_path / "log.txt") as served:
        before = version_of(served)
        replace_folder(
            own_colour_bundle, {path.name: path.read_bytes() for path in other.iterdir()}
        )
        served.process.send_signal(signal.SIGHUP)
        until = time.monotonic() + 10
        while version_of(served) == before:
            assert time.monotonic() < until
            time.sleep(0.05)
        with httpx2.Client(base_url=served.url, trust_env=False) as client, served.connect():
            assert client.get("/health").status_code == 200
            begun = time.monotonic()
            served.process.send_signal(signal.SIGINT)
            assert served.process.wait(30) == 0
        assert time.monotonic() - begun < 8


def version_of(served: Served) -> str:
    with httpx2.Client(base_url=served.url, trust_env=False) as client:
        return str(client.get("/v1/models").json()["models"][0]["version"])


def test_the_log_has_a_line_a_request_without_names_of_pictures(
    colour_bundle: Path, tmp_path: Path, picture_file: Callable[..., bytes]
) -> None:
    token = "a-token-that-is-long-enough"
    bearer = {"authorization": f"Bearer {token}"}
    with (
        serving(colour_bundle, log=tmp_path / "log.txt", LAPEL_TOKEN=token) as served,
        httpx2.Client(base_url=served.url, trust_env=False) as client,
    ):
        files = {"file": ("secret.png", picture_file((220, 20, 20)))}
        client.post("/v1/predict?top=1", files=files, headers=bearer)
        client.get("/secret/path", headers=bearer)
        # Pages hold no data: they are there for whoever is to be asked for the token.
        for path in ("/", "/assets/style.css"):
            answer = client.get(path)
            assert answer.status_code == 200
            assert "default-src 'none'" in answer.headers["content-security-policy"]
    said = served.said()
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    (line,) = [line for line in lines if line["method"] == "POST"]
    assert (line["route"], line["status"], line["client"]) == ("/v1/predict", 200, "127.0.0.1")
    assert line["milliseconds"] > 0
    assert "secret" not in said
    assert token not in said
    assert f"Listening at {served.url}" in said
