"""Everything in an account that belongs to our machines, found by its tags and paths."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lapel.cloud.aws import TAG, Account
from lapel.cloud.ec2.machines import OWNER, Machine, machines, owned
from lapel.cloud.ec2.requests import PATH, role_name


@dataclass(slots=True)
class Belongings:
    """What belongs to one name.

    Attributes:
        machines: that have not ended.
        groups: security groups, ``sg-…``.
        keys: names of key pairs.
        volumes: disks that outlived their machine, ``vol-…``.
        profiles: instance profiles, each with its roles.
        roles: of IAM.
    """

    machines: list[Machine] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    volumes: list[str] = field(default_factory=list)
    profiles: dict[str, list[str]] = field(default_factory=dict)
    roles: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.machines or self.leftovers())

    def leftovers(self) -> list[str]:
        """Everything but machines, in words."""
        found = {
            "security group": self.groups,
            "key pair": self.keys,
            "volume": self.volumes,
            "instance profile": list(self.profiles),
            "role": self.roles,
        }
        return [f"{what} {name}" for what, names in found.items() for name in names]


def inventory(account: Account, region: str, name: str | None = None) -> dict[str, Belongings]:
    """What is there, by the name of the machine that it belongs to.

    Args:
        account: to look into.
        region: of the account.
        name: only what belongs to that machine.

    Raises:
        CloudError: AWS refuses, or cannot be reached.
    """
    found: dict[str, Belongings] = defaultdict(Belongings)
    for machine in machines(account, region, name):
        found[machine.name].machines.append(machine)
    for owner, group in _tagged(account, "DescribeSecurityGroups", "GroupId", name):
        found[owner].groups.append(group)
    for owner, key in _tagged(account, "DescribeKeyPairs", "KeyName", name):
        found[owner].keys.append(key)
    for owner, volume in _tagged(account, "DescribeVolumes", "VolumeId", name):
        found[owner].volumes.append(volume)
    _add_roles(account, region, name, found)
    return dict(found)


def _tagged(
    account: Account, operation: str, key: str, name: str | None
) -> Iterator[tuple[str, str]]:
    """Owner and id of each thing that EC2 lists under our tag."""
    part = operation.removeprefix("Describe")
    filters = owned(name)
    if part == "Volumes":  # a volume that is in use goes with its machine
        filters.append({"Name": "status", "Values": ["available"]})
    instead: dict[str, Any] = {part: []}
    if part != "Volumes":
        pretended = {
            key: f"{name or 'name'}'s",
            "Tags": [{"Key": TAG, "Value": f"{OWNER}{name or 'name'}"}],
        }
        instead = {part: [pretended]}
    # Key pairs come in one page: EC2 gives them no token.
    answers = (
        [account.ask("ec2", operation, instead, Filters=filters)]
        if part == "KeyPairs"
        else account.every("ec2", operation, instead, Filters=filters)
    )
    for answer in answers:
        for one in answer.get(part, []):
            tags = {tag["Key"]: tag["Value"] for tag in one.get("Tags", [])}
            yield tags.get(TAG, "").removeprefix(OWNER), one[key]


def _add_roles(
    account: Account, region: str, name: str | None, found: dict[str, Belongings]
) -> None:
    """Roles and profiles: IAM filters by path alone, and knows no regions."""
    prefix = role_name(region, "")
    pretended = [{"RoleName": prefix + name}] if name else []
    instead: dict[str, Any] = {
        "InstanceProfiles": [{"InstanceProfileName": prefix + name, "Roles": pretended}]
        if name
        else [],
        "Roles": pretended,
    }
    for page in account.every("iam", "ListInstanceProfiles", instead, PathPrefix=PATH):
        for one in page["InstanceProfiles"]:
            owner = one["InstanceProfileName"].removeprefix(prefix)
            if one["InstanceProfileName"].startswith(prefix) and name in (None, owner):
                roles = [role["RoleName"] for role in one.get("Roles", [])]
                found[owner].profiles[one["InstanceProfileName"]] = roles
    for page in account.every("iam", "ListRoles", instead, PathPrefix=PATH):
        for one in page["Roles"]:
            owner = one["RoleName"].removeprefix(prefix)
            if one["RoleName"].startswith(prefix) and name in (None, owner):
                found[owner].roles.append(one["RoleName"])
