"""A folder for one process at a time."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
    with lock.open("r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StorageError(busy) from None
        yield
