"""Renting a machine: it comes about whole, or nothing of it stays."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from lapel.cloud.aws import Account, RefusedError
from lapel.cloud.ec2 import requests
from lapel.cloud.ec2.inventory import inventory
from lapel.cloud.ec2.keys import KeyPair, machine_folder, new_key
from lapel.cloud.ec2.machines import Machine, machines
from lapel.cloud.ec2.offer import Offer
from lapel.cloud.ec2.plan import Plan
from lapel.cloud.ec2.teardown import POLICY, take_down
from lapel.cloud.ec2.user_data import MachineFacts, user_data
from lapel.schema.errors import CloudError, LapelError, UsageError

#: Seconds until a machine runs, and until AWS knows a role that was just made.
STARTING, SPREADING = 300.0, 90.0
#: Stands for keys in a dry run, which makes none.
UNMADE = KeyPair(private="(made when it is rented)", public="ssh-ed25519 (made when it is rented)")
#: Refusals after which another zone may still have a machine.
FULL = ("InsufficientInstanceCapacity", "Unsupported", "SpotMaxPriceTooLow")
#: EC2's word for a security group whose name is in use: who makes it first has the name.
TAKEN = "InvalidGroup.Duplicate"
#: Refusals that may come of AWS not having heard everywhere of what was just made.
UNKNOWN = ("InvalidGroup.NotFound", "InvalidKeyPair.NotFound", "NoSuchEntity")
QUOTA = (
    "an account begins with no or few machines of this kind: ask for more in AWS's console under "
    "Service Quotas, Amazon EC2, 'Running On-Demand G and VT instances' or 'All G and VT Spot "
    "Instance Requests' (in virtual cores)"
)
ADVICE = {
    "VcpuLimitExceeded": QUOTA,
    "MaxSpotInstanceCountExceeded": QUOTA,
    "InsufficientInstanceCapacity": "AWS has none left: try another --kind or --region, or later",
}


def launch(
    account: Account,
    offer: Offer,
    *,
    public_key: str | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Machine | None:
    """Rent a machine and wait until it runs.

    Args:
        account: that pays.
        offer: what to rent, as :func:`lapel.cloud.ec2.offer.look` found it.
        public_key: of a key that the user has; none: one is made for this machine alone.
        say: told what is done and waited for.

    Returns:
        The machine; None in a dry run.

    Raises:
        UsageError: there is a machine of this name.
        CloudError: it did not come about; everything that was made for it was removed again.
    """
    plan = offer.plan
    refuse_taken(account, plan, say)
    try:
        return _rent(account, offer, public_key, say)
    except BaseException as error:  # whatever it was, what was made must go
        if isinstance(error, RefusedError) and error.code == TAKEN:
            # Not ours to remove: the group is made first, so nothing else was made here.
            raise UsageError(
                f"there is a security group {requests.belongings(plan)} already: another launch of "
                f"{plan.name} is under way, or somebody else made it; choose another name"
            ) from error
        if not account.dry_run:
            _roll_back(account, plan, error, say)
        if isinstance(error, RefusedError) and error.code in ADVICE:
            raise CloudError(f"{error}; {ADVICE[error.code]}") from error
        raise


def refuse_taken(account: Account, plan: Plan, say: Callable[[str], None]) -> None:
    """Refuse a name that is in use; remove what an ended machine of that name left.

    Raises:
        UsageError: there is a machine of this name.
        CloudError: AWS refuses, or cannot be reached.
    """
    there = inventory(account, plan.region, plan.name).get(plan.name)
    if account.dry_run or not there:
        return
    if there.machines:
        one = there.machines[0]
        raise UsageError(
            f"there is a machine {plan.name} in {plan.region} ({one.instance}, {one.state}); use "
            f"it, end it by `lapel cloud ec2 down {plan.name}`, or choose another name"
        )
    take_down(account, plan.region, plan.name)
    say(f"removed what an ended machine {plan.name} had left")


def _rent(
    account: Account, offer: Offer, public_key: str | None, say: Callable[[str], None]
) -> Machine | None:
    plan = offer.plan
    # The group first: who makes it has the name, and with it the folder of keys here.
    group = _make_group(account, plan, offer.places[0].network)
    host, login = (UNMADE, UNMADE.public) if account.dry_run else _keys(plan, public_key)
    if plan.bucket and not plan.instance_profile:
        _make_profile(account, plan)
    account.do(
        "ec2",
        "ImportKeyPair",
        {},
        KeyName=requests.belongings(plan),
        PublicKeyMaterial=login.encode(),
        TagSpecifications=[{"ResourceType": "key-pair", "Tags": requests.tags(plan)}],
    )
    instance = _run(account, offer, group, first_start(plan, host), say)
    if account.dry_run:
        return None
    say(f"{instance} is starting")
    return _running(account, plan, instance)


def first_start(plan: Plan, host: KeyPair) -> str:
    """The user data of a plan's machine, which makes it known by its host key."""
    facts = MachineFacts(
        name=plan.name,
        user=plan.user,
        region=plan.region,
        host_key=host.private,
        host_key_public=host.public,
        install=plan.install,
        hours=plan.hours,
        idle_minutes=plan.idle_minutes,
        spot=plan.spot,
        bucket=plan.bucket,
    )
    return user_data(facts)


