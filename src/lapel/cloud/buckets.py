"""Buckets: made private, encrypted and tidy, and taken down whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from lapel.cloud.aws import DENIED, Account, RefusedError
from lapel.cloud.bucket_presence import ABSENT, CLOSED
from lapel.cloud.tagging import MADE_BY, owner_tags
from lapel.schema.errors import CloudError, UsageError
from lapel.storage.s3.location import S3Location, bucket_named

#: Days after which S3 itself ends an upload in parts that was cut: its parts cost money.
ABORTED_AFTER = 7
#: Days for which a replaced or deleted version is kept, where versions are kept at all.
FORMER_KEPT = 30
#: The name of our rule among a bucket's.
TIDY = "lapel-tidy"
#: What S3 tells of a bucket's rules and takes again: the rules, and from which size on they move.
LIFECYCLE = ("Rules", "TransitionDefaultMinimumObjectSize")
#: Objects that S3 deletes in one call.
AT_ONCE = 1000
#: The one region that a bucket is not told to be in.
USUAL_REGION = "us-east-1"


def make_bucket(account: Account, name: str, *, versions: bool = False, kms_key: str = "") -> bool:
    """Make a bucket that nobody else can see into.

    Private (no public access whatever a policy says, no access lists), encrypted, tagged, with a
    rule that ends uploads that were cut. If a setting is refused, the bucket is deleted again.
    One that Lapel made is set again; tags, rules and a key that somebody gave it since stay, and
    so does how long it keeps former versions.

    Args:
        account: whose.
        name: of the bucket, unique in the world.
        versions: keep what is replaced or deleted, for 30 days.
        kms_key: key of the key service; empty: S3's own keys, which cost nothing, or what a
            bucket that is there has.

    Returns:
        Whether it was made; else it was there, made by Lapel, and is set as said.

    Raises:
        UsageError: no name of a bucket, or it is there in another region.
        CloudError: the name is taken, or AWS refuses.
    """
    bucket = bucket_named(name)
    made = not _exists(account, bucket)
    tags = [] if made else _tags(account, bucket)
    former = {} if made else _lifecycle(account, bucket)  # before anything is set
    if made:
        _create(account, bucket)
    elif not _ours(tags):
        raise CloudError(
            f"s3://{bucket} exists and was not made by Lapel; its settings are left alone. It can "
            "be used as it is, or name another"
        )
    try:
        # First: from here on, Lapel knows the bucket for its own.
        _tag(account, bucket, tags)
        _close(account, bucket)
        if made or kms_key:
            _encrypt(account, bucket, kms_key)
        _keep_tidy(account, bucket, former, versions=versions)
    except CloudError:
        if made:
            with suppress(CloudError):  # the error on its way says more
                account.do("s3", "DeleteBucket", {}, Bucket=bucket)
        raise
    return made


def _exists(account: Account, bucket: str) -> bool:
    try:
        found = account.ask("s3", "HeadBucket", {}, Bucket=bucket)
    except RefusedError as error:
        if error.code in ABSENT:
            return False
        if error.code in {*CLOSED, *DENIED, "301"}:
            raise CloudError(
                f"s3://{bucket} belongs to somebody else, or lies in another region: names of "
                "buckets are unique in the world; choose another, such as "
                f"{bucket[:50]}-YOUR-COMPANY"
            ) from error
        raise
    region = found.get("BucketRegion")
    if region is not None and region != account.where():
        raise UsageError(
            f"s3://{bucket} is there already, in {region}, and no bucket moves: use it by --region "
            f"{region}, or choose another name for one in {account.where()}"
        )
    return not account.dry_run


def _create(account: Account, bucket: str) -> None:
    region = account.where()
    place: dict[str, Any] = {}
    if region != USUAL_REGION:
        place = {"CreateBucketConfiguration": {"LocationConstraint": region}}
    account.do(
        "s3", "CreateBucket", {}, Bucket=bucket, ObjectOwnership="BucketOwnerEnforced", **place
    )


def _tag(account: Account, bucket: str, there: Sequence[Mapping[str, str]]) -> None:
    tags = owner_tags(bucket)
    kept = [tag for tag in there if all(tag["Key"] != one["Key"] for one in tags)]
    account.do("s3", "PutBucketTagging", {}, Bucket=bucket, Tagging={"TagSet": [*tags, *kept]})


def _close(account: Account, bucket: str) -> None:
    closed = {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": True,
        "BlockPublicPolicy": True,
        "RestrictPublicBuckets": True,
    }
    account.do(
        "s3", "PutPublicAccessBlock", {}, Bucket=bucket, PublicAccessBlockConfiguration=closed
    )


def _encrypt(account: Account, bucket: str, kms_key: str) -> None:
    how: dict[str, Any] = {"SSEAlgorithm": "AES256"}
    if kms_key:
        how = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": kms_key}
    rule = {"ApplyServerSideEncryptionByDefault": how, "BucketKeyEnabled": bool(kms_key)}
    account.do(
        "s3",
        "PutBucketEncryption",
        {},
        Bucket=bucket,
        ServerSideEncryptionConfiguration={"Rules": [rule]},
    )


def _lifecycle(account: Account, bucket: str) -> dict[str, Any]:
    """What S3 does with a bucket's objects by itself, as it takes it."""
    try:
        answer = account.ask("s3", "GetBucketLifecycleConfiguration", {}, Bucket=bucket)
    except RefusedError as error:
        if error.code == "NoSuchLifecycleConfiguration":
            return {}
        raise
    return {key: value for key, value in answer.items() if key in LIFECYCLE}


