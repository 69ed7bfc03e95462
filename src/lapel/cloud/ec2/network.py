"""Where a machine may stand, and who may reach it."""

from __future__ import annotations

import ipaddress
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lapel.cloud.aws import Account
from lapel.cloud.ec2.machines import owned
from lapel.cloud.ec2.plan import Plan, checked_network
from lapel.cloud.ec2.requests import ssh_from
from lapel.schema.errors import CloudError

#: AWS's service that answers with the address one is seen under.
ADDRESS_SERVICE = "https://checkip.amazonaws.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A subnet that a machine may stand in.

    Attributes:
        subnet: AWS's name, ``subnet-…``.
        zone: its availability zone, such as ``eu-central-1a``.
        network: the VPC it is part of, ``vpc-…``.
    """

    subnet: str
    zone: str
    network: str


def own_network(service: str = ADDRESS_SERVICE) -> str:
    """The IPv4 address under which this computer is seen, as a network of itself alone.

    Raises:
        CloudError: the service cannot be reached, or answers something else.
    """
    remedy = "give your own address by --from, as --from 203.0.113.7/32"
    try:
        with urllib.request.urlopen(service, timeout=10) as answer:  # noqa: S310 - a constant
            text = answer.read(100).decode("ascii", "replace").strip()
    except OSError as error:
        raise CloudError(
            f"{service} could not be asked for your address ({error}); {remedy}"
        ) from error
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError as error:
        raise CloudError(f"{service} answered {text!r}, no IPv4 address; {remedy}") from error
    return f"{address}/32"


def places(account: Account, plan: Plan) -> list[Place]:
    """Where the machine may stand: the plan's subnet, or default ones whose zone has its kind.

    Raises:
        CloudError: there is none.
    """
    if plan.subnet is not None:
        return _subnets(account, plan, SubnetIds=[plan.subnet])
    filters = [{"Name": "default-for-az", "Values": ["true"]}]
    found = _subnets(account, plan, Filters=filters)
    if not found:
        raise CloudError(
            f"{plan.region} has no default network in this account; name a public subnet by "
            "--subnet, or make one by `aws ec2 create-default-vpc`"
        )
    zones = _zones(account, plan)
    fitting = [place for place in found if place.zone in zones]
    if not fitting:
        raise CloudError(
            f"no zone of {plan.region} with a default subnet has {plan.kind}; choose another "
            "--kind or --region"
        )
    return fitting


def _subnets(account: Account, plan: Plan, **request: object) -> list[Place]:
    pretended = {
        "SubnetId": plan.subnet or "subnet-00000000000000000",
        "AvailabilityZone": f"{plan.region}a",
        "VpcId": "vpc-00000000000000000",
    }
    pages = account.every("ec2", "DescribeSubnets", {"Subnets": [pretended]}, **request)
    return [
        Place(subnet=one["SubnetId"], zone=one["AvailabilityZone"], network=one["VpcId"])
        for page in pages
        for one in page["Subnets"]
    ]


def _zones(account: Account, plan: Plan) -> set[str]:
    pages = account.every(
        "ec2",
        "DescribeInstanceTypeOfferings",
        {"InstanceTypeOfferings": [{"Location": f"{plan.region}a"}]},
        LocationType="availability-zone",
        Filters=[{"Name": "instance-type", "Values": [plan.kind]}],
    )
    return {one["Location"] for page in pages for one in page["InstanceTypeOfferings"]}


def reopen(account: Account, region: str, name: str, network: str) -> str:
    """Let one network into a machine's group, and no other.

    Args:
        account: that pays.
        region: where the machine stands.
        name: of the machine.
        network: that may open SSH from now on.

    Returns:
        The network, as AWS writes it.

    Raises:
        UsageError: the network is none, or too wide.
        CloudError: there is no such machine, or AWS refuses.
    """
    opened = checked_network(network)
    pretended = {"SecurityGroups": [{"GroupId": f"{name}'s", "IpPermissions": []}]}
    answer = account.ask("ec2", "DescribeSecurityGroups", pretended, Filters=owned(name))
    if not answer["SecurityGroups"]:
        raise CloudError(f"there is no machine {name} in {region}")
    group = answer["SecurityGroups"][0]
    there = [one for rule in group["IpPermissions"] for one in _apart(rule)]
    wanted = ssh_from(opened)
    named = {"GroupId": group["GroupId"]}
    # Opened first: a call that is refused in between must not leave its owner outside.
    if not any(_same(one, wanted[0]) for one in there):
        account.do("ec2", "AuthorizeSecurityGroupIngress", {}, **named, IpPermissions=wanted)
    if old := [one for one in there if not _same(one, wanted[0])]:
        account.do("ec2", "RevokeSecurityGroupIngress", {}, **named, IpPermissions=old)
    return opened


#: Under these words a rule lists whom it lets in.
SOURCES = ("IpRanges", "Ipv6Ranges", "PrefixListIds", "UserIdGroupPairs")


def _apart(rule: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The rules, of one source each, that EC2 tells of as one."""
    shared = {key: value for key, value in rule.items() if key not in SOURCES}
    for kind in SOURCES:
        for source in rule.get(kind, []):
            yield {**shared, kind: [source]}


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two rules of one source each let in the same, however that is described."""
    return _undescribed(one) == _undescribed(other)


def _undescribed(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: [{name: word for name, word in one.items() if name != "Description"} for one in value]
        if key in SOURCES
        else value
        for key, value in rule.items()
    }
