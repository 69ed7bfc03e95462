"""Whole folders that are there or not, never half."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from lapel.schema.errors import LapelError, StorageError
from lapel.storage.local import flush_to_disk, former_beside, partial_beside
from lapel.storage.names import checked_stored_name, refuse_address

#: Names that an error shows of what stands in a place.
_SHOWN = 5


@contextmanager
def atomic_folder(folder: Path, *, replace: bool = False) -> Iterator[Path]:
    """A new folder to fill; when the block ends well, it takes the place of ``folder``.

    It is built beside the place, flushed to the disk and renamed. Where a folder stood before,
    two renames follow each other, since no portable call exchanges folders: killed exactly
    between them, both are left beside: the former folder under a name that begins with
    ``.former``, the new one under the same without that word. All else that a killed process left
    goes as with :func:`lapel.storage.local.atomic_path`.

    Args:
        folder: the place. An empty folder that stands there is taken over.
        replace: take the place of a folder that holds something, too.

    Raises:
        StorageError: something stands there, or the disk refuses; ``folder`` is as before.
    """
    refuse_address(folder)
    # Not resolve(): a link that stands there stays the user's.
    folder = Path(os.path.abspath(folder))  # noqa: PTH100 - pathlib has only resolve()
    partial = partial_beside(folder)
    try:
        refuse_occupied(folder, replace=replace)
        partial.mkdir(parents=True)
        yield partial
        for path in sorted(partial.rglob("*")):
            flush_to_disk(path)
        flush_to_disk(partial)
        _take_place(partial, folder)
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(
            f"{folder} could not be written: {error.strerror or error}; "
            "what stood there before is untouched"
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def replace_folder(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Put a folder with these files in the place of what stands there.

    Raises:
        StorageError: as :func:`atomic_folder`; what stood there before still does.
    """
    with atomic_folder(folder, replace=True) as building:
        for name, data in contents.items():
            path = building / checked_stored_name(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


def refuse_occupied(
    folder: Path, *, replace: bool, remedy: str = "name a new folder, or remove it"
) -> None:
    """Look whether :func:`atomic_folder` could take a place, before work is spent on filling it.

    Args:
        folder: the place.
        replace: whether a folder that holds something may be replaced.
        remedy: what to do about one that may not.

    Raises:
        StorageError: something stands there, or it cannot be looked at.
    """
    refuse_address(folder)
    try:
        if folder.exists() and not folder.is_dir():
            raise StorageError(f"{folder} is a file; name a new folder")
        occupied = not replace and folder.is_dir() and any(folder.iterdir())
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(f"{folder} could not be read: {error.strerror or error}") from error
    if occupied:
        raise StorageError(f"{folder} exists and is not empty; {remedy}")


def refuse_others(
    folder: Path,
    is_own: Callable[[str], bool],
    *,
    what: str,
    replace: bool,
    error: type[LapelError] = StorageError,
) -> None:
    """Refuse a place that cannot be taken: a thing is replaced by its like, and nothing else is.

    Args:
        folder: the place.
        is_own: whether a file or folder is part of such a thing, by its name below ``folder``. What
            lies in a folder that is none is not asked for.
        what: such a thing, in words.
        replace: whether one that stands there may be replaced.
        error: raised where more than such a thing stands there.

    Raises:
        StorageError: something stands there and is not to be replaced, or cannot be looked at.
    """
    others = list(islice(_others(folder, is_own), _SHOWN)) if folder.is_dir() else []
    if others and replace:
        raise error(
            f"{folder} holds more than {what} ({', '.join(others)}); move it away, or name a new "
            "folder"
        )
    way_out = "remove it" if others else "add --replace"
    refuse_occupied(folder, replace=replace, remedy=f"name a new folder, or {way_out}")


def _others(folder: Path, is_own: Callable[[str], bool], above: str = "") -> Iterator[str]:
    """Names below a folder that are not its own, sorted."""
    for entry in entries_of(folder):
        name = f"{above}{entry.name}"
        if not is_own(name):
            yield name
        elif entry.is_dir(follow_symlinks=False):
            yield from _others(Path(entry.path), is_own, f"{name}/")


def entries_of(folder: Path) -> list[os.DirEntry[str]]:
    """What lies in a folder, sorted by name.

    Raises:
        StorageError: it cannot be looked into.
    """
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise _unread(folder, error) from error


def walk(folder: str | Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """Go through a folder as :func:`os.walk` does, which passes over folders that it cannot read.

    Raises:
        StorageError: one cannot be read; the message names it.
    """

    def refuse(error: OSError) -> None:
        raise _unread(error.filename or folder, error) from error

    yield from os.walk(folder, onerror=refuse)


def _unread(folder: str | Path, error: OSError) -> StorageError:
    return StorageError(
        f"{folder} could not be read: {error.strerror or error}; make it readable, or move it away"
    )


def _take_place(partial: Path, folder: Path) -> None:
    former = former_beside(partial)
    if folder.exists():
        folder.rename(former)
    try:
        partial.rename(folder)
        flush_to_disk(folder.parent)
    except OSError:
        if former.exists() and not folder.exists():
            former.rename(folder)
        raise
    shutil.rmtree(former, ignore_errors=True)
