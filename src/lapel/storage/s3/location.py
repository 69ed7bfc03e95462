"""Addresses of S3: ``s3://bucket/key``. Nothing here needs boto3."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from lapel.schema.errors import StorageError, UsageError
from lapel.storage.names import checked_stored_name

SCHEME = "s3"

#: ``pathlib`` makes ``s3:/bucket`` of ``s3://bucket``; both are read.
_ADDRESS = re.compile(r"s3:/{1,2}(?P<bucket>[^/]*)(?:/(?P<key>.*))?", re.DOTALL)

#: docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html: names of general buckets.
_BUCKET = re.compile(r"[a-z0-9](?:[a-z0-9-]|\.(?=[a-z0-9])){1,61}[a-z0-9]")


@dataclass(frozen=True, slots=True, order=True)
class S3Location:
    """A bucket, an object in it, or all objects whose keys begin alike.

    Attributes:
        bucket: its name.
        key: of an object, or of a "folder" of objects, without a slash at its ends; empty: the
            whole bucket.
    """

    bucket: str
    key: str = ""

    @classmethod
    def parse(cls, place: str | Path | S3Location) -> S3Location:
        """The location of an address.

        Args:
            place: ``s3://bucket/key``, as text or as a path; a location is given back as it is.

        Raises:
            UsageError: it is no such address.
        """
        if isinstance(place, S3Location):
            return place
        found = _ADDRESS.fullmatch(str(place))
        if found is None:
            raise UsageError(f"{str(place)!r} is no address in S3; expected s3://bucket/key")
        bucket, key = found["bucket"], (found["key"] or "").rstrip("/")
        if not _BUCKET.fullmatch(bucket):
            raise UsageError(
                f"{str(place)!r}: {bucket!r} is no name of a bucket; expected 3 to 63 small "
                "letters, digits, hyphens and dots"
            )
        try:
            _check_key(key)
        except StorageError as error:
            raise UsageError(f"{str(place)!r} is no address in S3: {error}") from error
        return cls(bucket, key)

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}" if self.key else f"s3://{self.bucket}"

    def __truediv__(self, name: str) -> S3Location:
        """What lies under a name below this location."""
        return S3Location(self.bucket, self.prefix + checked_stored_name(name))

    @property
    def prefix(self) -> str:
        """What the keys of all objects below this location begin with."""
        return f"{self.key}/" if self.key else ""

    @property
    def name(self) -> str:
        """The last part, such as ``run-1`` of ``s3://bucket/runs/run-1``."""
        return self.key.rsplit("/", 1)[-1] or self.bucket


def bucket_named(text: str) -> str:
    """The name of a bucket, from itself or from its address.

    Args:
        text: ``my-bucket`` or ``s3://my-bucket``.

    Raises:
        UsageError: neither; it may be an object's address, or hold ``*`` or ``/``.
    """
    if _BUCKET.fullmatch(text):
        return text
    if text.startswith(f"{SCHEME}:/"):
        place = S3Location.parse(text)
        if not place.key:
            return place.bucket
    raise UsageError(
        f"{text!r} is no name of a bucket; expected 3 to 63 small letters, digits, hyphens and "
        "dots, as my-bucket or s3://my-bucket"
    )


def _check_key(key: str) -> None:
    if key:
        checked_stored_name(key)
    if "//" in key:
        raise StorageError("a part of its key is empty; write one '/' between parts")
