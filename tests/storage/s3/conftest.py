"""What tests of S3 share: a place in moto's account, reached through a proxy that counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from cloud_account import ObjectStore
from faulty_proxy import FaultyProxy, faulty_proxy

from lapel.storage.s3 import retrying
from lapel.storage.s3.location import S3Location

#: A little more than the smallest part that S3 takes.
LARGE = 5 * 1024 * 1024 + 7


@pytest.fixture
def proxy(aws: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    """Between boto3's chain and the server; passes everything on until its rule is set."""
    monkeypatch.setattr(retrying, "LONGEST_WAIT", 0.05)
    with faulty_proxy(aws.endpoint) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        yield proxy


@pytest.fixture
def place(aws: ObjectStore) -> S3Location:
    """An empty place in a new bucket."""
    return S3Location(aws.bucket(), "data/run")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Small files, and one being written."""
    root = tmp_path / "here"
    (root / "photos").mkdir(parents=True)
    (root / "empty.txt").write_bytes(b"")
    (root / "photos" / "드레스 1.jpg").write_bytes(bytes(range(256)) * 40)
    (root / "photos" / "b.jpg").write_bytes(b"b" * 1000)
    (root / "model.bin").write_bytes(drawn(70_000))
    (root / ".model.bin.0011.partial").write_bytes(b"half")
    return root


@pytest.fixture
def large_folder(folder: Path) -> Path:
    """The same, with a file large enough for two parts."""
    (folder / "model.bin").write_bytes(drawn(LARGE))
    return folder


def drawn(size: int) -> bytes:
    return np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8).tobytes()


@pytest.fixture
def contents() -> Callable[[Path], dict[str, bytes]]:
    """Names and bytes of all files below a folder."""

    def read(root: Path) -> dict[str, bytes]:
        files = (path for path in sorted(root.rglob("*")) if path.is_file())
        return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}

    return read
