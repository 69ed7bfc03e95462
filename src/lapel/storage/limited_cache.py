"""Whole files from elsewhere, kept on this disk up to a size; those not used for longest go first.

Several processes share a cache: a file is brought by one of them while the others wait, and it may
go at any moment, since what is open stays readable on POSIX systems and what is gone is brought
again.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lapel.schema.counting import bytes_of
from lapel.schema.errors import StorageError, UsageError
from lapel.storage.cache import cache_root
from lapel.storage.holding import in_turn
from lapel.storage.local import PARTIAL_SUFFIX, sha256_of

#: Says how much the cache may hold, such as ``20GB``.
VARIABLE = "LAPEL_SHARD_CACHE"

#: Share of the disk, as far as it is free or the cache's own, that it may take otherwise.
DISK_SHARE = 0.5

#: How often a file that another process throws out before it is opened is brought again.
ATTEMPTS = 5

#: Seconds within which a second use of a file is not noted anew.
USE_NOTED = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A file that may be kept.

    Attributes:
        name: of it, without folders.
        bytes: how many it has.
        sha256: of them, in hexadecimal.
    """

    name: str
    bytes: int
    sha256: str


class LimitedCache:
    """Files of one place elsewhere, below a root that the files of other places share.

    Args:
        folder: of this place's files, a child of the root.
        bring: writes a file to a path.
        limit: bytes of all files below the root; None: as :func:`limit_of`.
    """

    def __init__(
        self, folder: Path, bring: Callable[[Kept, Path], None], *, limit: int | None = None
    ) -> None:
        self.folder = folder
        self._bring = bring
        self._limit = limit
        self._used: dict[str, float] = {}

    @property
    def limit(self) -> int:
        """Bytes that all files may have together; a single one may have more."""
        if self._limit is None:
            self._limit = limit_of(self.folder.parent)
        return self._limit

    def read(self, file: Kept, start: int, length: int) -> bytes:
        """Some bytes of a file, which is brought where it is not kept.

        Raises:
            StorageError: it cannot be had, or is not what it should be.
        """
        for _ in range(ATTEMPTS):
            try:
                with self.hold(file).open("rb") as opened:
                    opened.seek(start)
                    return opened.read(length)
            except FileNotFoundError:  # another process made room for its own
                continue
        raise StorageError(
            f"{file.name} was thrown out of {self.folder} {ATTEMPTS} times before it could be "
            f"read: give the cache more room ({VARIABLE}=20GB)"
        )

    def hold(self, file: Kept) -> Path:
        """The file on this disk, brought where it is not kept.

        Raises:
            StorageError: it cannot be had, or is not what it should be.
        """
        path = self.folder / file.name
        if path.exists():
            self._note_use(path)
            return path
        with in_turn(self.folder / f".{file.name}.lock"):
            if not path.exists():  # else another process brought it in the meantime
                self._make_room(file.bytes)
                self._fetch(file, path)
        return path

    def _fetch(self, file: Kept, path: Path) -> None:
        # Under the same name each time, so that what was cut can be gone on with.
        building = self.folder / f".{file.name}{PARTIAL_SUFFIX}"
        try:
            building.mkdir(parents=True, exist_ok=True)
            self._bring(file, building / file.name)
            found = sha256_of(building / file.name)
            if found != file.sha256:
                shutil.rmtree(building)
                raise StorageError(
                    f"{file.name} is not what its index says: its SHA-256 begins with "
                    f"{found[:12]}, expected {file.sha256[:12]}; write it there again"
                )
            (building / file.name).replace(path)
            shutil.rmtree(building)
        except OSError as error:
            if isinstance(error, StorageError):
                raise
            raise StorageError(
                f"{path} could not be written: {error.strerror or error}; give the cache another "
                "folder (LAPEL_CACHE), or less room (LAPEL_SHARD_CACHE)"
            ) from error

    def _note_use(self, path: Path) -> None:
        """Make a file the one that was used last."""
        now = time.monotonic()
        if now - self._used.get(path.name, -USE_NOTED) >= USE_NOTED:
            self._used[path.name] = now
            with suppress(OSError):
                os.utime(path)

    def _make_room(self, wanted: int) -> None:
        """Throw out what was not used for longest, until there is room for so many bytes."""
        kept = sorted(_files(self.folder.parent), key=lambda one: one[1].st_mtime)
        total = sum(facts.st_size for _, facts in kept)
        for path, facts in kept:
            if total + wanted <= self.limit:
                return
            with suppress(OSError):
                path.unlink()
                total -= facts.st_size


def limit_of(root: Path) -> int:
    """Bytes that a cache may hold: as ``LAPEL_SHARD_CACHE`` says, else half of what is free.

    Raises:
        UsageError: the variable holds no size.
        StorageError: the disk cannot be asked.
    """
    told = os.environ.get(VARIABLE, "")
    if told:
        try:
            return bytes_of(told)
        except ValueError as error:
            raise UsageError(f"{VARIABLE}: {error}") from error
    try:
        root.mkdir(parents=True, exist_ok=True)
        own = sum(facts.st_size for _, facts in _files(root))
        return int(DISK_SHARE * (shutil.disk_usage(root).free + own))
    except OSError as error:
        raise StorageError(f"the cache {root} cannot be used: {error.strerror or error}") from error


def shard_cache_root() -> Path:
    """Where the shards of all datasets are kept."""
    return cache_root() / "shards"


def _files(root: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for path in root.glob("*/*"):
        if not path.name.startswith("."):  # locks, and files that are being brought
            with suppress(OSError):
                yield path, path.stat()
