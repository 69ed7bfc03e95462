"""One object becomes one file: in one request, or in parts that outlive a kill."""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lapel.schema.errors import StorageError
from lapel.storage.local import PARTIAL_SUFFIX, flush_to_disk, sha256_of, write_atomically
from lapel.storage.s3.location import S3Location
from lapel.storage.s3.objects import SHA256, get_object, head_object
from lapel.storage.s3.options import Progress, TransferOptions
from lapel.storage.s3.retrying import TornError
from lapel.storage.s3.workers import Workers

#: How often a large file is fetched whose parts are not what they should be: which of them is
#: wrong, nobody says.
FETCHED_AGAIN = 4

#: Beside the files of a pull: large ones whose parts arrive.
PARTIAL_FOLDER = f".pull{PARTIAL_SUFFIX}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetching:
    """What all downloads of one pull share.

    Attributes:
        client: of boto3.
        options: how.
        workers: who.
        progress: is told.
        partials: folder for large files that are not whole yet.
    """

    client: Any
    options: TransferOptions
    workers: Workers
    progress: Progress
    partials: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One object that is to become a file.

    Attributes:
        name: below the location that is pulled.
        location: of the object.
        size: in bytes.
        tag: S3's ETag, which it must still have.
        sha256: that the file must have; empty: the object's own description is believed.
    """

    name: str
    location: S3Location
    size: int
    tag: str
    sha256: str


def download(fetching: Fetching, wanted: Wanted, path: Path) -> None:
    """Fetch one object; the file is whole and right, or not there.

    Raises:
        ChangedError: the object was replaced since it was listed.
        StorageError: its bytes are not those that were pushed, it could not be read, or the disk
            refuses.
    """
    if wanted.size <= fetching.options.part_size:
        write_atomically(path, _whole(fetching, wanted))
        fetching.progress.moved(wanted.size)
        return
    sha256 = wanted.sha256 or _described(fetching, wanted)
    for _ in range(FETCHED_AGAIN):
        found = _in_parts(fetching, wanted, path, sha256)
        if found == sha256 or not sha256:
            return
    raise _wrong(wanted, found, sha256)


def _whole(fetching: Fetching, wanted: Wanted) -> bytes:
    data, _ = get_object(fetching.client, wanted.location, tag=wanted.tag)
    found = hashlib.sha256(data).hexdigest()
    if wanted.sha256 and found != wanted.sha256:
        raise _wrong(wanted, found, wanted.sha256)
    return data


def _described(fetching: Fetching, wanted: Wanted) -> str:
    head = head_object(fetching.client, wanted.location)
    return str(head.get("Metadata", {}).get(SHA256, ""))


def _in_parts(fetching: Fetching, wanted: Wanted, path: Path, sha256: str) -> str:
    """Fetch what is not there yet; the SHA-256 found, which decides whether the file is placed."""
    size = fetching.options.part_size_of(wanted.size)
    said = f"{wanted.location} {wanted.tag} {wanted.size} {size}"
    token = hashlib.sha256(said.encode()).hexdigest()[:24]
    partial = fetching.partials / f"{token}{PARTIAL_SUFFIX}"
    journal = _Journal(fetching.partials / f"{token}.parts{PARTIAL_SUFFIX}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fetching.partials.mkdir(parents=True, exist_ok=True)
        with _owned(partial) as descriptor:
            _fill(fetching, wanted, descriptor, journal, size)
            found = sha256_of(partial)
            if found == sha256 or not sha256:
                os.fsync(descriptor)
                partial.replace(path)
            journal.forget()
        flush_to_disk(path.parent)
        return found
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(f"{path} could not be written: {error.strerror or error}") from error


@contextmanager
def _owned(partial: Path) -> Iterator[int]:
    """A file that this process alone fills; the hold goes with the process."""
    descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StorageError(
                f"another process pulls into {partial.parent.parent}; wait for it"
            ) from None
        yield descriptor
    finally:
        os.close(descriptor)


def _fill(
    fetching: Fetching, wanted: Wanted, descriptor: int, journal: _Journal, size: int
) -> None:
    # A file that is shorter than its journal says was not written by it.
    there = journal.read() if os.fstat(descriptor).st_size == wanted.size else set()
    if not there:
        journal.forget()
    os.ftruncate(descriptor, wanted.size)
    starts = [start for start in range(0, wanted.size, size) if start not in there]
    fetching.progress.moved(wanted.size - sum(min(size, wanted.size - s) for s in starts))

    def fetch(start: int) -> int:
        span = (start, min(size, wanted.size - start))
        data, _ = get_object(fetching.client, wanted.location, span, tag=wanted.tag)
        _write_at(descriptor, data, start)
        journal.note(start)
        return len(data)

    for moved in fetching.workers.parts(fetch, starts):
        fetching.progress.moved(moved)


def _write_at(descriptor: int, data: bytes, start: int) -> None:
    left = memoryview(data)
    while left:
        written = os.pwrite(descriptor, left, start)
        left, start = left[written:], start + written


class _Journal:
    """Which parts of a file arrived: a line each, written after the part's bytes.

    A kill of the process loses neither. What a power cut leaves is found out by the SHA-256 of the
    whole.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def read(self) -> set[int]:
        try:
            lines = self._path.read_text("ascii", errors="replace").split("\n")
        except FileNotFoundError:
            return set()
        return {int(line) for line in lines[:-1] if line.isdigit()}  # the last may be torn

    def note(self, start: int) -> None:
        with self._lock, self._path.open("a", encoding="ascii") as file:
            file.write(f"{start}\n")

    def forget(self) -> None:
        with suppress(FileNotFoundError):
            self._path.unlink()


def tidy(partials: Path, *, all_of_it: bool) -> None:
    """Remove the folder of large files that are not whole, if nobody fills one.

    Args:
        partials: the folder.
        all_of_it: what was cut and is not gone on with goes, too.
    """
    if all_of_it:
        for partial in partials.glob(f"*{PARTIAL_SUFFIX}"):
            with suppress(StorageError, OSError), _owned(partial):
                partial.unlink()
    with suppress(OSError):  # not empty, or not there
        partials.rmdir()


def _wrong(wanted: Wanted, found: str, expected: str) -> TornError:
    return TornError(
        f"{wanted.location} has not the content that was pushed (SHA-256 {found[:12]}..., expected "
        f"{expected[:12]}...); push again from where it is right"
    )
