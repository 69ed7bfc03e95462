"""What every store must do; a new one is tested by its line in the fixture."""

from __future__ import annotations

from pathlib import Path

import pytest
from cloud_account import ObjectStore
from hypothesis import given
from hypothesis import strategies as st

from lapel.schema.errors import StorageError, UsageError
from lapel.storage.base import Store
from lapel.storage.local import LocalStore
from lapel.storage.memory import MemoryStore
from lapel.storage.names import checked_stored_name
from lapel.storage.stores import STORES, open_store


@pytest.fixture(params=["local", "memory", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "s3":
        account: ObjectStore = request.getfixturevalue("aws")
        return open_store(f"s3://{account.bucket()}/root")
    return LocalStore(tmp_path / "root") if request.param == "local" else MemoryStore()


def test_it_is_a_store(store: Store) -> None:
    assert isinstance(store, Store)


def test_what_is_written_is_read(store: Store) -> None:
    for data in (b"", b"one", bytes(range(256)) * 1000):
        store.write("folder/파일 name.bin", data)
        assert store.read("folder/파일 name.bin") == data


def test_writing_again_replaces(store: Store) -> None:
    store.write("a", b"a long first text")
    store.write("a", b"short")
    assert store.read("a") == b"short"
    assert list(store.names()) == ["a"]


def test_existence_and_deletion(store: Store) -> None:
    assert not store.exists("a/b")
    store.write("a/b", b"1")
    assert store.exists("a/b")
    assert not store.exists("a")
    store.delete("a/b")
    store.delete("a/b")
    assert not store.exists("a/b")


def test_names_are_sorted_and_start_with_the_prefix(store: Store) -> None:
    for name in ("b", "a/2", "a/10", "ab", "a/c/d"):
        store.write(name, b"")
    assert list(store.names()) == ["a/10", "a/2", "a/c/d", "ab", "b"]
    assert list(store.names("a/")) == ["a/10", "a/2", "a/c/d"]
    assert list(store.names("nothing")) == []


def test_a_missing_name_is_said(store: Store) -> None:
    with pytest.raises(StorageError, match=r"photos/hat.jpg could not be read"):
        store.read("photos/hat.jpg")


@pytest.mark.parametrize(
    "name",
    ["", "/etc/passwd", "..", "../a", "a/../../b", "a/..", "a\\b", "s3://bucket/a", "a\0b"],
)
def test_no_name_leaves_the_root(store: Store, name: str) -> None:
    for action in (store.read, store.exists, store.delete, lambda name: store.write(name, b"")):
        with pytest.raises(StorageError, match="is not a name under its root"):
            action(name)


def test_bytes_kept_are_not_those_of_the_caller(store: Store) -> None:
    data = bytearray(b"before")
    store.write("a", data)  # type: ignore[arg-type]  # callers may hand over any bytes
    data[:] = b"after!"
    assert store.read("a") == b"before"


@given(name=st.text(max_size=30))
def test_a_checked_name_stays_below_any_folder(name: str) -> None:
    try:
        checked_stored_name(name)
    except StorageError:
        return
    root = Path("/some/root")
    assert (root / name).resolve().is_relative_to(root)


def test_opening_by_location(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.write("a", b"1")
    assert (tmp_path / "a").read_bytes() == b"1"
    assert set(STORES) == {"", "s3"}
    with pytest.raises(UsageError, match=r"cannot open 'ftp://host/a': no store for 'ftp://'"):
        open_store("ftp://host/a")
