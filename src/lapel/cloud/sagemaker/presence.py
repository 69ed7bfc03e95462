"""What a job or an endpoint is to use is looked for before anything is sent.

SageMaker itself would say so after minutes, or after the machines have started and cost money.
"""

from __future__ import annotations

from lapel.cloud.aws import DENIED, Account, RefusedError
from lapel.cloud.bucket_presence import region_of_bucket
from lapel.schema.errors import UsageError
from lapel.storage.s3.location import S3Location


def refuse_absent_bucket(account: Account, bucket: str) -> None:
    """Refuse a bucket that SageMaker could not use.

    Args:
        account: that is asked; a dry run looks at nothing.
        bucket: its name.

    Raises:
        UsageError: there is none of that name, it is somebody else's, or it lies in another
            region.
        CloudError: AWS refuses otherwise, or cannot be reached.
    """
    region = region_of_bucket(account, bucket)
    if region is not None and region != account.where():
        raise UsageError(
            f"s3://{bucket} lies in {region}; SageMaker in {account.where()} uses buckets of its "
            f"own region alone: name one that lies there, or work in --region {region}"
        )


def refuse_absent_role(account: Account, arn: str) -> None:
    """Refuse a role that SageMaker could not take on.

    Who may not look at roles goes on: AWS says it in the end.

    Args:
        account: that is asked; a dry run looks at nothing.
        arn: of the role.

    Raises:
        UsageError: there is none of that name, or its ARN is another.
        CloudError: AWS refuses otherwise, or cannot be reached.
    """
    name = arn.rpartition("/")[2]
    try:
        found = account.ask("iam", "GetRole", {}, RoleName=name)
    except RefusedError as error:
        if error.code in DENIED:
            return
        if error.code.startswith("NoSuchEntity"):
            raise UsageError(
                f"there is no role {name} in this account ({arn}); `lapel cloud sagemaker role "
                f"{name} --bucket BUCKET` makes it and prints its ARN"
            ) from error
        raise
    there = str(found.get("Role", {}).get("Arn", arn))
    if there != arn:
        raise UsageError(f"found the role {there}, expected {arn}: name it as it is called there")


def keys_below(account: Account, place: str) -> list[str]:
    """Keys of the first thousand objects below a place in S3, folders' own marks left out.

    Args:
        account: that is asked; a dry run sees none.
        place: such as ``s3://bucket/photos``.

    Raises:
        CloudError: AWS refuses, or cannot be reached.
        UsageError: no address of S3.
    """
    location = S3Location.parse(place)
    request = {"Bucket": location.bucket, "Prefix": location.prefix}
    found = account.ask("s3", "ListObjectsV2", {}, **request)
    keys = [str(one["Key"]) for one in found.get("Contents", [])]
    return [key for key in keys if not key.endswith("/")]
