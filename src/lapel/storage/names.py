"""Names of stored bytes, the rule that they stay under their root, and names of files for tasks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from unicodedata import normalize

from lapel.schema.errors import StorageError

#: What stays as it is in a task's name: letters and digits of any script, and these.
_OTHERS = re.compile(r"[^\w-]+")

#: Characters of a task's name: four bytes each still leave room below the 255 of file systems.
_LONGEST = 40

#: Names that Windows keeps for devices.
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)


def checked_stored_name(name: str) -> str:
    """The name itself, if it is relative and stays under its root.

    Raises:
        StorageError: an absolute path, ``..``, a backslash, a URL, an empty or a NUL name.
    """
    path = PurePosixPath(name)
    outside = path.is_absolute() or ".." in path.parts
    if not name or outside or "\\" in name or "://" in name or "\0" in name:
        raise StorageError(
            f"{name!r} is not a name under its root; use a relative path with '/' and without '..'"
        )
    return name


def refuse_address(path: Path) -> None:
    """Refuse to write below a folder that is called like an address.

    Raises:
        StorageError: the path was made of ``s3://bucket/key``, where none is read.
    """
    if path.parts and path.parts[0] == "s3:":
        address = str(path).replace("s3:/", "s3://", 1)
        raise StorageError(
            f"{address} cannot be written from here; write into a folder, and send it there: "
            f"lapel cloud s3 push FOLDER {address}"
        )


def task_file_names(tasks: Iterable[str]) -> dict[str, str]:
    """A name a task that every file system takes, without ending; no two are alike.

    Letters stay, Korean ones too; what else stands in a name becomes ``_``. Names that differ
    only in what was replaced, or in capitals, are numbered.
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for task in tasks:
        plain = _OTHERS.sub("_", normalize("NFC", task))[:_LONGEST].strip("_") or "task"
        plain = f"{plain}_" if _DEVICES.fullmatch(plain) else plain
        name, number = plain, 2
        while name.casefold() in taken:
            name, number = f"{plain}-{number}", number + 1
        taken.add(name.casefold())
        names[task] = name
    return names
