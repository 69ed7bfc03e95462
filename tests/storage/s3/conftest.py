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
from lapel.storage.s3.options import TransferOptions

#: The smallest parts that S3 takes.
SMALL_PARTS = TransferOptions(part_size=5 * 1024 * 1024, workers=4)


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
    """Small files, one large enough for three parts, and one being written."""
    root = tmp_path / "here"
    (root / "photos").mkdir(parents=True)
    (root / "empty.txt").write_bytes(b"")
    (root / "photos" / "드레스 1.jpg").write_bytes(bytes(range(256)) * 40)
    (root / "photos" / "b.jpg").write_bytes(b"b" * 1000)
    large = np.random.default_rng(0).integers(0, 256, 11 * 1024 * 1024 + 7, dtype=np.uint8)
    (root / "model.bin").write_bytes(large.tobytes())
    (root / ".model.bin.0011.partial").write_bytes(b"half")
    return root


@pytest.fixture
def contents() -> Callable[[Path], dict[str, bytes]]:
    """Names and bytes of all files below a folder."""

    def read(root: Path) -> dict[str, bytes]:
        files = (path for path in sorted(root.rglob("*")) if path.is_file())
        return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}

    return read
