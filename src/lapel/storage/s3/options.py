"""How a transfer is done, who is told how far it is, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from lapel.schema.errors import UsageError
from lapel.storage.s3.storage_classes import STORAGE_CLASSES

MEBIBYTE = 1024 * 1024

#: Parts of an upload: the least size of each but the last, and how many there may be
#: (docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html).
LEAST_PART, MOST_PARTS = 5 * MEBIBYTE, 10_000
ENCRYPTIONS = ("AES256", "aws:kms")


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferOptions:
    """How objects are written and read.

    Attributes:
        storage_class: of what is written; see
            :data:`lapel.storage.s3.storage_classes.STORAGE_CLASSES`.
        encryption: ``AES256`` or ``aws:kms``, asked for with each write; empty: as the bucket
            is set. AWS encrypts in any case.
        kms_key: of the key service, for ``aws:kms``; empty: AWS's own key.
        workers: files, and parts of files, under way at once.
        part_size: bytes of a part; a file of more is sent and fetched in parts, each of which is
            tried again by itself and is not moved again after a kill.
        replace: whether an object, or a file, of other content may be replaced.
        delete: remove at the target what the source does not have.
        unfinished: take what lies where a push has not ended.
        dry_run: look, and say what would be done.
    """

    storage_class: str = "STANDARD"
    encryption: str = ""
    kms_key: str = ""
    workers: int = 8
    part_size: int = 16 * MEBIBYTE
    replace: bool = True
    delete: bool = False
    unfinished: bool = False
    dry_run: bool = False

    def __post_init__(self) -> None:
        """Refuse what S3 would.

        Raises:
            UsageError: an unknown class or encryption, or numbers out of range.
        """
        if self.storage_class not in STORAGE_CLASSES:
            known = ", ".join(STORAGE_CLASSES)
            raise UsageError(f"storage class {self.storage_class!r} is unknown; known: {known}")
        if self.encryption and self.encryption not in ENCRYPTIONS:
            known = " or ".join(ENCRYPTIONS)
            raise UsageError(f"encryption {self.encryption!r} is unknown; expected {known}")
        if not 1 <= self.workers <= 32:
            raise UsageError(f"found {self.workers} workers, expected 1 to 32")
        if self.part_size < LEAST_PART:
            raise UsageError(f"found parts of {self.part_size} bytes, expected 5 MiB or more")

    def part_size_of(self, size: int) -> int:
        """Bytes of a part of a file of so many bytes: larger where there would be too many."""
        least = -(-size // MOST_PARTS)
        return max(self.part_size, -(-least // MEBIBYTE) * MEBIBYTE)

    def written_as(self) -> dict[str, Any]:
        """What goes with each write."""
        said: dict[str, Any] = {}
        if self.storage_class != "STANDARD":
            said["StorageClass"] = self.storage_class
        encryption = self.encryption or ("aws:kms" if self.kms_key else "")
        if encryption:
            said["ServerSideEncryption"] = encryption
        if self.kms_key:
            said["SSEKMSKeyId"] = self.kms_key
        return said


class Progress(Protocol):
    """Is told how far a transfer is; called by several threads."""

    def begin(self, doing: str, size: int) -> None:
        """A stretch of work begins, such as ``Sending``, over so many bytes."""
        ...

    def moved(self, size: int) -> None:
        """So many bytes more are done."""
        ...


class Silent:
    """Tells nobody."""

    def begin(self, doing: str, size: int) -> None:
        """Pass over."""

    def moved(self, size: int) -> None:
        """Pass over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transferred:
    """What a push or a pull came to.

    Attributes:
        moved: names of files that were sent or fetched, sorted; in a dry run, that would be.
        unchanged: names of files that were there already.
        deleted: names that were removed.
        size: bytes of the files moved.
        dry_run: whether nothing was changed.
    """

    moved: tuple[str, ...]
    unchanged: tuple[str, ...]
    deleted: tuple[str, ...]
    size: int
    dry_run: bool = False
