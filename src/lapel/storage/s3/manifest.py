"""The list that lies beside the files of a push: names, sizes, SHA-256."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lapel.schema.errors import StorageError
from lapel.storage.names import checked_stored_name
from lapel.storage.s3.client import AbsentError, ChangedError
from lapel.storage.s3.location import S3Location
from lapel.storage.s3.objects import get_object, put_object
from lapel.storage.s3.options import TransferOptions

#: Its name below the location that was pushed to.
MANIFEST = "lapel-manifest.json"

#: Name of the object that says who brings a result; see :mod:`lapel.storage.s3.delivery`.
DELIVERY = "lapel-delivery.json"

FORMAT, VERSION = "lapel-manifest", 1


def is_bookkeeping(name: str) -> bool:
    """Whether a name is of what Lapel keeps beside files, of this location or of one below it."""
    return name.rsplit("/", 1)[-1] in {MANIFEST, DELIVERY}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One file.

    Attributes:
        size: in bytes.
        sha256: of its content, in hexadecimal.
        tag: S3's ETag of the object as it was written; a copy in another bucket may have another.
    """

    size: int
    sha256: str
    tag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What lies at a location.

    Attributes:
        files: rows by name.
        finished: false while a push is on its way, or was cut.
        pending: names that such a push writes or removes; of the same push done again, too.
        tag: ETag of the manifest itself; empty: it was not written yet.
    """

    files: Mapping[str, Row] = field(default_factory=dict)
    finished: bool = True
    pending: tuple[str, ...] = ()
    tag: str = ""

    def to_bytes(self) -> bytes:
        """As JSON; the same for the same content."""
        rows = {
            name: {"size": row.size, "sha256": row.sha256, "tag": row.tag}
            for name, row in sorted(self.files.items())
        }
        said = {"format": FORMAT, "version": VERSION, "finished": self.finished, "files": rows}
        if self.pending:
            said["pending"] = list(self.pending)
        return (json.dumps(said, ensure_ascii=False, indent=0) + "\n").encode()


def read_manifest(client: Any, location: S3Location) -> Manifest | None:  # noqa: ANN401 - boto3 makes its clients at run time
    """The manifest of a location; none, where it has none.

    Raises:
        StorageError: it cannot be read, or is no manifest.
    """
    place = location / MANIFEST
    try:
        data, tag = get_object(client, place)
    except AbsentError:
        return None
    try:
        return replace(_parsed(json.loads(data)), tag=tag)
    except (ValueError, KeyError, TypeError, AttributeError, StorageError) as error:
        raise StorageError(
            f"{place} is no manifest that this version of Lapel reads ({error}); remove it, and "
            "push again"
        ) from error


def _parsed(said: dict[str, Any]) -> Manifest:
    if said["format"] != FORMAT or said["version"] != VERSION:
        raise ValueError(f"found {said['format']!r} of version {said['version']!r}")
    files = {
        checked_stored_name(name): Row(
            size=int(row["size"]), sha256=str(row["sha256"]), tag=str(row["tag"])
        )
        for name, row in said["files"].items()
    }
    pending = tuple(checked_stored_name(name) for name in said.get("pending", []))
    return Manifest(files=files, finished=said["finished"] is True, pending=pending)


def write_manifest(
    client: Any,  # noqa: ANN401 - as read_manifest
    location: S3Location,
    manifest: Manifest,
    options: TransferOptions,
) -> Manifest:
    """Write a manifest in the place of the one that it was made from.

    Returns:
        The manifest with its new tag.

    Raises:
        ChangedError: another push wrote one meanwhile.
        StorageError: it could not be written.
    """
    condition = {"IfMatch": manifest.tag} if manifest.tag else {"IfNoneMatch": "*"}
    at_hand = replace(options, storage_class="STANDARD")  # an archive could not be looked into
    try:
        tag = put_object(client, location / MANIFEST, manifest.to_bytes(), at_hand, condition)
    except ChangedError as error:
        raise ChangedError(
            f"another push writes into {location}: nothing of it was replaced without being "
            "looked at; push again when it has ended"
        ) from error
    return replace(manifest, tag=tag)
