"""Archives as SageMaker hands models over: the same bytes each time, and nothing that leads out."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from lapel.cloud import archives
from lapel.schema.errors import StorageError


def filled(folder: Path) -> Path:
    (folder / "report").mkdir(parents=True)
    (folder / "lapel.json").write_text("{}")
    (folder / "report" / "table.csv").write_text("a,b\n")
    return folder


def test_what_was_packed_is_unpacked(tmp_path: Path) -> None:
    archives.pack(filled(tmp_path / "bundle"), tmp_path / "model.tar.gz")
    archives.unpack(tmp_path / "model.tar.gz", tmp_path / "again")
    assert (tmp_path / "again" / "lapel.json").read_text() == "{}"
    assert (tmp_path / "again" / "report" / "table.csv").read_text() == "a,b\n"


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        archives.pack(filled(tmp_path / name), tmp_path / f"{name}.tar.gz")
    assert (tmp_path / "one.tar.gz").read_bytes() == (tmp_path / "two.tar.gz").read_bytes()


@pytest.mark.parametrize("name", ["../outside", "/outside", "in/../../outside"])
def test_a_name_that_leads_out_is_refused(name: str, tmp_path: Path) -> None:
    archive = tmp_path / "model.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = 1
        tar.addfile(entry, io.BytesIO(b"x"))
    with pytest.raises(StorageError):
        archives.unpack(archive, tmp_path / "in" / "model")
    assert not (tmp_path / "outside").exists()
    assert not (tmp_path / "in" / "model").exists()


def test_a_link_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "model.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        entry = tarfile.TarInfo("link")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(entry)
    with pytest.raises(StorageError, match="'link', which is no plain file"):
        archives.unpack(archive, tmp_path / "model")


def test_a_torn_archive_leaves_nothing(tmp_path: Path) -> None:
    archive = tmp_path / "model.tar.gz"
    (filled(tmp_path / "bundle") / "weights").write_bytes(bytes(range(256)) * 4000)
    archives.pack(tmp_path / "bundle", archive)
    archive.write_bytes(archive.read_bytes()[:-200])
    with pytest.raises(StorageError, match=r"no whole tar\.gz"):
        archives.unpack(archive, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_an_archive_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MOST_BYTES", 100)
    (filled(tmp_path / "bundle") / "zeros").write_bytes(bytes(200))
    archives.pack(tmp_path / "bundle", tmp_path / "model.tar.gz")
    with pytest.raises(StorageError, match="unpacks to more than"):
        archives.unpack(tmp_path / "model.tar.gz", tmp_path / "model")
