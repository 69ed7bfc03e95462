"""Uploads in parts that were cut, found again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lapel.schema.errors import StorageError
from lapel.storage.s3.client import code_of, in_words
from lapel.storage.s3.folder_files import LocalFile
from lapel.storage.s3.listing import UnfinishedUpload, abort
from lapel.storage.s3.location import S3Location
from lapel.storage.s3.options import TransferOptions
from lapel.storage.s3.parts import Content, Part, bytes_of
from lapel.storage.s3.retrying import retried


def resumable(
    client: Any,  # noqa: ANN401 - boto3 makes its clients at run time
    options: TransferOptions,
    file: LocalFile,
    location: S3Location,
    content: Content,
    begun: Sequence[UnfinishedUpload],
) -> tuple[str, dict[int, str]] | None:
    """The upload that most parts of a file arrived in, and their tags by number.

    Args:
        client: of boto3.
        options: as the push has them.
        file: what is sent.
        location: of the object.
        content: of the file.
        begun: uploads of the object that have not ended; all but the one found are ended.

    Returns:
        S3's name of the upload, and the tags; none, where no part fits.

    Raises:
        StorageError: they cannot be looked at or ended.
    """
    # An upload is encrypted as it was begun, and does not tell how.
    own_way = bool(options.encryption or options.kms_key)
    fitting = [
        (
            one.upload,
            {} if own_way else _parts_there(client, options, file, location, content, one),
        )
        for one in begun
    ]
    best = max(fitting, key=lambda pair: len(pair[1]), default=None)
    for identity, parts in fitting:
        if best is None or identity != best[0] or not parts:
            abort(client, location, identity)
    return best if best and best[1] else None


def _parts_there(
    client: Any,  # noqa: ANN401 - as resumable
    options: TransferOptions,
    file: LocalFile,
    location: S3Location,
    content: Content,
    begun: UnfinishedUpload,
) -> dict[int, str]:
    request = {"Bucket": location.bucket, "Key": location.key, "UploadId": begun.upload}
    expected = {part.number: part for part in content.parts}
    tags: dict[int, str] = {}
    while True:
        try:
            with in_words(location, "looked at"):
                page = retried(lambda: client.list_parts(**request))
        except StorageError as error:
            if code_of(error.__cause__) == "NoSuchUpload":  # ended meanwhile
                return {}
            raise
        if not _begun_alike(page, options):
            return {}
        for found in page.get("Parts", []):
            part = expected.get(found["PartNumber"])
            if part is not None and _is_part(found, part, file.path):
                tags[part.number] = found["ETag"]
        if not page.get("IsTruncated"):
            return tags
        request["PartNumberMarker"] = page["NextPartNumberMarker"]


def _begun_alike(page: Mapping[str, Any], options: TransferOptions) -> bool:
    algorithm = page.get("ChecksumAlgorithm") or "SHA256"  # not every server says
    stored = page.get("StorageClass") or options.storage_class
    return bool(algorithm == "SHA256" and stored == options.storage_class)


def _is_part(found: Mapping[str, Any], part: Part, path: Path) -> bool:
    if found["Size"] != part.size:
        return False
    if "ChecksumSHA256" in found:
        return bool(found["ChecksumSHA256"] == part.checksum)
    # Where S3 keeps no checksum of parts, a part's tag is its MD5.
    md5 = hashlib.md5(bytes_of(path, part), usedforsecurity=False).hexdigest()
    return bool(found["ETag"].strip('"') == md5)