def _keys(plan: Plan, public_key: str | None) -> tuple[KeyPair, str]:
    """The machine's host key, and the public half of what signs in; kept in its folder here."""
    host = new_key(f"host key of {plan.name}")
    login = None if public_key else new_key(f"lapel {plan.name}")
    machine_folder(plan.region, plan.name).keep(host=host, login=login)
    return host, public_key or (login.public if login else "")


def _make_group(account: Account, plan: Plan, network: str) -> str:
    body = requests.security_group(plan, network)
    pretended = {"GroupId": "sg-00000000000000000"}
    group = str(account.do("ec2", "CreateSecurityGroup", pretended, **body)["GroupId"])
    rules = requests.ssh_from(plan.open_to)
    rule = {"GroupId": group, "IpPermissions": rules}
    _once_known(account, "ec2", "AuthorizeSecurityGroupIngress", {}, rule)
    return group


def _make_profile(account: Account, plan: Plan) -> None:
    """A role that may use one bucket, and the profile that hands it to the machine."""
    name, tags = requests.role_name(plan.region, plan.name), requests.tags(plan)
    account.do(
        "iam",
        "CreateRole",
        {},
        RoleName=name,
        Path=requests.PATH,
        AssumeRolePolicyDocument=requests.trust(),
        Tags=tags,
    )
    rights = requests.bucket_rights(str(plan.bucket), plan.region)
    account.do("iam", "PutRolePolicy", {}, RoleName=name, PolicyName=POLICY, PolicyDocument=rights)
    account.do(
        "iam",
        "CreateInstanceProfile",
        {},
        InstanceProfileName=name,
        Path=requests.PATH,
        Tags=tags,
    )
    joined = {"InstanceProfileName": name, "RoleName": name}
    _once_known(account, "iam", "AddRoleToInstanceProfile", {}, joined)


def _run(
    account: Account, offer: Offer, group: str, script: str, say: Callable[[str], None]
) -> str:
    """Start it in the first zone that has one."""
    amount = None if offer.price is None else offer.price.amount
    tagged = requests.instance_tags(offer.plan, price=amount, now=datetime.now(UTC))
    fitting = [one for one in offer.places if one.network == offer.places[0].network]
    for place in fitting:
        body = requests.instance(
            offer.plan,
            image=offer.image.name,
            root_device=offer.image.root_device,
            group=group,
            subnet=place.subnet,
            user_data=script,
            tagged=tagged,
            token=secrets.token_hex(16),
        )
        try:
            pretended = {"Instances": [{"InstanceId": "i-00000000000000000"}]}
            answer = _once_known(account, "ec2", "RunInstances", pretended, body)
            return str(answer["Instances"][0]["InstanceId"])
        except RefusedError as error:
            if error.code not in FULL or place is fitting[-1]:
                raise
            say(f"{place.zone} has no {offer.plan.kind} left; trying the next zone")
    raise CloudError("there is no zone to start a machine in")


def _once_known(
    account: Account,
    service: str,
    operation: str,
    instead: Mapping[str, Any],
    request: Mapping[str, Any],
) -> dict[str, Any]:
    """A call about things that were just made: asked again while AWS does not know them everywhere.

    https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html
    """
    began = time.monotonic()
    while True:
        try:
            return account.do(service, operation, instead, **request)
        except RefusedError as error:
            unknown = error.code in UNKNOWN or (
                error.code == "InvalidParameterValue" and "nstance Profile" in str(error)
            )
            if not unknown or time.monotonic() - began > SPREADING:
                raise
        time.sleep(3)


def _running(account: Account, plan: Plan, instance: str) -> Machine:
    """Wait until it runs.

    Raises:
        CloudError: it ended at once, or does not start.
    """
    began, pause = time.monotonic(), 0.25
    while time.monotonic() - began < STARTING:
        found = [
            one for one in machines(account, plan.region, plan.name) if one.instance == instance
        ]
        if found and found[0].state == "running" and found[0].address:
            return found[0]
        if not found and time.monotonic() - began > SPREADING:
            break
        time.sleep(pause)
        pause = min(2 * pause, 5.0)
    raise CloudError(f"{instance} did not start within {time.monotonic() - began:.0f} s")


def _roll_back(
    account: Account, plan: Plan, error: BaseException, say: Callable[[str], None]
) -> None:
    say("it did not come about; removing what was made for it")
    try:
        take_down(account, plan.region, plan.name)
    except LapelError as second:
        raise CloudError(
            f"{error}; removing what was made failed too: {second}; "
            f"run `lapel cloud ec2 down {plan.name} --region {plan.region}` when AWS answers again"
        ) from error
