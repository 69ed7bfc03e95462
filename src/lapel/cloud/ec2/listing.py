"""What is rented, and what it has cost so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from lapel.cloud import prices
from lapel.cloud.aws import Account
from lapel.cloud.ec2.costs import hours_up, so_far
from lapel.cloud.ec2.inventory import Belongings, inventory
from lapel.cloud.ec2.machines import Machine

#: Regions that are asked at the same time.
AT_ONCE = 8

#: Columns of a list of machines.
COLUMNS = ("name", "region", "state", "kind", "up", "so far", "ends itself", "address")


def regions(account: Account) -> list[str]:
    """Every region that the account may use.

    Raises:
        CloudError: AWS refuses, or cannot be reached.
    """
    answer = account.ask("ec2", "DescribeRegions", {"Regions": [{"RegionName": account.where()}]})
    return sorted(one["RegionName"] for one in answer["Regions"])


def everywhere(
    account: Account, in_regions: Sequence[str], name: str | None = None
) -> dict[tuple[str, str], Belongings]:
    """What belongs to our machines, by region and name.

    Raises:
        CloudError: AWS refuses, or cannot be reached.
    """

    def look(region: str) -> dict[str, Belongings]:
        return inventory(account.elsewhere(region), region, name)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = zip(in_regions, pool.map(look, in_regions), strict=True)
        return {(region, owner): one for region, owners in found for owner, one in owners.items()}


def rows(found: Mapping[tuple[str, str], Belongings], now: datetime) -> list[tuple[str, ...]]:
    """A row for each machine, and for each ended one that left something, as of ``COLUMNS``."""
    lines: list[tuple[str, ...]] = []
    for (region, name), belongings in sorted(found.items()):
        lines += [_row(machine, now) for machine in belongings.machines]
        if not belongings.machines:
            left = ", ".join(belongings.leftovers())
            lines.append((name, region, f"ended; left: {left}", "", "", "", "", ""))
    return lines


def _row(machine: Machine, now: datetime) -> tuple[str, ...]:
    paid = so_far(machine, now)
    return (
        machine.name,
        machine.region,
        machine.state,
        f"{machine.kind} spot" if machine.spot else machine.kind,
        f"{hours_up(machine, now):.1f} h",
        "unknown" if paid is None else prices.dollars(paid),
        f"{machine.until:%Y-%m-%d %H:%M} UTC" if machine.until else "",
        machine.address,
    )
