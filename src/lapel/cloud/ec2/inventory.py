"""Everything in an account that belongs to our machines, found by its tags and paths."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lapel.cloud.aws import Account
from lapel.cloud.ec2.launches import BEGAN, LAUNCH, PRETENDED
from lapel.cloud.ec2.machines import OWNER, Machine, machines, owned
from lapel.cloud.ec2.plan import is_name
from lapel.cloud.ec2.requests import LAUNCH_MARK, PATH, role_name, role_prefix
from lapel.cloud.tagging import TAG


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
        launches: tokens of the launches that made all this, each with when it began.
    """

    machines: list[Machine] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    volumes: list[str] = field(default_factory=list)
    profiles: dict[str, list[str]] = field(default_factory=dict)
    roles: list[str] = field(default_factory=list)
    launches: dict[str, datetime] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.machines or self.leftovers())

    def names(self) -> list[str]:
        """Everything, in words."""
        return [f"machine {one.instance}" for one in self.machines] + self.leftovers()

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


def inventory(
    account: Account,
    region: str,
    name: str | None = None,
    launches: Collection[str] | None = None,
) -> dict[str, Belongings]:
    """What is there, by the name of the machine that it belongs to.

    Args:
        account: to look into.
        region: of the account.
        name: only what belongs to that machine.
        launches: only what launches of these tokens made.

    Raises:
        UsageError: there can be no machine of that name.
        CloudError: AWS refuses, or cannot be reached.
    """
    found: dict[str, Belongings] = defaultdict(Belongings)
    for machine in machines(account, region, name, launches):
        found[machine.name].machines.append(machine)
        if machine.launch:
            found[machine.name].launches[machine.launch] = machine.launched
    filters = owned(name, launches)
    for its, group in _tagged(account, "DescribeSecurityGroups", "GroupId", filters, found):
        its.groups.append(group)
    for its, key in _tagged(account, "DescribeKeyPairs", "KeyName", filters, found):
        its.keys.append(key)
    for its, volume in _tagged(account, "DescribeVolumes", "VolumeId", filters, found):
        its.volumes.append(volume)
    _add_roles(account, region, name, launches, found)
    return dict(found)


def _tagged(
    account: Account,
    operation: str,
    key: str,
    filters: list[dict[str, Any]],
    found: dict[str, Belongings],
) -> Iterator[tuple[Belongings, str]]:
    """Each thing that EC2 lists under our tag, with whose it is."""
    part = operation.removeprefix("Describe")
    instead: dict[str, Any] = {part: []}
    if part == "Volumes":  # a volume that is in use goes with its machine
        filters = [*filters, {"Name": "status", "Values": ["available"]}]
    else:
        owner = filters[0]["Values"][0].replace("*", "name")
        name = owner.removeprefix(OWNER)
        instead = {part: [{key: f"{name}'s", "Tags": [{"Key": TAG, "Value": owner}]}]}
    # Key pairs come in one page: EC2 gives them no token.
    answers = (
        [account.ask("ec2", operation, instead, Filters=filters)]
        if part == "KeyPairs"
        else account.every("ec2", operation, instead, Filters=filters)
    )
    for answer in answers:
        for one in answer.get(part, []):
            tags = {tag["Key"]: tag["Value"] for tag in one.get("Tags", [])}
            owner = tags.get(TAG, "").removeprefix(OWNER)
            if not is_name(owner):  # somebody else's use of our tag
                continue
            if LAUNCH in tags and BEGAN in tags:
                began = datetime.fromisoformat(tags[BEGAN])
                found[owner].launches.setdefault(tags[LAUNCH], began)
            yield found[owner], one[key]


def _add_roles(
    account: Account,
    region: str,
    name: str | None,
    launches: Collection[str] | None,
    found: dict[str, Belongings],
) -> None:
    """Roles and profiles: IAM filters by path alone, and knows no regions."""
    prefix = role_prefix(region)

    def belongings(one: Mapping[str, Any], called: str) -> Belongings | None:
        owner, _, token = called.removeprefix(prefix).partition(LAUNCH_MARK)
        asked = name in (None, owner) and (launches is None or token in launches)
        if not (asked and called.startswith(prefix) and is_name(owner)):
            return None
        if token:
            found[owner].launches.setdefault(token, one.get("CreateDate", datetime.now(UTC)))
        return found[owner]

    instead = _pretended_roles(region, name)
    for page in account.every("iam", "ListInstanceProfiles", instead, PathPrefix=PATH):
        for one in page["InstanceProfiles"]:
            profile = one["InstanceProfileName"]
            if (its := belongings(one, profile)) is not None:
                its.profiles[profile] = [role["RoleName"] for role in one.get("Roles", [])]
    for page in account.every("iam", "ListRoles", instead, PathPrefix=PATH):
        for one in page["Roles"]:
            if (its := belongings(one, one["RoleName"])) is not None:
                its.roles.append(one["RoleName"])


def _pretended_roles(region: str, name: str | None) -> dict[str, Any]:
    """What a dry run goes on with: a role and a profile of the machine that it names."""
    if name is None:
        return {"InstanceProfiles": [], "Roles": []}
    called = role_name(region, name, PRETENDED)
    roles = [{"RoleName": called}]
    return {"InstanceProfiles": [{"InstanceProfileName": called, "Roles": roles}], "Roles": roles}
