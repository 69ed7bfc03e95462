"""Bytes kept in memory: for tests, and for models that never touch a disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lapel.schema.errors import StorageError
from lapel.storage.names import checked_stored_name


class MemoryStore:
    """A dictionary as a :class:`lapel.storage.base.Store`."""

    def __init__(self, contents: Mapping[str, bytes] | None = None) -> None:
        self._contents = dict(contents or {})

    def read(self, name: str) -> bytes:
        """All bytes under a name."""
        try:
            return self._contents[checked_stored_name(name)]
        except KeyError:
            raise StorageError(f"{name} could not be read: no such name in memory") from None

    def write(self, name: str, data: bytes) -> None:
        """Keep bytes under a name."""
        self._contents[checked_stored_name(name)] = bytes(data)

    def exists(self, name: str) -> bool:
        """Whether a name holds bytes."""
        return checked_stored_name(name) in self._contents

    def names(self, prefix: str = "") -> Iterator[str]:
        """All names that begin with a prefix, sorted."""
        yield from sorted(name for name in self._contents if name.startswith(prefix))

    def delete(self, name: str) -> None:
        """Forget a name; one that is not there is no error."""
        self._contents.pop(checked_stored_name(name), None)