def _keep_tidy(account: Account, bucket: str, former: Mapping[str, Any], *, versions: bool) -> None:
    there = former.get("Rules", [])
    own: Mapping[str, Any] = next((one for one in there if one.get("ID") == TIDY), {})
    rule: dict[str, Any] = {
        "ID": TIDY,
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": ABORTED_AFTER},
    }
    ended = "NoncurrentVersionExpiration"
    if versions:
        rule[ended] = {"NoncurrentDays": FORMER_KEPT}
    elif ended in own:  # a bucket that keeps versions goes on to do so: not for ever
        rule[ended] = own[ended]
    kept = [_with_filter(one) for one in there if one.get("ID") != TIDY]
    smallest = {key: value for key, value in former.items() if key != "Rules"}
    account.do(
        "s3",
        "PutBucketLifecycleConfiguration",
        {},
        Bucket=bucket,
        LifecycleConfiguration={"Rules": [rule, *kept]},
        **smallest,
    )
    if versions:
        account.do(
            "s3",
            "PutBucketVersioning",
            {},
            Bucket=bucket,
            VersioningConfiguration={"Status": "Enabled"},
        )


def _with_filter(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A rule in the form of today: S3 takes no list of rules in both forms."""
    if "Prefix" not in rule:
        return dict(rule)
    rest = {key: value for key, value in rule.items() if key != "Prefix"}
    return {**rest, "Filter": {"Prefix": rule["Prefix"]}}


@contextmanager
def _bucket_there(bucket: str) -> Iterator[None]:
    """AWS's word for a bucket that is not there becomes a sentence."""
    try:
        yield
    except RefusedError as error:
        if error.code != "NoSuchBucket":
            raise
        raise CloudError(
            f"s3://{bucket}: there is no such bucket; `lapel cloud s3 list` shows yours"
        ) from error


def _tags(account: Account, bucket: str) -> list[dict[str, str]]:
    try:
        with _bucket_there(bucket):
            said = account.ask("s3", "GetBucketTagging", {"TagSet": []}, Bucket=bucket)
    except RefusedError as error:
        if error.code == "NoSuchTagSet":
            return []
        raise
    tags: list[dict[str, str]] = said["TagSet"]
    return tags


def _ours(tags: Sequence[Mapping[str, str]]) -> bool:
    """Whether Lapel made what is tagged so."""
    return any(tag["Key"] == MADE_BY for tag in tags)


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """What lies at a location and would be deleted for good.

    Attributes:
        location: a bucket, or what is below a key.
        objects: key and version of each object, version and mark of deletion.
        uploads: key and name of each upload in parts that never ended.
        size: bytes of all objects and versions.
        bucket: whether the bucket itself goes, too.
    """

    location: S3Location
    objects: Sequence[tuple[str, str]]
    uploads: Sequence[tuple[str, str]]
    size: int
    bucket: bool


def plan_removal(account: Account, location: S3Location, *, bucket: bool = False) -> Removal:
    """Look what a removal would delete.

    Args:
        account: whose.
        location: a bucket, an object, or what is below a key.
        bucket: delete the bucket itself, too.

    Raises:
        UsageError: the bucket is to go and the location is not all of it.
        CloudError: Lapel did not make the bucket that is to go, or AWS refuses.
    """
    if bucket and location.key:
        raise UsageError(f"{location} is not a whole bucket; give s3://{location.bucket}")
    if bucket and not account.dry_run and not _ours(_tags(account, location.bucket)):
        raise CloudError(
            f"s3://{location.bucket} was not made by Lapel; delete it in the console, if it is "
            "yours"
        )
    objects, size = [], 0
    for page in _pages(account, "ListObjectVersions", location):
        for kind in ("Versions", "DeleteMarkers"):
            for one in page.get(kind, []):
                if _below(one["Key"], location):
                    objects.append((one["Key"], one["VersionId"]))
                    size += one.get("Size", 0)
    uploads = [
        (one["Key"], one["UploadId"])
        for page in _pages(account, "ListMultipartUploads", location)
        for one in page.get("Uploads", [])
        if _below(one["Key"], location)
    ]
    return Removal(location=location, objects=objects, uploads=uploads, size=size, bucket=bucket)


def remove(account: Account, removal: Removal) -> None:
    """Delete what was planned: objects with all their versions, cut uploads, the bucket.

    Raises:
        CloudError: AWS refuses; doing it again goes on with what is left.
    """
    bucket = removal.location.bucket
    for key, upload in removal.uploads:
        account.do("s3", "AbortMultipartUpload", {}, Bucket=bucket, Key=key, UploadId=upload)
    for first in range(0, len(removal.objects), AT_ONCE):
        # "null" too, of what was written before versions were kept: else it would only be hidden.
        named = [
            {"Key": key, "VersionId": number}
            for key, number in removal.objects[first : first + AT_ONCE]
        ]
        answer = account.do(
            "s3", "DeleteObjects", {}, Bucket=bucket, Delete={"Objects": named, "Quiet": True}
        )
        if failed := answer.get("Errors"):
            raise CloudError(
                f"s3://{bucket}/{failed[0].get('Key')} could not be deleted "
                f"({failed[0].get('Code')}); {len(failed)} of {len(named)} objects are left"
            )
    if removal.bucket:
        account.do("s3", "DeleteBucket", {}, Bucket=bucket)


def _below(key: str, location: S3Location) -> bool:
    """Whether a key is the location's object, or below it: ``run-10`` is not below ``run-1``."""
    return not location.key or key == location.key or key.startswith(location.prefix)


def _pages(account: Account, operation: str, location: S3Location) -> Iterator[dict[str, Any]]:
    request: dict[str, Any] = {"Bucket": location.bucket}
    if location.key:
        request["Prefix"] = location.key
    markers = {
        "ListObjectVersions": {
            "KeyMarker": "NextKeyMarker",
            "VersionIdMarker": "NextVersionIdMarker",
        },
        "ListMultipartUploads": {
            "KeyMarker": "NextKeyMarker",
            "UploadIdMarker": "NextUploadIdMarker",
        },
    }[operation]
    while True:
        with _bucket_there(location.bucket):
            page = account.ask("s3", operation, {}, **request)
        yield page
        if not page.get("IsTruncated"):
            return
        request |= {name: page[said] for name, said in markers.items() if page.get(said)}
