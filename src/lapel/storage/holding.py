"""A folder for one process at a time."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from lapel.schema.errors import StorageError
from lapel.storage.local import write_atomically


@contextmanager
def held(lock: Path, *, busy: str) -> Iterator[None]:
    """Hold a file for this process; the hold goes with the process, however it ends.

    Args:
        lock: the file; it is made where there is none, and stays.
        busy: what is said where another process holds it.

    Raises:
        StorageError: another process holds it, or it cannot be made.
    """
    if not lock.exists():
        write_atomically(lock, b"")
    with _opened(lock) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StorageError(busy) from None
        except OSError as error:  # not every file system of a network knows locks
            raise _unusable(lock, error) from error
        yield


def _opened(lock: Path) -> IO[str]:
    try:
        return lock.open("r+")
    except OSError as error:
        raise _unusable(lock, error) from error


def _unusable(lock: Path, error: OSError) -> StorageError:
    return StorageError(
        f"{lock} could not be locked: {error.strerror or error}; name a folder on a disk of this "
        "machine"
    )
