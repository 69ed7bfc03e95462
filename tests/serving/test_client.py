"""``lapel.Client``: the answers of a server, as the predictor itself would give them."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import blocks
import colour_fields
import dots
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from served_process import MEBIBYTE, PHOTO, Served, free_port, serving

import lapel
from lapel.inference.pictures import Failure
from lapel.inference.predictor import Predictor
from lapel.inference.two_stage import TwoStagePredictor
from lapel.schema.errors import ServerError, UsageError
from lapel.schema.prediction import Prediction
from lapel.schema.read_garments import ReadScene
from lapel.serving.carried import BYTES, PICTURES, batches
from lapel.serving.client import Client

TOKEN = "a-token-that-is-long-enough"


def noise(count: int) -> list[NDArray[np.uint8]]:
    random = np.random.default_rng(4)
    sizes = random.integers(5, 90, (count, 2))
    return [random.integers(0, 256, (h, w, 3), dtype=np.uint8) for h, w in sizes]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("client")


@pytest.fixture(scope="module")
def bundles(folder: Path, colour_bundle: Path) -> dict[str, Path]:
    return {
        "colours": colour_bundle,
        "fields": colour_fields.write_fields_bundle(folder / "fields"),
        "dots": dots.write_dots_bundle(folder / "dots"),
        "blocks": blocks.write_blocks_bundle(folder / "blocks"),
    }


@pytest.fixture(scope="module")
def served(bundles: dict[str, Path], folder: Path) -> Iterator[Served]:
    """One server, a model of every kind."""
    named = [f"{name}={path}" for name, path in bundles.items()]
    with serving(*named, log=folder / "log.txt", LAPEL_TOKEN=TOKEN) as found:
        yield found


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    with Client(served.url, token=TOKEN, model="colours") as found:
        yield found


@pytest.mark.parametrize("model", ["colours", "fields", "dots", "blocks"])
def test_the_same_as_the_predictor_itself_to_the_bit(
    served: Served, bundles: dict[str, Path], model: str
) -> None:
    pictures = [*noise(5), blocks.block_picture(128, 96, {"top": (10, 20, 40, 60)})]
    with Client(served.url, token=TOKEN, model=model) as client:
        assert list(client.predict(pictures, top=2)) == list(
            Predictor.load(bundles[model]).predict(pictures, top=2)
        )


def test_garments_that_two_models_found_and_read(bundles: dict[str, Path], tmp_path: Path) -> None:
    picture = blocks.block_picture(128, 96, {"top": (10, 20, 40, 60), "skirt": (80, 30, 30, 50)})
    both = TwoStagePredictor.load(bundles["blocks"], bundles["colours"])
    log = tmp_path / "log.txt"
    with ExitStack() as stack:
        served = stack.enter_context(
            serving(bundles["colours"], "--garments", bundles["blocks"], log=log)
        )
        client = stack.enter_context(Client(served.url))
        (found,) = client.predict(picture)
        assert found == next(both.predict(picture))
        assert isinstance(found, ReadScene)
        assert len(found.garments) == 2


def test_paths_bytes_and_pixels_in_order_with_failures_in_their_place(
    client: Client, tmp_path: Path
) -> None:
    path = tmp_path / "옷 사진.png"
    Image.new("RGB", (50, 20), (220, 30, 20)).save(path)
    data = path.read_bytes()
    pixels = np.asarray(Image.open(path))
    found = list(client.predict([path, b"no picture", data, tmp_path / "gone.jpg", pixels, b""]))
    assert [type(one) for one in found] == [
        Prediction, Failure, Prediction, Failure, Prediction, Failure,
    ]  # fmt: skip
    names = [str(path), "image[1]", "image[2]", str(tmp_path / "gone.jpg"), "image[4]", "image[5]"]
    assert [one.image for one in found] == names
    answers = [one.answers for one in found if isinstance(one, Prediction)]
    assert answers[0] == answers[1] == answers[2]
    faults = [one.fault for one in found if isinstance(one, Failure)]
    assert all(faults)
    assert "No such file" in faults[1]


def test_one_picture_alone(client: Client) -> None:
    (found,) = client.predict(PHOTO)
    assert isinstance(found, Prediction)
    (failed,) = client.predict(PHOTO[:50])
    assert isinstance(failed, Failure)
    assert failed.fault


def test_plain_values_bring_maps_and_outlines(served: Served) -> None:
    picture = blocks.block_picture(128, 96, {"top": (10, 20, 40, 60)})
    with Client(served.url, token=TOKEN, model="blocks") as client:
        found, failed = client.answers([picture, b"none"], outlines=True)
        (garment,) = found["answers"]["garments"]["garments"]
        assert len(garment["outlines"][0]) >= 4
        assert found["image"] == "image[0]"
        assert (failed["image"], failed["error"]["code"]) == ("image[1]", "not_a_picture")
    with Client(served.url, token=TOKEN, model="dots") as client:
        (found,) = client.answers(picture, maps=True)
        assert list(found["maps"]) == client.model()["maps"]
        (plain,) = client.answers(picture)
        assert "maps" not in plain
    with (
        Client(served.url, token=TOKEN, model="colours") as client,
        pytest.raises(ServerError, match="maps: the model colours shows none"),
    ):
        list(client.answers(picture, maps=True))


def test_too_large_for_one_request_is_said_of_that_picture_alone(client: Client) -> None:
    huge = PHOTO + bytes(65 * MEBIBYTE)
    first, second, third = client.predict([PHOTO, huge, PHOTO])
    assert isinstance(second, Failure)
    assert second.too_large
    assert isinstance(first, Prediction)
    assert third == replace(first, image="image[2]")


def test_many_pictures_are_taken_as_they_are_needed(client: Client) -> None:
    asked: list[int] = []

    def pictures() -> Iterator[bytes]:
        for number in range(40 * PICTURES):
            asked.append(number)
            yield PHOTO

    found = client.predict(pictures())
    for _ in range(PICTURES):
        assert isinstance(next(found), Prediction)
    assert len(asked) <= 6 * PICTURES
    found.close()  # type: ignore[attr-defined] # it is a generator


def test_requests_hold_so_many_pictures_and_bytes() -> None:
    small = batches([b"x"] * (PICTURES + 1))
    assert [len(batch) for batch in small] == [PICTURES, 1]
    half = bytes(BYTES // 2 + 1)
    assert [len(batch) for batch in batches([half, half, b"x"])] == [1, 2]
    assert list(batches([])) == []


def test_what_the_model_is(client: Client, bundles: dict[str, Path]) -> None:
    said = client.model()
    assert said["model"] == "colours"
    assert lapel.Schema.from_json(said["schema"]) == lapel.Bundle.load(bundles["colours"]).schema
    assert [one["model"] for one in client.models()["models"]] == list(bundles)
    assert client.ready()


def test_a_token_that_no_header_can_hold_is_refused_without_being_shown() -> None:
    with pytest.raises(UsageError, match="line break") as refusal:
        Client("http://127.0.0.1:9", token="secret\nX-Other: 1")
    assert "secret" not in str(refusal.value)


def test_the_token_is_asked_for(served: Served) -> None:
    for token in (None, "wrong"):
        with Client(served.url, token=token) as client:
            assert client.ready()
            with pytest.raises(ServerError, match="token") as refused:
                next(client.predict(PHOTO))
            assert refused.value.status == 401


def test_no_such_model(served: Served) -> None:
    with (
        Client(served.url, token=TOKEN, model="none") as client,
        pytest.raises(ServerError, match="colours") as refused,
    ):
        next(client.predict(PHOTO))
    assert refused.value.status == 404


def test_no_server_there() -> None:
    with Client(f"http://127.0.0.1:{free_port()}") as client:
        assert not client.ready()
        with pytest.raises(ServerError, match=r"no server answers .* `lapel serve"):
            client.model()


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "ftp://host", "http://", "http://a:b@host", ""])
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(UsageError, match="address"):
        Client(url)


class Moody(http.server.BaseHTTPRequestHandler):
    """Answers what it was told to, one after another: status, headers, body."""

    protocol_version = "HTTP/1.1"
    script: list[tuple[int, dict[str, str], bytes]]

    def do_GET(self) -> None:
        status, headers, body = self.script.pop(0)
        if status == 0:  # hangs up without a word
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: Any) -> None:
        """Nothing."""


@pytest.fixture
def moody() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Moody) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


BUSY = b'{"error": {"code": "busy", "message": "so many are waiting; come back later"}}'


def test_a_busy_server_is_asked_again_when_it_says(moody: str) -> None:
    Moody.script = [
        (503, {"Retry-After": "0"}, BUSY),
        (429, {"Retry-After": "1"}, BUSY),
        (0, {}, b""),
        (200, {}, b'{"name": "colours"}'),
    ]
    started = time.monotonic()
    with Client(moody, timeout=5) as client:
        assert client.model() == {"name": "colours"}
    assert 1 <= time.monotonic() - started < 3


def test_patience_has_an_end_and_is_kept_until_then(moody: str) -> None:
    Moody.script = [(503, {"Retry-After": "30"}, BUSY)] * 2
    started = time.monotonic()
    with Client(moody, patience=1.5) as client, pytest.raises(ServerError) as refused:
        client.model()
    assert 1.5 <= time.monotonic() - started < 4
    assert Moody.script == []  # asked once more at the end
    assert (refused.value.status, refused.value.code) == (503, "busy")
    assert "was busy for 2 s (so many are waiting" in str(refused.value)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"", b'{"predictions": []}'])
def test_another_program_at_the_address(moody: str, body: bytes) -> None:
    Moody.script = [(200, {}, body)] * 2
    Moody.do_POST = Moody.do_GET  # type: ignore[attr-defined]
    with Client(moody) as client, pytest.raises(ServerError, match="does not know"):
        next(client.predict(PHOTO))
