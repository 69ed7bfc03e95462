"""Taking down: whatever belongs to a machine goes, however far its making came."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Any

from lapel.cloud.aws import Account, RefusedError
from lapel.cloud.ec2.inventory import Belongings, inventory
from lapel.cloud.ec2.keys import machine_folder
from lapel.schema.errors import CloudError

#: Seconds until giving up: a machine with a GPU takes some minutes to end.
PATIENCE = 900.0
#: The name of the one policy of a machine's role.
POLICY = "one-bucket"
#: Said by AWS where a thing is gone already, which is what was wanted.
GONE = ("NotFound", "NoSuchEntity")


def take_down(
    account: Account,
    region: str,
    name: str,
    *,
    launches: Collection[str] | None = None,
    patience: float = PATIENCE,
    say: Callable[[str], None] = lambda _: None,
) -> Belongings:
    """End a machine and remove everything that belongs to it; what is gone already is no fault.

    It looks, removes what it sees, and looks again until there is nothing left, so that it may be
    stopped and run again, from any computer, and cleans up after a launch that failed halfway.

    Args:
        account: that pays.
        region: where the machine stands.
        name: of the machine.
        launches: tokens of launches whose things go; none: all of that name do.
        patience: seconds until giving up.
        say: told what is waited for.

    Returns:
        What was there at first; nothing, where it was gone already.

    Raises:
        UsageError: there can be no machine of that name.
        CloudError: AWS refuses, or something would not go; says what is left.
    """
    began, pause, seen = time.monotonic(), 0.25, Belongings()
    while left := inventory(account, region, name, launches).get(name):
        seen = seen or left
        _remove(account, left)
        if account.dry_run:
            return seen
        if time.monotonic() - began > patience:
            raise CloudError(
                f"{name} in {region} could not be taken down within {patience:.0f} s; left are "
                f"{', '.join(left.names())}; run `lapel cloud ec2 down {name} "
                f"--region {region}` again"
            )
        if left.machines and pause > 1:
            say(f"waiting for {name} to end")
        time.sleep(pause)
        pause = min(2 * pause, 5.0)
    if not account.dry_run:
        machine_folder(region, name).forget(launches)
    return seen


def _remove(account: Account, left: Belongings) -> None:
    """One go: machines first, the rest once they have ended."""
    ending = [one.instance for one in left.machines if one.state != "shutting-down"]
    if ending:
        _do(account, "ec2", "TerminateInstances", InstanceIds=ending)
    if left.machines and not account.dry_run:
        return
    for profile, roles in left.profiles.items():
        for role in roles:
            words = {"InstanceProfileName": profile, "RoleName": role}
            _do(account, "iam", "RemoveRoleFromInstanceProfile", **words)
        _do(account, "iam", "DeleteInstanceProfile", InstanceProfileName=profile)
    for role in left.roles:
        _do(account, "iam", "DeleteRolePolicy", RoleName=role, PolicyName=POLICY)
        _do(account, "iam", "DeleteRole", RoleName=role)
    for key in left.keys:
        _do(account, "ec2", "DeleteKeyPair", KeyName=key)
    for volume in left.volumes:
        _do(account, "ec2", "DeleteVolume", VolumeId=volume)
    for group in left.groups:
        _do(account, "ec2", "DeleteSecurityGroup", GroupId=group)


def _do(account: Account, service: str, operation: str, **request: Any) -> None:  # noqa: ANN401 - AWS's own shapes
    try:
        account.do(service, operation, {}, **request)
    except RefusedError as error:
        # In use a little longer: the next look finds it again.
        if not any(word in error.code for word in (*GONE, "DependencyViolation", "VolumeInUse")):
            raise
