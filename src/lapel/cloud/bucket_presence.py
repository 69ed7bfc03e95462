"""A bucket is looked for before anything is made that is to use it."""

from __future__ import annotations

from collections.abc import Callable

from lapel.cloud.aws import DENIED, Account, RefusedError
from lapel.schema.errors import UsageError

#: What S3 says of a bucket that is not there, and of one that may not be looked into.
ABSENT, CLOSED = frozenset({"404", "NoSuchBucket", "NotFound"}), frozenset({"403", "Forbidden"})


def region_of_bucket(
    account: Account, bucket: str, *, unsure: Callable[[str], None] | None = None
) -> str | None:
    """The region of a bucket that is there.

    Args:
        account: that is asked.
        bucket: its name.
        unsure: told of a bucket that may not be looked into, where it is a role that shall use it
            and not who asks; None: such a bucket is refused.

    Returns:
        Such as ``eu-central-1``; None in a dry run, which looks at nothing, where a server other
        than AWS does not say, and where ``unsure`` was told.

    Raises:
        UsageError: there is none of that name, or it is somebody else's.
        CloudError: AWS refuses otherwise, or cannot be reached.
    """
    try:
        found = account.ask("s3", "HeadBucket", {}, Bucket=bucket)
    except RefusedError as error:
        if error.code in ABSENT:
            raise UsageError(_absent(account, bucket)) from error
        if error.code not in {*CLOSED, *DENIED}:
            raise
        if unsure is None:
            raise UsageError(
                f"s3://{bucket} may not be looked into: it belongs to somebody else, or your "
                f"rights do not name it; `lapel cloud policy GROUP --bucket {bucket}` prints those "
                "that are needed (docs/aws-rights.md)"
            ) from error
        unsure(
            f"note: s3://{bucket} may not be looked into by you: whether it is there, and yours, "
            "is not sure"
        )
        return None
    region = found.get("BucketRegion")
    return None if region is None else str(region)


def _absent(account: Account, bucket: str) -> str:
    here = account.region_if_set()
    place, region = ("", "") if here is None else (f" in {here}", f" --region {here}")
    return (
        f"there is no bucket s3://{bucket}; name one of yours{place}, or make it: "
        f"`lapel cloud s3 make-bucket {bucket}{region}`"
    )
