"""Whole folders that are there or not, never half."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lapel.schema.errors import StorageError
from lapel.storage.local import flush_to_disk, former_beside, partial_beside
from lapel.storage.names import checked_name, refuse_address


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
            path = building / checked_name(name)
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
