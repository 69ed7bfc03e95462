"""`lapel cloud s3` beside a real S3 server: killed, cut and lied to, it goes on and is right."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from cloud_account import ObjectStore
from faulty_proxy import (
    FaultyProxy,
    Request,
    at_random,
    cut,
    faulty_proxy,
    lost_answer,
    slow,
    slow_down,
    wrong_bytes,
    wrong_length,
)

from lapel.schema.errors import StorageError
from lapel.storage.places import fetched, written
from lapel.storage.s3.client import ChangedError
from lapel.storage.s3.listing import list_unfinished
from lapel.storage.s3.location import S3Location
from lapel.storage.s3.manifest import MANIFEST
from lapel.storage.s3.options import TransferOptions
from lapel.storage.s3.store import S3Store
from lapel.storage.s3.transfer import list_objects, pull, push, verify

PART = 5 * 1024 * 1024
SMALL_PARTS = TransferOptions(part_size=PART, workers=4)
#: As many small files, and as many parts of a large one.
FILES, PARTS = 60, 8


@pytest.fixture
def server(object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """The server, and boto3's chain led to it."""
    for name, value in object_store.environment.items():
        monkeypatch.setenv(name, value)
    return object_store


@pytest.fixture
def proxy(server: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    """Between us and the server."""
    with faulty_proxy(server.endpoint) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        yield proxy


@pytest.fixture
def place(server: ObjectStore) -> S3Location:
    """An empty place."""
    return S3Location(server.bucket(), "data/run")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos' worth of small files, and a checkpoint's worth of one large file."""
    root = tmp_path_factory.mktemp("here") / "run"
    (root / "photos").mkdir(parents=True)
    random = np.random.default_rng(3)
    for number in range(FILES):
        data = random.integers(0, 256, 20_000 + number, dtype=np.uint8)
        (root / "photos" / f"{number:02}.jpg").write_bytes(data.tobytes())
    large = random.integers(0, 256, (PARTS - 1) * PART + 12_345, dtype=np.uint8)
    (root / "model.bin").write_bytes(large.tobytes())
    return root


def start(*arguments: str | Path | S3Location) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "lapel", "cloud", "s3", *map(str, arguments)]
    options = ["--part-size", "5MiB", "--workers", "2"]
    return subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL)


def kill_when(process: subprocess.Popen[bytes], happened: Callable[[], bool]) -> None:
    latest = time.monotonic() + 60
    while not happened():
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < latest
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_a_killed_push_sends_only_what_had_not_arrived(
    folder: Path, place: S3Location, proxy: FaultyProxy, server: ObjectStore
) -> None:
    proxy.rule = lambda request: slow(0.15) if request.method == "PUT" else None
    process = start("push", folder, place)
    kill_when(process, lambda: sum(one.is_part for one in proxy.requests) >= 4)
    time.sleep(1)  # what was on its way arrives
    there = {one.name for one in list_objects(place)}
    upload = list_unfinished(place)[0]
    key = f"{place.key}/{upload.name}"
    parts = server.client().list_parts(Bucket=place.bucket, Key=key, UploadId=upload.upload)
    arrived = {part["PartNumber"] for part in parts["Parts"]}
    assert 2 <= len(arrived) < PARTS
    assert "model.bin" not in there

    proxy.rule = lambda _: None
    proxy.requests.clear()
    assert start("push", folder, place).wait() == 0
    sent = {int(one.query["partNumber"]) for one in proxy.requests if one.is_part}
    assert sent == set(range(1, PARTS + 1)) - arrived
    whole = {one.path.rsplit("run/", 1)[1] for one in proxy.seen("PUT") if not one.is_part}
    assert not {name for name in whole if name.endswith(".jpg")} & there
    found = verify(place, folder, read=True)
    assert (found.whole, found.cut_uploads) == (True, 0)


def test_a_killed_pull_fetches_only_what_had_not_arrived(
    folder: Path, place: S3Location, proxy: FaultyProxy, tmp_path: Path
) -> None:
    push(folder, place, options=SMALL_PARTS)
    target = tmp_path / "there"
    proxy.rule = lambda request: slow(0.2) if request.span else None
    process = start("pull", place, target)

    def journal() -> list[str]:
        lines = [path.read_text() for path in target.glob(".pull.partial/*.parts.partial")]
        return lines[0].split() if lines else []

    kill_when(process, lambda: len(journal()) >= 3)
    arrived = {int(start) for start in journal()}
    assert not (target / "model.bin").exists()
    there = {path.name for path in (target / "photos").glob("*.jpg")}

    proxy.rule = lambda _: None
    proxy.requests.clear()
    assert start("pull", place, target).wait() == 0
    spans = {int(one.span[6:].split("-")[0]) for one in proxy.seen("GET") if one.span}
    assert spans == {PART * number for number in range(PARTS)} - arrived
    fetched = {one.path.rsplit("/", 1)[1] for one in proxy.seen("GET")}
    assert not fetched & there
    assert verify(place, target).whole
    assert not list(target.rglob("*.partial"))


def test_an_interrupted_push_ends_soon_and_is_gone_on_with(
    folder: Path, place: S3Location, proxy: FaultyProxy
) -> None:
    proxy.rule = lambda request: slow(0.5) if request.is_part else None
    process = start("push", folder, place)
    while sum(one.is_part for one in proxy.requests) < 2:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 130
    sent = sum(one.is_part for one in proxy.requests)
    assert sent < PARTS
    proxy.rule = lambda _: None
    assert start("push", folder, place).wait() == 0
    assert sum(one.is_part for one in proxy.requests) == PARTS
    assert verify(place, folder, read=True).whole


def test_a_result_that_was_killed_on_its_way_is_ended_by_the_next_call(
    folder: Path,
    place: S3Location,
    proxy: FaultyProxy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LAPEL_CACHE", str(tmp_path))
    work = (
        "import shutil, sys; from lapel.storage.places import written\n"
        "with written(sys.argv[1]) as folder:\n"
        "    (folder / 'former.jpg').unlink()\n"
        "    shutil.copytree(sys.argv[2], folder, dirs_exist_ok=True)\n"
    )
    S3Store(place).write("former.jpg", b"of a former result")
    S3Store(place).write("photos/00.jpg", b"of a former result")
    proxy.rule = lambda request: slow(0.15) if request.method == "PUT" else None
    process = subprocess.Popen([sys.executable, "-c", work, str(place), str(folder)])
    kill_when(process, lambda: len(proxy.seen("PUT")) > FILES // 2)
    time.sleep(1)  # what was on its way arrives
    proxy.rule = lambda _: None
    with pytest.raises(StorageError, match="is not whole"):
        fetched(str(place))
    with pytest.raises(RuntimeError), written(str(place)):
        raise RuntimeError
    assert verify(place, folder, read=True).whole
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {one.name for one in list_objects(place)} == {*files, MANIFEST}


def test_a_storm_of_faults_is_outlived(
    folder: Path, place: S3Location, proxy: FaultyProxy, tmp_path: Path
) -> None:
    """Every seventh request fails: 503, cut, short, or done without an answer."""
    proxy.rule = at_random(0.15, 1, slow_down, lost_answer, cut, wrong_length)
    push(folder, place, options=SMALL_PARTS)
    proxy.rule = lambda _: None
    assert verify(place, folder, read=True).whole
    assert list_unfinished(place) == []

    draw = at_random(0.15, 2, slow_down, lost_answer, cut, wrong_length, wrong_bytes)
    proxy.rule = lambda request: draw(request) if is_content(request) else None
    pull(place, tmp_path / "there", options=SMALL_PARTS)
    proxy.rule = lambda _: None
    assert verify(place, tmp_path / "there").whole


def is_content(request: Request) -> bool:
    # A part that lies is found when the whole is hashed: then all of it is fetched again, once.
    return request.method == "GET" and request.path.endswith(".jpg")


def test_conditions_hold_on_a_real_server(folder: Path, place: S3Location) -> None:
    store = S3Store(place)
    tag = store.create("owner", b"one")
    with pytest.raises(ChangedError):
        store.create("owner", b"two")
    store.exchange("owner", b"two", tag)
    with pytest.raises(ChangedError):
        store.exchange("owner", b"three", tag)
    former, (_, tag) = tag, store.read_tagged("owner")
    with pytest.raises(ChangedError):
        store.delete("owner", tag=former)
    store.delete("owner", tag=tag)
    assert not store.exists("owner")
    with pytest.raises(ChangedError):
        store.exchange("owner", b"three", tag)

    class Meanwhile:
        """Another puts a large file where ours is on its way."""

        def begin(self, doing: str, size: int) -> None:  # noqa: ARG002 - a face's shape
            if doing == "Sending":
                store.write("model.bin", b"another's")

        def moved(self, size: int) -> None: ...

    with pytest.raises(ChangedError, match=r"model.bin was not written"):
        push(folder / "model.bin", place / "model.bin", options=SMALL_PARTS, progress=Meanwhile())
    assert store.read("model.bin") == b"another's"
    assert list_unfinished(place) == []


def test_of_many_that_create_one_does(place: S3Location) -> None:
    store = S3Store(place)

    def create(number: int) -> bool:
        try:
            store.create("owner", f"{number}".encode())
        except ChangedError:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        won = [number for number, did in enumerate(pool.map(create, range(6))) if did]
    assert len(won) == 1
    assert store.read("owner") == f"{won[0]}".encode()


def test_a_wrong_secret_is_said(place: S3Location, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-the-one")
    with pytest.raises(StorageError, match=r"the secret key is wrong|the keys are wrong"):
        S3Store(place).read("a")


def test_bytes_that_change_on_their_way_to_the_server_are_refused_there(
    place: S3Location, server: ObjectStore
) -> None:
    """S3 compares what arrives with the SHA-256 that goes before it."""
    import botocore.exceptions

    wrong = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="  # of other bytes
    with pytest.raises(botocore.exceptions.ClientError):
        server.client().put_object(
            Bucket=place.bucket, Key="a", Body=b"not abc", ChecksumSHA256=wrong
        )


def test_names_of_every_script_come_back(place: S3Location, tmp_path: Path) -> None:
    names = (
        "드레스/빨강 1.jpg",
        "a+b=c&d?.jpg",
        "per%20cent.jpg",
        "~tilde'quote.jpg",
        "naïve#1.jpg",
    )
    for name in names:
        path = tmp_path / "here" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    push(tmp_path / "here", place)
    pull(place, tmp_path / "there")
    for name in names:
        assert (tmp_path / "there" / name).read_bytes() == name.encode()
