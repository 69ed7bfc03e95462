"""Names of stored bytes, and the rule that they stay under their root."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from lapel.schema.errors import StorageError


def checked_name(name: str) -> str:
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
