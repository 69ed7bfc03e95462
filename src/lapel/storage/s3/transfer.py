"""Folders and files to S3 and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lapel.storage.s3.listing import list_objects
from lapel.storage.s3.location import S3Location
from lapel.storage.s3.options import Progress, Silent, TransferOptions, Transferred
from lapel.storage.s3.pulling import pull_place
from lapel.storage.s3.pushing import push_path
from lapel.storage.s3.verifying import Verified, verify

__all__ = [
    "Progress",
    "Silent",
    "TransferOptions",
    "Transferred",
    "Verified",
    "list_objects",
    "pull",
    "push",
    "verify",
]


def push(
    source: Path | str,
    location: S3Location | str | Path,
    *,
    options: TransferOptions | None = None,
    progress: Progress | None = None,
    client: Any = None,  # noqa: ANN401 - boto3 makes its clients at run time
) -> Transferred:
    """Send a folder, or one file, to S3: what is there already is not sent again.

    A folder's files are sent beside a manifest that names them with size and SHA-256. While files
    are on their way the manifest says that it is unfinished. Killed at any moment, a push is gone
    on with by the same call: files that arrived, and parts of large files, are not sent again.
    Each object is written on the condition that what lies there is what was seen: what others
    write meanwhile is never replaced.

    Args:
        source: the folder, or the file. Files being written (``*.partial``) are passed over, and
            links that lead out of the folder are refused.
        location: what its files go below; of one file: its object, or with a slash at the end
            what it goes below.
        options: how.
        progress: is told how far it is.
        client: of boto3; none: from its chain.

    Raises:
        ChangedError: another writes to the same place.
        StorageError: a file cannot be read or changed while it was sent, or S3 refuses or cannot
            be reached; what was sent stays, and the next push goes on there.
    """
    place, source = S3Location.parse(location), Path(source)
    if str(location).endswith("/") and source.is_file():
        place = place / source.name
    return push_path(
        source,
        place,
        options or TransferOptions(),
        progress or Silent(),
        client,
    )


def pull(
    location: S3Location | str | Path,
    target: Path | str,
    *,
    options: TransferOptions | None = None,
    progress: Progress | None = None,
    client: Any = None,  # noqa: ANN401 - as push
) -> Transferred:
    """Fetch what lies at a location: what is there already is not fetched again.

    Every file is compared with the SHA-256 of the manifest (without one: of the object's own
    description) before it takes its name; the manifest is not fetched. Killed at any moment, a
    pull is gone on with by the same call: parts of large files are not fetched again.

    Args:
        location: a folder of objects, or one object.
        target: the folder to fill, or the file to write (into ``target`` where it is a folder).
        options: how.
        progress: is told how far it is.
        client: of boto3; none: from its chain.

    Raises:
        AbsentError: nothing lies there.
        ChangedError: something was replaced meanwhile, or a push there has not ended.
        StorageError: bytes are not those of the manifest, names cannot be files below ``target``,
            the disk refuses, or S3 refuses or cannot be reached; no file is half there.
    """
    return pull_place(
        S3Location.parse(location),
        Path(target),
        options or TransferOptions(),
        progress or Silent(),
        client,
    )
