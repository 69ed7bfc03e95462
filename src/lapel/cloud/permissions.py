"""Which rights in AWS each group of commands needs: the least that will do.

They stand in ``permissions.json``, in IAM's own words, and nowhere else: the documentation and
``lapel cloud policy`` print them, and the tests hold every call that is made against them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Any

from lapel.schema.errors import UsageError
from lapel.storage.s3.location import bucket_named

if TYPE_CHECKING:
    from lapel.cloud.aws import Call  # which brings boto3: to print a policy needs none

#: Services whose actions have another name in IAM.
SERVICES = {"sagemaker-runtime": "sagemaker"}
#: Operations whose right has another name:
#: https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations.html
RENAMED = {
    "s3:CompleteMultipartUpload": "s3:PutObject",
    "s3:CreateMultipartUpload": "s3:PutObject",
    "s3:DeleteObjects": "s3:DeleteObject",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListBuckets": "s3:ListAllMyBuckets",
    "s3:ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListParts": "s3:ListMultipartUploadParts",
    "s3:PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "s3:UploadPart": "s3:PutObject",
}
#: A managed policy may have so many characters, spaces apart:
#: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MOST_CHARACTERS = 6144


def groups() -> list[str]:
    """Names of the groups of commands."""
    return list(_statements())


def policy(group: str, *, bucket: str, partition: str = "aws") -> dict[str, Any]:
    """The IAM policy that a user of a group of commands needs.

    Args:
        group: of commands, as :func:`groups` names them.
        bucket: that data and runs lie in, by its name or as ``s3://name``.
        partition: ``aws``, ``aws-cn`` or ``aws-us-gov``.

    Raises:
        UsageError: there is no such group, or the bucket's name is none, such as ``*``, which
            would let in to all.
    """
    if group not in _statements():
        raise UsageError(f"{group!r} is no group; expected one of {', '.join(groups())}")
    text = Template(json.dumps(_statements()[group]))
    filled = text.substitute(bucket=bucket_named(bucket), partition=partition)
    return {"Version": "2012-10-17", "Statement": json.loads(filled)}


def partition(region: str) -> str:
    """The part of AWS that a region is in, as ARNs name it."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def actions(call: Call) -> set[str]:
    """The rights that a call needs, as IAM names them."""
    service = SERVICES.get(call.service, call.service)
    own = f"{service}:{call.operation}"
    needed = {RENAMED.get(own, own)}
    tagged = {"TagSpecifications", "Tags"} & set(call.request)
    if tagged and service == "ec2":
        needed.add("ec2:CreateTags")
    if tagged and service == "iam":
        needed.add(f"iam:Tag{call.operation.removeprefix('Create')}")
    if tagged and service == "sagemaker":
        needed.add("sagemaker:AddTags")
    if {"IamInstanceProfile", "RoleArn", "ExecutionRoleArn"} & set(call.request):
        needed.add("iam:PassRole")
    return needed


def missing(group: str, calls: Iterable[Call]) -> set[str]:
    """Rights that calls need and a group's policy does not give."""
    given = {
        pattern for statement in _statements()[group] for pattern in _listed(statement["Action"])
    }
    needed = {action for call in calls for action in actions(call)}
    return {one for one in needed if not any(fnmatchcase(one, pattern) for pattern in given)}


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


@cache
def _statements() -> dict[str, list[dict[str, Any]]]:
    text = files("lapel.cloud").joinpath("permissions.json").read_text(encoding="utf-8")
    found: dict[str, list[dict[str, Any]]] = json.loads(text)
    return found
