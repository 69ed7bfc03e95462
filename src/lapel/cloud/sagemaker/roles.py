"""The role that jobs and endpoints take on: one bucket, their own logs, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from lapel.cloud.aws import Account, RefusedError
from lapel.cloud.permissions import partition, policy
from lapel.cloud.sagemaker.checks import tags
from lapel.schema.errors import CloudError

#: IAM's path of our roles: what a policy can be limited to.
PATH = "/lapel/"

#: Of the role's only policy.
POLICY = "lapel"

ABSENT = "NoSuchEntity"


def make_role(account: Account, name: str, bucket: str) -> str:
    """Make a role that SageMaker may take on to use one bucket.

    Args:
        account: where it is made.
        name: the role's.
        bucket: that it may read and write.

    Returns:
        Its ARN. AWS may need some seconds until it knows the role everywhere.

    Raises:
        CloudError: AWS refuses; nothing is left behind.
    """
    part = partition(account.region or "")
    instead = {"Role": {"Arn": f"arn:{part}:iam::000000000000:role{PATH}{name}"}}
    made = account.do(
        "iam",
        "CreateRole",
        instead,
        RoleName=name,
        Path=PATH,
        AssumeRolePolicyDocument=_trust(),
        Description=f"Lapel's jobs and endpoints of SageMaker; may use the bucket {bucket}",
        Tags=tags(name),
    )
    rights = json.dumps(policy("sagemaker-execution", bucket=bucket, partition=part))
    try:
        account.do(
            "iam",
            "PutRolePolicy",
            {},
            RoleName=name,
            PolicyName=POLICY,
            PolicyDocument=rights,
        )
    except CloudError:
        account.do("iam", "DeleteRole", {}, RoleName=name)
        raise
    arn: str = made["Role"]["Arn"]
    return arn


def delete_role(account: Account, name: str) -> None:
    """Take down a role of :func:`make_role`; one that is gone already is no error.

    Raises:
        CloudError: AWS refuses, as where other policies were added to the role.
    """
    with _gone_already():
        account.do("iam", "DeleteRolePolicy", {}, RoleName=name, PolicyName=POLICY)
    with _gone_already():
        account.do("iam", "DeleteRole", {}, RoleName=name)


@contextmanager
def _gone_already() -> Iterator[None]:
    try:
        yield
    except RefusedError as error:
        if not error.code.startswith(ABSENT):
            raise


def _trust() -> str:
    """Who may take the role on: SageMaker."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sagemaker.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
