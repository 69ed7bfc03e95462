"""Single objects, read and written whole."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from contextlib import closing, suppress
from typing import Any

from lapel.storage.s3.client import AbsentError, ChangedError, in_words
from lapel.storage.s3.location import S3Location
from lapel.storage.s3.options import TransferOptions
from lapel.storage.s3.retrying import TornError, retried

#: Each object of ours says what its whole content hashes to: S3's own checksum of an object in
#: parts is one of its parts' checksums.
SHA256 = "sha256"


def put_object(
    client: Any,  # noqa: ANN401 - boto3 makes its clients at run time
    location: S3Location,
    data: bytes,
    options: TransferOptions,
    condition: Mapping[str, str],
) -> str:
    """Write an object in one request, which S3 refuses if one byte arrives otherwise.

    Args:
        client: of boto3.
        location: of the object.
        data: its content.
        options: storage class and encryption.
        condition: ``IfMatch`` or ``IfNoneMatch``; empty: whatever lies there is replaced.

    Returns:
        Its tag (ETag).

    Raises:
        ChangedError: the condition does not hold.
        StorageError: it could not be written; what lay there does.
    """
    sha256 = hashlib.sha256(data)
    request = {
        "Bucket": location.bucket,
        "Key": location.key,
        "Body": data,
        "Metadata": {SHA256: sha256.hexdigest()},
        "ChecksumSHA256": base64.b64encode(sha256.digest()).decode(),
        **options.written_as(),
        **condition,
    }
    try:
        with in_words(location, "written"):
            answer = retried(lambda: client.put_object(**request))
    except (ChangedError, AbsentError):  # what was to be replaced may be gone
        return own_write(client, location, sha256.hexdigest())
    tag: str = answer["ETag"]
    return tag


def own_write(client: Any, location: S3Location, sha256: str) -> str:  # noqa: ANN401 - as above
    """The tag of an object that was written by us, though S3 said that its condition did not hold.

    An answer that was lost is asked for again, and then the condition fails on our own write.

    Raises:
        ChangedError: another's content lies there.
        StorageError: it cannot be looked at.
    """
    with suppress(AbsentError):
        head = head_object(client, location)
        if head.get("Metadata", {}).get(SHA256) == sha256:
            return str(head["ETag"])
    raise ChangedError(
        f"{location} was not written: something else lies there than when it was looked at; look "
        "at it (`lapel cloud s3 list`), then do it again"
    )


def head_object(client: Any, location: S3Location) -> dict[str, Any]:  # noqa: ANN401 - as above
    """What S3 says of an object without its content.

    Raises:
        AbsentError: it is not there.
        StorageError: it cannot be looked at.
    """
    with in_words(location, "looked at"):
        said: dict[str, Any] = retried(
            lambda: client.head_object(Bucket=location.bucket, Key=location.key)
        )
    return said


def get_object(
    client: Any,  # noqa: ANN401 - as above
    location: S3Location,
    span: tuple[int, int] | None = None,
    *,
    tag: str = "",
) -> tuple[bytes, str]:
    """Read an object, or a span of it, into memory; a cut or short answer is asked for again.

    Args:
        client: of boto3.
        location: of the object.
        span: first byte, from 0, and number of bytes; none: all.
        tag: what lies there must have this tag; empty: any.

    Returns:
        The bytes, and the object's tag.

    Raises:
        AbsentError: it is not there.
        ChangedError: it has another tag.
        StorageError: it could not be read.
    """
    request: dict[str, Any] = {"Bucket": location.bucket, "Key": location.key}
    if span is not None:
        request["Range"] = f"bytes={span[0]}-{span[0] + span[1] - 1}"
    if tag:
        request["IfMatch"] = tag
    with in_words(location, "read"):
        return retried(lambda: _read(client, location, request, span))


def _read(
    client: Any,  # noqa: ANN401 - as above
    location: S3Location,
    request: Mapping[str, Any],
    span: tuple[int, int] | None,
) -> tuple[bytes, str]:
    answer = client.get_object(**request)
    # As a context of its own, the body would be urllib3's, whose errors are no longer boto3's.
    with closing(answer["Body"]) as body:
        data = body.read()
    expected = answer["ContentLength"] if span is None else span[1]
    if len(data) != expected:
        raise TornError(f"{location}: {len(data):,} bytes arrived, expected {expected:,}")
    sha256 = answer.get("Metadata", {}).get(SHA256)
    if span is None and sha256 and hashlib.sha256(data).hexdigest() != sha256:
        raise TornError(f"{location}: what arrived does not have its SHA-256, {sha256}")
    return data, answer["ETag"]
