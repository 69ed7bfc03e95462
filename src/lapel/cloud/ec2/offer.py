"""What renting a machine would come to: looked up before anything is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from lapel.cloud import prices
from lapel.cloud.aws import Account
from lapel.cloud.bucket_presence import region_of_bucket
from lapel.cloud.ec2.costs import besides, on_top
from lapel.cloud.ec2.images import Image, Kind, find_image, find_kind
from lapel.cloud.ec2.network import Place, places
from lapel.cloud.ec2.plan import DEEP_LEARNING_IMAGE, Plan
from lapel.cloud.ec2.taken import refuse_taken
from lapel.cloud.old_gpus import refuse_old_gpu
from lapel.cloud.prices import Price


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A plan, and what AWS has for it.

    Attributes:
        plan: what was asked for.
        kind: of machine.
        image: that it starts from.
        places: where it may stand, the cheapest first.
        price: of an hour; None where it is unknown.
        bucket_region: where its bucket lies; None where that is unknown.
    """

    plan: Plan
    kind: Kind
    image: Image
    places: tuple[Place, ...]
    price: Price | None
    bucket_region: str | None = None

    def cost(self) -> list[str]:
        """What it costs at most, in lines that a person reads before agreeing."""
        plan = self.plan
        what = f"{self.kind}{', spot,' if plan.spot else ''} in {plan.region}"
        lines = prices.estimate(what, self.price, units=plan.hours)
        known, unknown = besides(plan.disk, plan.region)
        for thing, each in known:
            lines += prices.estimate(thing, each, units=plan.hours)
        if self.price is not None:
            whole = self.price.amount + sum(each.amount for _, each in known)
            time = prices.number_of(plan.hours, "hour")
            lines.append(f"together for {time}: {prices.dollars(whole * plan.hours)}")
        lines += on_top(unknown)
        if self.bucket_region not in (None, plan.region):
            lines.append(
                f"s3://{plan.bucket} lies in {self.bucket_region}: AWS charges for each GB between "
                f"there and {plan.region}, not counted here"
            )
        idle = prices.number_of(plan.idle_minutes, "minute")
        lines.append(
            f"it ends itself after {prices.number_of(plan.hours, 'hour')}"
            + (f", or {idle} without work" if plan.idle_minutes else "")
        )
        return lines


def look(
    account: Account,
    plan: Plan,
    *,
    own_price: float | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Offer:
    """Find out what AWS has for a plan; makes and changes nothing.

    Args:
        account: that would pay.
        plan: what is wanted.
        own_price: US dollars an hour, instead of the table's or EC2's.
        say: told of a bucket that may not be looked into; the machine may use it all the same.

    Raises:
        UsageError: AWS has no such thing, the machine's name is in use, its bucket is not there,
            or its GPU is too old for the usual image.
        CloudError: AWS refuses, or cannot be reached.
    """
    if plan.image == DEEP_LEARNING_IMAGE:
        refuse_old_gpu(plan.kind, "name an image with an older driver by --image")
    refuse_taken(account, plan)
    # The rights of a profile that an administrator made are not those of who rents.
    looked_for = None if plan.instance_profile else plan.bucket
    bucket_region = region_of_bucket(account, looked_for, unsure=say) if looked_for else None
    kind = find_kind(account, plan)
    image = find_image(account, plan, kind)
    found = places(account, plan)
    price = prices.hourly("ec2", plan.kind, plan.region)
    if plan.spot:
        by_zone = spot_prices(account, plan)
        found.sort(key=lambda place: by_zone.get(place.zone, float("inf")))
        price = _spot_price(by_zone, found[0].zone) or _as_ceiling(price)
    if own_price is not None:
        price = prices.own(own_price)
    return Offer(
        plan=plan,
        kind=kind,
        image=image,
        places=tuple(found),
        price=price,
        bucket_region=bucket_region,
    )


def spot_prices(account: Account, plan: Plan) -> dict[str, float]:
    """What an hour of spare capacity costs now, in US dollars, by zone.

    Raises:
        CloudError: AWS refuses, or cannot be reached.
    """
    pages = account.every(
        "ec2",
        "DescribeSpotPriceHistory",
        {"SpotPriceHistory": []},
        InstanceTypes=[plan.kind],
        ProductDescriptions=["Linux/UNIX"],
        StartTime=datetime.now(UTC),
    )
    newest: dict[str, tuple[datetime, float]] = {}
    for page in pages:
        for one in page["SpotPriceHistory"]:
            zone, moment = one["AvailabilityZone"], one["Timestamp"]
            if zone not in newest or newest[zone][0] < moment:
                newest[zone] = moment, float(one["SpotPrice"])
    return {zone: price for zone, (_, price) in newest.items()}


def _spot_price(by_zone: dict[str, float], zone: str) -> Price | None:
    if zone not in by_zone:
        return None
    return Price(amount=by_zone[zone], unit="hour", origin=f"EC2's spot price in {zone} now")


def _as_ceiling(on_demand: Price | None) -> Price | None:
    """EC2 takes no more for spare capacity than on demand, where no other limit is given."""
    if on_demand is None:
        return None
    return replace(on_demand, origin=f"on demand, which spot does not exceed; {on_demand.origin}")
