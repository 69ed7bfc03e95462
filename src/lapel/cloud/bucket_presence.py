"""A bucket is looked for before anything is made that is to use it."""

from __future__ import annotations

from lapel.cloud.aws import DENIED, Account, RefusedError
from lapel.schema.errors import UsageError

#: What S3 says of a bucket that is not there, and of one that may not be looked into.
ABSENT, CLOSED = frozenset({"404", "NoSuchBucket", "NotFound"}), frozenset({"403", "Forbidden"})


def region_of_bucket(account: Account, bucket: str) -> str | None:
    """The region of a bucket that is there.

    Args:
        account: that is asked.
        bucket: its name.

    Returns:
        Such as ``eu-central-1``; None in a dry run, which looks at nothing, and where a server
        other than AWS does not say.

    Raises:
        UsageError: there is none of that name, or it is somebody else's.
        CloudError: AWS refuses otherwise, or cannot be reached.
    """
    try:
        found = account.ask("s3", "HeadBucket", {}, Bucket=bucket)
    except RefusedError as error:
        if error.code in ABSENT:
            raise UsageError(_absent(account, bucket)) from error
        if error.code in CLOSED or error.code in DENIED:
            raise UsageError(
                f"s3://{bucket} may not be looked into: it belongs to somebody else, or your "
                f"rights do not name it; `lapel cloud policy GROUP --bucket {bucket}` prints those "
                "that are needed (docs/aws-rights.md)"
            ) from error
        raise
    region = found.get("BucketRegion")
    return None if region is None else str(region)


def _absent(account: Account, bucket: str) -> str:
    here = account.where()
    return (
        f"there is no bucket s3://{bucket}; name one of yours in {here}, or make it: "
        f"`lapel cloud s3 make-bucket {bucket} --region {here}`"
    )
