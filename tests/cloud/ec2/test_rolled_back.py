"""A launch that fails at any step, or is interrupted, leaves nothing."""

from __future__ import annotations

import base64
import errno
import io
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from emulated_account import client
from rights_needed import missing

from lapel.cloud.aws import Account, Call, RefusedError, refused
from lapel.cloud.ec2.keys import machine_folder
from lapel.cloud.ec2.launch import launch
from lapel.cloud.ec2.machines import machine
from lapel.cloud.ec2.offer import Offer, look
from lapel.cloud.ec2.plan import Plan
from lapel.cloud.ec2.teardown import take_down
from lapel.schema.errors import CloudError, UsageError

Plans = Callable[..., Plan]
Belongings = Callable[[], dict[str, list[str]]]

REGION = "eu-central-1"

STEPS = (
    "ImportKeyPair",
    "CreateSecurityGroup",
    "AuthorizeSecurityGroupIngress",
    "CreateRole",
    "PutRolePolicy",
    "CreateInstanceProfile",
    "AddRoleToInstanceProfile",
    "RunInstances",
)


def error_of(operation: str, code: str) -> RefusedError:
    call = Call(service="ec2", operation=operation, request={}, changes=True)
    return refused(call, ClientError({"Error": {"Code": code, "Message": "not here"}}, operation))


class FailingAccount(Account):
    """Fails at one step: before AWS has heard of it, or after, with the answer lost."""

    step: str
    fault: BaseException
    heard: bool
    faults: int

    def do(
        self, service: str, operation: str, instead: Mapping[str, Any], **request: Any
    ) -> dict[str, Any]:
        if operation == self.step and self.faults:
            self.faults -= 1
            if self.heard:
                super().do(service, operation, instead, **request)
            raise self.fault
        return super().do(service, operation, instead, **request)


def failing(
    step: str, fault: BaseException, *, heard: bool = False, faults: int = 1
) -> FailingAccount:
    account = FailingAccount()
    account.step, account.fault, account.heard, account.faults = step, fault, heard, faults
    return account


@pytest.mark.parametrize(
    ("step", "heard"), [*((step, True) for step in STEPS), (STEPS[0], False), (STEPS[-1], False)]
)
def test_a_step_that_fails_takes_everything_with_it(
    offer: Offer, belongings: Belongings, step: str, heard: bool
) -> None:
    account = failing(step, CloudError("the line is cut"), heard=heard)
    with pytest.raises(CloudError, match="the line is cut"):
        launch(account, offer)
    assert belongings() == {}


class CutOffAccount(Account):
    """From a step on, nothing of AWS answers any more."""

    step: str

    def _call(self, call: Call, instead: Mapping[str, Any]) -> dict[str, Any]:
        if call.operation == self.step:
            self.step = ""
        if self.step == "":
            raise CloudError("the line is cut")
        return super()._call(call, instead)


