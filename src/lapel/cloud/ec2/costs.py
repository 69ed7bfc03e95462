"""What a machine costs: itself, its disk and its public address."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from lapel.cloud import prices
from lapel.cloud.ec2.machines import Machine
from lapel.cloud.prices import Price

#: As AWS reckons.
HOURS_A_MONTH = 730


def besides(disk: int, region: str) -> tuple[list[tuple[str, Price]], list[str]]:
    """What comes with a machine and is paid for by the hour.

    Args:
        disk: GB; 0: as many as the image wants.
        region: such as ``eu-central-1``.

    Returns:
        Each thing with its price; and those whose price nobody knows here.
    """
    known: list[tuple[str, Price]] = []
    unknown: list[str] = []
    month = prices.stored("ebs", "gp3", region)
    if disk and month is not None:
        share = replace(month, amount=month.amount * disk / HOURS_A_MONTH, unit="hour")
        known.append((f"its disk of {disk} GB", share))
    else:
        unknown.append("its disk")
    address = prices.hourly("address", "ipv4", region)
    if address is not None:
        known.append(("its public address", address))
    else:
        unknown.append("its public address")
    return known, unknown


def on_top(unknown: list[str]) -> list[str]:
    """What no sum holds, in a line; none where it holds all."""
    if not unknown:
        return []
    return [f"{' and '.join(unknown)} on top: some cents a day, not counted here"]


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


def so_far(machine: Machine, now: datetime) -> float | None:
    """US dollars that a machine has cost, with disk and address; None where that is unknown."""
    price = price_of(machine)
    return None if price is None else _whole(machine, price) * hours_up(machine, now)


def cost(machine: Machine, now: datetime, *, own_price: float | None = None) -> list[str]:
    """What a machine has cost so far and will cost at most, in lines for a person."""
    price, hours = price_of(machine, own_price=own_price), hours_up(machine, now)
    head = f"{machine.name}: {machine.kind} in {machine.region}, {machine.state}, {hours:.1f} hours"
    if price is None:
        return [head, "  its price is not in the shipped table; give it by --price"]
    known, unknown = besides(machine.disk, machine.region)
    lines = [head, f"  {price}", *(f"  {thing}: {each}" for thing, each in known)]
    each_hour = _whole(machine, price)
    lines.append(f"  so far {prices.dollars(each_hour * hours)}")
    if machine.until is not None:
        whole = (machine.until - machine.launched).total_seconds() / 3600
        # What spare capacity costs may change within the day.
        most = f"{'about' if machine.spot else 'at most'} {prices.dollars(each_hour * whole)}"
        lines.append(f"  {most}: it ends itself by {machine.until:%Y-%m-%d %H:%M} UTC")
    return lines + [f"  {line}" for line in on_top(unknown)]


def came_to(machine: Machine, now: datetime) -> str:
    """What a machine that ends now has cost, in a few words."""
    paid, words = so_far(machine, now), f"it was up for {hours_up(machine, now):.1f} hours"
    return words if paid is None else f"{words}: {prices.dollars(paid)}"


def _whole(machine: Machine, price: Price) -> float:
    """US dollars an hour, as far as they are known."""
    known, _ = besides(machine.disk, machine.region)
    return price.amount + sum(each.amount for _, each in known)
