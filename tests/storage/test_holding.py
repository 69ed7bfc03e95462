"""A folder for one process at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from lapel.schema.errors import StorageError
from lapel.storage.holding import held

PEOPLE = 8


def test_the_second_is_refused_and_comes_in_afterwards(tmp_path: Path) -> None:
    lock = tmp_path / "new" / ".lock"
    with (
        held(lock, busy="taken"),
        pytest.raises(StorageError, match="taken"),
        held(lock, busy="taken"),
    ):
        pass
    with held(lock, busy="taken"):
        pass


def test_of_those_that_come_together_one_holds_it(tmp_path: Path) -> None:
    """Also where the file is not there yet, which all of them find."""

    def hold(lock: Path, together: Barrier) -> bool:
        together.wait()
        try:
            with held(lock, busy="taken"):
                together.wait()
                return True
        except StorageError:
            together.wait()
            return False

    with ThreadPoolExecutor(PEOPLE) as pool:
        for number in range(50):
            lock, together = tmp_path / str(number) / ".lock", Barrier(PEOPLE)
            assert sum(pool.map(hold, [lock] * PEOPLE, [together] * PEOPLE)) == 1


def test_a_place_where_no_file_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with (
        pytest.raises(StorageError, match="could not be locked"),
        held(tmp_path / "file" / ".lock", busy=""),
    ):
        pass
