"""The role that SageMaker's jobs and endpoints work under: least rights, made and removed by name."""

from __future__ import annotations

import json
from importlib.metadata import version

from lapel.cloud.aws import MADE_BY, TAG, Account, RefusedError
from lapel.cloud.permissions import partition, policy
from lapel.schema.errors import UsageError

#: IAM's path of everything of ours, and the name of the one policy of a role.
PATH, POLICY = "/lapel/", "one-bucket"
#: Stands for the account's number in a dry run.
PRETENDED = "000000000000"


def make_role(account: Account, name: str, bucket: str) -> str:
    """Make a role for SageMaker that may use one bucket, write its logs and fetch its image.

    Args:
        account: that it belongs to.
        name: of the role.
        bucket: that data, runs and models lie in.

    Returns:
        Its ARN, for ``--role``.

    Raises:
        UsageError: there is a role of this name.
        CloudError: AWS refuses; nothing of the role stays.
    """
    part = partition(account.where())
    pretended = {"Role": {"Arn": f"arn:{part}:iam::{PRETENDED}:role{PATH}{name}"}}
    try:
        made = account.do(
            "iam",
            "CreateRole",
            pretended,
            RoleName=name,
            Path=PATH,
            AssumeRolePolicyDocument=_trust(),
            Tags=[
                {"Key": TAG, "Value": f"sagemaker/{name}"},
                {"Key": MADE_BY, "Value": f"lapel {version('lapel')}"},
            ],
        )
    except RefusedError as error:
        if error.code == "EntityAlreadyExists":
            raise UsageError(f"there is a role {name}; use it, or choose another name") from error
        raise
    rights = json.dumps(policy("sagemaker-role", bucket=bucket, partition=part))
    try:
        account.do(
            "iam", "PutRolePolicy", {}, RoleName=name, PolicyName=POLICY, PolicyDocument=rights
        )
    except BaseException:
        account.do("iam", "DeleteRole", {}, RoleName=name)
        raise
    return str(made["Role"]["Arn"])


def remove_role(account: Account, name: str) -> bool:
    """Remove a role that :func:`make_role` made; one that is gone already is no fault.

    Returns:
        Whether it was there.

    Raises:
        UsageError: the role is not one of ours.
        CloudError: AWS refuses.
    """
    pretended = {"Role": {"Path": PATH}}
    try:
        role = account.ask("iam", "GetRole", pretended, RoleName=name)["Role"]
    except RefusedError as error:
        if error.code == "NoSuchEntity":
            return False
        raise
    if role["Path"] != PATH:
        raise UsageError(f"the role {name} was not made by `lapel cloud make-role`; left as it is")
    try:
        account.do("iam", "DeleteRolePolicy", {}, RoleName=name, PolicyName=POLICY)
    except RefusedError as error:
        if error.code != "NoSuchEntity":
            raise
    account.do("iam", "DeleteRole", {}, RoleName=name)
    return True


def _trust() -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sagemaker.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