def test_what_a_cut_line_leaves_is_found_later_from_anywhere(
    offer: Offer, belongings: Belongings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    account = CutOffAccount()
    account.step = "RunInstances"
    with pytest.raises(CloudError, match=r"removing what was made failed too: .*run `lapel cloud"):
        launch(account, offer)
    left = belongings()
    assert set(left) == {"groups", "keys", "roles", "profiles"}
    # It may as well be a launch that is under way: only a person knows.
    with pytest.raises(
        UsageError,
        match=r"has no machine yet.* `lapel cloud ec2 down trainer --region eu-central-1`",
    ):
        launch(Account(), offer)
    assert belongings() == left
    monkeypatch.setenv("LAPEL_STATE", str(tmp_path / "another computer"))
    take_down(Account(), REGION, "trainer")
    assert belongings() == {}


def test_what_an_old_launch_left_is_removed(
    offer: Offer, belongings: Belongings, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = CutOffAccount()
    account.step = "RunInstances"
    with pytest.raises(CloudError, match="the line is cut"):
        launch(account, offer)
    monkeypatch.setattr("lapel.cloud.ec2.taken.UNDER_WAY", 0.0)
    said: list[str] = []
    assert launch(Account(), offer, say=said.append) is not None
    assert said[0] == "removed what an ended machine trainer had left"
    assert {what: len(found) for what, found in belongings().items()}["roles"] == 1
    take_down(Account(), REGION, "trainer")


class Overtaken(Account):
    """At a step, something else happens first."""

    step: str
    first: Callable[[], object]

    def _call(self, call: Call, instead: Mapping[str, Any]) -> dict[str, Any]:
        if call.operation == self.step:
            self.step = ""
            self.first()
        return super()._call(call, instead)


def overtaken(step: str, first: Callable[[], object]) -> Overtaken:
    account = Overtaken()
    account.step, account.first = step, first
    return account


def kept_keys_are_of(instance: str) -> bool:
    """Whether the host key that is kept here is the one that the machine was given."""
    user_data = client("ec2").describe_instance_attribute(InstanceId=instance, Attribute="userData")
    script = base64.b64decode(user_data["UserData"]["Value"]).decode()
    known = machine_folder(REGION, "trainer").known_hosts.read_text(encoding="utf-8")
    return known.split()[2] in script


def test_of_two_launches_at_once_the_second_leaves_the_first_alone(
    offer: Offer, belongings: Belongings
) -> None:
    second = overtaken("ImportKeyPair", lambda: launch(Account(), offer))
    with pytest.raises(UsageError, match="another launch of trainer is under way"):
        launch(second, offer)
    (instance,) = belongings()["machines"]
    assert kept_keys_are_of(instance)
    take_down(Account(), REGION, "trainer")


def test_a_launch_that_waits_for_aws_is_not_taken_for_an_ended_machine(
    offer: Offer, belongings: Belongings
) -> None:
    def launch_the_same() -> None:
        before = belongings()
        with pytest.raises(UsageError, match=r"a launch of trainer .* has no machine yet: wait"):
            launch(Account(), offer)
        assert belongings() == before

    first = launch(overtaken("RunInstances", launch_the_same), offer)
    assert first is not None
    assert belongings()["machines"] == [first.instance]
    take_down(Account(), REGION, "trainer")


def test_a_launch_that_fails_leaves_what_another_made_in_between(
    offer: Offer, belongings: Belongings
) -> None:
    def begin_anew() -> None:  # as from another computer, where somebody has lost patience
        take_down(Account(), REGION, "trainer")
        launch(Account(), offer)
        raise CloudError("the line is cut")

    with pytest.raises(CloudError, match="the line is cut"):
        launch(overtaken("RunInstances", begin_anew), offer)
    left = belongings()
    assert set(left) >= {"machines", "groups", "keys", "roles", "profiles"}
    stands = machine(Account(), REGION, "trainer")
    assert left["machines"] == [stands.instance]
    assert kept_keys_are_of(stands.instance)
    take_down(Account(), REGION, "trainer")
    assert belongings() == {}


class ClosedTerminal(io.StringIO):
    """What is written to it reaches nobody; and the shell says once more that it was closed."""

    def write(self, _text: str) -> int:
        os.kill(os.getpid(), signal.SIGHUP)
        raise OSError(errno.EIO, "Input/output error")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_launch_that_is_ended_leaves_nothing_even_if_nobody_hears_of_it(
    offer: Offer, belongings: Belongings, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def end() -> None:
        monkeypatch.setattr(sys, "stderr", ClosedTerminal())
        os.kill(os.getpid(), number)

    account = overtaken("AddRoleToInstanceProfile", end)
    with pytest.raises(KeyboardInterrupt):
        launch(account, offer, say=lambda text: print(text, file=sys.stderr))
    assert belongings() == {}


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("VcpuLimitExceeded", "Service Quotas"),
        ("UnauthorizedOperation", "lapel cloud policy"),
        ("InsufficientInstanceCapacity", "try another --kind or --region"),
    ],
)
def test_a_refusal_says_what_to_do(
    offer: Offer, belongings: Belongings, code: str, advice: str
) -> None:
    account = failing("RunInstances", error_of("RunInstances", code), faults=99)
    with pytest.raises(CloudError, match=advice):
        launch(account, offer)
    assert belongings() == {}


def test_a_zone_without_machines_is_passed_over(offer: Offer) -> None:
    account = failing("RunInstances", error_of("RunInstances", "InsufficientInstanceCapacity"))
    said: list[str] = []
    rented = launch(account, offer, say=said.append)
    assert rented is not None
    zone = client("ec2").describe_instances(InstanceIds=[rented.instance])
    stands = zone["Reservations"][0]["Instances"][0]["Placement"]["AvailabilityZone"]
    assert stands == offer.places[1].zone
    assert any("trying the next zone" in line for line in said)
    take_down(Account(), REGION, "trainer")


def test_what_will_not_go_is_named(offer: Offer) -> None:
    launch(Account(), offer)
    held = failing("DeleteSecurityGroup", error_of("x", "DependencyViolation"), faults=99)
    with pytest.raises(
        CloudError, match=r"left are .*security group sg-\w+.*; run `lapel cloud ec2"
    ):
        take_down(held, REGION, "trainer", patience=1.0)
    assert take_down(Account(), REGION, "trainer").groups


@pytest.mark.usefixtures("lasting_account")
def test_every_call_is_within_the_rights_that_the_documentation_asks_for(plans: Plans) -> None:
    account = Account()
    launch(account, look(account, plans(spot=True)))
    take_down(account, REGION, "trainer")
    assert missing("ec2", account.calls) == set()
    assert {call.operation for call in account.calls if call.changes} >= set(STEPS)
