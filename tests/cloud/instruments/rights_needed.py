"""Which rights calls need, as IAM names them, and those that a group's policy does not give."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from lapel.cloud.aws import Call
from lapel.cloud.permissions import policy

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
    statements = policy(group, bucket="my-lapel-bucket")["Statement"]
    given = {pattern for statement in statements for pattern in _listed(statement["Action"])}
    needed = {action for call in calls for action in actions(call)}
    return {one for one in needed if not any(fnmatchcase(one, pattern) for pattern in given)}


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
