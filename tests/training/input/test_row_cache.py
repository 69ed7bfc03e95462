"""What is kept on the disk is what was made, or is made again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lapel.storage.cache import cache_root
from lapel.training.input import row_cache
from lapel.training.input.row_cache import RowCache, make_missing

SHAPE = (2, 3)


def digest(number: int) -> str:
    return hashlib.sha256(bytes([number])).hexdigest()


def row(number: int) -> NDArray[np.float16]:
    return np.full(SHAPE, number, np.float16)


class Maker:
    """Makes rows, and remembers which."""

    def __init__(self) -> None:
        self.made: list[int] = []

    def __call__(self, numbers: Sequence[int]) -> Iterator[NDArray[np.float16]]:
        for number in numbers:
            self.made.append(number)
            yield row(number)


def cache_in(folder: Path) -> RowCache:
    return RowCache(folder, SHAPE, np.float16)


def made(folder: Path, count: int, say: list[str] | None = None) -> list[int]:
    """Have so many rows made through a cache; returns those that were not in it."""
    maker, said = Maker(), [] if say is None else say
    digests = [digest(number) for number in range(count)]
    found = dict(make_missing(cache_in(folder), digests, maker, say=said.append))
    assert sorted(found) == list(range(count))
    assert all((found[number] == row(number)).all() for number in found)
    return maker.made


def test_a_row_is_made_once(tmp_path: Path) -> None:
    assert made(tmp_path, 3) == [0, 1, 2]
    assert made(tmp_path, 5) == [3, 4]
    assert made(tmp_path, 5) == []


@pytest.mark.parametrize("damage", ["torn", "flipped bit", "empty", "renamed"])
def test_a_damaged_file_is_removed_and_its_rows_are_made_again(damage: str, tmp_path: Path) -> None:
    made(tmp_path, 2)
    made(tmp_path, 4)
    victim = min(tmp_path.iterdir())
    data = bytearray(victim.read_bytes())
    if damage == "torn":
        victim.write_bytes(data[: len(data) // 2])
    elif damage == "flipped bit":
        data[-1] ^= 1
        victim.write_bytes(data)
    elif damage == "empty":
        victim.write_bytes(b"")
    else:
        victim.rename(victim.with_name(f"rows-{'0' * 64}.safetensors"))
    assert len(made(tmp_path, 4)) == 2
    for file in tmp_path.iterdir():  # nothing damaged is left
        assert hashlib.sha256(file.read_bytes()).hexdigest() in file.name
    assert made(tmp_path, 4) == []


def test_rows_of_another_kind_are_not_taken(tmp_path: Path) -> None:
    made(tmp_path, 2)
    other = RowCache(tmp_path, (3, 2), np.float16)
    assert not other.known([digest(0)]).any()


def test_many_rows_go_into_files_of_a_bounded_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_cache, "FILE_BYTES", 24)  # two rows
    made(tmp_path, 5)
    assert len(list(tmp_path.iterdir())) == 3
    assert made(tmp_path, 5) == []


def test_a_disk_that_takes_no_more_is_said_and_the_work_goes_on(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    said: list[str] = []
    assert made(blocked / "cache", 3, said) == [0, 1, 2]
    assert len(said) == 1
    assert "Nothing more is kept" in said[0]


def test_different_facts_are_different_caches() -> None:
    one, other = (RowCache.of("kind", {"size": size}, SHAPE, np.float16) for size in (1, 2))
    assert one.folder != other.folder
    assert one.folder.parent == other.folder.parent == cache_root() / "kind"


def test_the_cache_lies_where_the_variables_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAPEL_CACHE", "/somewhere")
    assert cache_root() == Path("/somewhere")
    monkeypatch.delenv("LAPEL_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert cache_root() == Path("/cache/lapel")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_root() == Path.home() / ".cache" / "lapel"
