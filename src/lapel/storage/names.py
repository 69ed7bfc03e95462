"""Names of stored bytes, and the rule that they stay under their root."""

from __future__ import annotations

from pathlib import PurePosixPath

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
