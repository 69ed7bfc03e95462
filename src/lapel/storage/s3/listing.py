"""What lies below a location."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from lapel.schema.errors import StorageError
from lapel.storage.s3.client import code_of, in_words, s3_client
from lapel.storage.s3.location import S3Location
from lapel.storage.s3.retrying import retried


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """One object.

    Attributes:
        name: its key below the location that was listed.
        size: in bytes.
        tag: S3's ETag of its content, in quotation marks, as conditions take it.
        storage_class: such as ``STANDARD``.
        modified: when it was written.
    """

    name: str
    size: int
    tag: str
    storage_class: str
    modified: datetime


def list_objects(
    location: S3Location | str | Path,
    prefix: str = "",
    *,
    client: Any = None,  # noqa: ANN401 - boto3 makes its clients at run time
) -> Iterator[StoredObject]:
    """All objects below a location, in S3's order; one request for a thousand.

    Args:
        location: such as ``s3://bucket/runs``.
        prefix: what their names begin with.
        client: of boto3; none: from its chain.

    Yields:
        The objects. Keys that end in a slash, which consoles make for folders, are passed over.

    Raises:
        StorageError: there is no such bucket, it may not be listed, or it cannot be reached.
    """
    location = S3Location.parse(location)
    asking = client or s3_client()
    request: dict[str, Any] = {"Bucket": location.bucket, "Prefix": location.prefix + prefix}
    while True:
        with in_words(location, "listed"):
            page = retried(lambda: asking.list_objects_v2(**request))
        for found in page.get("Contents", []):
            if not found["Key"].endswith("/"):
                yield _object(found, len(location.prefix))
        if not page.get("IsTruncated"):
            return
        request["ContinuationToken"] = page["NextContinuationToken"]


def described_object(
    location: S3Location,
    *,
    client: Any,  # noqa: ANN401 - as list_objects
) -> StoredObject:
    """The object at a location.

    Raises:
        AbsentError: there is none.
        StorageError: as :func:`list_objects`.
    """
    with in_words(location, "looked at"):
        said = retried(lambda: client.head_object(Bucket=location.bucket, Key=location.key))
    return StoredObject(
        name=location.name,
        size=said["ContentLength"],
        tag=said["ETag"],
        storage_class=said.get("StorageClass", "STANDARD"),
        modified=said["LastModified"],
    )


def _object(found: dict[str, Any], skipped: int) -> StoredObject:
    return StoredObject(
        name=found["Key"][skipped:],
        size=found["Size"],
        tag=found["ETag"],
        storage_class=found.get("StorageClass", "STANDARD"),
        modified=found["LastModified"],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class UnfinishedUpload:
    """Parts that lie in a bucket, cost money and are no object yet.

    Attributes:
        name: key below the location that was listed.
        upload: S3's name of it.
        begun: when.
    """

    name: str
    upload: str
    begun: datetime


def list_unfinished(
    location: S3Location | str | Path,
    prefix: str = "",
    *,
    client: Any = None,  # noqa: ANN401 - as list_objects
) -> list[UnfinishedUpload]:
    """Uploads in parts that were begun below a location and never ended.

    Args:
        location: such as ``s3://bucket/runs``.
        prefix: what their names begin with.
        client: of boto3; none: from its chain.

    Raises:
        StorageError: as :func:`list_objects`.
    """
    location = S3Location.parse(location)
    asking = client or s3_client()
    request: dict[str, Any] = {"Bucket": location.bucket, "Prefix": location.prefix + prefix}
    uploads: list[UnfinishedUpload] = []
    while True:
        with in_words(location, "asked for unfinished uploads"):
            page = retried(lambda: asking.list_multipart_uploads(**request))
        uploads += [
            UnfinishedUpload(
                name=found["Key"][len(location.prefix) :],
                upload=found["UploadId"],
                begun=found["Initiated"],
            )
            for found in page.get("Uploads", [])
        ]
        if not page.get("IsTruncated"):
            return uploads
        request["KeyMarker"] = page["NextKeyMarker"]
        request["UploadIdMarker"] = page["NextUploadIdMarker"]


def unfinished_of(
    location: S3Location,
    *,
    client: Any,  # noqa: ANN401 - as list_objects
) -> list[UnfinishedUpload]:
    """Uploads in parts of one object that were begun and never ended.

    Raises:
        StorageError: as :func:`list_objects`.
    """
    parent, _, name = location.key.rpartition("/")
    found = list_unfinished(S3Location(location.bucket, parent), name, client=client)
    return [one for one in found if one.name == name]


def abort_unfinished(
    location: S3Location | str | Path,
    *,
    client: Any = None,  # noqa: ANN401 - as list_objects
) -> list[UnfinishedUpload]:
    """End all uploads of :func:`list_unfinished`; a push that still runs there fails.

    Raises:
        StorageError: as :func:`list_objects`.
    """
    location = S3Location.parse(location)
    asking = client or s3_client()
    found = list_unfinished(location, client=asking)
    for upload in found:
        abort(asking, S3Location(location.bucket, location.prefix + upload.name), upload.upload)
    return found


def abort(client: Any, location: S3Location, upload: str) -> None:  # noqa: ANN401 - as list_objects
    """End one upload in parts; its parts are gone. One that has ended is no error.

    Raises:
        StorageError: it may not be ended, or S3 cannot be reached.
    """
    named = {"Bucket": location.bucket, "Key": location.key, "UploadId": upload}
    try:
        with in_words(location, "freed of an unfinished upload"):
            retried(lambda: client.abort_multipart_upload(**named))
    except StorageError as error:
        if code_of(error.__cause__) != "NoSuchUpload":
            raise
