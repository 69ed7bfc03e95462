"""Folders on this machine, and writes that are whole or did not happen."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from errno import EISDIR
from functools import cache, lru_cache
from pathlib import Path

from lapel.schema.errors import StorageError
from lapel.storage.names import checked_stored_name, refuse_address
from lapel.storage.processes import is_gone, surroundings

#: Files being written carry this ending; whoever lists a folder passes over them.
PARTIAL_SUFFIX = ".partial"

#: Of a former folder, moved aside for a moment: it may be all that is left, and never goes.
FORMER = ".former"

#: Machine (and container, since it started), process, and chance.
_OURS = re.compile(r"\..+\.([0-9a-f]{8})-([0-9]+)-[0-9a-f]{8}" + re.escape(PARTIAL_SUFFIX))

#: Bytes that file systems take for a name: Linux's NAME_MAX.
_LONGEST = 255

#: Folders that are remembered as looked through.
_REMEMBERED = 1024


@contextmanager
def atomic_path(path: Path, *, instead: Callable[[], Path] | None = None) -> Iterator[Path]:
    """A path to write to; when the block ends well, its file takes the place of ``path``.

    The bytes are flushed to the disk before the rename and the folder after it, so that a
    power cut leaves the old file or the new one, never half of one. Killed on the way, what was
    written is left under a name that begins with a dot and ends in ``.partial``; the next process
    of this machine that writes into the folder takes it away; on systems without ``/proc``, where
    nothing tells whose it is, it stays.

    Args:
        path: the place.
        instead: asked at the end where the file is to be; in the same folder.

    Raises:
        StorageError: the disk is full, read-only, forbidden or failing; ``path`` is as before.
    """
    refuse_address(path)
    partial = partial_beside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        flush_to_disk(partial)
        partial.replace(path if instead is None else instead())
        flush_to_disk(path.parent)
    except OSError as error:
        raise _unwritten(path, error) from error
    finally:
        # What cannot be removed was never written; the error on its way says more.
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def refuse_unwritable(path: Path) -> None:
    """Look whether a file could be written, before work is spent on what it is to hold.

    Raises:
        StorageError: as :func:`atomic_path`; or a folder stands there.
    """
    refuse_address(path)
    partial = partial_beside(path)
    try:
        if path.is_dir():
            raise IsADirectoryError(EISDIR, os.strerror(EISDIR))
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.touch()
        partial.unlink()
    except OSError as error:
        raise _unwritten(path, error) from error


def _unwritten(path: Path, error: OSError) -> StorageError:
    return StorageError(
        f"{path} could not be written: {error.strerror or error}; "
        "what stood there before is untouched"
    )


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        StorageError: as :func:`atomic_path`.
    """
    with atomic_path(path) as partial:
        partial.write_bytes(data)


def flush_to_disk(path: Path) -> None:
    """Make sure that a file's bytes, or a folder's entries, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal.

    Raises:
        StorageError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise StorageError(f"{path} could not be read: {error.strerror or error}") from error


def partial_beside(path: Path) -> Path:
    """A name beside a path, for what is to take its place when it is whole.

    What processes of this machine that are gone left in the folder is taken away first; each
    process looks once. Of other machines, and of this one before it was started, nothing is known:
    what they left stays.
    """
    _take_away_leftovers(path.parent)
    whose = f"{_machine()}-{os.getpid()}-{secrets.token_hex(4)}"
    room = _LONGEST - len(f"{FORMER}..{whose}{PARTIAL_SUFFIX}")
    # Cut by bytes: a letter of Korean has three. What is left of a letter goes.
    name = os.fsencode(path.name)[:room].decode(errors="ignore")
    return path.with_name(f".{name}.{whose}{PARTIAL_SUFFIX}")


def former_beside(partial: Path) -> Path:
    """A name for a folder that a new one, which is called so until it is whole, replaces."""
    return partial.with_name(f"{FORMER}{partial.name}")


@lru_cache(_REMEMBERED)
def _take_away_leftovers(folder: Path) -> None:
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            found = _OURS.fullmatch(entry.name)
            if found is None or entry.name.startswith(f"{FORMER}."):
                continue
            if former_beside(Path(entry.path)).exists():  # killed as one took the other's place
                continue
            if found[1] == _machine() and is_gone(int(found[2]), surroundings()):
                _remove(Path(entry.path), folder=entry.is_dir(follow_symlinks=False))


def _remove(leftover: Path, *, folder: bool) -> None:
    if folder:
        shutil.rmtree(leftover, ignore_errors=True)
    else:
        with suppress(OSError):  # gone already, by another process that looks
            leftover.unlink()


@cache
def _machine() -> str:
    return hashlib.sha256(surroundings().encode()).hexdigest()[:8]


class LocalStore:
    """A folder as a :class:`lapel.storage.base.Store`.

    Symbolic links that lead out of the folder are refused: bytes come from under the root.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._resolved = root.resolve()  # once: a dataset asks for a great many names

    def path(self, name: str) -> Path:
        """The file of a name.

        Raises:
            StorageError: the name, or a link on its way, leaves the root.
        """
        path = self.root / checked_stored_name(name)
        if not path.resolve().is_relative_to(self._resolved):
            raise StorageError(
                f"{name!r} leads out of {self.root} through a link; copy the file in"
            )
        return path

    def read(self, name: str) -> bytes:
        """All bytes under a name."""
        path = self.path(name)
        try:
            return path.read_bytes()
        except OSError as error:
            raise StorageError(f"{path} could not be read: {error.strerror or error}") from error

    def write(self, name: str, data: bytes) -> None:
        """Keep bytes under a name: whole, or not at all."""
        write_atomically(self.path(name), data)

    def exists(self, name: str) -> bool:
        """Whether a name holds bytes."""
        path = self.path(name)
        try:
            return path.is_file()
        except OSError as error:  # such as a name that is too long for the file system
            shown = name if len(name) <= 100 else f"{name[:97]}..."
            raise StorageError(
                f"{shown!r} could not be looked for: {error.strerror or error}"
            ) from error

    def names(self, prefix: str = "") -> Iterator[str]:
        """All names that begin with a prefix, sorted."""
        found = []
        for folder, _, files in os.walk(self.root):
            for file in files:
                name = (Path(folder) / file).relative_to(self.root).as_posix()
                if name.startswith(prefix) and not name.endswith(PARTIAL_SUFFIX):
                    found.append(name)
        yield from sorted(found)

    def delete(self, name: str) -> None:
        """Forget a name; one that is not there is no error."""
        path = self.path(name)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(f"{path} could not be deleted: {error.strerror or error}") from error
