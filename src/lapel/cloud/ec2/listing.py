"""What is rented, and what it has cost so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from lapel.cloud import prices
from lapel.cloud.aws import Account
from lapel.cloud.ec2.inventory import Belongings, inventory
from lapel.cloud.ec2.machines import Machine
from lapel.cloud.prices import Price

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


def price_of(machine: Machine, *, own_price: float | None = None) -> Price | None:
    """What an hour of a machine costs: as given, as known when it was rented, or of the table."""
    if own_price is not None:
        return prices.own(own_price)
    if machine.price is not None:
        return Price(amount=machine.price, unit="hour", origin="as known when it was rented")
    return None if machine.spot else prices.hourly("ec2", machine.kind, machine.region)


def hours_up(machine: Machine, now: datetime) -> float:
    """Hours since a machine was started."""
    return max(0.0, (now - machine.launched).total_seconds() / 3600)


def cost(machine: Machine, now: datetime, *, own_price: float | None = None) -> list[str]:
    """What a machine has cost so far and will cost at most, in lines for a person.

    Disk and address come on top: some cents a day, as ``lapel cloud ec2 up`` says beforehand.
    """
    price, hours = price_of(machine, own_price=own_price), hours_up(machine, now)
    head = f"{machine.name}: {machine.kind} in {machine.region}, {machine.state}, {hours:.1f} hours"
    if price is None:
        return [head, "  its price is not in the shipped table; give it by --price"]
    lines = [head, f"  {price}; so far {prices.dollars(price.amount * hours)}"]
    if machine.until is not None:
        whole = (machine.until - machine.launched).total_seconds() / 3600
        most = prices.dollars(price.amount * whole)
        lines.append(f"  at most {most}: it ends itself by {_moment(machine.until)}")
    return lines


def came_to(machine: Machine, now: datetime) -> str:
    """What a machine that ends now has cost, in a few words."""
    price, hours = price_of(machine), hours_up(machine, now)
    words = f"it was up for {hours:.1f} hours"
    return words if price is None else f"{words}, about {prices.dollars(price.amount * hours)}"


def _row(machine: Machine, now: datetime) -> tuple[str, ...]:
    price, hours = price_of(machine), hours_up(machine, now)
    return (
        machine.name,
        machine.region,
        machine.state,
        f"{machine.kind} spot" if machine.spot else machine.kind,
        f"{hours:.1f} h",
        "unknown" if price is None else prices.dollars(price.amount * hours),
        _moment(machine.until) if machine.until else "",
        machine.address,
    )


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
