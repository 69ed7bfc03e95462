"""The parts that a large file is sent in."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path

from lapel.schema.errors import StorageError
from lapel.storage.s3.client import ChangedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A stretch of a file.

    Attributes:
        number: from 1, as S3 counts.
        start: of its first byte.
        size: in bytes.
        sha256: of its bytes.
    """

    number: int
    start: int
    size: int
    sha256: bytes

    @property
    def checksum(self) -> str:
        """As S3 writes it."""
        return base64.b64encode(self.sha256).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a file held when it was read through: its SHA-256 and its parts."""

    sha256: str
    parts: tuple[Part, ...]


def content_of(path: Path, size: int, part_size: int) -> Content:
    """Read a file through.

    Raises:
        StorageError: it cannot be read, or no longer has its size.
    """
    whole, start = hashlib.sha256(), 0
    parts: list[Part] = []
    try:
        with path.open("rb") as file:
            while data := file.read(part_size):
                whole.update(data)
                sha256 = hashlib.sha256(data).digest()
                parts.append(
                    Part(number=len(parts) + 1, start=start, size=len(data), sha256=sha256)
                )
                start += len(data)
    except OSError as error:
        raise StorageError(f"{path} could not be read: {error.strerror or error}") from error
    if start != size:
        raise moving(path)
    return Content(sha256=whole.hexdigest(), parts=tuple(parts))


def bytes_of(path: Path, part: Part) -> bytes:
    """The bytes of a part, as they lie there now.

    Raises:
        StorageError: they cannot be read.
    """
    try:
        with path.open("rb") as file:
            file.seek(part.start)
            return file.read(part.size)
    except OSError as error:
        raise StorageError(f"{path} could not be read: {error.strerror or error}") from error


def moving(path: Path) -> ChangedError:
    """What is raised for a file that is written to while it is sent."""
    return ChangedError(f"{path} changed while it was sent; push again when it is whole")
