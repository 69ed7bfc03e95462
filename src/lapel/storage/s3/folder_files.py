"""The files of a folder on this machine, as a push sees them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from lapel.schema.errors import StorageError
from lapel.storage.local import PARTIAL_SUFFIX, LocalStore
from lapel.storage.s3.manifest import is_bookkeeping


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFile:
    """One file.

    Attributes:
        name: below the folder, with ``/``.
        path: the file.
        size: in bytes, when it was looked at.
    """

    name: str
    path: Path
    size: int


def local_files(folder: Path) -> dict[str, LocalFile]:
    """All files below a folder by name, sorted; those being written and manifests left out.

    Raises:
        StorageError: a link leads out of the folder or to a folder, a name is no text, or the
            folder cannot be read.
    """
    store = LocalStore(folder)
    found: dict[str, LocalFile] = {}

    def refuse(error: OSError) -> None:
        raise StorageError(f"{folder} could not be read: {error}") from error

    for parent, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.endswith(PARTIAL_SUFFIX)]
        for name in folders:
            if (Path(parent) / name).is_symlink():
                raise StorageError(
                    f"{Path(parent) / name} is a link to a folder; copy the folder in, or push it "
                    "by itself"
                )
        for file in files:
            name = (Path(parent) / file).relative_to(folder).as_posix()
            if not (name.endswith(PARTIAL_SUFFIX) or is_bookkeeping(name)):
                found[name] = local_file(name, store.path(name))
    return dict(sorted(found.items()))


def local_file(name: str, path: Path) -> LocalFile:
    """One file, looked at.

    Raises:
        StorageError: it cannot be looked at, is no plain file, or its name is no text.
    """
    try:
        name.encode()
        if not path.is_file():
            raise StorageError(f"{path} is no file that can be sent; remove it, or move it away")
        return LocalFile(name=name, path=path, size=path.stat().st_size)
    except UnicodeEncodeError as error:
        raise StorageError(f"{name!r} is no name in UTF-8; rename the file") from error
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(f"{path} could not be read: {error.strerror or error}") from error
