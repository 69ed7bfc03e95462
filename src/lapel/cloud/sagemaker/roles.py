"""The role that jobs and endpoints take on: one bucket, their own logs, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from lapel.cloud.aws import DENIED, Account, RefusedError
from lapel.cloud.permissions import partition, policy
from lapel.cloud.sagemaker.checks import checked_role_name, tags
from lapel.schema.errors import CloudError, UsageError

#: IAM's path of our roles: what a policy can be limited to.
PATH = "/lapel/"

#: Of the role's only policy.
POLICY = "lapel"

#: Stands for a bucket that cannot be told: rights may not be read, or were changed by hand.
UNKNOWN = "*"

#: IAM's words for a name that it does not know, and for one that it knows already.
ABSENT, TAKEN = "NoSuchEntity", "EntityAlreadyExists"


@dataclass(frozen=True, slots=True)
class Role:
    """A role of ours.

    Attributes:
        arn: its name in full, as jobs and endpoints want it.
        made: whether it was made now; else it was there, and may use another bucket now.
    """

    arn: str
    made: bool


def make_role(account: Account, name: str, bucket: str) -> Role:
    """Make a role that SageMaker may take on to use one bucket; or let one of ours use that one.

    Args:
        account: where it is made.
        name: the role's.
        bucket: that it may read and write from now on, and no other.

    Returns:
        The role. AWS may need some seconds until it knows it everywhere.

    Raises:
        UsageError: no name of a role or bucket, or a role of that name that Lapel did not make.
        CloudError: AWS refuses; what was made is taken back.
    """
    checked_role_name(name)
    part = partition(account.region_if_set() or "")
    rights = json.dumps(policy("sagemaker-execution", bucket=bucket, partition=part))
    role = _make(account, name, part)
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
        if role.made:
            with suppress(CloudError):  # the error on its way says more
                account.do("iam", "DeleteRole", {}, RoleName=name)
        raise
    return role


def bucket_of(account: Account, name: str) -> str | None:
    """The bucket that a role of :func:`make_role` may use.

    Returns:
        Its name; ``UNKNOWN`` where its rights may not be read or name no one bucket; None where
        there is no such role, and in a dry run.

    Raises:
        UsageError: no name of a role, or a role of that name that Lapel did not make.
        CloudError: AWS refuses.
    """
    checked_role_name(name)
    there = _look_at(account, name)
    if there is None:
        return None
    _refuse_others(there)
    try:
        said = account.ask("iam", "GetRolePolicy", {}, RoleName=name, PolicyName=POLICY)
    except RefusedError as error:
        if error.code.startswith(ABSENT):
            return None
        if error.code in DENIED:
            return UNKNOWN
        raise
    return _bucket_in(said["PolicyDocument"])


def _bucket_in(document: Mapping[str, Any]) -> str:
    """The one bucket that a policy names, also one that was changed by hand; or ``UNKNOWN``."""
    statements = _listed(document.get("Statement", []))
    named = [str(arn) for one in statements for arn in _listed(one.get("Resource", []))]
    buckets = {arn.split(":s3:::")[1].split("/")[0] for arn in named if ":s3:::" in arn}
    turned = any("NotResource" in one for one in statements)
    return UNKNOWN if turned or len(buckets) != 1 else buckets.pop()


def _listed(value: Any) -> list[Any]:  # noqa: ANN401 - IAM takes one, or a list, of anything
    return value if isinstance(value, list) else [value]


def delete_role(account: Account, name: str) -> None:
    """Take down a role of :func:`make_role`; one that is gone already is no error.

    Raises:
        UsageError: no name of a role, or Lapel did not make it.
        CloudError: AWS refuses, as where other policies were added to the role.
    """
    checked_role_name(name)
    there = _look_at(account, name)
    if there is not None:
        _refuse_others(there)
    with _gone_already():
        account.do("iam", "DeleteRolePolicy", {}, RoleName=name, PolicyName=POLICY)
    with _gone_already():
        account.do("iam", "DeleteRole", {}, RoleName=name)


def _make(account: Account, name: str, part: str) -> Role:
    """The role without its rights: made, or found to be ours."""
    try:
        made = account.do(
            "iam",
            "CreateRole",
            {"Role": {"Arn": f"arn:{part}:iam::000000000000:role{PATH}{name}"}},
            RoleName=name,
            Path=PATH,
            AssumeRolePolicyDocument=_trust(),
            Description="Lapel's jobs and endpoints of SageMaker; may use one bucket",
            Tags=tags(name),
        )
    except RefusedError as error:
        there = _look_at(account, name) if error.code.startswith(TAKEN) else None
        if there is None:
            raise
        _refuse_others(there)
        return Role(arn=str(there["Arn"]), made=False)
    return Role(arn=str(made["Role"]["Arn"]), made=True)


def _look_at(account: Account, name: str) -> Mapping[str, Any] | None:
    """What IAM says of a role; None where there is none, and in a dry run."""
    try:
        said = account.ask("iam", "GetRole", {}, RoleName=name)
    except RefusedError as error:
        if error.code.startswith(ABSENT):
            return None
        raise
    found: Mapping[str, Any] | None = said.get("Role")
    return found


def _refuse_others(role: Mapping[str, Any]) -> None:
    """Refuse what a role of somebody else's, or of a rented machine, would have done to it."""
    if tags(role["RoleName"])[0] not in role.get("Tags", []):
        raise UsageError(
            f"there is a role {role['Arn']} already, which `lapel cloud sagemaker role` did not "
            "make; it is left alone. Choose another name"
        )


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
