"""Renting a machine: it comes about whole, or nothing of it stays."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from lapel.cloud.aws import Account, RefusedError
from lapel.cloud.ec2 import requests
from lapel.cloud.ec2.keys import KeyPair, machine_folder, new_key
from lapel.cloud.ec2.launches import Launch, new_launch
from lapel.cloud.ec2.machines import Machine, machines
from lapel.cloud.ec2.offer import Offer
from lapel.cloud.ec2.plan import Plan
from lapel.cloud.ec2.taken import free_name
from lapel.cloud.ec2.teardown import POLICY, take_down
from lapel.cloud.ec2.user_data import MachineFacts, user_data
from lapel.cloud.interruptions import interrupted_when_ended
from lapel.schema.errors import CloudError, LapelError, UsageError

#: Seconds until a machine runs, and until AWS knows a role that was just made.
STARTING, SPREADING = 300.0, 90.0
#: Stands for keys in a dry run, which makes none.
UNMADE = KeyPair(private="(made when it is rented)", public="ssh-ed25519 (made when it is rented)")
#: Refusals after which another zone may still have a machine.
FULL = ("InsufficientInstanceCapacity", "Unsupported", "SpotMaxPriceTooLow")
#: EC2's words for names that are in use: who makes the key pair first has the machine's name.
TAKEN = ("InvalidKeyPair.Duplicate", "InvalidGroup.Duplicate")
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

    Ended by Ctrl-C, SIGTERM or a terminal that is closed (SIGHUP), it takes back what it made.

    Args:
        account: that pays.
        offer: what to rent, as :func:`lapel.cloud.ec2.offer.look` found it.
        public_key: of a key that the user has; none: one is made for this machine alone.
        say: told what is done and waited for.

    Returns:
        The machine; None in a dry run.

    Raises:
        UsageError: there is a machine of this name, or somebody is renting one just now.
        CloudError: it did not come about; everything that was made for it was removed again.
    """
    plan = offer.plan
    free_name(account, plan, say)
    begun = new_launch(plan, dry_run=account.dry_run)
    with interrupted_when_ended():
        try:
            return _rent(account, offer, begun, public_key, say)
        except BaseException as error:  # whatever it was, what was made must go
            if not account.dry_run:
                _roll_back(account, begun, error, say)
            if isinstance(error, RefusedError) and (told := _explained(error, plan)) is not None:
                raise told from error
            raise


def _explained(error: RefusedError, plan: Plan) -> LapelError | None:
    """A refusal with what to do about it, where that is known."""
    if error.code in TAKEN:
        return UsageError(
            f"{requests.belongings(plan)} is there already: another launch of {plan.name} is under "
            f"way; or somebody else made it: choose another name ({error})"
        )
    return CloudError(f"{error}; {ADVICE[error.code]}") if error.code in ADVICE else None


def _rent(
    account: Account,
    offer: Offer,
    begun: Launch,
    public_key: str | None,
    say: Callable[[str], None],
) -> Machine | None:
    plan = offer.plan
    host = _make_keys(account, begun, public_key)
    group = _make_group(account, begun, offer.places[0].network)
    if plan.bucket and not plan.instance_profile:
        _make_profile(account, begun)
    instance = _run(account, offer, begun, group, first_start(plan, host), say)
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


def _make_keys(account: Account, begun: Launch, public_key: str | None) -> KeyPair:
    """The machine's host key, kept here with what signs in, whose public half EC2 is given.

    The first step, since names of key pairs are unique in a region: who makes it has the machine's
    name, and with it the folder of keys here. Names of security groups are unique in a network.
    """
    plan = begun.plan
    own = public_key is not None or account.dry_run
    host = UNMADE if account.dry_run else new_key(f"host key of {plan.name}")
    login = None if own else new_key(f"lapel {plan.name}")
    account.do(
        "ec2",
        "ImportKeyPair",
        {},
        KeyName=requests.belongings(plan),
        PublicKeyMaterial=(public_key or (login or UNMADE).public).encode(),
        TagSpecifications=[{"ResourceType": "key-pair", "Tags": requests.tags(begun)}],
    )
    if not account.dry_run:
        folder = machine_folder(plan.region, plan.name)
        folder.keep(host=host, login=login, launch=begun.token)
    return host


def _make_group(account: Account, begun: Launch, network: str) -> str:
    body = requests.security_group(begun, network)
    pretended = {"GroupId": "sg-00000000000000000"}
    group = str(account.do("ec2", "CreateSecurityGroup", pretended, **body)["GroupId"])
    rules = requests.ssh_from(begun.plan.open_to)
    rule = {"GroupId": group, "IpPermissions": rules}
    _once_known(account, "ec2", "AuthorizeSecurityGroupIngress", {}, rule)
    return group


def _make_profile(account: Account, begun: Launch) -> None:
    """A role that may use one bucket, and the profile that hands it to the machine."""
    plan, tags = begun.plan, requests.tags(begun)
    name = requests.role_name(plan.region, plan.name, begun.token)
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
    account: Account,
    offer: Offer,
    begun: Launch,
    group: str,
    script: str,
    say: Callable[[str], None],
) -> str:
    """Start it in the first zone that has one."""
    amount = None if offer.price is None else offer.price.amount
    tagged = requests.instance_tags(begun, price=amount, now=datetime.now(UTC))
    fitting = [one for one in offer.places if one.network == offer.places[0].network]
    for place in fitting:
        body = requests.instance(
            begun,
            image=offer.image.name,
            root_device=offer.image.root_device,
            group=group,
            subnet=place.subnet,
            user_data=script,
            tagged=tagged,
            client_token=secrets.token_hex(16),
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
    account: Account, begun: Launch, error: BaseException, say: Callable[[str], None]
) -> None:
    """Take back what this launch made, and nothing of another of the same name."""
    plan = begun.plan
    remedy = f"run `lapel cloud ec2 down {plan.name} --region {plan.region}`"
    with suppress(OSError):  # the terminal that it is said to may be gone
        say("it did not come about; removing what was made for it")
    try:
        gone = take_down(account, plan.region, plan.name, launches={begun.token}).names()
        with suppress(OSError):
            say(f"removed: {', '.join(gone)}" if gone else "nothing had been made yet")
    except LapelError as second:
        raise CloudError(
            f"{error}; removing what was made failed too: {second}; {remedy} when AWS answers again"
        ) from error
    except KeyboardInterrupt:  # a second Ctrl-C
        say(f"some of it may be left, and costs money if it is a machine: {remedy}")
        raise
