"""One file becomes one object: in one request, or in parts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from lapel.schema.errors import StorageError
from lapel.storage.s3.client import AbsentError, ChangedError, code_of, in_words, passes
from lapel.storage.s3.folder_files import LocalFile
from lapel.storage.s3.listing import UnfinishedUpload, abort, unfinished_of
from lapel.storage.s3.location import S3Location
from lapel.storage.s3.manifest import Row
from lapel.storage.s3.objects import SHA256, head_object, own_write, put_object
from lapel.storage.s3.options import Progress, TransferOptions
from lapel.storage.s3.parts import Content, Part, bytes_of, content_of, moving
from lapel.storage.s3.resuming import resumable
from lapel.storage.s3.retrying import retried
from lapel.storage.s3.workers import Workers


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """What all uploads of one push share."""

    client: Any
    options: TransferOptions
    workers: Workers
    progress: Progress


def upload(
    sending: Sending,
    file: LocalFile,
    location: S3Location,
    condition: Mapping[str, str],
    begun: Sequence[UnfinishedUpload] = (),
) -> Row:
    """Send one file.

    Args:
        sending: what the push shares.
        file: what is sent.
        location: of the object.
        condition: ``IfMatch`` or ``IfNoneMatch``.
        begun: uploads in parts of this object that have not ended; one is gone on with, the
            others are ended.

    Raises:
        ChangedError: another wrote the object, or the file changed while it was read.
        StorageError: it cannot be read or sent.
    """
    if file.size <= sending.options.part_size:
        return _upload_whole(sending, file, location, condition)
    return _upload_in_parts(sending, file, location, condition, begun)


def _upload_whole(
    sending: Sending, file: LocalFile, location: S3Location, condition: Mapping[str, str]
) -> Row:
    try:
        data = file.path.read_bytes()
    except OSError as error:
        raise StorageError(f"{file.path} could not be read: {error.strerror or error}") from error
    tag = put_object(sending.client, location, data, sending.options, condition)
    sending.progress.moved(file.size)
    return Row(size=len(data), sha256=hashlib.sha256(data).hexdigest(), tag=tag)


def _upload_in_parts(
    sending: Sending,
    file: LocalFile,
    location: S3Location,
    condition: Mapping[str, str],
    begun: Sequence[UnfinishedUpload],
) -> Row:
    content = content_of(file.path, file.size, sending.options.part_size_of(file.size))
    resumed = resumable(sending.client, sending.options, file, location, content, begun)
    tag = _sent(sending, file, location, content, condition, resumed)
    # The description of an object is fixed when its upload begins: one that was begun for another
    # version of the file, whose first parts are the same, describes that one.
    if resumed is not None and not _describes(sending, location, content):
        tag = _sent(sending, file, location, content, {"IfMatch": tag}, None)
    return Row(size=file.size, sha256=content.sha256, tag=tag)


def _describes(sending: Sending, location: S3Location, content: Content) -> bool:
    head = head_object(sending.client, location)
    return bool(head.get("Metadata", {}).get(SHA256) == content.sha256)


def _sent(
    sending: Sending,
    file: LocalFile,
    location: S3Location,
    content: Content,
    condition: Mapping[str, str],
    resumed: tuple[str, dict[int, str]] | None,
) -> str:
    strays = False
    if resumed is None:
        identity, strays = _begin(sending, location, content)
        tags: dict[int, str] = {}
    else:
        identity, tags = resumed
    try:
        missing = [part for part in content.parts if part.number not in tags]
        sending.progress.moved(file.size - sum(part.size for part in missing))
        send = _PartSender(sending, file, location, identity)
        for part, tag in sending.workers.parts(send, missing):
            tags[part.number] = tag
            sending.progress.moved(part.size)
        tag = _complete(sending, location, identity, content, tags, condition)
        if strays:
            _end_strays(sending, location)
        return tag
    except StorageError as error:
        if not passes(error):  # else the next push goes on with it
            with suppress(StorageError):  # the error on its way says more
                abort(sending.client, location, identity)
        raise


def _begin(sending: Sending, location: S3Location, content: Content) -> tuple[str, bool]:
    """S3's name of a new upload, and whether there may be another whose name was lost."""
    attempts = 0

    def begin() -> dict[str, Any]:
        nonlocal attempts
        attempts += 1
        answer: dict[str, Any] = sending.client.create_multipart_upload(
            Bucket=location.bucket,
            Key=location.key,
            ChecksumAlgorithm="SHA256",
            Metadata={SHA256: content.sha256},
            **sending.options.written_as(),
        )
        return answer

    with in_words(location, "written"):
        answer = retried(begin)
    return answer["UploadId"], attempts > 1


def _end_strays(sending: Sending, location: S3Location) -> None:
    for stray in unfinished_of(location, client=sending.client):
        abort(sending.client, location, stray.upload)


@dataclass(frozen=True, slots=True)
class _PartSender:
    """Sends single parts of one upload; each is read when its turn comes."""

    sending: Sending
    file: LocalFile
    location: S3Location
    identity: str

    def __call__(self, part: Part) -> tuple[Part, str]:
        data = bytes_of(self.file.path, part)
        if hashlib.sha256(data).digest() != part.sha256:
            raise moving(self.file.path)
        with in_words(self.location, "written"):
            answer = retried(
                lambda: self.sending.client.upload_part(
                    Bucket=self.location.bucket,
                    Key=self.location.key,
                    UploadId=self.identity,
                    PartNumber=part.number,
                    Body=data,
                    ChecksumSHA256=part.checksum,
                )
            )
        return part, answer["ETag"]


def _complete(
    sending: Sending,
    location: S3Location,
    identity: str,
    content: Content,
    tags: Mapping[int, str],
    condition: Mapping[str, str],
) -> str:
    parts = [
        {"PartNumber": p.number, "ETag": tags[p.number], "ChecksumSHA256": p.checksum}
        for p in content.parts
    ]
    try:
        with in_words(location, "written"):
            answer = retried(
                lambda: sending.client.complete_multipart_upload(
                    Bucket=location.bucket,
                    Key=location.key,
                    UploadId=identity,
                    MultipartUpload={"Parts": parts},
                    **condition,
                )
            )
    except StorageError as error:
        # Asked again after its answer was lost, S3 knows no such upload any more.
        if (
            isinstance(error, ChangedError | AbsentError)
            or code_of(error.__cause__) == "NoSuchUpload"
        ):
            tag = own_write(sending.client, location, content.sha256)
            abort(sending.client, location, identity)
            return tag
        raise
    return str(answer["ETag"])
