"""Machines that are there: found by their tags, so that any computer of the user's finds them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lapel.cloud.aws import Account
from lapel.cloud.ec2.keys import MachineFolder, machine_folder
from lapel.cloud.ec2.launches import LAUNCH
from lapel.cloud.ec2.plan import checked_machine_name, is_name
from lapel.cloud.tagging import TAG
from lapel.schema.errors import CloudError

#: The value of :data:`lapel.cloud.tagging.TAG` on everything of a machine.
OWNER = "ec2/"
#: States of EC2 in which a machine costs money or may come to.
ALIVE = ("pending", "running", "stopping", "stopped", "shutting-down")
#: States in which it can be used, or soon.
USABLE = ("pending", "running")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """One rented machine.

    Attributes:
        name: as given to ``lapel cloud ec2 up``.
        region: where it stands.
        instance: AWS's name, ``i-…``.
        kind: such as ``g6.xlarge``.
        state: in EC2's words.
        spot: whether AWS may take it back.
        address: of SSH; empty where it has none (yet).
        user: its login.
        bucket: that it may read and write; empty: none.
        launched: when it was started.
        until: when it ends itself at the latest.
        price: US dollars an hour as known when it was started.
        disk: GB of its disk; 0: as many as its image wants.
        launch: token of the launch that made it.
    """

    name: str
    region: str
    instance: str
    kind: str
    state: str
    spot: bool
    address: str
    user: str
    bucket: str
    launched: datetime
    until: datetime | None
    price: float | None
    disk: int
    launch: str

    @property
    def folder(self) -> MachineFolder:
        """What this computer keeps of it: its host key, and the key that signs in."""
        return machine_folder(self.region, self.name)


def machines(
    account: Account,
    region: str,
    name: str | None = None,
    launches: Collection[str] | None = None,
) -> list[Machine]:
    """Our machines in a region, those that ended left out.

    Args:
        account: that pays.
        region: of the account.
        name: only that machine.
        launches: only what launches of these tokens made.

    Raises:
        UsageError: there can be no machine of that name.
        CloudError: AWS refuses, or cannot be reached.
    """
    found = [_machine(one, region) for one in _instances(account, region, name, launches, ALIVE)]
    return [one for one in found if is_name(one.name)]


def ended(account: Account, region: str, name: str, launches: Collection[str]) -> set[str]:
    """Those of some launches whose machine came about and has ended; known for about an hour.

    Raises:
        UsageError: there can be no machine of that name.
        CloudError: AWS refuses, or cannot be reached.
    """
    found = _instances(account, region, name, launches, ("terminated",))
    return {_machine(one, region).launch for one in found}


def machine(account: Account, region: str, name: str) -> Machine:
    """The machine of a name, usable.

    Raises:
        UsageError: there can be no machine of that name.
        CloudError: there is none, or it is ending.
    """
    found = [one for one in machines(account, region, name) if one.state in USABLE]
    if not found:
        raise CloudError(
            f"there is no machine {name} in {region}; `lapel cloud ec2 list --all-regions` shows "
            "all, `lapel cloud ec2 up` rents one"
        )
    return found[0]


def owned(name: str | None, launches: Collection[str] | None = None) -> list[dict[str, Any]]:
    """EC2's filters for what belongs to a machine, or to any of ours; perhaps of some launches.

    Raises:
        UsageError: there can be no machine of that name. In a filter, ``*`` would mean all.
    """
    owner = "*" if name is None else checked_machine_name(name)
    filters: list[dict[str, Any]] = [{"Name": f"tag:{TAG}", "Values": [OWNER + owner]}]
    if launches is not None:
        filters.append({"Name": f"tag:{LAUNCH}", "Values": sorted(launches)})
    return filters


def _instances(
    account: Account,
    region: str,
    name: str | None,
    launches: Collection[str] | None,
    states: Collection[str],
) -> Iterator[Mapping[str, Any]]:
    filters = [*owned(name, launches), {"Name": "instance-state-name", "Values": list(states)}]
    pretended = _pretended(region, name)
    for answer in account.every("ec2", "DescribeInstances", pretended, Filters=filters):
        for reservation in answer.get("Reservations", []):
            yield from reservation["Instances"]


def _machine(instance: Mapping[str, Any], region: str) -> Machine:
    tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}
    until, price = tags.get("lapel:until"), tags.get("lapel:price")
    return Machine(
        name=tags.get(TAG, "").removeprefix(OWNER),
        region=region,
        instance=instance["InstanceId"],
        kind=instance.get("InstanceType", ""),
        state=instance["State"]["Name"],
        spot=instance.get("InstanceLifecycle") == "spot",
        address=instance.get("PublicDnsName") or instance.get("PublicIpAddress") or "",
        user=tags.get("lapel:user", "ubuntu"),
        bucket=tags.get("lapel:bucket", ""),
        launched=instance["LaunchTime"],
        until=datetime.fromisoformat(until) if until else None,
        price=float(price) if price else None,
        disk=int(tags.get("lapel:disk", "0")),
        launch=tags.get(LAUNCH, ""),
    )


def _pretended(region: str, name: str | None) -> dict[str, Any]:
    """What a dry run goes on with: one machine, so that what would be done to it is shown."""
    instance = {
        "InstanceId": "i-00000000000000000",
        "InstanceType": "g6.xlarge",
        "State": {"Name": "running"},
        "PublicDnsName": f"machine.{region}.compute.amazonaws.com",
        "LaunchTime": datetime.now(UTC),
        "Tags": [{"Key": TAG, "Value": f"{OWNER}{name or 'name'}"}],
    }
    return {"Reservations": [{"Instances": [instance]}]}
