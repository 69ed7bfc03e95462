"""Whole files from elsewhere, kept up to a size."""

from __future__ import annotations

import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lapel.schema.errors import StorageError, UsageError
from lapel.storage.limited_cache import VARIABLE, Kept, LimitedCache, limit_of

SIZE = 1000


def content(number: int) -> bytes:
    return bytes([number]) * SIZE


def file(number: int) -> Kept:
    sha256 = hashlib.sha256(content(number)).hexdigest()
    return Kept(name=f"{number}.tar", bytes=SIZE, sha256=sha256)


class Elsewhere:
    """Where files come from; counts."""

    def __init__(self) -> None:
        self.brought: list[str] = []

    def __call__(self, wanted: Kept, target: Path) -> None:
        self.brought.append(wanted.name)
        target.write_bytes(content(int(wanted.name.removesuffix(".tar"))))


@pytest.fixture
def elsewhere() -> Elsewhere:
    return Elsewhere()


@pytest.fixture
def cache(tmp_path: Path, elsewhere: Elsewhere) -> LimitedCache:
    return LimitedCache(tmp_path / "root" / "one", elsewhere, limit=3 * SIZE)


def kept(cache: LimitedCache) -> set[str]:
    return {path.name for path in cache.folder.parent.glob("*/[0-9]*.tar")}


def age(cache: LimitedCache, number: int, seconds: float) -> None:
    """Let a file have been used so long ago."""
    then = time.time() - seconds
    os.utime(cache.folder / f"{number}.tar", (then, then))


def test_a_file_is_brought_once_and_read_by_place(
    cache: LimitedCache, elsewhere: Elsewhere
) -> None:
    assert cache.read(file(7), 10, 5) == b"\7" * 5
    assert cache.read(file(7), 999, 5) == b"\7"
    assert elsewhere.brought == ["7.tar"]


def test_what_was_not_used_for_longest_makes_room(cache: LimitedCache) -> None:
    for number, seconds in ((1, 300), (2, 200), (3, 100)):
        cache.hold(file(number))
        age(cache, number, seconds)
    cache.read(file(1), 0, 1)  # used again
    cache.hold(file(4))
    assert kept(cache) == {"1.tar", "3.tar", "4.tar"}


def test_files_of_other_places_count_too(cache: LimitedCache, elsewhere: Elsewhere) -> None:
    other = LimitedCache(cache.folder.parent / "other", elsewhere, limit=3 * SIZE)
    cache.hold(file(1))
    age(cache, 1, 100)
    for number in (2, 3, 4):
        other.hold(file(number))
    assert kept(cache) == {"2.tar", "3.tar", "4.tar"}


def test_a_file_larger_than_the_cache_is_read_all_the_same(
    tmp_path: Path, elsewhere: Elsewhere
) -> None:
    cache = LimitedCache(tmp_path / "root" / "one", elsewhere, limit=10)
    assert cache.read(file(1), 0, 3) == b"\1" * 3
    assert cache.read(file(2), 0, 3) == b"\2" * 3
    assert kept(cache) == {"2.tar"}


def test_wrong_bytes_never_stand_under_the_name(tmp_path: Path) -> None:
    def lie(_: Kept, target: Path) -> None:
        target.write_bytes(b"wrong")

    cache = LimitedCache(tmp_path / "root" / "one", lie, limit=3 * SIZE)
    with pytest.raises(StorageError, match="is not what its index says"):
        cache.hold(file(1))
    assert kept(cache) == set()


def test_what_is_thrown_out_in_between_is_brought_again(
    cache: LimitedCache, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = cache.hold(file(1))
    held = cache.hold

    def hold(wanted: Kept) -> Path:
        path = held(wanted)
        if len(elsewhere.brought) < 2:
            first.unlink()  # another process makes room just now
        return path

    monkeypatch.setattr(cache, "hold", hold)
    assert cache.read(file(1), 0, 2) == b"\1\1"
    assert elsewhere.brought == ["1.tar", "1.tar"]


def test_many_that_want_a_file_bring_it_once(cache: LimitedCache, elsewhere: Elsewhere) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: cache.read(file(1), 0, SIZE), range(32)))
    assert set(found) == {content(1)}
    assert elsewhere.brought == ["1.tar"]


def test_the_limit_is_what_the_variable_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "2.5GB")
    assert limit_of(tmp_path) == 2_500_000_000
    monkeypatch.setenv(VARIABLE, "much")
    with pytest.raises(UsageError, match=f"{VARIABLE}: found 'much', expected a size"):
        limit_of(tmp_path)
    monkeypatch.delenv(VARIABLE)
    assert limit_of(tmp_path / "new") > 0
