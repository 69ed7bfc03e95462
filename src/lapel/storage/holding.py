"""A folder for one process at a time."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from lapel.schema.errors import StorageError


@contextmanager
def held(lock: Path, *, busy: str) -> Iterator[None]:
    """Hold a file for this process; the hold goes with the process, however it ends.

    Args:
        lock: the file; it is made where there is none, and stays.
        busy: what is said where another process holds it.

    Raises:
        StorageError: another process holds it, or it cannot be made.
    """
    with _opened(lock) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StorageError(busy) from None
        except OSError as error:  # not every file system of a network knows locks
            raise _unusable(lock, error) from error
        yield


@contextmanager
def in_turn(lock: Path) -> Iterator[None]:
    """Hold a file; wait while another process, or another thread of this one, holds it.

    Args:
        lock: the file; it is made where there is none, and stays.

    Raises:
        StorageError: it cannot be made.
    """
    with _opened(lock) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError as error:
            raise _unusable(lock, error) from error
        yield


def _opened(lock: Path) -> IO[str]:
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        # Made where there is none and never replaced: of two that come together, both would hold
        # a file of their own.
        return lock.open("a+")
    except OSError as error:
        raise _unusable(lock, error) from error


def _unusable(lock: Path, error: OSError) -> StorageError:
    return StorageError(
        f"{lock} could not be locked: {error.strerror or error}; name a folder on a disk of this "
        "machine"
    )
