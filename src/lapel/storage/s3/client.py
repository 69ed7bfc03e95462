"""boto3's client of S3, as Lapel asks it, and its errors in sentences.

Who asks, and where, is found by boto3's own chain (environment, ``~/.aws``, the machine's role);
nothing here reads, prints or keeps a key. ``AWS_ENDPOINT_URL`` leads to another server.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's own name
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)
from botocore.parsers import ResponseParserError

from lapel.schema.errors import StorageError
from lapel.storage.endpoint import own_server

#: Requests that one transfer has under way at most: workers for files and for their parts.
CONNECTIONS = 64

#: One attempt at a request: :mod:`lapel.storage.s3.retrying` makes the others, also where an
#: answer breaks off, which botocore does not notice before it is read.
CONFIG: dict[str, Any] = {
    "signature_version": "s3v4",
    "retries": {"mode": "standard", "total_max_attempts": 1},
    "connect_timeout": 10,
    "read_timeout": 30,
    "max_pool_connections": CONNECTIONS,
    "tcp_keepalive": True,
}

#: What boto3 raises for a request that failed; an answer that is no XML it raises bare.
FAILURES = (BotoCoreError, ClientError, ResponseParserError)

#: What boto3 raises where what its chain found, or did not find, is the fault.
SETTINGS = (
    NoCredentialsError,
    PartialCredentialsError,
    NoRegionError,
    InvalidRegionError,
    ProfileNotFound,
)

#: Words of S3 for what passes by itself
#: (docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html).
PASSING = frozenset(
    {
        "SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "Throttling",
        "ThrottlingException", "RequestTimeTooSkewed", "OperationAborted",
        "ConditionalRequestConflict", "BadDigest", "XAmzContentChecksumMismatch",
        "500", "502", "503", "504",
    }
)  # fmt: skip

#: Words of S3 to what to do about them.
_ADVICE = {
    "NoSuchBucket": "there is no such bucket: `lapel cloud s3 make-bucket` makes one",
    "NoSuchKey": "nothing lies there: `lapel cloud s3 list` shows what does",
    "NotFound": "nothing lies there: `lapel cloud s3 list` shows what does",
    "404": "nothing lies there: `lapel cloud s3 list` shows what does",
    "AccessDenied": "you may not do that: compare your rights with docs/aws-s3.md",
    "Forbidden": "you may not do that: compare your rights with docs/aws-s3.md",
    "403": "you may not do that, or the keys are wrong: compare your rights with docs/aws-s3.md",
    "InvalidAccessKeyId": "the key is unknown there: look at AWS_PROFILE and `aws configure`",
    "SignatureDoesNotMatch": "the secret key is wrong: look at AWS_PROFILE and `aws configure`",
    "ExpiredToken": "your session has ended: sign in again (`aws sso login`)",
    "InvalidObjectState": "it lies in an archive: restore it first (docs/aws-s3.md)",
    "PermanentRedirect": "the bucket is in another region: give --region, or set AWS_REGION",
    "SlowDown": "too many requests for a while: do it again, with fewer --workers",
}

#: Words of S3 for a condition that does not hold.
CHANGED = frozenset({"PreconditionFailed", "412"})
ABSENT = frozenset({"NoSuchKey", "NotFound", "404"})


class ChangedError(StorageError):
    """What lies at a place is not what it was taken for: a conditional write was not made."""


class AbsentError(StorageError):
    """Nothing lies at a place."""


@cache
def _loader() -> Any:  # noqa: ANN401 - botocore has no types
    # Reading AWS's description of S3 is most of what a client costs.
    return botocore.session.get_session().get_component("data_loader")


def s3_client(*, profile: str | None = None, region: str | None = None) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
    """A client from boto3's own chain; it may be used by many threads.

    Args:
        profile: of ``~/.aws/config``; none: as the chain says.
        region: such as ``eu-central-1``; none: as the chain says.

    Raises:
        StorageError: there is no such profile, or the endpoint is no address.
    """
    # Servers other than AWS have no names of hosts for buckets.
    config = Config(**CONFIG, **({"s3": {"addressing_style": "path"}} if own_server() else {}))
    try:
        found = botocore.session.get_session()
        found.register_component("data_loader", _loader())
        session = boto3.Session(profile_name=profile, region_name=region, botocore_session=found)
        # S3 alone answers without a region, and leads to a bucket's own.
        where = session.region_name or "us-east-1"
        return session.client("s3", region_name=where, config=config)
    except (BotoCoreError, ValueError) as error:
        raise StorageError(f"S3 cannot be asked: {words(error)}") from error


@contextmanager
def in_words(place: object, doing: str) -> Iterator[None]:
    """What boto3 raises in the block becomes an error of ours.

    Args:
        place: such as ``s3://bucket/key``.
        doing: what was tried, such as ``read``.

    Raises:
        AbsentError: nothing lies there.
        ChangedError: a condition does not hold.
        StorageError: all else.
    """
    try:
        yield
    except FAILURES as error:
        code = code_of(error)
        kind = ChangedError if code in CHANGED else AbsentError if code in ABSENT else StorageError
        raise kind(f"{place} could not be {doing}: {words(error)}") from error


def code_of(error: BaseException | None) -> str:
    """S3's word for an error; empty where it answered nothing."""
    if not isinstance(error, ClientError):
        return ""
    return str(error.response.get("Error", {}).get("Code", "Unknown"))


def passes(error: BaseException | None) -> bool:
    """Whether an error of boto3, or one of ours made of it, may pass by itself."""
    if isinstance(error, StorageError):
        return passes(error.__cause__)
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return code_of(error) in PASSING or status >= 500
    lost = (
        ConnectionError,
        HTTPClientError,
        IncompleteReadError,
        FlexibleChecksumError,
        ResponseParserError,
    )
    return isinstance(error, lost)


def words(error: Exception) -> str:
    """An error of boto3 in a sentence that says what to do."""
    if isinstance(error, ClientError):
        code, said = code_of(error), error.response.get("Error", {}).get("Message", "")
        advice = _ADVICE.get(code, "")
        if code == "AccessDenied":  # AWS names the right that is missing
            return f"{advice}; S3 says: {said}"
        return advice or f"S3 says {code} ({said})"
    if isinstance(error, SETTINGS):
        return _of_settings(error)
    if passes(error):
        return f"the connection failed ({error}); do it again: it goes on where it stood"
    return str(error)


def _of_settings(error: BotoCoreError) -> str:
    if isinstance(error, ProfileNotFound):
        return (
            f"~/.aws holds no profile {error.kwargs['profile']!r}; `aws configure list-profiles` "
            "shows yours: name one by --profile or AWS_PROFILE (docs/aws.md)"
        )
    if isinstance(error, NoRegionError):
        return "no region is set; give --region, or set AWS_DEFAULT_REGION (docs/aws.md)"
    if isinstance(error, InvalidRegionError):
        return f"{error.kwargs['region_name']!r} is no region; expected one like eu-central-1"
    if isinstance(error, PartialCredentialsError):
        return (
            f"only a part of your AWS credentials was found ({error.kwargs['provider']}): "
            f"{error.kwargs['cred_var']} is missing; set it, or run `aws configure` (docs/aws.md)"
        )
    return (
        "no AWS credentials were found; run `aws configure`, set AWS_PROFILE, or work on a machine "
        "with a role (docs/aws.md)"
    )
