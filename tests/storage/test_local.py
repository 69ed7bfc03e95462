"""On a real disk: writes that are whole or did not happen, and links that lead nowhere else."""

from __future__ import annotations

import hashlib
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from lapel.schema.errors import StorageError
from lapel.storage.folders import replace_folder
from lapel.storage.local import LocalStore, atomic_path, sha256_of, write_atomically

#: Run in a process of its own: files may not grow beyond 4 KiB there, as on a full disk.
WRITE_TOO_MUCH = """
import resource, signal, sys
from pathlib import Path
from lapel.schema.errors import StorageError
from lapel.storage.folders import replace_folder
from lapel.storage.local import write_atomically

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # the write then fails with EFBIG
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
target = Path(sys.argv[1])
try:
    if target.is_dir():
        replace_folder(target, {"small": b"new", "large": bytes(100_000)})
    else:
        write_atomically(target, bytes(100_000))
except StorageError as error:
    print(error)
"""


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def fail_to_write(target: Path) -> str:
    command = [sys.executable, "-c", WRITE_TOO_MUCH, str(target)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


class TestWholeOrNotAtAll:
    def test_folders_are_made_on_the_way(self, tmp_path: Path) -> None:
        write_atomically(tmp_path / "a" / "b" / "c", b"1")
        assert (tmp_path / "a" / "b" / "c").read_bytes() == b"1"

    def test_a_write_that_fails_midway_leaves_the_old_bytes(self, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_bytes(b"old")

        def write_half() -> None:
            with atomic_path(path) as partial:
                partial.write_bytes(b"ne")
                raise RuntimeError("midway")

        with pytest.raises(RuntimeError, match="midway"):
            write_half()
        assert path.read_bytes() == b"old"
        assert names_in(tmp_path) == ["file"]

    def test_a_disk_that_takes_no_more(self, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_bytes(b"old")
        said = fail_to_write(path)
        assert said.startswith(f"{path} could not be written: ")
        assert "what stood there before is untouched" in said
        assert path.read_bytes() == b"old"
        assert names_in(tmp_path) == ["file"]

    def test_a_process_killed_midway_leaves_the_old_bytes(self, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_bytes(b"old")
        code = (
            "import os, signal, sys\n"
            "from pathlib import Path\n"
            "from lapel.storage.local import atomic_path\n"
            "with atomic_path(Path(sys.argv[1])) as partial:\n"
            "    partial.write_bytes(b'half')\n"
            "    os.kill(os.getpid(), signal.SIGKILL)\n"
        )
        killed = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
        assert killed.returncode == -9
        assert path.read_bytes() == b"old"
        assert list(LocalStore(tmp_path).names()) == ["file"]

        (left,) = tmp_path.glob(".*")
        machine, process, _ = left.name.split(".")[2].split("-")
        folder = tmp_path / left.name.replace("file", "folder")
        folder.mkdir()
        (folder / "a").touch()
        between = tmp_path / folder.name.replace("folder", "between")  # the two renames
        between.mkdir()
        others = [
            between,
            *(
                tmp_path / name
                for name in (
                    left.name.replace(machine, "0" * 8),
                    left.name.replace(f"-{process}-", f"-{os.getpid()}-"),
                    f".former{between.name}",
                    ".of-an-older-lapel.12345678.partial",
                )
            ),
        ]
        for other in others[1:]:
            other.touch()
        write_atomically(path, b"new")
        assert names_in(tmp_path) == sorted(["file", *(other.name for other in others)])

    def test_a_place_that_is_none(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(StorageError, match="could not be written"):
            write_atomically(tmp_path / "file" / "below", b"1")


class TestFolders:
    def test_all_files_are_there_at_once(self, tmp_path: Path) -> None:
        replace_folder(tmp_path / "new", {"a": b"1", "b": b"2"})
        assert {path.name: path.read_bytes() for path in (tmp_path / "new").iterdir()} == {
            "a": b"1",
            "b": b"2",
        }

    def test_the_former_content_is_gone(self, tmp_path: Path) -> None:
        replace_folder(tmp_path / "new", {"a": b"1"})
        replace_folder(tmp_path / "new", {"b": b"2"})
        assert names_in(tmp_path) == ["new"]
        assert names_in(tmp_path / "new") == ["b"]

    def test_a_disk_that_takes_no_more(self, tmp_path: Path) -> None:
        replace_folder(tmp_path / "kept", {"small": b"old"})
        said = fail_to_write(tmp_path / "kept")
        assert "could not be written" in said
        assert names_in(tmp_path) == ["kept"]
        assert (tmp_path / "kept" / "small").read_bytes() == b"old"

    def test_names_stay_inside(self, tmp_path: Path) -> None:
        with pytest.raises(StorageError, match="is not a name under its root"):
            replace_folder(tmp_path / "new", {"../outside": b"1"})
        assert names_in(tmp_path) == []


class TestLinks:
    @pytest.fixture
    def store(self, tmp_path: Path) -> LocalStore:
        (tmp_path / "secret").write_bytes(b"secret")
        root = tmp_path / "root"
        root.mkdir()
        (root / "out").symlink_to(tmp_path / "secret")
        (root / "up").symlink_to(tmp_path)
        (root / "inside").write_bytes(b"mine")
        (root / "within").symlink_to(root / "inside")
        return LocalStore(root)

    @pytest.mark.parametrize("name", ["out", "up/secret"])
    def test_leading_out_are_refused(self, store: LocalStore, name: str, tmp_path: Path) -> None:
        with pytest.raises(StorageError, match="through a link; copy the file in"):
            store.read(name)
        with pytest.raises(StorageError, match="through a link"):
            store.write(name, b"changed")
        assert (tmp_path / "secret").read_bytes() == b"secret"

    def test_staying_inside_are_followed(self, store: LocalStore) -> None:
        assert store.read("within") == b"mine"


def test_hash_of_a_file(tmp_path: Path) -> None:
    data = bytes(range(256)) * 5000
    (tmp_path / "file").write_bytes(data)
    assert sha256_of(tmp_path / "file") == hashlib.sha256(data).hexdigest()
    with pytest.raises(StorageError, match="could not be read: No such file"):
        sha256_of(tmp_path / "missing")


def test_the_limit_used_above_holds_in_the_other_process_alone() -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 4096


@pytest.mark.parametrize("name", ["k" * 255, "\uc2e0\ubc1c" * 42])
def test_a_name_as_long_as_the_disk_takes_is_written(tmp_path: Path, name: str) -> None:
    write_atomically(tmp_path / "file" / name, b"1")
    for content in (b"1", b"2"):
        replace_folder(tmp_path / "folder" / name, {"a": content})
    assert names_in(tmp_path / "file") == names_in(tmp_path / "folder") == [name]


def test_a_name_too_long_for_the_disk_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"'xxx.*\.\.\.' could not be looked for: File name too"):
        LocalStore(tmp_path).exists("x" * 5000)
