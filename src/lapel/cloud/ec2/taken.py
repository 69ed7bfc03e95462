"""Whether a machine's name is free, and what becomes of things that an ended one left."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from lapel.cloud.aws import Account
from lapel.cloud.ec2.inventory import Belongings, inventory
from lapel.cloud.ec2.machines import ended
from lapel.cloud.ec2.plan import Plan
from lapel.cloud.ec2.teardown import take_down
from lapel.schema.errors import UsageError

#: Seconds in which things without a machine may be those of a launch that is under way: it waits
#: 90 s at most after each of three steps until AWS knows everywhere of what it has made.
UNDER_WAY = 600.0


def refuse_taken(account: Account, plan: Plan) -> set[str]:
    """Refuse a name that is in use.

    Returns:
        Tokens of launches whose machines have ended and left something.

    Raises:
        UsageError: there is a machine of this name, or somebody is renting one just now.
        CloudError: AWS refuses, or cannot be reached.
    """
    there = inventory(account, plan.region, plan.name).get(plan.name)
    named = f"{plan.name} --region {plan.region}"
    if account.dry_run or not there:
        return set()
    if there.machines:
        one = there.machines[0]
        raise UsageError(
            f"there is a machine {plan.name} in {plan.region} ({one.instance}, {one.state}); use "
            f"it, end it by `lapel cloud ec2 down {named}`, or choose another name"
        )
    began = _under_way(account, plan, there)
    if began is not None:
        raise UsageError(
            f"a launch of {plan.name} in {plan.region} began at {began:%H:%M:%S} UTC and has no "
            f"machine yet: wait for it; if it was killed, `lapel cloud ec2 down {named}` "
            "removes what it made; or choose another name"
        )
    return set(there.launches)


def free_name(account: Account, plan: Plan, say: Callable[[str], None]) -> None:
    """Refuse a name that is in use; remove what an ended machine of that name left.

    Raises:
        UsageError: as :func:`refuse_taken`.
        CloudError: AWS refuses, or cannot be reached.
    """
    if left := refuse_taken(account, plan):
        # What was seen and no more: another launch may begin at this very moment.
        take_down(account, plan.region, plan.name, launches=left)
        say(f"removed what an ended machine {plan.name} had left")


def _under_way(account: Account, plan: Plan, there: Belongings) -> datetime | None:
    """When the youngest launch began that may still be under way."""
    now = datetime.now(UTC)
    young = {
        token: began
        for token, began in there.launches.items()
        if abs((now - began).total_seconds()) < UNDER_WAY  # clocks of computers differ
    }
    if not young:
        return None
    over = ended(account, plan.region, plan.name, set(young))
    return max((began for token, began in young.items() if token not in over), default=None)
