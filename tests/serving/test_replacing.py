"""A bundle is replaced while the server answers: nobody notices but by the answer."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from lapel.inference.bundle import MANIFEST, NETWORK
from lapel.schema.errors import BundleError, UsageError
from lapel.serving.models import Models
from lapel.serving.settings import Settings
from lapel.serving.sources import Source
from lapel.storage.folders import replace_folder

JPEG = {"content-type": "image/jpeg"}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def other_bundle(make_many_bundle: Callable[..., Path], tmp_path: Path) -> Path:
    """Of the same pictures, with another schema."""
    return make_many_bundle(tmp_path / "other")


def ask(client: httpx2.Client, data: bytes) -> httpx2.Response:
    return client.post("/v1/predict", content=data, headers=JPEG)


def wait_for(what: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not what():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_no_request_is_dropped(
    serving_models: Any,
    own_colour_bundle: Path,
    other_bundle: Path,
    picture_file: Callable[..., bytes],
) -> None:
    data = picture_file((220, 20, 20), "JPEG")
    old, new = contents(own_colour_bundle), contents(other_bundle)
    found: list[httpx2.Response] = []
    ended = threading.Event()
    source = Source(bundle=own_colour_bundle, name="model")
    with serving_models(source, watch_seconds=0.05) as client:

        def keep_asking() -> None:
            while not ended.is_set():
                found.append(ask(client, data))

        threads = [threading.Thread(target=keep_asking) for _ in range(3)]
        for thread in threads:
            thread.start()
        for content in (new, old, new):
            time.sleep(0.2)
            replace_folder(own_colour_bundle, content)
            fresh = MANIFEST
            tasks = 2 if b"shades" in content[fresh] else 1
            wait_for(
                lambda tasks=tasks: (
                    len(client.get("/v1/models").json()["models"][0]["tasks"])  # type: ignore[misc] # of a loop
                    == tasks
                )
            )
        ended.set()
        for thread in threads:
            thread.join()
        last = ask(client, data).json()
        metrics = client.get("/metrics").text
    assert {answer.status_code for answer in found} == {200}
    answers = [answer.json() for answer in found]
    # Each answer is whole: of the one bundle or of the other, and says of which.
    kinds = {(one["fingerprint"], *one["predictions"][0]["answers"]) for one in answers}
    assert len(kinds) == 2
    assert "shades" in last["predictions"][0]["answers"]
    assert 'lapel_reloads_total{model="model"} 3.0' in metrics


def test_a_broken_bundle_does_not_take_the_place_of_a_good_one(
    serving_models: Any, own_colour_bundle: Path, picture_file: Callable[..., bytes]
) -> None:
    data = picture_file((20, 220, 20), "JPEG")
    whole = contents(own_colour_bundle)
    with serving_models(Source(bundle=own_colour_bundle), watch_seconds=0.05) as client:
        before = ask(client, data).json()
        replace_folder(own_colour_bundle, whole | {NETWORK: b"torn"})
        time.sleep(0.4)
        assert ask(client, data).json() == before
        shutil.rmtree(own_colour_bundle)
        time.sleep(0.2)
        assert ask(client, data).json() == before


def test_no_fault_ends_the_watch_and_each_is_said_once(
    own_colour_bundle: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise MemoryError("no room for it")

    with Models([Source(bundle=own_colour_bundle)], Settings()) as models:
        with monkeypatch.context() as broken:
            broken.setattr(Source, "load", refuse)
            models.reload()
            models.reload()
        said = [one.getMessage() for one in caplog.records]
        assert [text for text in said if "no room for it" in text] == said[:1]
        models.reload()
        assert models.get().reloads == 1


def test_two_models_of_one_name_are_refused(colour_bundle: Path) -> None:
    sources = [Source(bundle=colour_bundle), Source(bundle=colour_bundle)]
    with pytest.raises(UsageError, match="two models are called 'colours'"):
        Models(sources, Settings())


def test_a_bundle_that_is_none_ends_the_start(tmp_path: Path) -> None:
    with pytest.raises(BundleError):
        Models([Source(bundle=tmp_path)], Settings())


def test_names_are_parted_from_folders(tmp_path: Path) -> None:
    odd = tmp_path / "a=b"
    odd.mkdir()
    assert Source.parse("shirts=runs/first") == Source(bundle=Path("runs/first"), name="shirts")
    assert Source.parse("runs/first") == Source(bundle=Path("runs/first"))
    assert Source.parse(str(odd)) == Source(bundle=odd)
    with pytest.raises(UsageError, match="NAME=FOLDER"):
        Source.parse("=runs")


def test_a_server_without_models_says_so(serving_models: Any) -> None:
    with serving_models() as client:
        assert client.get("/ready").status_code == 200
        answer = client.post("/v1/predict", content=b"x", headers=JPEG)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_model")
