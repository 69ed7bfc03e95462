from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from lapel.data.importing import import_dataset
from lapel.data.readers import fashion_mnist
from lapel.data.reading.fetching import RemoteFiles, cache_folder, fetch_files, find_files
from lapel.schema.errors import FormatError, StorageError

CONTENTS = {"a-idx3-ubyte.gz": b"first", "b-idx1-ubyte.gz": b"second"}


class Quiet(SimpleHTTPRequestHandler):
    """A host of files that keeps its log to itself."""

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def host(tmp_path: Path) -> Iterator[str]:
    """The address of a real host of ``good/`` and ``bad/``."""
    for name, data in CONTENTS.items():
        for folder, served in (("good", data), ("bad", data + b"?")):
            (tmp_path / "www" / folder).mkdir(parents=True, exist_ok=True)
            (tmp_path / "www" / folder / name).write_bytes(served)
    handler = partial(Quiet, directory=str(tmp_path / "www"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.delenv("LAPEL_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return tmp_path / "cache"


def remote(*addresses: str) -> RemoteFiles:
    md5 = {name: hashlib.md5(data).hexdigest() for name, data in CONTENTS.items()}
    return RemoteFiles(
        name="two",
        md5=md5,
        addresses=addresses,
        debian_package="no-such-package-of-two-files",
        debian_folder="usr/share",
    )


def test_the_first_source_with_the_right_bytes_wins(host: str, empty_cache: Path) -> None:
    sources = remote("http://127.0.0.1:9", f"{host}/none", f"{host}/bad", f"{host}/good")
    files = fetch_files(sources)
    assert {name: path.read_bytes() for name, path in files.items()} == CONTENTS
    assert all(path.parent == empty_cache / "lapel" / "two" for path in files.values())
    assert find_files(sources, [], needed=False) == files


def test_when_all_sources_fail_it_says_what_each_said_and_how_to_fetch_by_hand(
    host: str, no_network: Callable[[], None]
) -> None:
    no_network()
    with pytest.raises(StorageError) as caught:
        fetch_files(remote(f"{host}/none", f"{host}/bad"))
    message = str(caught.value)
    assert "/none: HTTP Error 404" in message
    assert "/bad: a-idx3-ubyte.gz arrived with MD5" in message
    assert "apt-get is not on this machine" in message
    assert "put them into one folder, and name it as SOURCE" in message
    cache = cache_folder(remote())
    assert not cache.exists() or not list(cache.iterdir())


def test_a_package_that_does_not_arrive_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apt = tmp_path / "bin" / "apt-get"
    apt.parent.mkdir()
    apt.write_text("#!/bin/sh\nexit 0\n")
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", str(apt.parent))
    with pytest.raises(StorageError) as caught:
        fetch_files(remote("http://127.0.0.1:9"))
    said = "apt-get download no-such-package-of-two-files: apt-get brought no such package"
    assert said in str(caught.value)


@pytest.mark.parametrize("spelling", ["a-idx3-ubyte.gz", "a-idx3-ubyte", "a.idx3-ubyte"])
def test_files_are_found_however_they_are_spelled(tmp_path: Path, spelling: str) -> None:
    (tmp_path / spelling).write_bytes(b"")
    (tmp_path / "b-idx1-ubyte").write_bytes(b"")
    found = find_files(remote(), [tmp_path / "nowhere", tmp_path], needed=True)
    assert found is not None
    assert found["a-idx3-ubyte.gz"] == tmp_path / spelling


def test_half_a_set_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "b-idx1-ubyte").write_bytes(b"")
    assert find_files(remote(), [tmp_path], needed=False) is None
    with pytest.raises(FormatError, match=r"1 of 2 files, expected also a-idx3-ubyte\.gz"):
        find_files(remote(), [tmp_path], needed=True)


def test_fashion_mnist_is_found_where_torchvision_keeps_it(
    idx_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = tmp_path / "data" / "FashionMNIST" / "raw"
    raw.parent.mkdir(parents=True)
    raw.symlink_to(idx_folder)
    monkeypatch.chdir(tmp_path)
    dataset = import_dataset("fashion-mnist", None, tmp_path / "d", verify=False)
    assert dataset.splits() == {"train": 110, "validation": 10, "test": 40}
    held_out = dataset.split("validation").labels("category")
    assert sorted(map(str, held_out)) == sorted(dataset.schema["category"].labels)


@pytest.mark.parametrize("below", [".", "FashionMNIST/raw", "raw"])
def test_the_root_that_torchvision_was_given_is_a_source(
    idx_folder: Path, tmp_path: Path, below: str
) -> None:
    raw = tmp_path / "root" / below
    raw.parent.mkdir(parents=True, exist_ok=True)
    raw.symlink_to(idx_folder)
    dataset = import_dataset("fashion-mnist", tmp_path / "root", tmp_path / "d", verify=False)
    assert dataset.splits() == {"train": 110, "validation": 10, "test": 40}


@pytest.mark.parametrize("torn", [True, False])
def test_a_damaged_file_in_the_cache_is_to_be_deleted(
    idx_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, torn: bool
) -> None:
    monkeypatch.setattr(fashion_mnist, "USUAL_PLACES", ())
    cache = cache_folder(fashion_mnist.REMOTE)
    shutil.copytree(idx_folder, cache)
    damaged = cache / "train-images-idx3-ubyte"
    if torn:
        damaged.write_bytes(damaged.read_bytes()[:-9])
    with pytest.raises(FormatError) as caught:  # whole, and not the official one: the checksum
        import_dataset("fashion-mnist", None, tmp_path / "d", verify=not torn)
    assert f"delete {damaged}, and the next import" in str(caught.value)
    with pytest.raises(FormatError) as caught:
        import_dataset("fashion-mnist", idx_folder, tmp_path / "d")
    assert "delete" not in str(caught.value)


def test_files_that_are_not_the_official_ones_are_refused(idx_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(FormatError) as caught:
        import_dataset("fashion-mnist", idx_folder, tmp_path / "d")
    assert "train-images-idx3-ubyte: found SHA-256" in str(caught.value)
    assert "not the official Fashion-MNIST" in str(caught.value)
    assert not (tmp_path / "d").exists()
