"""S3's storage classes: what each is for, and what it costs beside its price.

From docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html. Prices are in
``lapel.cloud.prices``: they change, these rules have not for years.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageClass:
    """One class.

    Attributes:
        purpose: what it is for.
        least_days: an object that is deleted or replaced earlier is paid for as long.
        least_bytes: a smaller object is paid for as this large.
        more_bytes: paid for beside each object, for the archive's own notes.
        retrieval: whether reading costs by the byte.
        restored: whether an object must be restored, for hours, before it can be read.
    """

    purpose: str
    least_days: int = 0
    least_bytes: int = 0
    more_bytes: int = 0
    retrieval: bool = False
    restored: bool = False

    def paid_for(self, size: int) -> int:
        """As how many bytes an object of so many bytes is paid for."""
        return max(size, self.least_bytes) + self.more_bytes


_KIBIBYTE = 1024

#: By S3's own names.
STORAGE_CLASSES: dict[str, StorageClass] = {
    "STANDARD": StorageClass(purpose="what training reads: no charge for reading, no least stay"),
    "INTELLIGENT_TIERING": StorageClass(
        purpose="large files of which nobody knows when they are read: moved by S3 itself"
    ),
    "STANDARD_IA": StorageClass(
        purpose="finished runs and old datasets, read a few times a year",
        least_days=30,
        least_bytes=128 * _KIBIBYTE,
        retrieval=True,
    ),
    "ONEZONE_IA": StorageClass(
        purpose="what can be made again: lies in one data centre alone",
        least_days=30,
        least_bytes=128 * _KIBIBYTE,
        retrieval=True,
    ),
    "GLACIER_IR": StorageClass(
        purpose="an archive that still answers at once, read once a year",
        least_days=90,
        least_bytes=128 * _KIBIBYTE,
        retrieval=True,
    ),
    "GLACIER": StorageClass(
        purpose="an archive: restored within minutes to half a day before it can be read",
        least_days=90,
        more_bytes=40 * _KIBIBYTE,
        retrieval=True,
        restored=True,
    ),
    "DEEP_ARCHIVE": StorageClass(
        purpose="what must be kept for years: restored within 12 to 48 hours",
        least_days=180,
        more_bytes=40 * _KIBIBYTE,
        retrieval=True,
        restored=True,
    ),
}


def warning_of(storage_class: str, sizes: list[int]) -> str:
    """What a user should know before files of these sizes go into a class; empty: nothing.

    Args:
        storage_class: its name.
        sizes: of the files, in bytes.
    """
    kind = STORAGE_CLASSES[storage_class]
    small = sum(kind.paid_for(size) > 2 * size for size in sizes)
    said = []
    if 2 * small > len(sizes):
        paid = (kind.least_bytes or kind.more_bytes) // _KIBIBYTE
        as_much = f"as {paid} KiB each" if kind.least_bytes else f"with {paid} KiB more each"
        said.append(
            f"{small:,} of {len(sizes):,} files are paid for {as_much}: pack them first "
            "(`lapel data shards`)"
        )
    if kind.restored:
        said.append("nothing can be read from it before it is restored, which takes hours")
    if kind.least_days:
        said.append(f"each file is paid for at least {kind.least_days} days")
    return f"{storage_class}: {'; '.join(said)}" if said else ""
