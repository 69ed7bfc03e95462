"""Where bytes live: one small face over folders, memory and (an extra) S3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable


@runtime_checkable
class Store(Protocol):
    """Named bytes under one root. Names use ``/`` and never leave the root.

    Every method raises :class:`lapel.schema.errors.StorageError`, naming the file, when the
    bytes cannot be had or kept.
    """

    def read(self, name: str) -> bytes:
        """All bytes under a name."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Keep bytes under a name: whole, or not at all."""
        ...

    def exists(self, name: str) -> bool:
        """Whether a name holds bytes."""
        ...

    def names(self, prefix: str = "") -> Iterator[str]:
        """All names that begin with a prefix, sorted."""
        ...

    def delete(self, name: str) -> None:
        """Forget a name; one that is not there is no error."""
        ...
